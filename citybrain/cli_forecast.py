"""`citybrain forecast fit|backtest|predict`: the forecaster on a table of counts."""

from __future__ import annotations

import csv
import importlib
import io
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from citybrain.output import writable, write_text
from citybrain.wire import finite
from citybrain.wording import number
from forecasting import count_book, odot, store
from forecasting.backtest import BacktestResult, run_backtest
from forecasting.base import HORIZON_S
from forecasting.history import FlowHistory, check_for_fit, read
from forecasting.models import DEFAULT, MODELS, kind
from forecasting.tracker import brought_up_to
from signals.errors import ForecastError
from signals.types import FlowForecast

console = Console()
forecast_app = typer.Typer(no_args_is_help=True, help="Fit, back-test and run the 15-minute flow forecaster on a table of counts.")

Counts = Annotated[
    str,
    typer.Option(
        help="wide .csv, .csv.gz or .parquet: a timestamp column, one column a detector; or the folder `counts` that a service fills; "
        "`odot` is the table in the package"
    ),
]
BinMinutes = Annotated[float | None, typer.Option(help="sum the counts into bins of so many minutes; default: the table's own")]
HorizonMinutes = Annotated[float, typer.Option(help="how far ahead; the bins must divide it")]
HORIZON_MIN = HORIZON_S / 60.0
ODOT_SPLIT = ("2024-05-04", "2024-05-07", "2024-05-14")
SPLIT_OPTIONS = ("--fit-until", "--test-from", "--test-until")
REPORT, RESULT = "report.html", "backtest.json"
FORECAST_COLUMNS = ("detector", "bin", "flow_veh_h", "low_veh_h", "high_veh_h", "rung")


def history_of(counts: str, bin_s: float | None = None, horizon_s: float = HORIZON_S, for_fit: bool = True) -> FlowHistory:
    """The named table, `odot` or a file, in bins of `bin_s`; with a progress bar on a terminal."""
    if count_book.is_book(Path(counts)):
        history = count_book.read(Path(counts))
        history = history if bin_s is None else history.in_bins(bin_s)
    elif counts != "odot":
        with progress_bar() as tell:
            return read(Path(counts), horizon_s, for_fit, bin_s, progress=lambda share: tell(f"reading {Path(counts).name}", share))
    else:
        history = odot.load() if bin_s is None else odot.load().in_bins(bin_s)
    if for_fit:
        check_for_fit(history, horizon_s)
    return history


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """A function that shows what is being done and which share of it is done; it shows nothing where nobody looks."""
    terminal = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
        console=terminal, transient=True, disable=not terminal.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)


def seconds(minutes: float | None) -> float | None:
    """Minutes of an option in seconds."""
    return None if minutes is None else 60.0 * minutes


def moment(text: str, option: str) -> np.datetime64:
    """A day or a time of an option; ForecastError otherwise."""
    try:
        found: np.datetime64 = np.datetime64(text, "s")
    except ValueError:
        found = np.datetime64("NaT", "s")
    if np.isnat(found):
        raise ForecastError(f"{option} {text!r}: expected a time such as 2024-05-04 or 2024-05-04T06:00")
    return found


def split_of(counts: str, texts: tuple[str, str, str]) -> tuple[np.datetime64, np.datetime64, np.datetime64]:
    """End of the fit, begin and end of the test, in this order; the packed table has a split of its own."""
    words = tuple(text or own for text, own in zip(texts, ODOT_SPLIT, strict=True)) if counts == "odot" else texts
    moments = [moment(text, option) if text else None for option, text in zip(SPLIT_OPTIONS, words, strict=True)]
    fit_until, test_from, test_until = moments
    if fit_until is None or test_from is None or test_until is None:
        missing = SPLIT_OPTIONS[moments.index(None)]
        raise ForecastError(f"{missing} is missing: expected a time such as 2024-05-04 or 2024-05-04T06:00")
    if not fit_until <= test_from < test_until:
        raise ForecastError(f"the test from {words[1]} to {words[2]} must come after the fit until {words[0]}, and end after it begins")
    return fit_until, test_from, test_until


def models_of(text: str) -> tuple[str, ...]:
    """The names in a list with commas, or all; ForecastError with the nearest name where one is unknown."""
    return tuple(MODELS) if text == "all" else tuple(name for name in (part.strip() for part in text.split(",")) if kind(name))


@forecast_app.command()
def fit(
    out: Annotated[Path, typer.Option(help="folder for arrays and card")],
    counts: Counts = "odot",
    model: Annotated[str, typer.Option(help="which model")] = DEFAULT,
    bin_minutes: BinMinutes = None,
    horizon_minutes: HorizonMinutes = HORIZON_MIN,
) -> None:
    """Fit a model to all of a table and store it as arrays and a JSON card."""
    kind(model)
    writable(out / store.CARD)
    history = history_of(counts, seconds(bin_minutes), 60.0 * horizon_minutes)
    leads = round(60.0 * horizon_minutes / history.bin_s)
    forecaster = store.fit_and_store(history, model, out, source=counts, leads=leads)
    console.print(
        f"{forecaster.name} for {len(forecaster.detectors)} detectors, bins of {forecaster.bin_s / 60:g} min, stored in {escape(str(out))}"
    )


