"""Who waits too long: the order of rescue, and the moment from which it cannot be put off."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from signals.kernels import overdue

COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])
# Three phases: 0 serves movements 0 and 1, phase 1 serves 2 (protected), phase 2 serves 2 (permissive) and 3.
SERVES = np.array([[[2, 2, 0, 0], [0, 0, 2, 0], [0, 0, 1, 2]]], dtype=np.int64)


def kernel(name: str, plain: bool) -> Callable[..., Any]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(overdue, name)
    chosen: Callable[..., Any] = function.py_func if plain else function
    return chosen


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("phase", "red_s", "order", "asking_s"),
    [
        (0, [9.0, 9.0, 0.0, 0.0], [-1, -1, -1], [0.0, 0.0, 0.0]),  # whom the running phase serves does not wait
        (0, [0.0, 0.0, 50.0, 40.0], [1, 2, -1], [50.0, 40.0, 0.0]),  # protected before permissive
        (0, [0.0, 0.0, 40.0, 50.0], [2, -1, -1], [50.0, 0.0, 0.0]),  # phase 2 helps both
        (1, [30.0, 70.0, 0.0, 40.0], [0, 2, -1], [70.0, 40.0, 0.0]),
        (2, [np.inf, 10.0, 0.0, 0.0], [0, -1, -1], [np.inf, 0.0, 0.0]),
    ],
)
def test_the_longest_red_is_served_first(phase: int, red_s: list[float], order: list[int], asking_s: list[float], plain: bool) -> None:
    found = kernel("rescue_order", plain)(np.array([phase]), np.array(red_s), SERVES, np.array([3]), np.array([0, 4], dtype=np.int64))
    assert found[0].tolist() == [order]
    assert found[1].tolist() == [asking_s]


@COMPILED_AND_PLAIN
def test_the_best_phase_helps_the_most_and_nobody_serves_the_unserved(plain: bool) -> None:
    serves = np.array([[2, 0, 0], [2, 2, 0]], dtype=np.int64)
    best = kernel("best_phase", plain)
    assert best(0, np.array([5.0, 4.0, 0.0]), serves) == 1
    assert best(0, np.array([5.0, 0.0, 0.0]), serves) == 0
    assert best(2, np.array([0.0, 0.0, 9.0]), serves) == -1


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("first_s", "second_s", "age_s", "forced"),
    [
        (267.0, 50.0, 10.0, -1),  # 30 s for a decision and 3 s of intergreen: green at 300 s
        (268.0, 50.0, 10.0, 1),
        (np.inf, 50.0, 10.0, 1),
        (258.0, 257.0, 10.0, -1),  # the second is green 13 s later: 30 + 3 + 7 + 3 = 43
        (259.0, 258.0, 10.0, 1),  # served after the first, the second would be late
        (10.0, 5.0, 290.0, -1),
        (10.0, 5.0, 291.0, 1),  # the running green is at its maximum
        (10.0, 5.0, float("nan"), 1),
    ],
)
def test_a_phase_is_forced_when_it_cannot_be_put_off(first_s: float, second_s: float, age_s: float, forced: int, plain: bool) -> None:
    intergreen_s = 3.0 * (1.0 - np.eye(3))[None]
    found = kernel("forced_phases", plain)(
        np.array([[1, 2, -1]]),
        np.array([[first_s, second_s, 0.0]]),
        np.array([0]),
        np.array([age_s]),
        intergreen_s,
        np.full((1, 3), 7.0),
        np.array([30.0]),
        np.array([290.0]),
        np.array([300.0]),
    )
    assert found.tolist() == [forced]


@COMPILED_AND_PLAIN
def test_nobody_waiting_forces_nothing_however_old_the_green(plain: bool) -> None:
    nothing = np.full((1, 3), -1)
    found = kernel("forced_phases", plain)(
        nothing, np.zeros((1, 3)), np.array([0]), np.array([999.0]), np.zeros((1, 3, 3)), np.zeros((1, 3)),
        np.array([30.0]), np.array([290.0]), np.array([300.0]),
    )  # fmt: skip
    assert found.tolist() == [-1]
