"""Max pressure kernels: who counts, who is held back, what a change is worth, and the junction cleared before it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from signals.kernels import pressure
from signals.types import Floats, Ints

NAN = float("nan")
COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])


def kernel(name: str, plain: bool) -> Callable[..., Any]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(pressure, name)
    chosen: Callable[..., Any] = function.py_func if plain else function
    return chosen


@COMPILED_AND_PLAIN
def test_a_queue_counts_whole_and_who_rolls_the_less_the_later_it_comes(plain: bool) -> None:
    distance_m, speed_mps = np.array([80.0, 50.0, 200.0, 300.0]), np.array([1.0, 10.0, 10.0, 10.0])
    np.testing.assert_allclose(kernel("position_weights", plain)(distance_m, speed_mps, 20.0), [1.0, 0.75, 0.0, 0.0])


@COMPILED_AND_PLAIN
def test_a_queue_that_is_not_seen_vehicle_by_vehicle_is_not_lost(plain: bool) -> None:
    found = kernel("unplaced_veh", plain)(np.array([3.0, 1.0, 0.0, NAN]), np.array([0, 1, 2]), np.array([0.0, 1.0, 0.0]))
    np.testing.assert_array_equal(found, [2.0, 0.0, 0.0, NAN])


LANES, MOVEMENTS = np.array([0, 0, 0, 1]), np.array([0, 1, 0, 2])
"""Lane 0 is shared: through, left, through; in lane 1 stands one of movement 2."""


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("served", "stuck", "full", "found"),
    [
        ([2, 2, 0], [0, 0, 0, 0], [0, 0, 0], [2.0, 1.0, 0.0]),
        ([2, 0, 2], [0, 0, 0, 0], [0, 0, 0], [1.0, 0.0, 1.0]),  # the left turner at red holds back who stands behind it
        ([0, 2, 0], [0, 0, 0, 0], [0, 0, 0], [0.0, 0.0, 0.0]),  # and is itself held back by who stands before it
        ([2, 1, 0], [0, 0, 0, 0], [0, 0, 0], [1.5, 0.5, 0.0]),  # yielding, it lets half of it through
        ([2, 2, 2], [1, 0, 0, 0], [0, 0, 0], [0.0, 0.0, 1.0]),  # blocked in spite of green
        ([2, 2, 2], [0, 0, 0, 0], [0, 1, 1], [1.0, 0.0, 0.0]),  # no room on the exits
    ],
)
def test_only_who_is_not_held_back_counts(served: list[int], stuck: list[int], full: list[int], found: list[float], plain: bool) -> None:
    usable = kernel("usable_veh", plain)(
        np.array(served), np.zeros(3), LANES, MOVEMENTS, np.ones(4), np.array(stuck) > 0, np.array(full) > 0, 0.5
    )
    np.testing.assert_allclose(usable, found)


@COMPILED_AND_PLAIN
def test_unplaced_vehicles_count_where_there_is_green_and_room(plain: bool) -> None:
    none: Ints = np.zeros(0, dtype=np.int64)
    full = np.array([False, False, True, False])
    usable = kernel("usable_veh", plain)(
        np.array([2, 1, 2, 0]), np.array([4.0, 4.0, 4.0, NAN]), none, none, np.zeros(0), none > 0, full, 0.5
    )
    np.testing.assert_allclose(usable, [4.0, 2.0, 0.0, 0.0])


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("distance_m", "speed_mps", "green_s", "stuck"),
    [(3.0, 0.0, 20.0, True), (3.0, 0.0, 5.0, False), (3.0, 1.0, 20.0, False), (30.0, 0.0, 20.0, False), (3.0, 0.0, 0.0, False)],
)
def test_who_stands_at_the_line_under_a_long_green_is_stuck(
    distance_m: float, speed_mps: float, green_s: float, stuck: bool, plain: bool
) -> None:
    columns = np.array([0]), np.array([distance_m]), np.array([speed_mps]), np.array([green_s])
    assert kernel("stuck_vehicles", plain)(*columns, 10.0).tolist() == [stuck]


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("ahead", "room", "full"), [(19.0, 20.0, True), (18.5, 20.0, False), (0.0, 0.3, False), (1.0, 0.3, True), (NAN, 20.0, False)]
)
def test_an_exit_is_full_to_within_one_vehicle(ahead: float, room: float, full: bool, plain: bool) -> None:
    assert kernel("full_exits", plain)(np.array([ahead]), np.array([room])).tolist() == [full]


def two_signals(unplaced: Floats, ahead_veh: Floats, plain: bool) -> Floats:
    """Pressures of a signal with 3 movements and 2 phases beside one with 1 and 1, at 0.5 vehicles a second."""
    serves: Ints = np.array([[[2, 0, 1], [0, 2, 0]], [[2, 0, 0], [0, 0, 0]]], dtype=np.int64)
    lane, movement = np.array([0, 2]), np.array([0, 3])  # one vehicle each in the first lane of either signal
    found: Floats = kernel("phase_pressures", plain)(
        unplaced, lane, movement, np.ones(2), np.zeros(2, dtype=np.bool_), np.zeros(4, dtype=np.bool_), ahead_veh,
        np.full(4, 1800.0), serves, np.array([2, 1]), np.array([0, 3, 4]), np.array([0, 2, 3]), 0.5,
    )  # fmt: skip
    return found


@COMPILED_AND_PLAIN
def test_a_phase_has_the_pressure_of_the_movements_it_serves(plain: bool) -> None:
    found = two_signals(np.array([3.0, 2.0, 4.0, 0.0]), np.zeros(4), plain)
    np.testing.assert_allclose(found, [[3.0, 1.0], [0.5, NAN]])  # (1 + 3 + 0.5 * 4) * 0.5; 2 * 0.5; 1 * 0.5


@COMPILED_AND_PLAIN
def test_what_stands_ahead_is_taken_off_but_nobody_pushes_back(plain: bool) -> None:
    found = two_signals(np.array([3.0, 2.0, 4.0, 0.0]), np.array([3.0, 9.0, 0.0, 0.0]), plain)
    np.testing.assert_allclose(found, [[1.5, 0.0], [0.5, NAN]])


@COMPILED_AND_PLAIN
def test_an_unknown_queue_makes_the_pressure_of_its_phase_unknown(plain: bool) -> None:
    found = two_signals(np.array([3.0, NAN, 4.0, 0.0]), np.zeros(4), plain)
    np.testing.assert_allclose(found, [[3.0, NAN], [0.5, NAN]])


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("pressures", "running", "worth", "chosen"),
    [
        ([1.0, 3.0, 2.0], 0, 1.0, 1),
        ([3.0, 3.0, 2.0], 1, 1.0, 1),
        ([0.0, 0.0, 0.0], 1, 1.0, 1),
        ([1.0, NAN, 2.0], 0, 1.0, -1),
        ([3.0, 5.0, 2.0], 0, 0.5, 0),  # the change would cost more than it gains
        ([2.0, 5.0, 2.0], 0, 0.5, 1),
    ],
)
def test_the_strongest_phase_wins_where_it_is_worth_the_change(
    pressures: list[float], running: int, worth: float, chosen: int, plain: bool
) -> None:
    found = kernel("strongest_phases", plain)(np.array([pressures]), np.array([3]), np.array([running]), np.full((1, 3), worth))
    assert found.tolist() == [chosen]


@COMPILED_AND_PLAIN
def test_phases_past_a_signals_own_are_never_chosen(plain: bool) -> None:
    found = kernel("strongest_phases", plain)(np.array([[1.0, 2.0, NAN]]), np.array([2]), np.array([0]), np.ones((1, 3)))
    assert found.tolist() == [1]


@COMPILED_AND_PLAIN
def test_shares_of_green_follow_the_pressures_and_leave_nobody_out(plain: bool) -> None:
    shares = kernel("logit_shares", plain)
    even, expected = np.ones(3), np.exp([1.5, 0.5, 0.0])
    np.testing.assert_allclose(shares(even, np.array([3.0, 1.0, 0.0]), 2.0), expected / expected.sum())
    np.testing.assert_allclose(shares(np.array([0.3, 0.1]), np.zeros(2), 2.0), [0.75, 0.25])  # nothing queues: as Webster
    np.testing.assert_allclose(shares(np.zeros(4), np.zeros(4), 2.0), 0.25)
    assert np.isnan(shares(np.ones(2), np.array([1.0, NAN]), 2.0)).all()


@COMPILED_AND_PLAIN
def test_who_turned_into_a_gap_is_remembered_until_a_protected_green_or_for_a_while(plain: bool) -> None:
    before, counts, codes = np.array([4.0, 4.0, 4.0, 0.0]), np.array([1.0, 1.0, 0.0, NAN]), np.array([1, 2, 0, 1])
    found = kernel("inside_veh", plain)(before, counts, codes, 10.0 * np.log(2.0))
    np.testing.assert_allclose(found, [3.0, 0.0, 2.0, 0.0])


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("wanted", "inside", "chosen"),
    [
        (2, [0.0, 2.0, 0.0], 1),  # the left turners are let out before the cross street starts
        (2, [0.0, 1.0, 0.0], 2),  # one alone finds its way
        (2, [5.0, 0.0, 0.0], 2),  # protected traffic does not wait inside
        (0, [0.0, 5.0, 0.0], 0),  # no change
        (-1, [0.0, 5.0, 0.0], -1),
    ],
)
def test_before_a_change_the_junction_is_cleared(wanted: int, inside: list[float], chosen: int, plain: bool) -> None:
    serves: Ints = np.array([[[2, 1, 0], [0, 2, 0], [0, 0, 2]]], dtype=np.int64)
    found = kernel("clearing_phases", plain)(
        np.array([wanted]), np.array([0]), np.array(inside), serves, np.array([3]), np.array([0, 3]), 2.0
    )
    assert found.tolist() == [chosen]
