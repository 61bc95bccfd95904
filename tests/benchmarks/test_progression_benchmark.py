"""Claims about the comparison with SUMO's tools: both sides see traffic, and every plan that runs is the one that is named."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import progression
from signals.errors import ScenarioError
from signals.rules import RULES
from signals.types import Network
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario

RESCO = RULES["resco"]


@pytest.fixture(scope="module")
def found() -> Scenario:
    return scenario("arterial_5")


@pytest.fixture(scope="module")
def network(found: Scenario) -> Network:
    return read_network(found.net, RESCO, name=found.name)


def greens_s(file: Path) -> list[float]:
    """Durations of the green phases of a file's programs."""
    phases = ElementTree.parse(file).iter("phase")
    return [float(p.get("duration", "0")) for p in phases if "y" not in p.get("state", "") and {"G", "g"} & set(p.get("state", ""))]


def test_a_written_plan_has_its_cycle_and_its_offset(network: Network, tmp_path: Path) -> None:
    plans = progression.our_plans(network, RESCO, np.full(sum(len(s.movements) for s in network.signals), 60.0))
    file = progression.write_plans(network, plans, tmp_path / "plans.add.xml")
    for logic, plan in zip(ElementTree.parse(file).iter("tlLogic"), plans, strict=True):
        assert float(logic.get("offset", "nan")) == plan.offset_s
        assert sum(float(p.get("duration", "nan")) for p in logic.iter("phase")) == pytest.approx(plan.cycle_s)


def test_minimum_greens_are_imposed_on_every_plan(network: Network, tmp_path: Path) -> None:
    fixed = progression.write_plans(network, progression.fixed_plans(network, RESCO), tmp_path / "fixed.add.xml")
    assert min(greens_s(fixed)) >= RESCO.min_green_s
    short = tmp_path / "short.add.xml"
    short.write_text(
        '<additional><tlLogic id="a" type="static" programID="x" offset="0"><phase duration="4" state="Gr"/>'
        '<phase duration="3" state="yr"/>'
        '<phase duration="20" state="rg"/><phase duration="3" state="ry"/></tlLogic></additional>'
    )
    assert greens_s(progression.impose_minimum(short, 7.0)) == [7.0, 20.0]
    assert [p.get("duration") for p in ElementTree.parse(short).iter("phase")] == ["7", "3", "20", "3"]


def test_trips_are_routed_and_given_routes_are_left_alone(found: Scenario, tmp_path: Path) -> None:
    trips, given = tmp_path / "trips.xml", tmp_path / "given.xml"
    trips.write_text('<routes><trip id="1" depart="0" from="a" to="b"/></routes>')
    given.write_text('<routes><vehicle id="1" depart="0"><route edges="a b"/></vehicle></routes>')
    assert [progression.has_routes(one) for one in (trips, given)] == [False, True]
    as_given = Scenario("given", found.net, (given,), 0.0, 60.0)
    assert progression.routed(as_given, tmp_path / "out.xml") == str(given)


@pytest.mark.sumo
def test_a_tool_that_plans_for_no_signal_is_an_error_and_not_a_row(found: Scenario, tmp_path: Path) -> None:
    empty = tmp_path / "empty.rou.xml"
    empty.write_text("<routes></routes>")
    with pytest.raises(ScenarioError, match="planned for no signal"):
        progression.tool("tlsCoordinator.py", tmp_path / "out.xml", "-n", found.net, "-r", empty)


def test_green_waves_are_timed_for_many_and_for_one(network: Network) -> None:
    rows = progression.wave_rows(many=3, signals=4, long=5)
    assert [row["method"] for row in rows] == ["exact search, whole seconds"] * 2 + ["MAXBAND", "MULTIBAND"]
    assert rows[2]["efficiency"] >= rows[1]["efficiency"] - 1e-4  # a free cycle gives no less than whole seconds
