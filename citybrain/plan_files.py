"""Plan sheets as files: JSON, CSV and a SUMO additional file that says the same."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from xml.sax.saxutils import quoteattr

from citybrain.plan_sheet import GroupFigures, Sheet
from citybrain.wire import plan_json
from signals.errors import ConfigError
from signals.explain import explain_plan
from signals.links.program import Cabinet


def write_plans(sheets: tuple[Sheet, ...], out: Path) -> tuple[Path, Path, Path]:
    """plans.json, plans.csv and plans.add.xml in a folder; ConfigError where it cannot be written."""
    paths = (out / "plans.json", out / "plans.csv", out / "plans.add.xml")
    try:
        out.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(json.dumps([sheet_json(s) for s in sheets], indent=1) + "\n", encoding="utf-8")
        with paths[1].open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([CSV_HEADER, *(row for s in sheets for row in csv_rows(s))])
        paths[2].write_text(additional(sheets), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written ({error.strerror})") from error
    return paths


CSV_HEADER = [
    "signal",
    "stage",
    "phase",
    "lights",
    "green_s",
    "yellow_s",
    "all_red_s",
    "cycle_s",
    "offset_s",
    "level_of_service",
]


def csv_rows(one: Sheet) -> list[list[object]]:
    """A row a stage."""
    plan, signal = one.approved.plan, one.signal
    rows: list[list[object]] = []
    for k, stage in enumerate(plan.stages):
        after = plan.stages[(k + 1) % len(plan.stages)].phase
        rows.append([
            signal.id, k + 1, stage.phase + 1, signal.phases[stage.phase].lights, stage.green_s,
            float(signal.yellow_s[stage.phase, after]), float(signal.all_red_s[stage.phase, after]),
            plan.cycle_s, plan.offset_s, one.grade,
        ])  # fmt: skip
    return rows


def sheet_json(one: Sheet) -> dict[str, object]:
    """The plan with its lane groups' saturation, delay and queue, and why it is as it is."""
    return {
        **plan_json(one.plan),
        "control_delay_s": rounded(one.mean_delay_s, 1),
        "level_of_service": one.grade,
        "why": explain_plan(one.reasons()),
        "movements": [row for group in one.groups for row in group_json(one, group)],
    }


def group_json(one: Sheet, group: GroupFigures) -> list[dict[str, object]]:
    """A row a movement, with the figures of the lane group it stands in."""
    return [
        {
            "movement": one.signal.movements[m].id,
            "approach": one.signal.movements[m].approach,
            "turn": one.signal.movements[m].turn.value,
            "lane_group": [one.signal.movements[k].id for k in group.movements],
            "flow_veh_h": rounded(float(one.flow_veh_h[m]), 1),
            "degree_of_saturation": rounded(group.degree, 3),
            "control_delay_s": rounded(group.delay_s, 1),
            "back_of_queue_veh": rounded(group.back_veh, 1),
            "back_of_queue_95_veh": rounded(group.back_95_veh, 1),
            "queue_storage_ratio": rounded(group.storage_share, 2),
            "level_of_service": group.grade,
        }
        for m in group.movements
    ]


def rounded(value: float, digits: int) -> float | None:
    """The value with its digits; None where it is unknown, as JSON has no NaN."""
    return round(value, digits) if math.isfinite(value) else None


def additional(sheets: tuple[Sheet, ...]) -> str:
    """The plans as SUMO programs named citybrain."""
    lines = ["<additional>"]
    for one in sheets:
        plan, cabinet = one.approved.plan, Cabinet(one.signal)
        lines.append(f'  <tlLogic id={quoteattr(plan.signal)} type="static" programID="citybrain" offset="{plan.offset_s:g}">')
        for segment in cabinet.cycle(plan.stages[0].phase, plan.stages, 0):
            lines.append(f'    <phase duration="{segment.duration_s:g}" state="{segment.lights}"/>')
        lines.append("  </tlLogic>")
    return "\n".join([*lines, "</additional>", ""])
