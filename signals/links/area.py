"""Sensing by area detectors, such as cameras or radars: positions and speeds on their lanes, followed within their view, no routes.

Where a detector is silent, vehicles are carried on from the area before it; where that is silent too, they are expected as often as the
lane, or its neighbours, have let vehicles pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from signals.kernels import estimation as est
from signals.layout import street_of
from signals.links.detectors import ENTERING_M, Detector, dead_exits, exits_of
from signals.links.estimate import STANDING_MPS, Estimate, Seen
from signals.links.heading import Heading
from signals.links.hidden import FULL_SHARE, QUEUED_S, Hidden
from signals.links.observing import CLEARING_MPS, INSIDE_M
from signals.links.turning import CROSSING_S, Turning, lit_movements
from signals.types import Bools, Floats, Ints, Network, Observation

AT_THE_LINE_M = 6.0  # who was so near, or within a second's way, and is gone, passed
GAP_S = 5.0  # between two lanes, in a junction without signal


class AreaSensing:
    """Follows every vehicle in view; lives as long as its connection."""

    def __init__(self, sumo: Any, network: Network, detectors: tuple[Detector, ...], silent: Bools, sensing_m: float = 250.0) -> None:
        self._sumo, self._signals = sumo, [s.id for s in network.signals]
        self._turning = Turning(network)
        self._sensing_m = sensing_m
        self._working = [d for d, dead in zip(detectors, silent.tolist(), strict=True) if not dead]
        self._hidden = Hidden(network, self._turning, detectors, silent)
        stops = {d.lane for d, dead in zip(detectors, silent.tolist(), strict=True) if d.place == "stop" and not dead}
        lanes = [lane.id for s in network.signals for lane in s.lanes]
        blind = np.array([lane not in stops for lane in lanes])
        self._estimate = Estimate(network, self._turning, blind, blind)
        movements = [m for s in network.signals for m in s.movements]
        self._inside_of = {lane: m for m, movement in enumerate(movements) if movement.lanes for lane in movement.inside}
        self._lane_of = {m: k for k, ms in enumerate(self._turning.movements_of) for m in ms}
        self._inside: dict[str, Seen] = {}
        self._exits = exits_of(network)
        self._dead_exits = dead_exits(detectors, silent, self._exits)
        self._starts = self._estimate.layout.movement_start
        self._seen: dict[str, Seen] = {}
        self._heading = Heading(detectors)
        self._passed: dict[str, tuple[str, ...]] = {}
        self._gone: dict[str, tuple[Seen, float]] = {}
        self._on_exit: set[tuple[str, str]] = set()
        self._exit_veh: dict[str, float] = {}
        self._lit_s = np.full(self._estimate.layout.movements, -np.inf)
        self._heard_s = -np.inf

    def listen(self, now_s: float) -> None:
        """What all areas show after this second."""
        self._heard_s = now_s
        show = self._sumo.trafficlight.getRedYellowGreenState
        lights = [show(s) for s in self._signals]
        lit = lit_movements(lights, self._starts)
        self._lit_s[lit] = now_s
        recent, lately = self._lit_s > now_s - 4.0, self._lit_s > now_s - CROSSING_S
        self._hidden.advance(now_s, lit, lit_movements(lights, self._starts, "G"))
        before, self._seen = self._seen, {}
        were_inside, self._inside = self._inside, {}
        on_exit: set[tuple[str, str]] = set()
        self._exit_veh.clear()
        ids, vehicles = self._sumo.lanearea.getLastStepVehicleIDs, self._sumo.vehicle
        place, speed, lane_of = vehicles.getLanePosition, vehicles.getSpeed, vehicles.getLaneID
        for detector in self._working:
            is_exit = detector.lane in self._exits
            for vehicle in ids(detector.id):
                if lane_of(vehicle) != detector.lane:
                    continue  # only its rear is still in the area
                position_m, speed_mps = place(vehicle), speed(vehicle)
                if detector.place == "inside" and speed_mps < CLEARING_MPS:
                    self._see_inside(self._inside_of[detector.lane], vehicle, speed_mps, were_inside.get(vehicle))
                if is_exit:
                    if speed_mps < 2.0:
                        self._exit_veh[detector.lane] = self._exit_veh.get(detector.lane, 0.0) + 1.0
                    if position_m < ENTERING_M:
                        on_exit.add((detector.lane, vehicle))
                if detector.ways:
                    self._see(detector, vehicle, position_m, speed_mps, before)
        there = {(street_of(lane), vehicle) for lane, vehicle in self._on_exit}
        for lane, vehicle in sorted(on_exit - self._on_exit):
            if (street_of(lane), vehicle) not in there and not self._turning.entered(lane, now_s):
                self._hidden.came_out(lane, lately)
        self._on_exit = on_exit
        for vehicle, last in before.items():
            if vehicle not in self._seen:
                self._lost(vehicle, last, now_s, recent)
        self._forget(now_s)

    def _see(self, detector: Detector, vehicle: str, position_m: float, speed_mps: float, before: dict[str, Seen]) -> None:
        """A vehicle in view: the one of a second ago, or a new one."""
        old = before.get(vehicle)
        if old is None and vehicle in self._gone:
            old, _ = self._gone.pop(vehicle)  # it was between two lanes
            self._hidden.found(old.lane, old.distance_m)
        draw = self._turning.draw() if old is None else old.draw
        way = self._heading.way(detector.id, draw)
        distance_m = detector.distance_m(way or detector.ways[0], position_m)
        if distance_m > self._sensing_m:
            return
        standing_s = old.standing_s + 1.0 if old is not None and speed_mps < STANDING_MPS else 0.0
        self._seen[vehicle] = Seen(
            detector.ways[0].lane if way is None else way.lane, distance_m, speed_mps, draw, standing_s, way is not None
        )
        lanes = self._passed.get(vehicle, ())
        if not lanes or lanes[-1] != detector.id:
            self._passed[vehicle] = (*lanes, detector.id)
        if old is None:
            self._hidden.found(detector.ways[0].lane, distance_m)
        if standing_s > QUEUED_S and way is not None:
            self._hidden.stands_behind(way.lane, distance_m, FULL_SHARE)

    def _see_inside(self, movement: int, vehicle: str, speed_mps: float, before: Seen | None) -> None:
        """Somebody is slow in the junction, on the way of a movement."""
        lane = self._lane_of[movement]
        standing_s = 0.0 if speed_mps >= STANDING_MPS else 1.0 if before is None else before.standing_s + 1.0
        self._inside[vehicle] = Seen(lane, INSIDE_M, speed_mps, self._turning.draw_for(lane, movement), standing_s, inside=True)

    def _lost(self, vehicle: str, last: Seen, now_s: float, recent: Bools) -> None:
        """A vehicle left the view: over the stop line, or to where nobody looks."""
        if last.distance_m < AT_THE_LINE_M + last.speed_mps + est.ACCELERATION_MPS2:
            self._turning.crossed(last.lane, now_s, recent)
            self._hidden.crossed(last.lane)
            self._heading.arrived(self._passed.pop(vehicle, ()), last.lane)
        else:
            self._gone[vehicle] = (last, now_s)
            self._hidden.add(last.lane, last.distance_m, last.speed_mps, last.draw)

    def _forget(self, now_s: float) -> None:
        """Who has not come back into view turned off before the signal, unless it is where a silent detector should look."""
        for vehicle, last in [(v, one) for v, (one, since_s) in self._gone.items() if now_s - since_s > GAP_S]:
            del self._gone[vehicle]
            lanes = self._passed.pop(vehicle, ())
            if not self._hidden.is_dark(last.lane, last.distance_m):
                self._heading.arrived(lanes, None)

    def expect(self, flow_veh_h: Floats) -> None:
        """Take a forecast of each movement [movement]: it stands in where detectors are silent."""
        self._hidden.expect(flow_veh_h)

    def read(self, now_s: float, phase: Ints, age_s: Floats) -> Observation:
        """Who is in view, and who is carried on where nobody looks."""
        if self._heard_s != now_s:
            self.listen(now_s)
        return self._estimate.observation(
            now_s, phase, age_s, [*self._inside.values(), *(one for one in self._seen.values() if one.comes), *self._hidden.seen()],
            self._exit_counts(),
        )  # fmt: skip

    def _exit_counts(self) -> Floats:
        exit_veh = np.zeros(self._estimate.layout.movements)
        for lane, movements in self._exits.items():
            for m in movements:
                exit_veh[m] += np.nan if lane in self._dead_exits else self._exit_veh.get(lane, 0.0)
        return exit_veh
