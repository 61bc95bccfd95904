"""Nothing unsafe reaches the street, nothing safe is refused, and only safety approves."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from signals.errors import UnsafePlanError
from signals.safety import ONLY_REPEATING, ONLY_SEQUENCES, RULES, adopt, approach, lasting_objection, plainly_safe, vet
from signals.seam import Seen
from signals.site import sites
from signals.types import (
    ApprovedPlan,
    Intersection,
    Network,
    Observation,
    SafetyEnvelope,
    Stage,
    TimingPlan,
)

NOW_S = 1000.0
LimitsOf = Callable[[Network, str], tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]


def sequence(*stages: tuple[int, float], starts_s: float = NOW_S, lease_s: float = 60.0) -> TimingPlan:
    return TimingPlan("A0", tuple(Stage(p, g) for p, g in stages), starts_s, starts_s + lease_s)


def repeating(signal: Intersection, *stages: tuple[int, float], offset_s: float = 0.0, off_s: float = 0.0) -> TimingPlan:
    """A cycle of these stages, `off_s` longer than its greens and intergreens."""
    following = stages[1:] + stages[:1]
    lost_s = sum(float(signal.intergreen_s[p, q]) for (p, _), (q, _) in zip(stages, following, strict=True))
    cycle_s = sum(g for _, g in stages) + lost_s + off_s
    made = tuple(Stage(p, g) for p, g in stages)
    return TimingPlan(signal.id, made, NOW_S, inf, repeats=True, cycle_s=cycle_s, offset_s=offset_s)


def judged(plan: TimingPlan, network: Network, limits: tuple[SafetyEnvelope, ...], observed: Observation) -> ApprovedPlan:
    """The verdict on one signal's wish while its base plan runs."""
    return vet((plan,), adopt(network, NOW_S), observed, network, limits)[0]


@dataclass(frozen=True)
class Case:
    """A wish for the four-arm junction, and what the sensors see; without a word: phase 0, green for 20 s."""

    plan: Callable[[Intersection], TimingPlan]
    seen: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    lights: dict[int, str] = field(default_factory=dict)  # phases that show something else


def said(*stages: tuple[int, float], **more: float) -> Callable[[Intersection], TimingPlan]:
    return lambda signal: sequence(*stages, **more)


def cycled(*stages: tuple[int, float], **more: float) -> Callable[[Intersection], TimingPlan]:
    return lambda signal: repeating(signal, *stages, **more)


