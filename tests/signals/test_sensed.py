"""Claims about what adds up from vehicles as they were read: two lanes that share three movements, and the lanes around them."""

from collections.abc import Callable

import numpy as np
import pytest

from signals.kernels import sensed as kernels
from signals.kernels.sensed import NONE, Limits, Lists, Places, Read

STOP_A, STOP_B, INSIDE_2, EXIT, ELSEWHERE = range(5)
PLACES = Places(
    stop=np.array([0, 1, NONE, NONE, NONE]),
    inside=np.array([NONE, NONE, 2, NONE, NONE]),
    exits=Lists(np.array([0, 0, 0, 0, 2, 2]), np.array([0, 1])),
    lanes_of=Lists(np.array([0, 1, 3, 4, 4]), np.array([0, 0, 1, 1])),  # movement 1 leaves from both lanes, 3 from none
    behind=Lists(np.array([0, 0, 0, 1, 1]), np.array([0])),
)
LIMITS = Limits(250.0, 2.0, 0.1, 6.0, -1.0)
Vehicle = tuple[int, float, float, int, float, float]
"""(movement, distance [m], speed [m/s], lane, waited [s], room)."""
Sense = Callable[[list[Vehicle]], dict[str, list[float]]]


@pytest.fixture(params=["compiled", "py_func"])
def sense(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sense:
    function = kernels.sensed
    if request.param == "py_func":
        function = kernels.sensed.py_func
        for name in ("stop_lane", "nearest_first"):
            monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)

    def sensed(vehicles: list[Vehicle]) -> dict[str, list[float]]:
        movement, distance_m, speed_mps, lane, waited_s, room_veh = (
            np.array(c) for c in zip(*vehicles, strict=True)
        ) if vehicles else [np.zeros(0)] * 6  # fmt: skip
        read = Read(
            movement.astype(np.int64), distance_m.astype(float), speed_mps.astype(float), lane.astype(np.int64),
            waited_s[speed_mps < LIMITS.standing_mps].astype(float), room_veh[speed_mps < LIMITS.slow_mps].astype(float),
        )  # fmt: skip
        names = ("queue_veh", "wait_s", "exit_veh", "lane", "movement", "distance_m", "speed_mps")
        return {name: found.tolist() for name, found in zip(names, function(read, PLACES, LIMITS, 4, 2), strict=True)}

    return sensed


def test_nobody_adds_up_to_nothing(sense: Sense) -> None:
    found = sense([])
    assert [found[name] for name in ("queue_veh", "wait_s", "exit_veh")] == [[0.0] * 4] * 3
    assert [found[name] for name in ("lane", "movement", "distance_m", "speed_mps")] == [[]] * 4


def test_rows_come_by_lane_and_nearest_first(sense: Sense) -> None:
    rows = [
        (2, 60.0, 9.0, STOP_B, 0.0, 1.0),
        (0, 80.0, 9.0, STOP_A, 0.0, 1.0),
        (2, 20.0, 9.0, STOP_B, 0.0, 1.0),
        (0, 7.0, 3.0, STOP_A, 0.0, 1.0),
    ]
    found = sense(rows)
    assert (found["lane"], found["distance_m"], found["movement"]) == ([0, 0, 1, 1], [7.0, 80.0, 20.0, 60.0], [0, 0, 2, 2])


def test_at_the_same_distance_movement_and_then_speed_decide(sense: Sense) -> None:
    found = sense([(2, 9.0, 4.0, STOP_B, 0.0, 1.0), (1, 9.0, 8.0, STOP_B, 0.0, 1.0), (1, 9.0, 7.0, STOP_B, 0.0, 1.0)])
    assert (found["movement"], found["speed_mps"]) == ([1, 1, 2], [7.0, 8.0, 4.0])


@pytest.mark.parametrize(("lane", "to"), [(STOP_A, 0), (STOP_B, 1), (ELSEWHERE, 0), (EXIT, 0)])
def test_who_may_leave_from_several_lanes_heads_for_its_own_or_the_first(sense: Sense, lane: int, to: int) -> None:
    assert sense([(1, 30.0, 9.0, lane, 0.0, 1.0)])["lane"] == [to]


@pytest.mark.parametrize(
    "vehicle", [(0, 250.1, 0.0, STOP_A, 9.0, 1.0), (NONE, 5.0, 0.0, STOP_A, 9.0, 1.0), (3, 5.0, 0.0, STOP_A, 9.0, 1.0)]
)
def test_who_is_out_of_range_has_no_signal_ahead_or_no_stop_line_is_no_row(sense: Sense, vehicle: Vehicle) -> None:
    found = sense([vehicle])
    assert found["lane"] == []
    assert sum(found["queue_veh"]) == 0.0


def test_the_slow_queue_and_only_the_standing_wait(sense: Sense) -> None:
    found = sense(
        [
            (0, 9.0, 1.9, STOP_A, 7.0, 1.0),
            (0, 3.0, 0.05, STOP_A, 30.0, 1.0),
            (2, 3.0, 0.0, STOP_B, 50.0, 1.0),
            (2, 4.0, 2.0, STOP_B, 0.0, 1.0),
        ]
    )
    assert found["queue_veh"] == [2.0, 0.0, 1.0, 0.0]
    assert found["wait_s"] == [30.0, 0.0, 50.0, 0.0]


def test_who_is_slow_on_a_receiving_lane_takes_its_room_from_all_who_leave_onto_it(sense: Sense) -> None:
    found = sense([(NONE, 0.0, 1.0, EXIT, 0.0, 1.0), (NONE, 0.0, 0.0, EXIT, 4.0, 2.5), (NONE, 0.0, 5.0, EXIT, 0.0, 1.0)])
    assert found["exit_veh"] == [3.5, 3.5, 0.0, 0.0]


@pytest.mark.parametrize(("speed_mps", "row", "stands"), [(0.0, True, True), (5.9, True, False), (6.0, False, False)])
def test_who_is_slow_inside_is_behind_the_line_and_if_it_stands_in_the_queue(
    sense: Sense, speed_mps: float, row: bool, stands: bool
) -> None:
    found = sense([(0, 100.0, speed_mps, INSIDE_2, 12.0, 1.5)])
    assert found["distance_m"] == [100.0, *([-1.0] if row else [])]
    assert found["movement"] == [0, *([2] if row else [])]
    assert (found["queue_veh"][2], found["wait_s"][2], found["exit_veh"][0]) == ((1.0, 12.0, 1.5) if stands else (0.0, 0.0, 0.0))
