"""Max pressure: weights by queue difference and room, phases by the sum of their weights."""

from collections.abc import Callable

import numpy as np
import pytest

from signals.kernels import pressure
from signals.types import Floats, Ints

NAN = float("nan")
COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])


def kernel(name: str, plain: bool) -> Callable[..., Floats]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(pressure, name)
    chosen: Callable[..., Floats] = function.py_func if plain else function
    return chosen


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("queue", "ahead", "lanes", "room", "weight"),
    [
        (8.0, 0.0, 1.0, 20.0, 4.0),  # 8 vehicles at 0.5 / s
        (8.0, 6.0, 2.0, 20.0, 2.5),  # 3 a lane ahead
        (3.0, 6.0, 1.0, 20.0, 0.0),  # more ahead than here: nothing to gain, and nothing to fear
        (30.0, 19.0, 1.0, 20.0, 0.0),  # the exit is full
        (30.0, 18.5, 4.0, 20.0, 12.6875),
        (5.0, 0.0, 1.0, 0.3, 2.5),  # an exit of two metres is full only when somebody stands in it
        (5.0, 1.0, 1.0, 0.3, 0.0),
        (5.0, NAN, 1.0, 20.0, 2.5),
        (NAN, 0.0, 1.0, 20.0, NAN),
    ],
)
def test_a_movement_weighs_its_queue_less_what_stands_ahead(
    queue: float, ahead: float, lanes: float, room: float, weight: float, plain: bool
) -> None:
    columns = [np.array([x]) for x in (queue, ahead, lanes, room, 1800.0)]
    np.testing.assert_allclose(kernel("movement_weights", plain)(*columns), [weight])


@COMPILED_AND_PLAIN
def test_a_phase_has_the_weights_of_the_movements_it_serves(plain: bool) -> None:
    serves: Ints = np.array([[[2, 0, 1], [0, 2, 0]], [[2, 0, 0], [0, 0, 0]]], dtype=np.int64)
    weights, phases, starts = np.array([1.0, 2.0, 4.0, 8.0]), np.array([2, 1]), np.array([0, 3, 4])
    found = kernel("phase_pressures", plain)(weights, serves, phases, starts)
    np.testing.assert_array_equal(found, [[5.0, 2.0], [8.0, NAN]])


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("pressures", "running", "chosen"),
    [
        ([1.0, 3.0, 2.0], 0, 1),
        ([3.0, 3.0, 2.0], 1, 1),
        ([3.0, 3.0, 3.0], 2, 2),
        ([0.0, 0.0, 0.0], 1, 1),
        ([1.0, NAN, 2.0], 0, -1),
        ([NAN, NAN, NAN], 0, -1),
    ],
)
def test_the_strongest_phase_wins_and_a_tie_keeps_the_running_one(pressures: list[float], running: int, chosen: int, plain: bool) -> None:
    found = kernel("strongest_phases", plain)(np.array([pressures]), np.array([3]), np.array([running]))
    assert found.tolist() == [chosen]


@COMPILED_AND_PLAIN
def test_phases_past_a_signals_own_are_never_chosen(plain: bool) -> None:
    found = kernel("strongest_phases", plain)(np.array([[1.0, 2.0, NAN]]), np.array([2]), np.array([0]))
    assert found.tolist() == [1]


@COMPILED_AND_PLAIN
def test_who_rolls_up_within_reach_counts_like_the_queue(plain: bool) -> None:
    movement = np.array([0, 0, 1, 1, 1])
    distance_m, speed_mps = np.array([80.0, 120.0, 5.0, 100.0, 101.0]), np.array([10.0, 10.0, 1.0, 10.0, 10.0])
    found = kernel("in_reach_veh", plain)(np.array([2.0, 1.0, NAN]), movement, distance_m, speed_mps, 10.0)
    # 80 m at 10 m/s counts, 120 m does not; who crawls is in the queue already.
    np.testing.assert_array_equal(found, [3.0, 2.0, NAN])
