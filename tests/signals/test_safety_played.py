"""What safety approves, played second by second by code of its own, never shows lights that the monitor minds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, nan

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from signals.errors import UnsafePlanError
from signals.monitor import LightsMonitor, monitor_for
from signals.rules import RULES
from signals.safety import adopt, approach, vet
from signals.types import Intersection, Network, Observation, SafetyEnvelope, Stage, TimingPlan

NOW_S = 1000.0
FEW = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
Path = list[tuple[int, int]]  # phases and how long each is green [s]


@dataclass(frozen=True)
class Site:
    """A network of one signal, its envelope, and the rules it was timed by."""

    network: Network
    limits: tuple[SafetyEnvelope, ...]
    rules: str
    observe: Callable[..., Observation]


@pytest.fixture(params=[("four_arm", "resco"), ("with_crossing", "street")], ids=["four_arm", "with_crossing"], scope="session")
def site(request: pytest.FixtureRequest) -> Site:
    name, rules = request.param
    network = request.getfixturevalue(name)
    return Site(network, request.getfixturevalue("limits_of")(network, rules), rules, request.getfixturevalue("observe"))


def cyclic(signal: Intersection, wish: TimingPlan) -> TimingPlan:
    """A repeating wish with the cycle that its stages add up to."""
    following = wish.stages[1:] + wish.stages[:1]
    lost_s = sum(float(signal.intergreen_s[a.phase, b.phase]) for a, b in zip(wish.stages, following, strict=True))
    return replace(wish, cycle_s=lost_s + sum(stage.green_s for stage in wish.stages))


def shown(signal: Intersection, path: Path) -> list[str]:
    """Lights of each second of a path: who loses green shows yellow, then red; the others keep what they showed."""
    lights: list[str] = []
    for (p, green_s), (q, _) in zip(path, [*path[1:], path[-1]], strict=True):
        now, then = signal.phases[p].lights, signal.phases[q].lights
        lights += [now] * green_s
        for aspect, times_s in (("y", signal.yellow_s), ("r", signal.all_red_s)):
            step = "".join(aspect if a in "gG" and b not in "gG" else a for a, b in zip(now, then, strict=True))
            lights += [step] * int(times_s[p, q])
    return lights


def driven(signal: Intersection, plan: TimingPlan, state: tuple[int, int, int], limit: SafetyEnvelope) -> Path:
    """The path of a plan from `state` (phase before, running phase, its age): the plan, then a cycle of the base."""
    before, phase, age = state
    least = [int(x) for x in limit.min_green_s]
    base = [(stage.phase, int(stage.green_s)) for stage in signal.base.stages]
    if plan.repeats:
        stages = [(stage.phase, int(stage.green_s)) for stage in plan.stages]
        return [(before, 100), (phase, max(age, least[phase])), *entered(stages, phase), *stages]
    lease = int(plan.valid_until_s - NOW_S)
    stages = [(stage.phase, int(stage.green_s)) for stage in plan.stages]
    t = 0
    path: Path = [(before, 100)]
    if stages[0][0] == phase:
        t = max(min(stages[0][1], lease), least[phase] - age)
        stages = stages[1:]
    path.append((phase, age + t))
    for p, wished in stages:
        if t >= lease:
            break
        on = t + int(signal.intergreen_s[path[-1][0], p])
        green = min(wished, max(least[p], lease - on))
        path.append((p, green))
        t = on + green
    return [*path, *entered(base, path[-1][0]), *base]


def entered(cycle: Path, phase: int) -> Path:
    """A cycle from the stage after a phase on."""
    for k, (p, _) in enumerate(cycle):
        if p == phase:
            return cycle[k + 1 :] + cycle[: k + 1]
    return cycle


def watched(signal: Intersection, lights: list[str], rules: str) -> LightsMonitor:
    monitor = monitor_for(Network("watched", (signal,)), RULES[rules])
    for t, aspects in enumerate(lights):
        monitor.watch(float(t), [aspects])
    return monitor


USUAL_S = st.integers(4, 30).map(float)
GREEN_S = st.sampled_from(range(20)).flatmap(  # one in twenty is out of all bounds
    lambda k: USUAL_S if k else st.sampled_from([0.0, 6.5, 61.0, 400.0, nan, -3.0, inf])
)
STAGES = st.lists(st.builds(Stage, st.integers(0, 3), GREEN_S), min_size=1, max_size=4)
CYCLES = st.permutations(range(4)).flatmap(lambda p: st.tuples(*(st.builds(Stage, st.just(k), GREEN_S) for k in p)))
TIMES = {"signal": st.just(""), "starts_s": st.just(NOW_S), "offset_s": st.integers(0, 60).map(float)}
LEASES = st.integers(1, 70).map(lambda s: NOW_S + s)
WISHES = st.one_of(
    st.builds(TimingPlan, stages=STAGES.map(tuple), valid_until_s=LEASES, repeats=st.just(False), **TIMES),
    st.builds(TimingPlan, stages=st.one_of(CYCLES, STAGES.map(tuple)), valid_until_s=LEASES, repeats=st.just(True), **TIMES),
)
STATES = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(-7, 40))
QUEUES = st.lists(st.sampled_from([0.0, 0.0, 0.0, 3.0, nan]), min_size=13, max_size=13)
REDS = st.lists(st.sampled_from([0.0, 10.0, 30.0, 60.0]), min_size=13, max_size=13)


@FEW
@given(wish=WISHES, state=STATES, queues=QUEUES, reds=REDS)
def test_whatever_is_approved_shows_no_violation(
    site: Site, wish: TimingPlan, state: tuple[int, int, int], queues: list[float], reds: list[float]
) -> None:
    signal = site.network.signals[0]
    before, phase, age = state
    assume(before != phase and -age <= signal.intergreen_s[before, phase])
    wish = replace(cyclic(signal, wish) if wish.repeats else wish, signal=signal.id)
    m = len(signal.movements)
    seen = site.observe(site.network, phase=phase, age_s=float(age))
    seen = replace(seen, queue_veh=np.array(queues[:m]), red_s=np.array(reds[:m]))
    running = adopt(site.network, NOW_S)
    stepped = approach((wish,), running, site.limits)
    if not all(0.0 <= stage.green_s < inf for stage in wish.stages):
        with pytest.raises(UnsafePlanError):
            vet(stepped, running, seen, site.network, site.limits)
        return
    verdict = vet(stepped, running, seen, site.network, site.limits)[0]
    event(f"repeats {wish.repeats}, refused {[o.rule for o in verdict.objections]}")
    if verdict.objections:
        assert verdict.plan is running[0].plan
        return
    assert verdict.plan is stepped[0]
    lights = shown(signal, driven(signal, verdict.plan, state, site.limits[0]))
    assert watched(signal, lights, site.rules).violations == []


@settings(FEW, max_examples=100)
@given(
    stages=st.lists(st.builds(Stage, st.integers(0, 3), st.integers(7, 40).map(float)), min_size=1, max_size=4),
    running=st.tuples(st.integers(0, 3), st.integers(0, 40)),
    lease=st.integers(10, 60),
    waits=st.lists(st.tuples(st.booleans(), st.integers(0, 130)), min_size=12, max_size=12),
)
def test_whatever_is_approved_keeps_nobody_red_for_too_long(
    site: Site, stages: list[Stage], running: tuple[int, int], lease: int, waits: list[tuple[bool, int]]
) -> None:
    signal, (phase, age) = site.network.signals[0], running
    limits = (replace(site.limits[0], max_red_s=130.0),)
    m = len(signal.movements)
    red_s = np.where(signal.serves[phase] > 0, 0.0, np.array([red for _, red in waits] + [0])[:m])
    calls = np.array([call for call, _ in waits] + [False])[:m]
    seen = site.observe(site.network, phase=phase, age_s=float(age))
    seen = replace(seen, queue_veh=np.where(calls, 2.0, 0.0), red_s=red_s)
    plan = TimingPlan(signal.id, tuple(stages), NOW_S, NOW_S + lease)
    verdict = vet((plan,), adopt(site.network, NOW_S), seen, site.network, limits)[0]
    assume(not verdict.objections)
    before = (phase + 1) % 4
    path = driven(signal, plan, (before, phase, age), limits[0])
    lights = shown(signal, path)[path[0][1] + int(signal.intergreen_s[before, phase]) + age :]
    waiting = {k: red_s[k] for k in np.flatnonzero(calls & (signal.serves[phase] == 0))}
    most_overdue = [k for k, red in waiting.items() if red == max(waiting.values())]
    soonest = max(age, int(limits[0].min_green_s[phase])) + 1
    at_once = path[1][1] <= soonest and any(signal.serves[path[2][0], k] for k in most_overdue)
    assert at_once or all(longest_red(lights, k, red_s[k]) <= 130.0 for k in np.flatnonzero(calls).tolist())


def longest_red(lights: list[str], movement: int, red_s: float) -> float:
    """The longest red of a movement that is `red_s` old when these lights begin."""
    longest_s = 0.0
    for aspects in lights:
        red_s = 0.0 if aspects[movement] in "gG" else red_s + 1.0
        longest_s = max(longest_s, red_s)
    return longest_s
