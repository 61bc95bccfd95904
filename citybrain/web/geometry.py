"""What never changes on the page's map: roads, stop lines and which of them each phase lights, as compact columns for a canvas.

Made once at start, from the network and (where there is one) its net.xml; a whole city is one JSON text of a few megabytes. What only an
opened signal needs, its movements and the lanes' curves, is asked for by signal.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from citybrain.assemble import CONTROLLERS
from signals.errors import ConfigError, ScenarioError
from signals.types import Floats, Intersection, Network, Serves
from sumo_nets.bearings import arm_names
from sumo_nets.shapes import FOOT, simplified
from sumo_nets.xml_stream import visit

TOLERANCE_M = 1.0
AREA_TOLERANCE_M = 0.5
MOST_SIGNALS = 65535  # the live events count signals in 16 bits
RED, PERMISSIVE, PROTECTED, TURN_ON_RED = range(4)
PARTLY = 4  # added where another movement of the same lane stays red


@dataclass(slots=True)
class Roads:
    """A net's lanes as read: of every road one line in its middle, its lanes and width; of wanted lanes the shape as written."""

    lines: list[Floats] = field(default_factory=list)  # [point, xy]
    lanes: list[int] = field(default_factory=list)
    areas: list[Floats] = field(default_factory=list)  # [point, xy] the junctions' outlines
    shapes: dict[str, str] = field(default_factory=dict)


def read_roads(net: Path, wanted: frozenset[str]) -> Roads:
    """The roads of a net.xml, and the shapes of the wanted lanes; ScenarioError where a shape is none."""
    roads = Roads()
    inside = False
    lanes: list[str] = []

    def finish() -> None:
        if lanes:
            roads.lines.append(middle(lanes[0], lanes[-1], net))
            roads.lanes.append(len(lanes))
            lanes.clear()

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal inside
        if tag == "edge":
            finish()
            inside = attributes.get("function", "normal") not in ("normal", "")
        elif tag == "lane":
            shape = attributes.get("shape", "")
            if attributes.get("id") in wanted:
                roads.shapes[attributes["id"]] = shape
            if shape and not inside and not set(attributes.get("allow", "vehicles").split()) <= FOOT:
                lanes.append(shape)
        elif tag == "junction" and attributes.get("type") != "internal" and attributes.get("shape", "").count(" ") >= 2:
            outline = points_m(attributes["shape"], net)
            roads.areas.append(simplified(np.vstack([outline, outline[:1]]), AREA_TOLERANCE_M)[:-1])

    visit(net, start, frozenset({"net"}))
    finish()
    return roads


def middle(first: str, last: str, net: Path) -> Floats:
    """The line between a road's outermost lanes [point, xy]; along the first where they have different bends [m]."""
    one, other = points_m(first, net), points_m(last, net)
    line = (one + other) / 2.0 if one.shape == other.shape else one
    return simplified(line, TOLERANCE_M) if len(line) > 2 else line


def points_m(shape: str, where: object) -> Floats:
    """ "x,y x,y" (or with a height) as [point, xy]; ScenarioError where it is something else."""
    try:
        found = np.array([[float(word) for word in point.split(",")[:2]] for point in shape.split()], dtype=np.float64)
    except ValueError as error:
        raise ScenarioError(f"{where}: a lane's shape is not a list of points ({error})") from error
    if found.ndim != 2 or found.shape[1] != 2 or not np.isfinite(found).all():
        raise ScenarioError(f"{where}: a lane's shape {shape[:40]!r} is not a list of points x,y")
    return found


