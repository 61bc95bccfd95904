"""A plan's bar chart: the stages of one cycle above, below them the lights of every signal group."""

from __future__ import annotations

from typing import Any

import numpy as np

from citybrain.drawing import OKABE_ITO, picture
from citybrain.green_times import changes_s, stage_starts_s
from citybrain.wording import shortened
from signals.explain import Names, group_name
from signals.links.program import Cabinet
from signals.types import Intersection, TimingPlan

COLOURS = {"G": OKABE_ITO[3], "g": "#8fd0b8", "y": OKABE_ITO[7], "r": OKABE_ITO[2], "s": OKABE_ITO[2]}
ASPECTS = {"G": "green", "g": "green, yields", "y": "yellow", "r": "red"}
STAGE = "#e8e8e8"
TALLEST_IN = 7.0


def plan_bars(signal: Intersection, plan: TimingPlan, names: Names, name: str) -> str:
    """The chart as SVG, from the begin of the first stage; signal groups that always show the same stand in one row."""
    spans = light_spans(signal, plan)
    rows = signal_groups(signal, names, spans)
    label = f"Plan of signal {signal.id}: cycle {plan.cycle_s:.0f} s, stages of " + ", ".join(f"{s.green_s:.0f} s" for s in plan.stages)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        _draw_stages(axes, signal, plan)
        for row, (_, first) in enumerate(rows, 1):
            for start_s, length_s, lights in spans:
                aspect = lights[first]
                thick = 0.7 if aspect in "Ggy" else 0.16
                axes.broken_barh([(start_s, length_s)], (row - thick / 2.0, thick), color=COLOURS.get(aspect, STAGE), linewidth=0.0)
        axes.set_yticks(range(len(rows) + 1), ["stage", *(shortened(text, 30) for text, _ in rows)])
        axes.set_ylim(len(rows) + 0.6, -0.6)
        axes.set_xlim(0.0, plan.cycle_s)
        axes.set_xlabel("seconds into the cycle [s]")
        axes.grid(axis="y", visible=False)

    return picture(name, label, float(np.clip(0.9 + 0.21 * (len(rows) + 1), 1.6, TALLEST_IN)), draw)


def light_spans(signal: Intersection, plan: TimingPlan) -> list[tuple[float, float, str]]:
    """(start [s], length [s], lights) of each segment of the cycle, as the cabinet runs it."""
    found, t_s = [], 0.0
    for segment in Cabinet(signal).cycle(plan.stages[0].phase, plan.stages, 0):
        found.append((t_s, segment.duration_s, segment.lights))
        t_s += segment.duration_s
    return found


def signal_groups(signal: Intersection, names: Names, spans: list[tuple[float, float, str]]) -> list[tuple[str, int]]:
    """(name, first movement) of the movements with the same lights all cycle long; lamps without lanes are left out."""
    groups: dict[str, list[int]] = {}
    for m, movement in enumerate(signal.movements):
        if movement.lanes or movement.crossing_m > 0.0:
            groups.setdefault("".join(lights[m] for _, _, lights in spans), []).append(m)
    return [(group_name(names, tuple(members)), members[0]) for members in groups.values()]


def _draw_stages(axes: Any, signal: Intersection, plan: TimingPlan) -> None:
    for stage, start_s, change_s in zip(plan.stages, stage_starts_s(signal, plan), changes_s(signal, plan), strict=True):
        axes.broken_barh([(start_s, stage.green_s)], (-0.4, 0.8), color=STAGE, linewidth=0.0)
        axes.broken_barh([(start_s + stage.green_s, change_s)], (-0.4, 0.8), color=COLOURS["y"], alpha=0.5, linewidth=0.0)
        axes.text(start_s + stage.green_s / 2.0, 0.0, f"{stage.phase + 1}: {stage.green_s:.0f} s", ha="center", va="center", fontsize=9)
