"""The forecast against what came: at each moment, the next 15 minutes as they were forecast and as they turned out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from citybrain.drawing import OKABE_ITO, grid_shape, legend_above, picture
from citybrain.drawing_time import start_word
from citybrain.wording import shortened
from signals.types import Floats
from signals.units import SECONDS_PER_HOUR

BAND = 0.8


@dataclass(frozen=True, slots=True)
class Judged:
    """Forecasts of one movement whose 15 minutes have ended, beside the counts; all arrays [forecast], in vehicles per bin."""

    movement: str
    bin_s: float
    made_at_s: Floats
    forecast_veh: Floats
    low_veh: Floats
    high_veh: Floats
    came_veh: Floats

    @property
    def within(self) -> float:
        """Share of the counts inside the band; NaN without any."""
        inside = (self.low_veh <= self.came_veh) & (self.came_veh <= self.high_veh)
        return float(inside.mean()) if inside.size else float("nan")

    @property
    def error(self) -> float:
        """WAPE = sum |forecast - came| / sum came; NaN where nobody came."""
        came = float(self.came_veh.sum())
        return float(np.abs(self.forecast_veh - self.came_veh).sum()) / came if came > 0.0 else float("nan")


def judged(detector: dict[str, Any], times_s: list[float]) -> Judged:
    """Forecasts of a recorded movement whose bin lies within the record; a tick's count is of the time since the tick before."""
    times, counts = np.array(times_s, dtype=np.float64), np.array(detector["counts_veh"], dtype=np.float64)
    rows = []
    for f in detector["forecasts"]:
        end_s = f["start_s"] + f["bin_s"]
        if end_s <= times[-1] + 1e-6:
            came = counts[(times > f["start_s"] + 1e-6) & (times <= end_s + 1e-6)].sum()
            flows = np.array([f["flow_veh_h"], f["low_veh_h"], f["high_veh_h"]], dtype=np.float64)
            rows.append((f["made_at_s"], *(flows * f["bin_s"] / SECONDS_PER_HOUR), came))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    bin_s = float(detector["forecasts"][0]["bin_s"]) if detector["forecasts"] else 0.0
    return Judged(detector["movement"], bin_s, *columns)


def forecast_plot(trace: dict[str, Any], begin_s: float, name: str = "forecast") -> str | None:
    """A panel for each of the busiest movements; None where no forecast could be judged."""
    found = [judged(d, trace["times_s"]) for d in trace["detectors"]]
    found = [one for one in found if one.made_at_s.size]
    if not found:
        return None
    rows, columns = grid_shape(len(found), 2)
    label = "Forecast of the next 15 minutes with its 80 % band against the count that came, for movements " + ", ".join(
        one.movement for one in found
    )

    def draw(figure: Any) -> None:
        panels = figure.subplots(rows, columns, sharex=True, squeeze=False)
        for axes in panels.flat[len(found) :]:
            axes.axis("off")
        for axes, one in zip(panels.flat, found, strict=False):
            _draw_panel(axes, one, begin_s)
        for axes in panels[:, 0]:
            axes.set_ylabel("in the next 15 min [veh]")
        for axes in panels[-1, :]:
            axes.set_xlabel(f"forecast made, minutes after {start_word(begin_s)} [min]")
        legend_above(figure, panels[0, 0])

    return picture(name, label, 0.6 + 2.3 * rows, draw)


def _draw_panel(axes: Any, one: Judged, begin_s: float) -> None:
    minutes = (one.made_at_s - begin_s) / 60.0
    axes.fill_between(minutes, one.low_veh, one.high_veh, color=OKABE_ITO[6], alpha=0.4, linewidth=0.0, label="forecast, 80 % band")
    axes.plot(minutes, one.forecast_veh, color=OKABE_ITO[1], label="forecast")
    axes.plot(minutes, one.came_veh, color=OKABE_ITO[2], linestyle="--", label="came")
    axes.set_ylim(bottom=0.0)
    axes.set_title(f"{shortened(one.movement)}: {100.0 * one.within:.0f} % within the band", fontsize=9.5)
