"""More or less of a scenario's demand, and days made out of its hour.

`scaled_scenario` for capacity questions and harder training; `earlier_days` gives a forecaster the past that a one-hour
scenario does not have: the counts of one measured hour, spread over the day by a measured profile, with noise and gaps.
"""

import gzip
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from signals.errors import ScenarioError
from signals.types import Bools, Floats
from sumo_nets.demand_file import UNTIMED, read_demand, stated_s
from sumo_nets.scenario import Scenario

DAY_S = 86400.0
BIN_S = 900.0
JITTER_S = 60.0
"""A duplicate departs at most this long before or after its original."""
GAP_BINS = 4.0
"""Mean length of a sensor's silence."""
LEFT_OUT = frozenset({"person", "personFlow", "container", "containerFlow"})
RATES = ("vehsPerHour", "perHour", "probability")


@dataclass(frozen=True, slots=True)
class Departure:
    """A vehicle or flow of the scaled demand."""

    depart_s: float
    xml: str


def scaled_scenario(scenario: Scenario, factor: float, seed: int, folder: Path) -> Scenario:
    """The scenario with `factor` times its demand; the demand file is written to the folder."""
    stem = scenario.name.replace("/", "_")
    out = scaled_routes(scenario, factor, seed, folder / f"{stem}_x{factor:g}_seed{seed}.rou.xml.gz")
    return replace(scenario, name=f"{scenario.name}*{factor:g}", routes=(out,))


def scaled_routes(scenario: Scenario, factor: float, seed: int, out: Path) -> Path:
    """One demand file with `factor` times the scenario's vehicles, sorted by departure; plain or .gz by its name.

    Vehicle i comes floor(factor + u_i) times with u_i ~ U(0, 1): thinned below 1, duplicated above, and with the same
    seed a larger factor contains the smaller one's vehicles. Duplicates are named `id+1`, `id+2` … and depart within
    60 s of the original; flows have their number or rate multiplied. Persons, containers and vehicles that wait for
    them are left out, and a note says how many.
    """
    if not (math.isfinite(factor) and factor >= 0.0):
        raise ScenarioError(f"{scenario.name}: the demand factor is {factor:g}, expected a number from 0 up")
    definitions: list[str] = []
    vehicles: list[ET.Element] = []
    left_out = 0
    for file in scenario.routes:
        read_demand(file)  # the file is well-formed, holds no entities, states its times
        for element in elements(file):
            if element.tag in LEFT_OUT or element.get("depart", "begin") in UNTIMED - {"begin"}:
                left_out += 1
            elif element.tag in ("vehicle", "trip", "flow"):
                vehicles.append(element)
            else:
                definitions.append(_xml(element))
    departures = sorted(_scaled(vehicles, factor, seed, scenario), key=lambda one: one.depart_s)
    origin = scenario.name.replace("--", "- -")
    note = f"<!-- {origin}, demand times {factor:g}, seed {seed}; {left_out} persons or waiting vehicles left out -->"
    lines = [note, "<routes>", *definitions, *(one.xml for one in departures), "</routes>", ""]
    try:
        write(out, "\n".join(lines).encode())
    except OSError as error:
        raise ScenarioError(f"{out}: cannot be written ({error.strerror})") from error
    return out


def day_factors(profile: Floats, begin_s: float, end_s: float, bin_s: float = BIN_S) -> Floats:
    """Demand of each bin of the day over the demand in [begin_s, end_s): what to multiply a scenario's demand by.

    The profile [96] is any measured daily course in 15-minute bins from midnight; only its ratios count.
    """
    profile = np.asarray(profile, dtype=np.float64)
    if profile.shape != (96,) or not (np.isfinite(profile).all() and (profile >= 0.0).all() and profile.any()):
        raise ScenarioError(f"day profile: expected 96 values from 0 up, not all 0, got shape {profile.shape}")
    if not 0.0 < end_s - begin_s <= DAY_S:
        raise ScenarioError(f"day profile: the hour from {begin_s:g} s to {end_s:g} s is none")
    amount = np.concatenate(([0.0], np.cumsum(np.tile(profile, 2)))) * BIN_S  # up to each quarter of two days
    grid_s = np.arange(amount.size) * BIN_S

    def level(from_s: Floats, to_s: Floats) -> Floats:
        return np.asarray((np.interp(to_s, grid_s, amount) - np.interp(from_s, grid_s, amount)) / (to_s - from_s))

    from_s = begin_s % DAY_S
    hour = float(level(np.array(from_s), np.array(from_s + end_s - begin_s)))
    if not hour > 0.0:
        raise ScenarioError(f"day profile: zero between {begin_s:g} s and {end_s:g} s, where the scenario has its demand")
    edges_s = np.append(np.arange(0.0, DAY_S, bin_s), DAY_S)
    return level(edges_s[:-1], edges_s[1:]) / hour


