"""Rolling horizon: plays every signal's queues forward for about a minute per candidate next phase, and picks the cheapest.

Use it where vehicles can be seen some way upstream. Sees what is in range and, from the forecast, what will come from beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from signals.kernels.lookahead import network_costs, trapped_by_phase
from signals.kernels.neighbours import Ways
from signals.kernels.outlook import City, Outlook, Seen, Tariff
from signals.layout import Layout, lay_out, street_of
from signals.planners.groups import groups_of, settle
from signals.planners.sequence import sequences
from signals.shares import in_shares
from signals.types import ApprovedPlan, Codes, Floats, FlowForecast, Ints, Network, Observation, SafetyEnvelope, Street, TimingPlan

LEAST_FLOW_VEH_H = 1.0  # of a movement, so that shares exist where nothing is forecast
SLOW_DECISIONS_S = 5.0  # decisions at least so far apart are played in epochs of their own length
SHARES = np.concatenate(([0.0], 1.0 / np.arange(1, 128)))  # of a movement's flow, by the number of its lanes
SHORTEST_PLAY_S = 5.0  # of a first choice that can be reconsidered every second: an intergreen, and a queue that starts


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
    relay_least_m: float = float("inf")  # of a street: what neighbours release onto longer ones is played. Off: it jams cologne3
    unfed_share: float = 0.0  # of the forecast flow that stays beside what neighbours release
    trapped_s: float = 30.0  # for each vehicle but one that a change would leave standing inside, before traffic that it must let pass
    patience_s: float = 20.0  # of one who stands inside the junction: each such wait makes its delay dearer by as much again


class Lookahead:
    """The arrays of a network, ready for pricing phases; shared by the planner and the learned policy."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...], pricing: Pricing) -> None:
        self.layout: Layout = lay_out(network)
        self.pricing = pricing
        widest = self.layout.serves.shape[1]
        min_green_s = np.zeros((len(limits), widest))
        for i, one in enumerate(limits):
            min_green_s[i, : len(one.min_green_s)] = one.min_green_s
        self._city = city_of(self.layout, min_green_s, pricing)
        decision_s = limits[0].decision_s
        epoch_s = max(decision_s, pricing.epoch_s) if decision_s >= SLOW_DECISIONS_S else SLOW_DECISIONS_S
        first_s = max(decision_s, SHORTEST_PLAY_S) if decision_s < SLOW_DECISIONS_S else epoch_s
        epochs = 1 + int(np.ceil((pricing.horizon_s - first_s) / epoch_s))
        self._tariff = Tariff(pricing.startup_s, pricing.stop_s, pricing.left_s, pricing.square_s, first_s, epoch_s, epochs, pricing.beam)
        horizon_s = first_s + (epochs - 1) * epoch_s
        self._outlook = Outlook(horizon_s, pricing.blocked_s, pricing.expected_weight, pricing.patience_s, pricing.trapped_s)
        self._spread = lane_spread(self.layout)
        self._no_flow = np.zeros(self._spread.shape)
        self._lines, self._way_to = ways_between(network, self.layout, self._spread, pricing.relay_least_m)
        self._unfed = np.ones(self.layout.lanes)
        self._unfed[self._lines.lane] = pricing.unfed_share
        self._flow: tuple[FlowForecast | None, Floats] = (None, self._no_flow)

    def costs_s(self, observed: Observation, forecast: FlowForecast | None) -> Floats:
        """Price of every next phase [signal, phase]; NaN where it may not be chosen now [s]."""
        exit_full = observed.exit_veh >= self.pricing.full_share * self.layout.movement_exit_storage_veh
        seen = Seen(
            observed.phase, observed.age_s, observed.vehicle_lane, observed.vehicle_movement, observed.vehicle_distance_m,
            observed.vehicle_speed_mps, exit_full, np.nan_to_num(observed.wait_s),
        )  # fmt: skip
        flow_veh_h = self._lane_flow(forecast)
        ways = self._ways(forecast)
        relayed_veh_h = flow_veh_h * self._unfed[:, None] if ways.lane.size else flow_veh_h
        n = len(observed.phase)

        def price(first: int, last: int) -> Floats:
            found: Floats = network_costs(first, last, self._city, seen, flow_veh_h, relayed_veh_h, ways, self._outlook, self._tariff)
            return found

        return price(0, n) if ways.lane.size else in_shares(price, n)

    def trapped_veh(self, observed: Observation) -> Ints:
        """Vehicles inside the junction that a change would leave standing in the way of others [signal, phase]."""
        found: Ints = trapped_by_phase(
            self._city, observed.phase, observed.vehicle_lane, observed.vehicle_movement, observed.vehicle_distance_m
        )
        return found

    def _ways(self, forecast: FlowForecast | None) -> Ways:
        """Ways to the neighbours with the turning shares that the forecast flows give."""
        ways = self._lines
        if forecast is None or ways.lane.size == 0:
            return ways
        flow = np.nan_to_num(forecast.flow_veh_h[0], nan=0.0) + LEAST_FLOW_VEH_H
        weight = flow[self._way_to] * ways.share
        total = np.add.reduceat(np.append(weight, 0.0), np.minimum(ways.start[:-1], weight.size))
        by = np.repeat(total, np.diff(ways.start))
        return ways._replace(share=weight / np.maximum(by, 1e-9))

    def _lane_flow(self, forecast: FlowForecast | None) -> Floats:
        """Expected flow [lane, movement of its signal] from the next bin of the forecast; a silent detector adds nothing."""
        if forecast is None or not self.pricing.use_forecast:
            return self._no_flow
        if forecast is not self._flow[0]:
            flow = np.nan_to_num(forecast.flow_veh_h[0], nan=0.0)
            by_signal = np.zeros((len(self.layout.phases), self._spread.shape[1]))
            by_signal[self.layout.signal_of, self.layout.place_of] = flow
            self._flow = (forecast, by_signal[self.layout.signal_of_lane] * SHARES[self._spread])
        return self._flow[1]


