"""Rolling-origin back-test: fit on the past, step through days never seen, forecast 15 minutes ahead, score.

At every origin a model knows the bins before it and nothing else. The rows last value, same time last week and
profile are always there.
"""

import math
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.base import HORIZON_S
from forecasting.fault_watch import FaultWatch
from forecasting.fitted import FittedForecaster, calibrated, held_out
from forecasting.hearing import copied, screened
from forecasting.history import FlowHistory, check_for_fit
from forecasting.interval import ends_s, recent
from forecasting.models import ALWAYS, DEFAULT, kind
from forecasting.scores import poisson_floor_wape, scores
from forecasting.tracker import Tracker, total_interval
from signals.errors import ForecastError
from signals.types import Bools, Floats
from signals.units import SECONDS_PER_HOUR

DEFINITION = (
    "WAPE = 100 sum|y - m| / sum y over all detectors, all hours and all days of the test span. Poisson floor: WAPE of "
    "who knows the mean of every count; it takes the counts seen as their means (of_forecast: the default's forecasts)."
)
BLANK_S = 6 * 3600.0  # a detector that fails stays silent for so long
Progress = Callable[[str, float], None]
"""What is being done, and which share of all is done."""


@dataclass(frozen=True, slots=True)
class Rolled:
    """Forecasts of the total over the horizon from every origin, in vehicles."""

    count_veh: Floats = field(repr=False)
    """[origin, detector]"""
    low_veh: Floats = field(repr=False)
    """[origin, detector]"""
    high_veh: Floats = field(repr=False)
    """[origin, detector]"""
    predict_s: float  # mean time of one forecast of all detectors
    update_s: float  # mean time of taking in one bin


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """One row a model, with what the rows rest on."""

    rows: tuple[dict[str, float | str], ...]
    spans: dict[str, str]
    names: tuple[str, ...]  # [detector]
    bin_s: float
    horizon_s: float
    blank: float
    seed: int
    poisson_floor_wape: float
    poisson_floor_wape_of_forecast: float
    origins: npt.NDArray[np.datetime64] = field(repr=False)
    """[origin] the moment a forecast is made"""
    truth_veh: Floats = field(repr=False)
    """[origin, detector] the counts of the horizon that follows"""
    silent: Bools = field(repr=False)
    """[origin, detector] the newest count was hidden from the models"""
    rolled: dict[str, Rolled] = field(repr=False)
    default: str = DEFAULT

    def as_json(self) -> dict[str, Any]:
        """Plain values for json.dump; NaN becomes None."""
        rows = [{k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()} for row in self.rows]
        return {
            "rows": rows,
            "default": self.default,
            "poisson_floor_wape": self.poisson_floor_wape,
            "poisson_floor_wape_of_forecast": self.poisson_floor_wape_of_forecast,
            "horizon_s": self.horizon_s,
            "bin_s": self.bin_s,
            "detectors": len(self.names),
            "blank": self.blank,
            "seed": self.seed,
            "spans": self.spans,
            "definition": DEFINITION,
        }


@dataclass(frozen=True, slots=True)
class Split:
    """A history cut for one back-test, by index of bin."""

    history: FlowHistory = field(repr=False)
    past: FlowHistory = field(repr=False)  # what is believed of the fit span
    watch: FaultWatch = field(repr=False)  # over the detectors, from its end on; each model goes on with a copy
    fit_end: int
    begin: int  # of the calibration
    first: int  # origin of the test
    last: int
    leads: int
    hidden: Bools = field(repr=False)
    """[bin, detector] counts of the test span that the models do not see"""


