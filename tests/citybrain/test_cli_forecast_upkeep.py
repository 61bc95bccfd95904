"""`citybrain forecast upkeep` and `rollback`: from a table of counts to a sentence about who is champion."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.cli_forecast_upkeep import now_words
from forecasting.count_book import CountBook
from forecasting.history import FlowHistory, read, write
from forecasting.succession import journal

DAYS, SLOTS = 12, 96


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve days of two detectors with a morning and an evening peak."""
    rng = np.random.default_rng(101)
    hours = np.arange(SLOTS) / 4.0
    mean_veh = 20.0 + 80.0 * np.exp(-(((hours - 8.0) / 2.0) ** 2)) + 60.0 * np.exp(-(((hours - 17.0) / 2.0) ** 2))
    counts_veh = rng.poisson(np.tile(mean_veh[:, None] * np.array([1.0, 0.5]), (DAYS, 1))).astype(np.float64)
    path = tmp_path_factory.mktemp("counts") / "counts.csv"
    write(FlowHistory(np.datetime64("2024-03-04T00:00:00", "s"), 900.0, ("north", "south"), counts_veh), path)
    return path


def test_an_engineer_founds_promotes_and_rolls_back(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    words = ("forecast", "upkeep", "--folder", str(tmp_path / "site"), "--counts", str(table), "--days", "6")
    first = command(*words, "--model", "last")
    assert (first.code, first.err) == (0, "")
    assert "last fitted to 2024-03-04T00:00:00 to 2024-03-16T00:00:00 is the first champion" in first.out
    second = command(*words, "--model", "profile")
    assert second.code == 0 and "profile is promoted over last: WAPE" in second.out
    assert "champion: profile fitted until 2024-03-16T00:00:00" in second.out
    third = command(*words, "--model", "last")
    assert third.code == 0 and "last is not promoted over profile" in third.out
    back = command("forecast", "rollback", "--folder", str(tmp_path / "site"))
    assert back.code == 0 and "champion: last fitted until" in back.out
    assert [one.event for one in journal(tmp_path / "site")] == ["founded", "promoted", "kept", "rolled back"]


def test_the_refit_learns_from_what_a_service_has_counted(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    counted = read(table)
    book = CountBook(tmp_path / "counts", counted.detectors, counted.bin_s)
    words = ("forecast", "upkeep", "--folder", str(tmp_path / "site"), "--counts", str(tmp_path / "counts"), "--days", "6")
    early = command(*words, "--model", "last")
    assert early.code == 2 and "nothing has been counted yet" in early.err
    for day in range(0, counted.bins, SLOTS):
        for k in range(day, day + SLOTS):
            book.note(counted.time(k), counted.counts_veh[k])
        book.flush()
    assert "is the first champion" in command(*words, "--model", "last").out
    assert "profile is promoted over last" in command(*words, "--model", "profile").out


def test_finer_counts_are_put_into_the_champions_bins(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    words = ("forecast", "upkeep", "--folder", str(tmp_path / "site"), "--counts", str(table), "--model", "profile")
    assert command(*words, "--bin-minutes", "60", "--horizon-minutes", "60").code == 0
    again = command(*words)
    assert again.code == 0 and "both forecast the same" in again.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("upkeep", "--folder", "new", "--counts", "none.csv"), "none.csv"),
        (("upkeep", "--folder", "new", "--counts", "{table}", "--model", "profil"), "did you mean 'profile'?"),
        (("upkeep", "--folder", "new", "--counts", "{table}", "--limit-minutes", "0"), "--limit-minutes 0: expected more than 0"),
        (("upkeep", "--folder", "{table}", "--counts", "{table}", "--model", "last"), "the refit cannot be handed over"),
        (("rollback", "--folder", "none"), "no folder of a champion"),
    ],
)
def test_bad_input_is_one_sentence(
    words: tuple[str, ...], sentence: str, command: Callable[..., Any], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command("forecast", *(word.format(table=table) for word in words))
    assert ran.code == 2 and sentence in ran.err
    assert ran.err.count("\n") == 1


def test_the_journals_time_has_a_zone() -> None:
    assert now_words()[-6] in "+-"
