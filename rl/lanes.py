"""The stop lanes themselves, as sumo-rl and RESCO read them: who is on the lane at the stop line, and no further back.

Only parts of that school need it (`rl.reward`, `rl.views`): our own read the traced approach, for a queue may stand behind a stop
lane of two metres. The lanes are those of `signals.layout`, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from signals.layout import starts
from signals.types import Floats, Ints, Network

GAP_M = 2.5  # between standing vehicles, as sumo-rl takes it
STANDING_MPS = 0.1  # SUMO's own bound of a halting vehicle


@dataclass(frozen=True, slots=True)
class Counts:
    """What is on some lanes now; `starts` [signal + 1] are the offsets of each signal's lanes."""

    starts: Ints
    length_m: Floats
    """[lane]"""
    present_veh: Floats
    """[lane]"""
    halting_veh: Floats
    """[lane] under 0.1 m/s"""
    vehicle_m: Floats
    """[lane] mean length of who is there; 0 on an empty lane"""

    def density(self) -> Floats:
        """Share of the room that is taken, n (2.5 m + mean length) / length, at most 1 [lane]. sumo-rl."""
        return np.minimum(self.present_veh * (GAP_M + self.vehicle_m) / self.length_m, 1.0)

    def queue(self) -> Floats:
        """Share of the room that is taken by who stands, at most 1 [lane]. sumo-rl."""
        return np.minimum(self.halting_veh * (GAP_M + self.vehicle_m) / self.length_m, 1.0)


@dataclass(frozen=True, slots=True)
class Lanes:
    """Stop lanes and receiving lanes of all signals at one moment."""

    stop: Counts
    exits: Counts
    waited_s: Floats
    """[stop lane] time that those on it have stood there, all together, within SUMO's waiting-time memory"""
    speed_share: Floats
    """[stop lane] speed over allowed speed, summed over those on it"""

    def per_signal(self, of_lane: Floats) -> Floats:
        """Sum over the stop lanes of each signal [signal]."""
        return summed(of_lane, self.stop.starts)

    def average_speed(self) -> Floats:
        """Mean of speed over allowed speed on the stop lanes; 1 where nobody is [signal]. sumo-rl."""
        present = self.per_signal(self.stop.present_veh)
        return np.where(present > 0.0, self.per_signal(self.speed_share) / np.maximum(present, 1.0), 1.0)

    def pressure_veh(self) -> Floats:
        """Vehicles on the receiving lanes less those on the stop lanes [signal]. sumo-rl."""
        return summed(self.exits.present_veh, self.exits.starts) - self.per_signal(self.stop.present_veh)


def summed(values: Floats, at: Ints) -> Floats:
    """Sums of consecutive blocks [block]."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    return total[at[1:]] - total[at[:-1]]


class LaneReader:
    """Lives as long as a simulation: it remembers on which lanes each vehicle has stood for how long."""

    def __init__(self, sumo: Any, network: Network) -> None:
        self._sumo = sumo
        self.stops = [[lane.id for lane in s.lanes] for s in network.signals]
        self.exits = [exits_of([m.exits for m in s.movements]) for s in network.signals]
        self._starts = tuple(starts([len(one) for one in of]) for of in (self.stops, self.exits))
        self._length_m = tuple(self._lengths_m(of) for of in (self.stops, self.exits))
        self._stood_s: dict[str, dict[str, float]] = {}

    def read(self) -> Lanes:
        """All lanes now."""
        waited_s, share = [], []
        for lane in (lane for one in self.stops for lane in one):
            vehicles = self._sumo.lane.getLastStepVehicleIDs(lane)
            waited_s.append(sum(self._waited_s(vehicle, lane) for vehicle in vehicles))
            share.append(sum(self._sumo.vehicle.getSpeed(v) / self._sumo.vehicle.getAllowedSpeed(v) for v in vehicles))
        by_lane = np.array([waited_s, share], dtype=float)
        return Lanes(self._counts(0, self.stops), self._counts(1, self.exits), by_lane[0], by_lane[1])

    def _waited_s(self, vehicle: str, lane: str) -> float:
        """How long a vehicle has stood on this lane: SUMO's sum, less what was counted on the lanes before it [s]."""
        of = self._stood_s.setdefault(vehicle, {})
        of[lane] = self._sumo.vehicle.getAccumulatedWaitingTime(vehicle) - sum(s for other, s in of.items() if other != lane)
        return of[lane]

    def _counts(self, which: int, lanes: list[list[str]]) -> Counts:
        read = self._sumo.lane
        table = np.array(
            [(read.getLastStepVehicleNumber(k), read.getLastStepHaltingNumber(k), read.getLastStepLength(k)) for one in lanes for k in one],
            dtype=float,
        ).reshape(-1, 3)
        return Counts(self._starts[which], self._length_m[which], table[:, 0], table[:, 1], table[:, 2])

    def _lengths_m(self, lanes: list[list[str]]) -> Floats:
        return np.array([self._sumo.lane.getLength(lane) for one in lanes for lane in one], dtype=float)


def exits_of(exits: Sequence[tuple[str, ...]]) -> list[str]:
    """The receiving lane of each link [link], each once."""
    return list(dict.fromkeys(lanes[0] for lanes in exits if lanes))


def system_metrics(sumo: Any) -> dict[str, float]:
    """Everybody in the network now, in sumo-rl's words: how many stand, how long they have, and how fast they are."""
    vehicles = sumo.vehicle.getIDList()
    speeds_mps = [sumo.vehicle.getSpeed(v) for v in vehicles]
    waits_s = [sumo.vehicle.getWaitingTime(v) for v in vehicles]
    return {
        "system_total_stopped": sum(speed_mps < STANDING_MPS for speed_mps in speeds_mps),
        "system_total_waiting_time": sum(waits_s),
        "system_mean_waiting_time": float(np.mean(waits_s)) if vehicles else 0.0,
        "system_mean_speed": float(np.mean(speeds_mps)) if vehicles else 0.0,
    }


def signal_metrics(lanes: Lanes, signals: Sequence[str]) -> dict[str, float]:
    """The stop lanes of each signal, in sumo-rl's words."""
    stopped, waited_s = lanes.per_signal(lanes.stop.halting_veh), lanes.per_signal(lanes.waited_s)
    speeds = lanes.average_speed()
    found: dict[str, float] = {}
    for i, name in enumerate(signals):
        found[f"{name}_stopped"] = int(stopped[i])
        found[f"{name}_accumulated_waiting_time"] = float(waited_s[i])
        found[f"{name}_average_speed"] = float(speeds[i])
    found["agents_total_stopped"] = int(stopped.sum())
    found["agents_total_accumulated_waiting_time"] = float(waited_s.sum())
    return found
