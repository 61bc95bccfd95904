"""CSV files of every dialect that a counts table may come in, in pieces of any size."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import csv_table
from signals.errors import ForecastError

TEXT = "timestamp,A,B\n2024-05-06T00:00,1,2\n2024-05-06T00:15,,4\n"
DIALECTS = {
    "plain": TEXT,
    "no newline at the end": TEXT.rstrip(),
    "windows": TEXT.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + TEXT,
    "blank lines": "\n\n" + TEXT.replace("\n", "\n\n"),
    "quoted": TEXT.replace("1,2", '"1","2"').replace("A,B", '"A","B"'),
    "quoted times": TEXT.replace("2024-05-06T00:00", '"2024-05-06T00:00"'),
    "blanks around": TEXT.replace(",", " , ").replace("2024-05-06T00:00 ", "2024-05-06T00:00"),
    "decimals": TEXT.replace(",1,", ",1.0,").replace(",4", ",4.00"),
    "exponents": TEXT.replace(",1,", ",1.000000000000000000e+00,"),
    "seconds": TEXT.replace(":00,", ":00:00,"),
    "nan for a gap": TEXT.replace(",,", ",NaN,"),
    "long numbers": TEXT.replace(",2", ",2.000000000000000000000000001"),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_table_is_the_same_in_every_dialect(name: str) -> None:
    found = csv_table.parse(DIALECTS[name])
    assert found.detectors == ("A", "B")
    assert np.diff(found.times_s).tolist() == [900]
    np.testing.assert_array_equal(found.counts_veh, [[1.0, 2.0], [np.nan, 4.0]])


def test_a_name_may_hold_commas_and_line_breaks() -> None:
    assert csv_table.parse('timestamp,"High St, north","two\nlines"\n2024-05-06T00:00,1,2\n').detectors == ("High St, north", "two\nlines")


@pytest.mark.parametrize("size", [1, 7, 40, 10_000])
def test_pieces_of_any_size_make_the_same_table(size: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rng = np.random.default_rng(101)
    counts = rng.poisson(20.0, (200, 5))
    start = np.datetime64("2024-05-06T00:00", "m")
    lines = [f"{start + 15 * i},{','.join(map(str, row))}" for i, row in enumerate(counts.tolist())]
    path = tmp_path / "counts.csv.gz"
    path.write_bytes(gzip.compress(("timestamp,A,B,C,D,E\n" + "\n".join(lines)).encode()))
    monkeypatch.setattr(csv_table, "PIECE_BYTES", size)
    shares: list[float] = []
    found = csv_table.read(path, progress=shares.append)
    np.testing.assert_array_equal(found.counts_veh, counts)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


CELLS = ("", "0", "7", "12", "3.5", "1e2", "1E-3", " 4", "5 ", "nan", "+3", ".5", "5.", '"8"', '""', "123456.789", "99999999999999999999")


@given(st.lists(st.lists(st.sampled_from(CELLS), min_size=3, max_size=3), min_size=1, max_size=6))
def test_any_mixture_of_cells_is_read_as_python_reads_it(cells: list[list[str]]) -> None:
    start = np.datetime64("2024-05-06T00:00", "m")
    lines = [f"{start + 15 * i},{','.join(row)}" for i, row in enumerate(cells)]
    found = csv_table.parse("timestamp,A,B,C\n" + "\n".join(lines))
    expected = [[float(text) if text.strip() else np.nan for text in row[1:]] for line in lines for row in csv.reader(io.StringIO(line))]
    np.testing.assert_array_equal(found.counts_veh, expected)


def test_a_mistake_far_down_is_named_by_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    start = np.datetime64("2024-05-06T00:00", "m")
    lines = [f"{start + 15 * i},1" for i in range(500)]
    lines[400] = lines[400].replace(",1", ",one")
    monkeypatch.setattr(csv_table, "PIECE_BYTES", 1000)
    with pytest.raises(ForecastError, match="line 403, column A: 'one' is no count"):
        csv_table.parse("\ntimestamp,A\n" + "\n".join(lines))


def test_a_row_of_the_heading_again_is_no_time() -> None:
    with pytest.raises(ForecastError, match="line 4: 'timestamp' is no time"):
        csv_table.parse(TEXT + TEXT)


def test_more_counts_than_the_limit_are_refused_before_the_file_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    start = np.datetime64("2024-05-06T00:00", "m")
    path.write_text("timestamp,A\n" + "".join(f"{start + 15 * i},1\n" for i in range(1000)), encoding="utf-8")
    monkeypatch.setattr(csv_table, "PIECE_BYTES", 1000)
    shares: list[float] = []
    with pytest.raises(ForecastError, match="more than 300 counts"):
        csv_table.read(path, largest_cells=300, progress=shares.append)
    assert shares[-1] < 0.4


def test_a_line_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "PIECE_BYTES", 1000)
    monkeypatch.setattr(csv_table, "LARGEST_LINE_BYTES", 5000)
    with pytest.raises(ForecastError, match="is it a table"):
        csv_table.parse("timestamp,A\n" + "1" * 10_000)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("timestamp;A;B\n2024-05-06T00:00;1;2\n", "the first column is 'timestamp;A;B', expected 'timestamp'"),
        ("timestamp,A\n2024-05-06T00:00,1,\n", "line 2: 2 counts, expected 1"),
        ("timestamp,A\n2024-05-06T00:00,1_000\n", "'1_000' is no count"),
        ("timestamp,A\n" + "\n" * 50 + "2024-05-06T00:00\n", "line 52: 0 counts, expected 1"),
        ("timestamp,A\n\x00\x00\n", "is no time"),
        ('timestamp,"A\n2024-05-06T00:00,1\n', "the table has no row"),
    ],
)
def test_mistakes_are_named(text: str, sentence: str) -> None:
    with pytest.raises(ForecastError, match=sentence):
        csv_table.parse(text)
