"""Claims about what neighbours release: arrivals in order, by turning shares, compiled and not."""

from collections.abc import Callable

import numpy as np
import pytest

from signals.kernels.neighbours import Coming, Ways, released

Release = Callable[..., Coming]
WAYS = Ways(
    start=np.array([0, 2, 3]),
    lane=np.array([0, 1, 1]),
    movement=np.array([4, 5, 6]),
    travel_s=np.array([20.0, 20.0, 10.0]),
    share=np.array([0.75, 0.25, 1.0]),
)


@pytest.mark.parametrize("function", [released, released.py_func], ids=["compiled", "py_func"])
def test_departures_arrive_split_by_turning_shares_and_in_order(function: Release) -> None:
    coming = function(np.array([0, 1]), np.array([5.0, 9.0]), np.array([1.0, 0.5]), WAYS, 2, 60.0)
    assert coming.start.tolist() == [0, 1, 3]
    assert coming.arrival_s.tolist() == [25.0, 19.0, 25.0]
    assert coming.movement.tolist() == [4, 6, 5]
    assert coming.weight.tolist() == [0.75, 0.5, 0.25]


@pytest.mark.parametrize("function", [released, released.py_func], ids=["compiled", "py_func"])
def test_who_does_not_leave_or_arrives_after_the_horizon_is_left_out(function: Release) -> None:
    coming = function(np.array([0, 1, 1]), np.array([np.inf, 49.0, 51.0]), np.ones(3), WAYS, 2, 60.0)
    assert coming.start.tolist() == [0, 0, 1]
    assert coming.arrival_s.tolist() == [59.0]


def test_no_vehicle_is_made_or_lost_on_the_way() -> None:
    rng = np.random.default_rng(3)
    weight = rng.uniform(0.1, 1.0, 50)
    coming = released(rng.integers(0, 2, 50), rng.uniform(0.0, 30.0, 50), weight, WAYS, 2, 60.0)
    assert coming.weight.sum() == pytest.approx(weight.sum())
    for k in range(2):
        assert (np.diff(coming.arrival_s[coming.start[k] : coming.start[k + 1]]) >= 0.0).all()
