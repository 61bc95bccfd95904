"""The ten rivals: each can be built; the simple ones choose what they say they do."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.rivals import FIXED, OWN, RIVALS, TURN_S, Simple, rival
from benchmarks.synthetic_city import busy, city, limits_of
from signals.errors import ConfigError
from signals.layout import lay_out
from signals.types import Ints, Observation

NETWORK = city(3)
LIMITS = limits_of(NETWORK)
SEEN = busy(NETWORK, np.random.default_rng(1))


def chosen(name: str, seen: Observation) -> Ints:
    """The phases that one of our own chooses [signal]."""
    planner = OWN[name](NETWORK, LIMITS)
    assert isinstance(planner, Simple)
    return planner.choose(seen, planner.rng)


@pytest.mark.parametrize("name", [name for name in RIVALS if name != FIXED])
def test_every_rival_can_be_built(name: str) -> None:
    assert callable(rival(name, NETWORK, LIMITS).propose)


def test_fixed_has_no_planner() -> None:
    with pytest.raises(ConfigError, match="fixed"):
        rival(FIXED, NETWORK, LIMITS)


@pytest.mark.parametrize(("age_s", "on"), [(0.0, 0), (TURN_S - 11.0, 0), (TURN_S, 1)])
def test_phases_come_in_turn_when_their_time_is_up(age_s: float, on: int) -> None:
    last = np.full(3, 3, dtype=np.int64)
    assert chosen("in_turn", replace(SEEN, phase=last, age_s=np.full(3, age_s))).tolist() == [(3 + on) % 4] * 3


def test_the_longest_queue_is_served_and_without_one_the_phase_stays() -> None:
    lay = lay_out(NETWORK)
    queue_veh = np.zeros(lay.movements)
    queue_veh[lay.movement_start[1] + 5] = 9.0  # left from the second arm: served by the last phase, and by the one before
    phase = np.array([2, 0, 1], dtype=np.int64)
    found = chosen("longest_queue", replace(SEEN, queue_veh=queue_veh, phase=phase))
    assert found.tolist()[::2] == [2, 1]
    assert lay.serves[1, found[1], 5] > 0


def test_chance_repeats_itself_and_takes_every_phase() -> None:
    planner = OWN["chance"](NETWORK, LIMITS)
    assert isinstance(planner, Simple)
    drawn = np.array([planner.choose(SEEN, planner.rng) for _ in range(50)])
    assert set(drawn.ravel().tolist()) == {0, 1, 2, 3}
    np.testing.assert_array_equal(drawn[0], chosen("chance", SEEN))
