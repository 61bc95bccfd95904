"""What a repeating plan means for the traffic it is for: saturation, delay, back of queue and level of service per lane group."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from citybrain.green_times import effective_green_s, green_spans
from signals.explain import Alternative, PlanReasons, group_name, movement_names
from signals.kernels import delay, queue_length, webster
from signals.lane_groups import Demand, demand_of
from signals.planners.webster import START_UP_S
from signals.types import ApprovedPlan, Floats, Intersection, Serves, TimingPlan

LOS = "ABCDEF"
PERIOD_H = 0.25
VEHICLE_SPACE_M = 7.5


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """A lane group: one movement, or several that share lanes. HCM 2000, chapter 16."""

    movements: tuple[int, ...]
    flow_veh_h: float
    capacity_veh_h: float
    degree: float
    delay_s: float
    back_veh: float  # farthest reach of the queue in a cycle, mean over the cycles
    back_95_veh: float  # in nineteen of twenty cycles the queue reaches no farther
    storage_share: float  # the latter over what fits on its lanes; above 1 it spills back
    grade: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One signal's plan with what it means for its movements."""

    signal: Intersection
    approved: ApprovedPlan
    flow_veh_h: Floats
    """[movement]"""
    groups: tuple[GroupFigures, ...]
    alternatives: tuple[Alternative, ...] = ()
    coordinated: bool = False  # its offset means something

    @property
    def plan(self) -> TimingPlan:
        """The plan itself."""
        return self.approved.plan

    @property
    def degree(self) -> Floats:
        """[movement] degree of saturation of its lane group; NaN where nothing flows."""
        return self._by_movement([g.degree for g in self.groups])

    @property
    def delay_s(self) -> Floats:
        """[movement] control delay of its lane group; NaN where nothing flows [s/veh]."""
        return self._by_movement([g.delay_s for g in self.groups])

    def _by_movement(self, values: list[float]) -> Floats:
        found = np.full(len(self.signal.movements), np.nan)
        for group, value in zip(self.groups, values, strict=True):
            found[list(group.movements)] = value
        return found

    @property
    def binding(self) -> GroupFigures | None:
        """The lane group of the highest saturation; None where nothing flows."""
        return max(self.groups, key=lambda g: g.degree, default=None)

    def reasons(self, language: str = "en", arms: dict[str, str] | None = None) -> PlanReasons:
        """Why the plan is as it is, for `signals.explain`."""
        names, group = movement_names(self.signal, language, arms), self.binding
        return PlanReasons(
            signal=self.signal.id,
            cycle_s=self.plan.cycle_s,
            offset_s=self.plan.offset_s if self.coordinated else None,
            binding=group_name(names, group.movements) if group else "",
            flow_veh_h=group.flow_veh_h if group else float("nan"),
            degree=group.degree if group else float("nan"),
            delay_s=self.mean_delay_s,
            alternatives=self.alternatives,
        )

    @property
    def mean_delay_s(self) -> float:
        """Control delay of all vehicles together [s/veh]; NaN where nothing flows. HCM 2000, eq. 16-14."""
        return mean_delay_s(self.groups)

    @property
    def grade(self) -> str:
        """Level of service of the mean delay; F too where a lane group is past its capacity."""
        return grade_of(self.mean_delay_s, max((g.degree for g in self.groups), default=float("nan")))


def mean_delay_s(groups: tuple[GroupFigures, ...]) -> float:
    """Delay per vehicle over the lane groups, weighted by flow [s/veh]."""
    flow_veh_h = sum(g.flow_veh_h for g in groups)
    return sum(g.flow_veh_h * g.delay_s for g in groups) / flow_veh_h if flow_veh_h > 0.0 else float("nan")


def grade_of(delay_s: float, degree: float) -> str:
    """Level of service as a letter; a dash where it is unknown."""
    code = int(delay.level_of_service(delay_s, degree))
    return LOS[code] if code >= 0 else "-"


def sheet(
    signal: Intersection, approved: ApprovedPlan, flow_veh_h: Floats, alternatives: tuple[Alternative, ...] = (), coordinated: bool = False
) -> Sheet:
    """The plan with the figures of its lane groups."""
    return Sheet(signal, approved, flow_veh_h, group_figures(signal, approved.plan, flow_veh_h), alternatives, coordinated)


