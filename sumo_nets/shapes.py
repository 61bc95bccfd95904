"""Where the roads of a net run, as few points as a picture needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from signals.errors import ScenarioError
from signals.types import Floats
from sumo_nets.xml_stream import visit

TOLERANCE = 0.0005  # of the net's width or height, whichever is more
FOOT = frozenset({"pedestrian", "bicycle"})


def road_lines(net: Path, tolerance: float = TOLERANCE) -> list[Floats]:
    """One polyline [point, xy] for each road of a net.xml, along its first lane for vehicles [m]."""
    shapes: dict[str, str] = {}
    current = ""

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal current
        if tag == "edge":
            inside = attributes.get("function", "normal") not in ("normal", "")
            current = "" if inside else attributes.get("id", "")
        elif tag == "lane" and current and not set(attributes.get("allow", "vehicles").split()) <= FOOT:
            shapes.setdefault(current, attributes.get("shape", ""))

    visit(net, start, frozenset({"net"}))
    try:
        lines = [_points(shape) for shape in shapes.values() if shape]
    except (ValueError, IndexError) as error:
        raise ScenarioError(f"{net}: a lane's shape is not a list of points ({error})") from error
    if not lines:
        return []
    size_m = float(np.ptp(np.vstack(lines), axis=0).max())
    return [simplified(line, tolerance * size_m) for line in lines]


def _points(shape: str) -> Floats:
    """ "x,y x,y" (or with a height) as [point, xy]."""
    return np.array([[float(word) for word in point.split(",")[:2]] for point in shape.split()], dtype=np.float64)


def simplified(line: Floats, tolerance_m: float) -> Floats:
    """The line [point, xy] without the points that lie within the tolerance of what is left. Douglas and Peucker 1973."""
    keep = np.zeros(len(line), dtype=bool)
    keep[[0, -1]] = True
    open_ends = [(0, len(line) - 1)]
    while open_ends:
        first, last = open_ends.pop()
        if last - first < 2:
            continue
        off_m = _distance_m(line[first + 1 : last], line[first], line[last])
        far = int(np.argmax(off_m))
        if off_m[far] > tolerance_m:
            middle = first + 1 + far
            keep[middle] = True
            open_ends += [(first, middle), (middle, last)]
    return line[keep]


def _distance_m(points: Floats, start: Floats, end: Floats) -> Floats:
    """[point] distance from the stretch between two points."""
    along = end - start
    length2 = float(along @ along)
    share = np.clip((points - start) @ along / length2, 0.0, 1.0) if length2 > 0.0 else np.zeros(len(points))
    return np.asarray(np.hypot(*(points - start - share[:, None] * along).T))
