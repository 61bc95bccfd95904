"""Claims about the queues that the lookahead plays: seen vehicles first, expected ones behind them, in the order of arrival."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from signals.kernels import queues as kernels
from signals.kernels.neighbours import Coming, nobody
from signals.kernels.queues import Queues, append_expected, expected, present, queues_of


@pytest.fixture(params=["compiled", "py_func"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Queues]:
    """Queues of two lanes and three movements, by name of what differs from nobody there and nothing expected."""
    if request.param == "py_func":
        for name in ("append_expected", "expected", "braking_m"):
            monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)
    function = queues_of if request.param == "compiled" else queues_of.py_func

    def made(vehicles: list[tuple[int, int, float, float, float]], **given: Any) -> Queues:
        lane, movement, arrive_s, distance_m, speed_mps = (
            (np.array(c) for c in zip(*vehicles, strict=True)) if vehicles else [np.zeros(0)] * 5
        )
        words: dict[str, Any] = {
            "protected": np.zeros(3, dtype=np.bool_),
            "exit_full": np.zeros(3, dtype=np.bool_),
            "flow_veh_h": np.zeros((2, 3)),
            "wait_s": np.zeros(3),
            "coming": nobody(2),
        } | given
        found: Queues = function(
            lane.astype(np.int64), movement.astype(np.int64), arrive_s.astype(float), distance_m.astype(float), speed_mps.astype(float),
            words["protected"], words["exit_full"], words["wait_s"], np.array([1.8, 2.0]), words["flow_veh_h"], np.array([18.0, 18.0]),
            60.0, 20.0, 0.5, 20.0, words["coming"], 0,
        )  # fmt: skip
        return found

    return made


def test_nobody_makes_empty_queues(make: Callable[..., Queues]) -> None:
    found = make([])
    assert found.start.tolist() == found.end.tolist() == [0, 0]
    assert found.arrival_s.size == 0


def test_a_faster_vehicle_does_not_arrive_before_the_one_ahead(make: Callable[..., Queues]) -> None:
    found = make([(0, 0, 9.0, 40.0, 2.5), (0, 1, 6.0, 60.0, 13.0), (1, 2, 4.0, 50.0, 13.0)])
    assert found.arrival_s.tolist() == [9.0, 9.0, 4.0]
    assert (found.start.tolist(), found.end.tolist()) == ([0, 2], [2, 3])


def test_flow_from_beyond_comes_evenly_spaced_behind_who_is_seen_with_its_weight(make: Callable[..., Queues]) -> None:
    flow_veh_h = np.array([[360.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = make([(0, 1, 20.0, 100.0, 0.0), (1, 2, 1.0, 5.0, 10.0)], flow_veh_h=flow_veh_h)
    assert found.arrival_s.tolist() == [20.0, 23.0, 33.0, 43.0, 53.0, 1.0]
    assert found.movement.tolist() == [1, 0, 0, 0, 0, 2]
    assert found.weight.tolist() == [1.0, 0.5, 0.5, 0.5, 0.5, 1.0]
    assert found.standing.tolist() == [True, False, False, False, False, False]


def test_two_flows_in_one_lane_are_merged_by_time(make: Callable[..., Queues]) -> None:
    found = make([], flow_veh_h=np.array([[120.0, 180.0, 0.0], [0.0, 0.0, 0.0]]))
    assert found.arrival_s.tolist() == sorted(found.arrival_s.tolist()) == [28.0, 33.0, 48.0]
    assert found.movement.tolist() == [1, 0, 1]


@pytest.mark.parametrize("cause", ["stands at the line under protected green", "exit is full"])
def test_a_blocked_lane_is_not_ready_for_a_while(make: Callable[..., Queues], cause: str) -> None:
    marked = np.array([True, False, False])
    found = make([(0, 0, 0.0, 3.0, 0.0), (1, 1, 0.0, 3.0, 0.0)], **{"protected" if "green" in cause else "exit_full": marked})
    assert found.ready_s.tolist() == [20.0, 0.0]


def test_who_stands_far_back_though_first_in_its_lane_is_held_up_on_its_way(make: Callable[..., Queues]) -> None:
    protected = np.array([True, False, False])
    assert make([(0, 0, 3.0, 20.0, 0.0)], protected=protected).ready_s[0] == 20.0  # behind the queue of another lane, say
    assert make([(0, 0, 3.0, 20.0, 1.0)], protected=protected).ready_s[0] == 0.0  # it is on its way
    assert make([(0, 0, 9.0, 90.0, 0.0)], protected=protected).ready_s[0] == 0.0  # too far to tell


@pytest.mark.parametrize(("distance_m", "speed_mps", "passing"), [
    (14.0, 13.9, True), (15.0, 13.9, False),  # 13.9 -> 9.4 -> 4.9 -> 0.4 m/s: stops in 14.7 m
    (1.0, 5.0, False), (1.0, 8.0, True), (0.0, 0.0, False),
])  # fmt: skip
def test_whether_a_driver_can_stop_before_the_line_is_a_matter_of_distance_and_speed(
    make: Callable[..., Queues], distance_m: float, speed_mps: float, passing: bool
) -> None:
    assert make([(0, 0, 1.0, distance_m, speed_mps)]).passing.tolist() == [passing]


def test_who_stands_inside_the_junction_goes_first_and_is_dearer_the_longer_it_stands(make: Callable[..., Queues]) -> None:
    found = make([(0, 0, 0.0, -1.0, 0.0), (0, 0, 0.0, 3.0, 0.0)], wait_s=np.array([40.0, 0.0, 0.0]), exit_full=np.array([True] * 3))
    assert found.inside.tolist() == [True, False]
    assert found.weight.tolist() == [3.0, 1.0]
    assert found.ready_s[0] == 0.0  # what blocks the line does not hold it


def test_what_the_neighbours_release_queues_behind_who_is_seen_and_takes_its_share_of_a_headway(make: Callable[..., Queues]) -> None:
    coming = Coming(np.array([0, 2, 2]), np.array([2, 1]), np.array([8.0, 30.0]), np.array([0.75, 0.25]))
    found = make([(0, 1, 20.0, 100.0, 0.0), (1, 2, 1.0, 5.0, 10.0)], coming=coming)
    assert found.arrival_s.tolist() == [20.0, 20.0, 30.0, 1.0]
    assert found.movement.tolist() == [1, 2, 1, 2]
    assert found.weight.tolist() == found.size.tolist() == [1.0, 0.75, 0.25, 1.0]


def test_the_room_for_expected_vehicles_is_never_too_small() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        flow_veh_h = rng.uniform(0.0, 900.0, (1, 4))
        room = expected(flow_veh_h, 60.0)
        arrival_s, movement = np.full(room, -1.0), np.zeros(room, dtype=np.int64)
        assert append_expected(flow_veh_h[0], 0.0, 60.0, 0, 0, arrival_s, movement) <= room


@pytest.mark.parametrize("function", [present, present.py_func], ids=["compiled", "py_func"])
def test_lanes_that_nobody_is_in_can_be_left_out(function: Callable[[Queues], Queues], make: Callable[..., Queues]) -> None:
    found = make([(1, 2, 4.0, 50.0, 13.0)])
    some = function(found)
    assert (some.start.tolist(), some.end.tolist(), some.headway_s.tolist()) == ([0], [1], [2.0])
    assert some.movement.tolist() == found.movement.tolist()
