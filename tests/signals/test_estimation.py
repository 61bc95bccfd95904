"""Claims about vehicles carried on unseen, compiled and as Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from signals.kernels import estimation as est

LIMIT_MPS = np.array([10.0])
ALWAYS = np.array([[1.0]])
NONE = np.zeros(1, dtype=np.bool_)
SOME = np.ones(1, dtype=np.bool_)
BOTH = pytest.mark.parametrize("way", [lambda kernel: kernel, lambda kernel: kernel.py_func], ids=["compiled", "python"])
Way = Callable[[Any], Any]


def lane(*vehicles: tuple[float, float], loop: int = -1, loop_m: float = -np.inf) -> tuple[Any, Any]:
    """One lane with vehicles at (distance [m], speed [m/s])."""
    count, vehicle = np.zeros(1, dtype=np.int64), np.zeros((1, 8, est.FIELDS))
    for distance_m, speed_mps in vehicles:
        est.insert(count, vehicle, 0, distance_m, speed_mps, 0.5, loop, loop_m)
    return count, vehicle


def seconds(
    n: int, state: tuple[Any, Any], lit: Any, watched: Any = NONE, busy: Any = NONE, covered: Any = NONE, way: Way = lambda k: k
) -> int:
    """Play some seconds; how many left unseen."""
    return sum(int(way(est.advance)(*state, LIMIT_MPS, ALWAYS, lit.reshape(1, 1), watched, busy, covered)[0]) for _ in range(n))


@BOTH
def test_the_safe_speed_is_krauss(way: Way) -> None:
    # 20 m behind a standing leader at 10 m/s: 20 / (10 / 9 + 1)
    assert way(est.safe_speed_mps)(20.0, 0.0, 10.0) == pytest.approx(20.0 / (10.0 / 9.0 + 1.0))
    assert way(est.safe_speed_mps)(-3.0, 0.0, 0.0) == 0.0


@BOTH
def test_at_green_an_unwatched_vehicle_leaves_and_at_red_it_stops_at_the_line(way: Way) -> None:
    assert seconds(6, lane((50.0, 10.0)), SOME, way=way) == 1
    count, vehicle = state = lane((50.0, 10.0))
    assert seconds(30, state, NONE, way=way) == 0
    assert count[0] == 1
    assert 0.0 <= vehicle[0, 0, est.DISTANCE] < 1.5
    assert vehicle[0, 0, est.SPEED] < 0.5


@BOTH
def test_followers_keep_their_room(way: Way) -> None:
    count, vehicle = state = lane((20.0, 10.0), (40.0, 10.0), (60.0, 10.0))
    seconds(40, state, NONE, way=way)
    gaps_m = np.diff(vehicle[0, : count[0], est.DISTANCE])
    assert (gaps_m > est.SPACE_M - 0.01).all()
    assert (gaps_m < est.SPACE_M + 1.5).all()


@BOTH
def test_a_watched_vehicle_is_never_let_go_by_the_model_and_forgotten_when_it_does_not_come(way: Way) -> None:
    count, _ = state = lane((5.0, 10.0))
    assert seconds(int(est.PATIENCE_S), state, SOME, watched=SOME, way=way) == 0
    assert count[0] == 1
    assert seconds(3, state, SOME, watched=SOME, way=way) == 0
    assert count[0] == 0


@BOTH
def test_who_stands_on_the_stop_loop_is_kept(way: Way) -> None:
    count, _ = state = lane((5.0, 0.0))
    seconds(30, state, NONE, watched=SOME, covered=SOME, way=way)
    assert count[0] == 1


@BOTH
@pytest.mark.parametrize(("busy", "kept"), [(NONE, 0), (SOME, 1)])
def test_nobody_is_carried_over_a_working_loop_and_who_queues_on_it_is_kept(busy: Any, kept: int, way: Way) -> None:
    count, vehicle = state = lane((60.0, 10.0), loop=0, loop_m=45.0)
    seconds(4, state, SOME, busy=busy, way=way)
    assert vehicle[0, 0, est.DISTANCE] == 45.0
    seconds(10, state, SOME, busy=busy, way=way)
    assert count[0] == kept


@BOTH
def test_a_lane_is_in_order_of_distance_and_refuses_more_than_it_holds(way: Way) -> None:
    count, vehicle = lane()
    places = [way(est.insert)(count, vehicle, 0, d, 0.0, 0.5, -1, -np.inf) for d in (30.0, 10.0, 20.0)]
    assert places == [0, 0, 1]
    assert vehicle[0, :3, est.DISTANCE].tolist() == [10.0, 20.0, 30.0]
    way(est.remove)(count, vehicle, 0, 1)
    assert vehicle[0, : count[0], est.DISTANCE].tolist() == [10.0, 30.0]
    for _ in range(6):
        way(est.insert)(count, vehicle, 0, 50.0, 0.0, 0.5, -1, -np.inf)
    assert way(est.insert)(count, vehicle, 0, 1.0, 0.0, 0.5, -1, -np.inf) == -1


@BOTH
def test_the_nearest_is_looked_for_among_those_that_a_loop_expects(way: Way) -> None:
    count, vehicle = lane((10.0, 5.0))
    est.insert(count, vehicle, 0, 40.0, 5.0, 0.5, 3, 30.0)
    lanes, anyone = np.array([0]), np.zeros(0, dtype=np.int64)
    assert way(est.nearest)(count, vehicle, lanes, anyone, 0.0, 100.0, 12.0) == (0, 0)
    assert way(est.nearest)(count, vehicle, lanes, np.array([3]), 0.0, 100.0, 12.0) == (0, 1)
    assert way(est.nearest)(count, vehicle, lanes, np.array([4]), 0.0, 100.0, 12.0) == (-1, -1)
    assert way(est.nearest)(count, vehicle, lanes, anyone, 50.0, 100.0, 12.0) == (-1, -1)


@BOTH
def test_a_queue_as_far_as_a_loop_has_the_vehicles_that_fit(way: Way) -> None:
    count, vehicle = lane((1.0, 0.0))
    assert way(est.fill)(count, vehicle, 0, -np.inf, 45.0, 0.8, 0.3) == 3  # 0.8 x 45 m / 7.5 m, less the one that is known
    assert count[0] == 4
    assert way(est.fill)(count, vehicle, 0, -np.inf, 45.0, 0.8, 0.3) == 0


@BOTH
def test_a_draw_means_the_movement_in_whose_share_it_falls(way: Way) -> None:
    shares = np.array([0.25, 1.0])
    assert way(est.may_pass)(0.2, shares, np.array([True, False]))
    assert not way(est.may_pass)(0.3, shares, np.array([True, False]))


@BOTH
def test_a_queue_that_begins_farther_off_is_filled_from_there(way: Way) -> None:
    count, vehicle = lane((1.0, 0.0))
    assert way(est.fill)(count, vehicle, 0, 30.0, 60.0, 1.0, 0.3) == 4
    assert vehicle[0, : count[0], est.DISTANCE].tolist() == [1.0, 37.5, 45.0, 52.5, 60.0]