AS_BASE = ((0, 30.0), (1, 10.0), (2, 25.0), (3, 10.0))
CALLING = {"queue_veh": 2.0, "red_s": 20.0}
FORBIDDEN = {
    "structure": [
        Case(said((2, 12.5))),
        Case(said((0, 0.0), (2, 12.0))),
        Case(said((2, 10.0), (2, 10.0))),
        Case(cycled((0, 30.0), (1, 10.0), (2, 25.0), (3, 10.0), (0, 10.0))),
    ],
    "conflict": [
        Case(said((2, 12.0)), lights={2: "GGGrrrGGGrrr"}),
        Case(said((2, 12.0)), lights={2: "GGgGGgrrrrrr"}),
        Case(said((2, 12.0)), lights={2: "rrgrGrrrrrrr"}),
        Case(cycled(*AS_BASE), lights={0: "GGgGGgGGgGGg"}),
    ],
    "start": [
        Case(said((2, 12.0), starts_s=NOW_S - 1.0)),
        Case(said((2, 12.0), starts_s=NOW_S + 1.0)),
        Case(lambda signal: replace(repeating(signal, *AS_BASE), starts_s=NOW_S + 60.0)),
    ],
    "lease": [
        Case(said((2, 12.0), lease_s=61.0)),
        Case(said((2, 12.0), lease_s=inf)),
        Case(said((2, 12.0), lease_s=0.0)),
        Case(lambda signal: replace(repeating(signal, *AS_BASE), valid_until_s=NOW_S)),
    ],
    "seam": [
        Case(said((2, 12.0)), seen={"age_s": 6.0}),
        Case(said((0, 1.0), (2, 12.0)), seen={"age_s": 5.0}),
        Case(said((0, 1.0)), seen={"age_s": 5.0}),
        Case(said((2, 12.0)), seen={"age_s": -2.0}),
        Case(said((0, 8.0), (2, 12.0)), seen={"age_s": -2.0}),
        Case(said((0, 12.0)), seen={"age_s": nan}),
        Case(said((0, 12.0)), seen={"phase": -1}),
        Case(said((0, 12.0)), seen={"phase": 4}),
    ],
    "min green": [
        Case(said((2, 6.0))),
        Case(said((0, 2.0), (2, 6.0))),
        Case(said((2, 10.0), (0, 6.0))),
        Case(cycled((0, 30.0), (1, 6.0), (2, 25.0), (3, 10.0))),
    ],
    "max green": [
        Case(said((2, 41.0)), limits={"max_green_s": 40.0}),
        Case(said((0, 21.0)), seen=CALLING, limits={"max_green_s": 40.0}),
        Case(said((0, 21.0)), seen={"queue_veh": nan}, limits={"max_green_s": 40.0}),
        Case(cycled((0, 41.0), (1, 10.0), (2, 25.0), (3, 10.0)), limits={"max_green_s": 40.0}),
    ],
    "max red": [
        Case(said((0, 30.0)), seen={"queue_veh": 2.0, "red_s": 260.0}),
        Case(said((0, 30.0)), seen={"queue_veh": nan, "red_s": 260.0}),
        Case(said((0, 30.0)), seen={"queue_veh": 2.0, "red_s": nan}),
        Case(said((0, 30.0), (2, 10.0)), seen={"queue_veh": 2.0, "red_s": 290.0}),
    ],
    "max red in the cycle": [
        Case(cycled((0, 50.0), (1, 10.0), (2, 45.0), (3, 10.0)), seen=CALLING, limits={"max_red_s": 60.0}),
        Case(cycled((0, 50.0), (1, 10.0), (2, 45.0), (3, 10.0)), seen={"queue_veh": nan}, limits={"max_red_s": 60.0}),
    ],
    "every movement": [Case(cycled((0, 30.0), (1, 10.0), (3, 10.0)))],
    "cycle": [
        Case(cycled(*AS_BASE, off_s=1.0)),
        Case(cycled(*AS_BASE, off_s=-1.0)),
        Case(cycled(*AS_BASE), limits={"max_cycle_s": 80.0}),
        Case(cycled(*AS_BASE), limits={"min_cycle_s": 90.0}),
    ],
    "offset": [Case(cycled(*AS_BASE, offset_s=-1.0)), Case(cycled(*AS_BASE, offset_s=87.0))],
    "rate of change": [
        Case(cycled((0, 46.0), (1, 10.0), (2, 25.0), (3, 10.0))),
        Case(cycled((0, 14.0), (1, 10.0), (2, 25.0), (3, 10.0))),
    ],
}
ALLOWED = {
    "hold the running phase": Case(said((0, 30.0)), seen=CALLING),
    "change at the minimum green": Case(said((2, 7.0)), seen={"age_s": 7.0}),
    "serve the rest of the minimum, then change": Case(said((0, 2.0), (2, 7.0)), seen={"age_s": 5.0}),
    "let the intergreen and its minimum pass": Case(said((0, 9.0), (2, 7.0)), seen={"age_s": -2.0}),
    "many stages": Case(said((0, 5.0), (1, 8.0), (2, 7.0), (3, 7.0), (0, 7.0)), seen=CALLING),
    "hold over the maximum where nobody else calls": Case(said((0, 21.0)), limits={"max_green_s": 40.0}),
    "a cycle near the running one": Case(cycled((0, 40.0), (1, 12.0), (2, 20.0), (3, 10.0), offset_s=5.0)),
    "a cycle of other phases": Case(cycled((2, 40.0), (0, 45.0))),
    "a cycle that began earlier": Case(lambda signal: replace(repeating(signal, *AS_BASE), starts_s=0.0)),
    "a calm signal in the dark for long": Case(said((0, 30.0)), seen={"queue_veh": 0.0, "red_s": 900.0}),
}


def posed(case: Case, four_arm: Network, limits_of: LimitsOf, observe: Observe) -> tuple[TimingPlan, ApprovedPlan]:
    """The wish of a case, and the verdict on it."""
    signal = four_arm.signals[0]
    if case.lights:
        phases = tuple(replace(p, lights=case.lights.get(k, p.lights)) for k, p in enumerate(signal.phases))
        serves = np.array([["_gG".find(x) if x in "gG" else 0 for x in p.lights] for p in phases])
        signal = replace(signal, phases=phases, serves=serves)
    network = replace(four_arm, signals=(signal,))
    limits = (replace(limits_of(network, "resco")[0], **case.limits),)  # type: ignore[arg-type]
    plan = case.plan(signal)
    return plan, judged(plan, network, limits, observe(network, **case.seen))


