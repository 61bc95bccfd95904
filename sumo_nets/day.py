"""A day-scale scenario: an hour's demand carried through some hours of a measured day, with events that no earlier day had.

Every seed is a day of its own: its level, a slow drift of each origin street, Poisson departures, two surges and a diversion.
`write_day` makes the scenario, `earlier_counts` the days before it that a forecaster may have seen: alike, but without the events.
"""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import sumolib

from signals.errors import ScenarioError
from signals.types import Floats, Ints, Network
from sumo_nets.counting import BIN_S, departures, expected_counts
from sumo_nets.demand import DAY_S, LEFT_OUT, day_factors, elements, write
from sumo_nets.demand_file import read_demand
from sumo_nets.scenario import Scenario

LEVEL_SD = 0.03
"""Of the logarithm of a day's level. This and the drift: ODOT counts of 18 weekdays, 6 to 20 h, beyond their Poisson noise."""
DRIFT_SD = 0.15
"""Of the logarithm of an origin's departure from its profile."""
DRIFT_KEPT = 0.96
"""Of that departure from one quarter of an hour to the next."""
SURGE, SURGE_S, SURGE_SHARE = 1.5, 2700.0, 0.25
"""A surge multiplies the demand of origins that make up this share of the net's, for so long."""
DIVERTED, DIVERSION_S = 0.6, 1800.0
"""Share of an origin's vehicles that come in by another street while their own is blocked, and for how long."""
QUIET_S = 1800.0  # after the begin, and before the end, in which nothing starts
MINUTE_S = 60.0
SPREAD_S = 7200.0
"""Longer than anybody needs from origin to destination at free flow."""
OF_THE_WAY = frozenset({"route", "via", "departLane", "departPos"})
FLOW_ONLY = frozenset({"begin", "end", "number", "period", "probability", "vehsPerHour", "perHour"})


@dataclass(frozen=True, slots=True)
class Hours:
    """Which part of a day is played, which time of day the scenario's own hour stands for, and how much of its demand comes."""

    begin_s: float
    end_s: float
    hour_at_s: float
    demand: float = 1.0


@dataclass(frozen=True, slots=True)
class Template:
    """A vehicle of the scenario's hour, or a flow as a vehicle that comes several times."""

    element: ET.Element
    origin: int
    to: str
    times: float


@dataclass(frozen=True, slots=True)
class Hour:
    """The demand of a scenario's hour by origin street."""

    scenario: Scenario
    definitions: tuple[str, ...] = field(repr=False)
    templates: tuple[Template, ...] = field(repr=False)
    origins: tuple[str, ...]

    @property
    def share(self) -> Floats:
        """Of the demand that starts at each origin [origin]."""
        of_origin = np.bincount([t.origin for t in self.templates], [t.times for t in self.templates], len(self.origins))
        return np.asarray(of_origin / of_origin.sum())


@dataclass(frozen=True, slots=True)
class Event:
    """What no forecaster has seen: `factor` times the demand of these streets, or that share of it diverted `towards` another one."""

    kind: str  # surge, diversion
    begin_s: float
    end_s: float
    streets: tuple[str, ...]
    factor: float
    towards: str = ""


@dataclass(frozen=True, slots=True)
class Departures:
    """Who leaves when, in order of time."""

    template: Ints
    """[vehicle]"""
    depart_s: Floats
    """[vehicle]"""
    towards: tuple[str, ...]  # [vehicle] the origin it is diverted to; "" for its own


def read_hour(scenario: Scenario) -> Hour:
    """The vehicles, trips and flows that leave within the scenario's hour; what is no vehicle or flow is kept as it is."""
    definitions: list[str] = []
    templates: list[Template] = []
    named: dict[str, list[str]] = {}
    origins: dict[str, int] = {}
    for file in scenario.routes:
        read_demand(file)  # the file is well-formed, holds no entities, states its times
        for element in elements(file):
            if element.tag in ("vehicle", "trip", "flow"):
                times = len(departures(element.tag, element.attrib, scenario.begin_s, scenario.end_s))
                way = _way(element, named)
                if times and all(way):
                    origin = origins.setdefault(way[0], len(origins))
                    templates.append(Template(_as_vehicle(element), origin, way[-1], float(times)))
            elif element.tag not in LEFT_OUT:
                if element.tag == "route":
                    named[element.attrib["id"]] = element.get("edges", "").split()
                definitions.append(ET.tostring(element, encoding="unicode").strip())
    if not templates:
        raise ScenarioError(f"{scenario.name}: nobody departs in its hour; there is no demand to carry through a day")
    return Hour(scenario, tuple(definitions), tuple(templates), tuple(origins))


