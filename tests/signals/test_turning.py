"""Measured flows and turning shares: counts fade, shares add up, and the queue ahead is weighed by them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from signals.kernels import turning
from signals.kernels.turning import Measured
from signals.links.turning import Turning
from signals.types import Network

NAN = float("nan")
COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])


def kernel(name: str, plain: bool) -> Callable[..., Any]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(turning, name)
    chosen: Callable[..., Any] = function.py_func if plain else function
    return chosen


@COMPILED_AND_PLAIN
def test_counts_fade_to_half_within_the_half_life_and_a_silent_sensor_adds_nothing(plain: bool) -> None:
    found = kernel("faded_veh", plain)(np.array([8.0, 8.0]), np.array([1.0, NAN]), 100.0 * np.log(2.0), 100.0)
    np.testing.assert_allclose(found, [5.0, 4.0])


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("counted", "prior", "shares"),
    [
        ([6.0, 2.0, 5.0], 0.0, [0.75, 0.25, 1.0]),
        ([0.0, 0.0, 5.0], 1.0, [0.5, 0.5, 1.0]),  # nothing seen: even
        ([0.0, 0.0, 5.0], 0.0, [0.0, 0.0, 1.0]),
        ([2.0, 0.0, 0.0], 1.0, [0.75, 0.25, 1.0]),
    ],
)
def test_the_shares_of_an_approach_are_those_of_its_counts(counted: list[float], prior: float, shares: list[float], plain: bool) -> None:
    found = kernel("turning_shares", plain)(np.array(counted), np.array([0, 0, 1]), prior)
    np.testing.assert_allclose(found, shares)


@COMPILED_AND_PLAIN
def test_the_queue_ahead_is_weighed_by_who_will_join_it(plain: bool) -> None:
    queue_veh, shares = np.array([0.0, 8.0, 4.0, NAN]), np.array([1.0, 0.75, 0.25, 1.0])
    feeds = np.array([0, 0, 1]), np.array([1, 2, 3])  # movement 0 feeds 1 and 2; movement 1 feeds a silent one
    found = kernel("queue_ahead_veh", plain)(queue_veh, shares, *feeds, np.array([9.0, 6.0, 6.0, NAN]), np.array([1.0, 2.0, 0.0, 1.0]))
    np.testing.assert_allclose(found, [7.0, 3.0, 6.0, 0.0])  # 0.75 * 8 + 0.25 * 4; else the vehicles on the exits, per lane


def test_a_steady_flow_is_measured_as_it_is_from_the_start() -> None:
    measured = Measured.none(2)
    assert measured.seen_s == 0.0
    for k in range(40):
        measured = measured.with_counts(np.array([2.0, 0.0]), 10.0 * k, 300.0)
        if k > 0:
            assert measured.flow_veh_h[0] == pytest.approx(720.0, rel=0.02)
            assert measured.flow_veh_h[1] == 0.0
    assert measured.seen_s == 390.0


def test_a_flow_that_ends_is_forgotten() -> None:
    measured = Measured.none(1)
    for k in range(100):
        measured = measured.with_counts(np.array([2.0 if k < 30 else 0.0]), 10.0 * k, 100.0)
    assert measured.flow_veh_h[0] < 10.0


@pytest.mark.parametrize(
    ("turn", "after_s", "matched"),
    [("through", 5.0, True), ("through", 1.0, True), ("through", 20.0, False), ("left", 20.0, True), ("left", 70.0, False)],
)
def test_who_comes_out_is_one_who_went_in_and_only_who_yields_may_come_late(
    four_arm: Network, turn: str, after_s: float, matched: bool
) -> None:
    shares = Turning(four_arm)
    movements = four_arm.signals[0].movements
    m = next(k for k, one in enumerate(movements) if one.turn == turn)
    lane = next(k for k, ms in enumerate(shares.movements_of) if m in ms)
    lit = np.arange(len(movements)) == m
    shares.crossed(lane, 100.0, lit)
    assert shares.entered(movements[m].exits[0], 100.0 + after_s) is matched
    assert not shares.entered(movements[m].exits[0], 100.0 + after_s)  # one who went in comes out once
