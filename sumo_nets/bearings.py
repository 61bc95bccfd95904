"""Which way each road comes from: names such as N or SW for the approaches of a signal, as an engineer calls them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from signals.errors import ScenarioError
from signals.types import Intersection
from sumo_nets.xml_stream import visit

POINTS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
LOOKED_BACK_M = 30.0  # of a road before its end: bends at the stop line say little


def bearings_deg(net: Path) -> dict[str, float]:
    """By road: the compass direction it comes from at its end, 0 north, 90 east, along its first lane [deg]."""
    found: dict[str, float] = {}
    current = ""

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal current
        if tag == "edge":
            current = attributes.get("id", "") if attributes.get("function", "normal") in ("normal", "") else ""
        elif tag == "lane" and current and current not in found and attributes.get("shape"):
            found[current] = _comes_from_deg(attributes["shape"], net)

    visit(net, start, frozenset({"net"}))
    return found


def _comes_from_deg(shape: str, net: Path) -> float:
    try:
        return looked_back_deg([[float(word) for word in point.split(",")[:2]] for point in shape.split()])
    except (ValueError, IndexError) as error:
        raise ScenarioError(f"{net}: a lane's shape is not a list of points ({error})") from error


def looked_back_deg(line: Sequence[Sequence[float]]) -> float:
    """The compass direction that a line [point, xy] comes from at its end [deg]; ValueError or IndexError where it is none."""
    end_x, end_y = line[-1]
    back_m, (x, y) = 0.0, line[-1]
    for before_x, before_y in reversed(line[:-1]):
        back_m += math.hypot(x - before_x, y - before_y)
        x, y = before_x, before_y
        if back_m >= LOOKED_BACK_M:
            break
    return math.degrees(math.atan2(x - end_x, y - end_y)) % 360.0


def arm_names(signal: Intersection, from_deg: Mapping[str, float]) -> dict[str, str]:
    """By approach: its compass point; with the road's name where two approaches share one."""
    approaches = dict.fromkeys(m.approach for m in signal.movements if m.approach in from_deg)
    points = {a: POINTS[round(from_deg[a] / 45.0) % len(POINTS)] for a in approaches}
    shared = list(points.values())
    return {a: p if shared.count(p) == 1 else f"{p} ({a})" for a, p in points.items()}
