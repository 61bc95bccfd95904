from dataclasses import replace

import numpy as np
import pytest

from forecasting.fitted import FittedForecaster, calibrated, held_out, predict, stretch
from forecasting.history import FlowHistory
from forecasting.models import fit_forecaster
from forecasting.persistence import Persistence
from signals.errors import ForecastError


@pytest.fixture(scope="module")
def forecaster(site: FlowHistory) -> FittedForecaster:
    return fit_forecaster(site, "residual")


def test_a_forecast_is_in_vehicles_per_hour_with_its_interval(forecaster: FittedForecaster, site: FlowHistory) -> None:
    forecast = predict(forecaster, site, bins=3)
    assert forecast.flow_veh_h.shape == (3, 4)
    assert forecast.bin_s == 900.0
    assert (forecast.low_veh_h <= forecast.flow_veh_h).all()
    assert (forecast.flow_veh_h <= forecast.high_veh_h).all()
    # Midnight of a Monday: about 0.15 of the level, four bins to the hour.
    assert forecast.flow_veh_h[0, 0] == pytest.approx(4 * 9.0, rel=0.6)


def test_nothing_after_the_moment_is_read(forecaster: FittedForecaster, site: FlowHistory) -> None:
    at = site.time(1000)
    other = replace(site, counts_veh=np.concatenate((site.counts_veh[:1000], 99.0 + site.counts_veh[1000:])))
    here, there = predict(forecaster, site, at), predict(forecaster, other, at)
    np.testing.assert_array_equal(here.flow_veh_h, there.flow_veh_h)
    changed = replace(site, counts_veh=np.concatenate((site.counts_veh[:999], 99.0 + site.counts_veh[999:])))
    assert (predict(forecaster, changed, at).flow_veh_h > here.flow_veh_h).all()


@pytest.mark.parametrize(
    ("detectors", "bin_s", "sentence"),
    [(("A", "B", "C", "X"), 900.0, "differ in detectors, e.g. D, X"), (("A", "B", "C", "D"), 300.0, "bins of 300 s")],
)
def test_a_table_of_other_detectors_or_bins_is_refused(
    forecaster: FittedForecaster, site: FlowHistory, detectors: tuple[str, ...], bin_s: float, sentence: str
) -> None:
    with pytest.raises(ForecastError, match=sentence):
        predict(forecaster, replace(site, detectors=detectors, bin_s=bin_s))


def test_a_window_of_another_shape_is_refused(forecaster: FittedForecaster) -> None:
    with pytest.raises(ForecastError, match=r"expected \(2, 4\)"):
        forecaster.predict(np.zeros((3, 4)), 0.0)


def test_the_callers_clock_is_kept(forecaster: FittedForecaster) -> None:
    forecast = forecaster.predict(np.full((2, 4), np.nan), 3600.0, made_at_s=90_000.0)
    assert (forecast.made_at_s, forecast.start_s) == (90_000.0, 90_000.0)
    assert forecaster.predict(np.full((2, 4), np.nan), 3600.0).start_s == 3600.0


def test_a_level_from_few_minutes_widens_the_interval_and_a_profile_does_not() -> None:
    recent_veh, observed = np.full((2, 2), 4.0), np.array([[0.0, 0.0], [0.2, 0.2]])
    wide, plain = stretch(recent_veh, observed, ("last", "residual"))
    assert wide == pytest.approx(np.sqrt(6.0 / 1.5))
    assert plain == 1.0


@pytest.mark.parametrize(("days", "held_days"), [(2, None), (3, 1), (10, 2), (21, 4)])
def test_a_fifth_of_the_days_is_held_out(site: FlowHistory, days: int, held_days: int | None) -> None:
    expected = 0 if held_days is None else (days - held_days) * 96
    assert held_out(site.between(0, days * 96)) == expected


def test_calibration_takes_the_errors_of_its_span(site: FlowHistory) -> None:
    quiet = calibrated("last", Persistence(), site, 8, 40)
    rush = calibrated("last", Persistence(), site, 24, 56)
    assert not np.array_equal(quiet.band.high, rush.band.high)
    assert quiet.detectors == site.detectors
