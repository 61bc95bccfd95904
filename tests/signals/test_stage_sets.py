"""Which stages a plan may have: everybody keeps a green, the base plan's own come first, few stages lose little time."""

from dataclasses import replace

import numpy as np
import pytest

from signals.kernels import delay
from signals.stage_sets import serves_everybody, stage_set, stage_sets
from signals.types import Intersection, Network, Serves, Stage


@pytest.fixture
def signal(four_arm: Network) -> Intersection:
    """The four-arm junction, whose left turns have a phase of their own and yield in the others."""
    return four_arm.signals[0]


def test_the_base_plans_stages_come_first_and_then_every_smaller_set_that_serves_all(signal: Intersection) -> None:
    assert [one.phases for one in stage_sets(signal)] == [(0, 1, 2, 3), (0, 2), (0, 1, 2), (0, 2, 3)]


def test_left_turns_that_no_other_phase_serves_keep_theirs(signal: Intersection) -> None:
    serves = signal.serves.copy()
    serves[serves == Serves.PERMISSIVE] = Serves.NOT
    assert [one.phases for one in stage_sets(replace(signal, serves=serves))] == [(0, 1, 2, 3)]


def test_a_base_plan_that_shows_a_phase_twice_keeps_its_stages(signal: Intersection) -> None:
    stages = tuple(Stage(p, 10.0) for p in (0, 1, 2, 1))
    twice = replace(signal, base=replace(signal.base, stages=stages))
    assert [one.phases for one in stage_sets(twice)] == [(0, 1, 2, 1)]


@pytest.mark.parametrize(("phases", "all_served"), [((0, 2), True), ((0, 1), False), ((1, 3), False), ((0, 1, 2, 3), True)])
def test_a_set_serves_everybody_or_is_none(signal: Intersection, phases: tuple[int, ...], all_served: bool) -> None:
    assert serves_everybody(signal, phases) == all_served


@pytest.mark.parametrize(("phases", "lost_s"), [((0, 1, 2, 3), 12.0), ((0, 2), 6.0), ((0, 1, 2), 9.0)])
def test_fewer_stages_lose_less_time(signal: Intersection, phases: tuple[int, ...], lost_s: float) -> None:
    assert stage_set(signal, phases).lost_s == lost_s


def test_the_mean_delay_weighs_every_vehicle_once(signal: Intersection) -> None:
    both = stage_set(signal, (0, 2))
    flow_veh_h = np.zeros(12)
    flow_veh_h[[1, 4]] = [600.0, 300.0]  # through from the north and from the east, on lanes that they share with right turns
    found_s = both.mean_delay_s(flow_veh_h, np.array([30.0, 20.0]), 60.0, 0.25)
    one_s, other_s = delay.control_delay_s(600.0, 1800.0, 30.0, 60.0), delay.control_delay_s(300.0, 1800.0, 20.0, 60.0)
    assert found_s == pytest.approx((600.0 * one_s + 300.0 * other_s) / 900.0)
