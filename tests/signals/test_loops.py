"""Claims about loops that only the loops' own records can settle; the traffic as a whole is compared in test_area."""

from collections.abc import Mapping

import numpy as np
import pytest

from signals.links.detectors import Detector, Way
from signals.links.loops import Leak, LoopSensing, leaks
from signals.types import Network

Record = tuple[str, float, float, float, str]
STOP = Detector("stop", "n_in_0", 200.0, 197.0, 197.0, "stop", (Way(0, 0.0),))
NEAR = Detector("near", "n_in_0", 200.0, 155.0, 155.0, "advance", (Way(0, 0.0),))
FAR = Detector("far", "n_in_0", 200.0, 20.0, 20.0, "advance", (Way(0, 0.0, "near"),))
EXIT = Detector("exit", "s_out_0", 200.0, 20.0, 20.0, "exit")
LOOPS = (STOP, NEAR, FAR, EXIT)
RED = np.full(1, 1, dtype=np.int64)


class Street:
    """A street whose loops report what the test says, by the loop's name; all lights red."""

    def __init__(self, lamps: int) -> None:
        self.inductionloop = self.trafficlight = self
        self.records: Mapping[str, tuple[Record, ...]] = {}
        self._shown = "r" * lamps

    def getVehicleData(self, loop: str) -> tuple[Record, ...]:
        """As libsumo names it: (vehicle, length, began, ended or -1, type)."""
        return self.records.get(loop, ())

    def getLastStepMeanSpeed(self, loop: str) -> float:
        """[m/s]"""
        return 12.0 if loop in self.records else -1.0

    def getRedYellowGreenState(self, signal: str) -> str:
        """As libsumo names it."""
        return self._shown


def played(network: Network, by_second: Mapping[int, Mapping[str, tuple[Record, ...]]], until_s: int, silent: str = "") -> LoopSensing:
    """Sensing after so many seconds of these records."""
    street = Street(len(network.signals[0].movements))
    sensing = LoopSensing(street, network, LOOPS, np.array([d.id == silent for d in LOOPS]))
    for second in range(1, until_s + 1):
        street.records = by_second.get(second, {})
        sensing.listen(float(second))
    return sensing


def over(second: int) -> tuple[Record, ...]:
    """Somebody went over a loop within this second."""
    return (("v", 4.5, second - 0.9, second - 0.5, "car"),)


def distances_m(network: Network, sensing: LoopSensing, now_s: int) -> list[float]:
    """Where the vehicles of the first lane are thought to be [m]."""
    seen = sensing.read(float(now_s), RED, np.full(1, 10.0))
    return [round(d, 1) for d in seen.vehicle_distance_m[seen.vehicle_lane == 0].tolist()]


def test_a_vehicle_that_went_over_two_loops_is_one_vehicle(four_arm: Network) -> None:
    records = {5: {"far": over(5)}, 16: {"near": over(16)}}
    assert distances_m(four_arm, played(four_arm, records, 6), 6) == [pytest.approx(166.0, abs=3.0)]
    assert distances_m(four_arm, played(four_arm, records, 16), 16) == [45.0]


def test_a_vehicle_that_never_comes_to_the_next_loop_is_forgotten(four_arm: Network) -> None:
    sensing = played(four_arm, {5: {"far": over(5)}}, 40)
    assert distances_m(four_arm, sensing, 40) == []


def test_a_silent_loop_is_passed_over_and_the_vehicle_waits_at_the_stop_line(four_arm: Network) -> None:
    records = {5: {"far": over(5)}} | {s: {"stop": (("v", 4.5, 21.0, -1.0, "car"),)} for s in range(22, 61)}
    assert distances_m(four_arm, played(four_arm, records, 60, silent="near"), 60) == [pytest.approx(1.0, abs=1.0)]