def _way(element: ET.Element, named: dict[str, list[str]]) -> tuple[str, str]:
    """Where a vehicle comes from and goes to, as edges."""
    own = element.find("route")
    edges = own.get("edges", "").split() if own is not None else named.get(element.get("route", ""), [])
    return (edges[0], edges[-1]) if edges else (element.get("from", ""), element.get("to", ""))


def _as_vehicle(element: ET.Element) -> ET.Element:
    """A single vehicle like those of the element, which may be a flow."""
    kept = {key: value for key, value in element.attrib.items() if element.tag != "flow" or key not in FLOW_ONLY}
    made = ET.Element("trip" if "from" in kept else "vehicle", kept)
    made.extend(element)
    return made


def course(hour: Hour, hours: Hours, profile: Floats) -> Floats:
    """Usual demand of each quarter of the day [96], in times of the scenario's hour."""
    span_s = hour.scenario.end_s - hour.scenario.begin_s
    return np.asarray(hours.demand * day_factors(profile, hours.hour_at_s, hours.hour_at_s + span_s))


def drifts(bins: int, origins: int, rng: np.random.Generator) -> Floats:
    """How each origin's demand wanders about the usual [bin, origin]: exp of an AR(1) process, mean 1."""
    wander = np.empty((bins, origins))
    now = rng.normal(0.0, DRIFT_SD, origins)
    for k in range(bins):
        wander[k] = now
        now = DRIFT_KEPT * now + rng.normal(0.0, DRIFT_SD * np.sqrt(1.0 - DRIFT_KEPT**2), origins)
    return np.asarray(np.exp(wander - 0.5 * DRIFT_SD**2))


def levels(days: int, rng: np.random.Generator) -> Floats:
    """Level of each day against the usual [day], mean 1."""
    return np.exp(rng.normal(-0.5 * LEVEL_SD**2, LEVEL_SD, days))


def events_of(hour: Hour, hours: Hours, rng: np.random.Generator) -> tuple[Event, ...]:
    """A surge in the first half, another one in the second, and a diversion at any time."""
    middle_s = 0.5 * (hours.begin_s + hours.end_s)
    starts_s = (
        _minute(rng, hours.begin_s + QUIET_S, middle_s - SURGE_S),
        _minute(rng, middle_s, hours.end_s - QUIET_S - SURGE_S),
    )
    surges = [Event("surge", at_s, at_s + SURGE_S, some_streets(hour, rng), SURGE) for at_s in starts_s]
    at_s = _minute(rng, hours.begin_s + QUIET_S, hours.end_s - QUIET_S - DIVERSION_S)
    blocked = int(rng.choice(len(hour.origins), p=hour.share))
    others = [k for k in range(len(hour.origins)) if k != blocked]
    if not others:
        return tuple(surges)
    towards = hour.origins[int(rng.choice(others))]
    return (*surges, Event("diversion", at_s, at_s + DIVERSION_S, (hour.origins[blocked],), DIVERTED, towards))


def _minute(rng: np.random.Generator, first_s: float, last_s: float) -> float:
    return float(MINUTE_S * np.floor(rng.uniform(first_s, max(first_s, last_s)) / MINUTE_S))


def some_streets(hour: Hour, rng: np.random.Generator) -> tuple[str, ...]:
    """Origins drawn one by one, busy ones rather, until they make up the share of a surge."""
    order = rng.choice(len(hour.origins), len(hour.origins), replace=False, p=hour.share)
    enough = int(np.searchsorted(np.cumsum(hour.share[order]), SURGE_SHARE)) + 1
    return tuple(hour.origins[k] for k in order[:enough].tolist())


