"""A comparison as one HTML page that needs nothing else: tables, pictures, and where the numbers come from.

Simulated results only. Without traces there is no map, no phase diagram and no forecast, and the page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

from citybrain.comparison import Cell, Comparison, Difference
from citybrain.drawing import module
from citybrain.report_pictures import Figure, interval_figure, scenario_figures
from citybrain.wording import UNKNOWN, change_text, number, spread
from signals.errors import ConfigError
from signals.metrics import METRICS

TEMPLATE = Path(__file__).with_name("report.html")
SHOWN = ("throughput_veh_h", "speed_km_h", "delay_s_per_veh", "congestion_index")
AGAINST = ("delay_s_per_veh", "congestion_index")
JUDGED_BY = "delay_s_per_veh"
NO_TRACES = "No trace was recorded here: there is no map of its queues, no phase diagram, no picture of its forecasts."

Row = dict[str, Any]
Trace = dict[str, Any]


def require_extra() -> None:
    """ConfigError where matplotlib or jinja2 is not installed; ask before a long run, not after it."""
    module("matplotlib.figure")
    module("jinja2")


def write_report(
    path: Path,
    comparison: Comparison,
    rows: Sequence[Row],
    traces: dict[tuple[str, str], Trace],
    meta: dict[str, Any],
) -> None:
    """Write the page; ConfigError where it cannot be written or the report extra is missing.

    `rows`: one finished episode each, as `run_episode` returns them; `traces` by scenario and controller, each with its `seed`.
    """
    text = report_html(comparison, rows, traces, meta)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot write there ({error.strerror})") from error


def report_html(comparison: Comparison, rows: Sequence[Row], traces: dict[tuple[str, str], Trace], meta: dict[str, Any]) -> str:
    """The page as text; every name in it escaped."""
    jinja2 = module("jinja2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    sections = [_section(comparison, s, i, rows, traces) for i, s in enumerate(comparison.scenarios)]
    return str(
        environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
            baseline=comparison.baseline,
            findings=[f for f in (_finding(comparison, s) for s in comparison.scenarios) if f],
            origin=_origin(comparison, meta),
            options=meta.get("sumo_options", {}),
            intervals=_safe(interval_figure(comparison)),
            columns=[METRICS[key] for key in SHOWN],
            against=[METRICS[key] for key in AGAINST],
            overall_columns=[METRICS[key] for key in SHOWN],
            overall=_overall(comparison),
            sections=sections,
            metrics=METRICS.values(),
        )
    )


def _finding(comparison: Comparison, scenario: str) -> tuple[str, str, str] | None:
    """One sentence in three parts: the best controller's delay beside the baseline's, the change, how many pairs."""
    best, base = comparison.best(scenario), comparison.cell(scenario, comparison.baseline)
    cell = comparison.cell(scenario, best) if best else None
    if cell is None or base is None or not base.figures or JUDGED_BY not in cell.differences:
        return None
    ours, theirs, change = cell.figures[JUDGED_BY], base.figures[JUDGED_BY], cell.differences[JUDGED_BY]
    sentence = (
        f"{scenario}: {cell.controller} has the least mean delay, {ours.mean:.2f} s/veh against {theirs.mean:.2f} s/veh under"
        f" {comparison.baseline}:"
    )
    pairs = f"{change.pairs} paired {'seed' if change.pairs == 1 else 'seeds'}"
    return sentence, change_text(change.percent, change.percent_low, change.percent_high), pairs


def _origin(comparison: Comparison, meta: dict[str, Any]) -> list[tuple[str, str]]:
    """What was run, with what, where: label and text."""
    machine = meta.get("machine", {})
    packages = ", ".join(f"{name} {v}" for name, v in meta.get("package_versions", {}).items())
    seeds = sorted({seed for cell in comparison.cells for seed in cell.seeds})
    known = {
        "command": meta.get("command"),
        "date": meta.get("date"),
        "rules": meta.get("rules"),
        "seeds": ", ".join(map(str, seeds)),
        "SUMO": meta.get("sumo_version"),
        "commit": meta.get("git_commit") or "outside a checkout",
        "code": meta.get("code_version"),
        "Python": meta.get("python_version"),
        "packages": packages,
        "machine": f"{machine.get('cpu', UNKNOWN)}, {machine.get('cores', UNKNOWN)} cores, {machine.get('system', UNKNOWN)}",
    }
    return [(label, str(value) if value else UNKNOWN) for label, value in known.items()]


def _section(
    comparison: Comparison, scenario: str, place: int, rows: Sequence[Row], traces: dict[tuple[str, str], Trace]
) -> dict[str, Any]:
    """What the page shows of one scenario."""
    here = [row for row in rows if row["scenario"] == scenario]
    mine = {c: traces[scenario, c] for c in comparison.controllers if (scenario, c) in traces}
    figures = scenario_figures(comparison, scenario, place, here, mine)
    cells = [cell for cell in comparison.cells if cell.scenario == scenario]
    return {
        "name": scenario,
        "rows": [_table_row(cell, comparison.baseline) for cell in cells],
        "all": [_all_metrics(cell) for cell in cells if cell.figures],
        "figures": [_safe(figure) for figure in figures],
        "missing": "" if mine else NO_TRACES,
        "failures": [f"{cell.controller}, {sentence}" for cell in cells for sentence in cell.failures],
        "violations": sum(cell.safety_violations for cell in cells),
    }


def _table_row(cell: Cell, baseline: str) -> dict[str, Any]:
    figures = [_estimate_words(cell, key) for key in SHOWN]
    worst = cell.figures.get(JUDGED_BY)
    changes = [cell.differences.get(key) for key in AGAINST]
    return {
        "controller": cell.controller,
        "is_baseline": cell.controller == baseline,
        "figures": figures,
        "worst": (number(worst.worst, 2), f"seed {worst.worst_seed}") if worst else (UNKNOWN, ""),
        "changes": [_change_words(d) for d in changes],
        "violations": cell.safety_violations if cell.figures else UNKNOWN,
        "seeds": len(cell.seeds),
    }


def _estimate_words(cell: Cell, key: str) -> tuple[str, str]:
    """Mean, and the interval in brackets."""
    figure, digits = cell.figures.get(key), METRICS[key].digits
    return (number(figure.mean, digits), spread(figure.low, figure.high, digits)) if figure else (UNKNOWN, "")


def _change_words(difference: Difference | None) -> tuple[str, str]:
    """Change in per cent of the baseline's mean, and its interval."""
    if difference is None or isnan(difference.percent):
        return UNKNOWN, ""
    return f"{difference.percent:+.1f} %", spread(difference.percent_low, difference.percent_high, 1, "+")


def _all_metrics(cell: Cell) -> dict[str, Any]:
    return {"controller": cell.controller, "figures": [_estimate_words(cell, key) for key in METRICS]}


def _overall(comparison: Comparison) -> list[dict[str, Any]]:
    """Rows of the table over all scenarios; none with a single scenario."""
    if len(comparison.scenarios) < 2:
        return []
    rows = []
    for controller, changes in comparison.overall.items():
        found = [changes.get(key) for key in SHOWN]
        words = [change_text(c.percent, c.low, c.high) if c else UNKNOWN for c in found]
        rows.append({"controller": controller, "changes": words, "scenarios": max((c.scenarios for c in found if c), default=0)})
    return rows


def _safe(figure: Figure) -> dict[str, Any]:
    """A figure for the template: its SVG is ours and goes in as it is, its words are escaped."""
    return {"title": figure.title, "caption": figure.caption, "svg": module("markupsafe").Markup(figure.svg)}
