"""Actuated control as a planner: extended by who comes, ended by a gap, resting where nobody calls."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from signals.planners.actuated import Actuated
from signals.safety import adopt, vet
from signals.types import Network, Observation, SafetyEnvelope

NAN = float("nan")
Limits = Callable[..., tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]
NORTH_THROUGH, NORTH_LEFT, EAST_THROUGH, PEDESTRIANS = 1, 2, 4, 12


def with_vehicle(observed: Observation, movement: int, distance_m: float, speed_mps: float) -> Observation:
    """The observation with one vehicle of the four-arm junction."""
    lane = 2 * (movement // 3) + (movement % 3 == 2)
    return replace(
        observed,
        vehicle_lane=np.array([lane]),
        vehicle_movement=np.array([movement]),
        vehicle_distance_m=np.array([distance_m]),
        vehicle_speed_mps=np.array([speed_mps]),
    )


def with_queue(observed: Observation, movement: int, queue_veh: float) -> Observation:
    """The observation with a queue, NaN for a silent sensor."""
    queues = observed.queue_veh.copy()
    queues[movement] = queue_veh
    return replace(observed, queue_veh=queues)


def wished(network: Network, limits: tuple[SafetyEnvelope, ...], observed: Observation) -> int:
    """The phase that the first signal is to show; its plan passes safety."""
    base = adopt(network, 0.0)
    wish = Actuated(network, limits).propose(network, observed, None, base)
    assert vet(wish, base, observed, network, limits)[0].objections == ()
    return wish[0].stages[0].phase


@pytest.mark.parametrize(
    ("distance_m", "speed_mps", "phase"),
    [(30.0, 13.0, 0), (60.0, 13.0, 2), (4.0, 0.0, 0)],  # extended; the gap is too long; a queue starting up
)
def test_a_green_is_extended_by_who_comes_within_the_passage_time(
    four_arm: Network, limits_of: Limits, observe: Observe, distance_m: float, speed_mps: float, phase: int
) -> None:
    observed = with_vehicle(with_queue(observe(four_arm), EAST_THROUGH, 2.0), NORTH_THROUGH, distance_m, speed_mps)
    assert wished(four_arm, limits_of(four_arm), observed) == phase


def test_a_green_at_its_maximum_gives_way_though_vehicles_come(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    observed = with_vehicle(with_queue(observe(four_arm, age_s=50.0), EAST_THROUGH, 2.0), NORTH_THROUGH, 30.0, 13.0)
    assert wished(four_arm, limits_of(four_arm), observed) == 2


def test_where_nobody_calls_the_green_rests(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    assert wished(four_arm, limits_of(four_arm), observe(four_arm, age_s=90.0)) == 0


def test_the_left_turns_have_their_phase_only_when_somebody_turns_left(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    across = with_queue(observe(four_arm), EAST_THROUGH, 2.0)
    assert wished(four_arm, limits_of(four_arm), across) == 2
    assert wished(four_arm, limits_of(four_arm), with_queue(across, NORTH_LEFT, 1.0)) == 1


def test_the_minimum_green_is_kept(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    assert wished(four_arm, limits_of(four_arm), with_queue(observe(four_arm, age_s=3.0), EAST_THROUGH, 2.0)) == 0


@pytest.mark.parametrize(("age_s", "phase"), [(20.0, 0), (31.0, 2)])
def test_a_phase_whose_sensor_is_silent_stays_for_the_green_of_the_base_plan(
    four_arm: Network, limits_of: Limits, observe: Observe, age_s: float, phase: int
) -> None:
    observed = with_queue(with_queue(observe(four_arm, age_s=age_s), EAST_THROUGH, 2.0), NORTH_THROUGH, NAN)
    assert wished(four_arm, limits_of(four_arm), observed) == phase


def test_a_silent_sensor_at_red_calls(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    assert wished(four_arm, limits_of(four_arm), with_queue(observe(four_arm), EAST_THROUGH, NAN)) == 2


@pytest.mark.parametrize(("red_s", "phase"), [(30.0, 2), (61.0, 0)])
def test_pedestrians_call_after_a_minute(with_crossing: Network, limits_of: Limits, observe: Observe, red_s: float, phase: int) -> None:
    observed = with_queue(observe(with_crossing, phase=2, age_s=30.0, red_s=red_s), PEDESTRIANS, NAN)
    assert wished(with_crossing, limits_of(with_crossing, "street"), observed) == phase
