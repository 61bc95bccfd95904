"""The leaderboard: every controller on every network under every condition, compared in pairs with each baseline; resumable.

`leaderboard` is the whole command: run what has not been run, print the standings, write leaderboard.json and leaderboard.html. A
controller inside SUMO has none of our sensors, so it is not run under a condition of sensors, and has no figure there.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.compare import LEVEL, compare, geometric_change, paired
from benchmarks.display import EpisodeBars, standings_table
from benchmarks.matrix import INTERRUPTED, matrix_specs, run_matrix, sumo_options
from benchmarks.provenance import provenance
from benchmarks.results import Row, failed, strict
from citybrain import assemble, leaderboard_page
from citybrain.conditions import Condition
from citybrain.episode import EpisodeSpec
from citybrain.output import writable, write_text
from citybrain.standings import NOT_WORSE_PERCENT, Field, Incidence, Leaderboard, Standing
from forecasting.models import QUICK
from signals.errors import ConfigError
from signals.metrics import METRICS
from signals.types import Floats

JSON = "leaderboard.json"
PAGE = "leaderboard.html"
JUDGED_BY = "delay_s_per_veh"
NO_SENSORS = "runs inside SUMO and has no sensors of ours"

Planned = list[tuple[Condition, EpisodeSpec]]


def leaderboard_specs(
    scenarios: Sequence[str],
    controllers: Sequence[str],
    conditions: Sequence[Condition],
    seeds: Sequence[int],
    rules: str,
    forecast: str = QUICK,
) -> Planned:
    """Every episode once, seed by seed and without traces, so that what an interruption leaves is balanced."""
    found: Planned = []
    for condition in conditions:
        able = [name for name in controllers if not is_absent(name, condition)]
        if able:
            specs = matrix_specs(
                scenarios, able, seeds, rules, forecast, condition.sensing, condition.sensor_faults, condition.demand,
                heavy=condition.heavy, incident=condition.incident,
            )  # fmt: skip
            found += [(condition, replace(spec, trace=False)) for spec in specs]
    return sorted(found, key=lambda one: seeds.index(one[1].seed))


def is_absent(controller: str, condition: Condition) -> bool:
    """Whether a condition is none for a controller: sensors, where it has none of ours."""
    return condition.is_of_sensors and assemble.controller(controller).make is None


def standings_of(
    planned: Planned, rows: Sequence[Row], controllers: Sequence[str], conditions: Sequence[Condition], baselines: Sequence[str]
) -> Leaderboard:
    """The leaderboard of these rows, one for each planned episode."""
    by_condition: dict[str, list[Row]] = {condition.name: [] for condition in conditions}
    for (condition, _), row in zip(planned, rows, strict=True):
        by_condition[condition.name].append(row)
    fields = tuple(field_of(one, by_condition[one.name], controllers, baselines) for one in conditions)
    standings = {base: standings_against(base, by_condition, fields) for base in baselines}
    return Leaderboard(tuple(baselines), tuple(dict.fromkeys(controllers)), fields, standings)


def field_of(condition: Condition, rows: list[Row], controllers: Sequence[str], baselines: Sequence[str]) -> Field:
    """One condition: figures, and differences from each baseline that ran under it."""
    ran = {str(row["controller"]) for row in rows}
    against = {base: compare(rows, base) for base in baselines if base in ran}
    figures = next(iter(against.values())) if against else compare(rows, rows[0]["controller"]) if rows else None
    absent = {name: NO_SENSORS for name in controllers if is_absent(name, condition)}
    return Field(condition, figures, against, absent, incidences(rows))


def incidences(rows: Sequence[Row]) -> dict[str, Incidence]:
    """The incident of every scenario that had one, over its runs."""
    by_scenario: dict[str, list[Row]] = {}
    for row in rows:
        if not failed(row) and row.get("incident") is not None:
            by_scenario.setdefault(row["scenario"], []).append(row)
    found = {}
    for scenario, some in by_scenario.items():
        one = some[0]["incident"]
        late_s = [row["incident"]["stood_from_s"] - one["begin_s"] for row in some if row["incident"]["stood_from_s"] is not None]
        out = tuple(f"{row['controller']}, seed {row['seed']}" for row in some if row["incident"]["stood_from_s"] is None)
        found[scenario] = Incidence(
            one["lane"], one["at_m"], one["begin_s"], one["end_s"], one["lanes"], one["trips_veh"], max(late_s, default=None), out
        )
    return found


def standings_against(baseline: str, by_condition: dict[str, list[Row]], fields: Sequence[Field]) -> dict[str, Standing]:
    """Every other controller's standing, over the cells in which both ran; nothing of one that met the baseline nowhere."""
    found = {}
    cells = [(f.condition.name, cell) for f in fields if baseline in f.against for cell in f.against[baseline].cells]
    for controller in dict.fromkeys(cell.controller for _, cell in cells if cell.controller != baseline):
        mine = [(name, cell) for name, cell in cells if cell.controller == controller and JUDGED_BY in cell.differences]
        known = [(name, cell) for name, cell in mine if not isnan(cell.differences[JUDGED_BY].percent)]
        if not known:
            continue
        condition, worst = max(known, key=lambda one: one[1].differences[JUDGED_BY].percent)
        pairs = [paired_delays(by_condition[name], cell.scenario, controller, baseline) for name, cell in known]
        found[controller] = Standing(
            overall=geometric_change(pairs),
            worst=worst.differences[JUDGED_BY],
            worst_scenario=worst.scenario,
            worst_condition=condition,
            worse=sum(cell.differences[JUDGED_BY].percent > NOT_WORSE_PERCENT for _, cell in known),
            cells=len(known),
        )
    return found


