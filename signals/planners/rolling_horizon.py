"""Rolling horizon: plays every signal's queues forward for about a minute per candidate next phase, and picks the cheapest.

Use it where vehicles can be seen some way upstream. Sees what is in range and, from the forecast, what will come from beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from signals.kernels.lookahead import Tariff, network_costs
from signals.layout import Layout, lay_out
from signals.planners.sequence import sequences
from signals.types import ApprovedPlan, Floats, FlowForecast, Ints, Network, Observation, SafetyEnvelope, TimingPlan

SLOW_DECISIONS_S = 5.0  # decisions at least so far apart are played in epochs of their own length
SHORTEST_PLAY_S = 2.0  # of a first choice that can be reconsidered every second


@dataclass(frozen=True, slots=True)
class Pricing:
    """What a played second, stop or leftover vehicle costs, and how queues discharge. One setting for all networks."""

    horizon_s: float = 60.0
    epoch_s: float = 10.0
    beam: int = 4
    headway_base_s: float = 1.3
    headway_space_m: float = 7.5
    startup_s: float = 1.0
    stop_s: float = 3.0
    left_s: float = 8.0
    square_s: float = 2.0
    blocked_s: float = 20.0
    full_share: float = 0.9
    expected_weight: float = 0.5  # of a vehicle that only the forecast knows
    use_forecast: bool = True


class Lookahead:
    """The arrays of a network, ready for pricing phases; shared by the planner and the learned policy."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...], pricing: Pricing) -> None:
        self.layout: Layout = lay_out(network)
        self.pricing = pricing
        widest = self.layout.serves.shape[1]
        self._min_green_s = np.zeros((len(limits), widest))
        for i, one in enumerate(limits):
            self._min_green_s[i, : len(one.min_green_s)] = one.min_green_s
        lanes = [lane for s in network.signals for lane in s.lanes]
        self._sensed_m = np.array([lane.sensed_m for lane in lanes])
        self._headway_s = pricing.headway_base_s + pricing.headway_space_m / np.maximum(self.layout.lane_speed_mps, 1.0)
        decision_s = limits[0].decision_s
        epoch_s = max(decision_s, pricing.epoch_s) if decision_s >= SLOW_DECISIONS_S else SLOW_DECISIONS_S
        first_s = max(decision_s, SHORTEST_PLAY_S) if decision_s < SLOW_DECISIONS_S else epoch_s
        epochs = 1 + int(np.ceil((pricing.horizon_s - first_s) / epoch_s))
        self._tariff = Tariff(pricing.startup_s, pricing.stop_s, pricing.left_s, pricing.square_s, first_s, epoch_s, epochs, pricing.beam)
        self._share = lane_shares(network, self.layout)
        self._no_flow = np.zeros(self._share.shape)
        self._flow: tuple[FlowForecast | None, Floats] = (None, self._no_flow)

    def costs_s(self, observed: Observation, forecast: FlowForecast | None) -> Floats:
        """Price of every next phase [signal, phase]; NaN where it may not be chosen now [s]."""
        p, lay = self.pricing, self.layout
        exit_full = observed.exit_veh >= p.full_share * lay.movement_exit_storage_veh
        found: Floats = network_costs(
            observed.phase, observed.age_s, self._min_green_s, lay.phases, lay.lane_start, lay.movement_start, lay.serves,
            lay.intergreen_s, lay.yields_to, observed.vehicle_lane, observed.vehicle_movement, observed.vehicle_distance_m,
            observed.vehicle_speed_mps, lay.lane_speed_mps, self._sensed_m, self._lane_flow(forecast), exit_full,
            self._headway_s, p.blocked_s, p.expected_weight, self._tariff,
        )  # fmt: skip
        return found

    def _lane_flow(self, forecast: FlowForecast | None) -> Floats:
        """Expected flow [lane, movement of its signal] from the next bin of the forecast; a silent detector adds nothing."""
        if forecast is None or not self.pricing.use_forecast:
            return self._no_flow
        if forecast is not self._flow[0]:
            flow = np.nan_to_num(forecast.flow_veh_h[0], nan=0.0)
            padded = np.zeros(self._share.shape)
            for i in range(len(self.layout.phases)):
                lanes = slice(self.layout.lane_start[i], self.layout.lane_start[i + 1])
                first, last = self.layout.movement_start[i], self.layout.movement_start[i + 1]
                padded[lanes, : last - first] = flow[first:last]
            self._flow = (forecast, padded * self._share)
        return self._flow[1]


def lane_shares(network: Network, layout: Layout) -> Floats:
    """Share of a movement's flow that uses each of its lanes, evenly [lane, movement of its signal]."""
    shares = np.zeros((layout.lanes, layout.serves.shape[2]))
    for i, s in enumerate(network.signals):
        uses = s.uses.astype(np.float64)
        shares[layout.lane_start[i] : layout.lane_start[i + 1], : uses.shape[1]] = uses / np.maximum(uses.sum(axis=0), 1.0)
    return shares


class RollingHorizon:
    """Picks the cheapest next phase of every signal."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...], pricing: Pricing | None = None) -> None:
        self._limits = limits
        self._lookahead = Lookahead(network, limits, pricing or Pricing())

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """The phase with the least price now; a movement that waits too long goes first."""
        costs_s = self._lookahead.costs_s(observed, forecast)
        wanted = cheapest(costs_s, observed.phase)
        return sequences(network, self._lookahead.layout, observed, self._limits, wanted, running)


def cheapest(costs_s: Floats, phase: Ints) -> Ints:
    """Phase of the least cost [signal]; the running one where nothing may be chosen or it is as good."""
    known = np.where(np.isnan(costs_s), np.inf, costs_s)
    best = known.argmin(axis=1)
    rows = np.arange(len(phase))
    stay = known[rows, phase] <= known[rows, best] + 1e-6
    return np.where(stay, phase, best)
