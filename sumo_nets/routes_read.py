"""Who drives where and when: a scenario's demand as whole routes, with what its vehicle types say about driving.

Trips without edges are given theirs by SUMO's own router (`duarouter`, by free-flow times, as SUMO routes them when they depart).
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from signals.errors import ScenarioError
from sumo_nets.demand_file import ROOTS, stated_s
from sumo_nets.scenario import Scenario
from sumo_nets.xml_stream import visit

ROUTER_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of vehicle; where the file is silent, SUMO's default of the vehicle class."""

    length_m: float = 5.0
    gap_m: float = 2.5
    accel_mps2: float = 2.6
    decel_mps2: float = 4.5
    dawdling: float = 0.5  # SUMO's sigma: share of the acceleration that drivers at times leave unused
    max_mps: float = 55.55
    speed_dev: float = 0.1  # of the factor that a driver puts on every limit
    vehicle_class: str = "passenger"


CLASSES = {
    "passenger": Kind(),
    "bus": Kind(length_m=12.0, accel_mps2=1.2, decel_mps2=4.0, max_mps=23.61, speed_dev=0.0, vehicle_class="bus"),
    "truck": Kind(length_m=7.1, accel_mps2=1.3, decel_mps2=4.0, max_mps=36.11, speed_dev=0.05, vehicle_class="truck"),
    "delivery": Kind(length_m=6.5, speed_dev=0.05, vehicle_class="delivery"),
}
"""SUMO's defaults (documentation, "Vehicle Type Parameter Defaults"); other classes count as passenger cars."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One vehicle: when it is due, what it is, and the edges it takes."""

    due_s: float
    kind: Kind
    edges: tuple[str, ...]


def read_journeys(scenario: Scenario) -> tuple[Journey, ...]:
    """Every vehicle due within the scenario's time, by departure; ScenarioError where the router refuses the demand."""
    with tempfile.TemporaryDirectory(prefix="citybrain-") as folder:
        out = Path(folder) / "journeys.rou.xml"
        _route(scenario, out)
        found = _read(out)
    return tuple(j for j in found if scenario.begin_s <= j.due_s < scenario.end_s and j.edges)


def _route(scenario: Scenario, out: Path) -> None:
    """Have SUMO's router write every vehicle with its edges."""
    words = [str(import_module("sumolib").checkBinary("duarouter")), "-n", str(scenario.net), "-o", str(out)]
    words += ["-r", ",".join(str(r) for r in scenario.routes), "-b", f"{scenario.begin_s:g}", "-e", f"{scenario.end_s:g}"]
    words += ["--no-step-log", "--no-warnings", "--ignore-errors", "--named-routes", "false", "--xml-validation", "never"]
    if scenario.additional:
        words += ["-a", ",".join(str(a) for a in scenario.additional)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=ROUTER_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScenarioError(f"{scenario.name}: SUMO's router does not run ({error})") from error
    if done.returncode != 0 or not out.is_file():
        reasons = [line for line in done.stderr.splitlines() if line.startswith("Error")]
        raise ScenarioError(f"{scenario.name}: SUMO's router refused the demand: {(reasons or ['no reason given'])[0]}")


def _read(path: Path) -> list[Journey]:
    """The vehicles of the router's file."""
    kinds: dict[str, Kind] = {}
    found: list[Journey] = []
    due: list[tuple[float, Kind]] = []

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "vType":
            kinds[attributes["id"]] = kind_of(attributes)
        elif tag == "vehicle":
            depart_s = stated_s(attributes["depart"], f"{path}: vehicle {attributes.get('id', '?')!r}: depart")
            due.append((depart_s, kinds.get(attributes.get("type", ""), CLASSES["passenger"])))
        elif tag == "route" and len(due) == len(found) + 1:
            found.append(Journey(*due[-1], tuple(attributes.get("edges", "").split())))

    visit(path, start, ROOTS)
    return sorted(found, key=lambda one: one.due_s)


def kind_of(attributes: Mapping[str, str]) -> Kind:
    """A `vType` element: its own words over its class's defaults."""
    usual = CLASSES.get(attributes.get("vClass", "passenger"), CLASSES["passenger"])

    def number(name: str, default: float) -> float:
        return float(attributes[name]) if name in attributes else default

    return Kind(
        length_m=number("length", usual.length_m),
        gap_m=number("minGap", usual.gap_m),
        accel_mps2=number("accel", usual.accel_mps2),
        decel_mps2=number("decel", usual.decel_mps2),
        dawdling=number("sigma", usual.dawdling),
        max_mps=number("maxSpeed", usual.max_mps),
        speed_dev=number("speedDev", usual.speed_dev),
        vehicle_class=usual.vehicle_class,
    )
