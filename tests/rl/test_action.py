"""From scores and actions to wishes."""

from collections.abc import Callable

import numpy as np
import pytest

from rl import features
from rl.action import ACTIONS, Wish, best_phases, resting
from signals.layout import lay_out
from signals.safety import adopt, vet
from signals.types import Network, Observation, SafetyEnvelope

Sees = Callable[..., Observation]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: a.name)
def test_every_action_says_its_axes_its_unit_and_what_it_means(action: object) -> None:
    assert all(getattr(action, field) for field in ("name", "axes", "unit", "about"))


@pytest.mark.parametrize(
    ("scores", "running", "best"),
    [
        ([0.0, 1.0, -1e9], 0, 1),
        ([1.0, 1.0, -1e9], 1, 1),
        ([2.0, 1.0, -1e9], 1, 0),
        ([-1e9, -1e9, -1e9], 2, 2),
    ],
)
def test_the_highest_score_wins_and_a_tie_stays(scores: list[float], running: int, best: int) -> None:
    assert best_phases(np.array([scores], dtype=np.float32), np.array([running])).tolist() == [best]


def test_a_wish_becomes_a_plan_towards_the_wanted_phase_that_safety_accepts(
    network: Network, limits: tuple[SafetyEnvelope, ...], sees: Sees
) -> None:
    wish = Wish(lay_out(network), limits)
    wish.wanted = np.array([1, 0])
    observed, running = sees(), adopt(network, 100.0)
    plans = wish.propose(network, observed, None, running)
    assert [plan.stages[0].phase for plan in plans] == [1, 0]
    assert not any(one.objections for one in vet(plans, running, observed, network, limits))


def test_a_wish_to_leave_too_early_holds_the_running_phase(network: Network, limits: tuple[SafetyEnvelope, ...], sees: Sees) -> None:
    wish = Wish(lay_out(network), limits)
    wish.wanted = np.array([1, 1])
    plans = wish.propose(network, sees(age_s=np.array([2.0, 20.0])), None, adopt(network, 100.0))
    assert [plan.stages[0].phase for plan in plans] == [0, 1]


def test_where_the_lookahead_sees_nothing_to_choose_between_the_lights_rest() -> None:
    rows = np.zeros((2, 3, features.WIDTH), dtype=np.float32)
    rows[1, 2, features.EXCESS] = 0.1
    wanted, phase = np.array([1, 1]), np.array([0, 0])
    assert resting(wanted, phase, rows).tolist() == [0, 1]
