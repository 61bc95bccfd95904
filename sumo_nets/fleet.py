"""More heavy vehicles in a scenario's demand: a share of its cars becomes trucks and buses, chosen by the seed.

Who drives when and where stays as it is; a heavy vehicle is longer, starts slowly and brakes early. It keeps its car's vClass, so that
it may use the same lanes, and whatever else its type says (reaction time, imperfection, speed factor). Same seed, same vehicles,
whoever controls the signals; a larger share contains a smaller one's.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from signals.errors import ScenarioError
from sumo_nets.demand import elements, write
from sumo_nets.demand_file import read_demand
from sumo_nets.scenario import Scenario

DEFAULT = "DEFAULT_VEHTYPE"
CARS = frozenset({"passenger", "private", "taxi", "evehicle", "hov", "custom1", "custom2"})
"""The vClasses that become heavy; trucks, buses, trams, bicycles stay what they are."""
BODIES: Mapping[str, Mapping[str, str]] = {
    "truck": {
        "length": "7.1", "width": "2.4", "height": "2.4", "minGap": "2.5", "accel": "1.3", "decel": "4.0",
        "emergencyDecel": "7.0", "maxSpeed": "36.11", "guiShape": "truck",
    },
    "bus": {
        "length": "12.0", "width": "2.5", "height": "3.4", "minGap": "2.5", "accel": "1.2", "decel": "4.0",
        "emergencyDecel": "7.0", "maxSpeed": "27.78", "guiShape": "bus",
    },
}  # fmt: skip
"""What SUMO 1.28 takes for a truck and for a bus; half of the heavy vehicles are either."""

Kinds = Mapping[str, Sequence[tuple[ET.Element, float]]]
"""Vehicle types by id, and each distribution's with their weights."""


@dataclass(slots=True)
class Garage:
    """The types that were made so far, by id; lives while a demand is rewritten."""

    known: Kinds
    made: dict[str, ET.Element]

    def is_car(self, name: str) -> bool:
        """Whether vehicles of a type are cars, judged by the first of a distribution."""
        return self.known[name][0][0].get("vClass", "passenger") in CARS

    def heavy(self, name: str, body: str) -> str:
        """The id of a type with such a body, else as the named one."""
        new = f"heavy_{body}_{name}"
        if new not in self.made:
            one = deepcopy(self.known[name][0][0])
            one.attrib.update({**BODIES[body], "id": new})
            one.attrib.pop("probability", None)
            self.made[new] = one
        return new

    def mixture(self, name: str, share: float) -> str:
        """The id of a distribution for a flow: the named type, and a share of heavy ones."""
        new = f"heavy_mixture_{name}"
        if new not in self.made:
            mixture = ET.Element("vTypeDistribution", {"id": new})
            members = self.known[name]
            total = math.fsum(weight for _, weight in members)
            for k, (one, weight) in enumerate(members):
                copy = deepcopy(one)
                copy.attrib.update({"id": f"{new}_{k}", "probability": f"{(1.0 - share) * weight / total:.6g}"})
                mixture.append(copy)
            for body in BODIES:
                copy = deepcopy(members[0][0])
                copy.attrib.update({**BODIES[body], "id": f"{new}_{body}", "probability": f"{share / len(BODIES):.6g}"})
                mixture.append(copy)
            self.made[new] = mixture
        return new


def heavier_scenario(scenario: Scenario, share: float, seed: int, folder: Path) -> Scenario:
    """The scenario with a share of its cars turned into heavy vehicles; the demand and its new types are written to the folder."""
    if not 0.0 <= share <= 1.0:
        raise ScenarioError(f"{scenario.name}: the share of heavy vehicles is {share:g}, expected 0 to 1")
    for file in scenario.routes:
        read_demand(file)  # well-formed, without entities
    garage = Garage(types_of((*scenario.additional, *scenario.routes)), {})
    rng = np.random.default_rng([seed, 20])
    stem = f"{scenario.name.replace('/', '_').replace('*', '_x')}_heavy{share:g}_seed{seed}"
    try:
        routes = []
        for k, file in enumerate(scenario.routes):
            lines = ["<routes>", *rewritten(file, garage, share, rng), "</routes>", ""]
            routes.append(folder / f"{stem}_{k}.rou.xml.gz")
            write(routes[-1], "\n".join(lines).encode())
        types = folder / f"{stem}.add.xml"
        write(types, "\n".join(["<additional>", *(_xml(one) for one in garage.made.values()), "</additional>", ""]).encode())
    except OSError as error:
        raise ScenarioError(f"{folder}: the heavier demand cannot be written there ({error.strerror})") from error
    return replace(scenario, routes=tuple(routes), additional=(*scenario.additional, types))


def types_of(files: Sequence[Path]) -> Kinds:
    """Every type and distribution of types that the files define, and SUMO's default."""
    found: dict[str, list[tuple[ET.Element, float]]] = {DEFAULT: [(ET.Element("vType", {"id": DEFAULT}), 1.0)]}
    for file in files:
        for element in elements(file):
            if element.tag == "vType":
                found[element.get("id", "")] = [(element, float(element.get("probability", "1")))]
            elif element.tag == "vTypeDistribution":
                found[element.get("id", "")] = members(element, found)
                found.update({one.get("id", ""): [(one, 1.0)] for one in element.iter("vType")})
    return found


def members(distribution: ET.Element, known: Kinds) -> list[tuple[ET.Element, float]]:
    """The types of a distribution with their weights: those inside it, and those that it names."""
    inside = [(one, float(one.get("probability", "1"))) for one in distribution.iter("vType")]
    names = distribution.get("vTypes", "").split()
    weights = [float(word) for word in distribution.get("probabilities", "").split()]
    weights = weights or [known[name][0][1] for name in names if name in known]
    try:
        return inside + [(known[name][0][0], weight) for name, weight in zip(names, weights, strict=True)]
    except (KeyError, ValueError) as error:
        raise ScenarioError(f"vTypeDistribution {distribution.get('id')!r}: its types or their shares do not fit ({error})") from error


def rewritten(file: Path, garage: Garage, share: float, rng: np.random.Generator) -> Iterator[str]:
    """The elements of a demand file, some of its cars heavy; each vehicle draws, so that a choice does not move the others'."""
    bodies = tuple(BODIES)
    for element in elements(file):
        if element.tag in ("vehicle", "trip", "flow"):
            name = element.get("type", DEFAULT)
            if name not in garage.known:
                raise ScenarioError(f"{file}: {element.tag} {element.get('id')!r} is of type {name!r}, which nothing defines")
            chance, body = rng.random(), bodies[int(rng.random() * len(bodies))]
            if garage.is_car(name):
                if element.tag == "flow":
                    element.set("type", garage.mixture(name, share) if share > 0.0 else name)
                elif chance < share:
                    element.set("type", garage.heavy(name, body))
        yield _xml(element)
        element.clear()


def _xml(element: ET.Element) -> str:
    element.tail = None
    return "    " + ET.tostring(element, encoding="unicode")
