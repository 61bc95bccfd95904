"""Pictures of a back-test: models side by side, a forecast against what came, and errors and intervals by the hour."""

from __future__ import annotations

from typing import Any

import numpy as np

from citybrain.drawing import OKABE_ITO, Style, legend_above, picture, styles
from citybrain.forecast_breakdown import HOURS, Breakdown, busiest_days, subject
from citybrain.wording import shortened
from forecasting.backtest import BacktestResult
from forecasting.clock import DAY_TYPES
from forecasting.scores import poisson_floor_wape
from signals.types import Floats

GREY, BAND = "#777777", (78.0, 82.0)
DAYS_SHOWN = 2
DOTS = 1000  # detectors in one picture; more would not be told apart
LABEL_BOX = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def model_styles(result: BacktestResult) -> dict[str, Style]:
    """A style for each model, the same in all pictures; the subject's is black."""
    return styles(list(result.rolled), subject(result))


def wape_bars(result: BacktestResult, name: str = "wape") -> str:
    """A bar for each model, the best on top, and the floor that counting noise sets."""
    rows = sorted(result.rows, key=lambda row: float(np.nan_to_num(float(row["wape"]), nan=np.inf)))
    label = "WAPE of each model: " + ", ".join(f"{row['model']} {float(row['wape']):.1f} %" for row in rows)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, row in enumerate(rows):
            wape = float(row["wape"])
            if np.isnan(wape):
                continue
            axes.barh(place, wape, color=OKABE_ITO[1] if row["model"] == subject(result) else OKABE_ITO[6], height=0.7)
            axes.annotate(f"{wape:.1f}", (wape, place), xytext=(4, 0), textcoords="offset points", va="center")
        axes.axvline(result.poisson_floor_wape, color=OKABE_ITO[2], linestyle="--", label="Poisson floor: who knows every mean")
        axes.set_yticks(range(len(rows)), [str(row["model"]) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("WAPE [%], less is better")
        legend_above(figure, axes)

    return picture(name, label, 1.0 + 0.34 * len(rows), draw)


def follow_plot(result: BacktestResult, detector: int, name: str) -> str:
    """The subject's forecast of one detector with its interval against what came, on its busiest days."""
    days = busiest_days(result.origins, result.truth_veh[:, detector], DAYS_SHOWN)
    label = f"Forecast with its 80 % interval against the count that came, detector {result.names[detector]}"

    def draw(figure: Any) -> None:
        panels = figure.subplots(1, len(days), sharey=True, squeeze=False)[0]
        for axes, day in zip(panels, days, strict=True):
            _draw_day(axes, result, detector, day)
        panels[0].set_ylabel(f"in the next {result.horizon_s / 60:.0f} min [veh]")
        panels[0].set_ylim(bottom=0.0)
        legend_above(figure, panels[0])

    return picture(name, label, 3.3, draw)


def _draw_day(axes: Any, result: BacktestResult, detector: int, day: np.datetime64) -> None:
    here = result.origins.astype("datetime64[D]") == day
    hour = (result.origins[here] - day) / np.timedelta64(3600, "s")
    model, silent = subject(result), result.silent[here, detector]
    rolled = result.rolled[model]
    axes.fill_between(
        hour, rolled.low_veh[here, detector], rolled.high_veh[here, detector], color=OKABE_ITO[6], alpha=0.4, linewidth=0.0,
        label="80 % interval",
    )  # fmt: skip
    axes.plot(hour, result.truth_veh[here, detector], color=OKABE_ITO[0], linewidth=1.0, label="came")
    axes.plot(hour, rolled.count_veh[here, detector], color=OKABE_ITO[2], linewidth=1.4, label=f"forecast ({model})")
    if result.silent.any():
        axes.fill_between(
            hour, 0.0, 1.0, where=silent, transform=axes.get_xaxis_transform(), color=GREY, alpha=0.2, linewidth=0.0,
            label="counts hidden from the models",
        )  # fmt: skip
    axes.set_title(f"{WEEKDAYS[(int(day.astype(np.int64)) + 3) % 7]} {day}")
    hours_axis(axes)


def hours_axis(axes: Any) -> None:
    """Midnight to midnight."""
    axes.set_xlim(0.0, float(HOURS))
    axes.set_xticks(range(0, HOURS + 1, 4))
    axes.set_xlabel("time of day [h]")


def error_by_hour(parts: dict[str, Breakdown], floor_wape: Floats, result: BacktestResult, name: str = "hours") -> str:
    """Relative and absolute error of each model by hour, a column for each type of day that was tested."""
    kinds = [k for k in range(len(DAY_TYPES)) if any(np.isfinite(part.wape[k]).any() for part in parts.values())]
    style = model_styles(result)
    label = f"Error by hour of day and type of day, of {', '.join(parts)}"

    def draw(figure: Any) -> None:
        panels = figure.subplots(2, max(len(kinds), 1), sharex=True, sharey="row", squeeze=False)
        for column, k in enumerate(kinds):
            for model, part in parts.items():
                _draw_line(panels[0, column], part.wape[k], style[model], model, model == subject(result))
                _draw_line(panels[1, column], part.mae_veh[k], style[model], model, model == subject(result))
            panels[0, column].plot(middles(), floor_wape[k], color=GREY, linestyle=":", label="Poisson floor")
            panels[0, column].set_title(DAY_TYPES[k].capitalize())
            hours_axis(panels[1, column])
        panels[0, 0].set_yscale("log")  # models differ by shares; and one bad night would flatten all days
        plain_numbers(panels[0, 0].yaxis)
        panels[0, 0].set_ylabel("WAPE [%]")
        panels[1, 0].set_ylabel(f"mean error [veh per {result.horizon_s / 60:.0f} min]")
        panels[1, 0].set_ylim(bottom=0.0)
        legend_above(figure, panels[0, 0])

    return picture(name, label, 5.4, draw)


def coverage_by_hour(parts: dict[str, Breakdown], result: BacktestResult, name: str = "coverage") -> str:
    """Share of the counts inside the 80 % interval of each model, by hour of day."""
    style = model_styles(result)
    label = f"Coverage of the 80 % intervals by hour of day, of {', '.join(parts)}"

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.axhspan(*BAND, color=OKABE_ITO[3], alpha=0.2, linewidth=0.0, label="78-82 %")
        axes.axhline(80.0, color=OKABE_ITO[3], linewidth=0.8)
        for model, part in parts.items():
            _draw_line(axes, part.coverage, style[model], model, model == subject(result))
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, 75.0), max(high, 85.0))
        axes.set_ylabel("inside the interval [%]")
        hours_axis(axes)
        legend_above(figure, axes)

    return picture(name, label, 3.4, draw)