def paired_delays(rows: Sequence[Row], scenario: str, controller: str, baseline: str) -> tuple[Floats, Floats]:
    """The delays of two controllers on one network, on the seeds that both ran [pair]."""
    ours, theirs = ([row for row in rows if (row["scenario"], row["controller"]) == (scenario, who)] for who in (controller, baseline))
    return paired(ours, theirs, JUDGED_BY)


def as_json(board: Leaderboard, meta: dict[str, Any]) -> dict[str, Any]:
    """The machine-readable leaderboard: each metric with its unit, each number beside its interval."""
    units = {k: {"title": m.title, "title_zh": m.title_zh, "unit": m.unit, "better": m.better} for k, m in METRICS.items()}
    fields = []
    for one in board.fields:
        cells = []
        for cell in one.cells():
            row = {key: value for key, value in asdict(cell).items() if key != "differences"}
            others = {base: comparison.cell(cell.scenario, cell.controller) for base, comparison in one.against.items()}
            row["against"] = {
                base: asdict(other)["differences"] for base, other in others.items() if other is not None and other.differences
            }
            cells.append(row)
        fields.append(
            {
                "condition": asdict(one.condition),
                "absent": one.absent,
                "incidents": {scenario: asdict(incident) for scenario, incident in one.incidents.items()},
                "cells": cells,
                "overall": {base: asdict(comparison)["overall"] for base, comparison in one.against.items()},
            }
        )
    standings = {base: {name: asdict(standing) for name, standing in rows.items()} for base, rows in board.standings.items()}
    return {"meta": meta, "metrics": units, "level": LEVEL, "baselines": board.baselines, "standings": standings, "conditions": fields}


def leaderboard(
    scenarios: list[str],
    controllers: list[str],
    conditions: list[Condition],
    seeds: list[int],
    jobs: int,
    out: Path,
    rules: str,
    baselines: list[str],
    console: Console,
    *,
    forecast: str = QUICK,
    command: str | None = None,
    now: datetime | None = None,
) -> int:
    """Run it, print the standings, write leaderboard.json and leaderboard.html; 0, 1 with failed episodes, 130 after Ctrl-C."""
    planned = leaderboard_specs(scenarios, controllers, conditions, seeds, rules, forecast)
    for base in baselines:
        if base not in controllers:
            raise ConfigError(f"baseline {base!r}: not among the controllers {', '.join(controllers)}; name one of them, or add it")
    leaderboard_page.require_extra()
    for name in (JSON, PAGE):
        writable(out / name)
    date = (now or datetime.now().astimezone()).isoformat(timespec="seconds")
    words = command or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    run = {"rules": rules, "forecast": forecast, "scenarios": scenarios, "controllers": controllers, "seeds": seeds, "jobs": jobs}
    meta = {**provenance(date, words), **run, "conditions": [one.name for one in conditions]}
    try:
        with EpisodeBars(console, len(planned)) as bars:
            rows = run_matrix([spec for _, spec in planned], jobs, out, bars.tell)
    except KeyboardInterrupt:
        console.print(f"interrupted; {bars.finished} of {len(planned)} episodes are in {out}; the same command goes on", soft_wrap=True)
        return INTERRUPTED
    meta |= {"sumo_options": sumo_options(rows), "code_version": "; ".join(dict.fromkeys(row["version"] for row in rows))}
    board = standings_of(planned, rows, controllers, conditions, baselines)
    write_text(out / JSON, json.dumps(strict(as_json(board, meta)), ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    write_text(out / PAGE, leaderboard_page.page_html(board, meta))
    for base in baselines:
        console.print(standings_table(board, base))
        console.print()
    return told_failures(planned, rows, out, console)


def told_failures(planned: Planned, rows: Sequence[Row], out: Path, console: Console) -> int:
    """Say which episodes failed and where the page lies; 1 where any did."""
    failures = [(one.name, row) for (one, _), row in zip(planned, rows, strict=True) if failed(row)]
    for condition, row in failures:
        who = f"{row['scenario']}, {condition}, {row['controller']}, seed {row['seed']}"
        console.print(f"failed: {who}: {row['error']['sentence']}", style="red", markup=False)
    console.print(f"leaderboard: {out / PAGE}", soft_wrap=True, markup=False)
    return 1 if failures else 0
