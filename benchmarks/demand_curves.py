"""Delay against demand: every controller on 0.8 to 1.6 times a network's demand, and the largest demand each of them carries.

`python -m benchmarks.demand_curves --scenarios resco/cologne3 --controllers rolling_horizon,learned,actuated --multipliers
0.8,1.0,1.2,1.4,1.6 --seeds 3 --jobs 2 --out DIR --json FILE`. Resumable: episodes lie in DIR/results.jsonl as those of a bench do.
Writes DIR/demand_curves.svg and .png. What counts as carried is defined in `benchmarks.capacity`; the demand is `EpisodeSpec.demand`, so
that with one seed a larger multiplier contains the smaller one's trips, and every controller meets the same ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.capacity import LEAST_LET_IN, NOISE, Capacity, bounded, capacity, gain, growth_share, let_in_share
from benchmarks.display import EpisodeBars
from benchmarks.matrix import INTERRUPTED, matrix_specs, run_matrix
from benchmarks.provenance import provenance
from benchmarks.results import Row, failed, strict
from citybrain.cli import seeds_of
from citybrain.drawing import SETTINGS, WIDTH_IN, grid_shape, legend_above, module, styles
from citybrain.episode import EpisodeSpec
from citybrain.output import writable, write_text
from signals.errors import ConfigError, SignalsError

CONTROLLERS = "rolling_horizon,learned,actuated"
SCENARIOS = "resco/cologne3,resco/ingolstadt7,resco/grid4x4"
MULTIPLIERS = "0.8,1.0,1.2,1.4,1.6"
GOAL_PERCENT = 10.0
COLUMNS = 3
PANEL_HEIGHT_IN = 2.6
PNG_DOTS_PER_IN = 150

Runs = dict[tuple[str, str], dict[float, list[Row]]]
"""By scenario and controller, and then by multiplier: a row a seed."""


def curve_specs(
    scenarios: Sequence[str], controllers: Sequence[str], multipliers: Sequence[float], seeds: Sequence[int], rules: str
) -> list[EpisodeSpec]:
    """Every episode once, seed by seed and without traces."""
    found = [
        replace(spec, trace=False)
        for multiplier in sorted(set(multipliers))
        for spec in matrix_specs(scenarios, controllers, seeds, rules, demand=multiplier)
    ]
    return sorted(found, key=lambda spec: seeds.index(spec.seed))


def by_cell(specs: Sequence[EpisodeSpec], rows: Sequence[Row]) -> Runs:
    """The rows of the specs, sorted out."""
    found: Runs = {}
    for spec, row in zip(specs, rows, strict=True):
        found.setdefault((spec.scenario, spec.controller), {}).setdefault(spec.demand, []).append(row)
    return found


def point(demand: float, rows: Sequence[Row]) -> dict[str, Any]:
    """One point of a curve: delay over the seeds, and whether queues were bounded on all of them."""
    done = [row for row in rows if not failed(row)]
    delays_s = [float(row["delay_s_per_veh"]) for row in done]
    return {
        "demand": demand,
        "seeds": [row["seed"] for row in done],
        "due_veh": fmean(row["due_veh"] for row in done) if done else None,
        "delay_s_per_veh": round(fmean(delays_s), 2) if done else None,
        "least_s_per_veh": min(delays_s, default=None),
        "worst_s_per_veh": max(delays_s, default=None),
        "completion": round(fmean(row["completion"] for row in done), 4) if done else None,
        "let_in_share": round(min(let_in_share(row) for row in done), 4) if done else None,
        "growth_share": round(max(growth_share(row["late_by_minute"]) for row in done), 4) if done else None,
        "bounded_seeds": sum(bounded(row) for row in rows),
        "bounded": all(bounded(row) for row in rows),
        "safety_violations": sum(int(row["safety_violations"]) for row in done),
        "failures": [f"seed {row['seed']}: {row['error']['sentence']}" for row in rows if failed(row)],
    }


def condensed(runs: Runs, baseline: str) -> list[dict[str, Any]]:
    """A curve for each network and controller, its capacity, and how much more than the baseline's that is."""
    capacities: dict[tuple[str, str], Capacity] = {cell: capacity(rows) for cell, rows in runs.items()}
    cells = []
    for (scenario, controller), by_demand in runs.items():
        own, theirs = capacities[scenario, controller], capacities.get((scenario, baseline))
        more = gain(own, theirs) if theirs is not None and controller != baseline else None
        cells.append(
            {
                "scenario": scenario,
                "controller": controller,
                "largest_bounded": own.largest,
                "first_unbounded": own.beyond,
                "gain": None if more is None else asdict(more),
                "goal_reached": None if more is None or more.percent is None else more.percent >= GOAL_PERCENT,
                "points": [point(demand, rows) for demand, rows in sorted(by_demand.items())],
            }
        )
    return cells


