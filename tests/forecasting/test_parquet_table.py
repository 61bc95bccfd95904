"""Parquet tables of every column type that counts and times come in, and one sentence for the others."""

import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecasting import parquet_table
from forecasting.history import read
from signals.errors import ForecastError

pl = pytest.importorskip("polars")

ROWS = 3 * 96
TIMES = [datetime(2024, 5, 6) + timedelta(minutes=15 * i) for i in range(ROWS)]
COUNTS = [None if i == 7 else i % 50 for i in range(ROWS)]


def written(columns: dict[str, Any], folder: Path) -> Path:
    path = folder / "counts.parquet"
    pl.DataFrame(columns).write_parquet(path)
    return path


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("kind", ["Int64", "UInt8", "Float32", "Float64"])
def test_times_and_counts_of_every_type_are_the_same_history(unit: str, kind: str, tmp_path: Path) -> None:
    times = pl.Series(TIMES).cast(pl.Datetime(unit))
    path = written({"A": pl.Series(COUNTS).cast(getattr(pl, kind)), "Timestamp": times, "B": [0.0] * ROWS}, tmp_path)
    history = read(path)
    assert (history.start, history.bin_s, history.detectors) == (np.datetime64("2024-05-06T00:00:00"), 900.0, ("A", "B"))
    np.testing.assert_array_equal(history.counts_veh[:, 0], np.array(COUNTS, dtype=np.float64))


def test_times_may_be_texts(tmp_path: Path) -> None:
    history = read(written({"timestamp": [str(t) for t in TIMES], "A": COUNTS}, tmp_path))
    assert (history.bins, history.bin_s) == (ROWS, 900.0)


def test_few_columns_at_a_time_make_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(101)
    counts = rng.poisson(20.0, (ROWS, 7))
    path = written({"timestamp": TIMES, **{f"d{k}": counts[:, k] for k in range(7)}}, tmp_path)
    monkeypatch.setattr(parquet_table, "PIECE_CELLS", 2 * ROWS)
    shares: list[float] = []
    np.testing.assert_array_equal(read(path, progress=shares.append).counts_veh, counts)
    assert shares == pytest.approx([2 / 7, 4 / 7, 6 / 7, 1.0])


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no timestamp column": ({"when": TIMES, "A": COUNTS}, "0 of its columns are called timestamp"),
    "two of them": ({"time": TIMES, "timestamp": TIMES, "A": COUNTS}, "2 of its columns"),
    "no detector": ({"timestamp": TIMES}, "no detector column"),
    "texts": ({"timestamp": TIMES, "A": ["many"] * ROWS}, "column A is of type String, expected numbers"),
    "truths": ({"timestamp": TIMES, "A": [True] * ROWS}, "column A is of type Boolean"),
    "days": ({"timestamp": [date(2024, 5, 6)] * ROWS, "A": COUNTS}, "column timestamp is of type Date"),
    "numbers for times": ({"timestamp": list(range(ROWS)), "A": COUNTS}, "column timestamp is of type Int64"),
    "bad time": ({"timestamp": ["soon"] * ROWS, "A": COUNTS}, "row 1: 'soon' is no time"),
    "a missing time": ({"timestamp": [*TIMES[:-1], None], "A": COUNTS}, f"row {ROWS} has no time"),
    "negative": ({"timestamp": TIMES, "A": [*COUNTS[:-1], -1]}, f"row {ROWS}, column A: count -1 is out of range"),
    "infinite": ({"timestamp": TIMES, "A": [float("inf")] * ROWS}, "row 1, column A: count inf is out of range"),
    "all empty": ({"timestamp": TIMES, "A": [None] * ROWS}, "no count at all"),
    "no row": ({"timestamp": TIMES[:0], "A": COUNTS[:0]}, "the table has no row"),
    "twice the time": ({"timestamp": [*TIMES, TIMES[0]], "A": [*COUNTS, 1]}, "2024-05-06T00:00:00 appears twice"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_is_one_sentence_with_its_file(name: str, tmp_path: Path) -> None:
    columns, expected = BAD[name]
    path = written(columns, tmp_path)
    with pytest.raises(ForecastError, match=expected) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_time_zone_is_refused(tmp_path: Path) -> None:
    path = written({"timestamp": pl.Series(TIMES).dt.replace_time_zone("UTC"), "A": COUNTS}, tmp_path)
    with pytest.raises(ForecastError, match="name a time zone"):
        read(path)


@pytest.mark.parametrize("length", [0, 3, 200, 1000])
def test_a_truncated_file_is_one_sentence(length: int, tmp_path: Path) -> None:
    path = written({"timestamp": TIMES, "A": COUNTS}, tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ForecastError, match="no table of counts can be read"):
        read(path)


def test_more_counts_than_the_limit_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = written({"timestamp": TIMES, "A": COUNTS}, tmp_path)
    shares: list[float] = []
    with pytest.raises(ForecastError, match="more than 100 counts"):
        read(path, largest_cells=100, progress=shares.append)
    assert shares == []


def test_without_the_extra_the_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written({"timestamp": TIMES, "A": COUNTS}, tmp_path)
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ForecastError, match=r"pip install 'citybrain\[parquet\]'"):
        read(path)
