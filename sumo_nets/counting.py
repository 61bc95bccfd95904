"""What a scenario's demand would bring to each stop line, worked out from its routes without running it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import sumolib

from signals.layout import lay_out, street_of
from signals.types import Floats, Network
from sumo_nets.demand_file import ROOTS, stated_s
from sumo_nets.scenario import Scenario
from sumo_nets.xml_stream import visit

BIN_S = 900.0
FEWEST_SEEN = 5.0  # vehicles on a turn before its lanes' shares are believed


@dataclass(slots=True)
class Journey:
    """Vehicles on one way: departures, and edges (a trip: only those it must pass)."""

    departs_s: list[float]
    edges: tuple[str, ...]
    routed: bool


def expected_counts(scenario: Scenario, network: Network, bin_s: float = BIN_S, seen_veh: Floats | None = None) -> Floats:
    """Vehicles at each stop line at free flow [bin, movement], from the scenario's begin to its end.

    Trips take the fastest way of the empty network. A turn that several lanes serve is shared among their movements as `seen_veh`
    [movement] was, evenly where nothing was seen.
    """
    net = sumolib.net.readNet(str(scenario.net), lxml=False)
    turns = {turn: (ms, shares(ms, seen_veh)) for turn, ms in movements_by_turn(network).items()}
    bins = math.ceil((scenario.end_s - scenario.begin_s) / bin_s)
    counts_veh = np.zeros((bins, lay_out(network).movements))
    ways: dict[tuple[str, ...], tuple[str, ...]] = {}
    for routes in scenario.routes:
        for journey in journeys(routes, scenario.begin_s, scenario.end_s):
            if not journey.routed and journey.edges not in ways:
                ways[journey.edges] = fastest_way(net, journey.edges)
            edges = journey.edges if journey.routed else ways[journey.edges]
            after_s = 0.0
            for edge, following in pairwise(edges):
                after_s += free_flow_s(net.getEdge(edge))
                if (edge, following) in turns:
                    movements, share = turns[edge, following]
                    for depart_s in journey.departs_s:
                        k = int((depart_s + after_s - scenario.begin_s) // bin_s)
                        if 0 <= k < bins:
                            counts_veh[k, movements] += share
    return counts_veh


def shares(movements: list[int], seen_veh: Floats | None) -> Floats:
    """Shares [movement of the turn] in what was seen of a turn; even ones where fewer than `FEWEST_SEEN` were."""
    seen = np.zeros(len(movements)) if seen_veh is None else np.nan_to_num(seen_veh[movements])
    return seen / seen.sum() if seen.sum() >= FEWEST_SEEN else np.full(len(movements), 1.0 / len(movements))


def movements_by_turn(network: Network) -> Mapping[tuple[str, str], list[int]]:
    """Flat movement indices by (edge it leaves, edge it enters)."""
    starts, found = lay_out(network).movement_start, defaultdict(list)
    for i, signal in enumerate(network.signals):
        for m, movement in enumerate(signal.movements):
            streets = {street_of(lane) for lane in movement.exits}
            for into in streets:
                found[movement.approach, into].append(int(starts[i]) + m)
    return found


def free_flow_s(edge: Any) -> float:
    """Time along an edge on its fastest lane; the first one may be a sidewalk [s]."""
    return float(edge.getLength() / max(lane.getSpeed() for lane in edge.getLanes()))


def fastest_way(net: sumolib.net.Net, stops: tuple[str, ...]) -> tuple[str, ...]:
    """Edges of the fastest way past all stops in the empty network; only the stops where there is no way."""
    way: list[str] = [stops[0]]
    for start, goal in pairwise(stops):
        edges, _ = net.getOptimalPath(net.getEdge(start), net.getEdge(goal), fastest=True, vClass="passenger")
        way += [e.getID() for e in edges[1:]] if edges else [goal]
    return tuple(way)


def journeys(routes: Path, begin_s: float, end_s: float) -> Iterator[Journey]:
    """Every vehicle, trip and flow of a demand file, with its departures within [begin, end)."""
    named: dict[str, tuple[str, ...]] = {}
    found: list[Journey] = []
    current: list[Journey] = []

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        if tag in ("vehicle", "trip", "flow"):
            departs_s = departures(tag, attributes, begin_s, end_s)
            stops = (attributes.get("from", ""), *attributes.get("via", "").split(), attributes.get("to", ""))
            edges = named.get(attributes.get("route", ""), ())
            journey = Journey(departs_s, edges, True) if edges else Journey(departs_s, stops, False)
            current[:] = [journey]
            found.append(journey)
        elif tag == "route":
            edges = tuple(attributes.get("edges", "").split())
            if "id" in attributes:
                named[attributes["id"]] = edges
            elif current:
                current[0].edges, current[0].routed = edges, True

    visit(routes, start, ROOTS)
    return (j for j in found if len(j.edges) > 1 and all(j.edges))


def departures(tag: str, attributes: Mapping[str, str], begin_s: float, end_s: float) -> list[float]:
    """Stated departures, or a flow's, evenly spaced, within [begin, end) [s]; SUMO lets nobody in who was due before."""
    if tag != "flow":
        text = attributes.get("depart", "")
        return [s for s in (stated_s(text, "depart"),) if begin_s <= s < end_s] if text[:1].isdigit() else []
    first_s = stated_s(attributes.get("begin", "0"), "begin")
    last_s = stated_s(attributes["end"], "end") if "end" in attributes else end_s
    if "number" in attributes:
        per_s = float(attributes["number"]) / max(last_s - first_s, 1.0)
    elif "vehsPerHour" in attributes:
        per_s = float(attributes["vehsPerHour"]) / 3600.0
    elif "probability" in attributes:
        per_s = float(attributes["probability"])
    else:
        period = attributes.get("period", "")
        per_s = float(period[4:-1]) if period.startswith("exp(") else 1.0 / float(period or "inf")
    if per_s <= 0.0:
        return []
    return [s for s in np.arange(first_s, min(last_s, end_s), 1.0 / per_s).tolist() if s >= begin_s]
