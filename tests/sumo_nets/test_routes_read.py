"""Journeys: every vehicle of the demand with its edges, times and kind."""

from dataclasses import replace
from pathlib import Path

import pytest

from signals.errors import ScenarioError
from sumo_nets.routes_read import CLASSES, Kind, kind_of, read_journeys
from sumo_nets.scenario import Scenario, scenario


@pytest.fixture(scope="module")
def short() -> Scenario:
    """The first five minutes of our 2 x 2 grid."""
    one = scenario("grid_2x2")
    return replace(one, end_s=one.begin_s + 300.0)


def test_whoever_is_due_in_the_scenarios_time_is_read_in_order(short: Scenario) -> None:
    due_s = [j.due_s for j in read_journeys(short)]
    assert len(due_s) > 50
    assert due_s == sorted(due_s)
    assert short.begin_s <= due_s[0]
    assert due_s[-1] < short.end_s


def test_trips_without_edges_are_given_a_route_from_their_first_edge_to_their_last(short: Scenario, tmp_path: Path) -> None:
    whole = read_journeys(short)[0]
    trips = tmp_path / "trips.xml"
    trip = f'<trip id="a" depart="{short.begin_s + 5:g}" from="{whole.edges[0]}" to="{whole.edges[-1]}"/>'
    trips.write_text(f"<routes>{trip}</routes>", encoding="utf-8")
    (found,) = read_journeys(replace(short, routes=(trips,)))
    assert (found.edges[0], found.edges[-1]) == (whole.edges[0], whole.edges[-1])
    assert len(found.edges) > 2
    assert found.due_s == short.begin_s + 5.0


def test_a_flow_becomes_its_vehicles(short: Scenario, tmp_path: Path) -> None:
    edges = read_journeys(short)[0].edges
    ends = f'begin="{short.begin_s:g}" end="{short.begin_s + 100:g}"'
    flows = tmp_path / "flows.xml"
    flows.write_text(f'<routes><flow id="f" {ends} number="7" from="{edges[0]}" to="{edges[-1]}"/></routes>', encoding="utf-8")
    assert len(read_journeys(replace(short, routes=(flows,)))) == 7


def test_a_demand_that_the_router_refuses_is_an_error(short: Scenario, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text('<routes><trip id="a" depart="soon" from="x" to="y"/></routes>', encoding="utf-8")
    with pytest.raises(ScenarioError, match="grid_2x2"):
        read_journeys(replace(short, routes=(broken,)))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, Kind()),
        ({"vClass": "bus"}, CLASSES["bus"]),
        ({"vClass": "passenger", "length": "4.3", "minGap": "1.5"}, Kind(length_m=4.3, gap_m=1.5)),
        ({"vClass": "truck", "accel": "1.0", "sigma": "0"}, replace(CLASSES["truck"], accel_mps2=1.0, dawdling=0.0)),
        ({"vClass": "evehicle", "maxSpeed": "20"}, Kind(max_mps=20.0)),
    ],
)
def test_a_type_says_what_differs_from_its_class(attributes: dict[str, str], expected: Kind) -> None:
    assert kind_of({"id": "k", **attributes}) == expected
