"""The kernel's columns against numbers worked by hand, compiled and as plain Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rl import features

KERNELS: dict[str, Callable[[Any], Any]] = {"compiled": lambda f: f, "python": lambda f: f.py_func}


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return KERNELS[request.param]


@pytest.mark.parametrize(
    ("distance_m", "column"),
    [
        (0.0, features.ARRIVING_5),
        (49.9, features.ARRIVING_5),
        (50.0, features.ARRIVING_10),
        (150.0, features.ARRIVING_20),
        (399.0, features.ARRIVING_40),
        (400.0, -1),
    ],
)
def test_a_vehicle_falls_into_the_band_of_its_free_travel_time(kernel: Callable[[Any], Any], distance_m: float, column: int) -> None:
    assert kernel(features.band)(distance_m, 10.0) == column


def test_an_unknown_value_counts_as_nothing(kernel: Callable[[Any], Any]) -> None:
    assert kernel(features.known)(np.nan) == 0.0
    assert kernel(features.known)(3.0) == 3.0


def test_prices_become_excess_over_the_cheapest_and_an_unpriced_phase_is_forbidden(
    kernel: Callable[[Any], Any],
) -> None:
    rows = np.zeros((3, features.WIDTH))
    kernel(features.price_columns)(rows, 3, np.array([150.0, np.nan, 100.0]), 0, 20.0)
    assert rows[:, features.ALLOWED].tolist() == [1.0, 0.0, 1.0]
    assert rows[:, features.EXCESS].tolist() == [1.0, 0.0, 0.0]
    assert rows[:, features.CHEAPEST].tolist() == [0.0, 0.0, 1.0]
    assert rows[:, features.LEAST_PRICE].tolist() == [0.1, 0.1, 0.1]


def test_without_any_price_only_the_running_phase_may_go_on(kernel: Callable[[Any], Any]) -> None:
    rows = np.zeros((3, features.WIDTH))
    kernel(features.price_columns)(rows, 3, np.full(3, np.nan), 1, -2.0)
    assert rows[:, features.ALLOWED].tolist() == [0.0, 1.0, 0.0]
    assert rows[:, features.LEAST_PRICE].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("code", "filled"),
    [
        (features.NOT, {"QUEUE_LEFT": 0.4, "FLOW_LEFT": 0.5, "WAIT_LEFT": 0.5, "QUEUE_LOST": 0.4}),
        (features.PERMISSIVE, {"QUEUE_PERMISSIVE": 0.4, "EXIT_FULL": 0.4, "EXIT_SHARE": 0.9}),
        (
            features.PROTECTED,
            {"QUEUE_PROTECTED": 0.4, "PROTECTED_SHARE": 1.0, "RED_SERVED": 0.5, "FORECAST_KNOWN": 1.0},
        ),
    ],
)
def test_a_movement_adds_to_the_columns_of_how_it_is_served(kernel: Callable[[Any], Any], code: int, filled: dict[str, float]) -> None:
    row = np.zeros(features.WIDTH)
    one = [np.array([x]) for x in (4.0, 30.0, 60.0, 18.0, 20.0, 900.0)]
    kernel(features.movement_columns)(row, code, features.PROTECTED, 0, *one, True)
    for name, value in filled.items():
        assert row[getattr(features, name)] == pytest.approx(value), name
    assert (row[features.QUEUE_LEFT] > 0.0) == (code == features.NOT)


def test_the_compiled_kernels_and_plain_python_give_the_same_rows(kernel: Callable[[Any], Any]) -> None:
    rows = np.zeros((2, features.WIDTH))
    serves = np.array([[2, 0], [0, 1]])
    lane, movement = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    distance_m, speed_mps = np.array([5.0, 30.0, 6.0, 120.0]), np.array([0.0, 8.0, 0.0, 12.0])
    kernel(features.vehicle_columns)(rows, 2, serves, 0, 0, 4, 0, lane, movement, distance_m, speed_mps, np.full(2, 12.0), 0, np.zeros(2))
    assert rows[0, features.QUEUE_LONGEST] == pytest.approx(0.1)
    assert rows[0, features.PASSING] == pytest.approx(0.2)
    assert rows[0, features.ARRIVING_5] == pytest.approx(0.2)
    assert rows[1, features.ARRIVING_LOST] == pytest.approx(0.2)
    assert rows[1, features.ARRIVING_20] == pytest.approx(0.2)
    assert rows[:, features.IN_RANGE].tolist() == [0.1, 0.1]
