"""Max pressure: at every decision each signal shows the phase of largest pressure. Needs no model. Varaiya 2013."""

import numpy as np

from signals.kernels import pressure, turning
from signals.layout import TURN_CODES, Layout, lay_out
from signals.planners.sequence import sequences
from signals.types import ApprovedPlan, Floats, FlowForecast, Ints, Network, Observation, SafetyEnvelope, Serves, TimingPlan, Turn
from signals.units import SECONDS_PER_HOUR

REACH_S = 20.0  # from the stop line a rolling vehicle counts nothing, and then the more the nearer it comes
YIELDING_SHARE = 0.5  # of a lane whose next vehicle must find a gap, where another phase protects it
PATIENCE_S = 10.0  # under green, until who stands at the line is known to be blocked
START_UP_S = 2.0  # lost with each change, beside the intergreen
SWITCHING = 0.6  # part of the lost time that a change is charged: all of it costs sparse networks, none of it locks cologne3
LEAST_INSIDE_VEH = 2.0  # so many turners between the lanes can lock a junction; they are let out first
COUNTED_S = 900.0  # over which turning shares are measured
PRIOR_VEH = 1.0  # as if one vehicle had been seen on each movement already
CROSSING = TURN_CODES[Turn.CROSSING]


class MaxPressure:
    """Local decisions by queue difference; silent sensors fall to the forecast, and without one to the base plan.

    Remembers who turned left into gaps lately: they may still stand inside the junction.
    """

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
        self.limits = limits
        self.layout = lay_out(network)
        self.exit_lanes = np.array([float(len(m.exits)) for s in network.signals for m in s.movements])
        # A green that yields is the best that some movements ever get: only where another phase protects them is it worth less.
        best = self.layout.serves.max(axis=1, keepdims=True)
        self.rated = np.where((self.layout.serves > 0) & (best == Serves.PERMISSIVE), Serves.PROTECTED, self.layout.serves)
        self.min_green_s = np.array([one.min_green_s.max() for one in limits])
        self.decision_s = np.array([one.decision_s for one in limits])
        self.feeds = feeding(network)
        self.approach = approaches(network)
        self.counts = turning.Measured.none(self.layout.movements)
        self.inside_veh = np.zeros(self.layout.movements)
        self.seen_s = float("-inf")

    def propose(
        self,
        network: Network,
        observed: Observation,
        forecast: FlowForecast | None,
        running: tuple[ApprovedPlan, ...],
    ) -> tuple[TimingPlan, ...]:
        """Pressures, strongest phases, the junction cleared first, sequences."""
        layout = self.layout
        codes = layout.codes_now(observed.phase, observed.age_s)
        self.measure(observed)
        wanted = pressure.strongest_phases(self.pressures(observed, forecast), layout.phases, observed.phase, self._worth(observed))
        self.inside_veh = pressure.inside_veh(self.inside_veh, observed.counts_veh, codes, observed.now_s - self.seen_s)
        self.seen_s = observed.now_s
        wanted = pressure.clearing_phases(
            wanted, observed.phase, self.inside_veh, layout.serves, layout.phases, layout.movement_start, LEAST_INSIDE_VEH
        )
        wanted_or_kept = np.where(wanted < 0, observed.phase, wanted)
        plans = sequences(network, layout, observed, self.limits, wanted_or_kept, running)
        if (wanted >= 0).all():
            return plans
        # Blind there: what the cabinet does on its own is better than a guess.
        return tuple(plan if wanted[i] >= 0 else network.signals[i].base for i, plan in enumerate(plans))

    def measure(self, observed: Observation) -> None:
        """Take the counts for the turning shares; once a tick."""
        self.counts = self.counts.with_counts(observed.counts_veh, observed.now_s, COUNTED_S)

    def pressures(self, observed: Observation, forecast: FlowForecast | None) -> Floats:
        """Pressure of each phase [signal, phase]; NaN where a queue is unknown."""
        layout = self.layout
        queue_veh = expected_queue_veh(observed, forecast, layout)
        found: Floats = pressure.phase_pressures(
            pressure.unplaced_veh(queue_veh, observed.vehicle_movement, observed.vehicle_speed_mps),
            observed.vehicle_lane,
            observed.vehicle_movement,
            pressure.position_weights(observed.vehicle_distance_m, observed.vehicle_speed_mps, REACH_S),
            pressure.stuck_vehicles(
                observed.vehicle_movement,
                observed.vehicle_distance_m,
                observed.vehicle_speed_mps,
                np.where(layout.codes_now(observed.phase, observed.age_s) == Serves.PROTECTED, observed.age_s[layout.signal_of], 0.0),
                PATIENCE_S,
            ),
            pressure.full_exits(observed.exit_veh, layout.movement_exit_storage_veh),
            self._ahead_veh(observed, queue_veh),
            layout.movement_saturation_veh_h,
            self.rated,
            layout.phases,
            layout.movement_start,
            layout.lane_start,
            YIELDING_SHARE,
        )
        return found

    def _ahead_veh(self, observed: Observation, queue_veh: Floats) -> Floats:
        """Queue that the vehicles of each movement will join [movement], by the turning shares measured there."""
        shares = turning.turning_shares(self.counts.counted_veh, self.approach, PRIOR_VEH)
        found: Floats = turning.queue_ahead_veh(queue_veh, shares, *self.feeds, observed.exit_veh, self.exit_lanes)
        return found

    def _worth(self, observed: Observation) -> Floats:
        """Share of the time until the next change that a phase is green for [signal, phase]: the rest goes to its intergreen."""
        rows = np.arange(observed.phase.size)
        lost_s = self.layout.intergreen_s[rows, observed.phase] + START_UP_S
        lost_s[rows, observed.phase] = 0.0
        worth: Floats = 1.0 - SWITCHING * lost_s / (lost_s + np.maximum(self.min_green_s, self.decision_s)[:, None])
        return worth


