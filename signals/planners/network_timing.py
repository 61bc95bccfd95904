"""Network timing: one common cycle, splits and offsets of all signals for given flows, searched on the platoon model as TRANSYT does.

For each cycle that is tried: Webster's splits, then hill climbing through offsets and greens; the best goes on with random restarts.
Signals whose stages fit may run twice in a common cycle. Robertson 1969, RRL report LR 253. Whole seconds throughout.
"""

from dataclasses import dataclass, replace

import numpy as np

from signals.kernels import platoons
from signals.kernels.platoons import Costs, Links, Timing
from signals.lane_groups import Demand, demand_of
from signals.planners.streams import Stages, flows_by_signal, links_of
from signals.planners.webster import lost_time_s, target_greens_s
from signals.types import Floats, Intersection, Ints, Network, SafetyEnvelope, Stage, TimingPlan

COSTS = Costs(stop_s=6.0, spill=1.0)
CYCLES_S = (20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 90, 100, 110, 120)
PROMISING = 3  # cycles that are searched to the end
RESTARTS = 3
ROUNDS = 8
COARSE_S = np.array([8, 3], dtype=np.int64)
FINE_S = np.array([15, 5, 1], dtype=np.int64)
GREEN_STEPS_S = np.array([4, 1], dtype=np.int64)
NO_STEPS_S = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class NetworkTiming:
    """Plans of all signals on one clock; `cost` in standing vehicles, stops and full streets counted in."""

    cycle_s: int
    stages: Stages
    timing: Timing
    cost: float
    delay_s: float  # per vehicle and stop line
    stops: float  # per vehicle and stop line


@dataclass(frozen=True, slots=True)
class Subject:
    """What is timed: a network under chosen stages, and the flows."""

    network: Network
    limits: tuple[SafetyEnvelope, ...]
    signals: tuple[Intersection, ...]  # with base plans of the chosen stages
    demands: tuple[Demand, ...]
    flows: tuple[Floats, ...]
    links: Links

    @property
    def least_s(self) -> Ints:
        """Minimum greens [signal, stage]."""
        found = np.zeros((len(self.signals), self.links.saturation_veh_s.shape[1]), dtype=np.int64)
        for i, (signal, limit) in enumerate(zip(self.signals, self.limits, strict=True)):
            for k, stage in enumerate(signal.base.stages):
                found[i, k] = int(np.ceil(max(limit.min_green_s[stage.phase], 1.0)))
        return found


def subject(network: Network, limits: tuple[SafetyEnvelope, ...], stages: Stages, flow_veh_h: Floats) -> Subject:
    """A network under plans of these stages, ready to be timed for these flows [movement]."""
    signals = tuple(with_stages(s, phases) for s, phases in zip(network.signals, stages, strict=True))
    flows = tuple(flows_by_signal(network, flow_veh_h))
    return Subject(network, limits, signals, tuple(demand_of(s) for s in signals), flows, links_of(network, stages, flow_veh_h))


def with_stages(signal: Intersection, phases: tuple[int, ...]) -> Intersection:
    """The signal with a base plan of these phases; as it is where they are the base plan's own."""
    if phases == tuple(stage.phase for stage in signal.base.stages):
        return signal
    return replace(signal, base=replace(signal.base, stages=tuple(Stage(p, 1.0) for p in phases)))


def best_timing(subjects: dict[int, Subject], rng: np.random.Generator, restarts: int = RESTARTS) -> NetworkTiming | None:
    """The cheapest timing found over these common cycles [s]; None where none has room for all minimum greens."""
    starts = {c: start for c, one in subjects.items() if (start := webster_timing(one, c)) is not None}
    quick = sorted((climbed(subjects[c], start, c, quick=True) for c, start in starts.items()), key=lambda t: t.cost)
    if not quick:
        return None
    best = min((climbed(subjects[t.cycle_s], t.timing, t.cycle_s) for t in quick[:PROMISING]), key=lambda t: t.cost)
    one = subjects[best.cycle_s]
    best = doubled(one, best)
    for _ in range(restarts):
        start = copied(best.timing)
        start.offset_s[:] = rng.integers(0, best.cycle_s, start.offset_s.size)
        best = min(best, climbed(one, start, best.cycle_s), key=lambda t: t.cost)
    return best


def webster_timing(one: Subject, cycle_s: int) -> Timing | None:
    """Webster's splits of a common cycle, all offsets zero; None where a signal has no room for its minimum greens."""
    n, widest = one.least_s.shape
    timing = Timing(*(np.zeros((n, widest) if axis else n, dtype=np.int64) for axis in (0, 1, 1, 0, 0)))
    for i, signal in enumerate(one.signals):
        between_s = intergreens_s(signal)
        greens_s = greens_of_cycle_s(one, i, cycle_s)
        if greens_s is None:
            return None
        timing.stages[i], timing.double[i] = greens_s.size, 1
        timing.green_s[i, : greens_s.size], timing.between_s[i, : greens_s.size] = greens_s, between_s
    return timing