def curve_table(scenario: str, cells: Sequence[dict[str, Any]], baseline: str) -> Table:
    """Mean delay at every multiplier, in brackets where queues grow, and the largest multiplier where they do not."""
    title = escape(f"{scenario}, simulated: delay [s/veh] at so many times the demand, in brackets where queues grow")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False, min_width=len(title))
    table.add_column("controller", no_wrap=True)
    for heading in (*(f"{p['demand']:g}" for p in cells[0]["points"]), "bounded\nup to", f"over\n{baseline}"):
        table.add_column(escape(heading), justify="right", no_wrap=True)
    for cell in cells:
        delays = ("-" if p["delay_s_per_veh"] is None else f"{p['delay_s_per_veh']:.1f}" for p in cell["points"])
        words = (text if p["bounded"] else f"({text})" for text, p in zip(delays, cell["points"], strict=True))
        table.add_row(escape(cell["controller"]), *words, bound_words(cell), gain_words(cell))
    return table


def bound_words(cell: dict[str, Any]) -> str:
    """The largest bounded multiplier; with a plus where no larger one was tried."""
    if cell["largest_bounded"] is None:
        return f"<{cell['first_unbounded']:g}"
    return f"{cell['largest_bounded']:g}" + ("" if cell["first_unbounded"] is not None else "+")


def gain_words(cell: dict[str, Any]) -> str:
    """The gain in per cent; what is certain where the baseline carried none of the demands."""
    if cell["gain"] is None:
        return ""
    percent, least = cell["gain"]["percent"], cell["gain"]["least_percent"]
    if percent is None:
        return "unknown" if least is None else f">{least:+.0f} %"
    return ("" if cell["first_unbounded"] is not None else "≥") + f"{percent:+.0f} %"


