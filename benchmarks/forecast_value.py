"""What is a forecast worth in the loop? The same planners over half a day with none, with several, and with the true future.

`python -m benchmarks.forecast_value --seeds 10 --jobs 2 --out DIR --json FILE`. Resumable: episodes lie in DIR/results.jsonl as those of a
bench do. Every seed is a day that no forecaster has seen (`sumo_nets.day`): its level and drift, two surges and a diversion; the models
are fitted on 21 days without events. `true` knows the counts that the day's demand brings to every stop line at free flow.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.compare import geometric_change, mean_interval, paired, paired_difference
from benchmarks.display import EpisodeBars, change_lines
from benchmarks.forecast_days import DAYS, NONE, TRUE, Day, day_of, past_of
from benchmarks.matrix import INTERRUPTED, matrix_specs, run_matrix
from benchmarks.provenance import provenance
from benchmarks.results import Row, failed, strict
from citybrain import assemble
from citybrain.cli import seeds_of
from citybrain.comparison import Change, Difference
from citybrain.episode import EpisodeSpec
from citybrain.forecasts import check_name
from citybrain.output import writable, write_text
from forecasting.minutes import MINUTE_S
from forecasting.models import DEFAULT, MODELS
from signals.errors import ConfigError, SignalsError
from sumo_nets.day import Event

FORECASTS = tuple(dict.fromkeys((NONE, "last", "profile", DEFAULT, TRUE)))
CONTROLLERS = ("rolling_horizon", "webster", "coordinated")
AFTER_S = 900.0
"""Who is due so long after an event still counts as met by it."""
DELAY, DELAY_MET = "delay_s_per_veh", "delay_in_events_s_per_veh"


Runs = dict[tuple[str, str], dict[str, list[Row]]]
"""By net and controller, and then by forecast: a row a seed."""
Labels = dict[EpisodeSpec, tuple[str, str]]
"""The net and the name of the forecast of each episode."""


def value_specs(days: Sequence[Day], controllers: Sequence[str], forecasts: Sequence[str], rules: str) -> Labels:
    """Every episode once, seed by seed, with its net and the name of its forecast."""
    found = {}
    for day in sorted(days, key=lambda one: one.seed):
        for forecast in forecasts:
            for spec in matrix_specs([str(day.folder)], controllers, [day.seed], rules, day.forecasts[forecast]):
                found[replace(spec, trace=False)] = (day.net, forecast)
    return found


def delay_met_s(row: Row, events: Sequence[Event]) -> float:
    """Mean delay of who was due from an event's begin to a while after its end [s/veh]."""
    total_s, number = 0.0, 0
    for minute, mean_s, trips in row["delay_by_minute"]:
        due_s = row["begin_s"] + MINUTE_S * minute
        if any(one.begin_s <= due_s < one.end_s + AFTER_S for one in events):
            total_s, number = total_s + mean_s * trips, number + trips
    return total_s / number if number else float("nan")


def by_cell(specs: Labels, rows: Sequence[Row], days: Sequence[Day]) -> Runs:
    """The rows of the specs, sorted out, with the delay of who met an event."""
    events = {(day.net, day.seed): day.events for day in days}
    found: Runs = {}
    for (spec, (net, forecast)), row in zip(specs.items(), rows, strict=True):
        more = {} if failed(row) else {DELAY_MET: delay_met_s(row, events[net, spec.seed])}
        found.setdefault((net, spec.controller), {}).setdefault(forecast, []).append({**row, **more})
    return found


