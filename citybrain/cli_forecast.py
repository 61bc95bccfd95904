"""`citybrain forecast fit|backtest|predict`: the forecaster on a table of counts."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from citybrain.output import writable, write_text
from citybrain.wire import finite
from forecasting import odot, store
from forecasting.backtest import BacktestResult, run_backtest
from forecasting.fitted import predict as predict_table
from forecasting.history import FlowHistory, read
from forecasting.models import DEFAULT, MODELS, kind
from signals.errors import ForecastError

console = Console()
forecast_app = typer.Typer(no_args_is_help=True, help="Fit, back-test and run the 15-minute flow forecaster on a table of counts.")

Counts = Annotated[str, typer.Option(help="wide CSV: a timestamp column, one column a detector; `odot` is the table in the package")]
ODOT_SPLIT = ("2024-05-04", "2024-05-07", "2024-05-14")


def history_of(counts: str) -> FlowHistory:
    """The named table: `odot`, or a file."""
    return odot.load() if counts == "odot" else read(Path(counts))


def moment(text: str, option: str) -> np.datetime64:
    """A day or a time of an option; ForecastError otherwise."""
    try:
        found: np.datetime64 = np.datetime64(text, "s")
    except ValueError:
        found = np.datetime64("NaT", "s")
    if np.isnat(found):
        raise ForecastError(f"{option} {text!r}: expected a time such as 2024-05-04 or 2024-05-04T06:00")
    return found


@forecast_app.command()
def fit(
    out: Annotated[Path, typer.Option(help="folder for arrays and card")],
    counts: Counts = "odot",
    model: Annotated[str, typer.Option(help="which model")] = DEFAULT,
) -> None:
    """Fit a model to all of a table and store it as arrays and a JSON card."""
    forecaster = store.fit_and_store(history_of(counts), model, out, source=counts)
    console.print(f"{forecaster.name} for {len(forecaster.detectors)} detectors, bins of {forecaster.bin_s / 60:.0f} min, stored in {out}")


@forecast_app.command()
def backtest(
    counts: Counts = "odot",
    fit_until: Annotated[str, typer.Option(help="end of the fit")] = ODOT_SPLIT[0],
    test_from: Annotated[str, typer.Option(help="begin of the test; what lies between calibrates the intervals")] = ODOT_SPLIT[1],
    test_until: Annotated[str, typer.Option(help="end of the test")] = ODOT_SPLIT[2],
    models: Annotated[str, typer.Option(help="names separated by commas, or all")] = "all",
    blank: Annotated[float, typer.Option(help="share of the detectors' test time to hide")] = 0.0,
    json_file: Annotated[str, typer.Option("--json", help="write the rows here")] = "",
) -> None:
    """Step through days never seen, forecast 15 minutes ahead, and score against last value, last week and profile."""
    names = tuple(MODELS) if models == "all" else tuple(m for m in models.split(",") if kind(m))
    spans = (moment(fit_until, "--fit-until"), moment(test_from, "--test-from"), moment(test_until, "--test-until"))
    if json_file:
        writable(Path(json_file))
    result = run_backtest(history_of(counts), names, *spans, blank=blank)
    if json_file:
        write_text(Path(json_file), json.dumps(finite(result.as_json()), indent=1, allow_nan=False) + "\n")
    print_rows(result)


def print_rows(result: BacktestResult) -> None:
    """A line a model."""
    table = Table("model", "WAPE %", "MAE veh", "RMSE veh", "80 % interval covers %", "skill vs profile", "fit s", box=None)
    for row in result.rows:
        table.add_row(
            str(row["model"]), f"{row['wape']:.1f}", f"{row['mae']:.2f}", f"{row['rmse']:.2f}",
            f"{row['coverage_80']:.0f}", f"{row['skill_vs_profile']:.3f}", f"{row['fit_s']:.2f}",
        )  # fmt: skip
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
    """Forecast each detector's coming bins with 80 % intervals."""
    if bins < 1:
        raise ForecastError(f"--bins {bins}: expected 1 or more")
    if out:
        writable(Path(out))
    history, forecaster = history_of(counts), store.load(model)
    found = predict_table(forecaster, history, moment(at, "--at") if at else None, bins)
    rows = [
        [
            name,
            b + 1,
            round(found.flow_veh_h[b, d], 1),
            round(found.low_veh_h[b, d], 1),
            round(found.high_veh_h[b, d], 1),
            found.rung[d],
        ]
        for d, name in enumerate(forecaster.detectors)
        for b in range(bins)
    ]
    header = ["detector", "bin", "flow_veh_h", "low_veh_h", "high_veh_h", "rung"]
    if out:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        write_text(Path(out), text.getvalue())
        return
    table = Table(*header, box=None)
    for row in rows:
        table.add_row(*(str(x) for x in row))
    console.print(table)
