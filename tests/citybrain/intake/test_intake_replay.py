"""Recorded counts are told again: wide tables and long ones, CSV and Parquet, in their order, and what is wrong with them is said."""

import asyncio
import gzip
from pathlib import Path

import numpy as np
import pytest

from citybrain.intake import replay
from citybrain.intake.batch import Samples
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.replay import Replay
from citybrain.intake.source import Pace
from signals.errors import ConfigError

WIDE = "timestamp,{0},nobody,{1}\n2024-05-06T08:00,3,9,\n2024-05-06T08:15,4,9,5\n2024-05-06T08:30,,,\n2024-05-06T08:45,6,9,7\n"
LONG = "at_s,value,sensor,note\n10,1,{0},x\n10,2,{1},x\n11.5,3,{0},x\n11.5,9,nobody,x\n9,4,{1},x\n"
BEGIN_S = float((np.datetime64("2024-05-06T08:15", "s") - np.datetime64(0, "s")).astype(int))
Told = list[tuple[float, dict[int, float]]]


def told(path: Path, catalogue: Catalogue, begin_s: float | None = None) -> tuple[Told, int]:
    """(time, value by sensor) of every batch, and how many were of nobody."""
    times_s = iter([-np.inf, begin_s])  # a street says no time at first
    source = Replay(path, catalogue, Pace(float("inf")), None if begin_s is None else lambda: next(times_s))

    async def all_of_it() -> Told:
        found = []
        async for batch in source.batches():
            assert isinstance(batch, Samples)
            assert len(set(batch.at_s.tolist())) == 1
            found.append((float(batch.at_s[0]), dict(zip(batch.sensor.tolist(), batch.value.tolist(), strict=True))))
        return found

    return asyncio.run(all_of_it()), source.unknown


def written(path: Path, text: str, catalogue: Catalogue) -> Path:
    """A table in a file, by its ending, of the first and the fifth sensor."""
    text = text.format(catalogue.names[0], catalogue.names[4])
    if path.suffix == ".csv":
        path.write_text(text)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        pl = pytest.importorskip("polars")
        pl.read_csv(text.encode(), try_parse_dates=True).write_parquet(path)
    return path


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_a_wide_table_is_told_bin_by_bin_at_the_end_of_each(tmp_path: Path, catalogue: Catalogue, ending: str) -> None:
    found, unknown = told(written(tmp_path / f"counts{ending}", WIDE, catalogue), catalogue)
    assert found == [(BEGIN_S, {0: 3.0}), (BEGIN_S + 900.0, {0: 4.0, 4: 5.0}), (BEGIN_S + 2700.0, {0: 6.0, 4: 7.0})]
    assert unknown == 1


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("piece", [2, 50_000])
def test_a_long_table_is_told_in_its_own_order(
    tmp_path: Path, catalogue: Catalogue, ending: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "PIECE_ROWS", piece)
    found, unknown = told(written(tmp_path / f"counts{ending}", LONG, catalogue), catalogue)
    assert (found, unknown) == ([(10.0, {0: 1.0, 4: 2.0}), (11.5, {0: 3.0}), (9.0, {4: 4.0})], 1)


def test_a_record_may_begin_now(tmp_path: Path, catalogue: Catalogue) -> None:
    found, _ = told(written(tmp_path / "counts.csv", WIDE, catalogue), catalogue, 100.0)
    assert [at_s for at_s, _ in found] == [100.0, 1000.0, 2800.0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the first column is ''"),
        ("timestamp,nobody\n2024-05-06T08:00,3\n", "none of its columns is a sensor of the catalogue, e.g. 'nobody'"),
        ("timestamp,{0}\n2024-05-06T08:00,-3\n", "count -3 is out of range"),
        ("at_s,sensor,value\n1,{0}\n", "line 2: 2 cells; expected 3"),
        ("at_s,sensor,value\nnoon,{0},1\n", "line 2: 'noon' is no number"),
        ("at_s,sensor,value\n1,{0},1_0\n", "line 2: '1_0' is no number"),
        ("at_s,sensor,value\n1,{0},1\n1," + "x" * 300 + ",1\n", "line 3: 3 cells; expected 3 short ones"),
        ('at_s,sensor,value\n1,"{0},1\n', "no samples can be read"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_record_is_named(tmp_path: Path, catalogue: Catalogue, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"counts.csv: .*{sentence}"):
        told(written(tmp_path / "counts.csv", text, catalogue), catalogue)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_record_that_is_not_there_is_one_error(tmp_path: Path, catalogue: Catalogue, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("polars")
    with pytest.raises(ConfigError, match=name):
        told(tmp_path / name, catalogue)


def test_an_empty_cell_of_a_long_parquet_table_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    pytest.importorskip("polars")
    path = written(tmp_path / "counts.parquet", "at_s,sensor,value\n1,{0},\n2,{0},1\n", catalogue)
    with pytest.raises(ConfigError, match="a cell of rows 1 to 2 is empty"):
        told(path, catalogue)
