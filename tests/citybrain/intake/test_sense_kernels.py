"""The kernels do the same compiled and uncompiled."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from citybrain.intake import sense_kernels

INT, SINGLE = np.int32, np.float32
Arguments = Callable[[], tuple[Any, ...]]


def samples() -> tuple[Any, ...]:
    """Two sensors: one newer, one old, one late, one impossible, one of nobody."""
    sensor, at_s = np.array([0, 0, 1, 1, 9], INT), np.array([5.0, 4.0, 6.0, 7.0, 5.0])
    return sensor, at_s, np.array([1, 2, 3, -1, 5], SINGLE), True, np.zeros(2), np.zeros(2, SINGLE), np.zeros(2, SINGLE)


def links(longest: bool) -> Arguments:
    """Three movements: of two known sensors, of one known and one not, of none."""

    def made() -> tuple[Any, ...]:
        sensor, movement, share = np.array([0, 1, 0, 2], INT), np.array([0, 0, 1, 1], INT), np.array([0.5, 1, 1, 1], SINGLE)
        return longest, sensor, movement, share, np.array([4, 3, 9], SINGLE), np.array([True, True, False]), 3

    return made


def snapshots() -> tuple[Any, ...]:
    """One of two vehicles that come in the wrong order, one of no signal, one that is old."""
    signal, at_s, vehicles = np.array([1, 7, 0], INT), np.array([5.0, 5.0, -1.0]), np.array([2, 1, 1], INT)
    rows = np.array([3, 2, 0, 0], INT), np.array([3, 3, 0, 0], INT), np.array([9, 3, 1, 1], SINGLE), np.array([1, 1, 1, 1], SINGLE)
    kept = np.zeros(4, INT), np.zeros(4, INT), np.zeros(4, SINGLE), np.zeros(4, SINGLE)
    memory = np.zeros(2), np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)
    return signal, at_s, vehicles, *rows, *memory, 0, *kept, np.array([0, 2, 4]), np.array([0, 2, 4])


def view() -> tuple[Any, ...]:
    """One signal that is told, of two."""
    kept = np.array([1, 2, 3], INT), np.array([4, 5, 6], INT), np.array([7, 8, 9], SINGLE), np.array([1, 2, 3], SINGLE)
    return np.array([False, True]), np.array([0, 1]), np.array([1, 2]), *kept


def slow() -> tuple[Any, ...]:
    """Vehicles of two movements, one of them fast."""
    return np.array([1, 1, 0]), np.array([0.0, 1.9, 2.0]), 2


def times() -> tuple[Any, ...]:
    """Known now and before, known now only, silent for long, not believed, of a clock that went back."""
    last_s = np.array([100.0, 99.0, 90.0, 100.0, 200.0])
    doubted, whole = np.array([False, False, False, True, False]), np.array([True, False, True, True, True])
    return 100.0, 105.0, last_s, np.full(5, 3.0), doubted, whole


def wrong() -> tuple[Any, ...]:
    """Nothing; silent for longer than a minute; within three of its long periods; stuck and silent; stuck and impossible."""
    last_s, period_s = np.array([100.0, 30.0, 30.0, 0.0, 100.0]), np.array([1, 1, 60, 1, 1], SINGLE)
    stuck, impossible = np.array([False, False, False, True, True]), np.array([False, False, False, False, True])
    return 100.0, last_s, period_s, 60.0, np.uint8(1), (stuck, np.uint8(2)), (impossible, np.uint8(3))


KERNELS: dict[str, list[tuple[Arguments, str]]] = {
    "take_samples": [(samples, "None")],
    "heard": [(times, "[True, False, False, False, False]")],
    "flagged": [(wrong, "[0, 1, 0, 2, 3]")],
    "told": [(links(False), "[5.0, nan, nan]"), (links(True), "[4.0, nan, nan]")],
    "take_views": [(snapshots, "(2, 0)")],
    "in_view": [(view, "([2, 3], [5, 6], [8.0, 9.0], [2.0, 3.0])")],
    "slow_vehicles": [(slow, "[0.0, 2.0]")],
}
CASES = [(name, made, result) for name, cases in KERNELS.items() for made, result in cases]


def shown(result: Any) -> str:
    """As text, arrays as lists."""
    if isinstance(result, tuple):
        return f"({', '.join(map(shown, result))})"
    return str(result.tolist() if isinstance(result, np.ndarray) else result)


@pytest.mark.parametrize(("name", "made", "result"), CASES)
def test_a_kernel_says_what_was_worked_out_by_hand_and_leaves_the_same_behind_uncompiled(name: str, made: Arguments, result: str) -> None:
    kernel = getattr(sense_kernels, name)
    left = []
    for function in (kernel, kernel.py_func):
        arguments = made()
        assert shown(function(*arguments)) == result
        left.append(shown(tuple(arguments)))
    assert left[0] == left[1]


def test_samples_leave_the_newest_value_its_time_and_what_came() -> None:
    *_, last_s, value, pending = arguments = samples()
    sense_kernels.take_samples(*arguments)
    assert (last_s.tolist(), value.tolist(), pending.tolist()) == ([5.0, 6.0], [1.0, 3.0], [3.0, 3.0])


def test_every_kernel_is_tested() -> None:
    found = {name for name, one in vars(sense_kernels).items() if hasattr(one, "py_func")}
    assert found == set(KERNELS)
