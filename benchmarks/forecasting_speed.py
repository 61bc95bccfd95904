"""What a city's forecasts cost: time of a forecast and of an update with every bin of a day, memory, and time to fit.

`python -m benchmarks.forecasting_speed [--json FILE]`. One core, bins of 15 minutes, intervals included. A large city is a
small fitted one, many times over: its counts are made up, its tables are as large as real ones. Machines differ: compare
the ratios to the last value going on, computed in the same process. Wall times of a busy machine are too long: see cpu.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.provenance import provenance
from forecasting.fault_watch import FaultWatch
from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory
from forecasting.interval import ends_s, recent
from forecasting.models import DEFAULT, fit_forecaster, kind
from forecasting.persistence import recent_mean
from forecasting.tracker import Tracker

SIZES, FIT_SIZES = (100, 1000, 10_000, 200_000), (1000, 10_000)
FIT_DAYS, SMALL_DAYS = 28, 14
SMALL = 331  # detectors of the city that larger ones are made of; no table has another axis of this length
BIN_S, DAY_BINS = 900.0, 96
WARM_UP = 3  # bins that are not timed
SILENT_SHARE, SILENT_BINS = 0.03, 24
REFERENCE_CALLS = 7
Row = dict[str, float | str]


def synthetic(detectors: int, days: int, rng: np.random.Generator) -> FlowHistory:
    """Counts of a city from a Monday on: two peaks a day, quieter weekends, a common drift, and stretches of silence."""
    hour = np.arange(DAY_BINS) / 4.0
    day = 0.1 + np.exp(-((hour - 8.0) ** 2) / 4.0) + 0.8 * np.exp(-((hour - 17.5) ** 2) / 6.0)
    drift = np.zeros(days * DAY_BINS)
    for t in range(1, len(drift)):
        drift[t] = 0.95 * drift[t - 1] + 0.03 * rng.standard_normal()
    weekend = np.repeat(np.where(np.arange(days) % 7 >= 5, 0.7, 1.0), DAY_BINS)
    level_veh = rng.lognormal(3.0, 0.8, detectors)
    counts_veh = rng.poisson((np.tile(day, days) * weekend * np.exp(drift))[:, None] * level_veh).astype(np.float64)
    silent = rng.random((-(-len(drift) // SILENT_BINS), detectors)) < SILENT_SHARE
    counts_veh[np.repeat(silent, SILENT_BINS, axis=0)[: len(drift)]] = np.nan
    return FlowHistory(np.datetime64("2024-04-01T00:00:00", "s"), BIN_S, tuple(f"d{k}" for k in range(detectors)), counts_veh)


def tiled(fitted: FittedForecaster, detectors: int) -> FittedForecaster:
    """A forecaster of so many detectors, the fitted ones over and over."""
    was = len(fitted.detectors)
    place = np.arange(detectors) % was

    def wide(array: Any) -> Any:
        for axis in range(np.ndim(array)):
            array = np.take(array, place, axis=axis) if array.shape[axis] == was else array
        return array

    model = type(fitted.model).from_arrays({name: wide(np.asarray(array)) for name, array in fitted.model.arrays().items()}, fitted.bin_s)
    band = replace(fitted.band, low=wide(fitted.band.low), high=wide(fitted.band.high))
    watch = fitted.watch
    if watch is not None:
        watch = FaultWatch.from_arrays({name: wide(np.asarray(array)) for name, array in watch.arrays().items()}, fitted.bin_s)
    names = tuple(f"d{k}" for k in range(detectors))
    return replace(fitted, detectors=names, model=model, band=band, watch=watch)


def memory_mb(what: str = "VmRSS") -> float:
    """Memory of this process that is in use, or with VmHWM the most that was; NaN where the system does not tell [MB]."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith(what):
                return float(line.split()[1]) / 1e3
    return float("nan")


def timed_ms(call: Callable[[], object]) -> tuple[float, float]:
    """Wall time and processor time of a call [ms]."""
    started, began = time.perf_counter(), time.process_time()
    call()
    return 1e3 * (time.perf_counter() - started), 1e3 * (time.process_time() - began)


