"""Where a net's roads run, as the page's map needs it: a line a road, the junctions' outlines, and the shapes of lanes at signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from signals.errors import ScenarioError
from signals.types import Floats, Intersection, Network
from sumo_nets.shapes import FOOT, simplified
from sumo_nets.xml_stream import visit

TOLERANCE_M = 1.0
AREA_TOLERANCE_M = 0.5


@dataclass(slots=True)
class Roads:
    """A net's lanes as read: of every road one line in its middle, its lanes and width; of wanted lanes the shape as written."""

    lines: list[Floats] = field(default_factory=list)  # [point, xy]
    lanes: list[int] = field(default_factory=list)
    areas: list[Floats] = field(default_factory=list)  # [point, xy] the junctions' outlines
    shapes: dict[str, str] = field(default_factory=dict)

    def of(self, signal: Intersection, where: object = "the net") -> dict[str, Floats]:
        """The known shapes of a signal's lanes, by lane [point, xy]."""
        return {lane: points_m(self.shapes[lane], where) for lane in lanes_of(signal) if self.shapes.get(lane)}


def lanes_of(signal: Intersection) -> tuple[str, ...]:
    """Lanes whose shapes are drawn one by one: those at its stop lines and those inside the junction."""
    at = [lane.id for lane in signal.lanes]
    return tuple(dict.fromkeys([*at, *(lane for m in signal.movements for lane in (*m.lanes, *m.inside))]))


def wanted_lanes(network: Network) -> frozenset[str]:
    """`lanes_of` all signals."""
    return frozenset(lane for s in network.signals for lane in lanes_of(s))


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


def straight_lines(network: Network) -> tuple[Floats, list[int]]:
    """Streets as straight lines from signal to signal [street, end, xy], and their lanes: what can be drawn without a net."""
    index = {s.id: i for i, s in enumerate(network.signals)}
    xy_m = np.array([(s.x_m, s.y_m) for s in network.signals], dtype=np.float64).reshape(-1, 2)
    ends = np.array([(index[s.from_signal], index[s.to_signal]) for s in network.streets], dtype=np.int64).reshape(-1, 2)
    return xy_m[ends], [max(s.lanes, 1) for s in network.streets]
