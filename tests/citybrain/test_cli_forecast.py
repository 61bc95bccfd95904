"""`citybrain forecast`: fit, back-test and predict on a table of counts, and one sentence where the table is wrong."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.cli_forecast import history_of, moment, split_of
from signals.errors import ForecastError

DAYS, SLOTS = 10, 96


def spans(test_from: str, test_until: str) -> tuple[str, ...]:
    """Options of a back-test that is fitted to the first week."""
    return "--fit-until", "2024-03-11", "--test-from", test_from, "--test-until", test_until


SPANS = spans("2024-03-12", "2024-03-14")


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
    ran = command("forecast", "backtest", "--counts", str(table), *SPANS, "--models", "residual", "--json", str(where))
    assert (ran.code, ran.err) == (0, "")
    rows = {row["model"]: row for row in json.loads(where.read_text(encoding="utf-8"))["rows"]}
    assert {"last", "week", "profile", "residual"} <= rows.keys()
    assert rows["profile"]["wape"] < rows["last"]["wape"]
    assert "Poisson floor" in ran.out and f"{rows['residual']['wape']:.1f}" in ran.out


def test_a_back_test_writes_its_page_and_its_rows(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    ran = command("forecast", "backtest", "--counts", str(table), *SPANS, "--models", "residual", "--blank", "0.15", "--out", str(out))
    assert (ran.code, ran.err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["backtest.json", "report.html"]
    found = json.loads((out / "backtest.json").read_text(encoding="utf-8"))
    assert {"rows", "default", "poisson_floor_wape"} <= found.keys()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "citybrain forecast backtest --counts" in page
    assert f"{next(row for row in found['rows'] if row['model'] == 'residual')['wape']:.2f}" in page


def test_a_longer_horizon_is_summed_and_models_run_side_by_side(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    where = tmp_path / "rows.json"
    options = ("--bin-minutes", "15", "--horizon-minutes", "30", "--jobs", "2", "--models", "profile", "--json", str(where))
    assert command("forecast", "backtest", "--counts", str(table), *SPANS, *options).code == 0
    found = json.loads(where.read_text(encoding="utf-8"))
    assert (found["bin_s"], found["horizon_s"]) == (900.0, 1800.0)


def test_a_model_is_fed_with_counts_summed_into_its_bins(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    ran = command("forecast", "fit", "--counts", str(table), "--bin-minutes", "15", "--out", str(tmp_path / "m"), "--model", "profile")
    assert ran.code == 0
    fine = tmp_path / "fine.csv"
    start = np.datetime64("2024-03-14T00:00", "m")
    fine.write_text("timestamp,north,south\n" + "".join(f"{start + 5 * k},3,2\n" for k in range(100)), encoding="utf-8")
    ran = command("forecast", "predict", "--model", str(tmp_path / "m"), "--counts", str(fine))
    assert ran.code == 0 and "north" in ran.out


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
        (("backtest", "--counts", "{table}", "--out", "{place}/text.csv"), "backtest.json: cannot be written"),
        (("backtest", "--counts", "{table}", "--jobs", "0"), "--jobs 0"),
        (("backtest", "--counts", "{table}"), "--fit-until is missing"),
        (("backtest", "--counts", "{table}", *spans("2024-03-10", "2024-03-12")), "must come after the fit"),
        (("backtest", "--counts", "{table}", *spans("2024-03-13", "2024-03-12")), "must come after the fit"),
        (("backtest", "--counts", "{table}", *spans("2024-06-13", "2024-06-15")), "outside the counts"),
        (("backtest", "--counts", "{table}", *SPANS, "--bin-minutes", "5"), "bins of 900 s cannot be put into bins of 300 s"),
        (("backtest", "--counts", "{table}", *SPANS, "--bin-minutes", "nan"), "do not divide a day"),
        (("backtest", "--counts", "{table}", *SPANS, "--bin-minutes", "60"), "bins of 3600 s do not divide the horizon of 900 s"),
        (("backtest", "--counts", "{table}", *SPANS, "--horizon-minutes", "20"), "do not divide the horizon of 1200 s"),
        (("backtest", "--counts", "{table}", *SPANS, "--horizon-minutes", "0"), "do not divide the horizon of 0 s"),
        (("backtest", "--counts", "{table}", *SPANS, "--horizon-minutes", "nan"), "do not divide the horizon of nan s"),
        (("fit", "--counts", "odot", "--bin-minutes", "7", "--out", "{place}/m"), "do not divide a day"),
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


def test_the_packed_table_has_a_split_of_its_own_and_other_tables_need_one() -> None:
    found = split_of("odot", ("", "", ""))
    assert [str(when) for when in found] == ["2024-05-04T00:00:00", "2024-05-07T00:00:00", "2024-05-14T00:00:00"]
    assert str(split_of("odot", ("", "2024-05-08", ""))[1]) == "2024-05-08T00:00:00"
    with pytest.raises(ForecastError, match="--test-until is missing"):
        split_of("counts.csv", ("2024-05-04", "2024-05-07", ""))


def test_the_packed_table_can_be_summed_too() -> None:
    history = history_of("odot", 3600.0, 3600.0)
    assert history.bin_s == 3600.0
    assert np.nansum(history.counts_veh) <= np.nansum(history_of("odot").counts_veh)


def test_a_moment_is_a_day_or_a_time() -> None:
    assert moment("2024-05-04T06:30", "--at") == np.datetime64("2024-05-04T06:30:00")
    with pytest.raises(ForecastError, match="--at 'yesterday'"):
        moment("yesterday", "--at")
