"""Cyclic max pressure: whole repeating plans, renewed every cycle, with greens shared out by pressure. Le et al. 2015.

Use it where the stages must come in a known order (pedestrians, coordination) and counts are all there is for the cycle: that comes from
the measured flows by Webster's formula, the splits from the pressures seen over the last cycle. Levin, Hu and Odell 2020 show that a
cyclic order keeps the stability of max pressure as long as the cycle is bounded.
"""

import numpy as np

from signals.approach import approach
from signals.kernels import pressure, turning, webster
from signals.lane_groups import demand_of
from signals.planners.max_pressure import MaxPressure
from signals.planners.webster import is_young, lifted, lost_time_s, near, started_smoothly
from signals.types import ApprovedPlan, Floats, FlowForecast, Network, Observation, SafetyEnvelope, Stage, TimingPlan

SHARPNESS = 2.0  # eta of Le et al., on pressures in units of their sum
PEAK = 1.2  # a cycle is cut for the peak within the minutes: too little green costs more than too much
LONGEST_CYCLE_S = 120.0
START_UP_S = 2.0  # of each green is lost
COUNTED_S = 300.0  # over which flows are averaged
TRUSTED_S = 120.0  # before that no flow is known


class CyclicPressure:
    """Remembers the flows of the last minutes and the pressures of the running cycle."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
        self.limits = limits
        self.pressures = MaxPressure(network, limits)
        self.demands = tuple(demand_of(signal) for signal in network.signals)
        self.lost_s = tuple(lost_time_s(signal) for signal in network.signals)
        self.flows = turning.Measured.none(self.pressures.layout.movements)
        self.sums = np.zeros(self.pressures.layout.serves.shape[:2])
        self.ticks = np.zeros(len(limits))

    def propose(
        self,
        network: Network,
        observed: Observation,
        forecast: FlowForecast | None,
        running: tuple[ApprovedPlan, ...],
    ) -> tuple[TimingPlan, ...]:
        """Measure; and where a cycle has gone by, the next plan."""
        self.pressures.measure(observed)
        found = self.pressures.pressures(observed, forecast)
        self.sums, self.ticks = self.sums + found, self.ticks + 1.0
        self.flows = self.flows.with_counts(observed.counts_veh, observed.now_s, COUNTED_S)
        wishes = []
        for i, signal in enumerate(network.signals):
            now = running[i].plan
            if is_young(now, signal.base, observed.now_s):
                wishes.append(now)
                continue
            wishes.append(self._renewed(i, network, observed, running[i]))
            self.sums[i], self.ticks[i] = 0.0, 0.0
        return tuple(wishes)

    def _renewed(self, i: int, network: Network, observed: Observation, running: ApprovedPlan) -> TimingPlan:
        """The plan of the next cycle: a step from the running one towards greens by pressure; blind, the base plan."""
        signal, limit = network.signals[i], self.limits[i]
        phases = [stage.phase for stage in signal.base.stages]
        least_s = self.limits[i].min_green_s[phases]
        known = self.flows.seen_s >= TRUSTED_S
        green_s = self._greens_s(i, phases) if known else np.maximum([stage.green_s for stage in signal.base.stages], least_s)
        if np.isnan(green_s).any():
            return signal.base
        # A base plan may have been built with shorter greens than the minimum: it is left even where it is near.
        legal = all(stage.green_s >= limit.min_green_s[stage.phase] for stage in running.plan.stages)
        if legal and near(running.plan, green_s, self.lost_s[i]):
            return running.plan
        stages = tuple(Stage(p, g) for p, g in zip(phases, green_s.tolist(), strict=True))
        cycle_s = float(green_s.sum()) + self.lost_s[i]
        wish = TimingPlan(signal.id, stages, observed.now_s, float("inf"), True, cycle_s, 0.0)
        step = lifted(approach((wish,), (running,), (limit,))[0], limit)
        phase = int(observed.phase[i])
        return started_smoothly(step, signal, phase, float(observed.age_s[i]), float(limit.min_green_s[phase]))

    def _greens_s(self, i: int, phases: list[int]) -> Floats:
        """Greens of the stages [stage] on the step grid; NaN where a pressure is unknown [s]."""
        limit, lost_s = self.limits[i], self.lost_s[i]
        least_s = limit.min_green_s[phases]
        start = self.pressures.layout.movement_start
        flows_veh_h, saturations_veh_h = self.demands[i].loads(PEAK * self.flows.flow_veh_h[start[i] : start[i + 1]])
        ratios = webster.critical_ratios(flows_veh_h, saturations_veh_h, self.demands[i].serves)
        lost_all_s = lost_s + START_UP_S * len(phases)
        wanted_s = webster.optimal_cycle_s(lost_all_s, float(ratios.sum()), limit.min_cycle_s, min(LONGEST_CYCLE_S, limit.max_cycle_s))
        shares = pressure.logit_shares(ratios, self.sums[i, phases] / max(self.ticks[i], 1.0), SHARPNESS)
        effective_s = max(wanted_s - lost_s, float(least_s.sum()))
        green_s: Floats = np.floor(webster.proportional_greens_s(shares, effective_s, least_s) / limit.step_s + 0.5) * limit.step_s
        return np.minimum(green_s, limit.max_green_s)
