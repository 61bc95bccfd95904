"""Detectors for a network: loops (E1) at stop lines, upstream and behind the junction, or areas (E2); and SUMO's additional file.

The queue may stand behind a stop lane two metres long, so every lane traced upstream within the sensing range gets its detectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import sumolib

from signals.errors import ConfigError, ScenarioError
from signals.layout import street_of
from signals.links.detectors import Detector, Way
from signals.types import Network
from sumo_nets.network import SENSING_M

AREA_M = 85.0  # what one camera or radar covers at most
LEAST_AREA_M = 0.2
STOP_LOOP_M = 3.0  # before the stop line, under the first vehicle that waits
EXIT_LOOP_M = 20.0  # behind the junction: a queue that reaches back to it fills the lane
CONTOURS_M = (45.0, 110.0, 230.0)  # of the advance loops before the stop line
BEGIN_M = 1.0
ENTRY_M = 5.0  # of an advance loop at the begin of a way that ends before a contour
BESIDE_NEAR, BESIDE_FAR = 0.02, 0.3
LEAST_ENTRY_M = 25.0  # nearer to the next loop downstream it would say nothing new


@dataclass(frozen=True, slots=True)
class Traced:
    """A lane on the way to stop lines."""

    id: str
    length_m: float
    ways: tuple[Way, ...]
    begins: bool  # nothing plain feeds it
    leaks: bool  # it also leads away from them
    onward: Mapping[int, str]  # stop lane -> next lane on the way there
    before: tuple[tuple[str, str, float], ...] = ()  # what feeds it: lane, the way between the two, and its length [m]

    @property
    def nearest_m(self) -> float:
        """From its end to the nearest stop line ahead."""
        return min(way.beyond_m for way in self.ways)

    @property
    def gap_m(self) -> float:
        """From its begin back to the end of the nearest lane that feeds it."""
        return min((inside_m for _, _, inside_m in self.before), default=0.0)


def place_detectors(network: Network, net_file: Path, kind: str, sensing_m: float = SENSING_M) -> tuple[Detector, ...]:
    """The detectors of a kind, `area` or `loops`, for every signal of the network; ScenarioError where the net does not fit."""
    if kind not in ("area", "loops"):
        raise ConfigError(f"detectors {kind!r}: expected area or loops")
    net = sumolib.net.readNet(str(net_file), withInternal=True, lxml=False)
    try:
        traced = traced_lanes(net, network, sensing_m)
        inside = {lane: float(net.getLane(lane).getLength()) for s in network.signals for m in s.movements if m.lanes for lane in m.inside}
        exits = {lane: float(net.getLane(lane).getLength()) for s in network.signals for m in s.movements if m.lanes for lane in m.exits}
    except KeyError as error:
        raise ScenarioError(f"{net_file}: has no lane {error.args[0]!r}, which the network {network.name} has") from error
    if kind == "area":
        return (*areas(traced, exits, sensing_m), *boxes(inside))
    return tuple(in_order(list(loops(traced, exits, sensing_m)), traced))


def traced_lanes(net: Any, network: Network, sensing_m: float) -> list[Traced]:
    """Every lane on the way to a stop line within the range, with the distances of the stop lines ahead."""
    beyond_m: dict[str, dict[int, float]] = {}
    onward: dict[tuple[str, int], str] = {}
    stop_lanes = [lane.id for s in network.signals for lane in s.lanes]
    for k, stop in enumerate(stop_lanes):
        frontier, found = [(stop, 0.0)], {stop: 0.0}
        while frontier:
            lane_id, end_m = frontier.pop(0)
            start_m = end_m + net.getLane(lane_id).getLength()
            for before, _, inside_m in feeders(net, lane_id):
                if before not in found and start_m + inside_m < sensing_m:
                    found[before] = start_m + inside_m
                    onward[before, k] = lane_id
                    frontier.append((before, start_m + inside_m))
        for lane_id, end_m in found.items():
            beyond_m.setdefault(lane_id, {})[k] = end_m
    traced = []
    leaking: dict[str, bool] = {}
    parallel = {(street_of(lane_id), k) for lane_id, ways in beyond_m.items() for k in ways}
    for lane_id, ways in sorted(beyond_m.items(), key=lambda item: min(item[1].values())):
        lane = net.getLane(lane_id)
        ahead = [] if lane_id in stop_lanes else [link.getToLane().getID() for link in lane.getOutgoing()]
        leaking[lane_id] = any(leaking.get(one, True) for one in ahead)
        fed_by = tuple(one for one in feeders(net, lane_id) if one[0] in beyond_m)
        heads_for = tuple(Way(k, end_m) for k, end_m in ways.items()) + tuple(beside(ways, stop_lanes, lane_id, parallel))
        traced.append(
            Traced(
                lane_id,
                float(lane.getLength()),
                heads_for,
                not fed_by,
                leaking[lane_id],
                {k: onward[lane_id, k] for k in ways if (lane_id, k) in onward},
                fed_by,
            )
        )
    return traced


def beside(ways: Mapping[int, float], stop_lanes: Sequence[str], lane_id: str, parallel: set[tuple[str, int]]) -> Iterator[Way]:
    """The stop lanes beside those a lane leads to: likely, unless a parallel lane of its street leads there by itself."""
    streets = {street_of(stop_lanes[k]): end_m for k, end_m in ways.items()}
    for k, stop in enumerate(stop_lanes):
        street = street_of(stop)
        if k not in ways and street in streets:
            yield Way(k, streets[street], weight=BESIDE_NEAR if (street_of(lane_id), k) in parallel else BESIDE_FAR)


def feeders(net: Any, lane_id: str) -> Iterator[tuple[str, str, float]]:
    """Lanes that lead into a lane without a signal between, and the way inside the junction, with its length [m]."""
    for link in net.getLane(lane_id).getIncomingConnections():
        before = link.getFromLane()
        if not link.getTLSID() and before.getEdge().getFunction() == "":
            via = link.getViaLaneID()
            yield before.getID(), via, float(net.getLane(via).getLength()) if via else 0.0


def areas(traced: Sequence[Traced], exits: Mapping[str, float], sensing_m: float) -> Iterator[Detector]:
    """Each lane in range, and each receiving lane, cut into equal areas from its end upstream."""
    for lane in traced:
        visible_m = lane.length_m if lane.id in exits else min(lane.length_m, sensing_m - lane.nearest_m)
        stop = lane.nearest_m == 0.0
        for part, (start_m, end_m) in enumerate(parts(lane.length_m, visible_m)):
            place = "stop" if stop and part == 0 else "advance"
            ways = tuple(w for w in lane.ways if w.weight == 1.0) if place == "stop" else lane.ways
            yield Detector(f"area/{lane.id}/{part}", lane.id, lane.length_m, start_m, end_m, place, ways, lane.leaks)
    for lane_id, length_m in exits.items():
        if lane_id not in {lane.id for lane in traced}:
            for part, (start_m, end_m) in enumerate(parts(length_m, length_m)):
                yield Detector(f"area/{lane_id}/{part}", lane_id, length_m, start_m, end_m, "exit")


def boxes(inside: Mapping[str, float]) -> Iterator[Detector]:
    """Each lane inside a junction, whole."""
    for lane_id, length_m in inside.items():
        if length_m >= LEAST_AREA_M:
            yield Detector(f"area/{lane_id}/0", lane_id, length_m, 0.0, round(length_m, 2), "inside")


def parts(length_m: float, visible_m: float) -> list[tuple[float, float]]:
    """(start, end) of equal areas over the last `visible_m` of a lane, the one at its end first [m]."""
    n = max(1, ceil(visible_m / AREA_M))
    edges_m = [length_m - i * visible_m / n for i in range(n + 1)]
    cuts = [(max(round(far, 2), 0.0), round(near, 2)) for near, far in pairwise(edges_m)]
    return [(start_m, end_m) for start_m, end_m in cuts if end_m - start_m >= LEAST_AREA_M]


def loops(traced: Sequence[Traced], exits: Mapping[str, float], sensing_m: float) -> Iterator[Detector]:
    """A loop before each stop line, on each contour upstream, at the begin of each shorter way, and on each receiving lane."""
    for lane in traced:
        far_m = lane.nearest_m + lane.length_m
        if lane.nearest_m == 0.0:
            yield loop(f"stop/{lane.id}", lane, max(lane.length_m - STOP_LOOP_M, 0.5 * lane.length_m), "stop")
            if lane.length_m < STOP_LOOP_M:
                yield from heads(lane, traced)
        # A contour between two lanes is moved to the begin of the one nearer to the line.
        crossed_m = [c for c in CONTOURS_M if lane.nearest_m <= c < far_m + lane.gap_m and c < sensing_m and lane.length_m > STOP_LOOP_M]
        for contour_m in crossed_m:
            at_m = max(far_m - contour_m, min(BEGIN_M, 0.5 * lane.length_m))
            yield loop(f"advance/{lane.id}/{contour_m:g}", lane, at_m, "advance")
        if lane.begins:
            inner_m = max((c for c in CONTOURS_M if c < far_m), default=STOP_LOOP_M)
            entry_m = min(ENTRY_M, 0.5 * lane.length_m)
            if far_m < CONTOURS_M[-1] and far_m - entry_m - inner_m >= LEAST_ENTRY_M:
                yield loop(f"entry/{lane.id}", lane, entry_m, "advance")
    for lane_id, length_m in exits.items():
        at_m = min(EXIT_LOOP_M, 0.5 * length_m)
        yield Detector(f"exit/{lane_id}", lane_id, length_m, at_m, at_m, "exit")


def heads(stop: Traced, traced: Sequence[Traced]) -> Iterator[Detector]:
    """Loops under the first vehicle that waits before a stop lane too short to hold it."""
    lengths_m = {lane.id: lane.length_m for lane in traced}
    way = next(w for w in stop.ways if w.beyond_m == 0.0)
    for before, via, inside_m in stop.before:
        rest_m = STOP_LOOP_M - stop.length_m
        on, length_m, beyond_m = (
            (via, inside_m, stop.length_m) if rest_m < inside_m else (before, lengths_m[before], stop.length_m + inside_m)
        )
        at_m = round(max(length_m - (STOP_LOOP_M - beyond_m), 0.5 * length_m), 2)
        yield Detector(f"loop/head/{on}/{way.lane}", on, length_m, at_m, at_m, "head", (replace(way, beyond_m=beyond_m),))


def in_order(some: list[Detector], traced: Sequence[Traced]) -> Iterator[Detector]:
    """The loops, each with the next advance loop on the way to every stop lane."""
    onward = {lane.id: lane.onward for lane in traced}
    on_lane: dict[str, list[Detector]] = {}
    for one in sorted(some, key=lambda d: d.start_m):
        if one.place == "advance":
            on_lane.setdefault(one.lane, []).append(one)

    def following(one: Detector, k: int) -> str:
        lane, after = one.lane, [d for d in on_lane.get(one.lane, []) if d.start_m > one.start_m]
        while not after and k in onward.get(lane, {}):
            lane = onward[lane][k]
            after = on_lane.get(lane, [])
        return after[0].id if after else ""

    for one in some:
        yield replace(one, ways=tuple(replace(way, following=following(one, way.lane)) for way in one.ways))


def loop(name: str, lane: Traced, at_m: float, place: str) -> Detector:
    """A loop on a traced lane."""
    ways = tuple(w for w in lane.ways if w.weight == 1.0)  # who changes lanes is matched on the loops beside
    return Detector(f"loop/{name}", lane.id, lane.length_m, round(at_m, 2), round(at_m, 2), place, ways, lane.leaks)


def write_detectors(detectors: Sequence[Detector], out: Path) -> Path:
    """SUMO's additional file with these detectors, whose own output goes nowhere."""
    lines = ["<additional>"]
    for one in detectors:
        words = f"id={quoteattr(one.id)} lane={quoteattr(one.lane)}"
        if one.start_m < one.end_m:
            lines.append(f'  <laneAreaDetector {words} pos="{one.start_m:.2f}" endPos="{one.end_m:.2f}" period="86400" file="NUL"/>')
        else:
            lines.append(f'  <inductionLoop {words} pos="{one.start_m:.2f}" period="86400" file="NUL"/>')
    lines.append("</additional>")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return out