def earlier_days(
    hour_counts_veh: Floats,
    begin_s: float,
    profile: Floats,
    days: int,
    rng: np.random.Generator,
    *,
    level_sd: float = 0.08,
    gap_share: float = 0.02,
) -> tuple[Floats, float]:
    """Counts [day * 96, movement] of the days before the scenario's, and when they start (a midnight, mostly negative).

    `hour_counts_veh` [bin, movement] are what 15 minutes usually bring from `begin_s` on, NaN where not known. They come again every day
    at their time; beyond them each movement's mean m goes through the day as m * profile(t) / profile(hour). A day has a level
    exp(N(-sd^2/2, sd)) of its own, a count is Poisson, and a share of all bins is silent (NaN) in stretches of an hour on average.
    """
    hour_counts_veh = np.asarray(hour_counts_veh, dtype=np.float64)
    if hour_counts_veh.ndim != 2 or not hour_counts_veh.size or days < 1:
        raise ScenarioError(f"earlier days: expected counts [bin, movement] and a day or more, got {hour_counts_veh.shape}")
    factors = day_factors(profile, begin_s, begin_s + hour_counts_veh.shape[0] * BIN_S)
    measured = np.isfinite(hour_counts_veh)
    mean_veh = np.where(measured, hour_counts_veh, 0.0).sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    level = np.exp(rng.normal(-0.5 * level_sd**2, level_sd, size=days))
    usual_veh = factors[:, None] * mean_veh
    at = (int(begin_s // BIN_S) + np.arange(len(hour_counts_veh))) % len(factors)
    usual_veh[at] = np.where(measured, hour_counts_veh, usual_veh[at])
    expected_veh = (level[:, None, None] * usual_veh).reshape(-1, mean_veh.size)
    counts_veh = rng.poisson(expected_veh).astype(np.float64)
    counts_veh[_silences(counts_veh.shape[0], counts_veh.shape[1], gap_share, rng)] = np.nan
    counts_veh[:, ~measured.any(axis=0)] = np.nan
    return counts_veh, (math.floor(begin_s / DAY_S) - days) * DAY_S


def _silences(bins: int, sensors: int, share: float, rng: np.random.Generator) -> Bools:
    """Silent bins [bin, sensor]: a two-state chain with this share of silence, in stretches of `GAP_BINS`."""
    ends = 1.0 / GAP_BINS
    begins = ends * share / (1.0 - share)
    silent = np.empty((bins, sensors), dtype=np.bool_)
    now = rng.random(sensors) < share
    for k in range(bins):
        silent[k] = now
        now = rng.random(sensors) < np.where(now, 1.0 - ends, begins)
    return silent


def elements(file: Path) -> Iterator[ET.Element]:
    """The children of the root, whole, one by one."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        depth = 0
        for event, element in ET.iterparse(stream, events=("start", "end")):
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 1:
                yield element


def _scaled(vehicles: list[ET.Element], factor: float, seed: int, scenario: Scenario) -> Iterator[Departure]:
    rng = np.random.default_rng(seed)
    chance = rng.random(len(vehicles))
    jitter_s = rng.uniform(-JITTER_S, JITTER_S, size=(math.ceil(factor), len(vehicles)))
    for i, element in enumerate(vehicles):
        if element.tag == "flow":
            try:
                yield from _scaled_flow(element, factor, float(chance[i]))
            except ValueError as error:
                raise ScenarioError(f"flow {element.get('id')!r}: a rate is no number ({error})") from error
            continue
        text = element.get("depart", "begin")
        depart_s = scenario.begin_s if text == "begin" else stated_s(text, f"{scenario.name}: {element.get('id')}")
        for k in range(math.floor(factor + chance[i])):
            if k == 0:
                yield Departure(depart_s, _xml(element))
            else:
                copy = ET.fromstring(ET.tostring(element))
                moved_s = round(_inside(depart_s + jitter_s[k - 1, i], depart_s, scenario), 2)
                copy.set("id", f"{element.get('id')}+{k}")
                copy.set("depart", f"{moved_s:.2f}")
                yield Departure(moved_s, _xml(copy))


def _inside(moved_s: float, depart_s: float, scenario: Scenario) -> float:
    """The moved departure, mirrored at the ends of the scenario's hour: SUMO drops who leaves before it begins."""
    if not scenario.begin_s <= depart_s < scenario.end_s:
        return max(moved_s, 0.0)
    if moved_s < scenario.begin_s:
        moved_s = 2.0 * scenario.begin_s - moved_s
    if moved_s >= scenario.end_s:
        moved_s = 2.0 * scenario.end_s - moved_s - 0.01
    return max(moved_s, scenario.begin_s)


def _scaled_flow(flow: ET.Element, factor: float, chance: float) -> Iterator[Departure]:
    """The flow with its number or rate multiplied; nothing where none is left."""
    name = f"flow {flow.get('id')!r}"
    copy = ET.fromstring(ET.tostring(flow))
    for key in RATES:
        if key in copy.attrib:
            copy.set(key, f"{float(copy.attrib[key]) * factor:.6g}")
    if float(copy.get("probability", "0")) > 1.0:
        raise ScenarioError(f"{name}: probability {copy.get('probability')} a second is above 1 at {factor:g} times the demand")
    if "number" in copy.attrib:
        copy.set("number", str(math.floor(int(copy.attrib["number"]) * factor + chance)))
    if "period" in copy.attrib and factor > 0.0:
        exponential = re.fullmatch(r"exp\((.+)\)", copy.attrib["period"])
        rate = f"exp({float(exponential[1]) * factor:.6g})" if exponential else f"{float(copy.attrib['period']) / factor:.6g}"
        copy.set("period", rate)
    if factor > 0.0 and copy.get("number") != "0":
        yield Departure(stated_s(copy.get("begin", "0"), f"{name}: begin"), _xml(copy))


def _xml(element: ET.Element) -> str:
    element.tail = None
    return "    " + ET.tostring(element, encoding="unicode")


def write(out: Path, content: bytes) -> None:
    """Write it, compressed without a date where the name ends in .gz: the same demand is the same file."""
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix != ".gz":
        out.write_bytes(content)
        return
    with out.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as file:
        file.write(content)
