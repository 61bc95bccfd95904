"""Vehicles that are known of but not in view: handed over by a detector before a silent stretch, or expected behind a silent one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from signals.kernels import estimation as est
from signals.layout import lay_out, street_of
from signals.links.detectors import Detector, Way, exits_of, heard_exits
from signals.links.estimate import Seen
from signals.links.loop_order import LoopOrder
from signals.links.turning import Turning
from signals.types import Bools, Floats, Network
from signals.units import SECONDS_PER_HOUR

BIN_M = 5.0
QUEUED_S = 4.0  # on one spot: a standing queue
FULL_SHARE = 0.8  # of the standing queue's room that is surely taken
MOST = 64  # hidden vehicles of a lane
FLOW_MEMORY_S = 400.0
FIRST_FLOW_VEH_S = 200.0 / 3600.0
NEAR_M, FAR_M = 30.0, 60.0
ENTRY_SHARE = 0.7
BEHIND_M = 10.0  # so far behind a silent stretch somebody who stands may stand for who is in it
LEAST_MISSING = 0.3  # of a lane's flow: less than that may be chance
RARE_SHARE = 0.1  # a turn less usual than that is no explanation
OUT_REACH_M = 30.0  # of the stop line: who may have come out of the junction
YIELDING_S = 6.0  # between two who find a gap, where nobody sees it
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
        approaches = [street_of(lane.id) for s in network.signals for lane in s.lanes]
        self.mates = [np.array([k for k, other in enumerate(approaches) if other == mine]) for mine in approaches]
        self.in_view, self._dark = in_view(detectors, silent, lay.lanes, sensing_m)
        self.watched = np.zeros(lay.lanes, dtype=np.bool_)
        for one, dead in zip(detectors, silent.tolist(), strict=True):
            if one.place == "stop" and not dead:
                self.watched[[w.lane for w in one.ways if w.beyond_m == 0.0]] = True
        exits = exits_of(network)
        heard = heard_exits(detectors, silent, exits)
        unheard = {m for lane, ms in exits.items() if lane not in heard for m in ms}
        self._confirmed = np.array([not w and unheard.isdisjoint(ms) for w, ms in zip(self.watched, turning.movements_of, strict=True)])
        """[lane] the receiving lanes say who left, though nobody looks at the stop line"""
        self._out: dict[str, list[tuple[int, int]]] = {}
        for lane in heard:
            into = set(exits[lane])
            self._out[lane] = [(k, m) for k, ms in enumerate(turning.movements_of) if not self.watched[k] for m in ms if m in into]
        self._counted = self.watched | self._confirmed
        self._reach_m = lay.lane_sensed_m
        self._uncovered = np.zeros(lay.lanes, dtype=np.bool_)
        self._no_loops = LoopStates(np.zeros(0, dtype=np.bool_), self._uncovered)
        self._order, self._all_lanes = LoopOrder(detectors, silent), np.arange(lay.lanes)
        self._passed, self._flow_veh_s = np.zeros(lay.lanes), np.zeros(lay.lanes)
        self._protected = np.zeros(lay.movements, dtype=np.bool_)
        self._came, self._came_veh_s = np.zeros(lay.lanes), np.zeros(lay.lanes)
        self._forecast_veh_s = np.full(lay.lanes, np.nan)
        self._lanes_of = np.maximum(lay.uses.sum(axis=1)[lay.signal_of, lay.place_of], 1)  # [movement] how many lanes lead into it
        self._blind_m = blind_from_the_line_m(self.in_view, detectors, silent, self._reach_m)
        self._began_s, self._due = np.nan, np.full(lay.lanes, 0.5)
        self._silent_entry = silent_entries(detectors, silent, lay.lanes)

    def advance(self, now_s: float, lit: Bools, protected: Bools, loops: LoopStates | None = None) -> None:
        """A second later: moved on, out of where somebody looks; and new ones where nobody sees them come. [movement]"""
        self._began_s = now_s if np.isnan(self._began_s) else self._began_s
        self._protected = protected
        self._flow(now_s)
        if self._silent_entry.any() or not self.watched.all():
            self._expect()
        if not self.count.any():
            return
        est.advance(
            self.count, self.vehicle, self._limit_mps, self._turning.cumulative, self._let_go(now_s, lit, protected),
            *((self._uncovered, *self._no_loops) if loops is None else (self.watched, *loops)),
        )  # fmt: skip
        self._drop_in_view()

    def _let_go(self, now_s: float, lit: Bools, protected: Bools) -> Bools:
        """[lane, movement of its signal] may leave now; where nobody looks, who yields finds a gap now and then."""
        lay = self._lay
        gap = now_s % YIELDING_S < 1.0
        rows = np.zeros(self._turning.cumulative.shape, dtype=np.bool_)
        for k, i in enumerate(lay.signal_of_lane.tolist()):
            first, last = lay.movement_start[i], lay.movement_start[i + 1]
            rows[k, : last - first] = (lit if self.watched[k] or gap else protected)[first:last]
        return rows

    def came_out(self, exit_lane: str, lit: Bools) -> None:
        """Somebody came out of the junction whom no stop line noticed: who left where nobody looks. `lit` [movement] a while ago."""
        best, taken, most = -1, -1, RARE_SHARE
        for k, m in self._out.get(exit_lane, ()):
            share = self._turning.share(k, m)
            if lit[m] and share >= RARE_SHARE:
                waits = self.count[k] > 0 and self.vehicle[k, 0, est.DISTANCE] < OUT_REACH_M
                if share + waits > most:
                    best, taken, most = k, m, share + waits
        if best < 0:
            return
        if self._protected[taken] or not self._confirmed[best]:
            self.crossed(best)  # it has left already, as far as one can tell
        else:
            self.counted_out(best, OUT_REACH_M)

    def expect(self, flow_veh_h: Floats) -> None:
        """What a forecast says of each movement [movement], NaN where it knows nothing: for lanes whose flow nobody measures."""
        lane_veh_h = flow_veh_h / self._lanes_of
        for k, ms in enumerate(self._turning.movements_of):
            self._forecast_veh_s[k] = float(np.sum(lane_veh_h[list(ms)])) / SECONDS_PER_HOUR

    def _flow(self, now_s: float) -> None:
        """Vehicles over each stop line a second, by a memory that fades; at first the guess of an average lane."""
        self._passed *= 1.0 - 1.0 / FLOW_MEMORY_S
        self._came *= 1.0 - 1.0 / FLOW_MEMORY_S
        weight_s = FLOW_MEMORY_S * (1.0 - np.exp(-(now_s - self._began_s) / FLOW_MEMORY_S))
        known = (self._passed + 60.0 * FIRST_FLOW_VEH_S) / (weight_s + 60.0)
        mean = known[self._counted].mean() if self._counted.any() else FIRST_FLOW_VEH_S
        self._came_veh_s = self._came / max(weight_s, 1.0)
        for k, mates in enumerate(self.mates):
            if self.watched[k]:
                self._flow_veh_s[k] = known[k]
            elif np.isfinite(self._forecast_veh_s[k]):
                self._flow_veh_s[k] = self._forecast_veh_s[k]
            elif self._counted[k]:
                self._flow_veh_s[k] = known[k]
            else:
                others = mates[self._counted[mates]]
                self._flow_veh_s[k] = known[others].mean() if others.size else mean

    def _expect(self) -> None:
        """One vehicle whenever the flow that nobody sees come has added up to one: at the edge of the range or of the dark."""
        missing_veh_s = np.maximum(self._flow_veh_s - self._came_veh_s, 0.0)
        missing_veh_s[missing_veh_s < LEAST_MISSING * self._flow_veh_s] = 0.0
        self._due += np.where(self.watched & ~self._silent_entry, 0.0, missing_veh_s)
        for k in np.flatnonzero(self._due >= 1.0).tolist():
            self._due[k] -= 1.0
            far_m = min(self._reach_m[k], self._sensing_m) - 1.0
            far_m = far_m if self.watched[k] else min(far_m, self._blind_m[k])
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
        self._came[lane] += distance_m < self._blind_m[lane] + BEHIND_M
        est.insert(self.count, self.vehicle, lane, distance_m, speed_mps, draw, -1, -np.inf)

    def found(self, lane: int, distance_m: float) -> None:
        """A vehicle came into view: the hidden one nearest to it is it."""
        at, place = est.nearest(
            self.count, self.vehicle, self.mates[lane], ANY_LOOP, distance_m - NEAR_M, distance_m + FAR_M, distance_m
        )  # fmt: skip
        if at >= 0:
            est.remove(self.count, self.vehicle, at, place)
        else:
            self._came[lane] += 1.0

    def expected_veh(self, lane: int, now_s: float, memory_s: float) -> float:
        """Over a stop line that nobody watches, by a memory that fades."""
        return float(self._flow_veh_s[lane]) * memory_s * (1.0 - float(np.exp(-(now_s - self._began_s) / memory_s)))

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
        self._came[way.lane] += after < 0
        est.insert(self.count, self.vehicle, way.lane, loop.distance_m(way, loop.start_m), speed_mps, draw, after, after_m)

    def queue_reaches(self, loop: Detector, ways: tuple[Way, ...], share: float) -> None:
        """Somebody stands on an advance loop: the lane holds a queue as far as there, or one of the lanes that the loop feeds."""
        longest = max(ways, key=lambda w: self.count[w.lane])
        est.fill(self.count, self.vehicle, longest.lane, -np.inf, loop.distance_m(longest, loop.start_m), share, self._turning.draw())

    def stands_behind(self, lane: int, distance_m: float, share: float) -> None:
        """Somebody in view stands right behind where nobody looks: a queue does too, there."""
        dark = self._dark[lane]
        far = min(int(distance_m / BIN_M), dark.size - 1)
        while far >= 0 and not dark[far] and distance_m - (far + 1) * BIN_M < BEHIND_M:
            far -= 1
        near = far
        while near >= 0 and dark[near]:
            near -= 1
        if near < far:
            reach_m = min((far + 1) * BIN_M, distance_m - est.SPACE_M)
            est.fill(self.count, self.vehicle, lane, (near + 1) * BIN_M, reach_m, share, self._turning.draw())

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


def blind_from_the_line_m(view: Bools, detectors: Sequence[Detector], silent: Bools, reach_m: Floats) -> Floats:
    """[lane] how far from the stop line nothing works that would notice who comes [m]."""
    found_m: Floats = np.minimum(reach_m, np.where(view.any(axis=1), view.argmax(axis=1) * BIN_M, np.inf))
    for one, mute in zip(detectors, silent.tolist(), strict=True):
        if one.place == "advance" and one.start_m == one.end_m and not mute:
            for way in one.ways:
                found_m[way.lane] = min(found_m[way.lane], one.distance_m(way, one.start_m))
    return found_m


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
