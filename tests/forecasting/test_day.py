import numpy as np
import pytest

from forecasting.day import demand_scale, measured_day


def test_the_measured_day_has_a_night_and_two_rushes() -> None:
    day = measured_day()
    assert day.shape == (96,)
    assert day.mean() == pytest.approx(1.0)
    assert (day > 0).all()
    night, noon, evening = day[8:16].mean(), day[48:52].mean(), day[64:72].mean()
    assert night < 0.3 * noon
    assert evening > noon


def test_a_demand_scale_is_one_at_its_busiest_bin() -> None:
    scale = demand_scale(25_200.0, 28_800.0)
    assert scale.shape == (4,)
    assert scale.max() == 1.0
    assert (scale > 0.3).all()


def test_a_span_may_pass_midnight() -> None:
    day = np.arange(1.0, 97.0)
    np.testing.assert_allclose(demand_scale(86_400.0 - 900.0, 86_400.0 + 900.0, day), [1.0, 1.0 / 96.0])