class CityDrawing:
    """Lives as long as the service: `city()` for the map, `signal(id)` for one junction from close by."""

    def __init__(self, network: Network, net: Path | None = None, *, site: str = "", simulated: bool = True) -> None:
        """`net`: where the roads run; without one, straight streets between the signals stand in."""
        if len(network.signals) > MOST_SIGNALS:
            raise ConfigError(f"{network.name}: {len(network.signals)} signals; the page shows at most {MOST_SIGNALS}")
        self._network, self._site, self._simulated = network, site or network.name, simulated
        self._index = {s.id: i for i, s in enumerate(network.signals)}
        self._net = net
        self._roads = read_roads(net, wanted_lanes(network)) if net is not None else straight_roads(network, self._index)

    def city(self) -> dict[str, Any]:
        """Everything the map draws; numbers of many as base64 of little-endian columns, places in decimetres."""
        signals, roads = self._network.signals, self._roads
        xy_m = np.array([(s.x_m, s.y_m) for s in signals], dtype=np.float64).reshape(-1, 2)
        points = np.vstack([*roads.lines, np.zeros((0, 2))])
        stops = [self._stops(s) for s in signals]
        every = [stop for some in stops for stop in some]
        everything = np.vstack([xy_m, points])
        low, high = everything.min(axis=0), everything.max(axis=0)
        return {
            "site": self._site,
            "simulated": self._simulated,
            "controllers": [[c.name, c.title] for c in CONTROLLERS.values() if c.make is not None],
            "bounds_m": [round(float(v), 1) for v in (*low, *high)],
            "signals": {
                "id": [s.id for s in signals],
                "xy_dm": packed(xy_m * 10.0, "<i4"),
                "phases": packed([min(len(s.phases), 255) for s in signals], "<u1"),
            },
            "roads": {**outlines(roads.lines), "lanes": packed([min(n, 255) for n in roads.lanes], "<u1")},
            "areas": outlines(roads.areas),
            "stops": {
                "start": packed(starts(len(some) for some in stops), "<u4"),
                "xy_dm": packed([(10.0 * stop.x_m, 10.0 * stop.y_m) for stop in every], "<i4"),
                "heading_ddeg": packed([10.0 * stop.heading_deg for stop in every], "<i2"),
            },
            "lamps": {
                "start": packed(starts(len(s.phases) * len(some) for s, some in zip(signals, stops, strict=True)), "<u4"),
                "code": packed([code for s, some in zip(signals, stops, strict=True) for code in lamp_codes(s, some)], "<u1"),
            },
        }

    def signal(self, name: str) -> dict[str, Any]:
        """One junction: its phases, its movements with arm, turn and where they come from, its lanes' curves [m].

        KeyError where there is no signal of that name.
        """
        signal = self._network.signals[self._index[name]]
        stops = {stop.lane: k for k, stop in enumerate(self._stops(signal))}
        from_deg = self._from_deg(signal)
        arms = arm_names(signal, from_deg)
        return {
            "id": signal.id,
            "x_m": round(signal.x_m, 1),
            "y_m": round(signal.y_m, 1),
            "phases": [p.lights for p in signal.phases],
            "movements": [
                {
                    "arm": arms.get(m.approach, m.approach),
                    "turn": m.turn.value,
                    "from_deg": round(from_deg[m.approach]) if m.approach in from_deg else None,
                    "stops": [stops[lane] for lane in m.lanes if lane in stops],
                    "saturation_veh_h": round(m.saturation_veh_h),
                    "path": [self._curve(lane) for lane in m.inside if lane in self._roads.shapes],
                }
                for m in signal.movements
            ],
            "lanes": [self._curve(lane) for lane in stops],
            "intergreen_s": [[round(float(v), 1) for v in row] for row in signal.intergreen_s],
            "base": {
                "stages": [[s.phase + 1, s.green_s] for s in signal.base.stages],
                "cycle_s": signal.base.cycle_s,
                "offset_s": signal.base.offset_s,
            },
        }

    def _curve(self, lane: str) -> list[list[float]]:
        return [[round(float(v), 1) for v in point] for point in points_m(self._roads.shapes[lane], self._net)]

    def _stops(self, signal: Intersection) -> list[StopLine]:
        """The stop lines whose place is known, in the order of the signal's lanes."""
        shapes = self._roads.shapes
        return [stop_line(lane.id, points_m(shapes[lane.id], self._net)) for lane in signal.lanes if shapes.get(lane.id)]

    def _from_deg(self, signal: Intersection) -> dict[str, float]:
        """By approach: the compass direction that it comes from [deg]."""
        headings = {stop.lane: stop.heading_deg for stop in self._stops(signal)}
        return {m.approach: (headings[lane] + 180.0) % 360.0 for m in signal.movements for lane in m.lanes[:1] if lane in headings}


@dataclass(frozen=True, slots=True)
class StopLine:
    """Where a lane ends, and which way its vehicles drive there: 0 north, 90 east."""

    lane: str
    x_m: float
    y_m: float
    heading_deg: float


def stop_line(lane: str, line: Floats) -> StopLine:
    """The stop line at the end of a lane [point, xy]."""
    end = line[-1]
    apart = np.hypot(*(line - end).T) > 0.05
    before = line[np.flatnonzero(apart)[-1]] if apart.any() else end - np.array([0.0, 1.0])
    heading_deg = math.degrees(math.atan2(end[0] - before[0], end[1] - before[1])) % 360.0
    return StopLine(lane, float(end[0]), float(end[1]), heading_deg)


def lamp_codes(signal: Intersection, stops: list[StopLine]) -> Iterator[int]:
    """[phase, stop line] what a phase shows to a lane: the best of its movements, and whether others of them stay red."""
    rows = {lane.id: signal.uses[k] for k, lane in enumerate(signal.lanes)}
    for p, phase in enumerate(signal.phases):
        on_red = np.array([aspect in "soO" for aspect in phase.lights])
        for stop in stops:
            uses = rows[stop.lane]
            serves = signal.serves[p][uses]
            best = int(serves.max(initial=Serves.NOT))
            if best == Serves.NOT:
                yield TURN_ON_RED if on_red[uses].any() else RED
            else:
                yield best + (PARTLY if (serves == Serves.NOT).any() else 0)


def wanted_lanes(network: Network) -> frozenset[str]:
    """Lanes whose shapes are drawn one by one: those at the stop lines and those inside the junctions."""
    return frozenset(lane for s in network.signals for m in s.movements for lane in (*m.lanes, *m.inside))


def straight_roads(network: Network, index: Mapping[str, int]) -> Roads:
    """Streets as straight lines from signal to signal: what can be drawn of a network without a net."""
    roads = Roads()
    for street in network.streets:
        ends = [network.signals[index[name]] for name in (street.from_signal, street.to_signal)]
        roads.lines.append(np.array([(s.x_m, s.y_m) for s in ends], dtype=np.float64))
        roads.lanes.append(max(street.lanes, 1))
    return roads


def outlines(lines: list[Floats]) -> dict[str, str]:
    """Lines [point, xy] as where each begins, and all their points [dm]."""
    points = np.vstack([*lines, np.zeros((0, 2))])
    return {"start": packed(starts(len(line) for line in lines), "<u4"), "xy_dm": packed(points * 10.0, "<i4")}


def starts(lengths: Iterator[int]) -> list[int]:
    """Where each of a row of parts begins, and where the last one ends."""
    return list(accumulate(lengths, initial=0))


def packed(values: npt.ArrayLike, kind: str) -> str:
    """Numbers, rounded, as base64 of a little-endian column of this kind."""
    column = np.rint(np.asarray(values, dtype=np.float64)).astype(kind)
    return base64.b64encode(column.tobytes()).decode("ascii")
