"""Plain rows are read as Python reads them, compiled and not; everything else is left to the slow reader."""

from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import csv_cells


def as_bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode() + b"\n", dtype=np.uint8)


@pytest.fixture(params=["compiled", "interpreted"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The kernels, compiled or not all the way down."""
    if request.param == "interpreted":
        for name in ("digits", "epoch_day", "time_s", "exponent", "cell", "row_cells", "rows"):
            monkeypatch.setattr(csv_cells, name, getattr(csv_cells, name).py_func)
    return csv_cells


def taken(kernels: Any, text: str, columns: int, room: int = 10) -> tuple[Any, ...]:
    """Number of rows, times, counts, plain, starts, lines, end and lines passed of a text."""
    times_s, starts, lines = (np.zeros(room, np.int64) for _ in range(3))
    counts_veh, plain = np.full((room, columns), -7.0), np.zeros(room, np.bool_)
    number, end, passed = kernels.rows(as_bytes(text), 0, times_s, counts_veh, plain, starts, lines)
    return number, times_s[:number], counts_veh[:number], plain[:number], starts[:number], lines[:number], end, passed


NUMBERS = [
    "0", "7", "+7", "123456", "000012", "3.5", "0.1", "12.", ".25", "3.000000000000000000e+00", "1e3", "1.5E2", "25e-1",
    "4.1000000000000000", "99999999999999", "nan", "NaN", " 8 ", "\t8", "8\r", "",
]  # fmt: skip
NOT_PLAIN = [
    "many",
    "-1",
    "-0",
    "inf",
    "1e999",
    "1e",
    "1e+",
    "1.2.3",
    "1 2",
    "1_000",
    '"5"',
    "12345678901234567890",
    ".",
    "+",
    "0x1",
    "５",
    "nil",
]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_plain_number_is_what_python_reads(text: str, kernels: Any) -> None:
    found = taken(kernels, f"2024-05-06T00:00,{text}", 1)
    assert found[3].all(), text
    assert found[2][0, 0] == pytest.approx(float(text) if text.strip() else np.nan, rel=0, abs=0, nan_ok=True)


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_what_is_no_plain_number_is_marked_and_the_next_row_found(text: str, kernels: Any) -> None:
    number, _, counts_veh, plain, *_ = taken(kernels, f"2024-05-06T00:00,{text}\n2024-05-06T00:15,4", 1)
    assert number == 2
    assert plain.tolist() == [False, True]
    assert counts_veh[1, 0] == 4.0


@given(st.decimals(min_value=0, max_value=10**9, places=4, allow_nan=False, allow_infinity=False))
def test_any_decimal_is_rounded_as_python_rounds(value: object) -> None:
    found, end = csv_cells.cell(as_bytes(str(value)), 0)
    assert found == float(str(value))
    assert end == len(str(value))


TIMES = ["2024-05-06T08:15", "2024-05-06 08:15:30", "2024-02-29T23:59:59", "1999-12-31 00:00", "2100-03-01T00:00", "0001-01-01T00:00"]
NO_TIMES = [
    "2024-05-06", "2024-13-01T00:00", "2023-02-29T00:00", "2024-04-31T00:00", "2024-05-06T24:00", "2024-05-06T08:60",
    "2024-05-06T08:15:60", "2024-05-06T08:15+10:00", "2024-05-06T08:15Z", "20240506T0815", "morning", "", "2024-05-06T08:15:3",
    "2024/05/06 08:15", "0000-01-01T00:00",
]  # fmt: skip


@pytest.mark.parametrize("text", TIMES)
def test_a_plain_time_is_what_python_reads(text: str, kernels: Any) -> None:
    number, times_s, _, plain, *_ = taken(kernels, f"{text},1", 1)
    assert (number, plain[0]) == (1, True)
    assert times_s[0] == np.datetime64(datetime.fromisoformat(text), "s").astype(np.int64)


def test_fractions_of_a_second_are_left_out(kernels: Any) -> None:
    assert taken(kernels, "1970-01-01T00:15:01.999,1", 1)[1].tolist() == [901]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_plain_time_is_marked(text: str, kernels: Any) -> None:
    number, _, _, plain, *_ = taken(kernels, f"{text},1", 1)
    assert (number, plain.tolist()) == (1, [False])


@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 31))
def test_days_are_counted_as_the_calendar_does(year: int, month: int, day: int) -> None:
    try:
        expected = (datetime(year, month, day) - datetime(1970, 1, 1)).days
    except ValueError:
        expected = csv_cells.NOTHING
    assert csv_cells.epoch_day(year, month, day) == expected


@pytest.mark.parametrize("text", ["2024-05-06T00:00,1", "2024-05-06T00:00,1,2,3", "2024-05-06T00:00"])
def test_a_row_of_another_length_is_marked(text: str, kernels: Any) -> None:
    assert taken(kernels, text, 2)[3].tolist() == [False]


def test_empty_lines_are_counted_but_are_no_rows(kernels: Any) -> None:
    number, _, counts_veh, _, starts, lines, end, passed = taken(kernels, "\n\r\n2024-05-06T00:00,1\r\n\n2024-05-06T00:15,\n", 1)
    assert number == 2
    assert lines.tolist() == [2, 4]
    assert starts.tolist() == [3, 24]
    np.testing.assert_array_equal(counts_veh[:, 0], [1.0, np.nan])
    assert (end, passed) == (43, 6)


def test_it_stops_where_the_arrays_are_full(kernels: Any) -> None:
    number, *_, end, passed = taken(kernels, "2024-05-06T00:00,1\n2024-05-06T00:15,2\n2024-05-06T00:30,3", 1, room=2)
    assert (number, end, passed) == (2, 38, 2)
