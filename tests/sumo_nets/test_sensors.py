"""Claims about where detectors are placed, and that SUMO takes them without the traffic noticing."""

import importlib.util
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from signals.errors import ConfigError
from signals.links.detectors import Detector
from signals.rules import RULES
from signals.types import Network
from sumo_nets.network import SENSING_M, read_network
from sumo_nets.scenario import Scenario, scenario
from sumo_nets.sensors import AREA_M, STOP_LOOP_M, place_detectors, write_detectors
from sumo_nets.session import RunFiles, start

KINDS = pytest.mark.parametrize("kind", ["area", "loops"])
needs_resco = pytest.mark.skipif(importlib.util.find_spec("sumo_rl") is None, reason="needs the bench extra (sumo-rl) for RESCO's nets")


def placed(name: str, kind: str) -> tuple[Scenario, Network, tuple[Detector, ...]]:
    """A scenario's detectors."""
    one = scenario(name)
    network = read_network(one.net, RULES["resco"])
    return one, network, place_detectors(network, one.net, kind)


@KINDS
def test_every_stop_line_and_every_exit_has_a_detector_and_no_two_share_an_id(kind: str) -> None:
    _, network, found = placed("arterial_5", kind)
    assert len({d.id for d in found}) == len(found)
    assert {d.lane for d in found if d.place == "stop"} == {lane.id for s in network.signals for lane in s.lanes}
    assert {lane for s in network.signals for m in s.movements if m.lanes for lane in m.exits} <= {d.lane for d in found}


@KINDS
def test_detectors_lie_on_their_lanes_and_within_range(kind: str) -> None:
    _, _, found = placed("arterial_5", kind)
    for d in found:
        assert 0.0 <= d.start_m <= d.end_m <= d.lane_m + 0.01
        assert d.end_m - d.start_m <= AREA_M + 0.02
        if d.place == "advance" and kind == "loops":
            assert all(d.distance_m(w, d.start_m) <= SENSING_M + 50.0 for w in d.ways)


@needs_resco
@KINDS
def test_behind_a_stop_lane_of_two_metres_detectors_stand_on_the_lanes_upstream(kind: str) -> None:
    _, network, found = placed("resco/ingolstadt7", kind)
    lanes = [lane for s in network.signals for lane in s.lanes]
    short = [k for k, lane in enumerate(lanes) if lane.length_m < 2.0]
    assert short
    for k in short:
        reach_m = max(d.distance_m(w, d.start_m) for d in found for w in d.ways if w.lane == k)
        assert reach_m > 40.0


@needs_resco
def test_every_loop_knows_the_next_one_on_the_way_nearer_to_the_line() -> None:
    _, _, found = placed("resco/cologne8", "loops")
    by_id = {d.id: d for d in found}
    chained = 0
    for d in found:
        for w in d.ways:
            if w.following:
                after = by_id[w.following]
                nearer = [o for o in after.ways if o.lane == w.lane]
                assert all(after.distance_m(o, after.start_m) < d.distance_m(w, d.start_m) for o in nearer)
                chained += bool(nearer)
    assert chained > 20


def test_the_file_names_every_detector_as_sumo_does(tmp_path: Path) -> None:
    for kind, tag in (("area", "laneAreaDetector"), ("loops", "inductionLoop")):
        _, _, found = placed("grid_2x2", kind)
        root = ET.parse(write_detectors(found, tmp_path / f"{kind}.add.xml")).getroot()
        assert [x.get("id") for x in root.findall(tag)] == [d.id for d in found]


def test_an_unknown_kind_is_refused() -> None:
    one = scenario("grid_2x2")
    with pytest.raises(ConfigError, match="area or loops"):
        place_detectors(read_network(one.net, RULES["resco"]), one.net, "radar")


@pytest.mark.sumo
@KINDS
def test_sumo_reads_them_all_and_the_traffic_does_not_notice(kind: str, tmp_path: Path) -> None:
    one, _, found = placed("grid_2x2", kind)
    file = write_detectors(found, tmp_path / "d.add.xml")
    ends = []
    for files in (RunFiles(), RunFiles(additional=(file,))):
        with start(replace(one, end_s=one.begin_s + 200.0), 101, files) as session:
            if files.additional:
                domain = session.sumo.lanearea if kind == "area" else session.sumo.inductionloop
                assert set(domain.getIDList()) == {d.id for d in found}
            while session.now_s < session.end_s:
                session.advance()
            vehicles = session.sumo.vehicle
            ends.append([(v, vehicles.getRoadID(v), round(vehicles.getLanePosition(v), 3)) for v in sorted(vehicles.getIDList())])
    assert len(ends[0]) > 10
    assert ends[0] == ends[1]


@needs_resco
def test_before_a_stop_lane_too_short_for_a_loop_one_lies_under_who_waits() -> None:
    _, network, found = placed("resco/ingolstadt7", "loops")
    lanes = [lane for s in network.signals for lane in s.lanes]
    heads = {w.lane: d.distance_m(w, d.start_m) for d in found if d.place == "head" for w in d.ways}
    assert set(heads) == {k for k, lane in enumerate(lanes) if lane.length_m < STOP_LOOP_M}
    assert all(lanes[k].length_m < at_m <= STOP_LOOP_M + 0.01 for k, at_m in heads.items())


@needs_resco
def test_a_contour_between_two_lanes_has_its_loop_on_the_nearer_one() -> None:
    _, network, found = placed("resco/ingolstadt7", "loops")
    lanes = [lane for s in network.signals for lane in s.lanes]
    k = next(k for k, lane in enumerate(lanes) if lane.id == "104012170_3")  # 44.6 m, the next lane ends at 52.7 m
    assert [round(d.distance_m(w, d.start_m), 1) for d in found if d.place == "advance" for w in d.ways if w.lane == k] == [43.6]
