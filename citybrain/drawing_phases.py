"""What the lights of one signal did: a row for each phase, coloured while it is green; below, the queue that waited."""

from __future__ import annotations

from typing import Any

import numpy as np

from citybrain.drawing import OKABE_ITO, Style, picture
from citybrain.drawing_time import start_word

SHOWN_S = 900.0
GREENS = OKABE_ITO[1:]


def busiest_signal(trace: dict[str, Any]) -> int:
    """Index of the signal with the longest mean queue."""
    return int(np.argmax(np.array(trace["queue_veh"], dtype=np.float64).mean(axis=0)))


def green_spans(times_s: list[float], phases: list[int]) -> list[tuple[int, float, float]]:
    """(phase, begin, end) of each stretch of one phase, without the intergreens (-1); the last tick lasts as long as any."""
    step_s = times_s[-1] - times_s[-2] if len(times_s) > 1 else 0.0
    ends = [*times_s[1:], times_s[-1] + step_s] if times_s else []
    spans: list[tuple[int, float, float]] = []
    for phase, begin_s, end_s in zip(phases, times_s, ends, strict=True):
        if spans and spans[-1][0] == phase and spans[-1][2] == begin_s:
            spans[-1] = (phase, spans[-1][1], end_s)
        else:
            spans.append((phase, begin_s, end_s))
    return [span for span in spans if span[0] >= 0]


def phase_diagram(traces: dict[str, dict[str, Any]], signal: int, style: dict[str, Style], begin_s: float, name: str = "phases") -> str:
    """Phases of one signal in the first 15 minutes under each controller, and its queue."""
    known = next(iter(traces.values()))["signals"][signal]
    rows = int(known["phases"])
    label = f"Phases of signal {known['id']} over 15 minutes, and the vehicles queued there, under {' and '.join(traces)}"
    heights = [*([0.35 + 0.22 * rows] * len(traces)), 1.6]

    def draw(figure: Any) -> None:
        panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for axes, (controller, trace) in zip(panels, traces.items(), strict=False):
            _draw_phases(axes, trace, signal, rows, begin_s)
            axes.set_title(controller)
        queue = panels[-1]
        for controller, trace in traces.items():
            minutes = (np.array(trace["times_s"]) - begin_s) / 60.0
            queue_veh = np.array(trace["queue_veh"], dtype=np.float64)[:, signal]
            queue.step(minutes, queue_veh, where="post", color=style[controller].colour, label=controller)
        queue.set_ylabel("queue [veh]")
        queue.set_ylim(bottom=0.0)
        queue.set_xlim(0.0, SHOWN_S / 60.0)
        queue.set_xlabel(f"minutes after {start_word(begin_s)} [min]")
        queue.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(traces), borderaxespad=0.0)

    return picture(name, label, 0.9 + sum(heights), draw)


def _draw_phases(axes: Any, trace: dict[str, Any], signal: int, rows: int, begin_s: float) -> None:
    shown = [i for i, t in enumerate(trace["times_s"]) if t - begin_s < SHOWN_S]
    times_s = [trace["times_s"][i] for i in shown]
    for phase, from_s, to_s in green_spans(times_s, [trace["phase"][i][signal] for i in shown]):
        bar = [((from_s - begin_s) / 60.0, (to_s - from_s) / 60.0)]
        axes.broken_barh(bar, (phase - 0.4, 0.8), color=GREENS[phase % len(GREENS)])
    axes.set_yticks(range(rows), [f"phase {p}" for p in range(rows)])
    axes.set_ylim(rows - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