@pytest.mark.parametrize(("rule", "case"), [(rule, case) for rule in RULES for case in FORBIDDEN[rule]])
def test_an_unsafe_wish_leaves_the_running_plan_in_force(
    rule: str, case: Case, four_arm: Network, limits_of: LimitsOf, observe: Observe
) -> None:
    _, verdict = posed(case, four_arm, limits_of, observe)
    assert [objection.rule for objection in verdict.objections] == [rule]
    assert verdict.plan.repeats and verdict.plan.stages == four_arm.signals[0].base.stages
    assert verdict.objections[0].signal == "A0" and verdict.objections[0].sentence.startswith("A0: ")


@pytest.mark.parametrize("case", ALLOWED.values(), ids=list(ALLOWED))
def test_a_safe_wish_is_approved_as_it_is(case: Case, four_arm: Network, limits_of: LimitsOf, observe: Observe) -> None:
    plan, verdict = posed(case, four_arm, limits_of, observe)
    assert verdict.objections == ()
    assert verdict.plan is plan


def test_every_rule_is_asked_of_sequences_or_of_cycles_and_has_an_example() -> None:
    assert FORBIDDEN.keys() == RULES.keys()
    assert {*ONLY_SEQUENCES, *ONLY_REPEATING} < RULES.keys()


def test_the_objection_says_where_what_and_what_was_expected(four_arm: Network, limits_of: LimitsOf, observe: Observe) -> None:
    verdict = judged(sequence((2, 5.0)), four_arm, limits_of(four_arm, "resco"), observe(four_arm))
    assert verdict.objections[0].sentence == "A0: green 5.0 s of phase 2 (EW) is under the minimum 7.0 s"


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"signal": "B0"}, "plan of B0"),
    ({"stages": ()}, "no stages"),
    ({"stages": (Stage(4, 10.0),)}, "phase 4; expected 0 to 3"),
    ({"stages": (Stage(-1, 10.0),)}, "phase -1"),
    ({"stages": (Stage(1.5, 10.0),)}, "phase 1.5"),  # type: ignore[arg-type]
    ({"stages": (Stage(0, nan),)}, "green nan"),
    ({"stages": (Stage(2, 10.0), Stage(0, -1.0))}, "stage 1: green -1.0"),
    ({"stages": (Stage(0, inf),)}, "green inf"),
    ({"starts_s": nan}, "from nan"),
    ({"valid_until_s": nan}, "to nan"),
    ({"repeats": True, "cycle_s": nan}, "cycle nan"),
    ({"repeats": True, "cycle_s": 80.0, "offset_s": inf}, "offset inf"),
]


@pytest.mark.parametrize(("broken", "sentence"), MALFORMED, ids=[sentence for _, sentence in MALFORMED])
def test_a_malformed_wish_raises_and_says_where(
    broken: dict[str, Any], sentence: str, four_arm: Network, limits_of: LimitsOf, observe: Observe
) -> None:
    limits, running = limits_of(four_arm, "resco"), adopt(four_arm, NOW_S)
    wish = (replace(sequence((2, 10.0)), **broken),)
    with pytest.raises(UnsafePlanError, match=f"^A0: .*{sentence}"):
        vet(approach(wish, running, limits), running, observe(four_arm), four_arm, limits)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_of_wishes_of_the_wrong_length_raises(count: int, pair: Network, limits_of: LimitsOf, observe: Observe) -> None:
    limits, running = limits_of(pair, "resco"), adopt(pair, NOW_S)
    wish = (pair.signals[0].base,) * count
    with pytest.raises(UnsafePlanError, match=f"pair: {count} wishes.*expected 2"):
        vet(approach(wish, running, limits), running, observe(pair), pair, limits)


def test_an_observation_of_another_network_raises(four_arm: Network, with_crossing: Network, limits_of: LimitsOf, observe: Observe) -> None:
    with pytest.raises(UnsafePlanError, match="13 queues"):
        judged(sequence((2, 10.0)), four_arm, limits_of(four_arm, "resco"), observe(with_crossing))


