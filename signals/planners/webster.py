"""Webster plans: every few minutes a fixed cycle per signal, cut to the forecast flows. The classical engineer's answer.

Each signal keeps the stage order of its base plan, and of its stages those with which delay is least by the closed forms; the critical
ratios, the cycle and the greens come from `signals.kernels.webster`. The plan starts from what is running, and moves to new splits
within the envelope's rate of change, one cycle at a time. Without a forecast a signal stays with its base plan.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from signals.approach import approach
from signals.kernels import webster
from signals.lane_groups import Demand
from signals.stage_sets import StageSet, stage_sets
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
from signals.units import SECONDS_PER_HOUR

LONGEST_CYCLE_S = 120.0
HYSTERESIS_S = 2.0
START_UP_S = 2.0  # of each green is lost; who stops at the first yellow gives nothing of it back
PERIOD_H = 0.25  # over which delay is judged
WORTH_A_CHANGE = 0.05  # of the delay: stages change for no less
SHORTEST_LEFT_S = 1.0  # of a running green that is already longer than planned
TOGETHER = 1.6  # errors of a signal's movements go partly together: so much wider than if they were independent


class Webster:
    """Remembers when it last planned and the greens it is heading for."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...], replan_s: float = 300.0) -> None:
        self.limits = limits
        self.replan_s = replan_s
        self.options = tuple(stage_sets(signal) for signal in network.signals)
        self.chosen = [options[0] for options in self.options]
        self.starts = np.cumsum([0] + [len(signal.movements) for signal in network.signals]).tolist()
        self.targets = [np.full(len(signal.base.stages), np.nan) for signal in network.signals]
        self.planned_at_s = float("-inf")

    def propose(
        self,
        network: Network,
        observed: Observation,
        forecast: FlowForecast | None,
        running: tuple[ApprovedPlan, ...],
    ) -> tuple[TimingPlan, ...]:
        """Targets now and then, and a step towards them once a cycle."""
        if forecast is not None:
            self._aim(network, observed.now_s, demand_veh_h(forecast, observed, self.replan_s, self.starts))
        return tuple(self._wish(i, signal, observed, running) for i, signal in enumerate(network.signals))

    def _aim(self, network: Network, now_s: float, flow_veh_h: Floats) -> None:
        """New targets where the last ones are old, or where there are none yet."""
        old = not now_s - self.planned_at_s < self.replan_s
        for i in range(len(network.signals)):
            if old or np.isnan(self.targets[i]).any():
                at = flow_veh_h[self.starts[i] : self.starts[i + 1]]
                self.chosen[i], self.targets[i] = best_stages(self.options[i], self.chosen[i], at, self.limits[i])
        self.planned_at_s = now_s if old else self.planned_at_s

    def _wish(self, i: int, signal: Intersection, observed: Observation, running: tuple[ApprovedPlan, ...]) -> TimingPlan:
        """The running plan, or a step from it towards the target."""
        now, target_s, chosen = running[i].plan, self.targets[i], self.chosen[i]
        if np.isnan(target_s).any():
            return now if now == signal.base else signal.base
        same = tuple(stage.phase for stage in now.stages) == chosen.phases
        if (same and near(now, target_s, chosen.lost_s)) or is_young(now, signal.base, observed.now_s):
            return now
        stages = tuple(Stage(p, g) for p, g in zip(chosen.phases, target_s.tolist(), strict=True))
        cycle_s = float(target_s.sum()) + chosen.lost_s
        wish = TimingPlan(signal.id, stages, observed.now_s, float("inf"), True, cycle_s, 0.0)
        step = lifted(approach((wish,), (running[i],), (self.limits[i],))[0], self.limits[i])
        phase = int(observed.phase[i])
        return started_smoothly(step, signal, phase, float(observed.age_s[i]), float(self.limits[i].min_green_s[phase]))


def best_stages(options: tuple[StageSet, ...], now: StageSet, flow_veh_h: Floats, limit: SafetyEnvelope) -> tuple[StageSet, Floats]:
    """The stages with the least delay for these flows, and their greens [stage]; what is chosen now stays where little is gained."""
    greens_s = [stage_greens_s(one.demand, one.phases, flow_veh_h, one.lost_s, limit) for one in options]
    delays_s = []
    for one, shown_s in zip(options, greens_s, strict=True):
        cycle_s = one.lost_s + float(shown_s.sum())
        cost_s = one.mean_delay_s(flow_veh_h, shown_s - START_UP_S, cycle_s, PERIOD_H)
        delays_s.append(cost_s if np.isfinite(cost_s) else np.inf)
    best = int(np.argmin(delays_s))
    kept = options.index(now)
    pick = best if delays_s[best] < (1.0 - WORTH_A_CHANGE) * delays_s[kept] else kept
    return options[pick], greens_s[pick]


