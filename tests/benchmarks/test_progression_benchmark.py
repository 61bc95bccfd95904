"""Claims about the timing of green waves: every method is timed on the same arterials, and the figures are written with their origin."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import progression


def test_green_waves_are_timed_for_many_and_for_one() -> None:
    rows = progression.wave_rows(many=3, signals=4, long=5)
    assert [row["method"] for row in rows] == ["exact search, whole seconds"] * 2 + ["MAXBAND", "MULTIBAND"]
    assert rows[2]["efficiency"] >= rows[1]["efficiency"] - 1e-4  # a free cycle gives no less than whole seconds


def test_an_arterial_has_its_signals_in_order_and_its_greens_within_bounds() -> None:
    one = progression.arterial(12, np.random.default_rng(101))
    assert one.travel_s.size == one.back_s.size == one.green.size == 12
    assert (np.diff(one.travel_s) >= 10.8).all() and (np.diff(one.travel_s) <= 43.2).all()
    assert ((one.green >= 0.3) & (one.green <= 0.6)).all()


def test_the_rows_are_written_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"method": "MAXBAND", "took_s": 0.1}]
    monkeypatch.setattr(progression, "wave_rows", lambda: rows)
    assert progression.main(["--json", str(tmp_path / "waves.json")]) == 0
    stored = json.loads((tmp_path / "waves.json").read_text(encoding="utf-8"))
    assert (stored["waves"], stored["meta"]["command"]) == (rows, "python -m benchmarks.progression")
    assert json.loads(capsys.readouterr().out) == rows[0]
