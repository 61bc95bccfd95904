import numpy as np
import pytest

from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory
from forecasting.interval import poisson_band
from forecasting.models import ALWAYS, DEFAULT, MODELS, fit_forecaster, kind
from signals.errors import ForecastError


@pytest.fixture(scope="module", params=MODELS)
def forecaster(request: pytest.FixtureRequest, site: FlowHistory) -> FittedForecaster:
    return fit_forecaster(site.between(0, 14 * 96), str(request.param))


def test_every_model_forecasts_every_detector(forecaster: FittedForecaster, site: FlowHistory) -> None:
    window_veh = site.counts_veh[site.bins - forecaster.model.window_bins :]
    forecast = forecaster.predict(window_veh, 0.0, 2)
    assert forecast.flow_veh_h.shape == (2, 4)
    assert np.isfinite(forecast.flow_veh_h).all()


def test_every_model_stands_silence(forecaster: FittedForecaster) -> None:
    forecast = forecaster.predict(np.full((forecaster.model.window_bins, 4), np.nan), 0.0)
    for flow_veh_h, rung in zip(forecast.flow_veh_h[0], forecast.rung, strict=True):
        assert np.isnan(flow_veh_h) == (rung == "none")


def test_the_default_and_the_standing_rows_are_in_the_table() -> None:
    assert {DEFAULT, *ALWAYS} <= set(MODELS)


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ForecastError, match="did you mean 'residual'"):
        kind("residul")
    with pytest.raises(ForecastError, match=r"there are last, week, profile, residual, ridge, boosted, mixed$"):
        kind("xyzzy")


def test_two_days_have_none_to_spare_for_the_interval(site: FlowHistory) -> None:
    forecaster = fit_forecaster(site.between(0, 2 * 96), "residual")
    np.testing.assert_array_equal(forecaster.band.high, poisson_band(4).high)
    assert not np.array_equal(fit_forecaster(site.between(0, 4 * 96), "residual").band.high, poisson_band(4).high)