def test_base_plans_are_adopted_as_built(pair: Network) -> None:
    adopted = adopt(pair, 0.0)
    assert [a.plan for a in adopted] == [s.base for s in pair.signals]
    assert all(a.objections == () for a in adopted)


def test_a_base_plan_that_is_over_cannot_be_adopted(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    over = replace(four_arm, signals=(replace(signal, base=replace(signal.base, valid_until_s=NOW_S)),))
    with pytest.raises(UnsafePlanError, match=r"A0: the base plan ends at 1000\.0 s"):
        adopt(over, NOW_S)


def test_wishing_the_running_plan_changes_nothing(pair: Network, limits_of: LimitsOf, observe: Observe) -> None:
    limits, running = limits_of(pair, "resco"), adopt(pair, NOW_S)
    wish = tuple(r.plan for r in running)
    assert all(a is b for a, b in zip(vet(wish, running, observe(pair), pair, limits), running, strict=True))


def test_each_signal_is_judged_by_its_own_state(pair: Network, limits_of: LimitsOf, observe: Observe) -> None:
    limits, running = limits_of(pair, "resco"), adopt(pair, NOW_S)
    seen = replace(observe(pair), age_s=np.array([3.0, 30.0]))
    wish = tuple(replace(sequence((2, 10.0)), signal=s.id) for s in pair.signals)
    first, second = vet(wish, running, seen, pair, limits)
    assert [o.rule for o in first.objections] == ["seam"] and first.plan is running[0].plan
    assert second.objections == () and second.plan is wish[1]


@pytest.mark.parametrize("wished", ["the same plan", "an unsafe plan"])
def test_a_running_plan_that_is_over_has_given_way_to_the_base_plan(
    wished: str, four_arm: Network, limits_of: LimitsOf, observe: Observe
) -> None:
    limits = limits_of(four_arm, "resco")
    running = (judged(sequence((2, 30.0), lease_s=33.0), four_arm, limits, observe(four_arm)),)
    later = observe(four_arm, now_s=NOW_S + 33.0, phase=2, age_s=30.0)
    wish = running[0].plan if wished == "the same plan" else sequence((0, 1.0), starts_s=NOW_S + 33.0)
    verdict = vet((wish,), running, later, four_arm, limits)[0]
    assert verdict.plan is four_arm.signals[0].base
    assert bool(verdict.objections) == (wished == "an unsafe plan")


@pytest.mark.parametrize("stages", [[(2, 30.0)], [(0, 1.0), (2, 30.0)]])
def test_a_plan_that_serves_the_most_overdue_movement_at_once_is_not_refused_for_its_red(
    stages: list[tuple[int, float]], four_arm: Network, limits_of: LimitsOf, observe: Observe
) -> None:
    starved = observe(four_arm, queue_veh=3.0, red_s=400.0, age_s=20.0 if len(stages) == 1 else 6.0)
    limits = limits_of(four_arm, "resco")
    assert judged(sequence(*stages), four_arm, limits, starved).objections == ()
    other = replace(starved, red_s=np.where(np.arange(12) == 3 * 3 + 2, 500.0, starved.red_s))
    assert judged(sequence(*stages), four_arm, limits, other).objections == (), "the left turn from w is green in EW"
    verdict = judged(sequence(*stages[:-1], (1, 30.0)), four_arm, limits, other)
    assert [o.rule for o in verdict.objections] == ["max red"], "NS left does not serve it"


def test_starvation_always_has_a_way_out(four_arm: Network, limits_of: LimitsOf, observe: Observe) -> None:
    signal, limits = four_arm.signals[0], limits_of(four_arm, "resco")
    for phase in range(4):
        for starving in range(12):
            red_s = np.where(signal.serves[phase] > 0, 0.0, 290.0) + np.where(np.arange(12) == starving, 1000.0, 0.0)
            if signal.serves[phase, starving]:
                continue
            seen = replace(observe(four_arm, phase=phase, queue_veh=1.0), red_s=red_s)
            verdicts = [judged(sequence((q, 27.0)), four_arm, limits, seen) for q in range(4) if q != phase]
            assert any(not v.objections for v in verdicts)


def test_only_safety_makes_an_approved_plan(four_arm: Network, limits_of: LimitsOf, observe: Observe) -> None:
    approved = judged(sequence((2, 10.0)), four_arm, limits_of(four_arm, "resco"), observe(four_arm))
    unsafe = sequence((2, 1.0))
    twin = replace(approved.plan)
    for plan in (unsafe, twin):
        with pytest.raises(UnsafePlanError, match="seal is of another plan"):
            replace(approved, plan=plan)
        with pytest.raises(UnsafePlanError):
            ApprovedPlan(plan, approved.seal)
        with pytest.raises(UnsafePlanError):
            ApprovedPlan(plan, None)  # type: ignore[arg-type]
        with pytest.raises(UnsafePlanError, match=r"only signals\.safety can seal"):
            type(approved.seal)(plan, object())


def test_what_is_settled_at_once_no_rule_objects_to(with_crossing: Network, limits_of: LimitsOf) -> None:
    """Greens, ages, reds and leases by chance around every limit: the short cut never says yes where the rules say no."""
    rng, settled = np.random.default_rng(105), 0
    limits = tuple(replace(one, max_red_s=220.0, max_green_s=60.0) for one in limits_of(with_crossing, "street"))
    site = sites(with_crossing, limits)[0]
    reds = site.movement_end - site.movement_start
    for _ in range(4000):
        stage = Stage(int(rng.integers(len(site.min_green_s))), float(rng.choice([rng.integers(1, 70), rng.uniform(0.0, 70.0)])))
        starts_s = NOW_S + float(rng.choice([0.0, 0.0, 0.0, -3.0, 1.0, nan]))
        until_s = NOW_S + float(rng.choice([-1.0, 0.0, 30.0, 60.0, 61.0, inf, nan]))
        plan = TimingPlan(site.signal.id, (stage,), starts_s, until_s)
        phase, age_s = int(rng.integers(len(site.min_green_s))), float(rng.choice([-2.0, 0.0, 5.0, 8.0, 15.0, 40.0, inf, nan]))
        worst_s = float(rng.choice([-1.0, 20.0, 60.0, 100.0, 150.0]))
        called_red_s = np.minimum(rng.choice([-1.0, 0.0, 20.0, 90.0, 150.0], reds), worst_s).tolist()
        if plainly_safe(plan, site, NOW_S, phase, age_s, max(called_red_s)):
            seen = Seen(NOW_S, phase, age_s, called_red_s, site.signal.base)
            assert [rule(plan, site, seen) for name, rule in RULES.items() if name not in ONLY_REPEATING] == [None] * 8
            settled += 1
    assert settled > 50


@pytest.mark.parametrize(
    "plan",
    [TimingPlan("B0", (Stage(1, 27.0),), NOW_S, NOW_S + 30.0), sequence((7, 27.0)), sequence((1, nan)), sequence((1, 27.0), (2, 27.0))],
    ids=["of another signal", "unknown phase", "no green", "two stages"],
)
def test_only_a_plain_stage_of_the_signal_itself_is_settled_at_once(plan: TimingPlan, four_arm: Network, limits_of: LimitsOf) -> None:
    site = sites(four_arm, limits_of(four_arm, "resco"))[0]
    assert plainly_safe(sequence((1, 27.0)), site, NOW_S, 0, 20.0, 0.0)
    assert not plainly_safe(plan, site, NOW_S, 0, 20.0, 0.0)


@pytest.mark.parametrize(
    ("greens_s", "offset_s", "rule"),
    [
        ([20.0, 20.0], 0.0, None),
        ([20.0], 0.0, "every movement"),
        ([1.0, 20.0], 0.0, "min green"),
        ([20.0, 20.0], 500.0, "offset"),
        ([290.0, 290.0], 0.0, "cycle"),
    ],
)
def test_what_would_always_be_said_against_a_plan_is_said_before_it_is_tried(
    four_arm: Network, limits_of: LimitsOf, greens_s: list[float], offset_s: float, rule: str | None
) -> None:
    limits, signal = limits_of(four_arm, "resco"), four_arm.signals[0]
    phases = [stage.phase for stage in signal.base.stages]
    stages = [(p, greens_s[min(k, len(greens_s) - 1)] + 1.0) for k, p in enumerate(phases[: 1 if len(greens_s) == 1 else None])]
    found = lasting_objection(repeating(signal, *stages, offset_s=offset_s), sites(four_arm, limits)[0], NOW_S)
    assert (None if found is None else found.rule) == rule


def test_the_base_plan_is_held_to_nothing(four_arm: Network, limits_of: LimitsOf) -> None:
    assert lasting_objection(four_arm.signals[0].base, sites(four_arm, limits_of(four_arm, "street"))[0], NOW_S) is None
