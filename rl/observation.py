"""What the policy sees: one row of named features a phase, the same in training and in the street.

`FEATURES` is the table, in the order of the columns; `Eyes` fills it from an observation. A policy is only run on the layout it was
trained on: `layout_hash` goes into its card.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rl import features
from signals.planners.rolling_horizon import Lookahead, Pricing
from signals.types import FlowForecast, Network, Observation, SafetyEnvelope

Rows = npt.NDArray[np.float32]
"""[signal, phase, feature]"""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: its value is what `about` says, in `unit`, divided by `scale` and clipped to [0, LARGEST]."""

    name: str
    unit: str
    scale: float
    about: str


FEATURES = (
    Feature("allowed", "0/1", 1.0, "the phase may be chosen now"),
    Feature("running", "0/1", 1.0, "it is the phase that runs"),
    Feature("excess", "s", features.EXCESS_S, "lookahead price above the cheapest phase's"),
    Feature("excess_fine", "s", features.EXCESS_FINE_S, "the same, tanh: small differences"),
    Feature("cheapest", "0/1", 1.0, "its lookahead price is the least"),
    Feature("queue_protected", "veh", features.QUEUE_VEH, "queue it serves, protected"),
    Feature("queue_permissive", "veh", features.QUEUE_VEH, "queue it serves, permissive"),
    Feature("queue_lost", "veh", features.QUEUE_VEH, "queue that is served now and would not be"),
    Feature("queue_left", "veh", features.QUEUE_VEH, "queue that it does not serve"),
    Feature("queue_longest", "veh", features.QUEUE_VEH, "longest served queue in one lane"),
    Feature("queue_lanes", "lanes", features.LANES, "lanes with a served queue"),
    Feature("passing", "veh", features.ARRIVING_VEH, "moving within 40 m under the running green"),
    Feature("arriving_5", "veh", features.ARRIVING_VEH, "moving, served, at free speed there in 0-5 s"),
    Feature("arriving_10", "veh", features.ARRIVING_VEH, "in 5-10 s"),
    Feature("arriving_20", "veh", features.ARRIVING_VEH, "in 10-20 s"),
    Feature("arriving_40", "veh", features.ARRIVING_VEH, "in 20-40 s"),
    Feature("arriving_lost", "veh", features.ARRIVING_VEH, "there within 10 s, served now and would not be"),
    Feature("wait_served", "s", features.WAIT_S, "longest wait of whom it serves"),
    Feature("wait_left", "s", features.WAIT_S, "longest wait of whom it does not serve"),
    Feature("red_served", "s", features.RED_S, "longest red of a served movement with a queue"),
    Feature("intergreen", "s", features.GREEN_S, "from the running phase to it"),
    Feature("age", "s", features.AGE_S, "of the running green"),
    Feature("green_left", "s", features.GREEN_S, "minimum green still to run"),
    Feature("exit_full", "veh", features.QUEUE_VEH, "served queue whose exit is full"),
    Feature("exit_share", "-", 1.0, "fullest exit of a served queue"),
    Feature("flow_served", "veh/h", features.FLOW_VEH_H, "forecast flow it serves, next 15 min"),
    Feature("flow_left", "veh/h", features.FLOW_VEH_H, "forecast flow it does not serve"),
    Feature("forecast_known", "0/1", 1.0, "there is a forecast for a served movement"),
    Feature("protected_share", "-", 1.0, "of its movements, protected"),
    Feature("served_share", "-", 1.0, "of the signal's movements, served"),
    Feature("in_range", "veh", features.IN_RANGE_VEH, "all vehicles seen at the signal"),
    Feature("silent", "-", 1.0, "of its movements, without a sensor"),
    Feature("decision", "s", features.DECISION_S, "time until the next decision"),
    Feature("least_price", "s", features.PRICE_S, "lookahead price of the cheapest phase"),
    Feature("trapped", "veh", features.TRAPPED_VEH, "inside the junction, that it would leave standing in others' way"),
)


def layout_hash() -> str:
    """Identity of the layout: twelve hex digits over names, units and scales in order."""
    words = ";".join(f"{f.name},{f.unit},{f.scale:g}" for f in FEATURES) + f";clip {features.LARGEST:g}"
    return hashlib.sha256(words.encode()).hexdigest()[:12]


class Eyes:
    """A network's arrays, ready for `rows`; made once and asked at every decision."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...], pricing: Pricing | None = None) -> None:
        self.lookahead = Lookahead(network, limits, pricing or Pricing())
        self.layout = self.lookahead.layout
        self._decision_s = limits[0].decision_s
        self._min_green_s = np.zeros(self.layout.serves.shape[:2])
        for i, one in enumerate(limits):
            self._min_green_s[i, : len(one.min_green_s)] = one.min_green_s
        self._silence = np.full(self.layout.movements, np.nan)

    def rows(self, observed: Observation, forecast: FlowForecast | None) -> Rows:
        """Features [signal, phase, feature] of this moment; a phase that a signal does not have is a row of zeros."""
        lay = self.layout
        flow_veh_h = self._silence if forecast is None else forecast.flow_veh_h[0]
        rows: Rows = features.phase_features(
            self.lookahead.costs_s(observed, forecast), observed.phase, observed.age_s, self._min_green_s, lay.phases,
            lay.movement_start, lay.lane_start, lay.serves, lay.intergreen_s, self.lookahead.trapped_veh(observed),
            observed.queue_veh, observed.wait_s, observed.red_s, observed.exit_veh, lay.movement_exit_storage_veh, flow_veh_h,
            forecast is not None, observed.vehicle_lane, observed.vehicle_movement, observed.vehicle_distance_m,
            observed.vehicle_speed_mps, lay.lane_speed_mps, self._decision_s,
        )  # fmt: skip
        return rows


def allowed(rows: Rows) -> npt.NDArray[np.bool_]:
    """Which phases may be chosen, from the rows themselves [..., phase]."""
    mask: npt.NDArray[np.bool_] = rows[..., features.ALLOWED] > 0.0
    return mask
