from dataclasses import replace

import numpy as np
import pytest

from forecasting.fitted import FittedForecaster
from forecasting.hearing import judged, screened
from forecasting.history import FlowHistory
from forecasting.interval import ends_s, recent
from forecasting.models import fit_forecaster
from forecasting.persistence import Persistence
from forecasting.tracker import Tracker

DAY, FIRST = 96, 14 * 96


@pytest.fixture(scope="module")
def fitted(site: FlowHistory) -> FittedForecaster:
    return fit_forecaster(site.between(0, FIRST), "residual")


def followed(fitted: FittedForecaster, history: FlowHistory, last: int) -> Tracker:
    tracker = Tracker(fitted, ends_s(history, FIRST), recent(history, FIRST, fitted.model.window_bins))
    for origin in range(FIRST, last):
        tracker.observe(history.counts_veh[origin])
    return tracker


def test_a_detector_that_stands_still_at_noon_is_not_heard_and_says_why(fitted: FittedForecaster, site: FlowHistory) -> None:
    stuck = site.counts_veh.copy()
    noon = FIRST + DAY // 2
    stuck[noon:, 0] = 0.0
    tracker = followed(fitted, replace(site, counts_veh=stuck), noon + 6)
    healthy = followed(fitted, site, noon + 6)
    assert tracker.reasons[0] == "stuck_zero"
    assert set(tracker.reasons[1:]) == {""}
    forecast = tracker.forecast()
    assert forecast.flow_veh_h[0, 0] == pytest.approx(healthy.forecast().flow_veh_h[0, 0], rel=0.25)


def test_a_faulty_detector_does_not_widen_its_interval(fitted: FittedForecaster, site: FlowHistory) -> None:
    wild = site.counts_veh.copy()
    wild[FIRST:, 1] = 500.0
    tracker = followed(fitted, replace(site, counts_veh=wild), FIRST + DAY)
    assert tracker.arrays()["log_detector"][1] < np.log(1.3)


def test_zeros_of_the_night_are_heard(fitted: FittedForecaster, site: FlowHistory) -> None:
    night = site.counts_veh.copy()
    night[FIRST : FIRST + 16, 3] = 0.0  # the weakest detector, 0.5 vehicles a bin
    tracker = followed(fitted, replace(site, counts_veh=night), FIRST + 16)
    assert tracker.reasons[3] == ""


def test_a_model_without_a_profile_believes_everything(site: FlowHistory) -> None:
    _, watch = screened(site.between(0, FIRST))
    watched = judged(watch, Persistence(), np.zeros(4), 43_200.0, site.bin_s)
    assert not watched.reason.any()


def test_a_fit_leaves_out_what_no_sound_detector_counts(site: FlowHistory) -> None:
    broken = site.counts_veh.copy()
    broken[5 * DAY : 9 * DAY, 0] = 0.0
    believed, _ = screened(replace(site, counts_veh=broken))
    assert np.isnan(believed.counts_veh[5 * DAY : 9 * DAY, 0]).mean() > 0.9
    found = fit_forecaster(replace(site, counts_veh=broken), "residual").predict(np.full((2, 4), np.nan), 43_200.0)
    sound = fit_forecaster(site, "residual").predict(np.full((2, 4), np.nan), 43_200.0)
    assert found.flow_veh_h[0, 0] == pytest.approx(sound.flow_veh_h[0, 0], rel=0.1)