def cell_of(net: str, controller: str, forecast: str, runs: dict[str, list[Row]]) -> dict[str, Any]:
    """One planner with one forecast on one net: delay, and how it differs from every other forecast's on the same days."""
    done = [row for row in runs[forecast] if not failed(row)]
    figures: dict[str, Any] = {}
    for key in (DELAY, DELAY_MET) if done else ():
        values = np.array([float(row[key]) for row in done])
        mean, low, high = mean_interval(values)
        # A planner that locks a net on one day has a mean that says little of the others.
        figures[key] = {"mean": mean, "low": low, "high": high, "median": float(np.median(values)), "worst": float(values.max())}
    against = {}
    for other, others in runs.items():
        pairs = {key: paired(runs[forecast], others, key) for key in (DELAY, DELAY_MET)}
        if other != forecast and pairs[DELAY][0].size:
            against[other] = {key: asdict(paired_difference(*both)) for key, both in pairs.items()}
    return {
        "net": net,
        "controller": controller,
        "forecast": forecast,
        "seeds": [row["seed"] for row in done],
        **figures,
        "against": against,
        "safety_violations": sum(int(row["safety_violations"]) for row in done),
        "failures": [f"seed {row['seed']}: {row['error']['sentence']}" for row in runs[forecast] if failed(row)],
    }


def overall(runs: Runs, controller: str, forecast: str, other: str) -> Change | None:
    """Change of the delay over all nets, geometric mean; None where no seed ran with both."""
    pairs = [paired(one[forecast], one[other], DELAY) for (_, name), one in runs.items() if name == controller]
    pairs = [pair for pair in pairs if pair[0].size]
    return geometric_change(pairs) if pairs else None


def condensed(runs: Runs, days: Sequence[Day]) -> dict[str, Any]:
    """All that is stored: cells, changes over all nets, days with their events and the forecasts' errors."""
    cells = [cell_of(net, controller, forecast, one) for (net, controller), one in runs.items() for forecast in one]
    controllers = list(dict.fromkeys(controller for _, controller in runs))
    forecasts = list(dict.fromkeys(forecast for one in runs.values() for forecast in one))
    changes = [
        {"controller": c, "forecast": f, "against": o, **asdict(found)}
        for c in controllers for f in forecasts for o in forecasts
        if f != o and (found := overall(runs, c, f, o)) is not None
    ]  # fmt: skip
    told = [{"net": d.net, "seed": d.seed, "events": [asdict(e) for e in d.events], "wape": d.wape} for d in days]
    return {"cells": cells, "overall": changes, "wape": mean_errors(days), "days": told}


def mean_errors(days: Sequence[Day]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean WAPE of each forecast on each net's days [%]."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for net in dict.fromkeys(day.net for day in days):
        own = [day.wape for day in days if day.net == net]
        found[net] = {name: {when: float(np.mean([one[name][when] for one in own])) for when in own[0][name]} for name in own[0]}
    return found


def value_table(net: str, found: dict[str, Any], baseline: str) -> Table:
    """Delay of every planner with every forecast, and below it the change against the baseline forecast."""
    cells = [cell for cell in found["cells"] if cell["net"] == net]
    forecasts = list(dict.fromkeys(cell["forecast"] for cell in cells))
    title = escape(f"{net}, simulated days: delay [s/veh], and its change against the forecast '{baseline}' (95 % interval)")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False, min_width=len(title))
    table.add_column("planner", no_wrap=True)
    for forecast in forecasts:
        wape = found["wape"][net].get(forecast)
        table.add_column(escape(forecast + ("" if wape is None else f"\nWAPE {wape['day']:.0f} %")), justify="right")
    for controller in dict.fromkeys(cell["controller"] for cell in cells):
        row = {cell["forecast"]: cell for cell in cells if cell["controller"] == controller}
        table.add_row(escape(controller), *(cell_words(row[name], baseline) for name in forecasts))
    return table


def cell_words(cell: dict[str, Any], baseline: str) -> str:
    """Mean delay, and the change with its interval."""
    if DELAY not in cell:
        return "-"
    change = cell["against"].get(baseline)
    return f"{cell[DELAY]['mean']:.2f}" + ("" if change is None else "\n" + change_lines(Difference(**change[DELAY])))


