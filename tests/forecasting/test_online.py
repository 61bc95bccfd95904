import time

import numpy as np
import pytest

from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory
from forecasting.models import fit_forecaster
from forecasting.online import OnlineForecaster, newcomer
from forecasting.recording import history_of
from signals.errors import ForecastError
from signals.types import Floats

MOVEMENTS = ("A", "B", "C", "D")
SEVEN_S = 25_200.0


@pytest.fixture(scope="module")
def fitted(site: FlowHistory) -> FittedForecaster:
    return fit_forecaster(site, "residual")


def drive(online: OnlineForecaster, from_s: float, until_s: float, per_s: Floats, step_s: float = 10.0) -> None:
    """Feed counts at a steady rate [movement] (NaN: silent)."""
    now_s = from_s
    online.update(now_s, per_s * 0.0)
    while now_s < until_s:
        now_s += step_s
        online.update(now_s, per_s * step_s)


def test_before_anything_is_seen_the_profile_speaks(fitted: FittedForecaster) -> None:
    forecast = OnlineForecaster(MOVEMENTS, fitted).update(SEVEN_S, np.zeros(4))
    assert forecast.rung == ("profile",) * 4
    assert (forecast.made_at_s, forecast.start_s, forecast.bin_s) == (SEVEN_S, SEVEN_S, 900.0)
    assert np.isfinite(forecast.flow_veh_h).all()


def test_after_half_an_hour_it_is_the_offline_forecast_of_the_same_counts(fitted: FittedForecaster) -> None:
    online = OnlineForecaster(MOVEMENTS, fitted, weekday=2, bins=2)
    per_s = np.array([50.0, 20.0, 10.0, 3.0]) / 900.0
    drive(online, SEVEN_S, SEVEN_S + 1800.0, per_s)
    found = online.update(SEVEN_S + 1800.0, np.zeros(4))
    expected = fitted.predict(np.tile(per_s * 900.0, (2, 1)), 2 * 86_400.0 + SEVEN_S + 1800.0, 2)
    np.testing.assert_allclose(found.flow_veh_h, expected.flow_veh_h)
    # The interval has adapted to two bins by then.
    np.testing.assert_allclose(found.high_veh_h, expected.high_veh_h, rtol=0.03)
    assert found.rung == ("residual",) * 4


def test_the_part_of_a_bin_seen_so_far_moves_the_forecast_but_less_than_a_whole(fitted: FittedForecaster) -> None:
    per_s = np.full(4, 0.2)
    extra = []
    for minutes in (5, 10, 15):
        now_s = SEVEN_S + 60.0 * minutes
        online = OnlineForecaster(MOVEMENTS, fitted)
        drive(online, SEVEN_S, now_s, per_s)
        busy = online.update(now_s, np.zeros(4)).flow_veh_h[0, 0]
        calm = OnlineForecaster(MOVEMENTS, fitted).update(now_s, np.zeros(4)).flow_veh_h[0, 0]
        extra.append((busy - calm) / calm)
    assert 0.0 < extra[0] < extra[1] < extra[2]


def test_a_silent_detector_falls_back_alone(fitted: FittedForecaster) -> None:
    online = OnlineForecaster(MOVEMENTS, fitted)
    drive(online, SEVEN_S, SEVEN_S + 1800.0, np.array([0.1, np.nan, 0.1, 0.1]))
    forecast = online.update(SEVEN_S + 1800.0, np.zeros(4))
    assert forecast.rung == ("residual", "neighbours", "residual", "residual")


def test_without_earlier_days_the_recent_mean_speaks_after_three_minutes() -> None:
    online = OnlineForecaster(("m",))
    assert online.update(0.0, np.zeros(1)).rung == ("none",)
    for now_s in np.arange(10.0, 181.0, 10.0):
        forecast = online.update(float(now_s), np.array([2.0]))
        assert forecast.rung == (("last",) if now_s >= 180.0 else ("none",))
    assert forecast.flow_veh_h[0, 0] == pytest.approx(720.0)
    assert forecast.low_veh_h[0, 0] < 720.0 < forecast.high_veh_h[0, 0]


def test_more_minutes_seen_narrow_the_interval() -> None:
    widths = []
    for minutes in (3, 10, 30):
        online = OnlineForecaster(("m",))
        drive(online, 0.0, 60.0 * minutes, np.array([0.2]))
        forecast = online.update(60.0 * minutes, np.zeros(1))
        widths.append(float(forecast.high_veh_h[0, 0] - forecast.low_veh_h[0, 0]))
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("step_s", [1.0, 7.0, 10.0, 90.0, 400.0])
def test_no_vehicle_is_lost_or_made_whatever_the_step(step_s: float) -> None:
    online = OnlineForecaster(("m",))
    drive(online, 0.0, 3600.0, np.array([0.25]), step_s)
    whole = online.recorded().counts_veh[:4, 0]
    np.testing.assert_allclose(whole, 225.0, rtol=1e-9)


def test_between_minutes_the_same_forecast_is_handed_out(fitted: FittedForecaster) -> None:
    online = OnlineForecaster(MOVEMENTS, fitted)
    first = online.update(SEVEN_S, np.zeros(4))
    assert online.update(SEVEN_S + 59.0, np.ones(4)) is first
    assert online.update(SEVEN_S + 60.0, np.ones(4)) is not first


def test_earlier_days_of_a_scenario_teach_the_next(site: FlowHistory) -> None:
    days = []
    for day in range(4):
        online = OnlineForecaster(MOVEMENTS, weekday=day)
        online.update(SEVEN_S, np.zeros(4))
        for k in range(8):
            counts_veh = site.counts_veh[96 * day + 28 + k]
            for second in range(1, 91):
                online.update(SEVEN_S + 900.0 * k + 10.0 * second, counts_veh / 90.0)
        days.append(online.recorded())
    np.testing.assert_allclose(days[1].counts_veh[:8], site.counts_veh[96 + 28 : 96 + 36])
    learnt = fit_forecaster(history_of(days), "residual")
    forecast = OnlineForecaster(MOVEMENTS, learnt, weekday=4).update(SEVEN_S, np.zeros(4))
    seen_veh_h = 4.0 * np.mean([site.counts_veh[96 * d + 28] for d in range(4)], axis=0)
    np.testing.assert_allclose(forecast.flow_veh_h[0], seen_veh_h, rtol=0.5)
    assert forecast.rung == ("profile",) * 4


def test_time_that_runs_backwards_is_an_error() -> None:
    online = OnlineForecaster(("m",))
    online.update(100.0, np.zeros(1))
    with pytest.raises(ForecastError, match="ran backwards"):
        online.update(90.0, np.zeros(1))
    with pytest.raises(ForecastError, match="counts, expected"):
        online.update(110.0, np.zeros(2))


def test_a_forecaster_of_another_network_is_refused(fitted: FittedForecaster) -> None:
    with pytest.raises(ForecastError, match="other movements"):
        OnlineForecaster(("A", "B", "C", "X"), fitted)


def test_the_newcomer_knows_its_movements() -> None:
    assert newcomer(("a", "b")).detectors == ("a", "b")


def test_an_update_within_a_minute_costs_next_to_nothing() -> None:
    names = tuple(map(str, range(100)))
    online = OnlineForecaster(names)
    counts_veh = np.ones(100)
    spent_s = []
    for k in range(600):
        started = time.perf_counter()
        online.update(10.0 * k, counts_veh)
        spent_s.append(time.perf_counter() - started)
    assert np.median(spent_s) < 100e-6  # about 3 on an idle core; room for a busy one