@forecast_app.command()
def backtest(
    counts: Counts = "odot",
    fit_until: Annotated[str, typer.Option(help="end of the fit")] = "",
    test_from: Annotated[str, typer.Option(help="begin of the test; what lies between calibrates the intervals")] = "",
    test_until: Annotated[str, typer.Option(help="end of the test")] = "",
    bin_minutes: BinMinutes = None,
    horizon_minutes: HorizonMinutes = HORIZON_MIN,
    models: Annotated[str, typer.Option(help="names separated by commas, or all")] = "all",
    blank: Annotated[float, typer.Option(help="share of the detectors' test time to hide")] = 0.0,
    jobs: Annotated[int, typer.Option(help="models at a time")] = 1,
    out: Annotated[str, typer.Option(help="folder for the HTML report and the rows")] = "",
    json_file: Annotated[str, typer.Option("--json", help="write the rows here")] = "",
) -> None:
    """Step through days never seen, forecast 15 minutes ahead, and score against last value, last week and profile."""
    names = models_of(models)
    if not 0.0 <= blank < 1.0:
        raise ForecastError(f"--blank {blank:g}: expected a share from 0 to under 1")
    if jobs < 1:
        raise ForecastError(f"--jobs {jobs}: expected 1 or more")
    files = [Path(json_file)] if json_file else []
    if out:
        importlib.import_module("citybrain.report").require_extra()
        files += [Path(out) / RESULT, Path(out) / REPORT]
    for file in files:
        writable(file)
    spans = split_of(counts, (fit_until, test_from, test_until))
    history = history_of(counts, seconds(bin_minutes), 60.0 * horizon_minutes)
    with progress_bar() as tell:
        result = run_backtest(history, names, *spans, horizon_s=60.0 * horizon_minutes, blank=blank, jobs=jobs, progress=tell)
    if json_file:
        write_result(Path(json_file), result)
    if out:
        write_result(Path(out) / RESULT, result)
        page = importlib.import_module("citybrain.forecast_report")
        page.write_forecast_report(Path(out) / REPORT, result, {"table": counts, "command": shlex.join(["citybrain", *sys.argv[1:]])})
    print_rows(result)


def write_result(path: Path, result: BacktestResult) -> None:
    """The rows as JSON."""
    write_text(path, json.dumps(finite(result.as_json()), indent=1, allow_nan=False) + "\n")


def print_rows(result: BacktestResult) -> None:
    """A line a model."""
    table = Table("model", "WAPE %", "MAE veh", "RMSE veh", "inside 80 % interval", "skill", "fit s", "forecast ms", box=None)
    for row in result.rows:
        shown = (("wape", 2), ("mae", 2), ("rmse", 2), ("coverage_80", 1), ("skill_vs_profile", 3), ("fit_s", 2))
        cells = [number(float(row[key]), digits) for key, digits in shown]
        table.add_row(str(row["model"]), *cells, number(1000.0 * float(row["predict_s"]), 2))
    console.print(table)
    console.print(f"Poisson floor {result.poisson_floor_wape:.1f} %; the service uses {result.default!r}; test {result.spans['test']}")


@forecast_app.command()
def predict(
    model: Annotated[Path, typer.Option(help="folder that `forecast fit` made")],
    counts: Counts = "odot",
    at: Annotated[str, typer.Option(help="forecast from this time on; default: the table's end")] = "",
    bins: Annotated[int, typer.Option(help="how many bins ahead")] = 1,
    out: Annotated[str, typer.Option(help="write CSV here instead of the screen")] = "",
) -> None:
    """Forecast each detector's coming bins with 80 % intervals; finer counts are summed into the model's bins."""
    if bins < 1:
        raise ForecastError(f"--bins {bins}: expected 1 or more")
    if out:
        writable(Path(out))
    when, forecaster = moment(at, "--at") if at else None, store.load(model)
    history = history_of(counts, forecaster.bin_s, for_fit=False)
    origin = history.bins if when is None else history.index(when)
    # What the table holds since the fit is learned first, as a service would have done.
    found = brought_up_to(forecaster, history, origin, store.fitted_until(model)).ahead(bins)
    rows = forecast_rows(forecaster.detectors, found)
    if out:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([FORECAST_COLUMNS, *rows])
        write_text(Path(out), text.getvalue())
        return
    table = Table(*FORECAST_COLUMNS, box=None)
    for row in rows:
        table.add_row(*(escape(str(x)) for x in row))
    console.print(table)


def forecast_rows(detectors: tuple[str, ...], found: FlowForecast) -> list[list[str | int | float]]:
    """A row for each detector and bin."""
    flows = (found.flow_veh_h, found.low_veh_h, found.high_veh_h)
    return [
        [name, b + 1, *(round(float(flow_veh_h[b, d]), 1) for flow_veh_h in flows), found.rung[d]]
        for d, name in enumerate(detectors)
        for b in range(len(found.flow_veh_h))
    ]
