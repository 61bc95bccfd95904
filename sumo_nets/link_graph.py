"""A net as lanes and the links between them, with who yields to whom: what a traffic model beside SUMO needs of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sumolib

from signals.errors import ScenarioError
from sumo_nets.network import inside, request_index, waits_for

UNYIELDING = "M"


@dataclass(frozen=True, slots=True)
class RoadLane:
    """A lane between two junctions."""

    id: str
    edge: str
    index: int
    length_m: float
    speed_mps: float


@dataclass(frozen=True, slots=True)
class Link:
    """A way from one lane into another through a junction."""

    from_lane: int
    to_lane: int
    signal: str  # "" without one
    lamp: int  # its place among the signal's movements; -1 without one
    major: bool  # without a signal: it need not yield
    inside_m: float
    inside_mps: float
    yields_to: tuple[int, ...]  # links


@dataclass(frozen=True, slots=True)
class LinkGraph:
    """All lanes for cars and all links between them; indices are places in these tuples."""

    lanes: tuple[RoadLane, ...]
    links: tuple[Link, ...]


def read_links(net_file: Path) -> LinkGraph:
    """The graph of a net; ScenarioError where it cannot be read."""
    try:
        net = sumolib.net.readNet(str(net_file), withFoes=True, withInternal=True, lxml=False)
    except Exception as error:  # sumolib passes on whatever the XML parser raises
        raise ScenarioError(f"{net_file}: not a readable SUMO network ({type(error).__name__}: {error})") from error
    open_lanes = [lane for edge in net.getEdges(withInternal=False) for lane in driven(edge)]
    place = {lane.getID(): k for k, lane in enumerate(open_lanes)}
    raw = [link for lane in open_lanes for link in lane.getOutgoing() if link.getToLane().getID() in place]
    waits = _waiting(raw)
    links = tuple(
        Link(
            place[link.getFromLane().getID()],
            place[link.getToLane().getID()],
            link.getTLSID() or "",
            link.getTLLinkIndex() if link.getTLSID() else -1,
            link.getState() == UNYIELDING,
            *inside(net, link),
            waits[k],
        )
        for k, link in enumerate(raw)
    )
    lanes = tuple(RoadLane(lane.getID(), lane.getEdge().getID(), lane.getIndex(), lane.getLength(), lane.getSpeed()) for lane in open_lanes)
    return LinkGraph(lanes, links)


def driven(edge: Any) -> list[Any]:
    """The lanes of an edge for cars; all of them where it has none, as a bus road."""
    lanes = edge.getLanes()
    return [lane for lane in lanes if lane.allows("passenger")] or [lane for lane in lanes if lane.allows("bus")]


def _waiting(links: list[Any]) -> list[tuple[int, ...]]:
    """The links of the same junction that each link [link] waits for."""
    at: dict[str, list[tuple[int, int]]] = {}
    for k, link in enumerate(links):
        at.setdefault(link.getFrom().getToNode().getID(), []).append((k, request_index(link)))
    found: list[tuple[int, ...]] = [()] * len(links)
    for some in at.values():
        node = links[some[0][0]].getFrom().getToNode()
        for k, request in some:
            found[k] = tuple(j for j, other in some if j != k and request >= 0 <= other and waits_for(node, request, other))
    return found
