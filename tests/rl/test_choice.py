"""How scores become phases, and what a policy may never choose."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rl import features
from rl.choice import Choice, eligible
from rl.observation import Rows
from rl.scorer import Scorer, untrained
from signals.types import Network, Observation

Sees = Callable[..., Observation]


def _rows(excess_s: tuple[float, ...], trapped_veh: tuple[float, ...]) -> Rows:
    rows = np.zeros((2, len(excess_s), features.WIDTH), dtype=np.float32)
    rows[..., features.ALLOWED] = 1.0
    rows[..., features.EXCESS] = np.array(excess_s) / features.EXCESS_S
    rows[..., features.CHEAPEST] = np.array(excess_s) == 0.0
    rows[..., features.TRAPPED] = np.array(trapped_veh) / features.TRAPPED_VEH
    return rows


@pytest.mark.parametrize(
    ("excess_s", "trapped_veh", "expected"),
    [
        ((0.0, 30.0, 90.0), (0.0, 0.0, 0.0), (True, True, True)),
        ((0.0, 5.0, 5.0), (0.0, 2.0, 3.0), (True, False, False)),
        ((0.0, 1.0, 1.0), (0.0, 1.0, 0.0), (True, False, True)),
        ((10.0, 0.0, 20.0), (0.0, 3.0, 0.0), (True, True, True)),  # the lookahead itself finds nothing cheaper
    ],
)
def test_nobody_is_left_standing_in_others_way(
    excess_s: tuple[float, ...], trapped_veh: tuple[float, ...], expected: tuple[bool, ...]
) -> None:
    assert eligible(_rows(excess_s, trapped_veh))[0].tolist() == list(expected)


def test_what_is_not_allowed_now_is_not_eligible() -> None:
    rows = _rows((0.0, 5.0), (0.0, 0.0))
    rows[..., 1, features.ALLOWED] = 0.0
    assert not eligible(rows)[:, 1].any()


def _eager(phase: int) -> Scorer:
    """A scorer that wants what is dear: it scores a phase by its excess alone."""
    plain = untrained(units=4)
    hidden, out = plain.hidden_1.copy(), plain.out.copy()
    hidden[0, features.EXCESS], out[0] = 1.0, 100.0 * phase
    return replace(plain, hidden_1=hidden, hidden_2=np.eye(4, dtype=np.float32), out=out, prior=0.0)


def test_the_highest_score_among_the_eligible_is_chosen(network: Network, sees: Sees) -> None:
    choice = Choice(network, _eager(1))
    assert choice.wanted(_rows((0.0, 30.0), (0.0, 0.0)), sees()).tolist() == [1, 1]
    assert choice.wanted(_rows((0.0, 30.0), (0.0, 2.0)), sees()).tolist() == [0, 0]


def test_a_forced_phase_is_taken_and_the_others_choose(network: Network, sees: Sees) -> None:
    choice = Choice(network, untrained())
    rows = _rows((0.0, 30.0), (0.0, 0.0))
    assert choice.wanted(rows, sees()).tolist() == [0, 0]
    assert choice.wanted(rows, sees(), {1: 1}).tolist() == [0, 1]