def demand_veh_h(forecast: FlowForecast, observed: Observation, horizon_s: float, starts: list[int]) -> Floats:
    """Flow to provide for [movement]: the upper forecast, and within the horizon the queue that the last green left over.

    A cycle is cut for the peak, as a peak-hour factor does, because delay grows much faster under too little green than under
    too much. And a detector at the stop line counts who is served: without the queue too short a plan would confirm itself.
    `starts` [signal + 1]: where each signal's movements begin.
    """
    flow_veh_h = forecast.flow_veh_h[0] + joint_margin_veh_h(forecast.high_veh_h[0] - forecast.flow_veh_h[0], starts)
    fresh_veh = flow_veh_h * np.maximum(observed.red_s, 0.0) / SECONDS_PER_HOUR
    left_veh = np.maximum(np.nan_to_num(observed.queue_veh - fresh_veh), 0.0)
    wanted_veh_h: Floats = flow_veh_h + left_veh * SECONDS_PER_HOUR / horizon_s
    return wanted_veh_h


def joint_margin_veh_h(spread_veh_h: Floats, starts: list[int]) -> Floats:
    """Each movement's part [movement] of the margin of its signal: s_m min(k sqrt(sum s^2) / sum s, 1), k TOGETHER.

    A signal's movements are not all at their upper ends at once: with all margins in full, a dozen lanes that each bring a few
    vehicles a quarter are given half as much green again as comes.
    """
    spread_veh_h = np.maximum(np.nan_to_num(spread_veh_h), 0.0)
    total = np.add.reduceat(spread_veh_h, starts[:-1])
    joint = np.sqrt(np.add.reduceat(spread_veh_h**2, starts[:-1]))
    part = np.minimum(TOGETHER * joint / np.maximum(total, 1e-9), 1.0)
    return np.asarray(spread_veh_h * np.repeat(part, np.diff(starts)))


def lost_time_s(signal: Intersection) -> float:
    """Lost time of the base plan's cycle: its intergreens [s]."""
    phases = [stage.phase for stage in signal.base.stages]
    between_s = signal.intergreen_s
    return float(sum(between_s[p, q] for p, q in zip(phases, phases[1:] + phases[:1], strict=True)))


def target_greens_s(demand: Demand, flow_veh_h: Floats, lost_s: float, limit: SafetyEnvelope, signal: Intersection) -> Floats:
    """Greens of the base plan's stages for these flows [movement]; NaN where a flow is unknown [stage]."""
    return stage_greens_s(demand, tuple(stage.phase for stage in signal.base.stages), flow_veh_h, lost_s, limit)


def stage_greens_s(demand: Demand, phases: tuple[int, ...], flow_veh_h: Floats, lost_s: float, limit: SafetyEnvelope) -> Floats:
    """Greens of stages of these phases for these flows [movement]; NaN where a flow is unknown [stage]."""
    flows_veh_h, saturations_veh_h = demand.loads(flow_veh_h)
    effective_s: Floats = webster.class_plan_s(
        flows_veh_h,
        saturations_veh_h,
        *demand.classes,
        demand.counted,
        lost_s + START_UP_S * len(phases),
        np.maximum(limit.min_green_s[list(phases)] - START_UP_S, 0.0),
        limit.min_cycle_s,
        min(LONGEST_CYCLE_S, limit.max_cycle_s),
        limit.step_s,
    )
    return np.minimum(effective_s + START_UP_S, limit.max_green_s)


def near(plan: TimingPlan, greens_s: Floats, lost_s: float) -> bool:
    """Whether a repeating plan is within the hysteresis of these greens, and of their cycle."""
    if not plan.repeats or len(plan.stages) != greens_s.size:
        return False
    away_s = [abs(s.green_s - g) for s, g in zip(plan.stages, greens_s.tolist(), strict=True)]
    away_s.append(abs(plan.cycle_s - lost_s - float(greens_s.sum())))
    return all(one_s <= HYSTERESIS_S for one_s in away_s)


def lifted(plan: TimingPlan, limit: SafetyEnvelope) -> TimingPlan:
    """The plan with no green under its minimum: on the way from a base plan that was built with shorter ones."""
    stages = tuple(Stage(s.phase, max(s.green_s, float(limit.min_green_s[s.phase]))) for s in plan.stages)
    more_s = sum(s.green_s for s in stages) - sum(s.green_s for s in plan.stages)
    return replace(plan, stages=stages, cycle_s=plan.cycle_s + more_s)


def is_young(plan: TimingPlan, base: TimingPlan, now_s: float) -> bool:
    """Whether a plan of ours has not yet run through its own cycle once."""
    return plan.repeats and plan != base and now_s - plan.starts_s < plan.cycle_s


def started_smoothly(plan: TimingPlan, signal: Intersection, phase: int, age_s: float, min_green_s: float) -> TimingPlan:
    """The plan, its offset such that the running green goes on at its place in the cycle: stage start + age = now.

    A green older than planned has one second left; a phase that the plan lacks gives way to the first stage after its minimum.
    """
    between_s = signal.intergreen_s
    stages = plan.stages
    starts_s = [0.0]
    for stage, after in pairwise(stages):
        starts_s.append(starts_s[-1] + stage.green_s + float(between_s[stage.phase, after.phase]))
    for stage, start_s in zip(stages, starts_s, strict=True):
        if stage.phase == phase:
            position_s = start_s + min(age_s, stage.green_s - SHORTEST_LEFT_S)
            break
    else:
        left_s = max(SHORTEST_LEFT_S, min_green_s - age_s)
        position_s = -float(between_s[phase, stages[0].phase]) - left_s
    return replace(plan, offset_s=(plan.starts_s - position_s) % plan.cycle_s)
