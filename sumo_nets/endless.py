"""Demand without an end: a scenario's hour goes on by a measured day, for a street that is shown around the clock, never for one measured.

The hour's vehicles come again, as often as the time of day wants and never more often than in the hour itself; every origin wanders
about that, and now and then some surge. A quarter of an hour is drawn at a time, so that nothing grows.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from signals.types import Floats
from sumo_nets.counting import BIN_S
from sumo_nets.day import DRIFT_KEPT, DRIFT_SD, MINUTE_S, SURGE, SURGE_S, Event, Hour, Hours, course, departures_of, read_hour, some_streets
from sumo_nets.demand import DAY_S
from sumo_nets.demand_file import read_demand
from sumo_nets.scenario import Scenario
from sumo_nets.session import Session

DAWN_S, MORNING_S = 5.0 * 3600.0, 7.0 * 3600.0
"""An hour that begins before dawn has no time of day but counts from zero: it stands for the morning's."""
BETWEEN_SURGES_S = 7200.0  # on average
TOWED_S, TURNED_AWAY_S = 600.0, 900.0
OPTIONS = ("--time-to-teleport", f"{TOWED_S:g}", "--max-depart-delay", f"{TURNED_AWAY_S:g}")
"""To SUMO: cars that wait for one another for ever are towed, and who finds no room to set out stays at home."""
CAR, LANE, PLACE, SPEED = "DEFAULT_VEHTYPE", "first", "base", "0"
"""What SUMO's vehicles are, and how they set out, unless they say."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Somebody who sets out: which of the hour's vehicles it is like, and when."""

    template: int
    depart_s: float


def file_ends_s(scenario: Scenario) -> float:
    """When the scenario's own demand ends: with its hour, or with the last departure where the files hold more; inf: never."""
    spans = [span for span in (read_demand(one).span_s for one in scenario.routes) if span is not None]
    return max([scenario.end_s, *(last_s for _, last_s in spans)])


class Endless:
    """Who sets out after `begin_s`, in order; lives as long as the street."""

    def __init__(self, hour: Hour, profile: Floats, seed: int, begin_s: float) -> None:
        one = hour.scenario
        at_s = one.begin_s % DAY_S
        self._shift_s = 0.0 if at_s >= DAWN_S else MORNING_S - at_s
        usual = course(hour, Hours(one.begin_s, one.end_s, at_s + self._shift_s), profile)
        self._usual = np.minimum(usual, 1.0)
        self._hour, self._rng, self.drawn_s = hour, np.random.default_rng([seed, 24]), begin_s
        self._drift = self._rng.normal(0.0, DRIFT_SD, len(hour.origins))
        self._surges: list[Event] = []
        self._next: deque[Leaving] = deque()

    def due(self, until_s: float) -> list[Leaving]:
        """Those before this second who have not set out yet."""
        found: list[Leaving] = []
        while True:
            while self._next and self._next[0].depart_s < until_s:
                found.append(self._next.popleft())
            if self._next or self.drawn_s >= until_s:
                return found
            self._draw()

    def _draw(self) -> None:
        """The next quarter of an hour."""
        begin_s = self.drawn_s
        quarter = Hours(begin_s, begin_s + BIN_S, 0.0)
        leaving = departures_of(self._hour, quarter, self._rates(begin_s), (), self._rng)
        self._next.extend(map(Leaving, leaving.template.tolist(), leaving.depart_s.tolist()))
        self.drawn_s = quarter.end_s

    def _rates(self, begin_s: float) -> Floats:
        """Demand of each origin and minute of a quarter [origin, minute], in times of the scenario's hour."""
        at_s = begin_s + np.arange(0.0, BIN_S, MINUTE_S) + 0.5 * MINUTE_S
        bins_s = np.arange(self._usual.size) * BIN_S + 0.5 * BIN_S
        usual = np.interp(at_s + self._shift_s, bins_s, self._usual, period=DAY_S)
        before, rng = self._drift, self._rng
        self._drift = DRIFT_KEPT * before + rng.normal(0.0, DRIFT_SD * math.sqrt(1.0 - DRIFT_KEPT**2), before.size)
        on = (at_s - begin_s) / BIN_S
        found = np.exp(np.outer(before, 1.0 - on) + np.outer(self._drift, on) - 0.5 * DRIFT_SD**2) * usual
        if rng.random() < BIN_S / BETWEEN_SURGES_S:
            self._surges.append(Event("surge", begin_s, begin_s + SURGE_S, some_streets(self._hour, rng), SURGE))
        self._surges = [one for one in self._surges if one.end_s > begin_s]
        for one in self._surges:
            found[np.isin(self._hour.origins, one.streets)] *= one.factor
        return np.asarray(found)


class Arrivals:
    """Lets them into a running SUMO; lives as long as the simulation. `sumo` has the domains of TraCI."""

    def __init__(self, sumo: Any, hour: Hour, endless: Endless) -> None:
        self._sumo, self._endless, self._templates = sumo, endless, hour.templates
        self._named = named_routes(hour)
        self._routes: dict[tuple[str, ...], str] = {}
        self.vehicles, self.refused = 0, 0

    def let_in(self, until_s: float) -> None:
        """Everybody who sets out before this second; whom SUMO refuses is counted."""
        for one in self._endless.due(until_s):
            element = self._templates[one.template].element
            self.vehicles += 1
            try:
                self._sumo.vehicle.add(
                    f"again.{self.vehicles}", self._route(element), element.get("type", CAR), depart=f"{one.depart_s:.2f}",
                    departLane=element.get("departLane", LANE), departPos=element.get("departPos", PLACE),
                    departSpeed=element.get("departSpeed", SPEED),
                )  # fmt: skip
            except Exception:  # libsumo and traci raise classes of their own
                self.refused += 1

    def _route(self, element: ET.Element) -> str:
        """A route of SUMO's for the vehicle's way, made once; one of two edges that do not touch is a trip to it."""
        edges = self._edges(element)
        if edges not in self._routes:
            name = f"again.{len(self._routes)}"
            self._sumo.route.add(name, list(edges))
            self._routes[edges] = name
        return self._routes[edges]

    def _edges(self, element: ET.Element) -> tuple[str, ...]:
        own = element.find("route")
        if own is not None or "route" in element.attrib:
            return tuple(own.get("edges", "").split()) if own is not None else self._named[element.attrib["route"]]
        stops = [element.attrib["from"], *element.get("via", "").split(), element.attrib["to"]]
        way = stops[:1]
        for here, there in pairwise(stops):
            found = self._sumo.simulation.findRoute(here, there, element.get("type", CAR)).edges if len(stops) > 2 else ()
            way += list(found[1:]) or [there]
        return tuple(way if len(set(stops)) > 1 else stops[:1])


def named_routes(hour: Hour) -> dict[str, tuple[str, ...]]:
    """Edges of the routes that the demand defines by name."""
    made = [ET.fromstring(text) for text in hour.definitions]
    return {one.attrib["id"]: tuple(one.get("edges", "").split()) for one in made if one.tag == "route"}


def arrivals(session: Session, scenario: Scenario, profile: Floats, seed: int) -> Arrivals:
    """Of a simulation that has begun: they come when the scenario's own demand has ended."""
    hour = read_hour(scenario)
    return Arrivals(session.sumo, hour, Endless(hour, profile, seed, file_ends_s(scenario)))
