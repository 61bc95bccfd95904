"""Which pictures a report has of a scenario, and what it says below each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from citybrain.comparison import Comparison
from citybrain.drawing import Style, styles
from citybrain.drawing_forecast import forecast_plot
from citybrain.drawing_intervals import interval_plot
from citybrain.drawing_map import queue_map, queue_maps
from citybrain.drawing_phases import busiest_signal, phase_diagram
from citybrain.drawing_time import delay_over_time, queue_over_time
from signals.errors import ScenarioError
from signals.types import Floats
from sumo_nets.scenario import scenario as named_scenario
from sumo_nets.shapes import road_lines

Row = dict[str, Any]
Trace = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its words."""

    title: str
    caption: str
    svg: str


def interval_figure(comparison: Comparison) -> Figure:
    """Delay and congestion index of everything that was run."""
    return Figure(
        "Delay and congestion index 拥堵指数",
        "Simulated. Dots: mean over seeds; bars: 95 % bootstrap interval of the mean. Further left is better.",
        interval_plot(comparison, ("delay_s_per_veh", "congestion_index")),
    )


def scenario_figures(comparison: Comparison, scenario: str, place: int, rows: Sequence[Row], traces: dict[str, Trace]) -> list[Figure]:
    """The pictures that rows and traces (by controller) allow; `place` keeps their ids apart from other scenarios'."""
    if not rows:
        return []
    begin_s, style = float(rows[0]["begin_s"]), styles(comparison.controllers, comparison.baseline)
    by_minute = {c: [r["delay_by_minute"] for r in rows if r["controller"] == c] for c in comparison.controllers}
    by_minute = {c: runs for c, runs in by_minute.items() if runs}
    figures = [
        Figure(
            "Delay over time",
            f"Simulated, {scenario}. Mean delay by the minute in which the trips were due, all seeds, smoothed over 5 min.",
            delay_over_time(by_minute, style, begin_s, f"delay-{place}"),
        )
    ]
    if not traces:
        return figures
    pair = _pair(comparison, scenario, traces)
    seed = next(iter(traces.values())).get("seed", "unknown")
    figures.append(_map_figure(scenario, place, pair, seed))
    figures.append(
        Figure(
            "Queues over time",
            f"Simulated, {scenario}, seed {seed}. Vehicles slower than 2 m/s before all signals together, mean of each minute.",
            queue_over_time(traces, style, begin_s, f"queue-{place}"),
        )
    )
    return [
        *figures,
        _phase_figure(scenario, place, pair, style, begin_s, seed),
        *_forecast_figures(scenario, place, pair, begin_s, seed),
    ]


def _pair(comparison: Comparison, scenario: str, traces: dict[str, Trace]) -> dict[str, Trace]:
    """Traces of the baseline and the best controller; of what there is, where one of them has none."""
    wanted = [name for name in (comparison.baseline, comparison.best(scenario)) if name in traces]
    names = [*wanted, *(name for name in traces if name not in wanted)][: min(2, len(traces))]
    return {name: traces[name] for name in names if name is not None}


def _map_figure(scenario: str, place: int, pair: dict[str, Trace], seed: object) -> Figure:
    return Figure(
        "Where the queues stand",
        f"Simulated, {scenario}, seed {seed}. Mean queue at each signal over the whole run [veh]; same scale on both sides.",
        queue_maps([queue_map(name, trace) for name, trace in pair.items()], _roads(scenario), f"map-{place}"),
    )


def _phase_figure(scenario: str, place: int, pair: dict[str, Trace], style: dict[str, Style], begin_s: float, seed: object) -> Figure:
    first = next(iter(pair.values()))
    signal = busiest_signal(first)
    times_s = first["times_s"]
    step_s = times_s[1] - times_s[0] if len(times_s) > 1 else 0.0
    return Figure(
        "Phases of the busiest signal",
        f"Simulated, {scenario}, seed {seed}. Signal {first['signals'][signal]['id']}, the one with the longest mean queue under"
        f" {next(iter(pair))}. A bar: the phase is green, as seen every {step_s:g} s; gaps: change of phase.",
        phase_diagram(pair, signal, style, begin_s, f"phases-{place}"),
    )


def _forecast_figures(scenario: str, place: int, pair: dict[str, Trace], begin_s: float, seed: object) -> list[Figure]:
    """The forecasts made under the last controller of the pair that had a forecaster."""
    for name in reversed(pair):
        svg = forecast_plot(pair[name], begin_s, f"forecast-{place}")
        if svg is not None:
            caption = (
                f"Simulated, {scenario}, {name}, seed {seed}. Vehicles over the stop line in the 15 min after each forecast, on the"
                " busiest movements; the band should hold 80 % of what came."
            )
            return [Figure("The forecast against what came", caption, svg)]
    return []


def _roads(scenario: str) -> list[Floats]:
    """The roads of a scenario; none where its net is not on this machine."""
    try:
        return road_lines(named_scenario(scenario).net)
    except ScenarioError:
        return []
