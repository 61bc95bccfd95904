"""`citybrain forecast`: fit, back-test and predict on a table of counts, and one sentence where the table is wrong."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.cli_forecast import history_of, moment
from signals.errors import ForecastError

DAYS, SLOTS = 10, 96


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten days of two detectors with a morning and an evening peak, and a gap."""
    rng = np.random.default_rng(101)
    hours = np.arange(SLOTS) / 4.0
    mean = 20.0 + 80.0 * np.exp(-(((hours - 8.0) / 2.0) ** 2)) + 60.0 * np.exp(-(((hours - 17.0) / 2.0) ** 2))
    start = np.datetime64("2024-03-04T00:00")
    path = tmp_path_factory.mktemp("counts") / "counts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["timestamp", "north", "south"])
        for k in range(DAYS * SLOTS):
            counts = rng.poisson([mean[k % SLOTS], 0.5 * mean[k % SLOTS]])
            out.writerow([str(start + np.timedelta64(15 * k, "m")), counts[0], "" if k == 500 else counts[1]])
    return path


def test_a_fitted_forecaster_predicts_the_coming_bins_with_intervals(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    model, out = tmp_path / "model", tmp_path / "forecast.csv"
    fitted = command("forecast", "fit", "--counts", str(table), "--out", str(model))
    assert (fitted.code, fitted.err) == (0, "") and "2 detectors" in fitted.out
    words = [
        "--model",
        str(model),
        "--counts",
        str(table),
        "--at",
        "2024-03-12T08:00",
        "--bins",
        "2",
        "--out",
        str(out),
    ]
    assert command("forecast", "predict", *words).code == 0
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["detector"], row["bin"]) for row in rows] == [
        ("north", "1"),
        ("north", "2"),
        ("south", "1"),
        ("south", "2"),
    ]
    north = rows[0]
    # About 100 vehicles in a quarter of an hour at eight.
    assert 300.0 < float(north["low_veh_h"]) < float(north["flow_veh_h"]) < float(north["high_veh_h"]) < 500.0


def test_without_a_file_the_forecast_is_shown(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    command("forecast", "fit", "--counts", str(table), "--out", str(tmp_path / "m"), "--model", "profile")
    ran = command("forecast", "predict", "--model", str(tmp_path / "m"), "--counts", str(table))
    assert ran.code == 0 and "north" in ran.out and "profile" in ran.out


def test_a_back_test_has_the_profile_and_the_floor_beside_every_model(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    where = tmp_path / "rows.json"
    spans = ["--fit-until", "2024-03-11", "--test-from", "2024-03-12", "--test-until", "2024-03-14"]
    ran = command("forecast", "backtest", "--counts", str(table), *spans, "--models", "residual", "--json", str(where))
    assert (ran.code, ran.err) == (0, "")
    rows = {row["model"]: row for row in json.loads(where.read_text(encoding="utf-8"))["rows"]}
    assert {"last", "week", "profile", "residual"} <= rows.keys()
    assert rows["profile"]["wape"] < rows["last"]["wape"]
    assert "Poisson floor" in ran.out and f"{rows['residual']['wape']:.1f}" in ran.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("fit", "--counts", "{place}/none.csv", "--out", "{place}/m"), "none.csv"),
        (("fit", "--counts", "{place}/text.csv", "--out", "{place}/m"), "text.csv"),
        (("fit", "--counts", "{table}", "--out", "{place}/m", "--model", "residul"), "did you mean 'residual'?"),
        (("fit", "--counts", "{table}", "--out", "{place}/text.csv"), "cannot be written"),
        (("predict", "--counts", "{table}", "--model", "{place}/none"), "card.json"),
        (("predict", "--counts", "{table}", "--model", "{place}/none", "--bins", "0"), "bins"),
        (("backtest", "--counts", "{table}", "--fit-until", "soon"), "--fit-until 'soon'"),
        (("backtest", "--counts", "{table}", "--fit-until", "NaT"), "--fit-until 'NaT'"),
        (("backtest", "--counts", "{table}", "--models", "profle"), "did you mean 'profile'?"),
        (("backtest", "--counts", "{table}", "--blank", "2"), "blank"),
        (("backtest", "--counts", "{table}", "--blank", "nan"), "blank"),
        (("backtest", "--counts", "{table}", "--json", "{place}/text.csv/rows.json"), "rows.json"),
    ],
)
def test_wrong_input_is_one_sentence_and_leaves_no_file(
    words: tuple[str, ...], sentence: str, command: Callable[..., Any], table: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.csv").write_text("Dear Sir or Madam\n", encoding="utf-8")
    ran = command("forecast", *(word.replace("{place}", str(tmp_path)).replace("{table}", str(table)) for word in words))
    assert ran.code == 2, ran
    assert sentence in ran.err and ran.err.strip().count("\n") == 0 and "Traceback" not in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["text.csv"]


def test_the_packed_table_is_meant_by_its_name() -> None:
    assert len(history_of("odot").detectors) == 22


def test_a_moment_is_a_day_or_a_time() -> None:
    assert moment("2024-05-04T06:30", "--at") == np.datetime64("2024-05-04T06:30:00")
    with pytest.raises(ForecastError, match="--at 'yesterday'"):
        moment("yesterday", "--at")
