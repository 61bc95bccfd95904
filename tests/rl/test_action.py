"""From choices and scores to wishes."""

from collections.abc import Callable

import numpy as np
import pytest

from rl import features
from rl.action import (
    ACTIONS,
    GREENS_S,
    Action,
    Situation,
    Wish,
    action_of,
    best_phases,
    checked,
    lawful,
    may_choose,
    resting,
)
from signals.errors import ConfigError
from signals.layout import lay_out
from signals.safety import adopt, vet
from signals.types import Network, Observation, SafetyEnvelope

Sees = Callable[..., Observation]
Limits = tuple[SafetyEnvelope, ...]


def _situation(network: Network, limits: Limits, observed: Observation, max_green: bool = False) -> Situation:
    lay = lay_out(network)
    return Situation(observed, lay, may_choose(observed, lay, limits, max_green))


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda a: a.name)
def test_every_action_says_its_axes_its_unit_and_what_it_means(action: Action) -> None:
    assert all(getattr(action, field) for field in ("name", "axes", "unit", "about"))


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda a: a.name)
@pytest.mark.parametrize("age_s", [-2.0, 0.0, 6.0, 7.0, 25.0, 295.0, np.nan])
@pytest.mark.parametrize("max_green", [False, True])
def test_something_is_always_open_and_an_open_choice_is_carried_out(
    network: Network, limits: Limits, sees: Sees, action: Action, age_s: float, max_green: bool
) -> None:
    now = _situation(network, limits, sees(age_s=np.full(2, age_s), phase=np.array([1, 2])), max_green)
    mask, choices = action.mask(now), action.choices(now.layout)
    assert mask.any(axis=1).all()
    for i in range(2):
        assert not mask[i, choices[i] :].any()
        for choice in np.flatnonzero(mask[i]) if mask[i].sum() > 1 else ():
            wanted = action.wanted(np.array([choice, choice]) % choices, now)
            assert lawful(wanted, now)[i] == wanted[i]


def test_before_the_minimum_green_only_the_running_phase_may_go_on(network: Network, limits: Limits, sees: Sees) -> None:
    now = _situation(network, limits, sees(age_s=np.array([6.9, 7.0])))
    assert now.may.tolist() == [[True, False, False], [True, True, True]]
    assert lawful(np.array([1, 2]), now).tolist() == [0, 2]


def test_who_has_waited_too_long_leaves_no_other_choice(network: Network, limits: Limits, sees: Sees) -> None:
    waiting = sees(((1, 5.0, 0.0),), red_s=np.array([0.0, 290.0, 0, 0, 0, 0]))
    now = _situation(network, limits, waiting)
    assert now.may.tolist() == [[False, True, False], [True, True, True]]
    assert lawful(np.array([0, 0]), now).tolist() == [1, 0]


def test_a_maximum_green_ends_where_nobody_waits_only_if_asked_for(network: Network, limits: Limits, sees: Sees) -> None:
    old = sees(age_s=np.array([291.0, 280.0]), phase=np.array([1, 2]))
    assert _situation(network, limits, old).may.tolist() == [[True, True, False], [True, True, True]]
    ended = _situation(network, limits, old, max_green=True)
    assert ended.may.tolist() == [[True, False, False], [True, True, True]]
    assert lawful(np.array([1, 2]), ended).tolist() == [0, 2]


def test_hold_or_next_goes_in_order_and_around(network: Network, limits: Limits, sees: Sees) -> None:
    now = _situation(network, limits, sees(phase=np.array([1, 1])))
    act = ACTIONS["hold_or_next"]
    assert act.wanted(np.array([1, 1]), now).tolist() == [0, 2]
    assert act.wanted(np.array([0, 0]), now).tolist() == [1, 1]


def test_a_green_lasts_as_long_as_was_said_and_then_the_next_phase_comes(network: Network, limits: Limits, sees: Sees) -> None:
    twenty = int(np.flatnonzero(GREENS_S == 20.0)[0])
    act = ACTIONS["green_s"]
    now = _situation(network, limits, sees(age_s=np.array([19.0, 20.0])))
    assert act.wanted(np.array([twenty, twenty]), now).tolist() == [0, 1]


def test_an_action_handed_in_is_taken_and_a_wrong_name_is_answered() -> None:
    assert action_of(ACTIONS["green_s"]) is ACTIONS["green_s"]
    with pytest.raises(ConfigError, match="did you mean 'next_phase'"):
        action_of("nextphase")


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ([0, 3], "action of fork is 3; expected a whole number from 0 to 2"),
        ([-1, 0], "action of cross is -1"),
        ([0.5, 0], "action of cross is"),
        ([0], "one a signal"),
        (["left", 0], "expected a whole number"),
        ([None, 0], "expected a whole number"),
    ],
)
def test_a_choice_that_a_signal_does_not_have_is_one_sentence(choice: object, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checked(choice, np.array([2, 3]), ("cross", "fork"))
    assert said in str(refused.value)


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


def test_a_wish_becomes_a_plan_towards_the_wanted_phase_that_safety_accepts(network: Network, limits: Limits, sees: Sees) -> None:
    wish = Wish(lay_out(network), limits)
    wish.wanted = np.array([1, 0])
    observed, running = sees(), adopt(network, 100.0)
    plans = wish.propose(network, observed, None, running)
    assert [plan.stages[0].phase for plan in plans] == [1, 0]
    assert not any(one.objections for one in vet(plans, running, observed, network, limits))


def test_a_wish_to_leave_too_early_holds_the_running_phase(network: Network, limits: Limits, sees: Sees) -> None:
    wish = Wish(lay_out(network), limits)
    wish.wanted = np.array([1, 1])
    plans = wish.propose(network, sees(age_s=np.array([2.0, 20.0])), None, adopt(network, 100.0))
    assert [plan.stages[0].phase for plan in plans] == [0, 1]


def test_where_the_lookahead_sees_nothing_to_choose_between_the_lights_rest() -> None:
    rows = np.zeros((2, 3, features.WIDTH), dtype=np.float32)
    rows[1, 2, features.EXCESS] = 0.1
    wanted, phase = np.array([1, 1]), np.array([0, 0])
    assert resting(wanted, phase, rows).tolist() == [0, 1]
