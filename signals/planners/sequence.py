"""Sequence plans: how a planner that decides every few seconds says so in a `TimingPlan`.

A sequence starts now. A first stage of the running phase has in `green_s` what is left of it from now, the rest of its
intergreen included; a first stage of another phase means that the intergreen starts now and then the phase is green for
`green_s`. When the sequence is over the controller goes on with its base plan by itself, so every green is a hold that
outlives two missed renewals: three decision intervals. Where the base plan after it would keep somebody red too long, the
sequence itself goes on with the phases of those who wait longest.
"""

import math
from functools import lru_cache

import numpy as np

from signals.kernels.overdue import forced_phases, rescue_order
from signals.layout import Layout
from signals.site import Site, sites
from signals.types import ApprovedPlan, Bools, Floats, Ints, Network, Observation, SafetyEnvelope, Stage, TimingPlan

HOLD_DECISIONS = 3.0  # the renewal that comes, and two that may be missed
RENEWED_DECISIONS = 2.0  # a hold with so many left is not renewed yet
NOBODY = -1


def keep(signal: str, phase: int, now_s: float, hold_s: float) -> TimingPlan:
    """The running phase, or the one that the running intergreen leads to, until `hold_s` from now."""
    return TimingPlan(signal, (Stage(phase, hold_s),), now_s, now_s + hold_s)


def switch(signal: str, phase: int, now_s: float, green_s: float, intergreen_s: float) -> TimingPlan:
    """The intergreen from now, then `phase` for `green_s`."""
    return TimingPlan(signal, (Stage(phase, green_s),), now_s, now_s + intergreen_s + green_s)


def on_grid(time_s: float, step_s: float) -> float:
    """The time rounded up to the step grid, so that a minimum stays one [s]."""
    return step_s * math.ceil(time_s / step_s - 1e-9)


def decidable(observed: Observation, limits: tuple[SafetyEnvelope, ...]) -> Bools:
    """[signal] whether the signal may leave its phase now: green for its minimum. Of an unknown age it may not."""
    ages_s, phases = observed.age_s.tolist(), observed.phase.tolist()
    return np.array([ages_s[i] >= one.min_green_s[phases[i]] for i, one in enumerate(limits)], dtype=np.bool_)


def called_red_s(observed: Observation) -> Floats:
    """[movement] red so far of whoever waits; 0 without a call. A silent sensor is a call, an unknown red endless."""
    red_s = np.where(observed.queue_veh <= 0.0, 0.0, observed.red_s)
    return np.where(np.isnan(red_s), np.inf, red_s)


def overdue(observed: Observation, layout: Layout, limits: tuple[SafetyEnvelope, ...]) -> Ints:
    """[signal] the phase that must come next, or `NOBODY`: beyond this the choice is not the planner's.

    Forced is the phase of the called movement that is red longest: where those who wait, served one after the other after
    one more decision, would pass the maximum red; or where the running green would pass its maximum.
    """
    order, asking_s = rescue_order(observed.phase, called_red_s(observed), layout.serves, layout.phases, layout.movement_start)
    return _forced(order, asking_s, observed, layout, limits)


def _forced(order: Ints, asking_s: Floats, observed: Observation, layout: Layout, limits: tuple[SafetyEnvelope, ...]) -> Ints:
    min_green_s = np.zeros(layout.serves.shape[:2])
    for i, limit in enumerate(limits):
        min_green_s[i, : limit.min_green_s.size] = limit.min_green_s
    hold_s = np.array([HOLD_DECISIONS * e.decision_s for e in limits])
    leaving_s = layout.intergreen_s.max(axis=2)[np.arange(len(limits)), observed.phase]
    forced: Ints = forced_phases(
        order,
        asking_s,
        observed.phase,
        observed.age_s,
        layout.intergreen_s,
        min_green_s,
        np.maximum(hold_s, leaving_s + min_green_s.max(axis=1)),
        np.array([e.max_green_s - e.decision_s for e in limits]),
        np.array([e.max_red_s for e in limits]),
    )
    return forced


def sequences(
    network: Network,
    layout: Layout,
    observed: Observation,
    limits: tuple[SafetyEnvelope, ...],
    wanted: Ints,
    running: tuple[ApprovedPlan, ...],
) -> tuple[TimingPlan, ...]:
    """One plan a signal towards its wanted phase [signal]: overdue movements first, minimum greens kept, holds renewed.

    While an intergreen runs, the sequence that made it stays in force: there is nothing to decide.
    """
    red_s = called_red_s(observed)
    at = sites(network, limits)
    if is_calm(at, red_s, observed):
        order, targets, urgent = None, wanted.tolist(), [False] * len(at)
    else:
        order, asking_s = rescue_order(observed.phase, red_s, layout.serves, layout.phases, layout.movement_start)
        forced = _forced(order, asking_s, observed, layout, limits)
        targets, urgent = np.where(forced < 0, wanted, forced).tolist(), (forced >= 0).tolist()
    reds_s, now_s, plans = [] if order is None else red_s.tolist(), observed.now_s, []
    states = zip(at, running, targets, urgent, observed.phase.tolist(), observed.age_s.tolist(), strict=True)
    for i, (site, approved, target, must, phase, age_s) in enumerate(states):
        now, may_switch = approved.plan, age_s >= site.min_green_s[phase]
        if math.isnan(age_s):  # nobody knows what is shown: there is nothing to decide
            plans.append(now)
            continue
        if age_s < 0.0 and not now.repeats and now.valid_until_s > now_s - age_s:
            plans.append(now)
            continue
        if target != phase and may_switch:
            stages, length_s = _change(site, phase, target)
        else:
            if (target == phase or not must) and _holds_on(now, phase, now_s, site.limits):
                plans.append(now)
                continue
            stages = _stages(site, phase, age_s, target, must)
            length_s = _length_s(site, phase, stages)
        if order is not None:
            stages = _with_rescue(site, stages, phase, reds_s[site.movement_start : site.movement_end], order[i])
            length_s = _length_s(site, phase, stages)
        plans.append(TimingPlan(site.signal.id, stages, now_s, now_s + min(length_s, site.limits.max_lease_s)))
    return tuple(plans)


