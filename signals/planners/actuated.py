"""Actuated control of our own: gap-out and max-out on the network's own phase order. The honest baseline an engineer would have.

A phase without a call is skipped; a green is extended vehicle by vehicle, per lane; where nobody calls it rests. Needs sensors on
the last 40 m only. A silent one calls always, and its phase stays for the green of the base plan, as a time plan would. Pedestrians
press no button that anybody reads: a crossing calls when it has been red for a minute, and its walk is in the minimum green.
"""

import numpy as np

from signals.kernels import actuation
from signals.kernels.queues import arrival_times_s
from signals.layout import TURN_CODES, lay_out
from signals.planners.sequence import sequences
from signals.types import ApprovedPlan, Bools, Floats, FlowForecast, Ints, Network, Observation, SafetyEnvelope, TimingPlan, Turn

PASSAGE_S = 3.0  # the gap after which a green ends
ZONE_M = 40.0  # what stands or comes within it calls
MAX_GREEN_S = 50.0
PEDESTRIANS_WAIT_S = 60.0
PATIENCE_S = 30.0
ACCELERATION_MPS2 = 2.6


class Actuated:
    """Remembers at which stage of its order each signal is, for orders that show a phase twice."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
        self.limits = limits
        self.layout = lay_out(network)
        sizes = [len(signal.base.stages) for signal in network.signals]
        self.ring = np.full((len(sizes), max(sizes)), -1, dtype=np.int64)
        self.base_green_s = np.zeros(self.ring.shape)
        for i, signal in enumerate(network.signals):
            self.ring[i, : sizes[i]] = [stage.phase for stage in signal.base.stages]
            self.base_green_s[i, : sizes[i]] = [stage.green_s for stage in signal.base.stages]
        self.ring_size = np.array(sizes, dtype=np.int64)
        self.stage = np.zeros(len(sizes), dtype=np.int64)
        self.max_green_s = np.array([min(MAX_GREEN_S, one.max_green_s) for one in limits])
        self.crossing = self.layout.movement_turn == TURN_CODES[Turn.CROSSING]

    def propose(
        self,
        network: Network,
        observed: Observation,
        forecast: FlowForecast | None,
        running: tuple[ApprovedPlan, ...],
    ) -> tuple[TimingPlan, ...]:
        """Calls, gaps, and the phase that goes on or comes next."""
        layout = self.layout
        self.stage = actuation.stage_reached(self.stage, observed.phase, self.ring, self.ring_size)
        codes = layout.codes_now(observed.phase, observed.age_s)
        called = self._called(observed)
        gap_s = actuation.shortest_gaps_s(self._lane_gaps_s(observed, codes), layout.lane_start)
        wanted = actuation.actuated_phases(
            observed.phase, observed.age_s, self.stage, gap_s, called, PASSAGE_S, self.max_green_s, self._recall_s(observed),
            self.ring, self.ring_size, layout.serves, layout.movement_start,
        )  # fmt: skip
        return sequences(network, layout, observed, self.limits, wanted, running)

    def _called(self, observed: Observation) -> Bools:
        """Who asks for green [movement]."""
        called: Bools = actuation.calling(observed.queue_veh, observed.vehicle_movement, observed.vehicle_distance_m, ZONE_M)
        return np.where(self.crossing, ~(observed.red_s < PEDESTRIANS_WAIT_S), called)

    def _lane_gaps_s(self, observed: Observation, codes: Ints) -> Floats:
        """Time to the next vehicle that can use the running green [lane]."""
        limit_mps = self.layout.lane_speed_mps[observed.vehicle_lane]
        found_s: Floats = actuation.lane_gaps_s(
            self.layout.lanes,
            observed.vehicle_lane,
            observed.vehicle_movement,
            observed.vehicle_distance_m,
            observed.vehicle_speed_mps,
            arrival_times_s(observed.vehicle_distance_m, observed.vehicle_speed_mps, limit_mps, ACCELERATION_MPS2),
            codes,
            observed.age_s[self.layout.signal_of],
            PATIENCE_S,
        )
        return found_s

    def _recall_s(self, observed: Observation) -> Floats:
        """Green on recall [signal]: the base plan's where the running phase serves somebody whose sensor is silent, else none."""
        blind = np.isnan(observed.queue_veh) & ~self.crossing & (self.layout.codes_in(observed.phase) > 0)
        recalled = np.zeros(len(self.limits), dtype=np.bool_)
        recalled[self.layout.signal_of[blind]] = True
        green_s: Floats = np.where(recalled, self.base_green_s[np.arange(len(self.limits)), self.stage], 0.0)
        return green_s
