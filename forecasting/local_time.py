"""From a street's clock to the local wall clock without a zone, by which counts are kept and learned.

A street of a `zone` tells Unix time. One without a calendar (a simulated one) tells seconds after the midnight of a weekday: its day
is taken for the first such day of which nothing is known yet.
"""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from forecasting.clock import DAY_S, WEEK_S, week_clock_s
from forecasting.history import seconds_of_week
from forecasting.recording import MONDAY
from signals.errors import ForecastError

SECOND = np.timedelta64(1, "s")


class LocalTime:
    """Lives as long as the service. `anchor` says which day it is where the street's clock does not."""

    def __init__(self, zone: str = "", weekday: int = 0) -> None:
        """`weekday` of second 0 of a street without a calendar; 0 is Monday."""
        self._zone, self._weekday = zone_of(zone) if zone else None, weekday
        self._midnight = MONDAY + np.timedelta64(weekday, "D")  # of second 0

    @property
    def has_calendar(self) -> bool:
        """Whether the street's clock tells the date."""
        return self._zone is not None

    def anchor(self, now_s: float, bin_s: float, known_until: np.datetime64 | None) -> None:
        """Have the bin in progress be the first of its weekday and hour after what is known; nothing where there is a calendar."""
        if self._zone is None and known_until is not None:
            day = MONDAY + np.timedelta64(self._weekday, "D")
            before_s = float((known_until.astype("datetime64[s]") - day) / SECOND) - np.floor(now_s / bin_s) * bin_s
            self._midnight = day + np.timedelta64(round(np.ceil(before_s / WEEK_S) * WEEK_S), "s")

    def local(self, now_s: float) -> np.datetime64:
        """The local clock then, to the second."""
        if self._zone is None:
            return self._midnight + np.timedelta64(int(np.floor(now_s)), "s")
        return np.datetime64(datetime.fromtimestamp(int(np.floor(now_s)), self._zone).replace(tzinfo=None), "s")

    def repeated(self, now_s: float) -> bool:
        """Whether the local clock shows this hour for the second time, in an autumn night."""
        return self._zone is not None and datetime.fromtimestamp(int(np.floor(now_s)), self._zone).fold == 1

    def week_s(self, now_s: float) -> float:
        """On the week clock [s]."""
        return week_clock_s(now_s, self._weekday) if self._zone is None else seconds_of_week(self.local(now_s)) + now_s % 1.0

    def check_grid(self, now_s: float, bin_s: float) -> None:
        """ForecastError where bins that are whole by the street's clock are not by the local one: hours in a zone of half ones."""
        if seconds_of_week(self.local(np.floor(now_s / DAY_S) * DAY_S)) % bin_s:
            raise ForecastError(f"bins of {bin_s:g} s are not whole ones in the zone {self._zone}")


def zone_of(name: str) -> ZoneInfo:
    """The zone; ForecastError where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as why:
        raise ForecastError(f"zone {name[:80]!r}: there is none of that name; expected one such as Europe/Berlin or Asia/Shanghai") from why
