"""Plan files: three that say the same, and one of them that SUMO runs as it is written."""

import csv
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citybrain.episode import EpisodeSpec
from citybrain.plan_files import CSV_HEADER, rounded, write_plans
from citybrain.plan_sheet import Sheet
from citybrain.planning import plan_sheets
from signals.errors import ConfigError
from signals.rules import RULES, envelope
from signals.types import Network
from sumo_nets.counting import BIN_S, expected_counts
from sumo_nets.scenario import scenario

Sheets = tuple[Sheet, ...]


@pytest.fixture(scope="module")
def sheets(grid: Network) -> Sheets:
    """A plan for every signal of the grid, for its own demand."""
    flow_veh_h = expected_counts(scenario("grid_2x2"), grid).mean(axis=0) * 3600.0 / BIN_S
    return plan_sheets(grid, tuple(envelope(s, RULES["resco"]) for s in grid.signals), flow_veh_h, "coordinated")


def test_the_three_files_say_the_same(sheets: Sheets, tmp_path: Path) -> None:
    as_json, as_csv, as_xml = write_plans(sheets, tmp_path / "new" / "out")
    plans = json.loads(as_json.read_text(encoding="utf-8"))
    with as_csv.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    programs = {e.attrib["id"]: e for e in ET.parse(as_xml).getroot().iter("tlLogic")}
    assert list(rows[0]) == CSV_HEADER
    for plan in plans:
        mine = [row for row in rows if row["signal"] == plan["signal"]]
        assert [[int(row["phase"]), float(row["green_s"])] for row in mine] == plan["stages"]
        total_s = sum(float(row["green_s"]) + float(row["yellow_s"]) + float(row["all_red_s"]) for row in mine)
        phases = [float(p.attrib["duration"]) for p in programs[plan["signal"]]]
        assert total_s == pytest.approx(plan["cycle_s"]) == sum(phases)


def test_the_json_has_the_figures_of_every_movement_and_says_why(sheets: Sheets, tmp_path: Path) -> None:
    plans = json.loads(write_plans(sheets, tmp_path)[0].read_text(encoding="utf-8"))
    for plan, sheet in zip(plans, sheets, strict=True):
        known = {m["movement"]: m for m in plan["movements"]}
        assert set(known) == {m.id for m, x in zip(sheet.signal.movements, sheet.degree, strict=True) if math.isfinite(x)}
        for m, movement in enumerate(sheet.signal.movements):
            row = known[movement.id]
            assert row["degree_of_saturation"] == pytest.approx(sheet.degree[m], abs=0.001)
            assert row["control_delay_s"] > 0.0 and row["back_of_queue_95_veh"] > row["back_of_queue_veh"] > 0.0
            assert movement.id in row["lane_group"]
        assert plan["why"].startswith(f"{plan['signal']}: cycle {plan['cycle_s']:.0f} s, offset {plan['offset_s']:.0f} s: binding ")


def test_what_is_unknown_is_null_in_json() -> None:
    assert rounded(float("nan"), 2) is None and rounded(1.239, 2) == 1.24


@pytest.mark.sumo
def test_sumo_runs_the_plan_as_it_is_written(
    sheets: Sheets, grid: Network, run_in_worker: Callable[[EpisodeSpec], dict[str, Any]], tmp_path: Path
) -> None:
    plans = write_plans(sheets, tmp_path)[2]
    name, states = grid.signals[1].id, tmp_path / "states.xml"
    watch = tmp_path / "watch.add.xml"
    event = f'<timedEvent type="SaveTLSSwitchStates" source="{name}" dest="{states}"/>'
    watch.write_text(f"<additional>{event}</additional>", encoding="utf-8")
    spec = EpisodeSpec("grid_2x2", "fixed", 101, end_s=25500.0, additional=(str(plans), str(watch)))
    assert run_in_worker(spec)["safety_violations"] == 0
    shown = [e.attrib for e in ET.parse(states).getroot().iter("tlsState")]
    assert {row["programID"] for row in shown} == {"citybrain"}
    written = next(e for e in ET.parse(plans).getroot().iter("tlLogic") if e.attrib["id"] == name)
    expected = {(p.attrib["state"], float(p.attrib["duration"])) for p in written}
    times_s = [float(row["time"]) for row in shown]
    lasted = {(row["state"], b - a) for row, a, b in zip(shown[1:-1], times_s[1:], times_s[2:], strict=False)}
    assert lasted == expected
    plan = sheets[1].plan
    first = grid.signals[1].phases[plan.stages[0].phase].lights
    begins_s = [t for row, t in zip(shown[1:], times_s[1:], strict=True) if row["state"] == first]
    assert begins_s and all((t - plan.offset_s) % plan.cycle_s == 0.0 for t in begins_s) and plan.offset_s > 0.0


def test_plans_into_a_place_that_cannot_be_written_are_one_sentence(sheets: Sheets, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_plans(sheets, tmp_path / "file")
