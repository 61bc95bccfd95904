"""Rows on a grid, and the nights on which clocks are changed."""

import numpy as np
import pytest

from forecasting.grid import aligned, check_bins, check_once_each, mean_of_seen, moment, repeated_hours
from signals.errors import ForecastError
from signals.types import Floats, Ints

LIMIT = 10**6
DAY_S, HOUR_S = 86_400, 3600
AUTUMN = int(np.datetime64("2024-10-27T00:00", "s").astype(np.int64))  # a Sunday


def autumn_night(bin_s: int, day_s: int = AUTUMN, days: int = 1) -> Ints:
    """Local times of days of which the first has the hour from 2 to 3 twice, in the order in which they happened."""
    before = np.arange(0, 3 * HOUR_S, bin_s)
    after = np.arange(2 * HOUR_S, days * DAY_S, bin_s)
    return day_s + np.concatenate((before, after))


def column(times_s: Ints) -> Floats:
    """Counts [row, 1] that tell the rows apart."""
    return np.arange(len(times_s), dtype=np.float64)[:, None]


@pytest.mark.parametrize(("bin_s", "rows"), [(900, 100), (300, 300), (3600, 25), (60, 1500)])
def test_the_hour_that_comes_twice_in_autumn_is_averaged(bin_s: int, rows: int) -> None:
    times_s = autumn_night(bin_s)
    assert len(times_s) == rows
    begin_s, found_s, wide = aligned(times_s, column(times_s), LIMIT)
    per_hour = HOUR_S // bin_s
    assert (begin_s, found_s, len(wide)) == (AUTUMN, bin_s, 24 * per_hour)
    first = np.arange(2 * per_hour, 3 * per_hour)
    np.testing.assert_array_equal(wide[first, 0], first + per_hour / 2.0)
    np.testing.assert_array_equal(wide[3 * per_hour :, 0], np.arange(4 * per_hour, rows))


@pytest.mark.parametrize(("bin_s", "rows"), [(900, 92), (300, 276)])
def test_the_hour_that_is_skipped_in_spring_is_a_gap(bin_s: int, rows: int) -> None:
    times_s = AUTUMN + np.concatenate((np.arange(0, 2 * HOUR_S, bin_s), np.arange(3 * HOUR_S, DAY_S, bin_s)))
    assert len(times_s) == rows
    _, _, wide = aligned(times_s, column(times_s), LIMIT)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(wide[:, 0])), np.arange(2 * HOUR_S // bin_s, 3 * HOUR_S // bin_s))


def test_of_a_repeated_hour_with_a_gap_the_other_reading_is_taken() -> None:
    times_s = autumn_night(900)
    counts_veh = column(times_s)
    counts_veh[9] = np.nan
    times_s, counts_veh = np.delete(times_s, 14), np.delete(counts_veh, 14, axis=0)  # 02:30 of the second time is missing
    _, _, wide = aligned(times_s, counts_veh, LIMIT)
    np.testing.assert_array_equal(wide[8:12, 0], [10.0, 13.0, 10.0, 13.0])


def test_every_autumn_of_a_long_table_has_its_hour() -> None:
    year = 52 * 7 * DAY_S
    times_s = np.concatenate((autumn_night(900, AUTUMN, 364), autumn_night(900, AUTUMN + year, 2)))
    before, again = repeated_hours(times_s, 900)
    np.testing.assert_array_equal(times_s[before], times_s[again])
    assert len(again) == 8
    assert len(aligned(times_s, column(times_s), LIMIT)[2]) == 366 * 96


NO_CLOCK_CHANGE = {
    "one row twice": [0, 900, 1800, 1800, 2700],
    "half an hour twice": [0, 900, 1800, 2700, 1800, 2700, 3600],
    "two hours twice": [*range(0, 10_800, 900), *range(3600, 14_400, 900)],
    "an hour twice, twice in a day": [*range(0, 7200, 900), *range(3600, 10_800, 900), *range(7200, 14_400, 900)],
    "a row of yesterday": [*range(0, 7200, 900), 900],
    "the hour once more at the end": [*range(0, 9000, 900), *range(3600, 7200, 900)],
}


@pytest.mark.parametrize("name", NO_CLOCK_CHANGE)
def test_any_other_time_that_comes_twice_is_refused(name: str) -> None:
    times_s = AUTUMN + np.array(NO_CLOCK_CHANGE[name], dtype=np.int64)
    with pytest.raises(ForecastError, match="appears twice"):
        aligned(times_s, column(times_s), LIMIT)


@pytest.mark.parametrize(("hour", "day", "believed"), [(2, 0, True), (2, 1, False), (8, 0, False)])
def test_an_hourly_time_may_come_twice_on_a_sunday_night_only(hour: int, day: int, believed: bool) -> None:
    times_s = AUTUMN + day * DAY_S + HOUR_S * np.insert(np.arange(24), hour, hour)
    if believed:
        assert len(aligned(times_s, column(times_s), LIMIT)[2]) == 24
    else:
        with pytest.raises(ForecastError, match="appears twice"):
            aligned(times_s, column(times_s), LIMIT)


def test_rows_out_of_order_find_their_places() -> None:
    rng = np.random.default_rng(101)
    order = rng.permutation(96)
    begin_s, bin_s, wide = aligned(AUTUMN + 900 * order, order[:, None].astype(np.float64), LIMIT)
    assert (begin_s, bin_s) == (AUTUMN, 900)
    np.testing.assert_array_equal(wide[:, 0], np.arange(96))


def test_a_whole_table_is_not_copied() -> None:
    times_s = AUTUMN + 900 * np.arange(96)
    counts_veh = column(times_s)
    assert aligned(times_s, counts_veh, LIMIT)[2] is counts_veh


def test_a_single_row_has_bins_of_a_quarter_of_an_hour() -> None:
    assert aligned(np.array([AUTUMN]), np.ones((1, 1)), LIMIT)[1] == 900


def test_a_time_off_the_grid_is_refused() -> None:
    times_s = np.array([0, 900, 1800, 3000], dtype=np.int64)
    with pytest.raises(ForecastError, match="00:50:00 is not on the grid of 900 s"):
        aligned(times_s, column(times_s), LIMIT)


@pytest.mark.parametrize(("bins", "sentence"), [(4000, "is a date wrong"), (1500, "are more than the 1,000 that are read")])
def test_gaps_that_would_fill_the_memory_are_refused(bins: int, sentence: str) -> None:
    with pytest.raises(ForecastError, match=sentence):
        check_bins(bins, 10, "then to now", 1000)


def test_times_once_each_pass() -> None:
    check_once_each(np.arange(5))
    with pytest.raises(ForecastError, match="1970-01-01T00:00:03 appears twice"):
        check_once_each(np.array([1, 3, 3, 4]))


def test_the_mean_of_two_readings_is_of_what_was_seen() -> None:
    first, second = np.array([1.0, np.nan, 3.0, np.nan]), np.array([2.0, 5.0, np.nan, np.nan])
    np.testing.assert_array_equal(mean_of_seen(first, second), [1.5, 5.0, 3.0, np.nan])


def test_a_moment_is_seconds_since_1970() -> None:
    assert moment(np.int64(AUTUMN)) == np.datetime64("2024-10-27T00:00:00")