def rates(hour: Hour, hours: Hours, profile: Floats, events: tuple[Event, ...], rng: np.random.Generator) -> Floats:
    """Demand of each origin and minute [origin, minute], in times of the scenario's hour: usual course, level, drift, surges."""
    at_s = np.arange(hours.begin_s, hours.end_s, MINUTE_S) + 0.5 * MINUTE_S
    bins_s = np.arange(96) * BIN_S + 0.5 * BIN_S
    bins = round((hours.end_s - hours.begin_s) / BIN_S) + 2
    usual = np.interp(at_s, bins_s, course(hour, hours, profile), period=DAY_S)
    drift = drifts(bins, len(hour.origins), rng)
    grid_s = hours.begin_s + np.arange(bins) * BIN_S
    found = np.array([np.interp(at_s, grid_s, drift[:, k]) for k in range(len(hour.origins))]) * usual * levels(1, rng)
    for one in events:
        if one.kind == "surge":
            streets = np.isin(hour.origins, one.streets)
            found[np.ix_(streets, (at_s >= one.begin_s) & (at_s < one.end_s))] *= one.factor
    return found


def departures_of(hour: Hour, hours: Hours, rate: Floats, events: tuple[Event, ...], rng: np.random.Generator) -> Departures:
    """Poisson departures at these rates [origin, minute], each vehicle of the hour as often as any other of its origin."""
    origin = np.array([t.origin for t in hour.templates])
    times = np.array([t.times for t in hour.templates])
    per_minute = MINUTE_S / (hour.scenario.end_s - hour.scenario.begin_s)
    number = rng.poisson(times * rate.sum(axis=1)[origin] * per_minute)
    template = np.repeat(np.arange(len(number)), number)
    depart_s = np.empty(template.size)
    edges_s = hours.begin_s + MINUTE_S * np.arange(rate.shape[1] + 1)
    for k in range(len(hour.origins)):
        own = np.flatnonzero(origin[template] == k)
        passed = np.concatenate(([0.0], np.cumsum(rate[k])))
        depart_s[own] = np.interp(rng.random(own.size) * passed[-1], passed, edges_s)
    order = np.argsort(depart_s, kind="stable")
    template, depart_s = template[order], depart_s[order]
    towards = [""] * template.size
    for one in events:
        if one.kind == "diversion":
            from_it = np.isin(origin[template], [hour.origins.index(street) for street in one.streets])
            inside = from_it & (depart_s >= one.begin_s) & (depart_s < one.end_s)
            for v in np.flatnonzero(inside & (rng.random(template.size) < one.factor)).tolist():
                towards[v] = one.towards
    return Departures(template, depart_s, tuple(towards))