def approaches(network: Network) -> Ints:
    """Number of the approach of each movement [movement], counted through the network."""
    numbers: dict[tuple[int, str], int] = {}
    names = [(i, m.approach) for i, s in enumerate(network.signals) for m in s.movements]
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def feeding(network: Network) -> tuple[Ints, Ints]:
    """Pairs (movement, movement its vehicles can take at the next signal), each [link]: its exits lead to the stop lanes of that one."""
    takes: dict[str, set[int]] = {}
    movements = [m for s in network.signals for m in s.movements]
    users: dict[str, list[int]] = {}
    for n, movement in enumerate(movements):
        for lane_id in movement.lanes:
            users.setdefault(lane_id, []).append(n)
    for lane in (lane for s in network.signals for lane in s.lanes):
        for fed in (lane.id, *lane.upstream):
            takes.setdefault(fed, set()).update(users.get(lane.id, []))
    pairs = [(m, n) for m, one in enumerate(movements) for n in sorted(set().union(*(takes.get(e, set()) for e in one.exits)))]
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return np.ascontiguousarray(found[:, 0]), np.ascontiguousarray(found[:, 1])


def expected_queue_veh(observed: Observation, forecast: FlowForecast | None, layout: Layout) -> Floats:
    """Queues [movement]; of a silent sensor what the forecast brings during the red so far, else NaN.

    Nobody forecasts pedestrians: a crossing weighs nothing, and gets its green with its phase or when it is overdue.
    """
    silent = np.isnan(observed.queue_veh)
    if not silent.any():
        return observed.queue_veh
    flow_veh_h = np.full(silent.size, np.nan) if forecast is None else forecast.flow_veh_h[0]
    arrived_veh = np.where(layout.movement_turn == CROSSING, 0.0, flow_veh_h * observed.red_s / SECONDS_PER_HOUR)
    return np.where(silent, arrived_veh, observed.queue_veh)
