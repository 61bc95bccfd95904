"""The city's kernels give every signal the plan and the verdict that it gets alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signals.batch import City, CityPlans, city_of, city_verdicts
from signals.errors import UnsafePlanError
from signals.kernels import city
from signals.safety import ONLY_SEQUENCES, RULES, adopt, vet
from signals.types import Floats, Network, Observation, SafetyEnvelope, Stage, TimingPlan

Limits = Callable[..., tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]
INF, NAN = float("inf"), float("nan")
NOW_S = 1000.0
GREENS_S = (7.0, 10.0, 20.0, 30.0, 45.0, 46.0, 60.0, 120.0, 121.0, 299.0, 301.0, 6.0, 0.0, 20.5, -3.0, NAN, INF)
PLANS = st.tuples(
    st.lists(st.tuples(st.sampled_from((0, 1, 2, 3, 0, 1, 2, 3, 4)), st.sampled_from(GREENS_S)), min_size=0, max_size=6),
    st.sampled_from((0.0, 0.0, 0.0, 0.4, -3.0, 50.0, NAN)),  # what the cycle is over the sum
    st.sampled_from((0.0, 5.0, 19.0, 90.0, -1.0, 1e4, NAN)),  # offset
    st.sampled_from((NOW_S, 0.0, NOW_S + 0.4, NOW_S + 10.0, INF)),  # start
    st.sampled_from((INF, NOW_S + 60.0, NOW_S, 0.0, NAN)),  # end
)
USUAL = ([(0, 30.0), (1, 10.0), (2, 25.0), (3, 10.0)], 0.0, 0.0, NOW_S, INF)
Drawn = tuple[list[tuple[int, float]], float, float, float, float]


def plan_of(network: Network, drawn: Drawn) -> TimingPlan:
    """A repeating plan of the first signal; intergreens make up its cycle."""
    stages, over_s, offset_s, starts_s, until_s = drawn
    signal = network.signals[0]
    between_s, n = signal.intergreen_s, len(stages)
    known = [p % len(signal.phases) for p, _ in stages]
    lost_s = sum(float(between_s[known[k], known[(k + 1) % n]]) for k in range(n))
    cycle_s = sum(g for _, g in stages) + lost_s + over_s
    return TimingPlan(signal.id, tuple(Stage(p, g) for p, g in stages), starts_s, until_s, True, cycle_s, offset_s)


def safety_says(network: Network, plan: TimingPlan, observed: Observation, limits: tuple[SafetyEnvelope, ...]) -> int:
    """The verdict of `signals.safety.vet` as the kernel words it."""
    try:
        approved = vet((plan,), adopt(network, 0.0), observed, network, limits)[0]
    except UnsafePlanError:
        return city.MALFORMED
    return city.OBJECTIONS.index(approved.objections[0].rule) + 1 if approved.objections else city.APPROVED


def arrays_say(of: City, base: TimingPlan, plan: TimingPlan, called: bool) -> int:
    """The verdict of the kernel on a city of one signal that runs its base plan."""
    phase = [s.phase for s in plan.stages]
    same = phase == [s.phase for s in base.stages]
    running_s = [[s.green_s for s in base.stages] if same else [NAN] * len(phase)]
    one = replace(of, stages=np.array([len(phase)]), stage_phase=np.array([phase], dtype=np.int64).reshape(1, -1))
    plans = CityPlans(np.array([[s.green_s for s in plan.stages]]).reshape(1, -1), np.array([plan.cycle_s]))
    times = (np.array([plan.offset_s]), np.array([plan.starts_s]), np.array([plan.valid_until_s]), NOW_S)
    calls = np.full((1, int(of.movements[0])), called)
    return int(city_verdicts(one, plans, *times, np.array(running_s).reshape(1, -1), calls)[0])


def test_the_rules_are_those_of_safety_in_their_order() -> None:
    assert tuple(name for name in RULES if name not in ONLY_SEQUENCES) == city.OBJECTIONS


@settings(max_examples=400, deadline=None, derandomize=True)
@given(drawn=PLANS, called=st.booleans(), clash=st.booleans(), rules=st.sampled_from(("resco", "street")))
@example(drawn=USUAL, called=True, clash=False, rules="resco")
@example(drawn=([(0, 7.0), (1, 7.0), (2, 7.0), (3, 7.0)], 0.0, 0.0, NOW_S, INF), called=True, clash=False, rules="resco")
@example(drawn=([(0, 30.0), (2, 25.0)], 0.0, 0.0, NOW_S, INF), called=True, clash=False, rules="resco")
@example(drawn=([(0, 110.0), (1, 60.0), (2, 60.0), (3, 20.0)], 0.0, 0.0, NOW_S, INF), called=True, clash=False, rules="street")
def test_a_plan_gets_the_verdict_that_safety_gives(
    four_arm: Network, limits_of: Limits, observe: Observe, drawn: Drawn, called: bool, clash: bool, rules: str
) -> None:
    network = four_arm
    if clash:  # every pair conflicts: each phase shows greens that must not be together
        signal = replace(four_arm.signals[0], conflicts=np.ones_like(four_arm.signals[0].conflicts))
        network = Network("clash", (signal,))
    limits = limits_of(network, rules)
    plan = plan_of(network, drawn)
    observed = observe(network, now_s=NOW_S, queue_veh=float(called))
    of = city_of(network, limits)
    assert arrays_say(of, network.signals[0].base, plan, called) == safety_says(network, plan, observed, limits)


OBJECTED: list[tuple[str, Drawn]] = [
    ("structure", ([(0, 30.5), (1, 10.0), (2, 25.0), (3, 10.0)], 0.0, 0.0, NOW_S, INF)),
    ("structure", ([(0, 30.0), (1, 10.0), (2, 25.0), (3, 10.0), (0, 20.0)], 0.0, 0.0, NOW_S, INF)),
    ("start", ([(0, 30.0), (1, 10.0), (2, 25.0), (3, 10.0)], 0.0, 0.0, NOW_S + 5.0, INF)),
    ("lease", ([(0, 30.0), (1, 10.0), (2, 25.0), (3, 10.0)], 0.0, 0.0, NOW_S, NOW_S)),
    ("min green", ([(0, 30.0), (1, 6.0), (2, 25.0), (3, 10.0)], 0.0, 0.0, NOW_S, INF)),
    ("max green", ([(0, 121.0), (1, 10.0), (2, 25.0), (3, 10.0)], 0.0, 0.0, NOW_S, INF)),
    ("max red in the cycle", ([(0, 30.0), (1, 60.0), (2, 60.0), (3, 60.0)], 0.0, 0.0, NOW_S, INF)),
    ("every movement", ([(0, 30.0), (2, 25.0)], 0.0, 0.0, NOW_S, INF)),
    ("cycle", ([(0, 30.0), (1, 10.0), (2, 25.0), (3, 10.0)], 3.0, 0.0, NOW_S, INF)),
    ("offset", ([(0, 30.0), (1, 10.0), (2, 25.0), (3, 10.0)], 0.0, 400.0, NOW_S, INF)),
    ("rate of change", ([(0, 50.0), (1, 10.0), (2, 25.0), (3, 10.0)], 0.0, 0.0, NOW_S, INF)),
]


@pytest.mark.parametrize(("rule", "drawn"), OBJECTED)
def test_each_rule_objects_by_its_name(four_arm: Network, limits_of: Limits, rule: str, drawn: Drawn) -> None:
    limits = limits_of(four_arm, "street")
    limits = (replace(limits[0], min_green_s=np.full(4, 7.0)),)
    plan = plan_of(four_arm, drawn)
    verdict = arrays_say(city_of(four_arm, limits), four_arm.signals[0].base, plan, True)
    # The left turns are served permissively by the through phases: leaving out their own phases leaves nobody out.
    if rule == "every movement":
        plan = plan_of(four_arm, ([(0, 30.0), (1, 10.0)], 0.0, 0.0, NOW_S, INF))
        verdict = arrays_say(city_of(four_arm, limits), four_arm.signals[0].base, plan, False)
    assert city.OBJECTIONS[verdict - 1] == rule


@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])
def test_the_longest_dark_time_goes_round_the_cycle(plain: bool) -> None:
    dark_s = city.longest_dark_s.py_func if plain else city.longest_dark_s
    phase = np.array([0, 1, 2], dtype=np.int64)
    green_s, between_s = np.array([10.0, 20.0, 30.0]), np.full((3, 3), 3.0)
    starts_of = city.starts_of.py_func if plain else city.starts_of
    on_s: Floats = starts_of(phase, green_s, between_s)
    np.testing.assert_array_equal(on_s, [0.0, 13.0, 36.0, 69.0])
    lit = np.array([[True, True, False], [False, False, False], [False, True, False]])
    # Green in the first stage alone: dark from 10 to 69 s; in the first and third: from 10 to 36 and from 66 to 69 s.
    assert [dark_s(m, phase, green_s, on_s, lit, 69.0) for m in range(3)] == [59.0, 26.0, -INF]


def test_plain_and_compiled_kernels_agree(four_arm: Network, limits_of: Limits) -> None:
    of = city_of(four_arm, limits_of(four_arm))
    x, flow_veh_h = of.loads, np.full((1, 12), 150.0)
    given_to = (
        flow_veh_h, x.saturation_veh_h, x.foes, x.foe_end, x.group_of, x.lanes, x.group_lanes, x.class_of, x.within, x.counted,
        of.stages, of.movements, x.groups, x.classes, of.lost_s, 2.0, of.stage_min_green_s, of.max_green_s, of.min_cycle_s,
        of.max_cycle_s, of.step_s,
    )  # fmt: skip
    greens_s, cycle_s = city.plans(*given_to)
    plain_greens_s, plain_cycle_s = city.plans.py_func(*given_to)
    np.testing.assert_array_equal(greens_s, plain_greens_s)
    np.testing.assert_array_equal(cycle_s, plain_cycle_s)
