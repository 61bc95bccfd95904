"""Max pressure as a planner: the longest queue with room ahead gets the green, silent sensors fall down the ladder."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from signals.layout import lay_out
from signals.planners.max_pressure import MaxPressure, approaches, expected_queue_veh, feeding
from signals.safety import adopt
from signals.types import FlowForecast, Network, Observation, SafetyEnvelope

NAN = float("nan")
Limits = Callable[..., tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]
NORTH_THROUGH, EAST_THROUGH = 1, 4


def with_queues(observed: Observation, queues_veh: dict[int, float], exits_veh: dict[int, float] | None = None) -> Observation:
    """The observation with these queues and exits by movement."""
    queue_veh, exit_veh = observed.queue_veh.copy(), observed.exit_veh.copy()
    for m, veh in queues_veh.items():
        queue_veh[m] = veh
    for m, veh in (exits_veh or {}).items():
        exit_veh[m] = veh
    return replace(observed, queue_veh=queue_veh, exit_veh=exit_veh)


def chosen(network: Network, limits: tuple[SafetyEnvelope, ...], observed: Observation) -> int:
    """The phase that max pressure gives the first signal."""
    wish = MaxPressure(network, limits).propose(network, observed, None, adopt(network, 0.0))
    return wish[0].stages[0].phase


@pytest.mark.parametrize(
    ("queues_veh", "exits_veh", "phase"),
    [
        ({NORTH_THROUGH: 3.0, EAST_THROUGH: 8.0}, {}, 2),
        ({NORTH_THROUGH: 8.0, EAST_THROUGH: 3.0}, {}, 0),
        ({NORTH_THROUGH: 3.0, EAST_THROUGH: 8.0}, {EAST_THROUGH: 24.0}, 0),  # no room for the longer queue
        ({NORTH_THROUGH: 3.0, EAST_THROUGH: 8.0}, {EAST_THROUGH: 6.0}, 0),  # little to gain there
        ({}, {}, 0),  # a tie keeps what runs
        ({5: 4.0, 11: 4.0}, {}, 3),  # left turns from east and west: the phase that protects them
        ({NORTH_THROUGH: 7.0, EAST_THROUGH: 8.0}, {}, 0),  # not worth the intergreen
    ],
)
def test_the_green_goes_to_the_largest_pressure(
    four_arm: Network,
    limits_of: Limits,
    observe: Observe,
    queues_veh: dict[int, float],
    exits_veh: dict[int, float],
    phase: int,
) -> None:
    assert chosen(four_arm, limits_of(four_arm), with_queues(observe(four_arm), queues_veh, exits_veh)) == phase


def test_a_platoon_that_rolls_up_counts_before_it_stands(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    rolling = replace(
        with_queues(observe(four_arm), {NORTH_THROUGH: 2.0}),
        vehicle_lane=np.full(4, 2),
        vehicle_movement=np.full(4, EAST_THROUGH),
        vehicle_distance_m=np.array([20.0, 40.0, 60.0, 80.0]),
        vehicle_speed_mps=np.full(4, 12.0),
    )
    assert chosen(four_arm, limits_of(four_arm), rolling) == 2


def turned_left(observed: Observation, veh: float) -> Observation:
    """As many have just turned left from the north, and a queue waits in the east."""
    counts_veh = observed.counts_veh.copy()
    counts_veh[2] = veh
    return with_queues(replace(observed, counts_veh=counts_veh), {EAST_THROUGH: 8.0})


@pytest.mark.parametrize(("veh", "phase"), [(0.0, 2), (1.0, 2), (2.0, 1)])
def test_left_turners_between_the_lanes_are_let_out_before_the_cross_street_starts(
    four_arm: Network, limits_of: Limits, observe: Observe, veh: float, phase: int
) -> None:
    assert chosen(four_arm, limits_of(four_arm), turned_left(observe(four_arm), veh)) == phase


def test_a_queue_that_a_long_green_does_not_move_asks_for_no_more_of_it(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    blocked = replace(
        with_queues(observe(four_arm), {NORTH_THROUGH: 3.0, EAST_THROUGH: 1.0}),
        vehicle_lane=np.zeros(3, dtype=np.int64),
        vehicle_movement=np.full(3, NORTH_THROUGH),
        vehicle_distance_m=np.array([2.0, 9.0, 16.0]),
        vehicle_speed_mps=np.zeros(3),
    )
    assert chosen(four_arm, limits_of(four_arm), blocked) == 2
    assert chosen(four_arm, limits_of(four_arm), replace(blocked, age_s=np.array([8.0]))) == 0


def test_an_approach_feeds_the_movements_of_the_next_signal(pair: Network) -> None:
    fed = replace(pair.signals[1].lanes[0], upstream=("n_out_0",))
    east = replace(pair.signals[1], lanes=(fed, *pair.signals[1].lanes[1:]))
    feeds_from, feeds_to = feeding(replace(pair, signals=(pair.signals[0], east)))
    exits = {m for m, one in enumerate((*pair.signals[0].movements, *pair.signals[1].movements)) if "n_out_0" in one.exits}
    assert set(feeds_from.tolist()) == exits
    assert {m % 12 for m in feeds_to.tolist()} == {0, 1}  # who leaves from the northern lane for right turns and the way through
    assert approaches(pair).tolist() == [m // 3 for m in range(24)]


def test_the_minimum_green_is_kept_whatever_the_pressure(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    observed = with_queues(observe(four_arm, age_s=4.0), {EAST_THROUGH: 30.0})
    assert chosen(four_arm, limits_of(four_arm), observed) == 0


def told(flow_veh_h: float, movements: int) -> FlowForecast:
    """The same flow on every movement."""
    flows = np.full((1, movements), flow_veh_h)
    return FlowForecast(0.0, 0.0, 900.0, flows, flows, flows, ("profile",) * movements)


def test_a_silent_sensor_is_replaced_by_the_forecast(four_arm: Network, observe: Observe) -> None:
    observed = with_queues(observe(four_arm, red_s=60.0), {EAST_THROUGH: NAN, NORTH_THROUGH: 2.0})
    found = expected_queue_veh(observed, told(300.0, 12), lay_out(four_arm))
    assert found[EAST_THROUGH] == 5.0  # 300 veh/h for a minute
    assert found[NORTH_THROUGH] == 2.0


def test_blind_and_without_a_forecast_only_that_signal_falls_back_to_its_base_plan(
    pair: Network, limits_of: Limits, observe: Observe
) -> None:
    planner = MaxPressure(pair, limits_of(pair))
    observed = with_queues(observe(pair), {EAST_THROUGH: NAN})
    wish = planner.propose(pair, observed, None, adopt(pair, 0.0))
    assert wish[0] is pair.signals[0].base
    assert not wish[1].repeats


def test_nobody_forecasts_pedestrians_and_they_blind_nobody(with_crossing: Network, limits_of: Limits, observe: Observe) -> None:
    observed = with_queues(observe(with_crossing, phase=2), {12: NAN, EAST_THROUGH: 3.0})
    wish = MaxPressure(with_crossing, limits_of(with_crossing, "street")).propose(with_crossing, observed, None, adopt(with_crossing, 0.0))
    assert wish[0].stages[0].phase == 2
    overdue = replace(observed, red_s=np.full(13, 140.0))
    assert chosen(with_crossing, limits_of(with_crossing, "street"), overdue) == 0
