"""Claims about programs: the seam from what is running, intergreens that nobody cuts, and a tail that is the base plan."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from signals.links.program import Cabinet, Program, Segment, entry, following, in_line, intergreen_segments, loop_start
from signals.monitor import LightsMonitor, monitor_for
from signals.rules import RULES
from signals.types import Intersection, Network, Serves, Stage, TimingPlan
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

NOW_S = 1000.0
needs_resco = pytest.mark.skipif(
    importlib.util.find_spec("sumo_rl") is None,
    reason="the RESCO nets need the bench extra (sumo-rl), not installed here",
)
NETS = [
    *(pytest.param(n, "resco", marks=needs_resco, id=n) for n in ("resco/cologne8", "resco/grid4x4")),
    *(pytest.param("arterial_5", rules, id=f"arterial_5 {rules}") for rules in ("resco", "street")),
]


def sequence(signal: Intersection, *stages: tuple[int, float]) -> TimingPlan:
    plan = tuple(Stage(p, green_s) for p, green_s in stages)
    return TimingPlan(signal.id, plan, NOW_S, NOW_S + sum(green_s for _, green_s in stages) + 30.0)


def green(signal: Intersection, phase: int, left_s: float) -> tuple[Segment, ...]:
    return (Segment(left_s, signal.phases[phase].lights, phase, True),)


def played(program: Program, length_s: int) -> list[str]:
    """The lights of each second, as a controller runs the program."""
    shown: list[str] = []
    k = 0
    while len(shown) < length_s:
        shown += [program.segments[k].lights] * round(program.segments[k].duration_s)
        k = program.following[k]
    return shown[:length_s]


def turns_green(program: Program, phase: int, length_s: int) -> list[int]:
    """Seconds at which segments of a phase begin to be green."""
    found, at_s, k = [], 0.0, 0
    while at_s < length_s:
        if program.segments[k].green and program.segments[k].phase == phase:
            found.append(round(at_s))
        at_s += program.segments[k].duration_s
        k = program.following[k]
    return found


def watched(signal: Intersection, shown: list[str], rules: str) -> LightsMonitor:
    monitor = monitor_for(Network("watched", (signal,)), RULES[rules])
    for t, lights in enumerate(shown):
        monitor.watch(float(t), [lights])
    return monitor


@pytest.fixture(params=[0, 1, 2, 3])
def running(request: pytest.FixtureRequest) -> int:
    phase: int = request.param
    return phase


@pytest.fixture
def signal(four_arm: Network) -> Intersection:
    return four_arm.signals[0]


def test_a_sequence_goes_on_from_the_running_green_without_a_break(signal: Intersection, running: int) -> None:
    program = Cabinet(signal).program(sequence(signal, (running, 12.0)), green(signal, running, 4.0), NOW_S, 20.0)
    assert program.segments[0] == Segment(12.0, signal.phases[running].lights, running, True)
    assert program.leads[0] == 0


def test_a_sequence_that_begins_with_another_phase_begins_with_its_intergreen(signal: Intersection, running: int) -> None:
    target = (running + 2) % 4
    program = Cabinet(signal).program(sequence(signal, (target, 9.0)), green(signal, running, 4.0), NOW_S, 20.0)
    first, second = program.segments[:2]
    assert (first.duration_s, first.phase, first.green) == (3.0, target, False)
    for before, shown, after in zip(signal.phases[running].lights, first.lights, signal.phases[target].lights, strict=True):
        loses = before in "gG" and after not in "gG"
        assert shown == ("y" if loses else before)
    assert second == Segment(9.0, signal.phases[target].lights, target, True)
    assert program.leads[0] == 1


@pytest.mark.parametrize("left_s", [1.0, 2.0, 3.0])
def test_a_running_intergreen_is_never_cut(with_crossing: Network, left_s: float) -> None:
    one = with_crossing.signals[0]
    cabinet = Cabinet(one)
    change = cabinet.change(0, 2)
    assert [s.lights.count("y") > 0 for s in change] == [True, False]
    before = in_line((*change, cabinet.green(Stage(2, 10.0)), *cabinet.base_tail(2)), 4, 2)
    # In the yellow, with some of it left: the yellow's rest, the whole all-red and the coming green stay.
    rest = before.from_here(0, left_s)
    assert [s.duration_s for s in rest] == [left_s, change[1].duration_s, 10.0]
    assert [s.green for s in rest] == [False, False, True]
    # A green that is still to come is counted from now: what is left of its intergreen comes first.
    program = cabinet.program(sequence(one, (2, 20.0), (0, 10.0)), rest, NOW_S, 0.0)
    assert program.segments[:2] == rest[:2]
    coming_s = 20.0 - left_s - change[1].duration_s
    assert program.segments[2] == Segment(coming_s, one.phases[2].lights, 2, True)


def test_the_rest_of_a_segment_is_at_least_a_second(signal: Intersection) -> None:
    program = Cabinet(signal).program(sequence(signal, (0, 5.0)), green(signal, 0, 5.0), NOW_S, 0.0)
    assert program.from_here(0, 0.0)[0].duration_s == 1.0


def test_after_its_last_stage_a_sequence_repeats_the_base_plan(signal: Intersection, running: int) -> None:
    plan = sequence(signal, (running, 6.0), ((running + 1) % 4, 7.0))
    program = Cabinet(signal).program(plan, green(signal, running, 6.0), NOW_S, 20.0)
    cycle = int(signal.base.cycle_s)
    shown = played(program, 5 * cycle)
    tail = shown[16:]  # 6 + 3 + 7 s
    assert tail[cycle : 2 * cycle] == tail[2 * cycle : 3 * cycle]
    order = [(running + 2 + k) % 4 for k in range(4)]
    greens = [s.phase for s in program.segments[program.leads[0] + 1 :] if s.green]
    assert greens == order
    for stage in signal.base.stages:
        assert tail[cycle : 2 * cycle].count(signal.phases[stage.phase].lights) == stage.green_s


def test_the_time_until_green_adds_up_what_lies_between(with_crossing: Network) -> None:
    one = with_crossing.signals[0]
    cabinet = Cabinet(one)
    program = cabinet.program(sequence(one, (0, 5.0), (2, 10.0)), green(one, 0, 5.0), NOW_S, 30.0)
    assert [s.green for s in program.segments[:4]] == [True, False, False, True]
    assert program.until_green_s(0) == one.intergreen_s[0, 2]
    assert program.until_green_s(1) == one.all_red_s[0, 2]
    assert program.until_green_s(2) == 0.0
    # From the last segment the way leads back to where the tail repeats.
    assert program.until_green_s(len(program.segments) - 1) == 0.0


@pytest.mark.parametrize("offset_s", [0.0, 13.0, 70.0])
@pytest.mark.parametrize("age_s", [0.0, 11.0])
def test_a_repeating_plan_meets_its_offset_by_holding_the_running_green(
    signal: Intersection, running: int, offset_s: float, age_s: float
) -> None:
    plan = replace(signal.base, offset_s=offset_s)
    program = Cabinet(signal).program(plan, green(signal, running, 2.0), NOW_S, age_s)
    hold_s = program.segments[0].duration_s
    own_s = plan.stages[running].green_s
    assert max(1.0, own_s - age_s) <= hold_s < plan.cycle_s + max(1.0, own_s - age_s)
    first = plan.stages[0].phase
    starts = [t for t in turns_green(program, first, 500) if t > 0]
    assert starts
    assert all((NOW_S + t - offset_s) % plan.cycle_s == pytest.approx(0.0) for t in starts)


def test_a_repeating_plan_met_in_an_intergreen_waits_for_its_end(signal: Intersection) -> None:
    plan = replace(signal.base, offset_s=40.0)
    cabinet = Cabinet(signal)
    rest = (Segment(2.0, cabinet.change(0, 1)[0].lights, 1, False), cabinet.green(Stage(1, 10.0)))
    program = cabinet.program(plan, rest, NOW_S, 0.0)
    assert program.segments[0] == rest[0]
    assert program.segments[1].green
    assert program.segments[1].duration_s >= 10.0
    assert all((NOW_S + t - 40.0) % plan.cycle_s == 0.0 for t in turns_green(program, 0, 400))


def test_a_phase_that_the_plan_lacks_is_held_until_its_earliest_stage(signal: Intersection) -> None:
    stages = (signal.base.stages[0], signal.base.stages[2])
    plan = replace(signal.base, stages=stages, cycle_s=61.0, offset_s=0.0)
    after, hold_s = entry(signal, plan, 1, 0.0, 0.0)
    # Phase 0 is due at 0 s, and the left turns of phase 1 go over to it without an intergreen; phase 2 is due at
    # 33 s, 3 s after the end of phase 1.
    assert (after, hold_s) == (1, 30.0)
    assert entry(signal, plan, 1, 31.0, 0.0) == (0, 30.0)


def test_the_stage_after_a_phase_and_the_first_where_it_is_unknown(signal: Intersection) -> None:
    assert [following(signal.base, p) for p in range(4)] == [1, 2, 3, 0]
    assert following(replace(signal.base, stages=signal.base.stages[1:]), 0) == 0


def test_between_phases_that_nobody_loses_green_in_nothing_is_shown(signal: Intersection) -> None:
    assert intergreen_segments(signal, 1, 1) == []
    assert loop_start(Cabinet(signal).cycle(0, signal.base.stages, 0)) == 0


def changes(name: str, rules: str) -> Iterator[tuple[Intersection, int, int]]:
    for one in read_network(scenario(name).net, RULES[rules]).signals:
        for p, q in product(range(len(one.phases)), repeat=2):
            if p != q:
                yield one, p, q


@pytest.mark.parametrize(("name", "rules"), NETS)
def test_every_change_of_phases_and_the_base_plan_after_it_shows_no_violation(name: str, rules: str) -> None:
    seen = 0
    for one, p, q in changes(name, rules):
        program = Cabinet(one).program(sequence(one, (p, 40.0), (q, 40.0)), green(one, p, 5.0), NOW_S, 50.0)
        cycle = int(one.base.cycle_s)
        monitor = watched(one, played(program, 100 + 2 * cycle), rules)
        short_base = [s for s in one.base.stages if s.green_s < 10.0]
        minds = [v for v in monitor.violations if not (short_base and v.rule == "short green")]
        assert minds == []
        seen += 1
    assert seen > 50


def test_who_keeps_green_shows_no_yellow_and_who_waits_no_green_in_an_intergreen(with_crossing: Network) -> None:
    one = with_crossing.signals[0]
    for p, q in product(range(4), repeat=2):
        for segment in Cabinet(one).change(p, q):
            for m, aspect in enumerate(segment.lights):
                kept = one.serves[p, m] > Serves.NOT and one.serves[q, m] > Serves.NOT
                assert (aspect in "gG") == kept
