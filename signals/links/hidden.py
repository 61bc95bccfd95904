"""Vehicles that are known of but not in view: handed over by a detector before a silent stretch, or expected behind a silent one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from signals.kernels import estimation as est
from signals.layout import lay_out
from signals.links.detectors import Detector, Way
from signals.links.estimate import Seen
from signals.links.loop_order import LoopOrder
from signals.links.turning import Turning
from signals.types import Bools, Network

BIN_M = 5.0
MOST = 64  # hidden vehicles of a lane
FLOW_MEMORY_S = 400.0
FIRST_FLOW_VEH_S = 200.0 / 3600.0
NEAR_M, FAR_M = 30.0, 60.0
ENTRY_SHARE = 0.7
ANY_LOOP = np.zeros(0, dtype=np.int64)


class LoopStates(NamedTuple):
    """What working loops contradict: nobody may be carried over one unnoticed."""

    busy: Bools
    """[working detector] somebody stands on it"""
    covered: Bools
    """[lane] somebody is on the stop loop"""


class Hidden:
    """The unseen vehicles of every stop lane, and how often one passes it."""

    def __init__(self, network: Network, turning: Turning, detectors: Sequence[Detector], silent: Bools, sensing_m: float = 250.0) -> None:
        lay = lay_out(network)
        self._turning, self._sensing_m, self._lay = turning, sensing_m, lay
        self.count, self.vehicle = np.zeros(lay.lanes, dtype=np.int64), np.zeros((lay.lanes, MOST, est.FIELDS))
        self._limit_mps = lay.lane_speed_mps
        approaches = [lane.id.rpartition("_")[0] for s in network.signals for lane in s.lanes]
        self.mates = [np.array([k for k, other in enumerate(approaches) if other == mine]) for mine in approaches]
        self.in_view, self._dark = in_view(detectors, silent, lay.lanes, sensing_m)
        self.watched = np.zeros(lay.lanes, dtype=np.bool_)
        for one, dead in zip(detectors, silent.tolist(), strict=True):
            if one.place == "stop" and not dead:
                self.watched[[w.lane for w in one.ways if w.beyond_m == 0.0]] = True
        self._reach_m = np.array([lane.sensed_m for s in network.signals for lane in s.lanes])
        self._uncovered = np.zeros(lay.lanes, dtype=np.bool_)
        self._no_loops = LoopStates(np.zeros(0, dtype=np.bool_), self._uncovered)
        self._order, self._all_lanes = LoopOrder(detectors, silent), np.arange(lay.lanes)
        self._passed, self._flow_veh_s = np.zeros(lay.lanes), np.zeros(lay.lanes)
        self._began_s, self._due = np.nan, np.full(lay.lanes, 0.5)
        self._signal_of = np.repeat(np.arange(len(network.signals)), np.diff(lay.lane_start))
        self._silent_entry = silent_entries(detectors, silent, lay.lanes)

    def advance(self, now_s: float, lit: Bools, loops: LoopStates | None = None) -> None:
        """A second later: moved on, out of where somebody looks; and new ones where nobody sees them come."""
        self._began_s = now_s if np.isnan(self._began_s) else self._began_s
        self._flow(now_s)
        if self._silent_entry.any():
            self._expect()
        if not self.count.any():
            return
        est.advance(
            self.count, self.vehicle, self._limit_mps, self._turning.cumulative, self._lit(lit),
            *((self._uncovered, *self._no_loops) if loops is None else (self.watched, *loops)),
        )  # fmt: skip
        self._drop_in_view()

    def _lit(self, lit: Bools) -> Bools:
        lay = self._lay
        rows = np.zeros(self._turning.cumulative.shape, dtype=np.bool_)
        for k, i in enumerate(self._signal_of.tolist()):
            first, last = lay.movement_start[i], lay.movement_start[i + 1]
            rows[k, : last - first] = lit[first:last]
        return rows

    def _flow(self, now_s: float) -> None:
        """Vehicles over each stop line a second, by a memory that fades; at first the guess of an average lane."""
        self._passed *= 1.0 - 1.0 / FLOW_MEMORY_S
        weight_s = FLOW_MEMORY_S * (1.0 - np.exp(-(now_s - self._began_s) / FLOW_MEMORY_S))
        known = (self._passed + 60.0 * FIRST_FLOW_VEH_S) / (weight_s + 60.0)
        mean = known[self.watched].mean() if self.watched.any() else FIRST_FLOW_VEH_S
        for k, mates in enumerate(self.mates):
            if self.watched[k]:
                self._flow_veh_s[k] = known[k]
            else:
                others = mates[self.watched[mates]]
                self._flow_veh_s[k] = known[others].mean() if others.size else mean

    def _expect(self) -> None:
        """One vehicle at the edge of the range whenever the lane's flow has added up to one."""
        self._due[self._silent_entry] += self._flow_veh_s[self._silent_entry]
        for k in np.flatnonzero(self._due >= 1.0).tolist():
            self._due[k] -= 1.0
            far_m = min(self._reach_m[k], self._sensing_m) - 1.0
            est.insert(self.count, self.vehicle, k, far_m, self._limit_mps[k], self._turning.draw(), -1, -np.inf)

    def _drop_in_view(self) -> None:
        """Who would be where a detector looks is the one it sees."""
        for k in np.flatnonzero(self.count).tolist():
            n = int(self.count[k])
            bins = np.minimum((np.maximum(self.vehicle[k, :n, est.DISTANCE], 0.0) / BIN_M).astype(np.int64), self.in_view.shape[1] - 1)
            stays = ~self.in_view[k, bins]
            kept = int(stays.sum())
            self.vehicle[k, :kept] = self.vehicle[k, :n][stays]
            self.count[k] = kept

    def add(self, lane: int, distance_m: float, speed_mps: float, draw: float) -> None:
        """A vehicle went out of view."""
        est.insert(self.count, self.vehicle, lane, distance_m, speed_mps, draw, -1, -np.inf)

    def found(self, lane: int, distance_m: float) -> None:
        """A vehicle came into view: the hidden one nearest to it is it."""
        at, place = est.nearest(
            self.count, self.vehicle, self.mates[lane], ANY_LOOP, distance_m - NEAR_M, distance_m + FAR_M, distance_m
        )  # fmt: skip
        if at >= 0:
            est.remove(self.count, self.vehicle, at, place)

    def crossed(self, lane: int) -> None:
        """Somebody passed the stop line of a lane that is watched."""
        self._passed[lane] += 1.0

    def counted_out(self, lane: int, reach_m: float) -> None:
        """The first vehicle of a lane left; where there is none near the line, one that changed lanes did."""
        self._passed[lane] += 1.0
        if self.count[lane] > 0 and self.vehicle[lane, 0, est.DISTANCE] < reach_m:
            est.remove(self.count, self.vehicle, lane, 0)
            return
        at, place = est.nearest(self.count, self.vehicle, self.mates[lane], ANY_LOOP, 0.0, reach_m, 0.0)
        if at >= 0:
            est.remove(self.count, self.vehicle, at, place)

    def head(self, lane: int, reach_m: float) -> None:
        """Somebody stands at the stop line: the lane's first vehicle, one that changed lanes, or one that nobody noticed."""
        if self.count[lane] > 0 and self.vehicle[lane, 0, est.DISTANCE] < reach_m:
            self.vehicle[lane, 0, [est.DISTANCE, est.SPEED, est.STUCK]] = 1.0, 0.0, 0.0
            return
        draw = self._turning.draw()
        at, place = est.nearest(self.count, self.vehicle, self.mates[lane], ANY_LOOP, est.SPACE_M, reach_m, 0.0)
        if at >= 0:
            draw = float(self.vehicle[at, place, est.DRAW])
            est.remove(self.count, self.vehicle, at, place)
        est.insert(self.count, self.vehicle, lane, 1.0, 0.0, draw, -1, -np.inf)

    def came_over(self, loop: Detector, speed_mps: float) -> None:
        """Somebody passed an advance loop: whoever was expected there or on the loop beside it, or one that nobody noticed before."""
        first_m = loop.distance_m(loop.ways[0], loop.start_m)
        at, place = est.nearest(self.count, self.vehicle, self._all_lanes, self._order.beside[loop.id], -np.inf, np.inf, first_m)
        draw, way = self._turning.draw(), None
        if at >= 0:
            draw = float(self.vehicle[at, place, est.DRAW])
            way = next((w for w in loop.ways if w.lane == at), None)
            est.remove(self.count, self.vehicle, at, place)
        way = way or self.dealt(loop.ways, draw)
        after, after_m = self._order.following.get((loop.id, way.lane), (-1, -np.inf))
        est.insert(self.count, self.vehicle, way.lane, loop.distance_m(way, loop.start_m), speed_mps, draw, after, after_m)

    def queue_reaches(self, loop: Detector, ways: tuple[Way, ...], share: float) -> None:
        """Somebody stands on an advance loop: the lane holds a queue as far as there, or one of the lanes that the loop feeds."""
        longest = max(ways, key=lambda w: self.count[w.lane])
        est.fill(self.count, self.vehicle, longest.lane, loop.distance_m(longest, loop.start_m), share, self._turning.draw())

    def dealt(self, ways: tuple[Way, ...], draw: float) -> Way:
        """The stop lane that the draw means, by how many pass each."""
        if len(ways) == 1:
            return ways[0]
        weights = np.cumsum([w.weight * (self._flow_veh_s[w.lane] + 1e-6) for w in ways])
        # The draw's later digits, so that the movement on the lane is dealt independently.
        again = draw * 7.0 % 1.0
        return ways[int(np.searchsorted(weights / weights[-1], again, side="right"))]

    def is_dark(self, lane: int, distance_m: float) -> bool:
        """Whether a silent area lies between there and the stop line."""
        return bool(self._dark[lane, : int(distance_m / BIN_M) + 1].any())

    def seen(self) -> list[Seen]:
        """As vehicles."""
        return [
            Seen(k, float(one[est.DISTANCE]), float(one[est.SPEED]), float(one[est.DRAW]), float(one[est.STANDING]))
            for k in np.flatnonzero(self.count).tolist()
            for one in self.vehicle[k, : self.count[k]]
            if one[est.DISTANCE] <= self._sensing_m
        ]