def intergreens_s(signal: Intersection) -> Ints:
    """Intergreen after each stage of the base plan [stage]."""
    phases = [stage.phase for stage in signal.base.stages]
    return np.round([signal.intergreen_s[p, q] for p, q in zip(phases, phases[1:] + phases[:1], strict=True)]).astype(np.int64)


def greens_of_cycle_s(one: Subject, i: int, cycle_s: int) -> Ints | None:
    """Webster's greens [stage] of a signal that fill exactly this cycle; None where its minimums do not fit or are not enough."""
    signal, limit = one.signals[i], one.limits[i]
    if not limit.min_cycle_s <= cycle_s <= limit.max_cycle_s:
        return None
    if len(signal.base.stages) == 1:
        return np.array([cycle_s], dtype=np.int64)
    room_s = cycle_s - int(intergreens_s(signal).sum())
    least_s = one.least_s[i, : len(signal.base.stages)]
    if least_s.sum() > room_s:
        return None
    bound = replace(limit, min_cycle_s=float(cycle_s), max_cycle_s=float(cycle_s))
    found = target_greens_s(one.demands[i], one.flows[i], lost_time_s(signal), bound, signal)
    if np.isnan(found).any():
        return None
    greens_s: Ints = np.maximum(np.round(found).astype(np.int64), least_s)
    while greens_s.sum() != room_s:  # a second or two that rounding or a minimum left over
        spare_s = greens_s - least_s
        greens_s[int(np.argmax(spare_s))] += 1 if greens_s.sum() < room_s else -1
    return greens_s if (greens_s <= limit.max_green_s).all() else None


def climbed(one: Subject, start: Timing, cycle_s: int, quick: bool = False) -> NetworkTiming:
    """Where hill climbing leads to from a timing; `quick`: offsets in large steps only."""
    timing = copied(start)
    leaving = np.ones((one.links.signal.size, cycle_s))
    steps = (COARSE_S, NO_STEPS_S, 1) if quick else (FINE_S, GREEN_STEPS_S, ROUNDS)
    platoons.climbed(one.links, timing, COSTS, one.least_s, *steps, leaving)
    return judged(one, timing, cycle_s)


def judged(one: Subject, timing: Timing, cycle_s: int) -> NetworkTiming:
    """A timing with its cost, from fresh profiles."""
    leaving = np.ones((one.links.signal.size, cycle_s))
    found = platoons.sweep(one.links, timing, COSTS, 4, leaving)
    passing = max(float(one.links.flow_veh_s.sum()), 1e-9)
    stages = tuple(tuple(stage.phase for stage in s.base.stages) for s in one.signals)
    delay, stops, cost = found.sum(axis=0).tolist()
    return NetworkTiming(cycle_s, stages, timing, cost, delay / passing, stops / passing)


def copied(timing: Timing) -> Timing:
    """The same timing in arrays of its own."""
    return Timing(*(axis.copy() for axis in timing))


def doubled(one: Subject, best: NetworkTiming) -> NetworkTiming:
    """The timing with signals at half the common cycle, one after the other, where that is cheaper."""
    half_s = best.cycle_s // 2
    if best.cycle_s % 2:
        return best
    for i in range(len(one.signals)):
        greens_s = greens_of_cycle_s(one, i, half_s)
        if greens_s is None:
            continue
        timing = copied(best.timing)
        timing.green_s[i, : greens_s.size], timing.double[i] = greens_s, 2
        leaving = np.ones((one.links.signal.size, best.cycle_s))
        platoons.sweep(one.links, timing, COSTS, 2, leaving)
        kept = np.empty((int(np.diff(one.links.member_start).max()), best.cycle_s))
        platoons.climb_offset(i, one.links, timing, COSTS, leaving, FINE_S, kept)
        best = min(best, judged(one, timing, best.cycle_s), key=lambda t: t.cost)
    return best


def plan_of(signal: Intersection, found: NetworkTiming, i: int) -> TimingPlan:
    """The repeating plan of one signal, its offset within its own cycle."""
    phases = found.stages[i]
    cycle_s = float(found.cycle_s // found.timing.double[i])
    stages = tuple(Stage(p, float(g)) for p, g in zip(phases, found.timing.green_s[i], strict=False))
    return TimingPlan(signal.id, stages, 0.0, float("inf"), True, cycle_s, float(found.timing.offset_s[i]) % cycle_s)