def test_who_leaves_the_stop_loop_is_counted_out(four_arm: Network) -> None:
    standing = {s: {"stop": (("v", 4.5, 10.0, -1.0, "car"),)} for s in range(11, 31)}
    gone = {31: {"stop": (("v", 4.5, 10.0, 30.6, "car"),)}}
    assert len(distances_m(four_arm, played(four_arm, standing, 30), 30)) == 1
    sensing = played(four_arm, standing | gone, 31)
    observed = sensing.read(31.0, RED, np.full(1, 10.0))
    assert (observed.vehicle_lane == 0).sum() == 0
    assert np.nansum(observed.counts_veh) == 1.0


def test_a_queue_over_the_advance_loop_is_as_long_as_that(four_arm: Network) -> None:
    standing: dict[str, tuple[Record, ...]] = {
        "stop": (("v", 4.5, 10.0, -1.0, "car"),),
        "near": (("w", 4.5, 12.0, -1.0, "car"),),
    }
    sensing = played(four_arm, dict.fromkeys(range(11, 31), standing), 30)
    assert len(distances_m(four_arm, sensing, 30)) >= 4


def test_somebody_standing_on_an_exit_loop_fills_that_exit(four_arm: Network) -> None:
    standing = {s: {"exit": (("v", 4.5, 10.0, -1.0, "car"),)} for s in range(11, 31)}
    observed = played(four_arm, standing, 30).read(30.0, RED, np.full(1, 10.0))
    into = [m for m, one in enumerate(four_arm.signals[0].movements) if one.exits == ("s_out_0",)]
    assert (observed.exit_veh[into] == [four_arm.signals[0].movements[m].exit_storage_veh for m in into]).all()
    # The other exits have no loop at all: unknown.
    assert np.isnan(np.delete(observed.exit_veh, into)).all()


def test_a_silent_stop_loop_counts_nothing_and_says_so(four_arm: Network) -> None:
    observed = played(four_arm, {}, 5, silent="stop").read(5.0, RED, np.full(1, 10.0))
    assert np.isnan(observed.counts_veh).all()


def test_who_comes_in_the_very_moment_of_a_report_counts_once(four_arm: Network) -> None:
    at_once: tuple[Record, ...] = (("v", 4.5, 5.0, -1.0, "car"),)
    sensing = played(four_arm, {5: {"far": at_once}, 6: {"far": at_once}, 7: {"far": at_once}}, 8)
    assert len(distances_m(four_arm, sensing, 8)) == 1


def test_who_waits_before_a_stop_lane_too_short_for_it_is_the_head_of_the_queue(four_arm: Network) -> None:
    head = Detector("head", "n_before_0", 80.0, 78.0, 78.0, "head", (Way(0, 1.0),))
    street = Street(len(four_arm.signals[0].movements))
    sensing = LoopSensing(street, four_arm, (STOP, head), np.zeros(2, dtype=np.bool_))
    for second in range(11, 31):
        street.records = {"head": (("v", 4.5, 10.0, -1.0, "car"),)}
        sensing.listen(float(second))
    assert distances_m(four_arm, sensing, 30) == [1.0]
    street.records = {"head": (("v", 4.5, 10.0, 30.6, "car"),)}
    sensing.listen(31.0)
    # It is over the line when the stop loop says so.
    assert len(distances_m(four_arm, sensing, 31)) == 1
    assert np.nansum(sensing.read(31.0, RED, np.full(1, 10.0)).counts_veh) == 0.0


def test_a_loop_that_some_turn_off_behind_is_weighed_with_the_loops_beside_it() -> None:
    leaky = Detector("leaky", "a_0", 200.0, 150.0, 150.0, "advance", (Way(0, 0.0),), leaks=True)
    before = Detector("before", "a_0", 200.0, 20.0, 20.0, "advance", (Way(0, 0.0),), leaks=True)
    firm = Detector("firm", "b_0", 200.0, 160.0, 160.0, "advance", (Way(0, 0.0),))
    lanes = [np.array([0, 1]), np.array([0, 1])]
    found = leaks([STOP, leaky, before, firm], lanes)
    assert found == dict.fromkeys(("leaky", "before"), Leak(["stop"], ["firm"], ["leaky"], [1]))
