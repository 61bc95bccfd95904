"""Actuation kernels: who calls, when a lane gaps out, which phase comes next."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from signals.kernels import actuation
from signals.types import Ints

NAN, INF = float("nan"), float("inf")
COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])
RING: Ints = np.array([[0, 1, 2, 3]], dtype=np.int64)
SIZE: Ints = np.array([4], dtype=np.int64)
SERVES: Ints = np.array([[[2, 1, 0], [0, 2, 0], [0, 0, 2], [0, 0, 0]]], dtype=np.int64)
"""Through with permissive left, left, the cross street, nobody."""


def kernel(name: str, plain: bool) -> Callable[..., Any]:
    """A kernel of the module; as plain Python the kernels below it stay compiled."""
    function = getattr(actuation, name)
    chosen: Callable[..., Any] = function.py_func if plain else function
    return chosen


@COMPILED_AND_PLAIN
def test_who_queues_or_is_near_calls_and_a_silent_sensor_calls_always(plain: bool) -> None:
    movement, distance_m = np.array([1, 3]), np.array([39.0, 41.0])
    found = kernel("calling", plain)(np.array([2.0, 0.0, NAN, 0.0]), movement, distance_m, 40.0)
    assert found.tolist() == [True, True, True, False]


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("codes", "green_s", "speed_mps", "gap_s"),
    [
        ([2, 2], 10.0, 5.0, 1.5),
        ([1, 2], 10.0, 5.0, 1.5),
        ([0, 2], 10.0, 5.0, INF),  # the first vehicle has red and holds back the second
        ([2, 2], 10.0, 0.0, 1.5),  # still starting up
        ([2, 2], 40.0, 0.0, INF),  # stands in spite of its green: blocked
    ],
)
def test_a_lane_gaps_by_its_first_vehicle(codes: list[int], green_s: float, speed_mps: float, gap_s: float, plain: bool) -> None:
    found = kernel("lane_gaps_s", plain)(
        2, np.array([0, 0]), np.array([0, 1]), np.array([8.0, 30.0]), np.array([speed_mps, 9.0]), np.array([1.5, 3.0]),
        np.array(codes), np.full(2, green_s), 30.0,
    )  # fmt: skip
    assert found.tolist() == [gap_s, INF]


@COMPILED_AND_PLAIN
def test_of_lanes_in_green_together_the_last_to_gap_out_decides(plain: bool) -> None:
    found = kernel("shortest_gaps_s", plain)(np.array([5.0, 2.0, INF, 4.0]), np.array([0, 3, 3, 4]))
    assert found.tolist() == [2.0, INF, 4.0]


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(("stage", "phase", "reached"), [(0, 0, 0), (0, 2, 2), (3, 2, 2), (1, 9, 1)])
def test_the_stage_follows_the_running_phase_round_the_ring(stage: int, phase: int, reached: int, plain: bool) -> None:
    found = kernel("stage_reached", plain)(np.array([stage]), np.array([phase]), RING, SIZE)
    assert found.tolist() == [reached]


@COMPILED_AND_PLAIN
def test_a_phase_that_the_ring_shows_twice_is_met_at_the_next_of_its_stages(plain: bool) -> None:
    ring: Ints = np.array([[0, 1, 0, 2]], dtype=np.int64)
    assert kernel("stage_reached", plain)(np.array([1]), np.array([0]), ring, SIZE).tolist() == [2]


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("called", "following"),
    [
        ([False, True, True], 1),  # a left turn that yields calls the phase that protects it
        ([True, False, True], 2),  # nobody turns left: its phase is skipped
        ([True, False, False], 0),  # nobody else calls: rest
    ],
)
def test_phases_without_a_call_are_skipped(called: list[bool], following: int, plain: bool) -> None:
    assert kernel("next_called", plain)(0, 0, 0, np.array(called), RING, SIZE, SERVES) == following


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("age_s", "gap_s", "recall_s", "wanted"),
    [
        (20.0, 2.0, 0.0, 0),  # somebody comes within the passage time
        (20.0, 3.5, 0.0, 2),  # gap-out
        (50.0, 2.0, 0.0, 2),  # max-out
        (20.0, INF, 25.0, 0),  # on recall
        (26.0, INF, 25.0, 2),
        (60.0, INF, 80.0, 2),  # not past the maximum
    ],
)
def test_a_green_goes_on_until_it_gaps_out_or_maxes_out(age_s: float, gap_s: float, recall_s: float, wanted: int, plain: bool) -> None:
    found = kernel("actuated_phases", plain)(
        np.array([0]), np.array([age_s]), np.array([0]), np.array([gap_s]), np.array([True, False, True]), 3.0, np.array([50.0]),
        np.array([recall_s]), RING, SIZE, SERVES, np.array([0, 3]),
    )  # fmt: skip
    assert found.tolist() == [wanted]
