"""The kernel times: what is timed does its work, and every row is there."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import kernels
from benchmarks.kernels import busy, city, main, rows, subjects, timed_us
from signals.safety import adopt
from signals.types import ApprovedPlan


def test_every_subject_is_timed_at_every_size() -> None:
    found = rows((1, 3), enough_s=0.01)
    assert [(row["subject"], row["signals"]) for row in found] == [
        (name, n) for n in (1, 3) for name in subjects(city(1), np.random.default_rng(1))
    ]
    assert all(0.0 < float(row["p50_us_per_signal"]) <= float(row["p99_us_per_signal"]) for row in found)


def test_what_is_timed_gives_plans_that_safety_approves() -> None:
    network = city(20)
    calls = subjects(network, np.random.default_rng(2))
    greens_s = calls["webster plan (kernel)"]()
    assert isinstance(greens_s, np.ndarray) and (greens_s >= 7.0).all()
    approved = calls["vet"]()
    assert isinstance(approved, tuple) and len(approved) == 20
    assert all(isinstance(one, ApprovedPlan) and one.objections == () for one in approved)
    assert any(one.plan is not base.plan for one, base in zip(approved, adopt(network, 0.0), strict=True))


def test_a_busy_city_has_a_choice_everywhere() -> None:
    network = city(50)
    observed = busy(network, np.random.default_rng(3))
    assert len({signal.id for signal in network.signals}) == 50
    assert (observed.queue_veh.reshape(50, 12).sum(axis=1) > 0.0).all()


def test_timing_leaves_out_the_first_call() -> None:
    calls: list[int] = []
    taken_us = timed_us(lambda: calls.append(1), enough_s=0.0)
    assert len(calls) == taken_us.size + 1 == kernels.FEWEST + 1


def test_the_table_is_printed_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(kernels, "rows", lambda: rows((1,), enough_s=0.001))
    assert main(["--json", str(tmp_path / "kernels.json")]) == 0
    written = json.loads((tmp_path / "kernels.json").read_text(encoding="utf-8"))["rows"]
    printed = capsys.readouterr().out
    assert len(written) == 4
    assert all(row["subject"] in printed for row in written)