def group_figures(signal: Intersection, plan: TimingPlan, flow_veh_h: Floats) -> tuple[GroupFigures, ...]:
    """Lane groups that carry flow: each movement stands in one, in the group whose lanes it shares or, where it is worse off, alone."""
    demand = demand_of(replace(signal, base=plan))
    loads_veh_h, saturations_veh_h = demand.loads(flow_veh_h)
    shares = [capacity_share(signal, plan, demand, k, flow_veh_h) for k in range(loads_veh_h.size)]
    m_count = len(signal.movements)
    degree = [
        load / (s * share) if s * share > 0.0 else float("nan")
        for load, s, share in zip(loads_veh_h.tolist(), saturations_veh_h.tolist(), shares, strict=True)
    ]
    left = {m for m in range(m_count) if flow_veh_h[m] > 0.0 and np.isfinite(degree[m])}
    found = []
    for g, members in enumerate(demand.shared):
        together = tuple(m for m in np.flatnonzero(members).tolist() if m in left and degree[m] <= degree[m_count + g] + 1e-9)
        if together:
            found.append(figures(signal, plan, demand, together, flow_veh_h, degree[m_count + g]))
            left -= set(together)
    found += [figures(signal, plan, demand, (m,), flow_veh_h, degree[m]) for m in sorted(left)]
    return tuple(sorted(found, key=lambda f: f.movements))


def capacity_share(signal: Intersection, plan: TimingPlan, demand: Demand, load: int, flow_veh_h: Floats) -> float:
    """Share of the cycle that a load's saturation flow is served: effective green over cycle, a yielding green by its gaps."""
    codes = demand.serves[:, load]
    if not (codes > Serves.NOT).any():
        return 0.0
    green_s = effective_green_s(green_spans(signal, plan, codes > Serves.NOT), plan.cycle_s, START_UP_S)
    yielding = codes == Serves.PERMISSIVE
    if codes.max() == Serves.PROTECTED and yielding.any() and load < len(signal.movements):
        lit_s = np.array([s.green_s for s in plan.stages])
        yields = lit_s[yielding].sum() / lit_s[codes > Serves.NOT].sum()
        green_s *= 1.0 - yields + yields * gap_share(signal, plan, demand, load, flow_veh_h)
    return green_s / plan.cycle_s


def gap_share(signal: Intersection, plan: TimingPlan, demand: Demand, m: int, flow_veh_h: Floats) -> float:
    """What a green without protection is worth beside a protected one, from the gaps of who goes first."""
    with_m = [s.phase for s in plan.stages if signal.serves[s.phase, m] == Serves.PERMISSIVE]
    foes = signal.yields_to[m] & (signal.serves[with_m] > Serves.NOT).any(axis=0) & (demand.saturation_veh_h > 0.0)
    own_veh_h = float(demand.saturation_veh_h[m])
    if own_veh_h <= 0.0:
        return 0.0
    ratio = float((flow_veh_h[foes] / demand.saturation_veh_h[foes]).max(initial=0.0))
    return float(webster.permissive_saturation_veh_h(float(flow_veh_h[foes].sum()), ratio, own_veh_h)) / own_veh_h


def figures(
    signal: Intersection, plan: TimingPlan, demand: Demand, movements: tuple[int, ...], flow_veh_h: Floats, degree: float
) -> GroupFigures:
    """Capacity v/X, control delay and grade of a lane group with this degree of saturation."""
    flow = float(flow_veh_h[list(movements)].sum())
    served = np.asarray((demand.serves[:, list(movements)] > Serves.NOT).any(axis=1), dtype=np.bool_)
    green_s = effective_green_s(green_spans(signal, plan, served), plan.cycle_s, START_UP_S)
    capacity_veh_h = flow / degree
    saturation_veh_h = capacity_veh_h * plan.cycle_s / green_s
    delay_s = float(delay.control_delay_s(flow, saturation_veh_h, green_s, plan.cycle_s, PERIOD_H))
    back_veh = float(queue_length.back_of_queue_veh(flow, saturation_veh_h, green_s, plan.cycle_s, PERIOD_H))
    back_95_veh = back_veh * float(queue_length.percentile_factor(back_veh, 95.0))
    lanes = np.asarray(signal.uses[:, list(movements)].any(axis=1), dtype=np.bool_)
    # Feeders that branch hold more, but the queue of one lane stands in one row.
    storage_veh = sum(
        min(lane.storage_veh, lane.sensed_m / VEHICLE_SPACE_M) for lane, used in zip(signal.lanes, lanes.tolist(), strict=True) if used
    )
    share = float(queue_length.storage_ratio(back_95_veh, storage_veh))
    return GroupFigures(movements, flow, capacity_veh_h, float(degree), delay_s, back_veh, back_95_veh, share, grade_of(delay_s, degree))
