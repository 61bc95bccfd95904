"""Plan sheets as one HTML page that needs nothing else: a table, time-space diagrams, and a sheet for every signal."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from citybrain.arterials import Arterial
from citybrain.drawing import module
from citybrain.drawing_plan import plan_bars
from citybrain.drawing_time_space import band_words, time_space
from citybrain.green_times import stage_starts_s
from citybrain.output import write_text
from citybrain.plan_sheet import GroupFigures, Sheet, grade_of
from citybrain.wording import number, shortened
from signals.explain import Names, explain_plan, group_name, movement_names
from signals.planners.webster import START_UP_S
from signals.types import Network, Serves

TEMPLATE = Path(__file__).with_name("plan.html")
DRAWN = 60  # signals with a chart; a page of a whole city would not open
Arms = dict[str, dict[str, str]]
"""By signal, then by approach: what people call it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the plans are for, and how they were made."""

    title: str
    how: str
    command: str


def write_page(
    path: Path, network: Network, sheets: tuple[Sheet, ...], arterials: tuple[Arterial, ...], origin: Origin,
    arms: Arms | None = None,
) -> Path:  # fmt: skip
    """Write the page and say where; ConfigError where it cannot be written or the report extra is missing."""
    write_text(path, page_html(network, sheets, arterials, origin, arms))
    return path


def page_html(
    network: Network, sheets: tuple[Sheet, ...], arterials: tuple[Arterial, ...], origin: Origin,
    arms: Arms | None = None,
) -> str:  # fmt: skip
    """The page as text, every name in it escaped; `arms` gives the approaches of signals better names than their ids."""
    jinja2 = module("jinja2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return str(
        environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
            title=origin.title,
            how=origin.how,
            command=origin.command,
            total=total_words(sheets),
            arterials=[arterial_section(network, one, sheets, k) for k, one in enumerate(arterials)],
            signals=[signal_section(one, k, (arms or {}).get(one.signal.id)) for k, one in enumerate(sheets)],
            startup=f"{START_UP_S:g}",
        )
    )


def total_words(sheets: tuple[Sheet, ...]) -> str:
    """Delay of all signals' vehicles together."""
    groups = [g for one in sheets for g in one.groups]
    flow_veh_h = sum(g.flow_veh_h for g in groups)
    if not flow_veh_h > 0.0:
        return ""
    delay_s = sum(g.flow_veh_h * g.delay_s for g in groups) / flow_veh_h
    worst = max(g.degree for g in groups)
    return (
        f"All {len(sheets)} signals: {delay_s:.1f} s/veh over {flow_veh_h:.0f} veh/h through their stop lines,"
        f" level of service {grade_of(delay_s, min(worst, 1.0))}; highest v/c {worst:.2f}"
    )


def arterial_section(network: Network, arterial: Arterial, sheets: tuple[Sheet, ...], place: int) -> dict[str, Any]:
    """Diagram, bands in words, and the distances of an arterial."""
    plans = tuple(one.plan for one in sheets)
    rows = []
    for way in arterial.ways:
        word = "forward" if way is arterial.forward else "back"
        for i, far_m, travel_s, flow in zip(way.signals, way.distance_m, way.travel_s, way.flow_veh_h, strict=True):
            rows.append([network.signals[i].id, f"{far_m:.0f}", f"{travel_s:.1f}", word, f"{flow:.0f}"])
    return {
        "title": " – ".join(shortened(s, 16) for s in arterial.signals),
        "svg": module("markupsafe").Markup(time_space(network, arterial, plans, f"space-{place}")),
        "words": band_words(network, arterial, plans),
        "rows": rows,
    }


def signal_section(one: Sheet, place: int, arms: dict[str, str] | None) -> dict[str, Any]:
    """Everything the page says of one signal."""
    names, binding = movement_names(one.signal, "en", arms), one.binding
    return {
        "anchor": f"signal-{place}",
        "name": one.signal.id,
        "short": shortened(one.signal.id),
        "cycle": f"{one.plan.cycle_s:.0f}",
        "offset": f"{one.plan.offset_s:.0f}" if one.coordinated else "–",
        "greens": " ".join(f"{s.green_s:.0f}" for s in one.plan.stages),
        "degree": number(binding.degree if binding else float("nan"), 2),
        "over": bool(binding and binding.degree > 1.0),
        "delay": number(one.mean_delay_s, 1),
        "grade": one.grade,
        "why": explain_plan(one.reasons("en", arms), "en"),
        "why_zh": explain_plan(one.reasons("zh", arms), "zh"),
        "svg": module("markupsafe").Markup(plan_bars(one.signal, one.plan, names, f"bars-{place}")) if place < DRAWN else "",
        "stages": stage_rows(one, names),
        "groups": [group_row(g, names) for g in one.groups],
    }


def stage_rows(one: Sheet, names: Names) -> list[list[str]]:
    """A row a stage: when, how long, what follows, and whom it serves."""
    signal, plan, rows = one.signal, one.plan, []
    for k, (stage, start_s) in enumerate(zip(plan.stages, stage_starts_s(signal, plan), strict=True)):
        after = plan.stages[(k + 1) % len(plan.stages)].phase
        lit = tuple(np.flatnonzero(signal.serves[stage.phase] > Serves.NOT).tolist())
        rows.append([
            f"{k + 1}", f"{stage.phase + 1}", f"{start_s:.0f}", f"{stage.green_s:.0f}", f"{100.0 * stage.green_s / plan.cycle_s:.0f}",
            f"{signal.yellow_s[stage.phase, after]:.0f}", f"{signal.all_red_s[stage.phase, after]:.0f}", group_name(names, lit),
        ])  # fmt: skip
    return rows


def group_row(group: GroupFigures, names: Names) -> list[Any]:
    """A lane group's figures as text; last, whether it is past its capacity."""
    return [
        group_name(names, group.movements), f"{group.flow_veh_h:.0f}", f"{group.capacity_veh_h:.0f}", f"{group.degree:.2f}",
        f"{group.delay_s:.1f}", number(group.back_veh, 1), number(group.back_95_veh, 1), number(100.0 * group.storage_share, 0),
        group.grade, isfinite(group.degree) and group.degree > 1.0,
    ]  # fmt: skip
