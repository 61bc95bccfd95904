"""Who may run a plan: `approach` limits the step towards a wish, `vet` judges it; nothing else makes an `ApprovedPlan`.

Two kinds of no. A malformed wish raises `UnsafePlanError`. What is forbidden here and now is data: the running plan
stays in force and carries the objection. A new rule is one function and its line in `RULES`. A rule asks
`not lo <= x <= hi`: NaN fails closed.

A sequence is read as `signals.seam` says. A repeating plan is judged by its cycle; the controller finds its own way in,
through proper intergreens.
"""

from collections.abc import Callable
from math import inf

import numpy as np

from signals.approach import approach, same_phases
from signals.errors import UnsafePlanError
from signals.seam import NO_CALL_S, Seen, Served, red_reached_s, serves_most_overdue_at_once, timeline, waiting_red_s
from signals.site import Site, sites
from signals.types import _SEAL, ApprovedPlan, Network, Objection, Observation, SafetyEnvelope, Seal, Stage, TimingPlan

__all__ = ["RULES", "adopt", "approach", "vet"]

GRID_TOLERANCE = 1e-6


def structure(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """Greens are positive and on the step grid, and no phase follows itself."""
    step_s = site.limits.step_s
    stages = plan.stages
    for stage in stages:
        steps = stage.green_s / step_s
        if not (steps > 0.0 and abs(steps - round(steps)) < GRID_TOLERANCE):
            return f"green {stage.green_s} s of {_name(site, stage.phase)} is not a positive multiple of {step_s} s"
    if len(stages) > 1:
        following = stages[1:] + stages[:1] if plan.repeats else stages[1:]
        for stage, after in zip(stages, following, strict=False):
            if stage.phase == after.phase:
                return f"{_name(site, stage.phase)} follows itself; expected one stage of both greens"
    return None


def conflict(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """No phase shows conflicting greens, the site's listed exceptions apart."""
    for stage in plan.stages:
        clash = site.clash[stage.phase]
        if clash is not None:
            return f"{_name(site, stage.phase)} shows {clash} green together"
    return None


def start(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """A sequence starts now; a repeating plan may have started earlier."""
    late_s = plan.starts_s - seen.now_s
    lowest_s = -inf if plan.repeats else -0.5 * site.limits.step_s
    if not lowest_s <= late_s <= 0.5 * site.limits.step_s:
        return f"starts at {plan.starts_s} s; expected now, {seen.now_s} s"
    return None


def lease(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """A plan is not over already, and a sequence does not bind the signal for longer than the lease."""
    left_s = plan.valid_until_s - seen.now_s
    longest_s = inf if plan.repeats else site.limits.max_lease_s
    if not 0.0 < left_s <= longest_s + GRID_TOLERANCE:
        return f"valid for {left_s} s from now; expected over 0 and at most {longest_s} s"
    return None


def seam(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """What runs is left in a proper way: its intergreen ends, its minimum green is served."""
    phase, age_s = seen.phase, seen.age_s
    if not (0 <= phase < len(site.min_green_s) and -inf < age_s < inf):
        return f"running phase {phase} at age {age_s} s is not known; expected one of {len(site.min_green_s)} phases"
    first = plan.stages[0]
    if first.phase == phase:
        age_s += first.green_s
    elif age_s < 0.0:
        return f"begins with {_name(site, first.phase)} while the intergreen towards {_name(site, phase)} runs"
    if not age_s >= site.min_green_s[phase] - GRID_TOLERANCE:
        return f"{_name(site, phase)} would be green for {age_s} s, under the minimum {site.min_green_s[phase]} s"
    return None


def min_green(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """Every green that begins has its minimum, walking and clearing time of crossings included."""
    for stage in plan.stages:
        if not stage.green_s >= site.min_green_s[stage.phase] - GRID_TOLERANCE:
            if stage is plan.stages[0] and stage.phase == seen.phase and not plan.repeats:
                continue  # what is left of the running green: the seam's rule
            lowest_s = site.min_green_s[stage.phase]
            return f"green {stage.green_s} s of {_name(site, stage.phase)} is under the minimum {lowest_s} s"
    return None


def max_green(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """No green is over its maximum; the running one may be where no other movement has a call."""
    for stage in plan.stages:
        green_s = stage.green_s
        runs_on = stage is plan.stages[0] and stage.phase == seen.phase and not plan.repeats
        if runs_on:
            green_s += seen.age_s
        longest_s = max(site.limits.max_green_s, site.min_green_s[stage.phase])
        if not green_s <= longest_s + GRID_TOLERANCE and not (runs_on and not waiting_red_s(site, seen)):
            return f"green {green_s} s of {_name(site, stage.phase)} is over the maximum {longest_s} s"
    return None


def max_red(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """No movement with a call stays red for too long: in the sequence, and in the base plan that goes on after it.

    A movement that the base plan keeps red for longer is held to that. A plan that serves the most overdue movement at
    once passes, or a starved approach would be starved for ever.
    """
    last = plan.stages[-1]
    if len(plan.stages) == 1:
        # Most wishes are far from the limit: a bound from above settles them.
        way_s = 0.0 if last.phase == seen.phase else site.intergreen_s[seen.phase][last.phase]
        ahead_s = way_s + last.green_s + site.longest_wait_s[last.phase]
        if max(seen.called_red_s, default=0.0) + ahead_s <= site.limits.max_red_s:
            return None
    served = timeline(plan, site, seen)
    for m, red_s in enumerate(seen.called_red_s):
        if red_s != NO_CALL_S and m in site.served:
            reached_s = red_reached_s(m, red_s, served, site, seen)
            if not reached_s <= site.max_red_s[m] + GRID_TOLERANCE:
                if serves_most_overdue_at_once(served, site, seen):
                    return None
                name = site.signal.movements[m].id
                return f"{name} would be red for {reached_s} s with a call; expected at most {site.max_red_s[m]} s"
    return None


def cycle_red(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """No movement with a call stays red for too long in a cycle of a repeating plan."""
    once = [Served(stage.phase, on_s, on_s + stage.green_s) for stage, on_s in _cycle(plan, site)]
    for m, red_s in enumerate(seen.called_red_s):
        if red_s != NO_CALL_S:
            greens = [s for s in once if m in site.serves[s.phase]]
            after = [*greens[1:], *(Served(s.phase, s.on_s + plan.cycle_s, 0.0) for s in greens[:1])]
            for green, again in zip(greens, after, strict=True):
                dark_s, most_s = again.on_s - green.off_s, site.max_red_s[m]
                if not dark_s <= most_s + GRID_TOLERANCE:
                    name = site.signal.movements[m].id
                    return f"{name} is red for {dark_s} s of each cycle with a call; expected at most {most_s} s"
    return None


def every_movement(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """A repeating plan serves every movement that the signal can serve."""
    left_out = site.served.difference(*(site.serves[stage.phase] for stage in plan.stages))
    if left_out:
        return f"{site.signal.movements[min(left_out)].id} is never green in the cycle"
    return None


def cycle(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """The cycle is within its range, and as long as its greens and intergreens together."""
    limits = site.limits
    if not limits.min_cycle_s <= plan.cycle_s <= limits.max_cycle_s:
        return f"cycle {plan.cycle_s} s; expected {limits.min_cycle_s} to {limits.max_cycle_s} s"
    last, on_s = _cycle(plan, site)[-1]
    sum_s = on_s + last.green_s + site.intergreen_s[last.phase][plan.stages[0].phase]
    if not abs(plan.cycle_s - sum_s) <= 0.5 * limits.step_s:
        return f"cycle {plan.cycle_s} s; its greens and intergreens add up to {sum_s} s"
    return None


def offset(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """The offset lies within the cycle."""
    if not 0.0 <= plan.offset_s < plan.cycle_s:
        return f"offset {plan.offset_s} s; expected at least 0 and under the cycle {plan.cycle_s} s"
    return None


def rate(plan: TimingPlan, site: Site, seen: Seen) -> str | None:
    """From one repeating plan to the next of the same phases, no green changes by more than the limit."""
    if same_phases(plan, seen.running):
        highest_s = site.limits.max_green_change_s + 0.5 * site.limits.step_s
        for stage, before in zip(plan.stages, seen.running.stages, strict=True):
            if not abs(stage.green_s - before.green_s) <= highest_s:
                now = f"green of {_name(site, stage.phase)} goes from {before.green_s} to {stage.green_s} s at once"
                return f"{now}; expected a change of at most {site.limits.max_green_change_s} s"
    return None


Rule = Callable[[TimingPlan, Site, Seen], str | None]

RULES: dict[str, Rule] = {
    "structure": structure,
    "conflict": conflict,
    "start": start,
    "lease": lease,
    "seam": seam,
    "min green": min_green,
    "max green": max_green,
    "max red": max_red,
    "max red in the cycle": cycle_red,
    "every movement": every_movement,
    "cycle": cycle,
    "offset": offset,
    "rate of change": rate,
}
"""Name -> rule: a sentence says why not. They are asked in this order, up to the first objection."""

ONLY_SEQUENCES = ("seam", "max red")
ONLY_REPEATING = ("max red in the cycle", "every movement", "cycle", "offset", "rate of change")
_FOR_SEQUENCES = tuple((name, rule) for name, rule in RULES.items() if name not in ONLY_REPEATING)
_FOR_REPEATING = tuple((name, rule) for name, rule in RULES.items() if name not in ONLY_SEQUENCES)


def adopt(network: Network, now_s: float) -> tuple[ApprovedPlan, ...]:
    """The base plans, approved as built: what the cabinets run before anybody wishes anything."""
    for signal in network.signals:
        if not signal.base.valid_until_s > now_s:
            until_s = signal.base.valid_until_s
            raise UnsafePlanError(f"{signal.id}: the base plan ends at {until_s} s; expected later than {now_s} s")
    return tuple(_approve(signal.base) for signal in network.signals)


def vet(
    wish: tuple[TimingPlan, ...],
    running: tuple[ApprovedPlan, ...],
    observed: Observation,
    network: Network,
    limits: tuple[SafetyEnvelope, ...],
) -> tuple[ApprovedPlan, ...]:
    """One approved plan a signal: the wish where no rule objects, else what is in force, with the objection.

    A wish that is the running plan itself leaves it as it is. A running plan that is over has given way to the base
    plan, which the cabinet runs as built.
    """
    n = len(network.signals)
    if not (len(wish) == len(running) == len(limits) == len(observed.phase) == len(observed.age_s) == n):
        had = f"{len(wish)} wishes, {len(running)} running, {len(limits)} envelopes, {len(observed.phase)} observed"
        raise UnsafePlanError(f"{network.name}: {had}; expected {n} of each, one a signal")
    at = sites(network, limits)
    phase, age_s, called_red_s = observed.phase.tolist(), observed.age_s.tolist(), _called_red_s(observed, at)
    now_s, longest_red_s = observed.now_s, max(called_red_s, default=0.0)
    result = []
    for i, plan in enumerate(wish):
        site, before = at[i], running[i]
        if not before.plan.valid_until_s > now_s:
            before = _approve(site.signal.base)
        if plan is running[i].plan:
            result.append(before)
            continue
        if plainly_safe(plan, site, now_s, phase[i], age_s[i], longest_red_s):
            result.append(_approve(plan))
            continue
        check_form(plan, site)
        if plan is site.signal.base:
            result.append(_approve(plan))
            continue
        reds = called_red_s[site.movement_start : site.movement_end]
        result.append(_judged(plan, site, Seen(now_s, phase[i], age_s[i], reds, before.plan), before))
    return tuple(result)


LASTING = ("structure", "conflict", "min green", "max green", "every movement", "cycle", "offset")
"""Rules that judge a repeating plan by itself, whatever runs."""


def lasting_objection(plan: TimingPlan, site: Site, now_s: float) -> Objection | None:
    """What would always be said against a repeating plan at this site; None where a moment may come at which it passes.

    UnsafePlanError for a malformed one. The base plan is held to nothing: it runs as built.
    """
    check_form(plan, site)
    if plan.stages == site.signal.base.stages and plan.offset_s == site.signal.base.offset_s:
        return None
    nobody = [NO_CALL_S] * len(site.signal.movements)
    seen = Seen(now_s, plan.stages[0].phase, 0.0, nobody, site.signal.base)
    for name in LASTING:
        sentence = RULES[name](plan, site, seen)
        if sentence is not None:
            return Objection(name, plan.signal, f"{plan.signal}: {sentence}")
    return None


def plainly_safe(plan: TimingPlan, site: Site, now_s: float, phase: int, age_s: float, longest_red_s: float) -> bool:
    """Whether a single stage is so far from every limit that no rule can object: most wishes are settled here, at once.

    `longest_red_s`: of whoever calls, here or elsewhere. Nothing is refused here: whatever is not plain is asked of `RULES`.
    """
    if plan.repeats or len(plan.stages) != 1 or plan.signal != site.signal.id or not 0.0 <= age_s < inf:
        return False
    stage, limits = plan.stages[0], site.limits
    to, green_s = stage.phase, stage.green_s
    phases = range(len(site.min_green_s))
    if type(to) is not int or to not in phases or phase not in phases or site.clash[to] is not None:
        return False
    if not green_s > 0.0 or green_s % limits.step_s != 0.0 or plan.starts_s != now_s:
        return False
    if not 0.0 < plan.valid_until_s - now_s <= limits.max_lease_s:
        return False
    if to == phase:
        way_s, shown_s, enough = 0.0, green_s + age_s, green_s + age_s >= site.min_green_s[to]
    else:
        way_s, shown_s = site.intergreen_s[phase][to], green_s
        enough = age_s >= site.min_green_s[phase] and green_s >= site.min_green_s[to]
    soon = longest_red_s + way_s + green_s + site.longest_wait_s[to] <= limits.max_red_s
    return enough and soon and shown_s <= limits.max_green_s


def check_form(plan: TimingPlan, site: Site) -> None:
    """UnsafePlanError for a plan that says nothing a controller could run."""
    where = site.signal.id
    if plan.signal != where:
        raise UnsafePlanError(f"{where}: was given a plan of {plan.signal}; expected its own")
    if not plan.stages:
        raise UnsafePlanError(f"{where}: the plan has no stages; expected at least one")
    for k, stage in enumerate(plan.stages):
        if not (isinstance(stage.phase, int | np.integer) and 0 <= stage.phase < len(site.min_green_s)):
            raise UnsafePlanError(f"{where}: stage {k}: phase {stage.phase}; expected 0 to {len(site.min_green_s) - 1}")
        if not 0.0 <= stage.green_s < inf:
            raise UnsafePlanError(f"{where}: stage {k}: green {stage.green_s} s; expected a finite, positive time")
    if not (-inf < plan.starts_s < inf and plan.valid_until_s > -inf):
        raise UnsafePlanError(f"{where}: holds from {plan.starts_s} to {plan.valid_until_s} s; expected two times")
    if plan.repeats and not (-inf < plan.cycle_s < inf and -inf < plan.offset_s < inf):
        raise UnsafePlanError(f"{where}: cycle {plan.cycle_s} s, offset {plan.offset_s} s; expected finite times")


def _judged(plan: TimingPlan, site: Site, seen: Seen, before: ApprovedPlan) -> ApprovedPlan:
    """The plan, approved; or what is in force, with the first objection."""
    for name, rule in _FOR_REPEATING if plan.repeats else _FOR_SEQUENCES:
        sentence = rule(plan, site, seen)
        if sentence is not None:
            objection = Objection(name, plan.signal, f"{plan.signal}: {sentence}")
            return ApprovedPlan(before.plan, before.seal, (objection,))
    return _approve(plan)


def _approve(plan: TimingPlan) -> ApprovedPlan:
    return ApprovedPlan(plan, Seal(plan, _SEAL))


def _called_red_s(observed: Observation, at: tuple[Site, ...]) -> list[float]:
    """[movement] time since green where there is a call. A silent sensor calls; an unknown red has lasted for ever."""
    expected = at[-1].movement_end if at else 0
    if not (len(observed.queue_veh) == len(observed.red_s) == expected):
        had = f"{len(observed.queue_veh)} queues and {len(observed.red_s)} reds"
        raise UnsafePlanError(f"observation at {observed.now_s} s: {had}; expected {expected} of each, one a movement")
    red_s = np.where(observed.queue_veh <= 0.0, NO_CALL_S, observed.red_s)
    red_s[np.isnan(red_s)] = inf
    called_red_s: list[float] = red_s.tolist()
    return called_red_s


def _cycle(plan: TimingPlan, site: Site) -> list[tuple[Stage, float]]:
    """The stages of a repeating plan, each with the time from the cycle's start at which it turns green."""
    on_s, laid = 0.0, []
    for k, stage in enumerate(plan.stages):
        if k > 0:
            before = plan.stages[k - 1]
            on_s += before.green_s + site.intergreen_s[before.phase][stage.phase]
        laid.append((stage, on_s))
    return laid


def _name(site: Site, phase: int) -> str:
    return f"phase {phase} ({site.signal.phases[phase].name})"