def arguments_of(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecast_value", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nets", default=",".join(DAYS), help=f"of {', '.join(DAYS)}, separated by commas")
    parser.add_argument("--controllers", default=",".join(CONTROLLERS), help="names, separated by commas")
    parser.add_argument("--forecasts", default=",".join(FORECASTS), help=f"{NONE}, {TRUE} and names of models, separated by commas")
    parser.add_argument("--seeds", default="10", help="3 means 1 to 3; or a list 3,5 or a range 101-110")
    parser.add_argument("--baseline", default="last", help="the forecast that the table compares with")
    parser.add_argument("--rules", default="resco", help="resco, free or street")
    parser.add_argument("--jobs", type=int, default=2, help="episodes at a time")
    parser.add_argument("--out", type=Path, default=Path("out/forecast_value"), help="folder of days and results; run again to resume")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(words)


def checked(chosen: argparse.Namespace) -> tuple[list[str], list[str], list[str], list[int]]:
    """Nets, controllers, forecasts and seeds; ConfigError where one is not known."""
    nets, forecasts = chosen.nets.split(","), list(dict.fromkeys(chosen.forecasts.split(",")))
    for net in nets:
        if net not in DAYS:
            raise ConfigError(f"--nets {net!r}: no day is laid out for it; there are {', '.join(DAYS)}")
    for name in forecasts:
        if name not in (NONE, TRUE, *MODELS):
            check_name(name)
            raise ConfigError(f"--forecasts {name!r}: expected {NONE}, {TRUE} or a model that can be fitted, not a folder")
    if chosen.baseline not in forecasts:
        raise ConfigError(f"--baseline {chosen.baseline!r}: not among the forecasts {', '.join(forecasts)}")
    controllers = chosen.controllers.split(",")
    for controller in controllers:
        assemble.controller(controller)
    assemble.rules(chosen.rules)
    return nets, controllers, forecasts, seeds_of(chosen.seeds)


def measured(chosen: argparse.Namespace, console: Console) -> int:
    """Run what has not been run; print and write the figures. 0, 1 with failed episodes, 130 after Ctrl-C."""
    began = datetime.now(UTC).isoformat(timespec="seconds")
    nets, controllers, forecasts, seeds = checked(chosen)
    if chosen.json is not None:
        writable(chosen.json)
    models = [name for name in forecasts if name in MODELS]
    days = []
    for net in nets:
        console.print(f"{net}: {len(seeds)} days, and {len(models)} models of the days before", soft_wrap=True)
        past = past_of(net, DAYS[net], models, chosen.out)
        days += [day_of(net, past, seed, forecasts, chosen.out) for seed in seeds]
    specs = value_specs(days, controllers, forecasts, chosen.rules)
    try:
        with EpisodeBars(console, len(specs)) as bars:
            rows = run_matrix(list(specs), chosen.jobs, chosen.out, bars.tell)
    except KeyboardInterrupt:
        console.print(f"interrupted; the same command goes on from {chosen.out}", soft_wrap=True)
        return INTERRUPTED
    found = condensed(by_cell(specs, rows, days), days)
    for net in nets:
        console.print(value_table(net, found, chosen.baseline))
        console.print()
    if chosen.json is not None:
        command = (
            f"python -m benchmarks.forecast_value --nets {chosen.nets} --controllers {chosen.controllers} --forecasts"
            f" {chosen.forecasts} --seeds {chosen.seeds} --baseline {chosen.baseline} --rules {chosen.rules}"
        )
        meta = {**provenance(began, command), "rules": chosen.rules, "seeds": seeds, "hours": {net: asdict(DAYS[net]) for net in nets}}
        write_text(chosen.json, json.dumps(strict({"meta": meta, **found}), indent=1, ensure_ascii=False) + "\n")
    return 1 if any(failed(row) for row in rows) else 0


def main(arguments: list[str] | None = None) -> int:
    """The command; bad input ends with one sentence and 2."""
    try:
        return measured(arguments_of(arguments), Console())
    except SignalsError as error:
        sys.stderr.write(f"forecast_value: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
