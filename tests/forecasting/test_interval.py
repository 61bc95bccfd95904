import numpy as np
import pytest

from forecasting import residual
from forecasting.base import RUNGS
from forecasting.history import FlowHistory
from forecasting.interval import Band, calibrate, ends_s, poisson_band, recent, scaled_errors
from forecasting.persistence import Persistence

FIRST, LAST = 14 * 96, 17 * 96


def test_the_interval_is_wider_where_more_passes_and_never_below_zero() -> None:
    band = poisson_band(3)
    count_veh = np.array([[0.0, 25.0, 100.0]])
    low_veh, high_veh = band.around(count_veh, ("residual",) * 3, np.ones(3))
    assert (low_veh >= 0).all()
    width = high_veh[0] - count_veh[0]
    assert width[2] / width[1] == pytest.approx(np.sqrt(101 / 26))


def test_an_interval_always_holds_its_forecast() -> None:
    skewed = Band(np.full((len(RUNGS), 1), 0.3), np.full((len(RUNGS), 1), -0.2))
    low_veh, high_veh = skewed.around(np.array([[9.0]]), ("profile",), np.ones(1))
    assert low_veh[0, 0] <= 9.0 <= high_veh[0, 0]


def test_about_four_of_five_counts_of_later_days_lie_inside(site: FlowHistory) -> None:
    model = residual.fit(site.between(0, FIRST))
    band = calibrate(model, site, FIRST, LAST)
    inside = []
    for origin in range(LAST, site.bins):
        point = model.expect(recent(site, origin, 2), ends_s(site, origin), 1)
        low_veh, high_veh = band.around(point.count_veh, point.rung, np.ones(4))
        inside.append((site.counts_veh[origin] >= low_veh[0]) & (site.counts_veh[origin] <= high_veh[0]))
    assert 0.75 < np.mean(inside) < 0.88


def test_lower_rungs_get_intervals_of_their_own_errors(site: FlowHistory) -> None:
    model = residual.fit(site.between(0, FIRST))
    band = calibrate(model, site, FIRST, LAST)
    width = (band.high - band.low).mean(axis=1)
    named = dict(zip(RUNGS, width, strict=True))
    assert named["residual"] <= named["neighbours"] <= named["profile"] < named["last"]


def test_errors_are_of_forecasts_that_did_not_see_them(site: FlowHistory) -> None:
    (errors,) = scaled_errors((Persistence(),), site, 10, 12)
    y = site.counts_veh
    np.testing.assert_allclose(errors.scaled[0], (y[10] - y[9]) / np.sqrt(y[9] + 1.0))
    assert (errors.rung == RUNGS.index("last")).all()
    assert errors.hour.tolist() == [2, 2]


def test_errors_over_a_longer_horizon_are_of_its_total(site: FlowHistory) -> None:
    (errors,) = scaled_errors((Persistence(),), site, 10, 14, leads=3)
    y = site.counts_veh
    np.testing.assert_allclose(errors.scaled[0], (y[10:13].sum(axis=0) - 3 * y[9]) / np.sqrt(3 * y[9] + 3.0))
    # The last two horizons end after the span: nobody may know them yet.
    assert np.isnan(errors.scaled[2:]).all()


def test_too_few_errors_leave_the_poisson_band(site: FlowHistory) -> None:
    band = calibrate(Persistence(), site, 10, 12)
    np.testing.assert_array_equal(band.high, poisson_band(4).high)


def test_the_window_before_the_first_bins_is_silent(site: FlowHistory) -> None:
    window_veh = recent(site, 1, 3)
    assert np.isnan(window_veh[:2]).all()
    np.testing.assert_array_equal(window_veh[2], site.counts_veh[0])
    assert ends_s(site, 672) == 0.0
