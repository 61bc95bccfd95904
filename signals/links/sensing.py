"""Ideal sensing in SUMO: every vehicle within range of a signal, by the movement it will take and the stop lane it heads for.

Uses each vehicle's next signal on its route, so a queue that stands behind a stop lane of two metres is seen as well.
Getters called over all vehicles are the quickest way to read them (`benchmarks.env_speed` measures it beside subscriptions); what is
read goes through one pass of `signals.kernels.sensed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import Any

import numpy as np

from signals.kernels.sensed import NONE, Limits, Lists, Places, Read, sensed
from signals.layout import lay_out, starts
from signals.links.observing import CLEARING_MPS, INSIDE_M, Observing
from signals.types import Floats, Ints, Network, Observation, Turn

SLOW_MPS = 2.0
STANDING_MPS = 0.1
VEHICLE_SPACE_M = 7.5
MOST_MEASURED = 20_000
Next = tuple[str, int, float, str]
"""A signal on the rest of a vehicle's route: (signal, link index, distance [m], aspect)."""
Ahead = tuple[Next, ...]
"""Those signals, nearest first."""
NOTHING: Next = ("", 0, inf, "")


class Numbers(dict[str, int]):
    """Numbers of names; whoever is not known has the number `other`."""

    def __init__(self, known: dict[str, int], other: int) -> None:
        super().__init__(known)
        self._other = other

    def __missing__(self, name: str) -> int:
        return self._other


class Sensing:
    """Remembers which signals each vehicle had ahead, so that passing the stop line is counted."""

    def __init__(self, sumo: Any, network: Network, sensing_m: float) -> None:
        self._vehicles = sumo.vehicle
        self._layout = lay_out(network)
        self._limits = Limits(sensing_m, SLOW_MPS, STANDING_MPS, CLEARING_MPS, INSIDE_M)
        self._starts = Numbers({s.id: int(self._layout.movement_start[i]) for i, s in enumerate(network.signals)}, NONE)
        self._lanes, self._places = places_of(network)
        self._room: dict[str, float] = {}
        self._silent = np.flatnonzero([m.turn is Turn.CROSSING for s in network.signals for m in s.movements])
        self._ahead: dict[str, Ahead] = {}
        self._observing = Observing(self._layout)

    def read(self, now_s: float, phase: Ints, age_s: Floats) -> Observation:
        """One pass over all vehicles."""
        vehicles, n = self._vehicles, self._layout.movements
        ids = vehicles.getIDList()
        ahead: list[Ahead] = list(map(vehicles.getNextTLS, ids))
        queue_veh, wait_s, exit_veh, lane, movement, distance_m, speed_mps = sensed(
            self._seen(ids, ahead), self._places, self._limits, n, self._layout.lanes
        )
        counts_veh = self._counts_veh(dict(zip(ids, ahead, strict=True)))
        queue_veh[self._silent] = np.nan
        counts_veh[self._silent] = np.nan
        return self._observing.of_columns(
            now_s, phase, age_s, lane, movement, distance_m, speed_mps,
            queue_veh=queue_veh, counts_veh=counts_veh, wait_s=wait_s, exit_veh=exit_veh,
        )  # fmt: skip

    def _seen(self, ids: Sequence[str], ahead: list[Ahead]) -> Read:
        """What the kernel needs of every vehicle."""
        vehicles = self._vehicles
        speeds_mps = list(map(vehicles.getSpeed, ids))
        standing = [v for v, speed_mps in zip(ids, speeds_mps, strict=True) if speed_mps < STANDING_MPS]
        slow = [v for v, speed_mps in zip(ids, speeds_mps, strict=True) if speed_mps < SLOW_MPS]
        signal, link, distance_m, _ = zip(*[way[0] if way else NOTHING for way in ahead], strict=True) if ids else ((), (), (), ())
        start = np.array(list(map(self._starts.__getitem__, signal)), dtype=np.int64)
        return Read(
            movement=np.where(start == NONE, NONE, start + np.array(link, dtype=np.int64)),
            distance_m=np.array(distance_m, dtype=np.float64),
            speed_mps=np.array(speeds_mps, dtype=np.float64),
            lane=np.array(list(map(self._lanes.__getitem__, map(vehicles.getLaneID, ids))), dtype=np.int64),
            waited_s=np.array(list(map(vehicles.getWaitingTime, standing)), dtype=np.float64),
            room_veh=np.array(self._rooms_veh(slow), dtype=np.float64),
        )

    def _rooms_veh(self, ids: Sequence[str]) -> list[float]:
        """How many vehicles' room each takes: more than one for a bus. A vehicle is measured once, for its type stays the same."""
        vehicles, room = self._vehicles, self._room
        if len(room) > MOST_MEASURED:
            room.clear()  # most of them have long left the street
        for vehicle in ids:
            if vehicle not in room:
                room[vehicle] = (vehicles.getLength(vehicle) + vehicles.getMinGap(vehicle)) / VEHICLE_SPACE_M
        return [room[vehicle] for vehicle in ids]

    def _counts_veh(self, ahead: dict[str, Ahead]) -> Floats:
        """Who passed each stop line [movement]: the signals that a vehicle had before it and has no longer.

        Its movement may have changed before the stop line, with its lane: it counts for the one seen last.
        """
        before, self._ahead = self._ahead, ahead
        counts_veh = np.zeros(self._layout.movements)
        now = map(ahead.get, before)
        changed = [(was, way) for was, way in zip(before.values(), now, strict=True) if way is None or len(way) < len(was)]
        for was, way in changed:
            # Of a vehicle that is gone only what it can have reached counts.
            reach_m = inf if way else self._limits.sensing_m
            for signal, link, distance_m, _ in was[: len(was) - len(way or ())]:
                start = self._starts[signal]
                if start != NONE and distance_m <= reach_m:
                    counts_veh[start + link] += 1.0
        return counts_veh


def places_of(network: Network) -> tuple[Numbers, Places]:
    """Numbers of the lanes that mean something to the signals, and what they mean."""
    movements = [m for s in network.signals for m in s.movements]
    stops: dict[str, int] = {}
    own: list[list[int]] = []
    exits: dict[str, list[int]] = {}
    for s, first in zip(network.signals, lay_out(network).lane_start.tolist(), strict=False):
        here = {lane.id: first + k for k, lane in enumerate(s.lanes)}
        stops |= here
        own += [[here[lane] for lane in movement.lanes] for movement in s.movements]
    for m, movement in enumerate(movements):
        for lane in movement.exits:
            exits.setdefault(lane, []).append(m)
    inside = {lane: m for m, movement in enumerate(movements) for lane in movement.inside}
    lanes = sorted({*stops, *inside, *exits})
    firsts = [movement.lanes[0] if movement.lanes else "" for movement in movements]
    places = Places(
        stop=np.array([*(stops.get(lane, NONE) for lane in lanes), NONE], dtype=np.int64),
        inside=np.array([*(inside.get(lane, NONE) for lane in lanes), NONE], dtype=np.int64),
        exits=lists([*(exits.get(lane, []) for lane in lanes), []]),
        lanes_of=lists(own),
        behind=lists([exits.get(lane, []) for lane in firsts]),
    )
    return Numbers({lane: k for k, lane in enumerate(lanes)}, len(lanes)), places


def lists(rows: Iterable[Sequence[int]]) -> Lists:
    """Rows of numbers as one array with their starts."""
    kept = [list(row) for row in rows]
    return Lists(starts([len(row) for row in kept]), np.array([x for row in kept for x in row], dtype=np.int64))
