"""Delays of many movements at once are those of the closed form, one by one."""

import numpy as np
import pytest

from signals.kernels.delay import incremental_delay_s, uniform_delay_s
from signals.kernels.expected_delay import expected_delays_s


@pytest.mark.parametrize("kernel", [expected_delays_s, expected_delays_s.py_func])
def test_each_movement_has_hcm_s_delay(kernel: object) -> None:
    flow, saturation, share = (
        np.array([300.0, 900.0, 0.0, 500.0]),
        np.array([1800.0, 1800.0, 1800.0, 1800.0]),
        np.array([0.4, 0.4, 0.4, 0.0]),
    )
    found = kernel(flow, saturation, share, 80.0, 0.25)  # type: ignore[operator]
    for m, degree in ((0, 300 / 720), (1, 900 / 720)):
        assert found[m] == pytest.approx(uniform_delay_s(80.0, 32.0, degree) + incremental_delay_s(degree, 720.0, 0.25, 0.5, 1.0))
    assert found[2] == pytest.approx(0.5 * 80.0 * 0.6**2)
    assert np.isnan(found[3])
    assert found[1] > found[0] > found[2]
