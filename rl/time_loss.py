"""Seconds that vehicles lose in a SUMO run, by the signal ahead of them: what futures are compared by."""

from __future__ import annotations

from typing import Any

import numpy as np

from rl.simulation import Simulation, entry_edges
from signals.types import Floats, Network


class TimeLoss:
    """Remembers each vehicle's time loss, so that an interval's share is known; who waits to be let in loses all of it."""

    def __init__(self, sumo: Any, network: Network) -> None:
        self._vehicles = sumo.vehicle
        self._ahead = entry_edges(network)
        self._signals = len(network.signals)
        self._before_s: dict[str, float] = {}

    def since_last(self, simulation: Simulation) -> Floats:
        """Vehicle seconds lost since the last call, on the approaches of each signal [signal]; beyond them nobody's.

        SUMO's timeLoss: the time above that of driving at the speed that is wished for. What somebody lost after the last look
        before arriving is left out.
        """
        lost_s, now_s = np.zeros(self._signals), {}
        loss_of, road_of = self._vehicles.getTimeLoss, self._vehicles.getRoadID
        for vehicle in self._vehicles.getIDList():
            now_s[vehicle] = total_s = loss_of(vehicle)
            more_s = total_s - self._before_s.get(vehicle, 0.0)
            if more_s > 0.0:
                signal = self._ahead.get(road_of(vehicle))
                if signal is not None:
                    lost_s[signal] += more_s
        self._before_s = now_s
        return lost_s + simulation.entering_veh() * simulation.where.decision_s
