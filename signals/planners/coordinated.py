"""Coordinated plans: every ten minutes one clock for the whole network, with common cycle, splits and offsets for the forecast flows.

The timing comes from `signals.planners.network_timing`; it is kept unless a new one is clearly better. A signal moves to its place on the
clock by lengthening or shortening its greens, by a fifth of the cycle at most, the shorter way round (shortway), and the rest by dwelling.
Without a forecast a signal stays with its base plan.
"""

from dataclasses import replace

import numpy as np

from signals.approach import approach, same_phases
from signals.layout import lay_out
from signals.planners.network_timing import CYCLES_S, NetworkTiming, best_timing, judged, plan_of, subject
from signals.planners.stage_choice import chosen_stages
from signals.planners.streams import flows_by_signal
from signals.planners.webster import demand_veh_h, is_young, lifted, started_smoothly
from signals.types import (
    ApprovedPlan,
    Floats,
    FlowForecast,
    Intersection,
    Network,
    Observation,
    SafetyEnvelope,
    Stage,
    TimingPlan,
)

HYSTERESIS = 0.1  # of the cost, that a new timing must save
TRANSITION = 0.2  # of the cycle, by which one cycle may be longer or shorter on the way
TOLERANCE_S = 1e-6
SEED = 1


class Coordinated:
    """Remembers the timing it is heading for, and when it last planned."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...], replan_s: float = 600.0) -> None:
        self.network = network
        self.limits = limits
        self.replan_s = replan_s
        self.timing: NetworkTiming | None = None
        self.targets: tuple[TimingPlan, ...] = ()
        self.planned_at_s = float("-inf")
        self.starts = lay_out(network).movement_start.tolist()

    def propose(
        self,
        network: Network,
        observed: Observation,
        forecast: FlowForecast | None,
        running: tuple[ApprovedPlan, ...],
    ) -> tuple[TimingPlan, ...]:
        """A timing now and then, and steps of each signal towards it."""
        if forecast is not None and not observed.now_s - self.planned_at_s < self.replan_s:
            flow_veh_h = demand_veh_h(forecast, observed, max(self.replan_s, forecast.bin_s), self.starts)
            if known(network, flow_veh_h):
                self._aim(flow_veh_h, np.random.default_rng([SEED, int(observed.now_s)]))
                self.planned_at_s = observed.now_s
        if not self.targets:
            return tuple(one.plan if one.plan == s.base else s.base for one, s in zip(running, network.signals, strict=True))
        return tuple(
            next_plan(signal, limit, target, one.plan, running[i], observed, i)
            for i, (signal, limit, target, one) in enumerate(zip(network.signals, self.limits, self.targets, running, strict=True))
        )

    def _aim(self, flow_veh_h: Floats, rng: np.random.Generator) -> None:
        """The best timing for these flows [movement], or the present one where little would be gained."""
        network, limits = self.network, self.limits
        found = timing_for(network, limits, flow_veh_h, rng)
        if found is None:
            return
        if self.timing is not None:
            kept = judged(subject(network, limits, self.timing.stages, flow_veh_h), self.timing.timing, self.timing.cycle_s)
            if found.cost > (1.0 - HYSTERESIS) * kept.cost:
                return
        self.timing = found
        self.targets = tuple(plan_of(signal, found, i) for i, signal in enumerate(network.signals))


def timing_for(
    network: Network,
    limits: tuple[SafetyEnvelope, ...],
    flow_veh_h: Floats,
    rng: np.random.Generator,
    cycles_s: tuple[int, ...] = CYCLES_S,
) -> NetworkTiming | None:
    """The best stages, common cycle, splits and offsets for these flows [movement]; None where no cycle has room for all minimum greens."""
    flows = flows_by_signal(network, flow_veh_h)
    by_signal = [chosen_stages(s, limit, f, cycles_s) for s, limit, f in zip(network.signals, limits, flows, strict=True)]
    subjects = {}
    for cycle_s, some in zip(cycles_s, zip(*by_signal, strict=True), strict=True):
        stages = tuple(phases for phases in some if phases is not None)
        if len(stages) == len(network.signals):
            subjects[cycle_s] = subject(network, limits, stages, flow_veh_h)
    return best_timing(subjects, rng)


def known(network: Network, flow_veh_h: Floats) -> bool:
    """Whether the flow of every movement that a lane carries is known."""
    return not any(np.isnan(flows).any() for flows in flows_by_signal(network, flow_veh_h))


def next_plan(
    signal: Intersection, limit: SafetyEnvelope, target: TimingPlan, now: TimingPlan, running: ApprovedPlan, observed: Observation, i: int
) -> TimingPlan:
    """The running plan, a step from it, or the target itself as soon as the running green can dwell until the clock's time."""
    if runs(now, target):
        return now
    phase, age_s, now_s = int(observed.phase[i]), float(observed.age_s[i]), observed.now_s
    aimed = replace(target, starts_s=now_s)
    step = lifted(approach((aimed,), (running,), (limit,))[0], limit)
    least_s = float(limit.min_green_s[phase])
    if step.stages == target.stages:
        ahead_s = lead_s(aimed, signal, phase, age_s, now_s)
        if -TOLERANCE_S <= ahead_s <= TRANSITION * target.cycle_s:
            return aimed
        if not np.isnan(ahead_s) and same_phases(now, target):
            step = detour(aimed, ahead_s, limit)
            step = lifted(approach((step,), (running,), (limit,))[0], limit)
    if is_young(now, signal.base, now_s):
        return now
    return started_smoothly(step, signal, phase, age_s, least_s)


