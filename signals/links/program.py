"""A plan as the cabinet runs it: segments of steady lights, the last of which leads back to where the tail repeats."""

from __future__ import annotations

from dataclasses import dataclass

from signals.types import Intersection, Serves, Stage, TimingPlan

SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """Steady lights for a time: the green of `phase`, or (not `green`) part of the intergreen that leads to it."""

    duration_s: float
    lights: str
    phase: int
    green: bool


@dataclass(frozen=True, slots=True)
class Program:
    """Segments, the one that follows each, and the last green that each leads to before the repeating tail; -1 in the tail."""

    segments: tuple[Segment, ...]
    following: tuple[int, ...]
    leads: tuple[int, ...]

    def until_green_s(self, k: int) -> float:
        """From the end of segment `k` to the next green [s]."""
        total_s, k = 0.0, self.following[k]
        for _ in self.segments:
            if self.segments[k].green:
                break
            total_s += self.segments[k].duration_s
            k = self.following[k]
        return total_s

    def from_here(self, k: int, left_s: float) -> tuple[Segment, ...]:
        """What must not be cut: the running segment and, in an intergreen, the rest up to and with its green."""
        now = self.segments[k]
        found = [Segment(max(left_s, SHORTEST_S), now.lights, now.phase, now.green)]
        while not found[-1].green:
            k = self.following[k]
            found.append(self.segments[k])
        return tuple(found)


def in_line(segments: tuple[Segment, ...], loop_to: int, lead: int) -> Program:
    """A program of segments in order, which goes on at `loop_to` after the last; `lead`: the last one before the tail, or -1."""
    n = len(segments)
    return Program(segments, (*range(1, n), loop_to), tuple(lead if k <= lead else -1 for k in range(n)))


class Cabinet:
    """One signal's changes of lights and its tails, each worked out once."""

    def __init__(self, signal: Intersection) -> None:
        self.signal = signal
        self._changes: dict[tuple[int, int], tuple[Segment, ...]] = {}
        self._tails: dict[int, tuple[Segment, ...]] = {}

    def green(self, stage: Stage) -> Segment:
        """The steady green of a stage."""
        return Segment(stage.green_s, self.signal.phases[stage.phase].lights, stage.phase, True)

    def change(self, before: int, after: int) -> tuple[Segment, ...]:
        """Yellow, then all-red, of a change between two phases; nothing where nobody loses green and no clearance is due."""
        if (before, after) not in self._changes:
            self._changes[before, after] = tuple(intergreen_segments(self.signal, before, after))
        return self._changes[before, after]

    def program(self, plan: TimingPlan, running: tuple[Segment, ...], now_s: float, age_s: float) -> Program:
        """The plan's program from what is running: a sequence with the base plan as its tail, or the repeating plan itself.

        `running` ends with a green segment; `age_s` is that green's age if it stands already, 0 if it is still to come.
        """
        head, green = list(running[:-1]), running[-1]
        if plan.repeats:
            stands_s = now_s + sum(s.duration_s for s in head)
            first, hold_s = entry(self.signal, plan, green.phase, stands_s, age_s)
            segments = [*head, self.green(Stage(green.phase, hold_s))]
            tail = self.cycle(green.phase, plan.stages, first)
            lead = -1
        else:
            coming = plan.stages[0]
            # The green of a running intergreen is counted from now, and the intergreen has to run first.
            if head and coming.phase == green.phase:
                left_s = max(coming.green_s - sum(s.duration_s for s in head), SHORTEST_S)
                stages = (Stage(coming.phase, left_s), *plan.stages[1:])
            else:
                stages = plan.stages
            segments = head + self.stages(green.phase, stages)
            last = plan.stages[-1].phase
            tail = self.base_tail(last)
            lead = len(segments) - 1
        return in_line((*segments, *tail), len(segments) + loop_start(tail), lead)

    def stages(self, running: int, stages: tuple[Stage, ...]) -> list[Segment]:
        """Stages with their intergreens; the first one goes on from the running phase or starts with a change at once."""
        segments: list[Segment] = []
        before = running
        for stage in stages:
            if stage.phase != before:
                segments += self.change(before, stage.phase)
            segments.append(self.green(stage))
            before = stage.phase
        return segments

    def base_tail(self, before: int) -> tuple[Segment, ...]:
        """The base plan's cycle, entered from a phase."""
        if before not in self._tails:
            base = self.signal.base
            self._tails[before] = self.cycle(before, base.stages, following(base, before))
        return self._tails[before]

    def cycle(self, before: int, stages: tuple[Stage, ...], first: int) -> tuple[Segment, ...]:
        """The way into stage `first`, all stages once, and the way back to `first`."""
        order = stages[first:] + stages[:first]
        segments = list(self.change(before, order[0].phase)) if order[0].phase != before else []
        for stage, after in zip(order, order[1:] + order[:1], strict=True):
            segments.append(self.green(stage))
            if after.phase != stage.phase:
                segments += self.change(stage.phase, after.phase)
        return tuple(segments)


def loop_start(tail: tuple[Segment, ...]) -> int:
    """Index of the first green of a tail: where its cycle closes."""
    return next(k for k, s in enumerate(tail) if s.green)


def intergreen_segments(signal: Intersection, before: int, after: int) -> list[Segment]:
    """Movements that lose their green show yellow, then red; everybody else keeps what the old phase showed."""
    old = signal.phases[before].lights
    loses = (signal.serves[before] > Serves.NOT) & (signal.serves[after] == Serves.NOT)
    found = []
    for duration_s, aspect in ((signal.yellow_s[before, after], "y"), (signal.all_red_s[before, after], "r")):
        if duration_s > 0.0:
            lights = "".join(aspect if lost else shown for shown, lost in zip(old, loses, strict=True))
            found.append(Segment(float(duration_s), lights, after, False))
    return found


def following(plan: TimingPlan, phase: int) -> int:
    """The stage of a repeating plan that comes after a phase; its first stage where the phase is not in it."""
    for k, stage in enumerate(plan.stages):
        if stage.phase == phase:
            return (k + 1) % len(plan.stages)
    return 0


def entry(signal: Intersection, plan: TimingPlan, phase: int, now_s: float, age_s: float) -> tuple[int, float]:
    """Where a repeating plan goes on from a running green: (next stage, how long to hold the green so that the offset is met) [s].

    The green dwells until the plan's own time has come; nothing is cut short. A phase that the plan does not know is held until the
    earliest stage that can follow it.
    """
    starts_s, t_s = [], 0.0
    for k, stage in enumerate(plan.stages):
        starts_s.append(t_s)
        t_s += stage.green_s + float(signal.intergreen_s[stage.phase, plan.stages[(k + 1) % len(plan.stages)].phase])
    position_s = (now_s - plan.offset_s) % plan.cycle_s
    own_s = [s.green_s for s in plan.stages if s.phase == phase]
    least_s = max(SHORTEST_S, min(own_s, default=SHORTEST_S) - age_s)
    ways = []
    for k, stage in enumerate(plan.stages):
        if stage.phase == phase:
            ends_s, after = starts_s[k] + stage.green_s, (k + 1) % len(plan.stages)
        elif not own_s:
            ends_s, after = starts_s[k] - float(signal.intergreen_s[phase, stage.phase]), k
        else:
            continue
        hold_s = (ends_s - position_s) % plan.cycle_s
        ways.append((hold_s if hold_s >= least_s else hold_s + plan.cycle_s, after))
    hold_s, after = min(ways)
    return after, round(hold_s, 3)
