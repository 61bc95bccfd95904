"""The local clock that counts are kept by: time zones with their clock changes, and streets without a calendar."""

import numpy as np
import pytest

from forecasting.clock import DAY_S, week_clock_s
from forecasting.history import seconds_of_week
from forecasting.local_time import LocalTime
from signals.errors import ForecastError


def unix_s(utc: str) -> float:
    """Unix time of a moment in UTC."""
    return float(np.datetime64(utc, "s").astype(np.int64))


@pytest.mark.parametrize(
    ("zone", "utc", "local"),
    [
        ("Asia/Shanghai", "2026-05-04T00:00", "2026-05-04T08:00"),
        ("Europe/Berlin", "2026-03-29T00:45", "2026-03-29T01:45"),
        ("Europe/Berlin", "2026-03-29T01:00", "2026-03-29T03:00"),
        ("Asia/Kolkata", "2026-05-04T00:00", "2026-05-04T05:30"),
    ],
)
def test_unix_time_is_shown_as_the_zone_s_clock(zone: str, utc: str, local: str) -> None:
    time = LocalTime(zone)
    assert time.local(unix_s(utc)) == np.datetime64(local, "s")
    assert time.week_s(unix_s(utc)) == seconds_of_week(np.datetime64(local, "s"))
    assert not time.repeated(unix_s(utc))


def test_the_hour_that_comes_twice_in_autumn_is_known_the_second_time() -> None:
    time = LocalTime("Europe/Berlin")
    first, second = unix_s("2026-10-25T00:15"), unix_s("2026-10-25T01:15")
    assert time.local(first) == time.local(second)
    assert [time.repeated(s) for s in (first, second, second + 3600.0)] == [False, True, False]


def test_a_day_without_a_date_is_the_next_of_its_kind_after_all_that_is_known() -> None:
    wednesday = LocalTime(weekday=2)
    known = np.datetime64("2024-12-25T07:15", "s")  # a Wednesday
    wednesday.anchor(7.5 * 3600.0, 900.0, known)
    assert wednesday.local(7.5 * 3600.0) == np.datetime64("2024-12-25T07:30", "s")
    wednesday.anchor(7.3 * 3600.0, 900.0, known)  # in the bin that begins when the known ones end
    assert wednesday.local(7.25 * 3600.0) == known
    wednesday.anchor(7.0 * 3600.0, 900.0, known)
    assert wednesday.local(7.0 * 3600.0) == np.datetime64("2025-01-01T07:00", "s")
    assert wednesday.local(DAY_S + 60.0) == np.datetime64("2025-01-02T00:01", "s")
    assert wednesday.week_s(3600.0) == week_clock_s(3600.0, 2) == seconds_of_week(wednesday.local(3600.0))


def test_a_calendar_is_not_to_be_anchored() -> None:
    time = LocalTime("UTC")
    before = time.local(unix_s("2026-05-04T00:00"))
    time.anchor(unix_s("2026-05-04T00:00"), 900.0, np.datetime64("2030-01-01", "s"))
    assert time.has_calendar and time.local(unix_s("2026-05-04T00:00")) == before


def test_a_zone_that_nobody_knows_and_bins_across_its_clock_are_told() -> None:
    with pytest.raises(ForecastError, match="zone 'Mars/Base': there is none of that name"):
        LocalTime("Mars/Base")
    LocalTime("Asia/Kolkata").check_grid(0.0, 900.0)
    with pytest.raises(ForecastError, match="bins of 3600 s are not whole ones in the zone Asia/Kolkata"):
        LocalTime("Asia/Kolkata").check_grid(0.0, 3600.0)
