"""The forecaster of a run knows earlier days of its scenario, and forecasts in the loop what then comes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from citybrain.episode import EpisodeSpec
from citybrain.forecasts import EARLIER_DAYS, NAMES, Silent, check_name, earlier_history, forecaster_for, movement_names
from forecasting import store
from forecasting.base import RUNGS
from forecasting.history import FlowHistory
from forecasting.models import MODELS
from signals.errors import ForecastError
from signals.layout import lay_out
from signals.types import Floats, Network
from sumo_nets.counting import BIN_S, expected_counts
from sumo_nets.scenario import Scenario, scenario


@pytest.fixture(scope="module")
def hour() -> Scenario:
    """The grid's own hour, a Tuesday from 7 to 8."""
    return scenario("grid_2x2")


@pytest.fixture(scope="module")
def history(hour: Scenario, grid: Network) -> FlowHistory:
    """Its earlier days."""
    return earlier_history(hour, grid)


def test_earlier_days_end_the_day_before_with_one_detector_a_movement(history: FlowHistory, hour: Scenario, grid: Network) -> None:
    assert history.detectors == movement_names(grid)
    assert len(set(history.detectors)) == lay_out(grid).movements
    assert history.bins == EARLIER_DAYS * 96
    # FlowHistory counts weekdays like the scenario: 0 is Monday.
    assert history.week_start_s / 86400.0 == (hour.weekday - EARLIER_DAYS) % 7


def test_the_scenarios_hour_of_an_earlier_day_looks_like_the_scenarios_demand(history: FlowHistory, hour: Scenario, grid: Network) -> None:
    expected = expected_counts(hour, grid).sum(axis=0)
    days, _ = history.by_day()
    first = int(hour.begin_s // BIN_S)
    typical = np.nanmedian(np.nansum(days[:, first : first + 4], axis=1), axis=0)
    busy = expected > 40.0
    assert busy.sum() >= 8
    assert np.abs(typical - expected)[busy].sum() / expected[busy].sum() < 0.25
    night = np.nanmean(days[:, 8:16])
    assert night < 0.5 * np.nanmean(days[:, first : first + 4])


def test_the_same_scenario_has_the_same_past(history: FlowHistory, hour: Scenario, grid: Network) -> None:
    np.testing.assert_array_equal(earlier_history(hour, grid).counts_veh, history.counts_veh)


def test_a_stored_forecaster_is_taken_from_its_folder(
    history: FlowHistory, hour: Scenario, grid: Network, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("profile")
    store.fit_and_store(history, "profile", folder, scores={})
    counts = np.zeros(lay_out(grid).movements)
    found = forecaster_for(str(folder), hour, grid).update(hour.begin_s, counts)
    direct = forecaster_for("profile", hour, grid).update(hour.begin_s, counts)
    np.testing.assert_allclose(found.flow_veh_h, direct.flow_veh_h)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_runs_in_the_loop(name: str, hour: Scenario, grid: Network) -> None:
    forecaster, movements = forecaster_for(name, hour, grid), lay_out(grid).movements
    for k in range(20):
        found = forecaster.update(hour.begin_s + 10.0 * k, np.ones(movements))
    assert found.flow_veh_h.shape == (1, movements)
    assert (np.isfinite(found.flow_veh_h[0]) == [rung != "none" for rung in found.rung]).all()
    assert found.made_at_s == hour.begin_s + 180.0


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_known(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["residul", "", "no/such/folder"])
def test_another_name_is_refused_with_the_nearest(name: str, hour: Scenario, grid: Network) -> None:
    with pytest.raises(ForecastError, match=r"neither a model nor a folder; (did you mean|known are)"):
        forecaster_for(name, hour, grid)


def test_silence_is_no_forecast(grid: Network) -> None:
    said: object = Silent().update(0.0, np.zeros(lay_out(grid).movements))  # type: ignore[func-returns-value]
    assert said is None


@dataclass(frozen=True, slots=True)
class Scored:
    """Forecasts of the busiest movements beside what came within the 15 minutes after."""

    forecast_veh: Floats
    """[forecast, movement]"""
    low_veh: Floats
    """[forecast, movement]"""
    high_veh: Floats
    """[forecast, movement]"""
    came_veh: Floats
    """[forecast, movement]"""
    rungs: set[str]


def scored(trace: dict[str, Any]) -> Scored:
    """Every forecast of the run whose 15 minutes ended within it."""
    times_s = np.array(trace["times_s"])
    rows: dict[str, list[list[float]]] = {"flow_veh_h": [], "low_veh_h": [], "high_veh_h": [], "came": []}
    rungs: set[str] = set()
    made = [f for f in trace["detectors"][0]["forecasts"] if f["start_s"] + f["bin_s"] <= times_s[-1]]
    for k, one in enumerate(made):
        # The counts of a tick are those since the tick before.
        inside = (times_s > one["start_s"]) & (times_s <= one["start_s"] + one["bin_s"])
        for key in ("flow_veh_h", "low_veh_h", "high_veh_h"):
            rows[key].append([d["forecasts"][k][key] * one["bin_s"] / 3600.0 for d in trace["detectors"]])
        rows["came"].append([float(np.array(d["counts_veh"])[inside].sum()) for d in trace["detectors"]])
        rungs |= {d["forecasts"][k]["rung"] for d in trace["detectors"]}
    flow, low, high, came = (np.array(rows[key]) for key in ("flow_veh_h", "low_veh_h", "high_veh_h", "came"))
    return Scored(flow, low, high, came, rungs)


@pytest.fixture(scope="module")
def in_the_loop(run_in_worker: Callable[[EpisodeSpec], dict[str, Any]]) -> Scored:
    """The whole hour of the grid under the lookahead, with the default forecaster."""
    spec = EpisodeSpec("grid_2x2", "max_pressure", 101, forecast="residual", trace=True)
    return scored(run_in_worker(spec)["trace"])


@pytest.mark.sumo
def test_the_forecast_in_the_loop_is_near_what_comes(in_the_loop: Scored) -> None:
    """Predicting zero has a WAPE of 1; Poisson counts of 20 to 60 in 15 minutes cannot be told better than about 0.1."""
    came = in_the_loop.came_veh
    assert came.shape[0] > 30 and came.min(axis=0).sum() > 50.0
    wape = np.abs(in_the_loop.forecast_veh - came).sum() / came.sum()
    assert wape < 0.30


@pytest.mark.sumo
def test_the_interval_lies_around_the_forecast_and_is_not_boundless(in_the_loop: Scored) -> None:
    """Its coverage is measured in the back-test: here the busiest lane of each turn is looked at because it came out busiest."""
    assert ((in_the_loop.low_veh < in_the_loop.forecast_veh) & (in_the_loop.forecast_veh < in_the_loop.high_veh)).all()
    assert (in_the_loop.high_veh - in_the_loop.low_veh).mean() < 1.5 * in_the_loop.forecast_veh.mean()


@pytest.mark.sumo
def test_every_forecast_says_which_rung_spoke(in_the_loop: Scored) -> None:
    assert in_the_loop.rungs and in_the_loop.rungs <= set(RUNGS)
