"""What a controller refuses to run, whoever asks: its own look at a plan, apart from `signals.safety`, which the centre asks.

It knows its site and its own lights, and nothing of traffic: whether somebody calls is the centre's business. What starts here is cut
short by nothing: minimum greens and intergreens are kept by the controller itself, whatever the plan says.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from signals.site import Site
from signals.types import Stage, TimingPlan

LATEST_S = 5.0  # a sequence that was under way for longer speaks of a street that is past
EARLIEST_S = 1.0  # how far the centre's clock may be ahead
TOLERANCE_S = 1e-6
LONGEST_REPEATING_S = 900.0  # a plan that repeats is renewed at least so often


@dataclass(frozen=True, slots=True)
class Lit:
    """What the controller shows: the phase that is green, or that the running intergreen leads to, and its age as in `Observation`."""

    now_s: float
    phase: int
    age_s: float


def refusal(plan: TimingPlan, site: Site, lit: Lit, renewed: bool) -> str:
    """Why the plan is refused, in one sentence; empty where it is not. `renewed`: it runs already, and is lent for longer."""
    rules = (_stages, _lease) if renewed else (_stages, _lease, _cycle if plan.repeats else _seam)
    for rule in rules:
        said = rule(plan, site, lit)
        if said:
            return said
    return ""


def _stages(plan: TimingPlan, site: Site, lit: Lit) -> str:
    """Phases of the site, none with conflicting greens, none for too short or too long."""
    phases = range(len(site.min_green_s))
    for k, stage in enumerate(plan.stages):
        phase, green_s = stage.phase, stage.green_s
        if phase not in phases:
            return f"phase {phase} is not one of the site's; expected 0 to {len(phases) - 1}"
        if site.clash[phase] is not None:
            return f"phase {phase} shows {site.clash[phase]} green together"
        runs_on = k == 0 and phase == lit.phase and not plan.repeats
        lowest_s = 0.0 if runs_on else site.min_green_s[phase]
        highest_s = max(site.limits.max_green_s, site.min_green_s[phase])
        if not lowest_s - TOLERANCE_S <= green_s <= highest_s + TOLERANCE_S:
            return f"green {green_s} s of phase {phase}; expected {lowest_s} to {highest_s} s"
    if any(a.phase == b.phase for a, b in _pairs(plan)):
        return "a phase follows itself; expected one stage of both greens"
    return ""


def _lease(plan: TimingPlan, site: Site, lit: Lit) -> str:
    """It is still lent, and not for too long."""
    left_s = plan.valid_until_s - lit.now_s
    longest_s = LONGEST_REPEATING_S if plan.repeats else site.limits.max_lease_s
    if not 0.0 < left_s <= longest_s + EARLIEST_S:
        return f"lent for {left_s} s from now; expected over 0 and at most {longest_s} s"
    return ""


def _seam(plan: TimingPlan, site: Site, lit: Lit) -> str:
    """A sequence starts about now, and goes on from what is lit."""
    late_s = lit.now_s - plan.starts_s
    if not -EARLIEST_S <= late_s <= LATEST_S:
        return f"starts {late_s} s ago; expected at most {LATEST_S} s ago and {EARLIEST_S} s ahead"
    if not -inf < lit.age_s < inf:
        return "the lights are not known"
    first = plan.stages[0]
    if first.phase != lit.phase:
        if lit.age_s < 0.0:
            return f"begins with phase {first.phase} while the intergreen towards phase {lit.phase} runs"
        if not lit.age_s >= site.min_green_s[lit.phase] - TOLERANCE_S:
            return f"phase {lit.phase} is green for {lit.age_s} s; expected its minimum {site.min_green_s[lit.phase]} s before it is left"
    return ""


def _cycle(plan: TimingPlan, site: Site, lit: Lit) -> str:
    """A repeating plan has started, serves everybody, and its cycle is the sum of its parts."""
    limits, cycle_s = site.limits, plan.cycle_s
    if not plan.starts_s <= lit.now_s + EARLIEST_S:
        return f"starts at {plan.starts_s} s; expected at most {EARLIEST_S} s from now"
    if not limits.min_cycle_s <= cycle_s <= limits.max_cycle_s:
        return f"cycle {cycle_s} s; expected {limits.min_cycle_s} to {limits.max_cycle_s} s"
    sum_s = sum(
        a.green_s + site.intergreen_s[a.phase][b.phase] for a, b in zip(plan.stages, plan.stages[1:] + plan.stages[:1], strict=True)
    )
    if not abs(sum_s - cycle_s) <= 0.5 * limits.step_s:
        return f"cycle {cycle_s} s; its greens and intergreens add up to {sum_s} s"
    if not 0.0 <= plan.offset_s < cycle_s:
        return f"offset {plan.offset_s} s; expected at least 0 and under the cycle {cycle_s} s"
    left_out = site.served.difference(*(site.serves[stage.phase] for stage in plan.stages))
    if left_out:
        return f"{site.signal.movements[min(left_out)].id} is never green in the cycle"
    return ""


def _pairs(plan: TimingPlan) -> list[tuple[Stage, Stage]]:
    """Stages that follow one another."""
    after = plan.stages[1:] + (plan.stages[:1] if plan.repeats and len(plan.stages) > 1 else ())
    return list(zip(plan.stages, after, strict=False))
