"""Claims about sensing by areas and by loops in SUMO, against ideal sensing of the same traffic."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from signals.links.area import AreaSensing
from signals.links.detectors import Listener, silent_detectors
from signals.links.loops import LoopSensing
from signals.links.sensing import Sensing
from signals.rules import RULES
from signals.types import Bools, Floats, Network, Observation, Turn
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario
from sumo_nets.sensors import place_detectors, write_detectors
from sumo_nets.session import RunFiles, start

pytestmark = pytest.mark.sumo
SEED, SPAN_S, EVERY_S = 103, 500.0, 10.0
MAKES: dict[str, type[AreaSensing] | type[LoopSensing]] = {"area": AreaSensing, "loops": LoopSensing}


@dataclass(frozen=True, slots=True)
class Watched:
    """What ideal and real sensors said of the same traffic, every ten seconds."""

    network: Network
    ideal: list[Observation]
    real: list[Observation]
    driven: Bools


def total(some: list[Observation], what: Callable[[Observation], Floats]) -> float:
    """Sum over the run of what is known."""
    return float(sum(np.nansum(what(one)) for one in some))


def watched(kind: str, faults: float, folder: Path) -> Watched:
    """An arterial under its own program."""
    one = scenario("arterial_5")
    network = read_network(one.net, RULES["resco"])
    detectors = place_detectors(network, one.net, kind)
    file = write_detectors(detectors, folder / f"{kind}.add.xml")
    ideal, real = [], []
    n = len(network.signals)
    nothing = np.zeros(n, dtype=np.int64), np.full(n, -1.0)
    with start(replace(one, end_s=one.begin_s + SPAN_S), SEED, RunFiles(additional=(file,))) as session:
        sensing: Listener = MAKES[kind](session.sumo, network, detectors, silent_detectors(detectors, faults, SEED))
        pure = Sensing(session.sumo, network, 250.0)
        while session.now_s < session.end_s:
            session.advance()
            sensing.listen(session.now_s)
            if session.now_s % EVERY_S == 0.0:
                ideal.append(pure.read(session.now_s, *nothing))
                real.append(sensing.read(session.now_s, *nothing))
    driven = np.array([m.turn is not Turn.CROSSING and bool(m.lanes) for s in network.signals for m in s.movements])
    return Watched(network, ideal, real, driven)


@pytest.fixture(scope="module", params=["area", "loops"])
def healthy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Watched]]:
    yield request.param, watched(request.param, 0.0, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module", params=["area", "loops"])
def faulty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Watched]]:
    yield request.param, watched(request.param, 0.3, tmp_path_factory.mktemp(f"faulty-{request.param}"))


def test_vehicles_in_range_are_as_many_as_there_are(healthy: tuple[str, Watched]) -> None:
    kind, seen = healthy
    share = {"area": 0.1, "loops": 0.25}[kind]
    there = total(seen.ideal, lambda o: np.ones(len(o.vehicle_lane)))
    assert there > 1000
    assert total(seen.real, lambda o: np.ones(len(o.vehicle_lane))) == pytest.approx(there, rel=share)


def test_queues_over_time_go_with_the_real_ones(healthy: tuple[str, Watched]) -> None:
    kind, seen = healthy
    ideal = np.array([np.nansum(o.queue_veh) for o in seen.ideal])
    real = np.array([np.nansum(o.queue_veh) for o in seen.real])
    assert np.corrcoef(ideal, real)[0, 1] > {"area": 0.97, "loops": 0.8}[kind]


def test_stop_line_counts_are_those_of_the_traffic(healthy: tuple[str, Watched]) -> None:
    _, seen = healthy
    there = total(seen.ideal, lambda o: o.counts_veh)
    assert there > 500
    assert total(seen.real, lambda o: o.counts_veh) == pytest.approx(there, rel=0.1)


def test_rows_are_sorted_and_fit_their_lanes(healthy: tuple[str, Watched]) -> None:
    _, seen = healthy
    movements = [m for s in seen.network.signals for m in s.movements]
    lanes = [lane.id for s in seen.network.signals for lane in s.lanes]
    for one in seen.real[::10]:
        assert (np.diff(one.vehicle_lane) >= 0).all()
        for lane in np.unique(one.vehicle_lane):
            assert (np.diff(one.vehicle_distance_m[one.vehicle_lane == lane]) >= 0.0).all()
        assert all(lanes[k] in movements[m].lanes for k, m in zip(one.vehicle_lane, one.vehicle_movement, strict=True))


def test_areas_see_who_is_slow_inside_a_junction_and_on_which_way_as_ideal_sensing_does(healthy: tuple[str, Watched]) -> None:
    kind, seen = healthy
    met = 0
    for ideal, real in zip(seen.ideal, seen.real, strict=True):
        there, found = (sorted(one.vehicle_movement[one.vehicle_distance_m < 0.0].tolist()) for one in (ideal, real))
        assert found == (there if kind == "area" else [])  # loops have none there
        met += len(there)
    assert met > 5


def test_silent_detectors_leave_nan_and_the_rest_stays_known(faulty: tuple[str, Watched]) -> None:
    _, seen = faulty
    unknown = np.isnan(seen.real[-1].counts_veh[seen.driven])
    assert 0.1 < unknown.mean() < 0.6
    assert (np.isnan(seen.real[0].counts_veh[seen.driven]) == unknown).all()
    # A crossing has no detector at all.
    assert np.isnan(seen.real[-1].counts_veh[~seen.driven]).all()


def test_with_silent_detectors_vehicles_are_still_estimated(faulty: tuple[str, Watched]) -> None:
    _, seen = faulty
    there = total(seen.ideal, lambda o: np.ones(len(o.vehicle_lane)))
    assert total(seen.real, lambda o: np.ones(len(o.vehicle_lane))) == pytest.approx(there, rel=0.5)
