"""Claims about heavy vehicles: a share of the cars, chosen by the seed, with SUMO's own bodies and everything else as it was."""

import gzip
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signals.errors import ScenarioError
from sumo_nets.fleet import BODIES, heavier_scenario
from sumo_nets.scenario import OWN, Scenario, check, scenario
from sumo_nets.session import RunFiles, start

READ = {
    "length": "getLength",
    "width": "getWidth",
    "height": "getHeight",
    "minGap": "getMinGap",
    "accel": "getAccel",
    "decel": "getDecel",
    "emergencyDecel": "getEmergencyDecel",
    "maxSpeed": "getMaxSpeed",
}


def of_text(folder: Path, body: str) -> Scenario:
    (folder / "net.xml").write_text('<net><edge id="a"/><edge id="b"/><tlLogic id="J"/></net>', encoding="utf-8")
    (folder / "routes.xml").write_text(f"<routes>{body}</routes>", encoding="utf-8")
    return Scenario("small", folder / "net.xml", (folder / "routes.xml",), 0.0, 600.0)


def root_of(path: Path) -> ET.Element:
    return ET.fromstring(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


def vehicles(one: Scenario) -> list[ET.Element]:
    return [v for file in one.routes for v in root_of(file) if v.tag in ("vehicle", "trip", "flow")]


def types(one: Scenario) -> dict[str, ET.Element]:
    return {v.attrib["id"]: v for v in root_of(one.additional[-1])}


def heavy_ids(one: Scenario) -> set[str]:
    return {v.attrib["id"] for v in vehicles(one) if v.get("type", "").startswith("heavy_")}


@pytest.mark.parametrize("name", OWN)
def test_a_fifth_of_the_cars_is_heavy_and_nothing_but_types_differs(name: str, tmp_path: Path) -> None:
    one = scenario(name)
    heavier = check(heavier_scenario(one, 0.2, 101, tmp_path))
    before, after = vehicles(one), vehicles(heavier)
    assert [{**v.attrib, "type": ""} for v in before] == [{**v.attrib, "type": ""} for v in after]
    cars = [v.attrib["id"] for v in before if v.get("type") == "car"]
    assert heavy_ids(heavier) <= set(cars)
    assert abs(len(heavy_ids(heavier)) - 0.2 * len(cars)) <= 4.0 * np.sqrt(len(cars) * 0.16)
    assert {v.get("type") for v in after} == {"car", "truck", "bus", "heavy_truck_car", "heavy_bus_car"}


def test_the_same_seed_gives_the_same_file_and_a_larger_share_holds_the_smaller_one(tmp_path: Path) -> None:
    one = scenario("grid_2x2")
    runs = [(0.1, 7), (0.1, 7), (0.1, 8), (0.4, 7)]
    made = [heavier_scenario(one, share, seed, tmp_path / str(k)) for k, (share, seed) in enumerate(runs)]
    texts = [m.routes[0].read_bytes() for m in made]
    assert texts[0] == texts[1] != texts[2]
    assert heavy_ids(made[0]) < heavy_ids(made[3])


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (1.0, 50)])
def test_none_and_all(share: float, count: int, tmp_path: Path) -> None:
    one = of_text(tmp_path, "".join(f'<trip id="t{i}" depart="{i}" from="a" to="b"/>' for i in range(50)))
    assert len(heavy_ids(heavier_scenario(one, share, 1, tmp_path))) == count


def test_a_heavy_vehicle_keeps_its_lanes_and_its_driver(tmp_path: Path) -> None:
    body = '<vType id="x" vClass="taxi" tau="1.3" accel="5"><param key="k" value="v"/></vType>'
    body += '<trip id="t" type="x" depart="1" from="a" to="b"/>'
    heavier = heavier_scenario(of_text(tmp_path, body), 1.0, 1, tmp_path)
    (one,) = types(heavier).values()
    assert (one.get("vClass"), one.get("tau"), one.find("param") is not None) == ("taxi", "1.3", True)
    assert BODIES["truck" if "truck" in one.attrib["id"] else "bus"].items() <= one.attrib.items()


