"""Max pressure: at every decision each signal shows the phase of largest pressure. Needs no model. Varaiya 2013."""

import numpy as np

from signals.kernels import pressure
from signals.layout import TURN_CODES, Layout, lay_out
from signals.planners.sequence import sequences
from signals.types import ApprovedPlan, Floats, FlowForecast, Network, Observation, SafetyEnvelope, TimingPlan, Turn
from signals.units import SECONDS_PER_HOUR

REACH_S = 10.0  # a rolling vehicle this near counts; half or twice as much is worse on the RESCO networks
CROSSING = TURN_CODES[Turn.CROSSING]


class MaxPressure:
    """Local decisions by queue difference; silent sensors fall to the forecast, and without one to the base plan."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
        self.limits = limits
        self.layout = lay_out(network)
        self.exit_lanes = np.array([float(len(m.exits)) for s in network.signals for m in s.movements])

    def propose(
        self,
        network: Network,
        observed: Observation,
        forecast: FlowForecast | None,
        running: tuple[ApprovedPlan, ...],
    ) -> tuple[TimingPlan, ...]:
        """Weights, pressures, strongest phases, sequences."""
        layout = self.layout
        weights = pressure.movement_weights(
            self._vehicles(observed, forecast),
            observed.exit_veh,
            self.exit_lanes,
            layout.movement_exit_storage_veh,
            layout.movement_saturation_veh_h,
        )
        pressures = pressure.phase_pressures(weights, layout.serves, layout.phases, layout.movement_start)
        wanted = pressure.strongest_phases(pressures, layout.phases, observed.phase)
        wanted_or_kept = np.where(wanted < 0, observed.phase, wanted)
        plans = sequences(network, layout, observed, self.limits, wanted_or_kept, running)
        if (wanted >= 0).all():
            return plans
        # Blind there: what the cabinet does on its own is better than a guess.
        return tuple(plan if wanted[i] >= 0 else network.signals[i].base for i, plan in enumerate(plans))

    def _vehicles(self, observed: Observation, forecast: FlowForecast | None) -> Floats:
        """Who could use a green that starts now [movement]."""
        found_veh: Floats = pressure.in_reach_veh(
            expected_queue_veh(observed, forecast, self.layout),
            observed.vehicle_movement,
            observed.vehicle_distance_m,
            observed.vehicle_speed_mps,
            REACH_S,
        )
        return found_veh


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
