"""The coordinated planner: one clock for all, reached by the shorter way in bounded steps, and kept while nothing better is known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from signals.links.program import entry
from signals.planners.coordinated import TRANSITION, Coordinated, detour, known, lead_s, next_plan, runs, timing_for
from signals.safety import adopt, approach, vet
from signals.types import ApprovedPlan, Floats, FlowForecast, Network, Observation, SafetyEnvelope, Stage, TimingPlan

Limits = Callable[..., tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]
INF = float("inf")


def forecast(flow_veh_h: Floats) -> FlowForecast:
    """The same flow expected, at most and at least."""
    flows = flow_veh_h[None]
    return FlowForecast(0.0, 0.0, 900.0, flows, flows, flows, ("profile",) * flow_veh_h.size)


def target(offset_s: float, greens_s: tuple[float, ...] = (30.0, 10.0, 20.0, 8.0)) -> TimingPlan:
    """A plan of the four stages of `A0` at a cycle of 80 s."""
    stages = tuple(Stage(p, g) for p, g in enumerate(greens_s))
    return TimingPlan("A0", stages, 0.0, INF, True, sum(greens_s) + 12.0, offset_s)


@pytest.mark.parametrize(
    ("offset_s", "phase", "age_s", "ahead_s"),
    [
        (0.0, 0, 20.0, -20.0),  # 1000 s is 40 s into a cycle of 80; the signal is 20 s into it
        (980.0 % 80.0, 0, 20.0, 0.0),
        (990.0 % 80.0, 0, 20.0, 10.0),
        (970.0 % 80.0, 0, 20.0, -10.0),
        (980.0 % 80.0, 1, -3.0, 10.0),  # 3 s before its second green, which the clock has 13 s from now
        (0.0, 9, 5.0, float("nan")),
    ],
)
def test_a_lead_is_the_time_to_wait_for_the_clock(four_arm: Network, offset_s: float, phase: int, age_s: float, ahead_s: float) -> None:
    found_s = lead_s(target(offset_s), four_arm.signals[0], phase, age_s, 1000.0)
    assert found_s == pytest.approx(ahead_s, nan_ok=True)


@pytest.mark.parametrize(("ahead_s", "change_s"), [(-5.0, -5.0), (-15.0, -15.0), (-30.0, -16.0), (25.0, 16.0), (-39.0, -16.0)])
def test_a_detour_is_a_fifth_of_the_cycle_at_most_the_shorter_way_round(
    four_arm: Network, limits_of: Limits, ahead_s: float, change_s: float
) -> None:
    found = detour(target(0.0), ahead_s, limits_of(four_arm)[0])
    assert found.cycle_s - 80.0 == pytest.approx(change_s)
    assert sum(s.green_s for s in found.stages) + 12.0 == pytest.approx(found.cycle_s)
    assert all(s.green_s >= 7.0 for s in found.stages)


def test_greens_at_their_minimum_go_the_long_way_round(four_arm: Network, limits_of: Limits) -> None:
    short = target(0.0, (7.0, 7.0, 7.0, 7.0))
    found = detour(short, -5.0, limits_of(four_arm)[0])
    assert found.cycle_s == pytest.approx(short.cycle_s * (1.0 + TRANSITION))


def played(network: Network, limits: tuple[SafetyEnvelope, ...], observe: Observe, aim: TimingPlan, seconds: int) -> list[ApprovedPlan]:
    """What runs at each decision while one signal is steered to a plan; a controller as `links.program` enters plans."""
    signal, between_s = network.signals[0], network.signals[0].intergreen_s
    running, phase, on_s, off_s = adopt(network, 0.0), 0, 0, 30
    following, found = 1, []
    for now_s in range(0, seconds, 10):
        while now_s >= off_s:  # the cabinet goes on by itself
            plan = running[0].plan
            at = following % len(plan.stages)
            on_s = off_s + int(between_s[phase, plan.stages[at].phase])
            phase, off_s, following = plan.stages[at].phase, on_s + int(plan.stages[at].green_s), at + 1
        seen = replace(observe(network, now_s=float(now_s), phase=phase), age_s=np.array([float(now_s - on_s)]))
        wish = (next_plan(signal, limits[0], aim, running[0].plan, running[0], seen, 0),)
        approved = vet(approach(wish, running, limits), running, seen, network, limits)
        assert not approved[0].objections
        if approved[0].plan is not running[0].plan:
            following, hold_s = entry(signal, approved[0].plan, phase, float(max(now_s, on_s)), float(max(now_s - on_s, 0)))
            off_s = max(now_s, on_s) + round(hold_s)
        running = approved
        found.append(running[0])
    return found


@pytest.mark.parametrize("offset_s", [0.0, 7.0, 23.0, 40.0, 61.0, 79.0])
def test_a_signal_reaches_any_place_on_the_clock_within_ten_minutes_and_stays_there(
    four_arm: Network, limits_of: Limits, observe: Observe, offset_s: float
) -> None:
    aim = target(offset_s)
    found = played(four_arm, limits_of(four_arm), observe, aim, 1000)
    assert runs(found[-1].plan, aim)
    first = next(k for k, one in enumerate(found) if runs(one.plan, aim))
    assert first <= 60
    assert all(one.plan is found[first].plan for one in found[first:])
    changed = [one.plan for one in found if one.plan.cycle_s != 87.0]
    assert all(abs(plan.cycle_s - 80.0) <= TRANSITION * 87.0 + 1.0 for plan in changed)


def test_all_signals_get_one_clock_and_the_plans_are_allowed(pair: Network, limits_of: Limits, observe: Observe) -> None:
    limits = limits_of(pair)
    planner = Coordinated(pair, limits)
    running = adopt(pair, 0.0)
    flows = forecast(np.full(24, 120.0))
    wish = planner.propose(pair, observe(pair, now_s=0.0), flows, running)
    assert planner.timing is not None
    turns = planner.timing.timing.double.tolist()
    assert [plan.cycle_s * k for plan, k in zip(planner.targets, turns, strict=True)] == [planner.timing.cycle_s] * 2
    approved = vet(approach(wish, running, limits), running, observe(pair, now_s=0.0), pair, limits)
    assert not [one.objections for one in approved if one.objections]


def test_a_timing_is_kept_until_it_is_old_and_clearly_beaten(pair: Network, limits_of: Limits, observe: Observe) -> None:
    planner = Coordinated(pair, limits_of(pair), replan_s=300.0)
    running = adopt(pair, 0.0)

    def targets_at(now_s: float, flow_veh_h: float) -> tuple[TimingPlan, ...]:
        planner.propose(pair, observe(pair, now_s=now_s), forecast(np.full(24, flow_veh_h)), running)
        return planner.targets

    first = targets_at(0.0, 100.0)
    assert targets_at(290.0, 350.0) is first  # not old enough
    assert targets_at(300.0, 101.0) is first  # hardly better
    assert targets_at(600.0, 350.0) is not first


@pytest.mark.parametrize("flow_veh_h", [None, float("nan")], ids=["no forecast", "a flow is unknown"])
def test_without_flows_the_base_plan_runs(pair: Network, limits_of: Limits, observe: Observe, flow_veh_h: float | None) -> None:
    planner = Coordinated(pair, limits_of(pair))
    flows = None if flow_veh_h is None else forecast(np.full(24, flow_veh_h))
    running = adopt(pair, 0.0)
    wish = planner.propose(pair, observe(pair), flows, running)
    assert all(plan is one.plan for plan, one in zip(wish, running, strict=True))


def test_a_flow_is_known_where_lanes_carry_it(pair: Network) -> None:
    flows = np.full(24, 10.0)
    assert known(pair, flows)
    flows[5] = np.nan
    assert not known(pair, flows)


@pytest.mark.parametrize("cycles_s", [(60,), (75, 90)])
def test_a_timing_has_one_of_the_cycles_it_may_choose_from(four_arm: Network, limits_of: Limits, cycles_s: tuple[int, ...]) -> None:
    found = timing_for(four_arm, limits_of(four_arm), np.full(12, 60.0), np.random.default_rng(1), cycles_s)
    assert found is not None
    assert found.cycle_s in cycles_s


def test_there_is_no_timing_where_no_cycle_has_room_for_the_minimum_greens(four_arm: Network, limits_of: Limits) -> None:
    assert timing_for(four_arm, limits_of(four_arm), np.full(12, 60.0), np.random.default_rng(1), (10,)) is None
