"""What changes over the run: delay by the minute in which trips were due, and queues at the signals."""

from __future__ import annotations

from typing import Any

import numpy as np

from citybrain.drawing import Style, legend_above, picture
from signals.types import Floats

SMOOTHED_MIN = 5


def smoothed_delay(rows: list[list[list[float]]], minutes: int) -> Floats:
    """[minute] mean delay of the trips due in the five minutes around it, over all runs [s/veh]; NaN where none was due.

    `rows`: of each run, [minute, mean delay, trips] as an episode's `delay_by_minute`.
    """
    delay_s, trips = np.zeros(minutes), np.zeros(minutes)
    for run in rows:
        for minute, mean_s, count in run:
            if 0 <= minute < minutes:
                delay_s[int(minute)] += mean_s * count
                trips[int(minute)] += count
    half = SMOOTHED_MIN // 2
    near = [slice(max(0, m - half), m + half + 1) for m in range(minutes)]
    return np.array([delay_s[n].sum() / trips[n].sum() if trips[n].sum() > 0 else np.nan for n in near])


def delay_over_time(runs: dict[str, list[list[list[float]]]], style: dict[str, Style], begin_s: float, name: str = "delay") -> str:
    """Delay over the hour of each controller; `runs` holds every run's `delay_by_minute`."""
    minutes = 1 + max((int(row[0]) for some in runs.values() for run in some for row in run), default=0)
    series = {controller: smoothed_delay(some, minutes) for controller, some in runs.items()}
    label = f"Delay over time of {', '.join(runs)}, by the minute in which the trips were due"

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for controller, delay_s in series.items():
            axes.plot(
                np.arange(minutes) + 0.5,
                delay_s,
                label=controller,
                color=style[controller].colour,
                linestyle=style[controller].line,
            )
        axes.set_xlabel(f"trip due, minutes after {start_word(begin_s)} [min]")
        axes.set_ylabel("delay [s/veh]")
        axes.set_ylim(bottom=0.0)
        axes.set_xlim(0.0, float(minutes))
        legend_above(figure, axes)

    return picture(name, label, 3.4, draw)


def queue_over_time(traces: dict[str, dict[str, Any]], style: dict[str, Style], begin_s: float, name: str = "queue") -> str:
    """Vehicles queued at all signals together, of each controller's recorded run."""
    label = f"Vehicles queued at all signals over time, of {', '.join(traces)}"

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for controller, trace in traces.items():
            minutes = (np.array(trace["times_s"]) - begin_s) / 60.0
            queue_veh = np.array(trace["queue_veh"], dtype=np.float64).sum(axis=1)
            axes.plot(
                *by_minute(minutes, queue_veh),
                label=controller,
                color=style[controller].colour,
                linestyle=style[controller].line,
            )
        axes.set_xlabel(f"minutes after {start_word(begin_s)} [min]")
        axes.set_ylabel("queued, all signals [veh]")
        axes.set_ylim(bottom=0.0)
        axes.set_xlim(0.0, max(trace["times_s"][-1] - begin_s for trace in traces.values()) / 60.0)
        legend_above(figure, axes)

    return picture(name, label, 3.4, draw)


def by_minute(minutes: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Middle of each minute, and the mean of the values that fall into it."""
    whole = np.floor(minutes + 1e-9).astype(np.int64)
    present = np.unique(whole)
    means = np.array([values[whole == m].mean() for m in present], dtype=np.float64)
    return present.astype(np.float64) + 0.5, means


def start_word(time_s: float) -> str:
    """A run's begin as a time of day, where it can be one: 25200 -> 07:00; else just "the begin"."""
    hours, rest = divmod(round(time_s), 3600)
    return f"{hours:02d}:{rest // 60:02d}" if 0 < time_s < 86400 and rest % 60 == 0 else "the begin"
