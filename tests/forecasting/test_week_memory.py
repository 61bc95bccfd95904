import numpy as np
import pytest

from forecasting.week_memory import TAU_DAYS, WEEKS, WEIGHT, WeekMemory, faded, shown_bins, take_in
from signals.types import Floats

BIN_S = 21_600.0
DAY_S, WEEK_S = 86_400.0, 604_800.0


def told(values: Floats) -> WeekMemory:
    """After these root counts [bin, detector] from Monday's midnight on."""
    memory = WeekMemory.empty(BIN_S, values.shape[1])
    for i, value in enumerate(values):
        memory.learn(value, i * BIN_S % WEEK_S)
    return memory


@pytest.mark.parametrize("weeks", [1, 3, WEEKS])
def test_sums_are_those_of_days_that_fade_by_their_age(weeks: int) -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(1.0, 9.0, (weeks * 28, 3))
    values[rng.random(values.shape) < 0.3] = np.nan
    total, weight = told(values).sums(np.arange(3), 0.0)
    age = (len(values) - np.arange(len(values)))[:, None] / 4.0
    fading = np.where(np.isfinite(values), np.exp(-age / TAU_DAYS), 0.0)
    by_cell = fading.reshape(weeks, 7, 4, 3).sum(axis=0)
    np.testing.assert_allclose(weight, by_cell, rtol=1e-6)
    np.testing.assert_allclose(total, np.nansum((fading * values).reshape(weeks, 7, 4, 3), axis=0), rtol=1e-5)
    np.testing.assert_allclose(told(values).days(np.arange(3), 0.0), by_cell.sum(axis=(0, 1)) / 4.0, rtol=1e-6)


def test_a_year_neither_overflows_nor_grows() -> None:
    rng = np.random.default_rng(2)
    memory = told(rng.uniform(4.0, 6.0, (53 * 28, 2)))
    total, weight = memory.sums(np.arange(2), 0.0)
    assert weight.max() <= WEIGHT.max() < WEEKS
    assert (total / weight).min() > 4.0 and (total / weight).max() < 6.0


def test_who_falls_silent_for_months_is_still_known_and_soon_overruled() -> None:
    values = np.full((40 * 28, 1), np.nan)
    values[:28], values[-28:] = 9.0, 3.0
    before = told(values[:-28]).sums(np.arange(1), 0.0)
    assert (before[0] / before[1] == pytest.approx(9.0)) and 0.0 < before[1].max() < 0.3
    after = told(values).sums(np.arange(1), 0.0)
    assert (after[0] / after[1]).max() < 4.1


def test_a_bin_that_nobody_told_of_is_as_one_of_silence() -> None:
    rng = np.random.default_rng(3)
    values = rng.uniform(1.0, 9.0, (56, 2))
    one, other = told(values), told(values)
    one.learn(np.full(2, np.nan), 0.0)
    other.pass_over(0.0)
    np.testing.assert_array_equal(one.seen, other.seen)
    np.testing.assert_array_equal(one.mean, other.mean)


def test_kernels_compute_the_same_uncompiled() -> None:
    rng = np.random.default_rng(4)
    memory = told(rng.uniform(1.0, 9.0, (60, 3)))
    value = np.array([2.0, np.nan, 5.0])
    mean, seen = memory.mean[0, 0].copy(), memory.seen[0, 0].copy()
    take_in(mean, seen, value, WEIGHT)
    plain_mean, plain_seen = memory.mean[0, 0].copy(), memory.seen[0, 0].astype(np.int64)
    take_in.py_func(plain_mean, plain_seen, value, WEIGHT)
    np.testing.assert_allclose(mean, plain_mean, rtol=1e-6)
    np.testing.assert_array_equal(seen, plain_seen)
    left, chosen = np.full((7, 4), 0.7), np.array([2, 0])
    for kernel in (faded, shown_bins):
        given = (memory.seen, left, WEIGHT, chosen) if kernel is shown_bins else (memory.mean, memory.seen, left, WEIGHT, chosen)
        np.testing.assert_allclose(kernel(*given), kernel.py_func(*given), rtol=1e-6)


def test_a_state_of_another_bin_is_refused() -> None:
    arrays = WeekMemory.empty(BIN_S, 2).arrays()
    assert WeekMemory.from_arrays(arrays, BIN_S).mean.shape == (7, 4, 2)
    with pytest.raises(ValueError, match="expected"):
        WeekMemory.from_arrays(arrays, 3600.0)
