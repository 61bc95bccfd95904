import math
from itertools import product

import numpy as np
import pytest

from forecasting.gain import LEAST_DAYS, MOST_BLOCKS, gain, in_blocks
from signals.types import Floats

DRAWS = 1000


def refused(old: Floats, new: Floats, share: float) -> bool:
    """Whether at most 2.5 % of all changes of sign are as extreme as what was seen, on one side or the other."""
    rest = (old - new) - share * old
    sums = np.array(list(product((1.0, -1.0), repeat=len(old)))) @ rest
    return bool(min((sums >= rest.sum() - 1e-9).mean(), (sums <= rest.sum() + 1e-9).mean()) <= 0.025)


@pytest.mark.parametrize("days", [6, 7, 9])
def test_the_interval_holds_what_fishers_test_does_not_refuse(days: int) -> None:
    rng = np.random.default_rng(days)
    old = 100.0 + 30.0 * rng.random(days)
    new = old * (0.9 + 0.1 * rng.standard_normal(days))
    found = gain(old, new)
    assert found.share == pytest.approx(1.0 - new.sum() / old.sum())
    for bound, outward in ((found.low, -1e-6), (found.high, 1e-6)):
        assert refused(old, new, bound + outward)
        assert not refused(old, new, bound - outward)


def test_seven_small_and_large_gains_are_a_gain_and_six_beside_a_loss_are_not() -> None:
    old = np.full(7, 100.0)
    saved = np.array([2.0, 3.5, 2.7, 31.6, 20.9, 17.7, 3.4])
    assert gain(old, old - saved).low > 0.0
    assert gain(old, old - saved * [-9, 1, 1, 1, 1, 1, 1]).low < 0.0


def test_a_busy_day_counts_by_its_loss() -> None:
    assert gain(np.array([1.0, 9.0]), np.array([1.0, 0.0])).share == pytest.approx(0.9)


def test_fewer_days_say_nothing_for_sure() -> None:
    days = np.full(LEAST_DAYS, 10.0)
    assert gain(days, 0.5 * days).low == pytest.approx(0.5)
    assert gain(days[1:], 0.5 * days[1:]).low == -math.inf


def test_of_nothing_lost_nothing_is_said() -> None:
    for days in (0, 7):
        assert all(math.isnan(value) for value in gain(np.zeros(days), np.zeros(days)))


@pytest.mark.parametrize("days", [1, 6, 7, 10, 14, 23, 60])
def test_neighbouring_days_are_taken_together_and_none_is_lost(days: int) -> None:
    losses = np.stack((np.arange(days, dtype=np.float64), np.ones(days)))
    found = in_blocks(losses)
    assert found.shape == (2, min(days, MOST_BLOCKS))
    np.testing.assert_array_equal(found.sum(axis=1), losses.sum(axis=1))
    assert (found[1] >= days // MOST_BLOCKS).all()


@pytest.mark.parametrize(
    ("days", "like_before", "most"), [(6, 0.0, 0.035), (7, 0.0, 0.035), (7, 0.2, 0.06), (14, 0.2, 0.06), (28, 0.2, 0.06)]
)
def test_equal_ones_are_seldom_told_apart(days: int, like_before: float, most: float) -> None:
    rng = np.random.default_rng(101)
    wrongly = 0
    for _ in range(DRAWS):
        noise = rng.standard_normal(days)
        for k in range(1, days):
            noise[k] = like_before * noise[k - 1] + math.sqrt(1.0 - like_before**2) * noise[k]
        old = 100.0 + 10.0 * rng.standard_normal(days)
        wrongly += gain(old, old - 2.0 * noise).low > 0.0
    assert wrongly / DRAWS < most