def _draw_line(axes: Any, values: Floats, style: Style, label: str, is_default: bool) -> None:
    axes.plot(
        middles(), values, color=style.colour, linestyle=style.line, label=label, linewidth=2.2 if is_default else 1.0,
        zorder=3 if is_default else 2,
    )  # fmt: skip


def middles() -> Floats:
    """The middle of each hour [h]."""
    return np.arange(HOURS, dtype=np.float64) + 0.5


def detector_dots(result: BacktestResult, wape: Floats, mean_veh: Floats, marked: dict[str, int], name: str = "detectors") -> str:
    """Each detector's error against its flow, and the least that counting noise allows it; some are marked."""
    known = np.flatnonzero(np.isfinite(wape))
    thinned = known[:: max(-(-len(known) // DOTS), 1)]
    shown = np.unique(np.concatenate((thinned, np.array(list(marked.values()), dtype=np.int64))))
    floor = [poisson_floor_wape(result.truth_veh[:, d]) for d in shown.tolist()]
    label = f"WAPE of {len(shown)} of {len(known)} detectors against their mean count"

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.vlines(mean_veh[shown], floor, wape[shown], color=OKABE_ITO[6], linewidth=0.8)
        axes.scatter(mean_veh[shown], wape[shown], s=16.0, color=OKABE_ITO[1], linewidth=0.0, label="a detector's WAPE", zorder=3)
        axes.scatter(mean_veh[shown], floor, s=40.0, color=OKABE_ITO[2], marker="_", label="its Poisson floor", zorder=3)
        for word, detector in marked.items():
            place = (mean_veh[detector], wape[detector])
            axes.scatter(*place, s=60.0, facecolor="none", edgecolor=OKABE_ITO[0], zorder=4)
            axes.annotate(word, place, xytext=(7, 4), textcoords="offset points", zorder=5, bbox=LABEL_BOX)
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)
        axes.tick_params(axis="x", which="both", length=3.5, pad=4.0)
        axes.set_ylim(0.0, 1.12 * max(wape[shown].max(), 1.0))
        axes.set_xlabel(f"mean count [veh per {result.horizon_s / 60:.0f} min]")
        axes.set_ylabel("WAPE [%]")
        legend_above(figure, axes)

    return picture(name, label, 3.6, draw)


def plain_numbers(axis: Any) -> None:
    """1, 2, 5, 10, 20 … on a logarithmic axis."""
    for form in (axis.set_major_formatter, axis.set_minor_formatter):
        form(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "125" else "")


def detector_word(result: BacktestResult, detector: int) -> str:
    """A detector's name, short enough for a heading."""
    return shortened(result.names[detector], 60)
