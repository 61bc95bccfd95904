"""An incident: a vehicle breaks down on a busy street and closes one of its lanes for a quarter of the run.

It stands a few metres before the stop line of the street that carries the most trips per lane that remains; who comes behind it must merge.
The place follows from network and demand alone: it is the same for every controller, seed and multiple of the demand. Controllers are
not told, they see a car that does not move. The car is a vehicle in a route file of its own, which works with every backend; it
carries no tripinfo device, and so is no trip in any figure. A queue that stands there may keep it out at first: the result says from
when on it stood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import sumolib

from signals.errors import ScenarioError
from signals.layout import street_of
from signals.types import Network
from sumo_nets.counting import fastest_way, journeys
from sumo_nets.scenario import Scenario

VEHICLE_ID = "incident"
SHARE = (0.25, 0.5)
"""From when to when it stands there, as parts of the run."""
LEAST_LENGTH_M = 40.0
"""Of the street: who comes must have room to merge."""
BEFORE_LINE_M = 25.0
"""Room before the stop line for who has passed it and must go back to its lane."""
STOP_M = 1.0
ONWARD = 20
"""Edges that it drives on at most when it has been mended, to be beyond its signal."""
VCLASS = "passenger"

Turns = Mapping[tuple[str, str], int]
"""Trips by (edge, next edge)."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Which lane is closed, where, and from when to when."""

    lane: str
    at_m: float  # from the begin of the lane
    begin_s: float
    end_s: float
    lanes: int  # of its street that motor vehicles may use, the closed one included
    trips_veh: int  # of the scenario's own demand that pass the street
    route: tuple[str, ...]  # the way that the vehicle goes on, its street first


def place_incident(scenario: Scenario, network: Network) -> Incident:
    """Where the incident of a scenario is; ScenarioError where no street before a signal has a lane to spare."""
    net = sumolib.net.readNet(str(scenario.net), lxml=False)
    turns = travelled(scenario, net)
    trips_veh: Counter[str] = Counter()
    for (edge, _), veh in turns.items():
        trips_veh[edge] += veh
    approaches = {street_of(lane.id) for s in network.signals for lane in s.lanes}
    spare = [edge for edge in sorted(approaches) if trips_veh[edge] and has_lane_to_spare(net.getEdge(edge))]
    if not spare:
        raise ScenarioError(
            f"{scenario.name}: no lane can be closed: no street to a signal has {LEAST_LENGTH_M:g} m, two lanes and traffic"
        )
    street = max(spare, key=lambda edge: trips_veh[edge] / (len(open_lanes(net.getEdge(edge))) - 1))
    route = onward(net, turns, street)
    lane = next(one for one in open_lanes(net.getEdge(street)) if leads_to(one, route[1]))
    begin_s, end_s = (round(scenario.begin_s + part * (scenario.end_s - scenario.begin_s)) for part in SHARE)
    lanes = len(open_lanes(net.getEdge(street)))
    return Incident(lane.getID(), round(lane.getLength() - BEFORE_LINE_M, 1), float(begin_s), float(end_s), lanes, trips_veh[street], route)


def travelled(scenario: Scenario, net: Any) -> Turns:
    """How many trips go from edge to edge; trips without a route take the fastest way of the empty network."""
    turns: Counter[tuple[str, str]] = Counter()
    ways: dict[tuple[str, ...], tuple[str, ...]] = {}
    for routes in scenario.routes:
        for journey in journeys(routes, scenario.begin_s, scenario.end_s):
            if not journey.routed and journey.edges not in ways:
                ways[journey.edges] = fastest_way(net, journey.edges)
            for turn in pairwise(journey.edges if journey.routed else ways[journey.edges]):
                turns[turn] += len(journey.departs_s)
    return {turn: veh for turn, veh in turns.items() if veh and connected(net, *turn)}


def connected(net: Any, edge: str, following: str) -> bool:
    """Whether motor vehicles get from one edge to the next."""
    return any(leads_to(lane, following) for lane in open_lanes(net.getEdge(edge)))


def open_lanes(edge: Any) -> list[Any]:
    """The lanes of an edge that motor vehicles may use, the one at the kerb first."""
    return [lane for lane in edge.getLanes() if lane.allows(VCLASS)]


def leads_to(lane: Any, edge: str) -> bool:
    """Whether a lane leads on to an edge."""
    return any(link.getToLane().getEdge().getID() == edge for link in lane.getOutgoing())


def has_lane_to_spare(edge: Any) -> bool:
    """Whether who comes can pass a vehicle that stands on one of its lanes."""
    return edge.getLength() >= LEAST_LENGTH_M and len(open_lanes(edge)) > 1


def onward(net: Any, turns: Turns, street: str) -> tuple[str, ...]:
    """The way that most trips go on from a street, edge by edge, until it has passed a signal."""
    following: dict[str, str] = {}
    for (edge, into), _ in sorted(turns.items(), key=lambda item: (item[1], item[0])):
        following[edge] = into  # the last one, with the most trips, holds
    way = [street]
    while way[-1] in following and following[way[-1]] not in way and len(way) < ONWARD:
        before = way[-1]
        way.append(following[before])
        links = net.getEdge(before).getOutgoing().get(net.getEdge(way[-1]), [])
        if any(link.getTLSID() for link in links):
            break
    return tuple(way)


def with_incident(scenario: Scenario, incident: Incident, folder: Path) -> Scenario:
    """The scenario with the incident; the route file with its vehicle is written to the folder."""
    out = folder / f"{scenario.name.replace('/', '_')}_incident.rou.xml"
    try:
        out.write_text(vehicle_xml(incident), encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{out}: cannot be written ({error.strerror})") from error
    return replace(scenario, routes=(*scenario.routes, out))


class Witness:
    """Sees from when on the vehicle stood there; lives as long as a run."""

    def __init__(self, incident: Incident) -> None:
        self.incident = incident
        self.stood_from_s: float | None = None

    def see(self, sumo: Any, now_s: float) -> None:
        """Look again, until it is there."""
        due = self.stood_from_s is None and self.incident.begin_s < now_s <= self.incident.end_s
        if due and VEHICLE_ID in sumo.lane.getLastStepVehicleIDs(self.incident.lane):
            self.stood_from_s = float(sumo.vehicle.getDeparture(VEHICLE_ID))

    def as_json(self) -> dict[str, Any]:
        """The incident, and from when on its vehicle stood there; None where traffic never let it in."""
        return {**asdict(self.incident), "stood_from_s": self.stood_from_s}


def vehicle_xml(incident: Incident) -> str:
    """The demand file with the vehicle: let in where it breaks down, as soon as there is a gap, and mended at the end of the span."""
    index = incident.lane.removeprefix(f"{street_of(incident.lane)}_")
    return "\n".join(
        (
            "<routes>",
            f'    <vType id="{VEHICLE_ID}" vClass="{VCLASS}"/>',
            f'    <vehicle id="{VEHICLE_ID}" type="{VEHICLE_ID}" depart="{incident.begin_s:.2f}" departLane="{index}"'
            f' departPos="{incident.at_m:.2f}" departSpeed="0" insertionChecks="collision followerGap">',
            '        <param key="has.tripinfo.device" value="false"/>',
            f"        <route edges={quoteattr(' '.join(incident.route))}/>",
            f'        <stop lane={quoteattr(incident.lane)} startPos="{incident.at_m - STOP_M:.2f}" endPos="{incident.at_m:.2f}"'
            f' until="{incident.end_s:.2f}"/>',
            "    </vehicle>",
            "</routes>",
            "",
        )
    )
