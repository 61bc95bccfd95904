"""Sensing by induction loops: crossings with their time and speed, and whether somebody stands there; nothing else is known.

Vehicles are counted in on the advance loops, carried on to the queue and the stop line, and counted out there. What the loops contradict
is put right: who does not arrive at a working loop, is not there; where a loop stays occupied, a queue stands.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from signals.links.detectors import Detector, dead_exits, exits_of
from signals.links.estimate import Estimate
from signals.links.hidden import FULL_SHARE, QUEUED_S, Hidden, LoopStates
from signals.links.turning import CROSSING_S, Turning, lit_movements
from signals.types import Bools, Floats, Ints, Network, Observation

MEMORY_S = 900.0  # of the counts
FADING = 1.0 - 1.0 / MEMORY_S  # a second
STOP_REACH_M = 45.0
SAME_CONTOUR_M = 30.0
PRIOR_VEH = 10.0


class LoopSensing:
    """Counts vehicles in and out; lives as long as its connection."""

    def __init__(self, sumo: Any, network: Network, detectors: tuple[Detector, ...], silent: Bools, sensing_m: float = 250.0) -> None:
        self._loops, self._lights = sumo.inductionloop, sumo.trafficlight
        self._signals = [s.id for s in network.signals]
        self._turning = Turning(network)
        self._working = [d for d, dead in zip(detectors, silent.tolist(), strict=True) if not dead]
        self._hidden = Hidden(network, self._turning, detectors, silent, sensing_m)
        lanes = sum(len(s.lanes) for s in network.signals)
        self._index = {d.id: i for i, d in enumerate(detectors)}
        self._states = LoopStates(np.zeros(len(detectors), dtype=np.bool_), np.zeros(lanes, dtype=np.bool_))
        self._covered = self._states.covered
        advanced = np.zeros(lanes, dtype=np.bool_)
        advanced[[w.lane for d in self._working if d.place == "advance" for w in d.ways]] = True
        uncounted = ~self._hidden.watched
        blind = uncounted | ~advanced
        self._estimate = Estimate(network, self._turning, blind, uncounted)
        self._starts = self._estimate.layout.movement_start
        self._exits = exits_of(network)
        self._dead_exits = dead_exits(detectors, silent, self._exits)
        self._exit_storage_veh = self._estimate.layout.movement_exit_storage_veh
        self._blocked: set[str] = set()
        self._leaks = leaks(self._working, self._hidden.mates)
        self._over_veh = {loop.id: 0.0 for loop in self._working}
        self._began_s = dict.fromkeys(self._over_veh, -np.inf)
        self._let_in = dict.fromkeys(self._over_veh, 0.5)
        self._lit_s = np.full(self._estimate.layout.movements, -np.inf)
        self._heard_s = -np.inf

    def listen(self, now_s: float) -> None:
        """What all loops report of this second."""
        self._heard_s = now_s
        for one in self._over_veh:
            self._over_veh[one] *= FADING
        show = self._lights.getRedYellowGreenState
        lights = [show(s) for s in self._signals]
        lit = lit_movements(lights, self._starts)
        self._lit_s[lit] = now_s
        recent, lately = self._lit_s > now_s - 4.0, self._lit_s > now_s - CROSSING_S
        self._hidden.advance(now_s, lit, lit_movements(lights, self._starts, "G"), self._states)
        self._states.busy[:] = self._covered[:] = False
        report = self._loops.getVehicleData
        for loop in self._working:
            passing = report(loop.id)
            if loop.place in ("stop", "head"):
                self._at_stop_line(loop, passing, now_s, recent)
            elif not passing:
                self._blocked.discard(loop.lane if loop.place == "exit" else "")
            elif loop.place == "exit":
                self._on_exit(loop, passing, now_s, lately)
            else:
                self._upstream(loop, passing, now_s)

    def _at_stop_line(self, loop: Detector, passing: Any, now_s: float, recent: Bools) -> None:
        """Who leaves is counted out; who stands on the loop is first in its queue."""
        lane = min(loop.ways, key=lambda w: w.beyond_m).lane
        for _, _, began_s, ended_s, _ in passing:
            if ended_s >= 0.0 and loop.place == "stop":
                self._over_veh[loop.id] += 1.0
                self._turning.crossed(lane, now_s, recent)
                self._hidden.counted_out(lane, STOP_REACH_M)
            elif ended_s < 0.0:
                self._covered[lane] = True
                if now_s - began_s > QUEUED_S:
                    self._hidden.head(lane, STOP_REACH_M)

    def _on_exit(self, loop: Detector, passing: Any, now_s: float, lately: Bools) -> None:
        """Who enters a receiving lane came from a stop line; who stands there blocks it."""
        self._blocked.discard(loop.lane)
        for _, _, began_s, ended_s, _ in passing:
            if self._is_new(loop, began_s):
                if not self._turning.entered(loop.lane, now_s):
                    self._hidden.came_out(loop.lane, lately)
            elif ended_s < 0.0 and now_s - began_s > QUEUED_S:
                self._blocked.add(loop.lane)

    def _upstream(self, loop: Detector, passing: Any, now_s: float) -> None:
        """Who comes over an advance loop is at that distance now; who stands on it is the end of a queue at least that long."""
        for _, length_m, began_s, ended_s, _ in passing:
            if self._is_new(loop, began_s):
                speed_mps = self._loops.getLastStepMeanSpeed(loop.id)
                if speed_mps < 0.0:
                    speed_mps = length_m / max(ended_s - began_s, 0.1) if ended_s >= 0.0 else 5.0
                if self._comes(loop):
                    self._hidden.came_over(loop, speed_mps)
            elif ended_s < 0.0 and now_s - began_s > QUEUED_S:
                self._states.busy[self._index[loop.id]] = True
                standing = tuple(w for w in loop.ways if w.weight == 1.0 and (self._covered[w.lane] or not self._hidden.watched[w.lane]))
                if standing and not loop.leaks:
                    self._hidden.queue_reaches(loop, standing, FULL_SHARE)

    def _is_new(self, loop: Detector, began_s: float) -> bool:
        """Whether nobody was reported on the loop since then: who comes in the very moment of a report is in the next one."""
        new = began_s > self._began_s[loop.id]
        if new:
            self._began_s[loop.id] = began_s
        return new

    def _comes(self, loop: Detector) -> bool:
        """Where some turn off before the signal, as many are let in as pass the stop line in the end."""
        self._over_veh[loop.id] = self._over_veh[loop.id] + 1.0
        if loop.id not in self._leaks:
            return True
        leak = self._leaks[loop.id]
        stops_veh, firm_veh, leaky_veh = (sum(self._over_veh[one] for one in some) for some in (leak.stops, leak.firm, leak.leaky))
        stops_veh += sum(self._hidden.expected_veh(k, self._heard_s, MEMORY_S) for k in leak.unwatched)
        share = min(1.0, (max(stops_veh - firm_veh, 0.0) + PRIOR_VEH) / (leaky_veh + PRIOR_VEH))
        self._let_in[loop.id] += share
        comes = self._let_in[loop.id] >= 1.0
        self._let_in[loop.id] -= comes
        return comes

    def expect(self, flow_veh_h: Floats) -> None:
        """Take a forecast of each movement [movement]: it stands in where detectors are silent."""
        self._hidden.expect(flow_veh_h)

    def read(self, now_s: float, phase: Ints, age_s: Floats) -> Observation:
        """The vehicles as counted and carried on."""
        if self._heard_s != now_s:
            self.listen(now_s)
        return self._estimate.observation(now_s, phase, age_s, self._hidden.seen(), self._exit_counts())

    def _exit_counts(self) -> Floats:
        """A receiving lane on whose loop somebody stands is full [movement]."""
        exit_veh = np.zeros(self._estimate.layout.movements)
        for lane, movements in self._exits.items():
            for m in movements:
                if lane in self._dead_exits:
                    exit_veh[m] = np.nan
                elif lane in self._blocked:
                    exit_veh[m] += self._exit_storage_veh[m]
        return exit_veh


class Leak(NamedTuple):
    """What tells how many of a loop's vehicles reach the stop line: names of working loops."""

    stops: list[str]  # at the stop lines of its approach
    firm: list[str]  # as far from them as the leak, none of whose vehicles turn off
    leaky: list[str]  # as far from them as the leak, some of whose vehicles turn off
    unwatched: list[int]  # stop lanes of its approach without a working loop


def leaks(working: list[Detector], mates: list[Ints]) -> dict[str, Leak]:
    """For each loop that somebody may turn off behind: the loops that count in and out there."""
    stops = {w.lane: one.id for one in working if one.place == "stop" for w in one.ways if w.beyond_m == 0.0}
    advance = [d for d in working if d.place == "advance"]
    found = {}
    for one in advance:
        if not one.leaks:
            continue
        lanes = {int(k) for w in one.ways for k in mates[w.lane]}
        # All loops of a lane lie before the place, behind its end, where some turn off.
        last = max((d for d in advance if d.lane == one.lane), key=lambda d: d.start_m)
        at_m = last.distance_m(last.ways[0], last.start_m)
        beside = [
            d for d in advance if any(w.lane in lanes for w in d.ways) and abs(d.distance_m(d.ways[0], d.start_m) - at_m) < SAME_CONTOUR_M
        ]
        found[one.id] = Leak(
            [stops[k] for k in sorted(lanes) if k in stops],
            [d.id for d in beside if not d.leaks],
            [d.id for d in beside if d.leaks],
            sorted(lanes - stops.keys()),
        )
    return found
