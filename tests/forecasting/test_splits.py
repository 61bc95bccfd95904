"""The kernels under the movements, compiled and as plain Python: steps worked by hand, and the same answer both ways."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forecasting import splits
from forecasting.splits import EXACT, Belief, Counts, Entering, Junctions
from signals.types import Floats, Ints

COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])


def kernel(name: str, plain: bool) -> Callable[..., Any]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(splits, name)
    chosen: Callable[..., Any] = function.py_func if plain else function
    return chosen


def ints(*values: int) -> Ints:
    return np.array(values, dtype=np.int64)


@pytest.fixture
def fork() -> Junctions:
    """One approach that goes left or right, one lane each, and one that can only join the right exit."""
    return Junctions(
        movement_start=ints(0, 3),
        approach_start=ints(0, 2),
        lane_start=ints(0, 3),
        exit_start=ints(0, 2),
        part_start=ints(0, 3),
        square_start=ints(0, 9),
        approach=ints(0, 0, 1),
        turn=ints(2, 1, 0),
        part_movement=ints(0, 1, 2),
        part_lane=ints(0, 1, 2),
        part_exit=ints(0, 1, 1),
        lane_approach=ints(0, 0, 1),
        arm=ints(-1, -1),
    )


@COMPILED_AND_PLAIN
def test_a_prior_is_as_wide_as_its_dirichlet_and_its_exits_pull(fork: Junctions, plain: bool) -> None:
    shares, concentration_veh = np.array([0.25, 0.75, 1.0]), np.array([9.0, 9.0])
    covariance = kernel("prior_covariance", plain)(fork, shares, concentration_veh, np.array([0.5, 0.5])).reshape(3, 3)
    # 0.25 * 0.75 / 10 = 0.01875; either exit moves the share by 0.5 * 0.25 * 0.75 = 0.09375 a standard deviation: 2 * 0.008789.
    own = 0.01875 + 2 * 0.09375**2
    np.testing.assert_allclose(covariance, [[own, -own, 0.0], [-own, own, 0.0], [0.0, 0.0, 0.0]], atol=1e-12)


@COMPILED_AND_PLAIN
def test_lanes_of_one_turn_split_it_less_surely_than_the_turns_split_the_approach(fork: Junctions, plain: bool) -> None:
    one_turn = fork._replace(turn=ints(1, 1, 0))
    covariance = kernel("prior_covariance", plain)(one_turn, np.array([0.5, 0.5, 1.0]), np.array([9.0, 9.0]), np.zeros(2)).reshape(3, 3)
    own = 0.25 / 10.0 + 0.25 / (1.0 + splits.WAY_CONCENTRATION_VEH)
    np.testing.assert_allclose(covariance, [[own, -own, 0.0], [-own, own, 0.0], [0.0, 0.0, 0.0]], atol=1e-12)


@COMPILED_AND_PLAIN
def test_a_count_pulls_its_parts_by_their_spreads(plain: bool) -> None:
    mean, cov = np.array([10.0, 10.0, 5.0]), np.diag([4.0, 12.0, 1.0])
    kernel("observe", plain)(np.array([True, True, False]), 36.0, 0.0, mean, cov)
    np.testing.assert_allclose(mean, [14.0, 22.0, 5.0])  # 16 more, 4 : 12
    np.testing.assert_allclose(cov, [[3.0, -3.0, 0.0], [-3.0, 3.0, 0.0], [0.0, 0.0, 1.0]], atol=1e-12)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(("on", "count_veh"), [([True, True], np.nan), ([False, False], 7.0)], ids=["dead", "of nobody"])
def test_a_count_that_says_nothing_changes_nothing(on: list[bool], count_veh: float, plain: bool) -> None:
    mean, cov = np.array([10.0, 10.0]), np.eye(2)
    kernel("observe", plain)(np.array(on), count_veh, EXACT, mean, cov)
    assert mean.tolist() == [10.0, 10.0] and cov.tolist() == [[1.0, 0.0], [0.0, 1.0]]


@COMPILED_AND_PLAIN
def test_what_is_taken_from_a_negative_part_keeps_the_sum(plain: bool) -> None:
    # Three parts of a known sum of 6: covariance I - 1/3. Lifting the first by 3 takes 1.5 from each of the others.
    mean, cov = np.array([-3.0, 4.0, 5.0]), np.eye(3) - 1.0 / 3.0
    kernel("keep_positive", plain)(3, mean, cov)
    np.testing.assert_allclose(mean, [0.0, 2.5, 3.5], atol=1e-9)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("before", "cov", "after"),
    [
        # -1 and -4 beside 11, of a known sum: 11 - 5 = 6 is left.
        ([-1.0, -4.0, 11.0], np.eye(3) - 1.0 / 3.0, [0.0, 0.0, 6.0]),
        # Lifting the second by 4 lifts the first by 2: it needs no push of its own.
        ([-1.0, -4.0], np.array([[1.0, 0.5], [0.5, 1.0]]), [1.0, 0.0]),
    ],
    ids=["both", "one lifts the other"],
)
def test_a_part_is_lifted_no_more_than_it_needs(before: list[float], cov: Floats, after: list[float], plain: bool) -> None:
    mean = np.array(before)
    kernel("keep_positive", plain)(len(before), mean, cov.copy())
    np.testing.assert_allclose(mean, after, atol=1e-5)


@COMPILED_AND_PLAIN
def test_shares_learn_what_pseudo_counts_would(fork: Junctions, plain: bool) -> None:
    # Exact lanes: the posterior of a Dirichlet prior worth k after n counts is (k p + n) / (k + T).
    shares = np.array([0.25, 0.75, 1.0])
    covariance = splits.prior_covariance(fork, shares, np.array([9.0, 9.0]), np.zeros(2))
    before = Entering(np.array([40.0, 8.0]), np.array([41.0, 9.0]), np.zeros(2, dtype=np.bool_), np.array([40.0, 8.0]))
    counts = Counts(np.array([40.0, 8.0]), np.array([20.0, 20.0, 8.0]), np.array([20.0, 28.0]))
    part_veh, variance, after, _ = kernel("filtered", plain)(fork, counts, Belief(shares, covariance), before, EXACT)
    np.testing.assert_allclose(part_veh, [20.0, 20.0, 8.0], atol=1e-4)
    assert variance.max() < 1e-3
    # The filter adds the chance of all T at p (1 - p), of which the Dirichlet-multinomial has k / (k + 1): (T + k + 1) instead of (T + k).
    assert after[0] == pytest.approx((10.0 * 0.25 + 20.0) / 50.0, abs=1e-4)


def test_compiled_and_plain_agree(fork: Junctions) -> None:
    shares = np.array([0.4, 0.6, 1.0])
    belief = Belief(shares, splits.prior_covariance(fork, shares, np.array([5.0, 9.0]), np.array([0.5, 1.0])))
    before = Entering(np.array([30.0, 12.0]), np.array([31.0, 12.0]), np.array([False, True]), np.array([30.0, np.nan]))
    counts = Counts(np.array([30.0, np.nan]), np.full(3, np.nan), np.array([25.0, 2.0]))
    compiled, plain = (kernel("filtered", as_plain)(fork, counts, belief, before, EXACT) for as_plain in (False, True))
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
