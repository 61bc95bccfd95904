"""Claims about the committed figures: condensed from a bench, and the committed file holds what the issue asks for."""

import json
from pathlib import Path

import pytest

from benchmarks import figures

CELL = {
    "scenario": "resco/cologne1",
    "controller": "learned",
    "seeds": [1, 2],
    "figures": {"delay_s_per_veh": {"mean": 15.12345, "low": 15.0, "high": 15.3, "worst": 15.5, "worst_seed": 2}},
    "differences": {"delay_s_per_veh": {"percent": -60.0, "percent_low": -61.0, "percent_high": -59.0, "pairs": 2, "mean": -20.0}},
    "safety_violations": 0,
    "failures": [],
}


def test_condensing_keeps_mean_interval_worst_seed_and_goal(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps({"meta": {"commit": "x"}, "baseline": "fixed", "cells": [CELL]}))
    assert figures.main(["--condense", str(tmp_path), "--to", str(tmp_path / "out.json")]) == 0
    cell = json.loads((tmp_path / "out.json").read_text())["cells"][0]
    assert cell["delay_s_per_veh"] == {"mean": 15.123, "low": 15.0, "high": 15.3, "worst": 15.5, "worst_seed": 2}
    assert cell["to_reach_delay_s_per_veh"] == 13.8
    assert cell["delay_change_percent"]["percent"] == -60.0
    assert cell["seeds"] == 2


def test_a_folder_without_a_bench_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert figures.main(["--condense", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("figures: ")


def test_the_committed_figures_cover_all_with_ten_seeds_of_our_best_and_no_violation_of_ours() -> None:
    cells = json.loads(figures.BASELINES.read_text(encoding="utf-8"))["cells"]
    found = {(c["scenario"], c["controller"]): c for c in cells}
    assert set(found) == {(s, c) for s in figures.SCENARIOS for c in figures.CONTROLLERS}
    assert all(c["seeds"] >= (10 if c["controller"] in ("learned", "rolling_horizon") else 4) and not c["failures"] for c in cells)
    assert [k for k, c in found.items() if c["safety_violations"] and k[1] not in ("fixed", "actuated")] == []
