"""Delay as a multiple of the baseline's under one condition: a dot with its 95 % bar a controller, a ring a network."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

from citybrain.comparison import Comparison
from citybrain.drawing import Style, module, picture, styles

JUDGED_BY = "delay_s_per_veh"
TICKS = (0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
LEAST_REACH = 1.1  # the axis shows at least this much to either side


def ratio_plot(comparison: Comparison, controllers: Sequence[str], name: str) -> str:
    """Every other controller's delay over the baseline's, on a logarithmic axis; colours by the place in `controllers`."""
    rivals = [c for c in comparison.controllers if c in comparison.overall]
    style = styles(controllers, comparison.baseline)
    label = f"Delay as a multiple of {comparison.baseline}'s: geometric mean over networks with 95 % interval, and each network"

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.axvline(1.0, color="#000000", linewidth=1.0)
        seen = [1.0 / LEAST_REACH, LEAST_REACH]
        for place, rival in enumerate(rivals):
            seen += _draw_row(axes, place, comparison, rival, style[rival])
        axes.set(xscale="log", xlim=(min(seen) / 1.03, max(seen) * 1.03), ylim=(len(rivals) - 0.5, -0.5))
        axes.set_yticks(range(len(rivals)), rivals)
        ticker = module("matplotlib.ticker")
        axes.xaxis.set_major_locator(ticker.FixedLocator([x for x in TICKS if min(seen) / 1.03 <= x <= max(seen) * 1.03]))
        axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.set_xlabel(f"delay / delay of {comparison.baseline}, lower is better")

    return picture(name, label, 0.75 + 0.26 * max(len(rivals), 1), draw)


def _draw_row(axes: Any, place: int, comparison: Comparison, rival: str, style: Style) -> list[float]:
    """One controller; the ratios that it shows."""
    cells = [cell for cell in comparison.cells if cell.controller == rival and JUDGED_BY in cell.differences]
    networks = [1.0 + cell.differences[JUDGED_BY].percent / 100.0 for cell in cells]
    networks = [ratio for ratio in networks if not isnan(ratio)]
    axes.plot(networks, [place] * len(networks), "o", color=style.colour, markerfacecolor="none", markersize=4.0, alpha=0.7)
    change = comparison.overall[rival].get(JUDGED_BY)
    if change is None or isnan(change.percent):
        return networks
    mean, low, high = (1.0 + percent / 100.0 for percent in (change.percent, change.low, change.high))
    bar = None if isnan(low) else [[mean - low], [high - mean]]
    axes.errorbar([mean], [place], xerr=bar, fmt=style.marker, color=style.colour, capsize=3.0, markersize=6.5)
    return [*networks, *(x for x in (mean, low, high) if not isnan(x))]
