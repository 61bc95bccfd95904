import numpy as np
import pytest

from forecasting.tables import Rows, check_count, check_detectors, check_size, parsed_time
from signals.errors import ForecastError


def test_rows_that_come_in_pieces_are_all_there_in_order() -> None:
    rng = np.random.default_rng(101)
    counts_veh, rows = rng.poisson(9.0, (5000, 3)).astype(np.float64), Rows(3, largest_cells=10**6)
    for first in range(0, 5000, 700):
        rows.add(np.arange(first, min(first + 700, 5000)), counts_veh[first : first + 700])
    table = rows.table(("A", "B", "C"))
    np.testing.assert_array_equal(table.times_s, np.arange(5000))
    np.testing.assert_array_equal(table.counts_veh, counts_veh)


def test_no_row_is_a_table_too() -> None:
    assert Rows(2, 100).table(("A", "B")).counts_veh.shape == (0, 2)


def test_the_limit_is_kept_and_named() -> None:
    rows = Rows(2, largest_cells=20)
    rows.add(np.arange(10), np.zeros((10, 2)))
    with pytest.raises(ForecastError, match=r"more than 20 counts \(2 detectors times 10 rows"):
        rows.add(np.arange(1), np.zeros((1, 2)))
    assert len(rows.table(("A", "B")).times_s) == 10


@pytest.mark.parametrize(("rows", "columns", "fits"), [(10, 2, True), (11, 2, False), (0, 30, True), (1, 21, False)])
def test_size_is_rows_times_columns(rows: int, columns: int, fits: bool) -> None:
    if fits:
        check_size(rows, columns, 20)
    else:
        with pytest.raises(ForecastError, match="more than 20 counts"):
            check_size(rows, columns, 20)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [((), "no detector column"), (("A", ""), "detector column 2 has no name"), (("A", "B", "A"), "'A' appears twice")],
)
def test_every_detector_has_a_name_of_its_own(names: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ForecastError, match=sentence):
        check_detectors(names)


@pytest.mark.parametrize("text", ["1970-01-02T00:00", "1970-01-02 00:00:00", " 1970-01-02T00:00:00.5 ", "19700102T000000"])
def test_times_are_read_with_t_or_blank_and_with_or_without_seconds(text: str) -> None:
    assert parsed_time(text, "here") == 86_400


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("soon", "here: 'soon' is no time"), ("1970-01-02", "is no time"), ("1970-01-02T00:00Z", "names a time zone")],
)
def test_a_wrong_time_is_named_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(ForecastError, match=sentence):
        parsed_time(text, "here")


@pytest.mark.parametrize("count_veh", [-1.0, -0.5, np.inf, -np.inf])
def test_a_count_out_of_range_is_named_with_its_place(count_veh: float) -> None:
    with pytest.raises(ForecastError, match="here: count x is out of range"):
        check_count(count_veh, "x", "here")


@pytest.mark.parametrize("count_veh", [0.0, 3.5, np.nan])
def test_a_count_in_range_passes(count_veh: float) -> None:
    check_count(count_veh, "x", "here")
