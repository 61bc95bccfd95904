"""A back-test as one HTML page that needs nothing else: the rows, pictures of them, and where the numbers come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from citybrain.drawing import module
from citybrain.drawing_backtest import coverage_by_hour, detector_dots, detector_word, error_by_hour, follow_plot, wape_bars
from citybrain.forecast_breakdown import LEAST_SHARE, breakdown, detector_wapes, floor_wapes, subject, worst_and_median
from citybrain.output import write_text
from citybrain.report_pictures import Figure
from citybrain.wording import number
from forecasting.backtest import DEFINITION, BacktestResult

TEMPLATE = Path(__file__).with_name("forecast.html")
COLUMNS = (
    ("wape", "WAPE", "%", 2, 1.0),
    ("wape_silent", "WAPE of silent detectors", "%", 2, 1.0),
    ("skill_vs_profile", "skill against the profile", "", 3, 1.0),
    ("mae", "MAE", "veh", 2, 1.0),
    ("rmse", "RMSE", "veh", 2, 1.0),
    ("mape", "MAPE over 10 veh", "%", 1, 1.0),
    ("pinball", "pinball loss", "veh", 2, 1.0),
    ("coverage_80", "inside the 80 % interval", "%", 1, 1.0),
    ("coverage_80_silent", "the same, silent detectors", "%", 1, 1.0),
    ("width_80", "width of the interval", "veh", 1, 1.0),
    ("n", "counts scored", "", 0, 1.0),
    ("fit_s", "fit", "s", 2, 1.0),
    ("predict_s", "one forecast", "ms", 2, 1000.0),
    ("update_s", "one update", "ms", 2, 1000.0),
)
"""Key of a row, title, unit, digits, factor."""
RANKS = ("worst", "median")


def write_forecast_report(path: Path, result: BacktestResult, origin: dict[str, str]) -> Path:
    """Write the page and say where; ConfigError where it cannot be written or the report extra is missing."""
    write_text(path, report_html(result, origin))
    return path


def report_html(result: BacktestResult, origin: dict[str, str]) -> str:
    """The page as text, every name in it escaped; `origin` says by what command it was made, and from which table."""
    jinja2 = module("jinja2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    columns = shown_columns(result)
    return str(
        environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
            finding=finding(result),
            columns=[(title, unit) for _, title, unit, _, _ in columns],
            rows=[_table_row(row, columns, result) for row in result.rows],
            floor=number(result.poisson_floor_wape, 2),
            definition=DEFINITION,
            figures=[
                {"title": one.title, "caption": one.caption, "svg": module("markupsafe").Markup(one.svg)}
                for one in backtest_figures(result)
            ],
            origin=[*origin.items(), *_facts(result)],
        )
    )


def finding(result: BacktestResult) -> str:
    """What came out, in two sentences."""
    rows = {str(row["model"]): {key: row[key] for key in ("wape", "coverage_80")} for row in result.rows}
    model = subject(result)
    ours, profile = (number(float(rows[name]["wape"]), 2) for name in (model, "profile"))
    role = "which the service uses" if model == result.default else f"the best of those tested (the service uses {result.default})"
    return (
        f"{model}, {role}, is off by {ours} % of the traffic, the daily profile by {profile} %; who knows the mean of every count"
        f" would still be off by {number(result.poisson_floor_wape, 2)} % (Poisson floor)."
        f" Its 80 % interval held {number(float(rows[model]['coverage_80']), 1)} % of the counts."
    )


def shown_columns(result: BacktestResult) -> list[tuple[str, str, str, int, float]]:
    """Those of COLUMNS that any row has."""
    return [column for column in COLUMNS if any(column[0] in row for row in result.rows)]


def _table_row(row: dict[str, float | str], columns: list[tuple[str, str, str, int, float]], result: BacktestResult) -> dict[str, Any]:
    return {
        "model": row["model"],
        "title": row["title"],
        "is_subject": row["model"] == subject(result),
        "cells": [number(float(row.get(key, "nan")) * factor, digits) for key, _, _, digits, factor in columns],
    }


def backtest_figures(result: BacktestResult) -> list[Figure]:
    """The pictures of the page."""
    model, parts = subject(result), {name: breakdown(result, name) for name in result.rolled}
    minutes = f"{result.horizon_s / 60:.0f} min"
    return [
        Figure(
            "Models", f"WAPE over the whole test, {minutes} ahead. Dark: {model}, the subject of the pictures below.", wape_bars(result)
        ),
        *_follow_figures(result, model),
        Figure(
            "Error by hour and type of day",
            f"By the hour in which the {minutes} begin, all detectors; shares on a logarithmic scale. Thick: {model}."
            " At night there is little traffic, and the little that comes is mostly chance: there the floor is high, and the error in"
            " vehicles small.",
            error_by_hour(parts, floor_wapes(result), result),
        ),
        Figure(
            "Coverage by hour",
            "Share of the counts inside the 80 % interval by the hour in which the forecast was made. It should be within the green band"
            " at every hour. Counts are whole: near zero an interval cannot hold exactly 80 %.",
            coverage_by_hour(parts, result),
        ),
    ]


def _follow_figures(result: BacktestResult, model: str) -> list[Figure]:
    """Forecasts of the worst and the median detector, and where these two are among all; none where nothing was counted."""
    wape, mean_veh = detector_wapes(result, model)
    chosen = dict(zip(RANKS, worst_and_median(wape), strict=False))
    figures = [
        Figure(
            f"The {rank} detector: {detector_word(result, k)}",
            f"{model}, the detector's busiest days. Over the whole test WAPE {wape[k]:.1f} %, {mean_veh[k]:.1f} veh on average.",
            follow_plot(result, k, f"follow-{rank}"),
        )
        for rank, k in chosen.items()
    ]
    caption = f"{model}: a dot a detector; those with less than {100 * LEAST_SHARE:.0f} % of the mean detector's flow are left out."
    dots = [Figure("All detectors", caption, detector_dots(result, wape, mean_veh, chosen))] if chosen else []
    return [*figures, *dots]


def _facts(result: BacktestResult) -> list[tuple[str, str]]:
    """What was tested on what: label and text."""
    known = [
        ("detectors", f"{len(result.names)}"),
        ("bins", f"{result.bin_s / 60:g} min, forecast {result.horizon_s / 60:g} min ahead"),
        *(
            (f"span of the {what}" if what != "calibrate" else "span of the intervals' calibration", when)
            for what, when in result.spans.items()
        ),
        ("forecasts", f"{len(result.origins)} of each detector by each model"),
    ]
    if result.blank > 0.0:
        known.append(("hidden", f"{100.0 * result.blank:g} % of six-hour stretches, seed {result.seed}"))
    return known
