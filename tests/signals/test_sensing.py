"""Claims about ideal sensing, against a second reading of the same simulation by other means."""

import importlib.util
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from signals.layout import lay_out
from signals.links.sensing import Sensing
from signals.rules import RULES
from signals.types import Floats, Ints, Movement, Network, Observation, Turn
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario
from sumo_nets.session import Session, start

pytestmark = pytest.mark.sumo
SEED = 103
RANGE_M = 250.0


def movements_of(network: Network) -> list[Movement]:
    return [m for s in network.signals for m in s.movements]


def nothing_known(network: Network) -> tuple[Ints, Floats]:
    n = len(network.signals)
    return np.zeros(n, dtype=np.int64), np.full(n, -1.0)


@pytest.fixture
def arterial() -> Iterator[tuple[Session, Network]]:
    one = scenario("arterial_5")
    network = read_network(one.net, RULES["resco"])
    with start(replace(one, end_s=one.begin_s + 400.0), SEED) as session:
        yield session, network


def drive(session: Session, seconds: float) -> None:
    until_s = session.now_s + seconds
    while session.now_s < until_s:
        session.advance()


def passed_edges(sumo: Any, progress: dict[str, int]) -> Counter[str]:
    """Edges that vehicles have left since the last call, by their routes; `progress` is moved on."""
    left: Counter[str] = Counter()
    for vehicle in sumo.vehicle.getIDList():
        at = sumo.vehicle.getRouteIndex(vehicle)
        # The index moves on behind the junction; who is inside it has left the edge already.
        reached = at + sumo.vehicle.getRoadID(vehicle).startswith(":")
        left.update(sumo.vehicle.getRoute(vehicle)[progress.get(vehicle, 0) : reached])
        progress[vehicle] = max(reached, progress.get(vehicle, 0))
    return left


def test_every_vehicle_is_counted_once_at_every_stop_line_it_passes(arterial: tuple[Session, Network]) -> None:
    session, network = arterial
    sensing, nothing = Sensing(session.sumo, network, RANGE_M), nothing_known(network)
    movements = movements_of(network)
    counted: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    progress: dict[str, int] = {}
    while session.now_s < session.end_s:
        drive(session, 1.0)
        passed += passed_edges(session.sumo, progress)
        if session.now_s % 10.0 == 0.0:
            observed = sensing.read(session.now_s, *nothing)
            for movement, count in zip(movements, observed.counts_veh.tolist(), strict=True):
                counted[movement.approach] += int(count) if movement.lanes else 0
    approaches = {m.approach for m in movements if m.lanes}
    assert sum(counted.values()) > 400
    # Who stands within the junction may have arrived before its next reading, hence the one.
    assert all(abs(counted[edge] - passed[edge]) <= 1 for edge in approaches)


def test_the_queue_is_who_stands_or_crawls_towards_the_signal_within_range(arterial: tuple[Session, Network]) -> None:
    session, network = arterial
    drive(session, 150.0)
    observed = Sensing(session.sumo, network, RANGE_M).read(session.now_s, *nothing_known(network))
    layout, names = lay_out(network), [s.id for s in network.signals]
    expected = np.zeros(layout.movements)
    for vehicle in session.sumo.vehicle.getIDList():
        ahead = session.sumo.vehicle.getNextTLS(vehicle)
        if ahead and ahead[0][2] <= RANGE_M and session.sumo.vehicle.getSpeed(vehicle) < 2.0:
            expected[layout.movement_start[names.index(ahead[0][0])] + ahead[0][1]] += 1.0
    for movement in stuck_inside(session, network):
        expected[movement] += 1.0
    assert expected.sum() > 10
    vehicles = np.array([m.turn is not Turn.CROSSING for m in movements_of(network)])
    assert observed.queue_veh[vehicles].tolist() == expected[vehicles].tolist()


def test_a_crossing_has_no_sensor_and_is_unknown(arterial: tuple[Session, Network]) -> None:
    session, network = arterial
    drive(session, 20.0)
    observed = Sensing(session.sumo, network, RANGE_M).read(session.now_s, *nothing_known(network))
    crossings = np.array([m.turn is Turn.CROSSING for m in movements_of(network)])
    assert crossings.any()
    for known in (observed.queue_veh, observed.counts_veh):
        assert np.isnan(known[crossings]).all()
        assert not np.isnan(known[~crossings]).any()


def check_rows(observed: Observation, network: Network) -> None:
    layout, movements = lay_out(network), movements_of(network)
    lanes = [lane.id for s in network.signals for lane in s.lanes]
    assert (np.diff(observed.vehicle_lane) >= 0).all()
    for lane in np.unique(observed.vehicle_lane):
        assert (np.diff(observed.vehicle_distance_m[observed.vehicle_lane == lane]) >= 0.0).all()
    for lane, movement in zip(observed.vehicle_lane, observed.vehicle_movement, strict=True):
        assert lanes[lane] in movements[movement].lanes
    assert observed.vehicle_distance_m.max() <= RANGE_M
    assert observed.vehicle_movement.max() < layout.movements


