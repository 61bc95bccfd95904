"""Flows of a network in, a timing plan per signal out: the plan sheet, as JSON, CSV and a SUMO additional file."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from citybrain.assemble import nearest
from citybrain.wire import plan_json
from signals.errors import ConfigError
from signals.kernels import delay
from signals.lane_groups import demand_of
from signals.layout import lay_out
from signals.links.program import Cabinet
from signals.planners.webster import lost_time_s, target_greens_s
from signals.safety import adopt, vet
from signals.types import ApprovedPlan, Floats, Intersection, Network, Observation, SafetyEnvelope, Stage, TimingPlan

LOS = "ABCDEF"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One signal's plan with what it means for its movements."""

    signal: Intersection
    approved: ApprovedPlan
    degree: Floats
    """[movement] degree of saturation; NaN where nothing flows"""
    delay_s: Floats
    """[movement] HCM control delay"""

    @property
    def mean_delay_s(self) -> float:
        """Unweighted mean over the movements that carry flow [s/veh]."""
        return float(np.nanmean(self.delay_s)) if np.isfinite(self.delay_s).any() else float("nan")

    @property
    def grade(self) -> str:
        """Level of service of the mean delay and the worst saturation."""
        worst = float(np.nanmax(self.degree)) if np.isfinite(self.degree).any() else float("nan")
        code = int(delay.level_of_service(self.mean_delay_s, worst))
        return LOS[code] if code >= 0 else "-"


def plan_sheets(network: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats) -> tuple[Sheet, ...]:
    """Webster's cycle and splits of every signal for these flows [movement], vetted as if put in force at a standing base plan."""
    starts = lay_out(network).movement_start
    wishes = []
    for i, (signal, limit) in enumerate(zip(network.signals, limits, strict=True)):
        flows = flow_veh_h[starts[i] : starts[i + 1]]
        lost_s = lost_time_s(signal)
        greens_s = target_greens_s(demand_of(signal), flows, lost_s, limit, signal)
        if np.isnan(greens_s).any():
            raise ConfigError(f"{signal.id}: no plan; a flow is missing, or its intergreens of {lost_s:.0f} s fill the longest cycle")
        stages = tuple(Stage(s.phase, float(g)) for s, g in zip(signal.base.stages, greens_s, strict=True))
        wishes.append(TimingPlan(signal.id, stages, 0.0, float("inf"), True, float(greens_s.sum()) + lost_s, 0.0))
    approved = vet(tuple(wishes), adopt(network, 0.0), standing(network), network, unhurried(limits))
    for one, wish in zip(approved, wishes, strict=True):
        if one.plan is not wish:
            raise ConfigError(f"{wish.signal}: the plan for these flows is not allowed here: {one.objections[0].sentence}")
    return tuple(sheet(s, a, flow_veh_h[starts[i] : starts[i + 1]]) for i, (s, a) in enumerate(zip(network.signals, approved, strict=True)))


def unhurried(limits: tuple[SafetyEnvelope, ...]) -> tuple[SafetyEnvelope, ...]:
    """The limits without the rate of change: a plan sheet is not a step from what runs tonight."""
    return tuple(replace(one, max_green_change_s=float("inf")) for one in limits)


def standing(network: Network) -> Observation:
    """An observation of an empty network whose base plans have just begun."""
    n, m = len(network.signals), lay_out(network).movements
    none = np.zeros(0)
    return Observation(
        0.0, np.array([s.base.stages[0].phase for s in network.signals], dtype=np.int64), np.full(n, 1000.0),
        np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(m), none.astype(np.int64), none.astype(np.int64), none, none,
    )  # fmt: skip


def sheet(signal: Intersection, approved: ApprovedPlan, flow_veh_h: Floats) -> Sheet:
    """Degree of saturation and control delay of each movement under its plan."""
    plan = approved.plan
    green_s = np.zeros(len(signal.movements))
    for stage in plan.stages:
        green_s[signal.serves[stage.phase] > 0] += stage.green_s
    degree, delay_s = np.full(green_s.shape, np.nan), np.full(green_s.shape, np.nan)
    for m, movement in enumerate(signal.movements):
        if flow_veh_h[m] > 0.0 and movement.saturation_veh_h > 0.0:
            degree[m] = delay.saturation_degree(flow_veh_h[m], movement.saturation_veh_h, green_s[m], plan.cycle_s)
            delay_s[m] = delay.control_delay_s(flow_veh_h[m], movement.saturation_veh_h, green_s[m], plan.cycle_s)
    return Sheet(signal, approved, degree, delay_s)


def read_flows(path: Path, network: Network) -> Floats:
    """Flows [movement] from a CSV with the columns movement and flow_veh_h; movements not named carry nothing [veh/h]."""
    names = [m.id for s in network.signals for m in s.movements]
    index = {name: k for k, name in enumerate(names)}
    flow_veh_h = np.zeros(len(names))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    if not rows or not {"movement", "flow_veh_h"} <= rows[0].keys():
        raise ConfigError(f"{path}: expected rows under a header with the columns movement and flow_veh_h")
    named: set[str] = set()
    for number, row in enumerate(rows, 2):
        if row["movement"] not in index:
            raise ConfigError(f"{path}, line {number}: no movement {row['movement']!r}; {nearest(row['movement'], names[:40])}")
        if row["movement"] in named:
            raise ConfigError(f"{path}, line {number}: movement {row['movement']!r} is there twice")
        named.add(row["movement"])
        try:
            value = float(row["flow_veh_h"])
        except ValueError:
            value = float("nan")
        if not 0.0 <= value < 100_000.0:
            raise ConfigError(f"{path}, line {number}: flow_veh_h is {row['flow_veh_h']!r}, expected a number from 0 up")
        flow_veh_h[index[row["movement"]]] = value
    return flow_veh_h


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
    """The plan with its movements' saturation and delay."""
    movements = [
        {"movement": m.id, "degree_of_saturation": round(float(x), 3), "control_delay_s": round(float(d), 1)}
        for m, x, d in zip(one.signal.movements, one.degree, one.delay_s, strict=True)
        if np.isfinite(x)
    ]
    return {**plan_json(one.approved.plan), "level_of_service": one.grade, "movements": movements}


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
