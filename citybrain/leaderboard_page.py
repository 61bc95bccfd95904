"""A leaderboard as one HTML page that needs nothing else: standings, a chart and a sortable table a condition. Simulated results only."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

from citybrain.comparison import Cell, Change, Difference, Estimate
from citybrain.drawing import module
from citybrain.drawing_standings import JUDGED_BY, ratio_plot
from citybrain.standings import NOT_WORSE_PERCENT, Field, Incidence, Leaderboard, Standing
from citybrain.wording import UNKNOWN, number, spread
from signals.metrics import METRICS

TEMPLATE = Path(__file__).with_name("leaderboard.html")
SHOWN = ("delay_s_per_veh", "congestion_index", "throughput_veh_h", "completion")
ABSENT = "n/a"
NO_CHART = "Nobody that the others are compared with ran under this condition: there is no chart."

Shown = dict[str, Any]
"""A cell of a table: `text`, `small` below it, `sort` (None: always last), `mark` for better, worse or alike."""


def require_extra() -> None:
    """ConfigError where matplotlib or jinja2 is not installed; ask before a long run, not after it."""
    module("matplotlib.figure")
    module("jinja2")


def page_html(board: Leaderboard, meta: dict[str, Any]) -> str:
    """The page as text; every name in it escaped."""
    jinja2 = module("jinja2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return str(
        environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
            baselines=board.baselines,
            standings=[standings_section(board, base) for base in board.baselines],
            sections=[section(board, field, k) for k, field in enumerate(board.fields)],
            metrics=[METRICS[key] for key in SHOWN],
            judged=METRICS[JUDGED_BY],
            limit=NOT_WORSE_PERCENT,
            origin=origin(board, meta),
            options=meta.get("sumo_options", {}),
        )
    )


def standings_section(board: Leaderboard, baseline: str) -> dict[str, Any]:
    """The table of all conditions against one baseline."""
    fields = [field for field in board.fields if baseline in field.against]
    rows = []
    for controller, standing in board.standings[baseline].items():
        changes = [field.against[baseline].overall.get(controller, {}).get(JUDGED_BY) for field in fields]
        why = [field.absent.get(controller, "") for field in fields]
        shown = [absent_cell(reason) if reason else change_cell(change) for change, reason in zip(changes, why, strict=True)]
        rows.append({"controller": controller, "cells": [*shown, change_cell(standing.overall), *worst_cells(standing)]})
    return {"baseline": baseline, "conditions": [field.condition for field in fields], "rows": rows}


def worst_cells(standing: Standing) -> list[Shown]:
    """The worst network and condition, and on how many the controller is worse than it may be."""
    where = f"{standing.worst_scenario}, {standing.worst_condition}"
    return [
        {**change_cell(standing.worst), "small": where},
        {"text": f"{standing.worse} of {standing.cells}", "small": "", "sort": standing.worse, "mark": ""},
    ]


def section(board: Leaderboard, field: Field, place: int) -> dict[str, Any]:
    """What the page shows of one condition."""
    base = next((one for one in board.baselines if one in field.against), "")
    chart = ratio_plot(field.against[base], board.controllers, f"chart{place}") if base and field.against[base].overall else ""
    cells = field.cells()
    rows = [{"names": (cell.scenario, cell.controller), "cells": row_cells(board, field, cell)} for cell in cells]
    blank = len(SHOWN) + len(board.baselines) + 3
    rows += [{"names": ("all", name), "cells": [absent_cell(why)] * blank} for name, why in field.absent.items()]
    return {
        "condition": field.condition,
        "sensing": sensing_words(field),
        "base": base,
        "chart": module("markupsafe").Markup(chart),
        "missing": "" if chart else NO_CHART,
        "rows": rows,
        "absent": [f"{name} {why}" for name, why in field.absent.items()],
        "incidents": [incident_words(scenario, one) for scenario, one in field.incidents.items()],
        "failures": [f"{cell.scenario}, {cell.controller}, {sentence}" for cell in cells for sentence in cell.failures],
        "violations": sum(cell.safety_violations for cell in cells),
    }


def sensing_words(field: Field) -> str:
    """What the controllers see by."""
    one = field.condition
    words = {"ideal": "ideal sensing", "area": "area detectors (cameras, radars)", "loops": "loops (E1)"}[one.sensing]
    return words + (f", {one.sensor_faults:.0%} of them silent all run, chosen by the seed" if one.sensor_faults else "")


def incident_words(scenario: str, one: Incidence) -> str:
    """Which lane is closed, where and from when to when."""
    sentence = (
        f"{scenario}: lane {one.lane}, one of {one.lanes}, closed at {one.at_m:g} m from {one.begin_s:.0f} s to {one.end_s:.0f} s;"
        f" {one.trips_veh} trips take this street."
    )
    if one.latest_s:
        sentence += f" In some runs a queue kept the vehicle out at first, for {one.latest_s:.0f} s at most."
    if one.kept_out:
        sentence += f" It never came in: {'; '.join(one.kept_out)}."
    return sentence


def row_cells(board: Leaderboard, field: Field, cell: Cell) -> list[Shown]:
    """The figures of one network and controller."""
    judged = cell.figures.get(JUDGED_BY)
    changes = []
    for base in board.baselines:
        why = field.absent.get(base, "")
        alone = {"text": "baseline", "small": "", "sort": 0.0, "mark": "base"}
        other = change_cell(field.difference(base, cell.scenario, cell.controller, JUDGED_BY))
        changes.append(alone if cell.controller == base else absent_cell(f"{base} {why}") if why else other)
    return [
        estimate_cell(JUDGED_BY, judged),
        worst_seed_cell(judged),
        *changes,
        *(estimate_cell(key, cell.figures.get(key)) for key in SHOWN[1:]),
        count_cell(cell.safety_violations if cell.figures else None),
        count_cell(len(cell.seeds)),
    ]


def estimate_cell(key: str, figure: Estimate | None) -> Shown:
    """Mean, and the interval in brackets."""
    if figure is None or isnan(figure.mean):
        return {"text": UNKNOWN, "small": "", "sort": None, "mark": ""}
    digits = METRICS[key].digits
    return {"text": number(figure.mean, digits), "small": spread(figure.low, figure.high, digits), "sort": figure.mean, "mark": ""}


def worst_seed_cell(figure: Estimate | None) -> Shown:
    """The delay of the worst seed."""
    if figure is None or isnan(figure.worst):
        return {"text": UNKNOWN, "small": "", "sort": None, "mark": ""}
    return {"text": number(figure.worst, 2), "small": f"seed {figure.worst_seed}", "sort": figure.worst, "mark": ""}


def change_cell(change: Change | Difference | None) -> Shown:
    """A change in per cent with its interval, marked where its interval is known."""
    if change is None or isnan(change.percent):
        return {"text": UNKNOWN, "small": "", "sort": None, "mark": ""}
    low, high = (change.low, change.high) if isinstance(change, Change) else (change.percent_low, change.percent_high)
    mark = "" if isnan(low) or isnan(high) else "better" if high < 0.0 else "worse" if low > 0.0 else "alike"
    return {"text": f"{change.percent:+.1f} %", "small": spread(low, high, 1, "+"), "sort": change.percent, "mark": mark}


def absent_cell(why: str) -> Shown:
    """No figure, and why."""
    return {"text": ABSENT, "small": "", "sort": None, "mark": "absent", "why": why}


def count_cell(count: int | None) -> Shown:
    """A number of things."""
    return {"text": UNKNOWN if count is None else str(count), "small": "", "sort": count, "mark": ""}


def origin(board: Leaderboard, meta: dict[str, Any]) -> list[tuple[str, str]]:
    """What was run, with what, where: label and text."""
    machine = meta.get("machine", {})
    seeds = sorted({seed for field in board.fields for cell in field.cells() for seed in cell.seeds})
    known = {
        "command": meta.get("command"),
        "date": meta.get("date"),
        "rules": meta.get("rules"),
        "forecaster": meta.get("forecast"),
        "seeds": ", ".join(map(str, seeds)),
        "SUMO": meta.get("sumo_version"),
        "commit": meta.get("git_commit") or "outside a checkout",
        "code": meta.get("code_version"),
        "Python": meta.get("python_version"),
        "packages": ", ".join(f"{name} {v}" for name, v in meta.get("package_versions", {}).items()),
        "machine": f"{machine.get('cpu', UNKNOWN)}, {machine.get('cores', UNKNOWN)} cores, {machine.get('system', UNKNOWN)}",
    }
    return [(label, str(value) if value else UNKNOWN) for label, value in known.items()]
