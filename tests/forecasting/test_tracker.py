from dataclasses import replace

import numpy as np
import pytest

from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory
from forecasting.interval import ends_s, recent
from forecasting.models import MODELS, fit_forecaster
from forecasting.tracker import Tracker, brought_up_to, total_interval
from signals.errors import ForecastError
from signals.types import Floats

DAY = 96
FIRST = 14 * DAY


@pytest.fixture(scope="module", params=MODELS)
def fitted(request: pytest.FixtureRequest, site: FlowHistory) -> FittedForecaster:
    return fit_forecaster(site.between(0, FIRST), str(request.param))


def begun(fitted: FittedForecaster, history: FlowHistory, at: int = FIRST) -> Tracker:
    return Tracker(fitted, ends_s(history, at), recent(history, at, fitted.model.window_bins))


def told(tracker: Tracker, history: FlowHistory, first: int, last: int) -> Floats:
    """Forecasts and bounds [origin, 3, detector] of the bins from first to last - 1."""
    out = []
    for origin in range(first, last):
        forecast = tracker.forecast()
        out.append((forecast.flow_veh_h[0], forecast.low_veh_h[0], forecast.high_veh_h[0]))
        tracker.observe(history.counts_veh[origin])
    return np.array(out)


def test_a_saved_state_goes_on_exactly(fitted: FittedForecaster, site: FlowHistory) -> None:
    tracker = begun(fitted, site)
    told(tracker, site, FIRST, FIRST + 150)
    again = Tracker.restored(fitted, {name: array.copy() for name, array in tracker.arrays().items()})
    np.testing.assert_array_equal(told(tracker, site, FIRST + 150, FIRST + 300), told(again, site, FIRST + 150, FIRST + 300))
    assert again.next_s == tracker.next_s


def test_a_state_over_several_bins_is_saved_with_what_was_said(site: FlowHistory) -> None:
    fitted = fit_forecaster(site.between(0, FIRST), "residual", leads=4)
    tracker = begun(fitted, site)
    told(tracker, site, FIRST, FIRST + 50)
    again = Tracker.restored(fitted, tracker.arrays())
    np.testing.assert_array_equal(told(tracker, site, FIRST + 50, FIRST + 99), told(again, site, FIRST + 50, FIRST + 99))


def test_trackers_of_one_forecaster_do_not_teach_each_other(fitted: FittedForecaster, site: FlowHistory) -> None:
    alone = told(begun(fitted, site), site, FIRST, FIRST + 60)
    strange = replace(site, counts_veh=5.0 * site.counts_veh)
    told(begun(fitted, site), strange, FIRST, FIRST + 60)
    np.testing.assert_array_equal(told(begun(fitted, site), site, FIRST, FIRST + 60), alone)


def test_coverage_comes_back_after_counts_become_three_times_as_noisy(fitted: FittedForecaster, site: FlowHistory) -> None:
    rng = np.random.default_rng(8)
    noisy = site.counts_veh.copy()
    noisy[FIRST:] = np.maximum(noisy[FIRST:] + 3.0 * np.sqrt(noisy[FIRST:] + 1.0) * rng.standard_normal(noisy[FIRST:].shape), 0.0)
    history = replace(site, counts_veh=noisy)
    found = told(begun(fitted, history), history, FIRST, history.bins)
    truth = noisy[FIRST:] * 4.0
    held = (truth >= found[:, 1] - 1e-9) & (truth <= found[:, 2] + 1e-9)
    assert held[: DAY // 2].mean() < 0.75
    assert 0.74 < held[-3 * DAY :].mean() < 0.86


def test_silent_bins_neither_widen_nor_narrow(site: FlowHistory) -> None:
    tracker = begun(fit_forecaster(site.between(0, FIRST), "residual"), site)
    before = tracker.arrays()
    for _ in range(10):
        tracker.observe(np.full(4, np.nan))
    np.testing.assert_array_equal(tracker.arrays()["log_detector"], before["log_detector"])
    np.testing.assert_array_equal(tracker.arrays()["log_hour"], before["log_hour"])


def test_bins_spreads_add_in_squares(site: FlowHistory) -> None:
    tracker = begun(fit_forecaster(site.between(0, FIRST), "residual", leads=4), site)
    forecast = tracker.forecast()
    low_veh, high_veh = total_interval(forecast)
    assert forecast.flow_veh_h.shape == (4, 4)
    sum_veh = forecast.flow_veh_h.sum(axis=0) / 4.0
    assert (low_veh < sum_veh).all()
    assert (high_veh - sum_veh < ((forecast.high_veh_h - forecast.flow_veh_h) / 4.0).sum(axis=0)).all()


@pytest.mark.parametrize("spoilt", ["next_s", "recent_veh", "log_detector", "pending"])
def test_a_state_of_another_forecaster_is_refused(spoilt: str, site: FlowHistory) -> None:
    fitted = fit_forecaster(site.between(0, FIRST), "residual")
    arrays = begun(fitted, site).arrays()
    with pytest.raises(ForecastError, match=r"state does not fit|expected \(2, 4\)"):
        Tracker.restored(fitted, {**arrays, spoilt: np.zeros((3, 7))})
    with pytest.raises(ForecastError, match="state does not fit"):
        Tracker.restored(fitted, {name: array for name, array in arrays.items() if name != spoilt})


def test_counts_of_another_number_of_detectors_are_refused(site: FlowHistory) -> None:
    with pytest.raises(ForecastError, match="counts, expected"):
        begun(fit_forecaster(site.between(0, FIRST), "residual"), site).observe(np.zeros(5))


@pytest.mark.parametrize("name", ["residual", "ridge"])
def test_a_table_that_goes_on_after_the_fit_is_learned_first(name: str, site: FlowHistory) -> None:
    fitted = fit_forecaster(site.between(0, FIRST), name)
    walked = begun(fitted, site)
    for origin in range(FIRST, FIRST + 30):
        walked.observe(site.counts_veh[origin])
    brought = brought_up_to(fitted, site, FIRST + 30, site.time(FIRST))
    np.testing.assert_array_equal(brought.ahead(2).flow_veh_h, walked.ahead(2).flow_veh_h)
    # Without knowing when the fit ended it forecasts from the newest bins alone.
    assert np.isfinite(brought_up_to(fitted, site, FIRST + 30).ahead(1).flow_veh_h).all()
    with pytest.raises(ForecastError, match="differ in detectors"):
        brought_up_to(fitted, replace(site, detectors=("A", "B", "C", "X")), FIRST)