def write_day(hour: Hour, hours: Hours, profile: Floats, seed: int, folder: Path) -> tuple[Event, ...]:
    """Write the scenario of a seed's day into a folder (scenario.toml and demand), and tell which events it has."""
    _check(hour, hours)
    rng = np.random.default_rng([seed, int(hours.begin_s)])
    events = events_of(hour, hours, rng)
    leaving = departures_of(hour, hours, rates(hour, hours, profile, events, rng), events, rng)
    lines = ["<routes>", *hour.definitions, *_vehicles(hour, leaving), "</routes>", ""]
    one = hour.scenario
    timing = {"decision_s": one.decision_s, "yellow_s": one.yellow_s, "step_s": one.step_s, "weekday": one.weekday}
    words = {"title": f"{one.title}: a day with two surges and a diversion", "net": one.net.resolve().as_posix(), "source": one.source}
    table = [f'{key} = "{value}"' for key, value in words.items() if value]
    table += ['routes = ["routes.xml.gz"]', f"begin_s = {hours.begin_s:g}", f"end_s = {hours.end_s:g}"]
    table += [f"{key} = {value:g}" for key, value in timing.items() if value is not None]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "routes.xml.gz", "\n".join(lines).encode())
        (folder / "scenario.toml").write_text("\n".join([*table, ""]), encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{folder}: cannot be written ({error.strerror})") from error
    return events


def _check(hour: Hour, hours: Hours) -> None:
    if not 0.0 <= hours.begin_s < hours.end_s <= DAY_S or hours.begin_s % BIN_S or hours.end_s % BIN_S:
        raise ScenarioError(f"hours from {hours.begin_s:g} s to {hours.end_s:g} s: expected quarters of one day")
    if hours.end_s - hours.begin_s < 2.0 * (QUIET_S + SURGE_S):
        raise ScenarioError(f"{hours.end_s - hours.begin_s:g} s of a day: too short for two surges of {SURGE_S:g} s")
    if not hours.demand > 0.0:
        raise ScenarioError(f"{hour.scenario.name}: the demand factor is {hours.demand:g}, expected a number above 0")


def _vehicles(hour: Hour, leaving: Departures) -> Iterator[str]:
    """One line a vehicle; who is diverted looks for its own way from the other street, where there is one."""
    reached = _reached(hour, leaving)
    for v, (k, depart_s, towards) in enumerate(zip(leaving.template.tolist(), leaving.depart_s.tolist(), leaving.towards, strict=True)):
        one = hour.templates[k]
        of_its_own = {"id": f"{v}.{one.element.get('id')}", "depart": f"{depart_s:.2f}"}
        if (towards, one.to) in reached:
            kept = {key: value for key, value in one.element.attrib.items() if key not in OF_THE_WAY}
            made = ET.Element("trip", {**kept, **of_its_own, "from": towards, "to": one.to})
        else:
            made = ET.Element(one.element.tag, {**one.element.attrib, **of_its_own})
            made.extend(one.element)
        yield ET.tostring(made, encoding="unicode").strip()


def _reached(hour: Hour, leaving: Departures) -> frozenset[tuple[str, str]]:
    """Which ways of those that are diverted exist: the other street, and where they go."""
    ways = {(towards, hour.templates[k].to) for k, towards in zip(leaving.template.tolist(), leaving.towards, strict=True) if towards}
    if not ways:
        return frozenset()
    net = sumolib.net.readNet(str(hour.scenario.net), lxml=False)
    edges = {way: net.getOptimalPath(*(net.getEdge(edge) for edge in way), vClass="passenger")[0] for way in ways}
    return frozenset(way for way, found in edges.items() if found and len(found) > 1)


def counts_by_origin(hour: Hour, network: Network, seen_veh: Floats | None = None) -> Floats:
    """What an hour's demand of each origin brings to each stop line [origin, movement]; `seen_veh` as in `expected_counts`."""
    # Every origin leaves in a time of its own, so that one pass over one file tells them apart.
    lines = ["<routes>", *hour.definitions]
    for number, one in enumerate(hour.templates):
        for again in range(round(one.times)):
            made = ET.Element(one.element.tag, {**one.element.attrib, "id": f"{number}.{again}", "depart": f"{one.origin * SPREAD_S:.2f}"})
            made.extend(one.element)
            lines.append(ET.tostring(made, encoding="unicode").strip())
    with tempfile.TemporaryDirectory(prefix="citybrain-") as folder:
        file = Path(folder) / "by_origin.rou.xml"
        write(file, "\n".join([*lines, "</routes>", ""]).encode())
        apart = replace(hour.scenario, routes=(file,), begin_s=0.0, end_s=SPREAD_S * len(hour.origins))
        return expected_counts(apart, network, SPREAD_S, seen_veh)


def earlier_counts(hour: Hour, hours: Hours, by_origin_veh: Floats, profile: Floats, days: int, rng: np.random.Generator) -> Floats:
    """Counts [day * 96, movement] of days without events, from midnight on: Poisson about level, drift and usual course."""
    per_bin = BIN_S / (hour.scenario.end_s - hour.scenario.begin_s)
    usual = np.tile(course(hour, hours, profile), days) * np.repeat(levels(days, rng), 96)
    drift = np.concatenate([drifts(96, len(hour.origins), rng) for _ in range(days)])
    expected_veh = (usual[:, None] * drift * per_bin) @ by_origin_veh
    return np.asarray(rng.poisson(expected_veh), dtype=np.float64)