def is_calm(at: tuple[Site, ...], red_s: Floats, observed: Observation) -> bool:
    """Whether nobody can have to be forced or rescued: reds and greens are so short that the longest way out fits in."""
    patience_s, longest_green_s = patience(at)
    return bool(red_s.max(initial=0.0) <= patience_s and float(np.fmax.reduce(observed.age_s, initial=0.0)) <= longest_green_s)


@lru_cache(maxsize=64)
def patience(at: tuple[Site, ...]) -> tuple[float, float]:
    """Red and green up to which nothing is urgent at any of the signals [s]."""
    red_s = min(site.limits.max_red_s - longest_way_out_s(site) for site in at)
    green_s = min(site.limits.max_green_s - 2.0 * HOLD_DECISIONS * site.limits.decision_s for site in at)
    return red_s, green_s


def longest_way_out_s(site: Site) -> float:
    """From now until every movement can have been served once [s].

    A whole hold, the longest that one decision can last; then all phases in turn, or the base plan's longest wait.
    """
    change_s = max(between_s for row in site.intergreen_s for between_s in row)
    hold_s = max(HOLD_DECISIONS * site.limits.decision_s, *site.min_green_s) + change_s + site.limits.step_s
    in_turn_s = sum(green_s + change_s for green_s in site.min_green_s)
    return hold_s + max(in_turn_s, *site.longest_wait_s)


def _holds_on(plan: TimingPlan, phase: int, now_s: float, limit: SafetyEnvelope) -> bool:
    """Whether a plan that only holds this phase will do for now: it outlives the renewal that comes and one that may be missed."""
    lone = not plan.repeats and len(plan.stages) == 1 and plan.stages[0].phase == phase
    return lone and plan.valid_until_s - now_s >= RENEWED_DECISIONS * limit.decision_s


@lru_cache(maxsize=16384)
def _change(site: Site, phase: int, target: int) -> tuple[tuple[Stage, ...], float]:
    """The stage that a change from a phase to another begins, the same at every decision, and how long it takes [s]."""
    limit = site.limits
    after_s = on_grid(HOLD_DECISIONS * limit.decision_s, limit.step_s) - site.intergreen_s[phase][target]
    stages = (Stage(target, on_grid(max(site.min_green_s[target], after_s), limit.step_s)),)
    return stages, _length_s(site, phase, stages)


def _stages(site: Site, phase: int, age_s: float, target: int, urgent: bool) -> tuple[Stage, ...]:
    """What is decided where the phase may not be left now or is to stay: hold it; an urgent target follows the minimum green."""
    limit = site.limits
    least_s = on_grid(site.min_green_s[phase] - age_s, limit.step_s)
    if target != phase and urgent:
        return (Stage(phase, least_s), *_change(site, phase, target)[0])
    hold_s = on_grid(HOLD_DECISIONS * limit.decision_s, limit.step_s)
    left_s = limit.max_green_s - age_s
    if limit.step_s <= left_s < hold_s:
        hold_s = limit.step_s * math.floor(left_s / limit.step_s + 1e-9)
    return (Stage(phase, max(hold_s, least_s)),)


def _with_rescue(site: Site, stages: tuple[Stage, ...], running: int, called_s: list[float], order: Ints) -> tuple[Stage, ...]:
    """The stages; and where the base plan after them would come too late for somebody, the phases of all who wait."""
    last = stages[-1].phase
    length_s = _length_s(site, running, stages)
    waits_s = site.base_wait_s[last]
    if max(called_s, default=0.0) + length_s + site.longest_wait_s[last] <= site.limits.max_red_s or not any(
        red_s > 0.0 and m not in site.serves[last] and red_s + length_s + waits_s[m] > site.max_red_s[m] for m, red_s in enumerate(called_s)
    ):
        return stages
    shown = {stage.phase for stage in stages}
    step_s = site.limits.step_s
    more = [Stage(p, on_grid(site.min_green_s[p], step_s)) for p in order.tolist() if p >= 0 and p not in shown]
    return (*stages, *more)


def _length_s(site: Site, running: int, stages: tuple[Stage, ...]) -> float:
    """From now to the end of the last stage [s]."""
    total_s, before = 0.0, running
    for stage in stages:
        total_s += site.intergreen_s[before][stage.phase] + stage.green_s
        before = stage.phase
    return total_s
