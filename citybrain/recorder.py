"""What a picture of an episode needs: queues and phases by tick, and each forecast beside what came."""

from __future__ import annotations

from typing import Any

import numpy as np

from signals.layout import lay_out
from signals.types import Floats, FlowForecast, Network, Observation

BUSIEST = 4


class Recorder:
    """Collects ticks of one episode; `as_json` hands them out."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._starts = lay_out(network).movement_start[:-1]
        self._times_s: list[float] = []
        self._queues_veh: list[list[float]] = []
        self._phases: list[list[int]] = []
        self._counts_veh: list[Floats] = []
        self._forecasts: list[FlowForecast] = []

    def see(self, observed: Observation, forecast: FlowForecast | None) -> None:
        """Take one tick."""
        self._times_s.append(observed.now_s)
        queues = np.add.reduceat(np.nan_to_num(observed.queue_veh), self._starts)
        self._queues_veh.append([float(q) for q in queues])
        # A signal in its intergreen is shown as phase -1.
        self._phases.append([int(p) if a >= 0.0 else -1 for p, a in zip(observed.phase, observed.age_s, strict=True)])
        self._counts_veh.append(np.nan_to_num(observed.counts_veh))
        if forecast is not None and (not self._forecasts or forecast is not self._forecasts[-1]):
            self._forecasts.append(forecast)

    def as_json(self) -> dict[str, Any]:
        """Lists by tick; counts and forecasts of the busiest movements only."""
        counts_veh = np.array(self._counts_veh)
        busiest = np.argsort(-counts_veh.sum(axis=0), kind="stable")[:BUSIEST]
        names = [m.id for s in self._network.signals for m in s.movements]
        return {
            "signals": [{"id": s.id, "x_m": s.x_m, "y_m": s.y_m, "phases": len(s.phases)} for s in self._network.signals],
            "streets": [[s.from_signal, s.to_signal, s.length_m] for s in self._network.streets],
            "times_s": self._times_s,
            "queue_veh": self._queues_veh,
            "phase": self._phases,
            "detectors": [
                {
                    "movement": names[m],
                    "counts_veh": counts_veh[:, m].tolist(),
                    "forecasts": [
                        {
                            "made_at_s": f.made_at_s,
                            "start_s": f.start_s,
                            "bin_s": f.bin_s,
                            "flow_veh_h": round(float(f.flow_veh_h[0, m]), 1),
                            "low_veh_h": round(float(f.low_veh_h[0, m]), 1),
                            "high_veh_h": round(float(f.high_veh_h[0, m]), 1),
                            "rung": f.rung[m],
                        }
                        for f in self._forecasts
                    ],
                }
                for m in busiest.tolist()
            ],
        }
