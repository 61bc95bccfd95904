"""Dots with 95 % bars: one metric in each column, one scenario in each row, the controllers below one another."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

from citybrain.comparison import Cell, Comparison
from citybrain.drawing import Style, picture, styles
from signals.metrics import METRICS


def interval_plot(comparison: Comparison, keys: Sequence[str], name: str = "intervals") -> str:
    """Mean and interval of these metrics for every controller and scenario."""
    scenarios = comparison.scenarios
    height_in = 0.6 + len(scenarios) * (0.62 + 0.24 * len(comparison.controllers))
    titles = " and ".join(METRICS[key].title for key in keys)
    label = f"{titles} of each controller, mean with 95 % interval, for {', '.join(scenarios)}"

    def draw(figure: Any) -> None:
        panels = figure.subplots(len(scenarios), len(keys), sharey="row", squeeze=False)
        for row, scenario in zip(panels, scenarios, strict=True):
            cells = [c for c in comparison.cells if c.scenario == scenario and c.figures]
            for axes, key in zip(row, keys, strict=True):
                _draw_panel(axes, cells, key, styles(comparison.controllers, comparison.baseline))
            row[0].set_title(scenario)
        for axes, key in zip(panels[-1], keys, strict=True):
            metric = METRICS[key]
            axes.set_xlabel(metric.title + (f" [{metric.unit}]" if metric.unit else "") + f", {metric.better} is better")

    return picture(name, label, height_in, draw)


def _draw_panel(axes: Any, cells: list[Cell], key: str, style: dict[str, Style]) -> None:
    for place, cell in enumerate(cells):
        figure = cell.figures[key]
        if isnan(figure.mean):
            continue
        bar = [[0.0], [0.0]] if isnan(figure.low) else [[figure.mean - figure.low], [figure.high - figure.mean]]
        axes.errorbar(
            [figure.mean],
            [place],
            xerr=bar,
            fmt=style[cell.controller].marker,
            color=style[cell.controller].colour,
            capsize=3.0,
            markersize=5.5,
        )
    axes.set_yticks(range(len(cells)), [c.controller for c in cells])
    axes.set_ylim(len(cells) - 0.5, -0.5)
    least = 1.0 if key == "congestion_index" else 0.0
    ends = [value for cell in cells for value in (cell.figures[key].mean, cell.figures[key].high) if not isnan(value)]
    reach = max(ends, default=least) - least
    axes.set_xlim(least, least + (1.06 * reach if reach > 0.0 else 1.0))
    if not ends:
        axes.text(0.5, 0.5, "unknown", transform=axes.transAxes, ha="center", va="center")
