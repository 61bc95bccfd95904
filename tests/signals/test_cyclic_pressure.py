"""Cyclic max pressure: whole repeating plans, renewed once a cycle, in small steps."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from signals.planners.cyclic_pressure import CyclicPressure
from signals.safety import adopt, approach, vet
from signals.types import ApprovedPlan, Network, Observation, SafetyEnvelope

NAN = float("nan")
Limits = Callable[..., tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]
NORTH_THROUGH, EAST_THROUGH = 1, 4


def run(
    network: Network, limits: tuple[SafetyEnvelope, ...], observed: Observation, queues_veh: dict[int, float], until_s: float
) -> list[tuple[ApprovedPlan, ...]]:
    """What is in force after each decision of 10 s, every queue and count as they are."""
    planner, running = CyclicPressure(network, limits), adopt(network, 0.0)
    queue_veh = observed.queue_veh.copy()
    for m, veh in queues_veh.items():
        queue_veh[m] = veh
    counts_veh = np.full(queue_veh.size, 0.5)
    history = []
    for now_s in np.arange(1000.0, 1000.0 + until_s, 10.0):
        seen = replace(observed, now_s=float(now_s), queue_veh=queue_veh, counts_veh=counts_veh)
        wish = planner.propose(network, seen, None, running)
        running = vet(approach(wish, running, limits), running, seen, network, limits)
        history.append(running)
    return history


@pytest.mark.parametrize(("busy", "quiet"), [(NORTH_THROUGH, EAST_THROUGH), (EAST_THROUGH, NORTH_THROUGH)])
def test_the_side_with_more_pressure_gets_more_green(four_arm: Network, limits_of: Limits, observe: Observe, busy: int, quiet: int) -> None:
    last = run(four_arm, limits_of(four_arm), observe(four_arm), {busy: 12.0, quiet: 2.0}, 900.0)[-1][0].plan
    stage = {NORTH_THROUGH: 0, EAST_THROUGH: 2}
    assert last.repeats
    assert [s.phase for s in last.stages] == [0, 1, 2, 3]
    assert last.stages[stage[busy]].green_s > 1.5 * last.stages[stage[quiet]].green_s


def test_a_plan_runs_for_its_cycle_before_the_next_and_safety_objects_to_none(
    four_arm: Network, limits_of: Limits, observe: Observe
) -> None:
    history = [h[0] for h in run(four_arm, limits_of(four_arm), observe(four_arm), {NORTH_THROUGH: 12.0}, 900.0)]
    assert [o for approved in history for o in approved.objections] == []
    plans = list(dict.fromkeys(h.plan for h in history))
    assert len(plans) > 2
    for before, after in pairwise(plans[1:]):
        assert after.starts_s - before.starts_s >= before.cycle_s


def test_from_one_plan_to_the_next_no_green_changes_by_more_than_the_limit(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    limits = limits_of(four_arm)
    history = [h[0].plan for h in run(four_arm, limits, observe(four_arm), {EAST_THROUGH: 20.0}, 900.0)]
    for before, after in pairwise(history):
        for a, b in zip(before.stages, after.stages, strict=True):
            assert abs(a.green_s - b.green_s) <= limits[0].max_green_change_s


def test_until_flows_are_known_the_base_plan_runs_and_blind_it_stays(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    early = run(four_arm, limits_of(four_arm), observe(four_arm), {NORTH_THROUGH: 12.0}, 110.0)
    assert all(h[0].plan == four_arm.signals[0].base for h in early)
    blind = run(four_arm, limits_of(four_arm), observe(four_arm), {NORTH_THROUGH: NAN}, 600.0)
    assert all(h[0].plan == four_arm.signals[0].base for h in blind)
