"""Rolling-origin back-test: fit on the past, step through days never seen, forecast 15 minutes ahead, score.

At every origin a model is handed the bins before it and nothing else. The rows last value, same time last week and
profile are always there.
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecasting.base import HORIZON_S
from forecasting.fitted import FittedForecaster, calibrated, held_out
from forecasting.history import FlowHistory, check_for_fit
from forecasting.interval import ends_s, recent
from forecasting.models import ALWAYS, DEFAULT, kind
from forecasting.scores import poisson_floor_wape, scores
from signals.errors import ForecastError
from signals.types import Bools, Floats

DEFINITION = (
    "WAPE = 100 sum|y - m| / sum y over all detectors, all hours and all days of the test span. Poisson floor: WAPE of "
    "who knows the mean of every count; it takes the counts seen as their means (of_forecast: the default's forecasts)."
)
BLANK_BINS = 24  # a detector that fails stays silent for six hours of 15-minute bins


@dataclass(frozen=True, slots=True)
class Rolled:
    """Forecasts one horizon ahead from every origin, in vehicles per horizon."""

    count_veh: Floats = field(repr=False)
    """[origin, detector]"""
    low_veh: Floats = field(repr=False)
    """[origin, detector]"""
    high_veh: Floats = field(repr=False)
    """[origin, detector]"""
    predict_s: float  # mean time of one forecast of all detectors


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """One row a model, with what the rows rest on."""

    rows: tuple[dict[str, float | str], ...]
    spans: dict[str, str]
    detectors: int
    bin_s: float
    blank: float
    seed: int
    poisson_floor_wape: float
    poisson_floor_wape_of_forecast: float
    default: str = DEFAULT

    def as_json(self) -> dict[str, Any]:
        """Plain values for json.dump; NaN becomes None."""
        rows = [{k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()} for row in self.rows]
        return {
            "rows": rows,
            "default": self.default,
            "poisson_floor_wape": self.poisson_floor_wape,
            "poisson_floor_wape_of_forecast": self.poisson_floor_wape_of_forecast,
            "horizon_s": HORIZON_S,
            "bin_s": self.bin_s,
            "detectors": self.detectors,
            "blank": self.blank,
            "seed": self.seed,
            "spans": self.spans,
            "definition": DEFINITION,
        }


def run_backtest(
    history: FlowHistory,
    models: tuple[str, ...],
    fit_until: np.datetime64,
    test_from: np.datetime64,
    test_until: np.datetime64,
    *,
    calibrate_from: np.datetime64 | None = None,
    blank: float = 0.0,
    seed: int = 0,
) -> BacktestResult:
    """Fit before `fit_until`, calibrate from `calibrate_from` to `test_from`, test from there to `test_until`.

    `models` are names of MODELS; the standing rows are added. `calibrate_from` defaults to `fit_until`; where nothing
    lies between that and `test_from`, the last fifth of the fit span calibrates. `blank` is the share of six-hour
    stretches in which a detector's counts are hidden from the models (not from the score); they are scored apart as
    `wape_silent`.
    """
    check_for_fit(history, HORIZON_S)
    if not 0.0 <= blank < 1.0:
        raise ForecastError(f"blank is {blank:g}, expected a share from 0 to under 1")
    fit_end, first, last = history.index(fit_until), history.index(test_from), history.index(test_until)
    begin = fit_end if calibrate_from is None else history.index(calibrate_from)
    if not 0 < fit_end <= first < last:
        raise ForecastError(f"spans out of order or outside the counts: fit until {fit_until}, test {test_from} to {test_until}")
    past = history.between(0, fit_end)
    if begin >= first:
        begin = held_out(past)
        past = history.between(0, begin)
        check_for_fit(past, HORIZON_S)
    hidden = blanked(history, first, last, blank, seed)
    rows, rolled = [], {}
    for name in dict.fromkeys((*ALWAYS, *models)):
        row, rolled[name] = _row(name, past, history, hidden, (begin, first, last))
        rows.append(row)
    wape_profile = float(rows[ALWAYS.index("profile")]["wape"])
    for row in rows:
        row["skill_vs_profile"] = 1.0 - float(row["wape"]) / wape_profile
    best = rolled.get(DEFAULT, rolled["profile"])
    true_veh = horizon_counts(history, first, last)
    return BacktestResult(
        rows=tuple(rows),
        spans={
            "fit": f"{past.start} to {past.time(past.bins)}",
            "calibrate": f"{history.time(begin)} to {history.time(first)}",
            "test": f"{history.time(first)} to {history.time(last)}",
        },
        detectors=len(history.detectors),
        bin_s=history.bin_s,
        blank=blank,
        seed=seed,
        poisson_floor_wape=poisson_floor_wape(true_veh),
        poisson_floor_wape_of_forecast=poisson_floor_wape(np.where(np.isfinite(true_veh), best.count_veh, np.nan)),
    )


def _row(
    name: str, past: FlowHistory, history: FlowHistory, hidden: Bools, spans: tuple[int, int, int]
) -> tuple[dict[str, float | str], Rolled]:
    """Fit, calibrate, roll and score one model."""
    begin, first, last = spans
    started = time.perf_counter()
    model = kind(name).fit(past)
    forecaster = calibrated(name, model, history.between(0, first), begin, first)
    fit_s = time.perf_counter() - started
    rolled = roll(forecaster, history.with_gaps(hidden), first, last)
    true_veh = horizon_counts(history, first, last)
    row: dict[str, float | str] = {"model": name, "title": kind(name).title}
    row |= scores(true_veh, rolled.count_veh, rolled.low_veh, rolled.high_veh)
    if hidden.any():
        # Silent: the newest count before the origin was hidden.
        silent = np.where(hidden[first - 1 : last - 1], true_veh, np.nan)
        row["wape_silent"] = scores(silent, rolled.count_veh, rolled.low_veh, rolled.high_veh)["wape"]
    row |= {"fit_s": fit_s, "predict_s": rolled.predict_s}
    return row, rolled


def roll(forecaster: FittedForecaster, history: FlowHistory, first: int, last: int) -> Rolled:
    """Forecasts of the horizon after each origin in first .. last - 1 from the bins before that origin."""
    steps = round(HORIZON_S / history.bin_s)
    out = np.full((3, last - first, len(history.detectors)), np.nan)
    started = time.perf_counter()
    for i, origin in enumerate(range(first, last)):
        window_veh = recent(history, origin, forecaster.model.window_bins)
        forecast = forecaster.predict(window_veh, ends_s(history, origin), steps)
        hours = history.bin_s / 3600.0
        out[0, i] = forecast.flow_veh_h.sum(axis=0) * hours
        # Errors of neighbouring bins are taken as independent: their spreads add in squares.
        below, above = forecast.flow_veh_h - forecast.low_veh_h, forecast.high_veh_h - forecast.flow_veh_h
        out[1, i] = np.maximum(out[0, i] - np.sqrt((below**2).sum(axis=0)) * hours, 0.0)
        out[2, i] = out[0, i] + np.sqrt((above**2).sum(axis=0)) * hours
    predict_s = (time.perf_counter() - started) / max(last - first, 1)
    return Rolled(out[0], out[1], out[2], predict_s)


def horizon_counts(history: FlowHistory, first: int, last: int) -> Floats:
    """True counts [origin, detector] of the horizon after each origin; NaN where a bin of it is missing."""
    steps = round(HORIZON_S / history.bin_s)
    padded = np.pad(history.counts_veh, ((0, steps), (0, 0)), constant_values=np.nan)
    return np.asarray(sum(padded[first + k : last + k] for k in range(steps)))


def blanked(history: FlowHistory, first: int, last: int, share: float, seed: int) -> Bools:
    """Which counts [bin, detector] of the test span are hidden from the models."""
    hidden = np.zeros(history.counts_veh.shape, dtype=np.bool_)
    if share > 0.0:
        rng = np.random.default_rng(seed)
        stretches = rng.random((-(-(last - first) // BLANK_BINS), len(history.detectors))) < share
        hidden[first:last] = np.repeat(stretches, BLANK_BINS, axis=0)[: last - first]
    return hidden