def test_vehicles_come_lane_by_lane_nearest_first(arterial: tuple[Session, Network]) -> None:
    session, network = arterial
    drive(session, 150.0)
    check_rows(Sensing(session.sumo, network, RANGE_M).read(session.now_s, *nothing_known(network)), network)


def test_waiting_and_red_times_grow_until_green(arterial: tuple[Session, Network]) -> None:
    session, network = arterial
    sensing = Sensing(session.sumo, network, RANGE_M)
    n, layout = len(network.signals), lay_out(network)
    phase, green_s, changing_s = np.zeros(n, dtype=np.int64), np.full(n, 5.0), np.full(n, -5.0)
    served = np.concatenate([s.serves[0] > 0 for s in network.signals])
    first = sensing.read(session.now_s, phase, green_s)
    assert first.red_s.tolist() == [0.0] * layout.movements
    drive(session, 30.0)
    second = sensing.read(session.now_s, phase, green_s)
    assert second.red_s[served].tolist() == [0.0] * int(served.sum())
    assert set(second.red_s[~served].tolist()) == {30.0}
    drive(session, 10.0)
    # While an intergreen runs nobody is green.
    third = sensing.read(session.now_s, phase, changing_s)
    assert set(third.red_s[served].tolist()) == {10.0}
    drive(session, 60.0)
    waits_s = sensing.read(session.now_s, phase, green_s).wait_s
    standing_s = [session.sumo.vehicle.getWaitingTime(v) for v in session.sumo.vehicle.getIDList()]
    assert 10.0 < waits_s.max() <= max(standing_s)


def test_standing_vehicles_on_receiving_lanes_are_seen(arterial: tuple[Session, Network]) -> None:
    session, network = arterial
    drive(session, 150.0)
    observed = Sensing(session.sumo, network, RANGE_M).read(session.now_s, *nothing_known(network))
    sumo = session.sumo.vehicle
    slow: Counter[str] = Counter()
    for v in sumo.getIDList():
        if sumo.getSpeed(v) < 2.0:
            slow[sumo.getLaneID(v)] += (sumo.getLength(v) + sumo.getMinGap(v)) / 7.5
    movements = movements_of(network)
    for movement, vehicles in stuck_inside(session, network).items():  # their tails may still be on the lane that they left
        slow[movements[movement].lanes[0]] += sum((sumo.getLength(v) + sumo.getMinGap(v)) / 7.5 for v in vehicles)
    expected = [float(sum(slow[lane] for lane in m.exits)) for m in movements]
    assert sum(expected) > 0.0
    assert observed.exit_veh.tolist() == pytest.approx(expected)


def test_who_is_inside_a_junction_and_slow_is_seen_behind_the_line(arterial: tuple[Session, Network]) -> None:
    session, network = arterial
    inside = {lane for movement in movements_of(network) for lane in movement.inside}
    sumo, met = session.sumo.vehicle, 0
    for until_s in range(60, 200, 10):
        drive(session, float(until_s))
        observed = Sensing(session.sumo, network, RANGE_M).read(session.now_s, *nothing_known(network))
        expected = sorted(sumo.getSpeed(v) for v in sumo.getIDList() if sumo.getLaneID(v) in inside and sumo.getSpeed(v) < 6.0)
        assert sorted(observed.vehicle_speed_mps[observed.vehicle_distance_m < 0.0].tolist()) == pytest.approx(expected)
        met += len(expected)
    assert met > 5


def stuck_inside(session: Session, network: Network) -> dict[int, list[str]]:
    """Vehicles that stand inside a junction, by the movement they are on."""
    inside = {lane: m for m, movement in enumerate(movements_of(network)) for lane in movement.inside}
    found: dict[int, list[str]] = {}
    for v in session.sumo.vehicle.getIDList():
        lane = session.sumo.vehicle.getLaneID(v)
        if lane in inside and session.sumo.vehicle.getSpeed(v) < 0.1:
            found.setdefault(inside[lane], []).append(v)
    return found


@pytest.mark.skipif(importlib.util.find_spec("sumo_rl") is None, reason="needs the bench extra (sumo-rl) for RESCO's nets")
def test_a_queue_behind_a_stop_lane_of_two_metres_is_seen() -> None:
    one = scenario("resco/ingolstadt7")
    network = read_network(one.net, RULES["resco"])
    lanes = [lane for s in network.signals for lane in s.lanes]
    short = [k for k, lane in enumerate(lanes) if lane.length_m < 2.0]
    assert {lanes[k].id.partition("_")[0] for k in short} == {"10425609#1", "124812856#1"}
    with start(replace(one, end_s=one.begin_s + 200.0), SEED) as session:
        drive(session, 150.0)
        observed = Sensing(session.sumo, network, RANGE_M).read(session.now_s, *nothing_known(network))
    check_rows(observed, network)
    here = np.isin(observed.vehicle_lane, short)
    assert (observed.vehicle_distance_m[here] > 10.0).any()