@pytest.mark.parametrize("vclass", ["truck", "bus", "tram", "bicycle", "motorcycle"])
def test_who_is_no_car_stays_what_it_is(vclass: str, tmp_path: Path) -> None:
    body = f'<vType id="x" vClass="{vclass}"/><trip id="t" type="x" depart="1" from="a" to="b"/>'
    assert heavy_ids(heavier_scenario(of_text(tmp_path, body), 1.0, 1, tmp_path)) == set()


@pytest.mark.parametrize(
    "distribution",
    [
        '<vTypeDistribution id="d"><vType id="x" probability="3"/><vType id="y" probability="1"/></vTypeDistribution>',
        '<vType id="x"/><vType id="y"/><vTypeDistribution id="d" vTypes="x y" probabilities="3 1"/>',
        '<vType id="x" probability="3"/><vType id="y" probability="1"/><vTypeDistribution id="d" vTypes="x y"/>',
    ],
)
def test_a_flow_is_mixed_in_the_shares_of_its_types(distribution: str, tmp_path: Path) -> None:
    body = distribution + '<flow id="f" type="d" begin="0" end="600" number="100" from="a" to="b"/>'
    heavier = heavier_scenario(of_text(tmp_path, body), 0.2, 1, tmp_path)
    assert [v.get("type") for v in vehicles(heavier)] == ["heavy_mixture_d"]
    weights = [float(v.get("probability", "")) for v in types(heavier)["heavy_mixture_d"]]
    assert weights == pytest.approx([0.6, 0.2, 0.1, 0.1])


@pytest.mark.parametrize(
    ("body", "share", "words"),
    [
        ('<trip id="t" type="no" depart="1" from="a" to="b"/>', 0.2, "trip 't' is of type 'no'"),
        ('<vTypeDistribution id="d" vTypes="no" probabilities="1"/>', 0.2, "'d': its types"),
        ("", 1.1, "expected 0 to 1"),
        ("", float("nan"), "expected 0 to 1"),
    ],
)
def test_what_cannot_be_made_heavier_is_said(body: str, share: float, words: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=words):
        heavier_scenario(of_text(tmp_path, body), share, 1, tmp_path)


@pytest.mark.sumo
def test_the_bodies_are_those_that_sumo_gives_a_truck_and_a_bus_and_flows_run(tmp_path: Path) -> None:
    one = scenario("grid_2x2")
    flow = '<flow id="f" begin="25200" end="25260" number="30" from="left0A0" to="A0B0"/>'
    plain = "".join(f'<vType id="plain_{body}" vClass="{body}"/>' for body in BODIES)
    (tmp_path / "flow.xml").write_text(f"<routes>{flow}</routes>", encoding="utf-8")
    (tmp_path / "plain.xml").write_text(f"<additional>{plain}</additional>", encoding="utf-8")
    own = replace(one, routes=(*one.routes, tmp_path / "flow.xml"), end_s=one.begin_s + 60.0)
    heavier = heavier_scenario(own, 0.5, 101, tmp_path)
    with start(heavier, 101, RunFiles(additional=(tmp_path / "plain.xml",))) as session:
        kinds = session.sumo.vehicletype
        for body, attributes in BODIES.items():
            for key, getter in READ.items():
                assert getattr(kinds, getter)(f"plain_{body}") == pytest.approx(float(attributes[key]), abs=0.005), key
        seen: set[str] = set()
        while session.now_s < session.end_s:
            session.advance()
            seen |= {session.sumo.vehicle.getTypeID(v) for v in session.sumo.vehicle.getIDList() if v.startswith("f.")}
    assert any("truck" in name or "bus" in name for name in seen) and any(name.endswith("_0") for name in seen)
