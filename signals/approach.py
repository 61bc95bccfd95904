"""The step towards a wish, taken before it is judged: an ambitious planner would otherwise be refused for ever."""

from collections.abc import Sequence
from dataclasses import replace
from math import floor, isfinite

from signals.types import ApprovedPlan, SafetyEnvelope, Stage, TimingPlan


def approach(wish: tuple[TimingPlan, ...], running: tuple[ApprovedPlan, ...], limits: tuple[SafetyEnvelope, ...]) -> tuple[TimingPlan, ...]:
    """The wishes, limited: the same objects where there is nothing to limit. The malformed goes on to `vet` as it is.

    A repeating plan moves along the straight line from the running greens to the wished ones, so that all arrive
    together. A sequence keeps its stages, on the step grid, and gets no longer lease than the envelope gives.
    """
    if not len(wish) == len(running) == len(limits):
        return wish
    limited = [
        plan if plan is run.plan else _repeating(plan, run.plan, limit) if plan.repeats else _sequence(plan, limit)
        for plan, run, limit in zip(wish, running, limits, strict=True)
    ]
    return wish if all(a is b for a, b in zip(limited, wish, strict=True)) else tuple(limited)


def same_phases(plan: TimingPlan, other: TimingPlan) -> bool:
    """Both repeat, with the same phases in the same order: only then is a change of green a number."""
    if not (plan.repeats and other.repeats and len(plan.stages) == len(other.stages)):
        return False
    return all(a.phase == b.phase for a, b in zip(plan.stages, other.stages, strict=True))


def _sequence(plan: TimingPlan, limit: SafetyEnvelope) -> TimingPlan:
    """The sequence on the step grid, with a lease of at most `max_lease_s`."""
    step_s = limit.step_s
    for stage in plan.stages:
        if stage.green_s % step_s != 0.0:
            if not all(isfinite(s.green_s) for s in plan.stages):
                return plan
            on_grid = _snapped([s.green_s for s in plan.stages], step_s)
            plan = replace(plan, stages=_with_greens(plan, on_grid))
            break
    longest_s = plan.starts_s + limit.max_lease_s
    return replace(plan, valid_until_s=longest_s) if plan.valid_until_s > longest_s else plan


def _repeating(plan: TimingPlan, run: TimingPlan, limit: SafetyEnvelope) -> TimingPlan:
    """The plan within its cycle range, and within one step of the running plan where that has the same phases."""
    wished_s = [stage.green_s for stage in plan.stages]
    if not all(isfinite(x) for x in (*wished_s, plan.cycle_s, plan.offset_s)):
        return plan
    lost_s = plan.cycle_s - sum(wished_s)
    green_s = _within_cycle(plan, wished_s, lost_s, limit)
    if same_phases(plan, run):
        green_s = _towards(green_s, [stage.green_s for stage in run.stages], limit)
    if green_s == wished_s:
        return plan
    cycle_s = lost_s + sum(green_s)
    offset_s = plan.offset_s % cycle_s if cycle_s > 0.0 else plan.offset_s
    return replace(plan, stages=_with_greens(plan, green_s), cycle_s=cycle_s, offset_s=offset_s)


def _within_cycle(plan: TimingPlan, green_s: list[float], lost_s: float, limit: SafetyEnvelope) -> list[float]:
    """Greens whose cycle is in its range: what is over the minimum greens shrinks or grows in proportion [s]."""
    sum_s = sum(green_s)
    room_s = min(max(sum_s, limit.min_cycle_s - lost_s), limit.max_cycle_s - lost_s)
    phases = range(len(limit.min_green_s))
    if room_s == sum_s or not all(stage.phase in phases for stage in plan.stages):
        return _snapped(green_s, limit.step_s)
    least_s = [min(float(limit.min_green_s[stage.phase]), g) for stage, g in zip(plan.stages, green_s, strict=True)]
    spare_s = sum_s - sum(least_s)
    share = (room_s - sum(least_s)) / spare_s if spare_s > 0.0 else 0.0
    if not share > 0.0:  # Nothing over the minimum to take from or to stretch: vet will say so.
        return _snapped(green_s, limit.step_s)
    stretched_s = [least + share * (g - least) for least, g in zip(least_s, green_s, strict=True)]
    return _rounded_together(stretched_s, limit.step_s)


def _towards(wished_s: list[float], running_s: list[float], limit: SafetyEnvelope) -> list[float]:
    """Greens on the line from the running to the wished ones, no change over `max_green_change_s` [s]."""
    from_s = _snapped(running_s, limit.step_s)
    change_s = [a - b for a, b in zip(wished_s, from_s, strict=True)]
    largest_s = max((abs(c) for c in change_s), default=0.0)
    if largest_s <= limit.max_green_change_s:
        return wished_s
    part = limit.max_green_change_s / largest_s
    steps_s = _rounded_together([part * c for c in change_s], limit.step_s)
    return [a + b for a, b in zip(from_s, steps_s, strict=True)]


def _snapped(green_s: Sequence[float], step_s: float) -> list[float]:
    """Each on the step grid, halves up; the same numbers where they lie on it already [s]."""
    return [g if g % step_s == 0.0 else floor(g / step_s + 0.5) * step_s for g in green_s]


def _rounded_together(parts_s: Sequence[float], step_s: float) -> list[float]:
    """Each part on the step grid, so that their sum is rounded only once (differences of rounded running sums) [s]."""
    rounded, total_s, given = [], 0.0, 0
    for part_s in parts_s:
        total_s += part_s
        upto = floor(total_s / step_s + 0.5)
        rounded.append((upto - given) * step_s)
        given = upto
    return rounded


def _with_greens(plan: TimingPlan, green_s: list[float]) -> tuple[Stage, ...]:
    return tuple(Stage(stage.phase, g) for stage, g in zip(plan.stages, green_s, strict=True))