def draw(cells: Sequence[dict[str, Any]], baseline: str, out: Path) -> None:
    """A panel a network: mean delay against demand, bars from the best seed to the worst, hollow where queues grow; .svg and .png."""
    scenarios = list(dict.fromkeys(cell["scenario"] for cell in cells))
    style = styles(list(dict.fromkeys(cell["controller"] for cell in cells)), baseline)
    rows, columns = grid_shape(len(scenarios), COLUMNS)
    ticker = module("matplotlib.ticker")
    with module("matplotlib").rc_context(SETTINGS):
        figure = module("matplotlib.figure").Figure(figsize=(WIDTH_IN, 0.5 + PANEL_HEIGHT_IN * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).flat
        for axes, scenario in zip(panels, scenarios, strict=False):
            for cell in cells:
                if cell["scenario"] == scenario:
                    draw_curve(axes, cell, style[cell["controller"]])
            axes.set(title=scenario, xlabel="times the demand", ylabel="delay [s/veh]", yscale="log")
            axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
            axes.yaxis.set_minor_formatter(ticker.NullFormatter())
        for axes in list(panels)[len(scenarios) :]:
            axes.set_axis_off()
        legend_above(figure, figure.axes[0])
        figure.savefig(out.with_suffix(".svg"), metadata={"Date": None})
        figure.savefig(out.with_suffix(".png"), dpi=PNG_DOTS_PER_IN)


def draw_curve(axes: Any, cell: dict[str, Any], style: Any) -> None:
    """One controller's curve; points without a finished episode are left out."""
    some = [p for p in cell["points"] if p["delay_s_per_veh"] is not None]
    demand, mean_s = [p["demand"] for p in some], [p["delay_s_per_veh"] for p in some]
    below_s = [p["delay_s_per_veh"] - p["least_s_per_veh"] for p in some]
    above_s = [p["worst_s_per_veh"] - p["delay_s_per_veh"] for p in some]
    spread_s = [[max(x, 0.0) for x in side] for side in (below_s, above_s)]
    axes.errorbar(demand, mean_s, spread_s, color=style.colour, linestyle=style.line, capsize=2.0, label=cell["controller"])
    for p in some:
        face = style.colour if p["bounded"] else "white"
        axes.plot(p["demand"], p["delay_s_per_veh"], style.marker, color=style.colour, markerfacecolor=face, markersize=6.0)


def multipliers_of(text: str) -> list[float]:
    """`0.8,1.0` → 0.8 and 1; ConfigError otherwise."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--multipliers {text!r}: expected numbers, separated by commas") from error


def arguments_of(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demand_curves", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenarios", default=SCENARIOS, help="names or folders, separated by commas")
    parser.add_argument("--controllers", default=CONTROLLERS, help="names, separated by commas")
    parser.add_argument("--multipliers", default=MULTIPLIERS, help="of the demand, separated by commas")
    parser.add_argument("--seeds", default="3", help="3 means 1 to 3; or a list 3,5 or a range 101-110")
    parser.add_argument("--baseline", default="actuated", help="whose capacity the others' is compared with")
    parser.add_argument("--rules", default="resco", help="resco, free or street")
    parser.add_argument("--jobs", type=int, default=2, help="episodes at a time")
    parser.add_argument("--out", type=Path, default=Path("out/demand_curves"), help="folder of results and pictures; run again to resume")
    parser.add_argument("--json", type=Path, help="write the curves here")
    return parser.parse_args(words)


def measured(chosen: argparse.Namespace, console: Console) -> int:
    """Run what has not been run; print, draw and write the curves. 0, 1 with failed episodes, 130 after Ctrl-C."""
    began = datetime.now(UTC).isoformat(timespec="seconds")
    if chosen.json is not None:
        writable(chosen.json)
    scenarios, controllers, multipliers = chosen.scenarios.split(","), chosen.controllers.split(","), multipliers_of(chosen.multipliers)
    seeds = seeds_of(chosen.seeds)
    specs = curve_specs(scenarios, controllers, multipliers, seeds, chosen.rules)
    module("matplotlib")
    try:
        with EpisodeBars(console, len(specs)) as bars:
            rows = run_matrix(specs, chosen.jobs, chosen.out, bars.tell)
    except KeyboardInterrupt:
        console.print(f"interrupted; the same command goes on from {chosen.out}", soft_wrap=True)
        return INTERRUPTED
    cells = condensed(by_cell(specs, rows), chosen.baseline)
    for scenario in dict.fromkeys(scenarios):
        console.print(curve_table(scenario, [cell for cell in cells if cell["scenario"] == scenario], chosen.baseline))
        console.print()
    draw(cells, chosen.baseline, chosen.out / "demand_curves.svg")
    if chosen.json is not None:
        command = (
            f"python -m benchmarks.demand_curves --scenarios {chosen.scenarios} --controllers {chosen.controllers}"
            f" --multipliers {chosen.multipliers} --seeds {chosen.seeds} --rules {chosen.rules} --baseline {chosen.baseline}"
        )
        limits = {"least_let_in_share": LEAST_LET_IN, "most_growth_share": NOISE, "goal_percent": GOAL_PERCENT}
        meta = {**provenance(began, command), **limits, "baseline": chosen.baseline, "rules": chosen.rules, "seeds": seeds}
        write_text(chosen.json, json.dumps(strict({"meta": meta, "cells": cells}), indent=1, ensure_ascii=False) + "\n")
    return 1 if any(failed(row) for row in rows) else 0


def main(arguments: list[str] | None = None) -> int:
    """The command; bad input ends with one sentence and 2."""
    try:
        return measured(arguments_of(arguments), Console())
    except SignalsError as error:
        sys.stderr.write(f"demand_curves: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