def silent_entries(detectors: Sequence[Detector], silent: Bools, lanes: int) -> Bools:
    """[lane] nothing works where its traffic comes into range: in the farthest part of what its detectors cover."""
    reports: list[list[tuple[float, bool]]] = [[(0.0, True)] for _ in range(lanes)]
    for one, mute in zip(detectors, silent.tolist(), strict=True):
        for way in one.ways:
            if way.weight == 1.0:
                reports[way.lane].append((one.distance_m(way, one.start_m), mute))
    return np.array([all(mute for far_m, mute in some if far_m > ENTRY_SHARE * max(some)[0]) for some in reports])


def in_view(detectors: Sequence[Detector], silent: Bools, lanes: int, sensing_m: float) -> tuple[Bools, Bools]:
    """[lane, bin of `BIN_M` before the stop line] where an area looks on every branch that leads there; where a silent one should."""
    alive = np.zeros((lanes, int(sensing_m / BIN_M) + 1), dtype=np.bool_)
    dead = np.zeros_like(alive)
    centres_m = (np.arange(alive.shape[1]) + 0.5) * BIN_M
    for one, mute in zip(detectors, silent.tolist(), strict=True):
        for way in one.ways:
            near_m, far_m = one.distance_m(way, one.end_m), one.distance_m(way, one.start_m)
            within = (centres_m >= near_m) & (centres_m < far_m)
            (dead if mute else alive)[way.lane] |= within
    return alive & ~dead, dead
