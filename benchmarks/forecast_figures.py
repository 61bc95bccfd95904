"""The committed back-tests of the forecaster: healthy, with detectors silent, and with one day of own history.

`python -m benchmarks.forecast_figures --counts odot --out benchmarks/baselines/forecast_odot.json` and, where the Melbourne
counts are at hand, `--counts FILE --fit-until 2006-10-22 --test-from 2006-10-25 --test-until 2006-11-01`.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from citybrain.output import writable, write_text
from citybrain.wire import finite
from forecasting import odot
from forecasting.backtest import BacktestResult, run_backtest
from forecasting.history import FlowHistory, read
from forecasting.models import ALWAYS, DEFAULT, MODELS
from forecasting.store import code_version
from signals.errors import ForecastError
from signals.types import Bools

ODOT_SPLIT = ("2024-05-04", "2024-05-07", "2024-05-14")
BLANK = 0.15
FOLDS = 5  # each detector is the newcomer in one of them
HOUR_BLOCKS = ((0, 6), (6, 10), (10, 15), (15, 19), (19, 24))
NEWCOMERS = ("profile", DEFAULT)
console = Console(stderr=True)

Spans = tuple[np.datetime64, np.datetime64, np.datetime64]


def healthy_and_silent(history: FlowHistory, spans: Spans, models: Sequence[str], jobs: int) -> dict[str, Any]:
    """The rows of both, with the coverage of each block of hours."""
    healthy = run_backtest(history, tuple(models), *spans, jobs=jobs)
    silent = run_backtest(history, tuple(models), *spans, blank=BLANK, jobs=jobs)
    coverage = {name: block_coverage(healthy, name) for name in healthy.rolled}
    return {
        **healthy.as_json(),
        "coverage_80_by_hours": coverage,
        "rows_with_blanks": silent.as_json()["rows"],
        "blank_of_rows_with_blanks": BLANK,
    }


def block_coverage(result: BacktestResult, model: str) -> dict[str, float]:
    """Share [%] of counts inside the interval, for forecasts made in each block of hours."""
    rolled = result.rolled[model]
    hour = result.origins.astype("datetime64[h]").astype(np.int64) % 24
    known = np.isfinite(result.truth_veh) & np.isfinite(rolled.high_veh)
    inside = (result.truth_veh >= rolled.low_veh) & (result.truth_veh <= rolled.high_veh)
    blocks = {}
    for first, last in HOUR_BLOCKS:
        chosen = known & ((hour >= first) & (hour < last))[:, None]
        blocks[f"{first:02d}-{last:02d}"] = float(100.0 * inside[chosen].mean()) if chosen.any() else float("nan")
    return blocks


def with_newcomers(history: FlowHistory, spans: Spans, days: int) -> dict[str, float]:
    """WAPE [%] over detectors of which only the last `days` days before the test are known, a fifth of them at a time."""
    first = history.index(spans[1])
    error_veh = dict.fromkeys(NEWCOMERS, 0.0)
    total_veh = dict.fromkeys(NEWCOMERS, 0.0)
    for fold in range(FOLDS):
        new = np.arange(len(history.detectors)) % FOLDS == fold
        hidden: Bools = np.zeros(history.counts_veh.shape, dtype=np.bool_)
        hidden[: max(first - days * history.slots, 0), new] = True
        result = run_backtest(history.with_gaps(hidden), NEWCOMERS, *spans)
        for name in NEWCOMERS:
            apart = np.abs(result.truth_veh - result.rolled[name].count_veh)[:, new]
            known = np.isfinite(apart)
            error_veh[name] += float(apart[known].sum())
            total_veh[name] += float(result.truth_veh[:, new][known].sum())
    return {name: 100.0 * error_veh[name] / total_veh[name] if total_veh[name] else float("nan") for name in NEWCOMERS}


def figures(counts: str, spans: Spans, models: Sequence[str], newcomer_days: Sequence[int], jobs: int) -> dict[str, Any]:
    """All of it, with what it rests on."""
    history = odot.load() if counts == "odot" else read(Path(counts))
    console.print("healthy and silent ...")
    result = healthy_and_silent(history, spans, models, jobs)
    newcomers = {}
    for days in newcomer_days:
        console.print(f"{days} days of own history ...")
        newcomers[str(days)] = with_newcomers(history, spans, days)
    made = {"code": code_version(), "python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
    return {**result, "wape_by_days_of_own_history": newcomers, "made_with": made}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecast_figures", description=__doc__)
    parser.add_argument("--counts", default="odot", help="odot, or a table of counts")
    for option, day in zip(("--fit-until", "--test-from", "--test-until"), ODOT_SPLIT, strict=True):
        parser.add_argument(option, default=day)
    parser.add_argument("--models", default=",".join(MODELS), help="names separated by commas")
    parser.add_argument("--newcomer-days", default="1", help="days of own history separated by commas")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args(arguments)
    try:
        spans = np.datetime64(given.fit_until, "s"), np.datetime64(given.test_from, "s"), np.datetime64(given.test_until, "s")
        models = tuple(dict.fromkeys((*ALWAYS, *given.models.split(","))))
        days = [int(text) for text in given.newcomer_days.split(",") if text]
        writable(given.out)
        found = figures(given.counts, spans, models, days, given.jobs)
    except (ForecastError, ValueError) as why:
        console.print(f"forecast_figures: {why}", style="red", markup=False)
        return 2
    told = " ".join(arguments if arguments is not None else sys.argv[1:])
    if given.counts != "odot":
        told = told.replace(given.counts, Path(given.counts).name)
    found = {"command": f"python -m benchmarks.forecast_figures {told}", **found}
    write_text(given.out, json.dumps(finite(found), indent=1, allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
