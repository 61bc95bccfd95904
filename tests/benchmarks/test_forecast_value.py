"""Claims about the forecast-value benchmark: the same days for every forecast, paired differences, and a run that can be resumed."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks import forecast_days, forecast_value
from benchmarks.forecast_days import Day, clock_s
from benchmarks.forecast_value import DELAY, DELAY_MET, by_cell, condensed, delay_met_s, value_specs, value_table
from sumo_nets.day import Event, Hours

MakeRow = Callable[..., dict[str, Any]]
SURGE = Event("surge", 120.0, 240.0, ("a",), 1.5)
WAPE = {"last": {"day": 16.0, "events": 20.0}, "true": {"day": 4.0, "events": 5.0}}
DELAYS_S = {"none": 30.0, "last": 20.0, "true": 18.0}


@pytest.fixture
def days(short_grid: Path) -> list[Day]:
    """Three days of a net, all on the same scenario's files."""
    named = {"none": "none", "last": "last", "true": "profile"}
    return [Day("net", seed, short_grid, (SURGE,), named, WAPE) for seed in (102, 101, 103)]


@pytest.fixture
def found(days: list[Day], make_row: MakeRow) -> dict[str, Any]:
    """Two planners: to one the forecast is worth something, the other does not read it; a seed of one failed."""
    specs = value_specs(days, ["webster", "gap_out"], list(DELAYS_S), "resco")
    rows = []
    for spec, (_, forecast) in specs.items():
        delay_s = (DELAYS_S[forecast] if spec.controller == "webster" else 25.0) + 0.1 * (spec.seed - 102)
        row = make_row("day", spec.controller, spec.seed, delay_s)
        if (spec.controller, forecast, spec.seed) == ("webster", "none", 103):
            row["error"] = {"kind": "LinkError", "sentence": "SUMO hangs"}
        rows.append(row)
    return condensed(by_cell(specs, rows, days), days)


def cell(found: dict[str, Any], controller: str, forecast: str) -> dict[str, Any]:
    return next(one for one in found["cells"] if (one["controller"], one["forecast"]) == (controller, forecast))


def test_every_forecast_meets_every_planner_and_day_once_and_seed_by_seed(days: list[Day]) -> None:
    specs = value_specs(days, ["webster", "gap_out"], ["none", "last", "true"], "resco")
    assert len(specs) == 3 * 2 * 3
    assert [spec.seed for spec in specs] == [101] * 6 + [102] * 6 + [103] * 6
    assert {(net, forecast) for net, forecast in specs.values()} == {("net", "none"), ("net", "last"), ("net", "true")}
    assert {spec.forecast for spec, (_, name) in specs.items() if name == "true"} == {"profile"}


def test_a_difference_is_paired_by_day_so_that_its_interval_is_narrower_than_the_days_differ(found: dict[str, Any]) -> None:
    webster = cell(found, "webster", "true")
    assert webster[DELAY]["mean"] == pytest.approx(18.0)
    change = webster["against"]["last"][DELAY]
    assert change["mean"] == pytest.approx(-2.0) and change["pairs"] == 3
    assert change["low"] == pytest.approx(-2.0) and change["high"] == pytest.approx(-2.0)
    assert change["percent"] == pytest.approx(-10.0)
    assert webster[DELAY]["low"] < 18.0 < webster[DELAY]["high"]


def test_a_failed_day_is_left_out_on_both_sides_and_told(found: dict[str, Any]) -> None:
    none = cell(found, "webster", "none")
    assert none["failures"] == ["seed 103: SUMO hangs"] and none["seeds"] == [101, 102]
    assert cell(found, "webster", "last")["against"]["none"][DELAY]["pairs"] == 2


def test_a_planner_that_reads_no_forecast_gains_nothing(found: dict[str, Any]) -> None:
    change = cell(found, "gap_out", "true")["against"]["last"][DELAY]
    assert (change["mean"], change["percent"]) == (0.0, 0.0)
    changes = {(one["controller"], one["forecast"], one["against"]): one["percent"] for one in found["overall"]}
    assert changes["webster", "true", "last"] == pytest.approx(-10.0)
    assert changes["gap_out", "true", "last"] == pytest.approx(0.0)


def test_who_is_due_during_an_event_or_shortly_after_has_met_it() -> None:
    events = (Event("surge", 1060.0, 1120.0, ("a",), 1.5),)
    late = [[0, 10.0, 1], [1, 20.0, 3], [2, 40.0, 1], [16, 40.0, 1], [17, 1000.0, 5]]
    row = {"begin_s": 1000.0, "delay_by_minute": late}
    assert delay_met_s(row, events) == pytest.approx((20.0 * 3 + 40.0 + 40.0) / 5)


def test_the_table_shows_delay_change_and_error_of_each_forecast(found: dict[str, Any]) -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(value_table("net", found, "last"))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "WAPE 16 %" in text and "[s/veh]" in text
    webster = next(line for line in text.splitlines() if line.startswith("webster"))
    assert webster.split() == ["webster", "29.95", "20.00", "18.00"]
    assert "-10.0 %" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--nets", "resco/cologne1"], "no day is laid out for it"),
        (["--forecasts", "last,residul"], "residul"),
        (["--forecasts", "profile,true"], "--baseline 'last'"),
        (["--controllers", "webstr"], "webster"),
        (["--seeds", "x"], "expected a number"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert forecast_value.main([*words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("forecast_value: ") and sentence in said
    assert not (tmp_path / "out").exists()


@pytest.mark.sumo
def test_the_command_runs_in_sumo_and_a_second_time_only_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Night hours of our small grid: three hours with few vehicles.
    hours = Hours(clock_s("06:00"), clock_s("08:30"), clock_s("07:00"), demand=0.1)
    monkeypatch.setitem(forecast_days.DAYS, "grid_2x2", hours)
    words = ["--nets", "grid_2x2", "--controllers", "webster", "--forecasts", "none,last,true", "--seeds", "101-101", "--jobs", "1"]
    words += ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "value.json")]
    assert forecast_value.main(words) == 0
    first = json.loads((tmp_path / "value.json").read_text(encoding="utf-8"))
    results = (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8")
    assert forecast_value.main(words) == 0
    assert json.loads((tmp_path / "value.json").read_text(encoding="utf-8"))["cells"] == first["cells"]
    assert (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8") == results
    assert {one["forecast"]: one["safety_violations"] for one in first["cells"]} == {"none": 0, "last": 0, "true": 0}
    assert all(0.0 < one[DELAY]["mean"] < 200.0 and one[DELAY_MET]["mean"] > 0.0 for one in first["cells"])
    assert first["wape"]["grid_2x2"]["true"]["day"] < first["wape"]["grid_2x2"]["last"]["day"]
    assert str(tmp_path) not in json.dumps(first)
    assert "WAPE" in capsys.readouterr().out
