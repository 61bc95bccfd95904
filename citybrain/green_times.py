"""When a repeating plan shows green to whom, in seconds from the begin of its first stage: what plan sheets draw and count."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from signals.types import Bools, Intersection, TimingPlan


@dataclass(frozen=True, slots=True)
class Span:
    """A green from `start_s` to `end_s`; one that runs over the cycle's end has `end_s` past it."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """How long it lasts [s]."""
        return self.end_s - self.start_s


def stage_starts_s(signal: Intersection, plan: TimingPlan) -> list[float]:
    """[stage] when each stage turns green, counted from the first [s]."""
    changes = changes_s(signal, plan)
    return [0.0, *accumulate(s.green_s + c for s, c in zip(plan.stages[:-1], changes[:-1], strict=True))]


def changes_s(signal: Intersection, plan: TimingPlan) -> list[float]:
    """[stage] intergreen that follows each stage [s]."""
    after = plan.stages[1:] + plan.stages[:1]
    return [float(signal.yellow_s[a.phase, b.phase] + signal.all_red_s[a.phase, b.phase]) for a, b in zip(plan.stages, after, strict=True)]


def green_spans(signal: Intersection, plan: TimingPlan, served: Bools) -> list[Span]:
    """Greens of whoever is served in these stages [stage]: neighbouring stages and the change between them are one green."""
    n = len(plan.stages)
    if served.all():
        return [Span(0.0, plan.cycle_s)]
    starts_s, found = stage_starts_s(signal, plan), []
    for k in range(n):
        if not served[k] or served[k - 1]:
            continue
        last = k
        while served[(last + 1) % n]:
            last += 1
        turns, stage = divmod(last, n)
        found.append(Span(starts_s[k], turns * plan.cycle_s + starts_s[stage] + plan.stages[stage].green_s))
    return found


def effective_green_s(spans: list[Span], cycle_s: float, startup_s: float) -> float:
    """Sum of the greens, each without its start-up; a green without end loses nothing [s]."""
    return sum(s.length_s - (startup_s if s.length_s < cycle_s else 0.0) for s in spans)