def runs(now: TimingPlan, target: TimingPlan) -> bool:
    """Whether a plan is the target, whenever it started."""
    return now.repeats and replace(now, starts_s=target.starts_s) == target


def lead_s(target: TimingPlan, signal: Intersection, phase: int, age_s: float, now_s: float) -> float:
    """How far a signal is ahead of its clock [s], from minus to plus half a cycle; NaN where the target lacks the running phase."""
    if phase not in [stage.phase for stage in target.stages]:
        return float("nan")
    smooth = started_smoothly(replace(target, starts_s=now_s), signal, phase, age_s, 0.0)
    late_s = (target.offset_s - smooth.offset_s) % target.cycle_s
    late_s = 0.0 if target.cycle_s - late_s < TOLERANCE_S else late_s
    return late_s if late_s <= 0.5 * target.cycle_s else late_s - target.cycle_s


def detour(target: TimingPlan, ahead_s: float, limit: SafetyEnvelope) -> TimingPlan:
    """One cycle of the target made longer or shorter on its greens, so that it comes nearer to the clock; whichever takes fewer cycles."""
    most_s = TRANSITION * target.cycle_s
    least_s = np.array([limit.min_green_s[stage.phase] for stage in target.stages])
    greens_s = np.array([stage.green_s for stage in target.stages])
    spare_s = np.maximum(greens_s - least_s, 0.0)
    behind_s = -ahead_s % target.cycle_s
    shorter_s = min(most_s, float(spare_s.sum()), target.cycle_s - limit.min_cycle_s)
    cycles_shorter = np.ceil(behind_s / shorter_s) if shorter_s >= limit.step_s else np.inf
    cycles_longer = np.ceil((target.cycle_s - behind_s) / most_s)
    if cycles_shorter <= cycles_longer:
        change_s = -min(behind_s, shorter_s) * spare_s / spare_s.sum()
    else:
        change_s = min(target.cycle_s - behind_s, most_s) * greens_s / greens_s.sum()
    changed_s = greens_s + np.diff(np.round(np.cumsum(change_s) / limit.step_s), prepend=0.0) * limit.step_s
    changed_s = np.clip(changed_s, np.minimum(least_s, greens_s), limit.max_green_s)
    stages = tuple(Stage(stage.phase, float(g)) for stage, g in zip(target.stages, changed_s, strict=True))
    return replace(target, stages=stages, cycle_s=target.cycle_s + float(changed_s.sum() - greens_s.sum()))
