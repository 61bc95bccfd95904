from pathlib import Path

import numpy as np
import pytest

from forecasting.history import FlowHistory, check_for_fit, parse, read, seconds_of_day, seconds_of_week, write
from signals.errors import ForecastError


def whole_table(days: int = 2, cell: str = "3") -> str:
    """A table of one detector with the same cell in every row."""
    start = np.datetime64("2024-05-06T00:00", "m")
    return "\n".join(["timestamp,A", *(f"{start + 15 * i},{cell}" for i in range(96 * days))])


BAD_TABLES = {
    "no timestamp column": ("when,A\n2024-05-06T00:00,1", "expected 'timestamp'"),
    "empty file": ("", "expected 'timestamp'"),
    "no detector": ("timestamp\n2024-05-06T00:00", "no detector column"),
    "no row": ("timestamp,A", "no row"),
    "twice the column": ("timestamp,A,A\n2024-05-06T00:00,1,2", "'A' appears twice"),
    "twice the time": (whole_table() + "\n2024-05-07T23:45,4", "2024-05-07T23:45:00 appears twice"),
    "off the grid": (whole_table() + "\n2024-05-08T00:07,4", "2024-05-08T00:07:00 is not on the grid of 900 s"),
    "text in a count": (whole_table().replace(",3", ",many", 1), "line 2, column A: 'many' is no count"),
    "negative": (whole_table().replace(",3", ",-1", 1), "line 2, column A: count -1 is out of range"),
    "infinite": (whole_table().replace(",3", ",inf", 1), "out of range"),
    "short row": (whole_table().replace(",3", "", 1), "line 2: 0 counts, expected 1"),
    "a date without a time": (whole_table().replace("2024-05-06T00:00", "2024-05-06", 1), "is no time such as"),
    "no time at all": (whole_table().replace("2024-05-06T00:00", "morning", 1), "'morning' is no time"),
    "a time zone": (whole_table().replace("2024-05-06T00:00", "2024-05-06T00:00+10:00", 1), "names a time zone"),
    "a wrong year": (whole_table() + "\n2204-05-08T00:00,4", "is a date wrong"),
    "one day": (whole_table(days=1), "needs at least 2"),
    "all empty": (whole_table(cell=""), "no count at all"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_one_sentence_with_its_file(name: str, tmp_path: Path) -> None:
    text, expected = BAD_TABLES[name]
    path = tmp_path / "counts.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ForecastError, match=expected) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bins_that_do_not_divide_the_horizon_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    start = np.datetime64("2024-05-06T00:00", "m")
    path.write_text("\n".join(["timestamp,A", *(f"{start + 20 * i},1" for i in range(200))]), encoding="utf-8")
    with pytest.raises(ForecastError, match="bins of 1200 s do not divide the horizon of 900 s"):
        read(path)
    assert read(path, horizon_s=3600.0).bin_s == 1200.0


def test_a_table_to_forecast_from_may_be_short(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("timestamp,A\n2024-05-06T08:00,4\n2024-05-06T08:15,5\n", encoding="utf-8")
    assert read(path, for_fit=False).bins == 2


@pytest.mark.parametrize("name", ["none.csv", "none.csv.gz"])
def test_a_missing_file_is_one_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="no table of counts can be read"):
        read(tmp_path / name)


def test_a_truncated_archive_is_one_sentence(tmp_path: Path, site: FlowHistory) -> None:
    path = tmp_path / "counts.csv.gz"
    write(site, path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ForecastError, match="no table of counts can be read"):
        read(path)


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_bytes(b"\xff\xfe\x00\x93PNG")
    with pytest.raises(ForecastError, match="no table of counts can be read"):
        read(path)


@pytest.mark.parametrize("name", ["counts.csv", "counts.csv.gz"])
def test_what_is_written_is_read_back_with_its_gaps(name: str, tmp_path: Path, site: FlowHistory) -> None:
    hidden = np.zeros(site.counts_veh.shape, dtype=np.bool_)
    hidden[50:60, 2] = True
    gappy = site.with_gaps(hidden)
    write(gappy, tmp_path / name)
    again = read(tmp_path / name)
    assert (again.start, again.bin_s, again.detectors) == (gappy.start, gappy.bin_s, gappy.detectors)
    np.testing.assert_array_equal(again.counts_veh, gappy.counts_veh)


def test_the_same_counts_are_the_same_bytes(tmp_path: Path, site: FlowHistory) -> None:
    write(site, tmp_path / "a.csv.gz")
    write(site, tmp_path / "b.csv.gz")
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_a_missing_row_and_an_empty_cell_are_gaps_and_never_zero() -> None:
    history = parse("timestamp,A\n2024-05-06 08:45,4\n2024-05-06 08:00,1\n2024-05-06 08:15,\n")
    assert history.bins == 4
    np.testing.assert_array_equal(history.counts_veh[:, 0], [1.0, np.nan, np.nan, 4.0])


def test_days_are_cut_at_midnight_and_named_by_weekday() -> None:
    history = FlowHistory(np.datetime64("2024-05-10T12:00", "s"), 3600.0, ("A",), np.arange(24.0)[:, None])
    days, weekday = history.by_day()
    assert weekday.tolist() == [4, 5]
    np.testing.assert_array_equal(days[0, 12:, 0], np.arange(12.0))
    assert np.isnan(days[0, :12]).all()
    assert np.isnan(days[1, 12:]).all()


@pytest.mark.parametrize(
    ("bin_s", "start", "counts", "sentence"),
    [
        (7000.0, "2024-05-06T00:00", [[1.0]], "do not divide a day"),
        (900.0, "2024-05-06T00:07", [[1.0]], "not on the grid"),
        (900.0, "2024-05-06T00:00", [[1.0, 2.0]], "do not fit 1 detectors"),
        (900.0, "2024-05-06T00:00", [[-1.0]], "negative"),
    ],
)
def test_a_malformed_history_cannot_be_made(bin_s: float, start: str, counts: list[list[float]], sentence: str) -> None:
    with pytest.raises(ForecastError, match=sentence):
        FlowHistory(np.datetime64(start, "s"), bin_s, ("A",), np.array(counts))


def test_index_and_time_are_inverse_and_stay_inside(site: FlowHistory) -> None:
    assert site.index(site.time(100)) == 100
    assert site.index(site.time(100) + np.timedelta64(899, "s")) == 100
    assert site.index(np.datetime64("1999-01-01")) == 0
    assert site.index(np.datetime64("2099-01-01")) == site.bins
    part = site.between(10, 20)
    assert part.start == site.time(10)
    assert part.bins == 10


@pytest.mark.parametrize(("minutes", "parts"), [(15, 3), (60, 12), (5, 1)])
def test_counts_are_summed_into_longer_bins_and_gaps_stay_gaps(minutes: int, parts: int) -> None:
    rng = np.random.default_rng(101)
    counts_veh = rng.poisson(4.0, (288, 2)).astype(np.float64)
    counts_veh[40, 1] = np.nan
    fine = FlowHistory(np.datetime64("2024-05-06T00:00", "s"), 300.0, ("A", "B"), counts_veh)
    found = fine.in_bins(60.0 * minutes)
    assert (found.start, found.bin_s, found.bins) == (fine.start, 60.0 * minutes, 288 // parts)
    np.testing.assert_array_equal(found.counts_veh[:, 0], counts_veh[:, 0].reshape(-1, parts).sum(axis=1))
    assert np.flatnonzero(np.isnan(found.counts_veh[:, 1])).tolist() == [40 // parts]


def test_bins_that_begin_before_or_end_after_the_counts_are_gaps() -> None:
    fine = FlowHistory(np.datetime64("2024-05-06T08:05", "s"), 300.0, ("A",), np.ones((6, 1)))
    found = fine.in_bins(900.0)
    assert found.start == np.datetime64("2024-05-06T08:00")
    np.testing.assert_array_equal(found.counts_veh[:, 0], [np.nan, 3.0, np.nan])


@pytest.mark.parametrize(
    ("bin_s", "sentence"),
    [
        (300.0, "bins of 900 s cannot be put into bins of 300 s"),
        (1200.0, "cannot be put into bins of 1200 s"),
        (7000.0, "do not divide a day"),
        (0.0, "do not divide a day"),
        (-900.0, "do not divide a day"),
        (np.nan, "do not divide a day"),
    ],
)
def test_bins_that_do_not_fit_the_files_are_refused(bin_s: float, sentence: str, site: FlowHistory, tmp_path: Path) -> None:
    write(site.between(0, 3 * 96), tmp_path / "counts.csv")
    with pytest.raises(ForecastError, match=sentence) as caught:
        read(tmp_path / "counts.csv", bin_s=bin_s)
    assert "counts.csv" in str(caught.value)


def test_a_night_with_the_hour_twice_is_averaged_before_it_is_summed(tmp_path: Path) -> None:
    start = np.datetime64("2024-10-26T00:00", "m")
    moments = [start + 5 * i for i in range(2 * 288)]
    hour = slice(288 + 24, 288 + 36)
    rows = (
        [f"{when},2" for when in moments[: hour.stop]] + [f"{when},4" for when in moments[hour]] + [f"{w},2" for w in moments[hour.stop :]]
    )
    (tmp_path / "counts.csv").write_text("\n".join(["timestamp,A", *rows]), encoding="utf-8")
    found = read(tmp_path / "counts.csv", bin_s=900.0)
    assert found.bins == 2 * 96
    assert found.counts_veh[96 + 8 : 96 + 12, 0].tolist() == [9.0] * 4
    assert set(np.delete(found.counts_veh[:, 0], range(96 + 8, 96 + 12)).tolist()) == {6.0}


def test_clock_times_of_a_moment() -> None:
    wednesday = np.datetime64("2024-05-08T01:00", "s")
    assert seconds_of_day(wednesday) == 3600.0
    assert seconds_of_week(wednesday) == 2 * 86_400.0 + 3600.0


def test_two_days_with_counts_are_enough(site: FlowHistory) -> None:
    check_for_fit(site.between(0, 2 * 96), 900.0)
    with pytest.raises(ForecastError, match="counts of 1 day"):
        check_for_fit(site.between(0, 96), 900.0)
