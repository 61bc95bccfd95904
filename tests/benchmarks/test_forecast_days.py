"""Claims about the days of the forecast-value benchmark: who knows the day is right, who knows only the past is not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.forecast_days import DAYS, FLOOR, NONE, TRUE, Past, clock_s, day_of, errors_on, fitted_in, past_of, percent
from citybrain.forecasts import EARLIER_DAYS, forecaster_for, movement_names
from citybrain.known import Known
from forecasting import store
from forecasting.history import FlowHistory
from forecasting.online import OnlineForecaster
from forecasting.recording import MONDAY
from signals.types import Floats
from sumo_nets.day import Event, Hours
from sumo_nets.scenario import check, scenario

NET = "grid_2x2"
HOURS = Hours(clock_s("06:00"), clock_s("09:00"), clock_s("07:00"))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the days."""
    return tmp_path_factory.mktemp("value")


@pytest.fixture(scope="module")
def past(out: Path) -> Past:
    """Our grid's earlier days, with two models."""
    return past_of(NET, HOURS, ("last", "profile"), out)


def rising(past: Past) -> Floats:
    """Counts [minute, movement] that rise from nothing to four a minute."""
    return np.repeat(np.linspace(0.0, 4.0, 180)[:, None], len(movement_names(past.network)), axis=1)


@pytest.mark.parametrize("hours", DAYS.values(), ids=list(DAYS))
def test_the_played_hours_lie_on_quarters_and_hold_the_scenarios_own_hour(hours: Hours) -> None:
    assert hours.begin_s % 900.0 == hours.end_s % 900.0 == 0.0
    assert hours.begin_s < hours.hour_at_s < hours.end_s - 3600.0
    assert hours.end_s - hours.begin_s >= 3.0 * 3600.0


def repeating(past: Past) -> OnlineForecaster:
    """Who takes the last value for the next."""
    return OnlineForecaster(movement_names(past.network), past.models["last"].fresh(), past.base.weekday)


def test_a_trend_is_missed_by_who_repeats_the_last_value_and_known_to_who_knows_the_day(past: Past) -> None:
    minutes_veh = rising(past)
    events = (Event("surge", HOURS.begin_s + 7200.0, HOURS.begin_s + 9900.0, (), 1.5),)
    knows = errors_on(Known(movement_names(past.network), HOURS.begin_s, minutes_veh), HOURS.begin_s, minutes_veh, events)
    repeats = errors_on(repeating(past), HOURS.begin_s, minutes_veh, events)
    assert knows == pytest.approx({"day": 0.0, "events": 0.0}, abs=1e-9)
    # Late in the day a quarter more is a smaller part of what comes.
    assert 5.0 < repeats["events"] < repeats["day"]


def test_no_event_has_no_error(past: Past) -> None:
    assert np.isnan(errors_on(repeating(past), HOURS.begin_s, rising(past), ())["events"])
    assert np.isnan(percent(1.0, 0.0))


@pytest.mark.sumo
def test_a_day_lies_in_its_folder_with_a_stored_forecaster_for_each_name(past: Past, out: Path) -> None:
    day = day_of(NET, past, 103, (NONE, "last", "profile", TRUE), out)
    found = check(scenario(day.folder))
    assert (found.begin_s, found.end_s) == (HOURS.begin_s, HOURS.end_s)
    assert list(day.forecasts) == [NONE, "last", "profile", TRUE]
    assert day.forecasts[NONE] == NONE
    for name in ("last", "profile"):
        assert store.load(Path(day.forecasts[name])).detectors == movement_names(past.network)
    assert isinstance(forecaster_for(day.forecasts[TRUE], found, past.network), Known)
    # The day departs from the usual one, and on its way from the last quarter: only who knows it is right.
    assert day.wape[TRUE]["day"] < 1e-9
    # Who does not know the day is no better than chance leaves room for.
    assert min(day.wape["last"]["day"], day.wape["profile"]["day"]) > day.wape[FLOOR]["day"] > 5.0


@pytest.mark.sumo
def test_the_models_are_fitted_on_whole_days_before_the_played_one(past: Past, out: Path) -> None:
    usual_veh = past.models["profile"].model.arrays()["count_veh"]
    assert np.isfinite(usual_veh[0]).all()
    assert usual_veh[0, 28:36].sum() > 3.0 * usual_veh[0, 8:16].sum()  # the peak, and the night
    assert EARLIER_DAYS >= 14
    again = past_of(NET, HOURS, ("profile",), out)
    np.testing.assert_array_equal(again.models["profile"].model.arrays()["count_veh"], usual_veh)


def test_a_stored_model_is_taken_again_but_not_one_of_another_source(out: Path) -> None:
    history = FlowHistory(MONDAY, 900.0, ("a",), np.full((21 * 96, 1), 5.0))
    folder = out / "one"
    first = fitted_in(folder, history, "profile", "here")
    other = replace(history, counts_veh=2.0 * history.counts_veh)
    kept, anew = fitted_in(folder, other, "profile", "here"), fitted_in(folder, other, "profile", "there")
    counts_veh = [one.model.arrays()["count_veh"].mean() for one in (first, kept, anew)]
    assert counts_veh == pytest.approx([5.0, 5.0, 10.0])
    (folder / store.CARD).write_text("{", encoding="utf-8")
    assert fitted_in(folder, history, "profile", "there").model.arrays()["count_veh"].mean() == pytest.approx(5.0)
