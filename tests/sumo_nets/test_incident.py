"""Claims about incidents: where one is follows from the scenario, it closes its lane for its span, and it is no trip."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import sumolib

from signals.errors import ScenarioError
from signals.layout import street_of
from signals.rules import RULES
from signals.types import Network
from sumo_nets.incident import BEFORE_LINE_M, LEAST_LENGTH_M, VEHICLE_ID, Incident, Witness, place_incident, travelled, with_incident
from sumo_nets.network import read_network
from sumo_nets.scenario import OWN, Scenario, check, scenario
from sumo_nets.session import RunFiles, start

SEED = 101


def cut(name: str, length_s: float) -> Scenario:
    one = scenario(name)
    return replace(one, end_s=one.begin_s + length_s)


def network_of(one: Scenario) -> Network:
    return read_network(one.net, RULES["resco"], name=one.name)


@pytest.mark.parametrize("name", OWN)
def test_it_closes_one_of_several_lanes_of_a_busy_street_before_a_signal(name: str) -> None:
    one = scenario(name)
    network = network_of(one)
    incident = place_incident(one, network)
    net = sumolib.net.readNet(str(one.net), lxml=False)
    lane, street = net.getLane(incident.lane), net.getEdge(street_of(incident.lane))
    assert incident.lane in {lane.id for s in network.signals for lane in s.lanes}
    assert incident.lanes == sum(lane.allows("passenger") for lane in street.getLanes()) > 1
    assert lane.getLength() >= LEAST_LENGTH_M
    assert incident.at_m == pytest.approx(lane.getLength() - BEFORE_LINE_M, abs=0.1)
    assert incident.route[0] == street.getID()
    assert incident.route[1] in {link.getToLane().getEdge().getID() for link in lane.getOutgoing()}
    span_s = one.end_s - one.begin_s
    assert (incident.begin_s, incident.end_s) == (one.begin_s + span_s / 4, one.begin_s + span_s / 2)


@pytest.mark.parametrize("name", OWN)
def test_no_other_street_that_fits_loses_more_trips_per_lane_that_remains(name: str) -> None:
    one = scenario(name)
    network = network_of(one)
    incident = place_incident(one, network)
    net = sumolib.net.readNet(str(one.net), lxml=False)
    trips: dict[str, int] = {}
    for (edge, _), veh in travelled(one, net).items():
        trips[edge] = trips.get(edge, 0) + veh
    assert trips[street_of(incident.lane)] == incident.trips_veh
    for edge in {street_of(lane.id) for s in network.signals for lane in s.lanes}:
        others = sum(lane.allows("passenger") for lane in net.getEdge(edge).getLanes()) - 1
        if others and net.getEdge(edge).getLength() >= LEAST_LENGTH_M:
            assert trips.get(edge, 0) / others <= incident.trips_veh / (incident.lanes - 1)


def test_trips_without_a_route_are_counted_on_the_fastest_way(tmp_path: Path) -> None:
    one = scenario("grid_2x2")
    (tmp_path / "r.xml").write_text('<routes><trip id="t" depart="25300" from="left0A0" to="A0B0"/></routes>', encoding="utf-8")
    net = sumolib.net.readNet(str(one.net), lxml=False)
    turns = travelled(replace(one, routes=(tmp_path / "r.xml",)), net)
    assert turns == {("left0A0", "left0A0.140.00"): 1, ("left0A0.140.00", "A0B0"): 1}


def test_without_traffic_no_lane_can_be_closed() -> None:
    one = replace(scenario("grid_2x2"), begin_s=0.0, end_s=10.0)
    with pytest.raises(ScenarioError, match="grid_2x2: no lane can be closed"):
        place_incident(one, network_of(one))


def test_its_vehicle_lies_in_a_route_file_of_its_own_that_is_checked_like_any(tmp_path: Path) -> None:
    one = cut("arterial_5", 400.0)
    incident = place_incident(one, network_of(one))
    with_it = check(with_incident(one, incident, tmp_path))
    assert (with_it.net, with_it.routes[:-1]) == (one.net, one.routes)
    (vehicle,) = ET.parse(with_it.routes[-1]).getroot().findall("vehicle")
    assert vehicle.get("id") == VEHICLE_ID and float(vehicle.get("depart", "")) == incident.begin_s


def played(one: Scenario, incident: Incident, tripinfo: Path) -> tuple[list[float], set[str], set[str], Witness]:
    """Seconds at which the vehicle stood in its place, who came behind it, who of them got past, and what the witness saw."""
    witness, stood_s = Witness(incident), []
    behind: set[str] = set()
    past: set[str] = set()
    with start(one, SEED, RunFiles(tripinfo)) as session:
        sumo = session.sumo
        while session.now_s < session.end_s:
            session.advance()
            witness.see(sumo, session.now_s)
            here = sumo.lane.getLastStepVehicleIDs(incident.lane)
            if VEHICLE_ID in here and sumo.vehicle.isStopped(VEHICLE_ID):
                assert sumo.vehicle.getLanePosition(VEHICLE_ID) == pytest.approx(incident.at_m, abs=1.0)
                stood_s.append(session.now_s)
                behind |= {v for v in here if sumo.vehicle.getLanePosition(v) < incident.at_m - 5.0}
            past |= behind & set(sumo.edge.getLastStepVehicleIDs(incident.route[1]))
    return stood_s, behind, past, witness


@pytest.mark.sumo
def test_it_stands_for_its_span_who_comes_merges_and_it_is_no_trip(tmp_path: Path) -> None:
    one = cut("arterial_5", 600.0)
    incident = place_incident(one, network_of(one))
    stood_s, behind, past, witness = played(with_incident(one, incident, tmp_path), incident, tmp_path / "with.xml")
    assert incident.begin_s <= stood_s[0] <= incident.begin_s + 10.0
    assert stood_s[-1] == incident.end_s
    assert len(stood_s) == stood_s[-1] - stood_s[0] + 1.0
    assert len(past) >= 3 and len(past) >= 0.8 * len(behind)
    assert witness.stood_from_s == pytest.approx(stood_s[0], abs=3.0)
    assert witness.as_json()["lane"] == incident.lane
    ids = {row.attrib["id"] for row in ET.parse(tmp_path / "with.xml").getroot()}
    assert VEHICLE_ID not in ids and len(ids) > 100


def test_a_witness_that_saw_nothing_says_so() -> None:
    witness = Witness(Incident("a_0", 10.0, 100.0, 200.0, 2, 50, ("a", "b")))
    assert witness.as_json()["stood_from_s"] is None
