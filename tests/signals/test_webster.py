"""Webster's kernels by hand, and the planner that follows them."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from signals.kernels import webster
from signals.lane_groups import demand_of
from signals.planners.webster import (
    START_UP_S,
    TOGETHER,
    Webster,
    best_stages,
    demand_veh_h,
    is_young,
    joint_margin_veh_h,
    lifted,
    lost_time_s,
    near,
    stage_greens_s,
    started_smoothly,
    target_greens_s,
)
from signals.safety import adopt, vet
from signals.stage_sets import stage_sets
from signals.types import Floats, FlowForecast, Ints, Network, Observation, SafetyEnvelope, Stage, TimingPlan

Limits = Callable[..., tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]
NAN = float("nan")
COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])


def kernel(name: str, plain: bool) -> Callable[..., Floats]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(webster, name)
    chosen: Callable[..., Floats] = function.py_func if plain else function
    return chosen


def forecast(flow_veh_h: Floats) -> FlowForecast:
    """The same flow expected, at most and at least."""
    flows = flow_veh_h[None]
    return FlowForecast(0.0, 0.0, 900.0, flows, flows, flows, ("profile",) * flow_veh_h.size)


RATIOS: list[tuple[str, list[float], list[list[int]], list[float]]] = [
    ("the larger flow of a phase is critical", [360, 180, 540], [[2, 2, 0], [0, 0, 2]], [0.2, 0.3]),
    ("a movement of two phases asks only for what is missing", [360, 180, 540], [[2, 0, 2], [0, 2, 2]], [0.2, 0.1]),
    ("what is missing is shared in proportion", [180, 180, 720], [[2, 0, 2], [0, 2, 2]], [0.2, 0.2]),
    ("of two empty phases each serves half", [0, 0, 720], [[2, 0, 2], [0, 2, 2]], [0.2, 0.2]),
    ("a protected phase relieves the permissive one", [360, 180], [[2, 1], [0, 2]], [0.2, 0.1]),
    ("without a protected phase the permissive one serves", [360, 540], [[2, 1], [0, 0]], [0.3, 0.0]),
    ("nobody asks for nothing", [0, 0], [[2, 0], [0, 2]], [0.0, 0.0]),
    ("an unknown flow leaves its phase unknown", [NAN, 180], [[2, 0], [0, 2]], [NAN, 0.1]),
]


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(("flow", "serves", "ratios"), [row[1:] for row in RATIOS], ids=[row[0] for row in RATIOS])
def test_critical_ratios_are_as_worked_by_hand(flow: list[float], serves: list[list[int]], ratios: list[float], plain: bool) -> None:
    saturation = np.full(len(flow), 1800.0)
    # 720 veh/h over phases of 0.1 each: short by 0.4 - 0.2, so both double.
    found = kernel("critical_ratios", plain)(np.array(flow, dtype=float), saturation, np.array(serves, dtype=np.int64))
    np.testing.assert_allclose(found, ratios)


@COMPILED_AND_PLAIN
def test_a_lamp_without_saturation_flow_asks_for_no_green(plain: bool) -> None:
    serves: Ints = np.array([[2, 2]], dtype=np.int64)
    found = kernel("critical_ratios", plain)(np.array([180.0, 50.0]), np.array([1800.0, 0.0]), serves)
    np.testing.assert_allclose(found, [0.1])


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("critical_sum", "cycle_s"),
    [(0.5, 58.0), (0.0, 29.0), (0.8, 120.0), (0.9499, 120.0), (0.95, 120.0), (1.0, 120.0), (1.7, 120.0), (NAN, NAN)],
)
def test_the_cycle_grows_with_the_flow_up_to_the_longest(critical_sum: float, cycle_s: float, plain: bool) -> None:
    assert kernel("optimal_cycle_s", plain)(16.0, critical_sum, 20.0, 120.0) == pytest.approx(cycle_s, nan_ok=True)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("ratios", "greens_s"),
    [
        ([0.3, 0.2, 0.1], [30.0, 20.0, 10.0]),
        ([0.4, 0.19, 0.01], [35.9, 17.1, 7.0]),  # 53 s left in the ratio 40 : 19
        ([0.6, 0.0, 0.0], [46.0, 7.0, 7.0]),
        ([0.0, 0.0, 0.0], [20.0, 20.0, 20.0]),
        ([0.3, NAN, 0.1], [NAN, NAN, NAN]),
    ],
)
def test_greens_are_in_proportion_but_never_under_the_minimum(ratios: list[float], greens_s: list[float], plain: bool) -> None:
    found = kernel("proportional_greens_s", plain)(np.array(ratios), 60.0, np.full(3, 7.0))
    np.testing.assert_allclose(found, greens_s, atol=0.05)


@COMPILED_AND_PLAIN
def test_minimums_that_need_more_than_there_is_are_kept(plain: bool) -> None:
    np.testing.assert_allclose(kernel("proportional_greens_s", plain)(np.array([0.3, 0.1]), 10.0, np.full(2, 7.0)), 7.0)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(("step_s", "sum_s"), [(1.0, 52.0), (0.5, 52.0), (0.1, 51.8), (2.0, 52.0)])
def test_rounding_keeps_the_sum_and_the_minimums(step_s: float, sum_s: float, plain: bool) -> None:
    exact_s, least_s = np.array([17.4, 7.0, 19.7, 7.7]), np.full(4, 7.0)
    found = kernel("on_grid_s", plain)(exact_s, least_s, step_s)
    assert found.sum() == pytest.approx(sum_s)
    assert (found >= least_s).all()
    np.testing.assert_allclose(found / step_s, np.round(found / step_s))
    assert np.abs(found - exact_s).max() < max(step_s, 1.0) + 1e-9


@COMPILED_AND_PLAIN
def test_a_cycle_grows_until_minimum_greens_take_nothing_away(plain: bool) -> None:
    # Two main phases of 0.2, two of 0.04: Y 0.48, C0 = 23 / 0.52 = 44.2, x = 0.659; (12 + 14) / (1 - 0.4 / 0.659) = 66.2
    ratios, least_s = np.array([0.2, 0.04, 0.2, 0.04]), np.full(4, 7.0)
    found_s = kernel("cycle_with_minimums_s", plain)(23.0 / 0.52, 12.0, ratios, least_s, 120.0)
    assert found_s == pytest.approx(66.2, abs=0.1)
    greens_s = webster.proportional_greens_s(ratios, found_s - 12.0, least_s)
    degrees = ratios * found_s / greens_s
    assert degrees.max() == pytest.approx(0.659, abs=0.001)


@COMPILED_AND_PLAIN
def test_a_plan_shares_the_cycle_out_as_worked_by_hand(plain: bool) -> None:
    flow, saturation = np.array([500.0, 300.0]), np.full(2, 1600.0)
    serves, counted = np.array([[2, 0], [0, 2]], dtype=np.int64), np.ones(2, dtype=np.bool_)
    found = kernel("plan_s", plain)(flow, saturation, serves, counted, 16.0, np.full(2, 7.0), 20.0, 120.0, 1.0)
    np.testing.assert_array_equal(found, [26.0, 16.0])  # of 58 s: 42 s in the ratio 5 : 3


@COMPILED_AND_PLAIN
def test_movements_of_the_same_phases_form_a_class_and_narrow_ones_come_first(plain: bool) -> None:
    serves = np.array([[2, 0, 2, 1, 0], [2, 2, 0, 2, 0], [0, 0, 0, 1, 0]], dtype=np.int64)
    class_of, within = kernel("classes_of", plain)(serves)
    # Protected in the middle phase, the fourth movement needs no other; the fifth is never served.
    assert class_of.tolist() == [2, 0, 1, 0, -1]
    assert within.tolist() == [[False, True, False], [True, False, False], [True, True, False]]


@COMPILED_AND_PLAIN
def test_shares_that_a_later_class_makes_needless_are_given_back(plain: bool) -> None:
    within = np.array([[True, True, False], [False, True, True]])
    # 0.4 each over phases 0, 1 and 1, 2: halves first, then the second class doubles phase 1, and phase 0 is needless.
    np.testing.assert_allclose(kernel("shares_for", plain)(np.array([0.4, 0.4]), within), [0.0, 0.4, 0.0])


@pytest.mark.parametrize("seed", range(20))
def test_critical_shares_serve_everybody_and_none_of_them_can_shrink(seed: int) -> None:
    rng = np.random.default_rng(seed)
    serves = rng.choice([0, 1, 2], (5, 9), p=[0.6, 0.1, 0.3]).astype(np.int64)
    flow, saturation = rng.uniform(0.0, 600.0, 9), np.full(9, 1800.0)
    shares = webster.critical_ratios(flow, saturation, serves)
    best = (serves == serves.max(axis=0)) & (serves > 0)
    asked = np.where(best.any(axis=0), flow / saturation, 0.0)
    assert (shares @ best >= asked - 1e-9).all()
    for p in range(5):
        fewer = shares.copy()
        fewer[p] -= 1e-6
        assert fewer[p] < 0.0 or (fewer @ best < asked - 1e-9).any()


@COMPILED_AND_PLAIN
def test_a_lane_group_has_the_saturation_flow_of_its_mix(plain: bool) -> None:
    foes, ends = kernel("foe_lists", plain)(np.array([[False, False, False], [False, False, True], [False, False, False]]))
    assert (foes.tolist(), ends.tolist()) == ([2], [0, 1, 1])
    flow, saturation = np.array([540.0, 57.1, 400.0]), np.array([1800.0, 1600.0, 1800.0])
    flows, saturations = kernel("loads", plain)(flow, saturation, foes, ends, np.array([0, 0, -1]), np.ones(3), np.ones(1))
    # 400 veh/h towards it leave the left turn 571 veh/h: 540 / 1800 + 57.1 / 571 = 0.4 of an hour for 597.1 vehicles.
    assert saturations[1] == pytest.approx(571.0, abs=1.0)
    assert flows[3] == pytest.approx(597.1)
    assert flows[3] / saturations[3] == pytest.approx(0.4, abs=0.001)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(("cycle_s", "fitting"), [(60.0, False), (80.0, True)])
def test_greens_fit_when_the_longer_of_share_and_minimum_does(cycle_s: float, fitting: bool, plain: bool) -> None:
    # 12 s lost, 0.6 of the cycle and a minimum of 20 s: 0.6 C + 32 <= C from 80 s.
    assert kernel("fits", plain)(np.array([0.6, 0.1]), cycle_s, 12.0, np.array([7.0, 20.0])) == fitting


@COMPILED_AND_PLAIN
def test_a_yielding_movement_loses_saturation_flow_to_what_it_waits_for(plain: bool) -> None:
    permissive = kernel("permissive_saturation_veh_h", plain)
    flows = [permissive(q, q / 1800.0, 1600.0) for q in (0.0, 100.0, 200.0, 400.0, 1700.0)]
    assert flows[0] == 1600.0
    assert all(a > b for a, b in itertools.pairwise(flows))
    assert flows[-1] == webster.SNEAKERS_VEH_H
    # 400 veh/h: 400 exp(-0.5) / (1 - exp(-0.27778)) = 999; open for (1 - 0.2222 / 0.4) / (1 - 0.2222) = 0.571 of the green
    assert flows[3] == pytest.approx(571.0, abs=1.0)
    assert np.isnan(permissive(NAN, 0.0, 1600.0))


def flows_of(network: Network, through: float, left: float = 60.0) -> Floats:
    """Flow [movement]: this much through from north and south, half from east and west."""
    one = np.array([40.0, through, left, 20.0, through / 2, left] * 2)
    return np.tile(one, len(network.signals))


def test_more_flow_gives_more_green_and_a_longer_cycle(four_arm: Network, limits_of: Limits) -> None:
    signal, limit = four_arm.signals[0], limits_of(four_arm)[0]
    lost_s, demand = lost_time_s(signal), demand_of(signal)
    light, heavy = (target_greens_s(demand, flows_of(four_arm, q), lost_s, limit, signal) for q in (300.0, 700.0))
    assert lost_s == 12.0
    assert (light >= limit.min_green_s).all()
    assert heavy[0] > light[0]
    assert light.sum() + lost_s < heavy.sum() + lost_s <= 120.0
    assert heavy[0] > heavy[2] > heavy[1]


def test_more_than_capacity_gives_the_longest_cycle(four_arm: Network, limits_of: Limits) -> None:
    signal, limit = four_arm.signals[0], limits_of(four_arm)[0]
    greens_s = target_greens_s(demand_of(signal), flows_of(four_arm, 2500.0), 12.0, limit, signal)
    assert greens_s.sum() + 12.0 == 120.0


def test_the_planner_moves_to_the_new_plan_and_safety_lets_it(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    limits = limits_of(four_arm)
    planner, running = Webster(four_arm, limits), adopt(four_arm, 0.0)
    told = forecast(flows_of(four_arm, 600.0))
    for k in range(60):
        observed = observe(four_arm, now_s=10.0 * k, age_s=5.0)
        wish = planner.propose(four_arm, observed, told, running)
        running = vet(wish, running, observed, four_arm, limits)
        assert running[0].objections == ()
    plan, chosen = running[0].plan, planner.chosen[0]
    assert tuple(s.phase for s in plan.stages) == chosen.phases
    assert near(plan, planner.targets[0], chosen.lost_s)
    assert plan.cycle_s == sum(s.green_s for s in plan.stages) + chosen.lost_s
    again = planner.propose(four_arm, observe(four_arm, now_s=600.0), told, running)
    assert again[0] is plan


@pytest.mark.parametrize(("left_veh_h", "phases"), [(30.0, (0, 2)), (250.0, (0, 1, 2))])
def test_left_turns_have_a_stage_of_their_own_only_where_they_and_what_comes_towards_them_are_many(
    four_arm: Network, limits_of: Limits, left_veh_h: float, phases: tuple[int, ...]
) -> None:
    options, limit = stage_sets(four_arm.signals[0]), limits_of(four_arm)[0]
    flow_veh_h = flows_of(four_arm, 500.0, left_veh_h)
    chosen, greens_s = best_stages(options, options[0], flow_veh_h, limit)
    assert chosen.phases == phases
    for one in options:
        other_s = stage_greens_s(one.demand, one.phases, flow_veh_h, one.lost_s, limit)
        delay_s = one.mean_delay_s(flow_veh_h, other_s - START_UP_S, one.lost_s + other_s.sum(), 0.25)
        chosen_s = chosen.mean_delay_s(flow_veh_h, greens_s - START_UP_S, chosen.lost_s + greens_s.sum(), 0.25)
        assert chosen_s <= delay_s / 0.95 + 1e-9


def test_stages_stay_where_little_is_gained_by_others(four_arm: Network, limits_of: Limits) -> None:
    options, limit = stage_sets(four_arm.signals[0]), limits_of(four_arm)[0]
    kept = [best_stages(options, one, flows_of(four_arm, 500.0, 30.0), limit)[0].phases for one in options]
    assert kept[1] == (0, 2)
    unknown = best_stages(options, options[2], np.full(12, NAN), limit)
    assert unknown[0] is options[2] and np.isnan(unknown[1]).all()


@pytest.mark.parametrize("flow", [None, NAN])
def test_without_a_forecast_the_base_plan_stays(four_arm: Network, limits_of: Limits, observe: Observe, flow: float | None) -> None:
    planner, running = Webster(four_arm, limits_of(four_arm)), adopt(four_arm, 0.0)
    told = None if flow is None else forecast(np.full(12, flow))
    wish = planner.propose(four_arm, observe(four_arm), told, running)
    assert wish[0] is running[0].plan


def test_a_standing_queue_counts_as_demand(four_arm: Network, observe: Observe) -> None:
    observed = observe(four_arm, queue_veh=12.0, red_s=60.0)
    # 360 veh/h bring 6 vehicles in 60 s of red; the other 6 are left over: 6 * 3600 / 300 = 72 veh/h more.
    np.testing.assert_allclose(demand_veh_h(forecast(np.full(12, 360.0)), observed, 300.0, [0, 12]), 432.0)


def test_the_movements_of_a_signal_are_not_all_at_their_upper_ends_at_once() -> None:
    """Sixteen alike make 4 times one if independent; another signal's margin is its own, and who knows no spread gets none."""
    found = joint_margin_veh_h(np.concatenate((np.ones(16), [10.0, NAN, -1.0])), [0, 16, 19])
    np.testing.assert_allclose(found[:16].sum(), 4.0 * TOGETHER)
    np.testing.assert_allclose(found[16:], [10.0, 0.0, 0.0])


