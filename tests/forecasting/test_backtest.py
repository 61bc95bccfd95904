import json
from dataclasses import replace

import numpy as np
import pytest

from forecasting.backtest import BacktestResult, blanked, horizon_counts, roll, run_backtest
from forecasting.base import HORIZON_S
from forecasting.fitted import calibrated
from forecasting.history import FlowHistory
from forecasting.models import DEFAULT, MODELS, fit_forecaster, kind
from signals.errors import ForecastError

FIT, TEST, END = 12, 15, 19


QUICK = ("residual",)


def run(site: FlowHistory, blank: float = 0.0, seed: int = 0, models: tuple[str, ...] = QUICK) -> BacktestResult:
    return run_backtest(site, models, site.time(FIT * 96), site.time(TEST * 96), site.time(END * 96), blank=blank, seed=seed)


@pytest.fixture(scope="module")
def result(site: FlowHistory) -> BacktestResult:
    return run(site, models=tuple(MODELS))


def wapes(result: BacktestResult) -> dict[str, float]:
    return {str(row["model"]): float(row["wape"]) for row in result.rows}


def test_the_order_is_what_theory_says(result: BacktestResult) -> None:
    found = wapes(result)
    assert found["residual"] < found["profile"] < found["last"]
    assert found["profile"] < found["week"]
    assert found["residual"] > result.poisson_floor_wape
    assert result.default == DEFAULT


def test_intervals_hold_about_four_of_five(result: BacktestResult) -> None:
    for row in result.rows:
        assert 72.0 < float(row["coverage_80"]) < 90.0, row["model"]


def test_the_standing_rows_are_always_there(site: FlowHistory) -> None:
    one = run_backtest(site, (), site.time(FIT * 96), site.time(TEST * 96), site.time(END * 96))
    assert [row["model"] for row in one.rows] == ["last", "week", "profile"]
    assert float(one.rows[2]["skill_vs_profile"]) == 0.0


@pytest.mark.parametrize("name", MODELS)
def test_changing_the_future_moves_no_forecast(name: str, site: FlowHistory) -> None:
    first, last, changed = TEST * 96, TEST * 96 + 40, TEST * 96 + 20
    rng = np.random.default_rng(4)
    counts_veh = site.counts_veh.copy()
    counts_veh[changed:] = rng.poisson(300.0, counts_veh[changed:].shape)
    other = replace(site, counts_veh=counts_veh)

    def forecasts(history: FlowHistory) -> np.ndarray:
        model = kind(name).fit(history.between(0, FIT * 96))
        rolled = roll(calibrated(name, model, history.between(0, first), FIT * 96, first), history, first, last)
        return np.stack((rolled.count_veh, rolled.low_veh, rolled.high_veh))

    here, there = forecasts(site), forecasts(other)
    np.testing.assert_array_equal(here[:, : changed - first + 1], there[:, : changed - first + 1])
    # The change is large enough to be seen by those who may see it.
    if name in ("last", "residual"):
        assert (here[0, changed - first + 1] != there[0, changed - first + 1]).all()


def test_counts_after_the_test_span_move_no_row(site: FlowHistory) -> None:
    counts_veh = site.counts_veh.copy()
    counts_veh[END * 96 :] = 0.0
    after = run(replace(site, counts_veh=counts_veh))
    assert wapes(after) == wapes(run(site))


def test_a_silent_detector_costs_no_more_than_its_profile(site: FlowHistory) -> None:
    rows = {str(row["model"]): row for row in run(site, blank=0.2, seed=1).rows}
    assert float(rows["residual"]["wape_silent"]) == pytest.approx(float(rows["profile"]["wape_silent"]), rel=0.03)
    assert np.isnan(float(rows["last"]["wape_silent"]))


def test_blanks_are_of_the_seed_and_about_the_share(site: FlowHistory) -> None:
    hidden = blanked(site, 0, site.bins, 0.3, seed=2)
    assert hidden.mean() == pytest.approx(0.3, abs=0.06)
    np.testing.assert_array_equal(hidden, blanked(site, 0, site.bins, 0.3, seed=2))
    assert not blanked(site, 0, site.bins, 0.0, seed=2).any()


def test_the_result_is_plain_json(result: BacktestResult) -> None:
    again = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert {row["model"] for row in again["rows"]} == set(MODELS)
    assert {"mae", "rmse", "wape", "coverage_80", "fit_s", "predict_s"} <= set(again["rows"][0])
    assert again["horizon_s"] == HORIZON_S


def test_finer_bins_are_summed_over_the_horizon(site: FlowHistory) -> None:
    rng = np.random.default_rng(6)
    fine = FlowHistory(site.start, 300.0, ("A",), rng.poisson(20.0, (12 * 288, 1)).astype(np.float64))
    np.testing.assert_array_equal(horizon_counts(fine, 0, 3, 3)[:1], fine.counts_veh[:3].sum(axis=0)[None])
    rolled = roll(fit_forecaster(fine, "residual", leads=3), fine, 11 * 288, 11 * 288 + 200)
    assert rolled.count_veh.mean() == pytest.approx(60.0, rel=0.1)
    true_veh = horizon_counts(fine, 11 * 288, 11 * 288 + 200, 3)
    assert np.isnan(true_veh[-2:]).all()  # these end after the span
    rolled, true_veh = replace(rolled, low_veh=rolled.low_veh[:-2], high_veh=rolled.high_veh[:-2]), true_veh[:-2]
    inside = (true_veh >= rolled.low_veh) & (true_veh <= rolled.high_veh)
    assert 0.65 < inside.mean() < 0.95


def test_without_a_calibration_span_the_last_days_of_the_fit_calibrate(site: FlowHistory) -> None:
    found = run_backtest(site, (), site.time(TEST * 96), site.time(TEST * 96), site.time(END * 96))
    assert found.spans["calibrate"].endswith(str(site.time(TEST * 96)))
    assert found.spans["fit"].endswith(str(site.time((TEST - 3) * 96)))


@pytest.mark.parametrize(
    ("days", "blank", "sentence"),
    [
        ((12, 10, 14), 0.0, "out of order"),
        ((0, 10, 14), 0.0, "out of order"),
        ((10, 14, 14), 0.0, "out of order"),
        ((12, 14, 16), 1.0, "blank is 1"),
    ],
)
def test_spans_that_make_no_sense_are_refused(site: FlowHistory, days: tuple[int, int, int], blank: float, sentence: str) -> None:
    fit, test, end = days
    with pytest.raises(ForecastError, match=sentence):
        run_backtest(site, (), site.time(fit * 96), site.time(test * 96), site.time(end * 96), blank=blank)


def test_an_unknown_model_is_refused(site: FlowHistory) -> None:
    with pytest.raises(ForecastError, match="no forecaster is called 'oracle'"):
        run_backtest(site, ("oracle",), site.time(FIT * 96), site.time(TEST * 96), site.time(END * 96))