def city_of(layout: Layout, min_green_s: Floats, pricing: Pricing) -> City:
    """The arrays that the kernel plays with."""
    speed_mps = layout.lane_speed_mps
    headway_s = pricing.headway_base_s + pricing.headway_space_m / np.maximum(speed_mps, 1.0)
    return City(
        layout.phases, layout.lane_start, layout.movement_start, layout.serves, layout.intergreen_s, layout.yields_to, min_green_s,
        speed_mps, layout.lane_sensed_m, headway_s,
    )  # fmt: skip


def lane_spread(layout: Layout) -> Codes:
    """Over how many lanes a movement spreads evenly, told at each of its lanes; 0 at others [lane, movement of its signal]."""
    uses = layout.uses
    lanes_of = uses.sum(axis=1, dtype=np.int8)
    place = np.arange(layout.lanes) - layout.lane_start[layout.signal_of_lane]
    found: Codes = uses[layout.signal_of_lane, place] * lanes_of[layout.signal_of_lane]
    return found


def ways_between(network: Network, layout: Layout, spread: Codes, least_m: float) -> tuple[Ways, Ints]:
    """Ways from each movement to the lanes of the next signals, by shares of lanes, and the movement that each [way] leads to.

    Over streets shorter than `least_m` nobody's release is worth playing: it arrives before the next decision.
    """
    start: list[int] = [0]
    rows: list[tuple[int, int, float, float]] = []
    index = {s.id: i for i, s in enumerate(network.signals)}
    streets: dict[str, list[Street]] = {}
    for street in network.streets:
        if street.length_m >= least_m:
            streets.setdefault(street.from_signal, []).append(street)
    fed_by = [{street_of(e) for e in (lane.id, *lane.upstream)} for s in network.signals for lane in s.lanes] if streets else []
    for signal in network.signals:
        onwards = streets.get(signal.id, ())
        if not onwards:
            start += [len(rows)] * signal.serves.shape[1]
            continue
        for movement in signal.movements:
            exits = {street_of(e) for e in movement.exits}
            for street in onwards:
                j = index[street.to_signal]
                travel_s = (street.length_m + movement.crossing_m) / max(street.speed_mps, 1.0)
                for k in range(layout.lane_start[j], layout.lane_start[j + 1]):
                    if exits & fed_by[k]:
                        rows += [(k, m, travel_s, float(SHARES[spread[k, m]])) for m in np.flatnonzero(spread[k]).tolist()]
            start.append(len(rows))
    table = np.array(rows).reshape(-1, 4)
    lane, movement_there = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    ways = Ways(np.array(start, dtype=np.int64), lane, movement_there, table[:, 2].copy(), table[:, 3].copy())
    signal_of = np.searchsorted(layout.lane_start, lane, side="right") - 1
    return ways, layout.movement_start[signal_of] + movement_there


class RollingHorizon:
    """Picks the cheapest next phase of every signal."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...], pricing: Pricing | None = None) -> None:
        self._limits = limits
        self._lookahead = Lookahead(network, limits, pricing or Pricing())
        self._groups = groups_of(network)

    def costs_s(self, observed: Observation, forecast: FlowForecast | None) -> Floats:
        """What each next phase would cost [signal, phase]; NaN where it may not be chosen now [s]."""
        return self._lookahead.costs_s(observed, forecast)

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """The phase with the least price now; a movement that waits too long goes first."""
        costs_s = self._lookahead.costs_s(observed, forecast)
        wanted = settle(self._groups, costs_s, cheapest(costs_s, observed.phase), observed)
        return sequences(network, self._lookahead.layout, observed, self._limits, wanted, running)


def cheapest(costs_s: Floats, phase: Ints) -> Ints:
    """Phase of the least cost [signal]; the running one where nothing may be chosen or it is as good."""
    known = np.where(np.isnan(costs_s), np.inf, costs_s)
    best = known.argmin(axis=1)
    rows = np.arange(len(phase))
    stay = known[rows, phase] <= known[rows, best] + 1e-6
    return np.where(stay, phase, best)
