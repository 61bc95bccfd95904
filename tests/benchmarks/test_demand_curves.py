"""Claims about the demand curves: every multiplier meets every controller, points say what their rows say, and a run can be resumed."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks import demand_curves
from citybrain.episode import EpisodeSpec
from signals.errors import ConfigError

MakeRow = Callable[..., dict[str, Any]]
Cells = list[dict[str, Any]]
CALM = [[minute, 5.0, 10.0] for minute in range(60)]
JAM = [[minute, 10.0 * minute, 10.0] for minute in range(60)]


@pytest.fixture
def cells(make_row: MakeRow) -> Cells:
    """Ours is calm up to 1.4 times the demand, the actuated control up to 1.2; a seed of theirs at 1.4 failed."""
    specs, rows = [], []
    for demand in (1.0, 1.2, 1.4, 1.6):
        for controller, most in (("ours", 1.4), ("actuated", 1.2)):
            for seed in (101, 102):
                late = CALM if demand <= most else JAM
                counts = {"late_by_minute": late, "due_veh": 600.0, "undeparted_veh": 0.0, "completion": 0.9}
                row = make_row("a", controller, seed, 10.0 * demand + seed - 101, **counts)
                if (demand, controller, seed) == (1.4, "actuated", 102):
                    row["error"] = {"kind": "LinkError", "sentence": "SUMO hangs"}
                specs.append(EpisodeSpec("a", controller, seed, demand=demand))
                rows.append(row)
    return demand_curves.condensed(demand_curves.by_cell(specs, rows), "actuated")


def test_every_multiplier_meets_every_controller_and_seed_once() -> None:
    found = demand_curves.curve_specs(["grid_2x2"], ["fixed", "actuated"], [1.2, 0.8, 1.2], [103, 101], "resco")
    assert len(found) == len(set(found)) == 8
    assert {(spec.demand, spec.controller, spec.seed) for spec in found} == {
        (demand, controller, seed) for demand in (0.8, 1.2) for controller in ("fixed", "actuated") for seed in (103, 101)
    }
    assert [spec.seed for spec in found] == [103] * 4 + [101] * 4  # seed by seed: an interruption leaves balanced results
    assert not any(spec.trace for spec in found)


def test_a_point_holds_mean_least_and_worst_seed_and_what_failed(cells: Cells) -> None:
    ours, theirs = cells
    assert [p["delay_s_per_veh"] for p in ours["points"]] == [10.5, 12.5, 14.5, 16.5]
    assert (ours["points"][0]["least_s_per_veh"], ours["points"][0]["worst_s_per_veh"]) == (10.0, 11.0)
    assert theirs["points"][2]["failures"] == ["seed 102: SUMO hangs"]
    assert (theirs["points"][2]["seeds"], theirs["points"][2]["bounded_seeds"]) == ([101], 0)


def test_the_goal_is_judged_by_the_largest_bounded_demands(cells: Cells) -> None:
    ours, theirs = cells
    assert (ours["largest_bounded"], ours["first_unbounded"]) == (1.4, 1.6)
    assert (theirs["largest_bounded"], theirs["first_unbounded"], theirs["gain"]) == (1.2, 1.4, None)
    assert ours["gain"]["percent"] == pytest.approx(100.0 / 6.0)
    assert ours["gain"]["least_percent"] == pytest.approx(0.0)
    assert ours["goal_reached"] is True


def test_the_table_brackets_what_grows_and_says_how_far_each_goes(cells: Cells) -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(demand_curves.curve_table("a", cells, "actuated"))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    ours = next(line for line in lines if line.startswith("ours"))
    assert ours.split() == ["ours", "10.5", "12.5", "14.5", "(16.5)", "1.4", "+17", "%"]
    assert "[s/veh]" in lines[0]


@pytest.mark.parametrize(
    ("largest", "first_unbounded", "gain", "bound", "words"),
    [
        (1.2, 1.4, {"percent": 20.0, "least_percent": 0.0}, "1.2", "+20 %"),
        (1.6, None, {"percent": 33.3, "least_percent": 14.3}, "1.6+", "≥+33 %"),
        (None, 0.8, {"percent": None, "least_percent": None}, "<0.8", "unknown"),
        (0.9, 1.0, {"percent": None, "least_percent": 12.5}, "0.9", ">+12 %"),
        (1.0, 1.2, None, "1", ""),
    ],
)
def test_words_say_no_more_than_is_known(
    largest: float | None, first_unbounded: float | None, gain: dict[str, float | None] | None, bound: str, words: str
) -> None:
    cell = {"largest_bounded": largest, "first_unbounded": first_unbounded, "gain": gain}
    assert (demand_curves.bound_words(cell), demand_curves.gain_words(cell)) == (bound, words)


def test_the_picture_is_drawn_with_a_panel_for_each_network_also_where_nothing_finished(cells: Cells, tmp_path: Path) -> None:
    empty = {**cells[0], "scenario": "b", "points": [{**p, "delay_s_per_veh": None} for p in cells[0]["points"]]}
    demand_curves.draw([*cells, empty], "actuated", tmp_path / "curves.svg")
    svg = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    assert all(f">{word}<" in svg for word in ("a", "b", "ours", "actuated", "times the demand"))
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_multipliers_are_numbers() -> None:
    assert demand_curves.multipliers_of("0.8,1,1.6") == [0.8, 1.0, 1.6]
    with pytest.raises(ConfigError, match="expected numbers"):
        demand_curves.multipliers_of("0.8;1")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--multipliers", "0"], "expected a factor above 0"),
        (["--scenarios", "grid_2x3"], "grid_2x2"),
        (["--seeds", "x"], "expected a number"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demand_curves.main([*words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("demand_curves: ") and sentence in said
    assert not (tmp_path / "out").exists()


@pytest.mark.sumo
def test_the_command_runs_in_sumo_and_a_second_time_only_reads(
    short_grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "--scenarios",
        str(short_grid),
        "--controllers",
        "fixed,actuated",
        "--multipliers",
        "0.5,1",
        "--seeds",
        "101-101",
        "--jobs",
        "1",
    ]
    words += ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "curves.json")]
    assert demand_curves.main(words) == 0
    first = json.loads((tmp_path / "curves.json").read_text(encoding="utf-8"))
    results = (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8")
    assert demand_curves.main(words) == 0
    assert json.loads((tmp_path / "curves.json").read_text(encoding="utf-8"))["cells"] == first["cells"]
    assert (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8") == results
    half, whole = first["cells"][0]["points"]
    assert half["due_veh"] == pytest.approx(0.5 * whole["due_veh"], rel=0.1)
    assert "up to" in capsys.readouterr().out
