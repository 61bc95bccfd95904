import numpy as np
import pytest

from forecasting.kernels import smoothed_rows
from forecasting.smoothing import circular, gaussian


@pytest.mark.parametrize("sigma", [0.5, 2.0, 7.0])
def test_smoothing_is_a_gaussian_mean_round_the_clock(sigma: float) -> None:
    rng = np.random.default_rng(1)
    table, weight = rng.random((2, 24, 3)), gaussian(sigma)
    reach = len(weight) // 2
    expected = sum(w * np.roll(table, reach - k, axis=1) for k, w in enumerate(weight))
    np.testing.assert_allclose(circular(table, sigma), expected, rtol=1e-12)
    np.testing.assert_allclose(circular(table[0], sigma), expected[0], rtol=1e-12)
    np.testing.assert_allclose(smoothed_rows.py_func(table, weight), expected, rtol=1e-12)


def test_a_level_stays_and_midnight_is_no_edge() -> None:
    np.testing.assert_allclose(circular(np.full((24, 1), 3.0), 4.0), 3.0)
    spike = np.zeros((24, 1))
    spike[0] = 1.0
    smooth = circular(spike, 1.5)
    assert smooth[23, 0] == pytest.approx(smooth[1, 0]) and smooth[23, 0] > 0.1


def test_no_width_changes_nothing() -> None:
    table = np.random.default_rng(2).random((24, 2))
    np.testing.assert_array_equal(circular(table, 0.0), table)
