import numpy as np
import pytest

from forecasting import kernels
from forecasting.departures import HEARD, NAMES, PRIORS


@pytest.mark.parametrize(("value", "found"), [(3.0, 1.0), (-3.5, -1.5), (1.9, 0.0), (np.nan, 0.0)])
def test_only_what_exceeds_a_threshold_counts(value: float, found: float) -> None:
    assert kernels.beyond(value, 2.0) == kernels.beyond.py_func(value, 2.0) == found


@pytest.mark.parametrize(("one", "other", "found"), [(3.0, 2.0, 2.0), (-1.0, -4.0, -1.0), (3.0, -2.0, 0.0), (np.nan, 2.0, 0.0)])
def test_two_departures_of_one_sign_count_by_the_smaller(one: float, other: float, found: float) -> None:
    assert kernels.both(one, other) == kernels.both.py_func(one, other) == found


def test_clipping_keeps_a_gap() -> None:
    assert [kernels.clipped(x, 2.0) for x in (3.0, -9.0, 1.5)] == [2.0, -2.0, 1.5]
    assert np.isnan(kernels.clipped(np.nan, 2.0)) and np.isnan(kernels.clipped.py_func(np.nan, 2.0))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_row_of_inputs_worked_by_hand(compiled: bool) -> None:
    # Detector 0 is heard in all bins, 1 was silent in the newest, 2 is mute.
    last = np.array([[0.5, 1.0, 1.0], [-3.0, 4.0, 1.0], [-4.0, 5.0, 1.0], [-2.5, np.nan, 1.0]])
    fading = np.ones((5, 2, 3))
    fading[3, 0] = 3.0
    out = np.zeros((3, len(NAMES)), dtype=np.float32)
    before, ahead = np.array([2.0, 2.0, 2.0]), np.array([2.4, 9.0, 2.0])
    kernel = kernels.own_inputs if compiled else kernels.own_inputs.py_func
    mean, newest, city = kernel(out, last, fading, np.array(PRIORS), before, ahead, np.array([False, False, True]), HEARD)
    row = {name: out[:, k] for k, name in enumerate(NAMES)}
    np.testing.assert_allclose(row["last_1"], [-2.0, 0.0, 0.0])
    np.testing.assert_allclose(row["last_2"], [-2.0, 2.0, 0.0])
    np.testing.assert_allclose(row["last_4"], [0.5, 1.0, 0.0])
    np.testing.assert_allclose(row["mean_1h"], [0.5, 0.5, 0.0])
    np.testing.assert_allclose(row["rise"], [0.4, 7.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(row["jump"], [-0.5 * 1.2, 0.0, 0.0], rtol=1e-6)
    # Where the newest bin is silent, the one before it stands for both.
    np.testing.assert_allclose(row["lasting_2"], [-1.0 * 1.2, 3.5 * 1.5, 0.0], rtol=1e-6)
    np.testing.assert_allclose(row["lasting_3"], [-1.0 * 1.2, 0.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(row["lasting_mean"], np.array([1.2, 1.5, 0.0]) * (3.0 / 1.3 - 1.5), rtol=1e-6)
    np.testing.assert_allclose(newest, [-2.0, np.nan, np.nan])
    np.testing.assert_allclose(mean, [1.0 / 1.01, 1.0 / 1.01, np.nan])
    np.testing.assert_allclose(city, [-2.0, 0.0, 0.0, 0.75])


@pytest.mark.parametrize("compiled", [True, False])
def test_hearing_fades_means_and_keeps_the_day(compiled: bool) -> None:
    fading, day = np.ones((2, 2, 3)), np.ones(3, dtype=np.float32)
    kernel = kernels.hear if compiled else kernels.hear.py_func
    total, number = kernel(fading, day, np.array([5.0, -1.0, np.nan]), np.array([0.5, 0.8]), 1)
    assert (total, number) == (1.0, 2)
    np.testing.assert_allclose(fading[0], [[2.5, -0.5, 0.5], [1.5, 1.5, 0.5]])
    np.testing.assert_allclose(fading[1], [[5.8, -0.2, 0.8], [1.8, 1.8, 0.8]])
    np.testing.assert_allclose(day, [2.0, -1.0, 0.0])


def test_sums_and_products_are_numpys() -> None:
    rng = np.random.default_rng(1)
    loading, departure = rng.standard_normal((9, 3)), rng.standard_normal(9)
    departure[4] = np.nan
    seen = loading[np.isfinite(departure)]
    table = rng.standard_normal((6, 9)).astype(np.float32)
    rows, weight = np.array([5, 0, 3]), np.array([0.2, 0.3, 0.5])
    for sums, product, chosen in (
        (kernels.heard_sums, kernels.row_products, kernels.weighted_rows),
        (kernels.heard_sums.py_func, kernels.row_products.py_func, kernels.weighted_rows.py_func),
    ):
        gram, moment, number = sums(loading, departure)
        np.testing.assert_allclose(gram, seen.T @ seen)
        np.testing.assert_allclose(moment, seen.T @ departure[np.isfinite(departure)])
        assert number == 8
        np.testing.assert_allclose(product(table, 2.0 * table), 2.0 * (table**2).sum(axis=1), rtol=1e-6)
        np.testing.assert_allclose(chosen(table, rows, weight), weight @ table[rows], rtol=1e-6)