def test_the_crossing_asks_for_no_cycle_of_its_own(with_crossing: Network, limits_of: Limits) -> None:
    signal, limit = with_crossing.signals[0], limits_of(with_crossing, "street")[0]
    flow = np.append(flows_of(with_crossing, 300.0), NAN)
    greens_s = target_greens_s(demand_of(signal), flow, lost_time_s(signal), limit, signal)
    assert (greens_s >= limit.min_green_s).all()


@pytest.mark.parametrize(("phase", "age_s", "into_s"), [(0, 5.0, 5.0), (2, 20.0, 66.0), (1, -3.0, 30.0), (0, 99.0, 29.0)])
def test_a_plan_starts_where_the_running_green_is(four_arm: Network, phase: int, age_s: float, into_s: float) -> None:
    # Stages of 30, 10, 25 and 10 s with 3 s between: they start 0, 33, 46 and 74 s into the cycle.
    signal = four_arm.signals[0]
    plan = replace(signal.base, starts_s=1000.0)
    started = started_smoothly(plan, signal, phase, age_s, 7.0)
    assert (1000.0 - started.offset_s) % plan.cycle_s == into_s
    assert 0.0 <= started.offset_s < plan.cycle_s


def test_a_phase_that_the_plan_lacks_has_its_minimum_green_first(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    plan = replace(signal.base, stages=signal.base.stages[:3], cycle_s=74.0, starts_s=1000.0)
    started = started_smoothly(plan, signal, 3, 2.0, 7.0)
    # 5 s of green left and 3 s of intergreen: the first stage turns green at 1008 s.
    assert (1008.0 - started.offset_s) % 74.0 == 0.0


def test_a_plan_of_ours_runs_for_one_cycle_before_the_next_step(four_arm: Network) -> None:
    base = four_arm.signals[0].base
    ours = replace(base, starts_s=1000.0, stages=(Stage(0, 40.0), *base.stages[1:]), cycle_s=base.cycle_s + 10.0)
    assert is_young(ours, base, 1090.0)
    assert not is_young(ours, base, 1097.0)
    assert not is_young(base, base, 10.0)


def test_greens_on_the_way_are_lifted_to_their_minimum(limits_of: Limits, four_arm: Network) -> None:
    plan = TimingPlan("A0", (Stage(0, 20.0), Stage(1, 6.0)), 0.0, 9e9, True, 32.0, 0.0)
    up = lifted(plan, limits_of(four_arm)[0])
    assert [s.green_s for s in up.stages] == [20.0, 7.0]
    assert up.cycle_s == 33.0
