"""The kernel times: what is timed does its work, and every row is there."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import kernels
from benchmarks.kernels import flows_veh_h, main, planned_and_vetted, pressed, priced, row, rows, subjects, timed_us
from benchmarks.synthetic_city import city, limits_of, real_junctions, tiled
from signals.batch import CityPlans, city_of
from signals.safety import adopt
from signals.types import ApprovedPlan

REAL = real_junctions()


def test_every_subject_is_timed_at_every_size() -> None:
    found = rows((1, 3), enough_s=0.01)
    assert [(one["subject"], one["signals"]) for one in found] == [
        (name, n) for n in (1, 3) for name in subjects(n, REAL, np.random.default_rng(1))
    ]
    assert all(0.0 < float(one["p50_ms"]) <= float(one["p99_ms"]) for one in found)


def test_subjects_that_would_fill_the_memory_end_at_their_largest_size() -> None:
    names = set(subjects(15001, REAL, np.random.default_rng(1)))
    assert names == set(subjects(1, REAL, np.random.default_rng(1))) - set(kernels.LARGEST)


@pytest.mark.parametrize("real", [False, True])
def test_timed_webster_plans_are_ones_that_safety_lets_pass(real: bool) -> None:
    network = tiled(REAL, 48) if real else city(48)
    of = city_of(network, limits_of(network))
    plans, verdicts = planned_and_vetted(of, np.random.default_rng(2))()
    assert isinstance(plans, CityPlans)
    assert (verdicts == 0).all()
    assert len(np.unique(plans.cycle_s)) > 10


def test_timed_flows_load_some_signals_over_capacity_but_few() -> None:
    network = tiled(REAL, 480)
    of = city_of(network, limits_of(network))
    plans, _ = planned_and_vetted(of, np.random.default_rng(2))()
    assert 0.02 < (plans.cycle_s > 115.0).mean() < 0.4
    assert (flows_veh_h(of, np.random.default_rng(2)) >= 0.0).all()


def test_the_timed_lookahead_prices_a_choice_at_nearly_every_signal() -> None:
    costs_s = np.asarray(priced(tiled(REAL, 24), np.random.default_rng(3))())
    choices = (~np.isnan(costs_s)).sum(axis=1)
    assert (choices >= 2).all()
    assert (np.nanmax(costs_s, axis=1) > np.nanmin(costs_s, axis=1)).mean() > 0.9


def test_timed_wishes_are_approved() -> None:
    network = city(20)
    approved = pressed(network, np.random.default_rng(2))["vet"]()
    assert isinstance(approved, tuple) and len(approved) == 20
    assert all(isinstance(one, ApprovedPlan) and one.objections == () for one in approved)
    assert any(one.plan is not base.plan for one, base in zip(approved, adopt(network, 0.0), strict=True))


def test_timing_leaves_out_the_first_call() -> None:
    calls: list[int] = []
    taken_us, worked_us = timed_us(lambda: calls.append(1), enough_s=0.0)
    assert len(calls) == taken_us.size + 1 == worked_us.size + 1 == kernels.FEWEST + 1


def test_a_row_gives_times_per_call_and_per_signal() -> None:
    found = row("x", 100, np.array([200.0, 200.0, 400.0]), np.full(3, 300.0), 10.0)
    assert (found["p50_ms"], found["p50_us_per_signal"], found["cpu_us_per_signal"]) == (0.2, 2.0, 3.0)
    assert (found["signals_per_s"], found["ratio_to_reference"]) == (500000, 0.2)
    assert 0.39 < float(found["p99_ms"]) <= 0.4


def test_the_table_is_printed_and_written_with_its_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kernels, "ENOUGH_S", 0.001)
    out = tmp_path / "kernels.json"
    assert main(["--json", str(out), "--sizes", "1,2", "--only", "webster"]) == 0
    written = json.loads(out.read_text(encoding="utf-8"))
    printed = capsys.readouterr().out
    assert [(one["subject"], one["signals"]) for one in written["rows"]] == [
        (name, n) for n in (1, 2) for name in ("webster plan + check", "real webster plan + check")
    ]
    assert all(str(one["subject"]) in printed for one in written["rows"])
    assert written["provenance"]["threads"] >= 1
    assert "--only webster" in written["provenance"]["command"]