def online_row(name: str, detectors: int, bins: int = DAY_BINS, small: int = SMALL, days: int = SMALL_DAYS) -> Row:
    """A day of forecasts and updates of so many detectors."""
    small = min(small, detectors)
    history = synthetic(small, days + 2, np.random.default_rng(1))
    first = days * DAY_BINS
    fitted = fit_forecaster(history.between(0, first), name)
    before_mb = memory_mb()
    place = np.arange(detectors) % small
    window_veh = recent(history, first, fitted.model.window_bins)[:, place]
    tracker = Tracker(tiled(fitted, detectors), ends_s(history, first), window_veh, takes_over=True)
    forecast, update = [], []
    for origin in range(first, first + WARM_UP + bins):
        counts_veh = history.counts_veh[origin, place]
        forecast.append(timed_ms(tracker.forecast))
        update.append(timed_ms(lambda: tracker.observe(counts_veh)))  # noqa: B023  # called at once
    held_mb = memory_mb() - before_mb
    reference_ms = float(np.median([timed_ms(lambda: recent_mean(window_veh))[0] for _ in range(REFERENCE_CALLS)]))
    row: Row = {"model": name, "detectors": float(detectors), "memory_mb": round(held_mb), "last_value_ms": round(reference_ms, 4)}
    for what, found in (("forecast", forecast), ("update", update)):
        wall, cpu = np.array(found[WARM_UP:]).T
        row |= {f"{what}_ms": round(float(np.median(wall)), 3), f"{what}_worst_ms": round(float(wall.max()), 3)}
        row |= {f"{what}_cpu_ms": round(float(np.median(cpu)), 3), f"{what}_worst_cpu_ms": round(float(cpu.max()), 3)}
        row[f"{what}_ratio"] = round(float(np.median(wall)) / reference_ms, 2)
    return row


def fit_row(name: str, detectors: int, days: int = FIT_DAYS) -> Row:
    """A fit, and one whose interval is calibrated, to so many detectors and days."""
    history = synthetic(detectors, days, np.random.default_rng(1))
    before_mb = memory_mb()
    fit_ms = timed_ms(lambda: kind(name).fit(history, 1))
    whole_ms = timed_ms(lambda: fit_forecaster(history, name))
    return {
        "model": name,
        "detectors": float(detectors),
        "days": float(days),
        "fit_s": round(fit_ms[0] / 1e3, 2),
        "fit_cpu_s": round(fit_ms[1] / 1e3, 2),
        "fit_and_calibrate_s": round(whole_ms[0] / 1e3, 2),
        "fit_and_calibrate_cpu_s": round(whole_ms[1] / 1e3, 2),
        "peak_mb": round(memory_mb("VmHWM") - before_mb),
    }


def alone(measure: Callable[..., Row], *arguments: object) -> Row:
    """What a fresh process measures: nothing is left in its memory from before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def table(rows: list[Row]) -> str:
    """Columns under their names."""
    names = list(rows[0])
    cells = [names, *([str(row[name]) for name in names] for row in rows)]
    wide = [max(len(line[k]) for line in cells) for k in range(len(names))]
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(line, wide, strict=True)) for line in cells) + "\n\n"


def main(arguments: list[str] | None = None) -> int:
    """Time everything, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasting_speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of detectors, with commas between")
    parser.add_argument("--fit-sizes", default=",".join(map(str, FIT_SIZES)), help="the same for the fit; empty: none")
    chosen = parser.parse_args(arguments)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # heard by the processes that measure
    online = [alone(online_row, chosen.model, int(word)) for word in chosen.sizes.split(",")]
    sys.stdout.write(table(online))
    fits = [alone(fit_row, chosen.model, int(word)) for word in chosen.fit_sizes.split(",") if word]
    if fits:
        sys.stdout.write(table(fits))
    if chosen.json is not None:
        command = " ".join(["python -m benchmarks.forecasting_speed", *(arguments if arguments is not None else sys.argv[1:])])
        origin = provenance(datetime.now(UTC).strftime("%Y-%m-%d"), command)
        origin["load_average"] = round(os.getloadavg()[1], 1)  # of the last five minutes: who else was at work
        chosen.json.write_text(json.dumps({"provenance": origin, "online": online, "fit": fits}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
