"""What a decision is worth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rl.lanes import Counts, Lanes
from rl.reward import (
    DEFAULT,
    REWARDS,
    SCALE_VEH,
    Choice,
    Outcome,
    downstream_shares,
    entering_veh,
    reward,
    reward_of,
    slowness_veh,
)
from signals.errors import ConfigError
from signals.layout import lay_out
from signals.types import Floats, Network, Observation, Street

Sees = Callable[..., Observation]
STARTS = np.array([0, 3, 6])


def _lanes(present: Floats, halting: Floats, waited_s: Floats, exits: Floats) -> Lanes:
    room, car = np.full(6, 100.0), np.full(6, 5.0)
    return Lanes(Counts(STARTS, room, present, halting, car), Counts(STARTS, room, exits, exits, car), waited_s, 0.5 * present)


def _outcome(network: Network, observed: Observation, entering: Floats | None = None, before: Observation | None = None) -> Outcome:
    """Two vehicles on each lane, one of which stands; three on each exit; who stood 10 s a lane has stood 20 s."""
    two, one = np.full(6, 2.0), np.ones(6)
    now, then = _lanes(two, one, 20.0 * one, 3.0 * one), _lanes(two, one, 10.0 * one, 3.0 * one)
    return Outcome(observed, lay_out(network), np.zeros(2) if entering is None else entering, before, now, then)


def test_a_standing_vehicle_loses_all_of_its_speed_and_a_free_one_nothing(network: Network, sees: Sees) -> None:
    seen = sees(((0, 5.0, 0.0), (0, 80.0, 14.0), (1, 50.0, 7.0), (4, 5.0, 0.0)))
    assert slowness_veh(_outcome(network, seen)).tolist() == pytest.approx([1.5, 1.0])


def test_a_vehicle_over_the_limit_earns_nothing(network: Network, sees: Sees) -> None:
    assert slowness_veh(_outcome(network, sees(((0, 5.0, 30.0),)))).tolist() == [0.0, 0.0]


def test_who_waits_outside_counts_as_standing(network: Network, sees: Sees) -> None:
    outcome = _outcome(network, sees(), np.array([3.0, 0.0]))
    assert entering_veh(outcome).tolist() == [3.0, 0.0]
    assert reward(outcome).tolist() == pytest.approx([-3.0 / SCALE_VEH, 0.0])


@pytest.mark.parametrize(
    ("name", "worth"),
    [
        ("slowness", [-0.1, 0.0]),
        ("entering", [-0.2, 0.0]),
        ("delay", [-(0.5 * (0.0 + 1.0) + 2.0) * 10.0 / 100.0, 0.0]),
        ("throughput", [0.4, 0.0]),
        ("diff-waiting-time", [-0.3, -0.3]),
        ("average-speed", [0.5, 0.5]),
        ("queue", [-3.0, -3.0]),
        ("pressure", [3.0, 3.0]),
    ],
)
def test_every_part_is_worth_what_its_formula_says(network: Network, sees: Sees, name: str, worth: list[float]) -> None:
    counts = np.array([4.0, 0.0, np.nan, 0.0, 0.0, 0.0])
    seen = sees(((0, 5.0, 0.0),), counts_veh=counts)
    outcome = _outcome(network, seen, np.array([2.0, 0.0]), replace(sees(), now_s=90.0))
    assert reward_of(name, network)(outcome).tolist() == pytest.approx(worth)


def test_every_part_has_been_worked_out_by_hand_above() -> None:
    assert set(REWARDS) == {
        "slowness", "entering", "delay", "throughput", "diff-waiting-time", "average-speed", "queue", "pressure",
    }  # fmt: skip
    assert all(part.unit and part.about and part.scale for part in REWARDS.values())


def test_the_default_is_the_sum_of_its_parts(network: Network, sees: Sees) -> None:
    outcome = _outcome(network, sees(((0, 5.0, 0.0), (4, 9.0, 3.0))), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(reward_of(DEFAULT, network)(outcome), reward(outcome))
    assert not reward_of(DEFAULT, network).reads_lanes
    assert reward_of("queue", network).reads_lanes


def test_a_list_is_a_sum_and_weights_weigh(network: Network, sees: Sees) -> None:
    outcome = _outcome(network, sees())
    both = reward_of(["queue", "pressure"], network)(outcome)
    assert both.tolist() == [0.0, 0.0]
    assert reward_of({"queue": 2.0, "pressure": 1}, network)(outcome).tolist() == [-3.0, -3.0]


def test_a_signal_shares_the_mean_of_those_it_feeds(network: Network, sees: Sees) -> None:
    joined = replace(network, streets=(Street("cross", "fork", 100.0, 14.0, 1), Street("cross", "cross", 90.0, 14.0, 1)))
    assert downstream_shares(joined).tolist() == [[0.5, 0.5], [0.0, 0.0]]
    outcome = _outcome(joined, sees(), np.array([10.0, 20.0]))
    assert reward_of({"entering": 1.0, "downstream": 0.5}, joined)(outcome).tolist() == pytest.approx([-1.75, -2.0])


def test_a_function_of_the_outcome_is_a_reward(network: Network, sees: Sees) -> None:
    assert reward_of(lambda outcome: outcome.entering_veh, network)(_outcome(network, sees(), np.array([1.0, 2.0]))).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("value", [np.zeros(3), np.array([np.nan, 0.0]), 1.0])
def test_a_function_that_does_not_give_one_number_a_signal_is_refused(network: Network, sees: Sees, value: object) -> None:
    with pytest.raises(ConfigError, match="expected 2 finite numbers, one a signal"):
        reward_of(lambda outcome: value, network)(_outcome(network, sees()))  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("presure", "did you mean 'pressure'?"),
        (["queue", "queue"], "stands there twice"),
        ({"queue": "much"}, "weight 'much'; expected a finite number"),
        ({"queue": float("nan")}, "expected a finite number"),
        ({"downstream": 0.5}, "no part"),
        ({"queue": 1.0, "downstream": -1.0}, "expected a share of at least 0"),
        ([], "no part"),
        (7, "expected a name, weights by name, or a function"),
    ],
)
def test_a_choice_that_means_no_reward_is_one_sentence(network: Network, choice: Choice, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        reward_of(choice, network)
    assert said in str(refused.value)


@pytest.mark.parametrize(("name", "said"), [("delay", "the moment before"), ("queue", "stop lanes"), ("diff-waiting-time", "stop lanes")])
def test_a_part_whose_moment_is_missing_says_so(network: Network, sees: Sees, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        reward_of(name, network)(Outcome(sees(), lay_out(network), np.zeros(2)))
