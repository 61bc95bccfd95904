import numpy as np
import pytest

from forecasting.factors import Factors, found_in


def test_a_citywide_rise_is_told_to_who_is_silent() -> None:
    rng = np.random.default_rng(1)
    loading = rng.uniform(0.5, 1.5, 20)
    course = np.repeat(rng.standard_normal(96 * 10 // 4), 4)
    factors = found_in(course[:, None] * loading + 0.3 * rng.standard_normal((len(course), 20)), 900.0)
    departure = 1.2 * loading
    departure[:5] = np.nan
    np.testing.assert_allclose(factors.expected(departure)[:5], 1.2 * loading[:5], atol=0.25)
    assert np.abs(factors.expected(departure, 1e4)).max() < 0.5


def test_expected_factors_are_those_of_the_textbook() -> None:
    rng = np.random.default_rng(2)
    factors = Factors(rng.standard_normal((10, 2)), 0.5)
    departure = rng.standard_normal(10)
    departure[[1, 7]] = np.nan
    seen = factors.loading[np.isfinite(departure)]
    z = np.linalg.solve(seen.T @ seen + 0.5 * np.eye(2), seen.T @ departure[np.isfinite(departure)])
    np.testing.assert_allclose(factors.expected(departure), factors.loading @ z)


def test_noise_alone_hardly_moves_anybody() -> None:
    rng = np.random.default_rng(3)
    factors = found_in(rng.standard_normal((96 * 20, 20)), 900.0)
    assert np.abs(factors.expected(rng.standard_normal(20))).mean() < 0.2


@pytest.mark.parametrize("detectors", [1, 2, 3])
def test_too_few_detectors_have_no_factors(detectors: int) -> None:
    factors = found_in(np.random.default_rng(4).standard_normal((200, detectors)), 900.0)
    np.testing.assert_array_equal(factors.expected(np.ones(detectors)), np.zeros(detectors))


def test_when_nobody_is_heard_nothing_is_expected() -> None:
    np.testing.assert_array_equal(Factors(np.ones((4, 1)), 1.0).expected(np.full(4, np.nan)), np.zeros(4))
