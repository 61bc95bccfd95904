"""What a demand file says, without running it: which edges it uses, and when its first and last road user departs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from signals.errors import ScenarioError
from signals.layout import street_of
from sumo_nets.xml_stream import visit

ROOTS = frozenset({"routes", "additional", "trips", "vehicles", "demand"})
USERS = frozenset({"trip", "vehicle", "person", "container"})
FLOWS = frozenset({"flow", "personFlow", "containerFlow"})
UNTIMED = frozenset({"triggered", "containerTriggered", "split", "begin"})
EDGES = {  # tag: attributes that hold edge ids, separated by spaces
    "trip": ("from", "to", "via"),
    "flow": ("from", "to", "via"),
    "vehicle": ("via",),
    "route": ("edges",),
    "walk": ("edges", "from", "to"),
    "ride": ("from", "to"),
    "personTrip": ("from", "to"),
    "transport": ("from", "to"),
    "tranship": ("edges", "from", "to"),
    "stop": ("edge",),
}


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand file in short."""

    span_s: tuple[float, float] | None
    """First and last departure; the last is inf for a flow without end; None where nobody departs at a stated time."""
    edges: dict[str, str]
    """Edge id: who uses it first."""


def read_demand(path: Path) -> Demand:
    """First and last departure and all edges of a demand file (plain or .gz), in one pass."""
    edges: dict[str, str] = {}
    departs_s: list[float] = []
    who = "a route"

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal who
        if tag in USERS or tag in FLOWS or (tag == "route" and "id" in attributes):
            who = f"{tag} {attributes.get('id', '?')!r}"
        if tag in USERS and attributes.get("depart", "begin") not in UNTIMED:
            departs_s.append(stated_s(attributes["depart"], f"{path}: {who}: depart"))
        elif tag in FLOWS:
            departs_s.append(stated_s(attributes.get("begin", "0"), f"{path}: {who}: begin"))
            departs_s.append(stated_s(attributes["end"], f"{path}: {who}: end") if "end" in attributes else math.inf)
        for key in EDGES.get(tag, ()):
            for edge in attributes.get(key, "").split():
                edges.setdefault(edge, who)
        if tag == "stop" and "lane" in attributes:
            edges.setdefault(street_of(attributes["lane"]), who)

    visit(path, start, ROOTS)
    return Demand((min(departs_s), max(departs_s)) if departs_s else None, edges)


def stated_s(text: str, where: str) -> float:
    """Time in one of SUMO's notations [s]: 25205.00, 07:00:05 or 1:07:00:05 (days first); ScenarioError otherwise."""
    weights_s = {1: (1.0,), 3: (3600.0, 60.0, 1.0), 4: (86400.0, 3600.0, 60.0, 1.0)}
    parts = text.strip().split(":")
    try:
        value_s = sum(float(part) * weight_s for part, weight_s in zip(parts, weights_s[len(parts)], strict=True))
    except (ValueError, KeyError) as error:
        raise ScenarioError(f"{where} is {text!r}, expected seconds or hh:mm:ss") from error
    if not math.isfinite(value_s):
        raise ScenarioError(f"{where} is {text!r}, expected seconds or hh:mm:ss")
    return value_s
