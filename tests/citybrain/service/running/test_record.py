"""A tick's record: what goes in comes out, and nothing else is taken for one."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.service.record import decoded, encoded
from signals.errors import ConfigError
from signals.safety import adopt
from signals.types import Network, Observation, Tick


def tick_of(network: Network) -> tuple[Tick, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """A tick of base plans."""
    n, none = len(network.signals), np.zeros(0)
    seen = Observation(
        33.0, np.arange(n) % 2, np.array([0.5, -3.0, np.nan, 12.0]), none, none, none, none, none, none.astype(np.int64),
        none.astype(np.int64), none, none,
    )  # fmt: skip
    return Tick(33.0, seen, None, adopt(network, 0.0)), np.array([0.0, 3.0, np.nan, 300.0])


def test_a_record_comes_back(grid: Network) -> None:
    tick, queue_veh = tick_of(grid)
    found = decoded(encoded(tick, 2, queue_veh, np.array([True, False, True, False])))
    assert (found.now_s, found.shard) == (33.0, 2)
    assert np.array_equal(found.phase, tick.observed.phase)
    assert np.array_equal(found.age_s, tick.observed.age_s, equal_nan=True)
    assert np.array_equal(found.queue_veh, [0.0, 3.0, np.nan, 254.0], equal_nan=True)
    assert found.green_s.tolist() == [p.plan.stages[0].green_s for p in tick.plans]
    assert found.pushed.tolist() == [True, False, True, False] and found.repeats.all() and not found.refused.any()


def test_a_cut_off_record_is_told(grid: Network) -> None:
    tick, queue_veh = tick_of(grid)
    blob = encoded(tick, 0, queue_veh, np.ones(4, dtype=bool))
    for k in range(len(blob)):
        with pytest.raises(ConfigError, match="journal"):
            decoded(blob[:k])


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_at_all_break_the_reader(blob: bytes) -> None:
    for one in (blob, zlib.compress(blob)):
        with pytest.raises(ConfigError):
            decoded(one)
