"""Ideal sensing in SUMO: every vehicle within range of a signal, by the movement it will take and the stop lane it heads for.

Uses each vehicle's next signal on its route, so a queue that stands behind a stop lane of two metres is seen as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from signals.layout import lay_out
from signals.links.observing import CLEARING_MPS, INSIDE_M, Observing, Row
from signals.types import Floats, Ints, Network, Observation, Turn

SLOW_MPS = 2.0
STANDING_MPS = 0.1
VEHICLE_SPACE_M = 7.5
Ahead = tuple[tuple[str, int, float, str], ...]
"""Signals on the rest of a vehicle's route, nearest first: (signal, link index, distance [m], aspect)."""


class Sensing:
    """Remembers which signals each vehicle had ahead, so that passing the stop line is counted."""

    def __init__(self, sumo: Any, network: Network, sensing_m: float) -> None:
        self._vehicles = sumo.vehicle
        self._network = network
        self._layout = lay_out(network)
        self._sensing_m = sensing_m
        starts, lane_starts = self._layout.movement_start, self._layout.lane_start
        self._signals = {s.id: int(starts[i]) for i, s in enumerate(network.signals)}
        self._lanes_of: dict[int, list[int]] = {}
        self._lane_index: dict[str, int] = {}
        self._exits: dict[str, list[int]] = {}
        self._inside: dict[str, int] = {}
        self._stop_lane: dict[int, str] = {}
        self._room: dict[str, float] = {}
        for i, s in enumerate(network.signals):
            places = {lane.id: int(lane_starts[i]) + k for k, lane in enumerate(s.lanes)}
            self._lane_index |= places
            for m, movement in enumerate(s.movements):
                flat = int(starts[i]) + m
                self._lanes_of[flat] = [places[lane] for lane in movement.lanes]
                for exit_lane in movement.exits:
                    self._exits.setdefault(exit_lane, []).append(flat)
                self._inside |= dict.fromkeys(movement.inside, flat)
                self._stop_lane[flat] = movement.lanes[0] if movement.lanes else ""
        self._silent = np.array([m.turn is Turn.CROSSING for s in network.signals for m in s.movements])
        self._ahead: dict[str, Ahead] = {}
        self._observing = Observing(self._layout)

    def read(self, now_s: float, phase: Ints, age_s: Floats) -> Observation:
        """One pass over all vehicles."""
        n = self._layout.movements
        queue_veh, counts_veh = np.zeros(n), np.zeros(n)
        wait_s, exit_veh = np.zeros(n), np.zeros(n)
        rows, ahead = self._rows(queue_veh, wait_s, exit_veh)
        self._count(counts_veh, ahead)
        self._ahead = ahead
        queue_veh[self._silent] = np.nan
        counts_veh[self._silent] = np.nan
        return self._observing.observation(
            now_s, phase, age_s, sorted(rows), queue_veh=queue_veh, counts_veh=counts_veh, wait_s=wait_s, exit_veh=exit_veh
        )

    def _count(self, counts_veh: Floats, ahead: dict[str, Ahead]) -> None:
        """Add who passed a stop line: the signals that a vehicle had before it and has no longer.

        Its movement may have changed before the stop line, with its lane: it counts for the one seen last.
        """
        for vehicle, before in self._ahead.items():
            after = ahead.get(vehicle)
            if after is not None and len(after) >= len(before):
                continue
            passed = len(before) - (0 if after is None else len(after))
            for signal, link, distance_m, _ in before[: max(passed, 0)]:
                # Of a vehicle that is gone only what it can have reached counts.
                if signal in self._signals and (after is not None or distance_m <= self._sensing_m):
                    counts_veh[self._signals[signal] + link] += 1.0

    def _rows(self, queue_veh: Floats, wait_s: Floats, exit_veh: Floats) -> tuple[list[Row], dict[str, Ahead]]:
        """(lane, distance, movement, speed) of each vehicle in range, and what is ahead of it; fills the [movement] arrays."""
        rows: list[Row] = []
        found: dict[str, Ahead] = {}
        vehicles, signals, exits = self._vehicles, self._signals, self._exits
        for vehicle in vehicles.getIDList():
            ahead = vehicles.getNextTLS(vehicle)
            speed_mps = vehicles.getSpeed(vehicle)
            slow = speed_mps < SLOW_MPS
            lane_id = vehicles.getLaneID(vehicle) if speed_mps < CLEARING_MPS else ""
            if slow and lane_id in exits:
                for m in exits[lane_id]:
                    exit_veh[m] += self._spaces(vehicle)
            elif lane_id in self._inside:
                behind = self._inside[lane_id]
                rows.append((self._lanes_of[behind][0], INSIDE_M, behind, speed_mps))
                if speed_mps < STANDING_MPS:
                    queue_veh[behind] += 1.0
                    wait_s[behind] = max(wait_s[behind], vehicles.getWaitingTime(vehicle))
                    for m in exits.get(self._stop_lane[behind], ()):
                        exit_veh[m] += self._spaces(vehicle)
            if not ahead:
                continue
            found[vehicle] = ahead
            signal, link, distance_m, _ = ahead[0]
            start = signals.get(signal)
            if start is None or distance_m > self._sensing_m or not self._lanes_of[start + link]:
                continue
            movement = start + link
            lanes = self._lanes_of[movement]
            lane = lanes[0]
            if len(lanes) > 1:
                here = self._lane_index.get(lane_id or vehicles.getLaneID(vehicle), -1)
                lane = here if here in lanes else lane
            rows.append((lane, distance_m, movement, speed_mps))
            if slow:
                queue_veh[movement] += 1.0
                if speed_mps < STANDING_MPS:
                    wait_s[movement] = max(wait_s[movement], vehicles.getWaitingTime(vehicle))
        return rows, found

    def _spaces(self, vehicle: str) -> float:
        """How many vehicles' room one takes: more than one for a bus."""
        kind = self._vehicles.getTypeID(vehicle)
        if kind not in self._room:
            self._room[kind] = (self._vehicles.getLength(vehicle) + self._vehicles.getMinGap(vehicle)) / VEHICLE_SPACE_M
        return self._room[kind]