def run_backtest(
    history: FlowHistory,
    models: tuple[str, ...],
    fit_until: np.datetime64,
    test_from: np.datetime64,
    test_until: np.datetime64,
    *,
    horizon_s: float = HORIZON_S,
    calibrate_from: np.datetime64 | None = None,
    blank: float = 0.0,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> BacktestResult:
    """Fit before `fit_until`, calibrate from `calibrate_from` to `test_from`, test from there to `test_until`.

    `models` are names of MODELS; the standing rows are added. `calibrate_from` defaults to `fit_until`; where nothing
    lies between that and `test_from`, the last fifth of the fit span calibrates. Each model learns bin after bin as it
    goes. `blank` is the share of six-hour stretches in which a detector's counts are hidden from the models (not from
    the score); they are scored apart as `wape_silent`. `jobs` models run side by side, each in a process; `progress`
    hears what is being done and which share of all is done.
    """
    check_for_fit(history, horizon_s)
    if not 0.0 <= blank < 1.0:
        raise ForecastError(f"blank is {blank:g}, expected a share from 0 to under 1")
    names = tuple(dict.fromkeys((*ALWAYS, *(name for name in models if kind(name)))))
    split = _split(history, fit_until, test_from, test_until, horizon_s, calibrate_from, blank, seed)
    found = dict(zip(names, _run_all(names, split, jobs, progress), strict=True))
    truth_veh = horizon_counts(history, split.first, split.last, split.leads)
    # Silent: the newest count before the origin was hidden.
    silent = split.hidden[split.first - 1 : split.last - 1]
    rows = tuple(_row(name, fit_s, rolled, truth_veh, silent) for name, (fit_s, rolled) in found.items())
    wape_profile = float(next(row for row in rows if row["model"] == "profile")["wape"])
    for row in rows:
        row["skill_vs_profile"] = 1.0 - float(row["wape"]) / wape_profile if wape_profile > 0.0 else 0.0
    best = found.get(DEFAULT, found["profile"])[1]
    return BacktestResult(
        rows=rows,
        spans={
            "fit": f"{history.time(0)} to {history.time(split.fit_end)}",
            "calibrate": f"{history.time(split.begin)} to {history.time(split.first)}",
            "test": f"{history.time(split.first)} to {history.time(split.last)}",
        },
        names=history.detectors,
        bin_s=history.bin_s,
        horizon_s=horizon_s,
        blank=blank,
        seed=seed,
        poisson_floor_wape=poisson_floor_wape(truth_veh),
        poisson_floor_wape_of_forecast=poisson_floor_wape(np.where(np.isfinite(truth_veh), best.count_veh, np.nan)),
        origins=np.array([history.time(i) for i in range(split.first, split.last)]),
        truth_veh=truth_veh,
        silent=silent,
        rolled={name: rolled for name, (_, rolled) in found.items()},
    )


def _split(
    history: FlowHistory,
    fit_until: np.datetime64,
    test_from: np.datetime64,
    test_until: np.datetime64,
    horizon_s: float,
    calibrate_from: np.datetime64 | None,
    blank: float,
    seed: int,
) -> Split:
    fit_end, first, last = history.index(fit_until), history.index(test_from), history.index(test_until)
    begin = fit_end if calibrate_from is None else history.index(calibrate_from)
    if not 0 < fit_end <= first < last:
        raise ForecastError(f"spans out of order or outside the counts: fit until {fit_until}, test {test_from} to {test_until}")
    if begin >= first:
        begin = fit_end = held_out(history.between(0, fit_end))
    check_for_fit(history.between(0, fit_end), horizon_s)
    hidden = blanked(history, first, last, blank, seed)
    past, watch = screened(history.between(0, fit_end))
    return Split(history, past, watch, fit_end, begin, first, last, round(horizon_s / history.bin_s), hidden)


def _run_all(names: tuple[str, ...], split: Split, jobs: int, progress: Progress | None) -> list[tuple[float, Rolled]]:
    """(seconds to fit, forecasts) of each model, in the order of the names."""
    tell = progress or (lambda what, share: None)
    out: list[tuple[float, Rolled]] = []
    if jobs <= 1:
        for i, name in enumerate(names):
            tell(f"{name}: fit and roll", i / len(names))
            out.append(run_one(name, split))
    else:
        # Spawned, not forked: a process that has started threads must not be forked.
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            waiting = [pool.submit(run_one, name, split) for name in names]
            for i, (name, one) in enumerate(zip(names, waiting, strict=True)):
                tell(f"{name}: fit and roll", i / len(names))
                out.append(one.result())
    tell("done", 1.0)
    return out


def run_one(name: str, split: Split) -> tuple[float, Rolled]:
    """Fit, calibrate and roll one model: seconds to fit, and its forecasts."""
    history = split.history
    started = time.perf_counter()
    model = kind(name).fit(split.past, split.leads)
    fit_s = time.perf_counter() - started
    watch = copied(split.watch, history.bin_s)
    forecaster = calibrated(name, model, history.between(0, split.first), split.begin, split.first, split.leads, watch)
    return fit_s, roll(forecaster, history.with_gaps(split.hidden), split.first, split.last)


def _row(name: str, fit_s: float, rolled: Rolled, truth_veh: Floats, silent: Bools) -> dict[str, float | str]:
    row: dict[str, float | str] = {"model": name, "title": kind(name).title}
    row |= scores(truth_veh, rolled.count_veh, rolled.low_veh, rolled.high_veh)
    if silent.any():
        of_silent = scores(np.where(silent, truth_veh, np.nan), rolled.count_veh, rolled.low_veh, rolled.high_veh)
        row |= {"wape_silent": of_silent["wape"], "coverage_80_silent": of_silent["coverage_80"]}
    return row | {"fit_s": fit_s, "predict_s": rolled.predict_s, "update_s": rolled.update_s}


def roll(forecaster: FittedForecaster, history: FlowHistory, first: int, last: int) -> Rolled:
    """Forecasts of the horizon after each origin in first .. last - 1 from the bins before that origin.

    The forecaster's own model stays as it is: a copy of it learns.
    """
    out = np.full((3, last - first, len(history.detectors)), np.nan)
    tracker = Tracker(forecaster, ends_s(history, first), recent(history, first, forecaster.model.window_bins))
    predict_s = update_s = 0.0
    for i, origin in enumerate(range(first, last)):
        started = time.perf_counter()
        forecast = tracker.forecast()
        out[0, i] = forecast.flow_veh_h.sum(axis=0) * history.bin_s / SECONDS_PER_HOUR
        out[1, i], out[2, i] = total_interval(forecast)
        predicted = time.perf_counter()
        tracker.observe(history.counts_veh[origin], ends_s(history, origin + 1))
        predict_s += predicted - started
        update_s += time.perf_counter() - predicted
    number = max(last - first, 1)
    return Rolled(out[0], out[1], out[2], predict_s / number, update_s / number)


def horizon_counts(history: FlowHistory, first: int, last: int, leads: int) -> Floats:
    """True counts [origin, detector] of the `leads` bins after each origin; NaN where a bin of them is missing."""
    padded = np.pad(history.counts_veh[:last], ((0, leads), (0, 0)), constant_values=np.nan)
    return np.asarray(sum(padded[first + k : last + k] for k in range(leads)))


def blanked(history: FlowHistory, first: int, last: int, share: float, seed: int) -> Bools:
    """Which counts [bin, detector] of the test span are hidden from the models."""
    hidden = np.zeros(history.counts_veh.shape, dtype=np.bool_)
    if share > 0.0:
        rng = np.random.default_rng(seed)
        bins = max(round(BLANK_S / history.bin_s), 1)
        stretches = rng.random((-(-(last - first) // bins), len(history.detectors))) < share
        hidden[first:last] = np.repeat(stretches, bins, axis=0)[: last - first]
    return hidden
