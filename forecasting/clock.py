"""The week clock that profiles are read on: seconds since a Monday's midnight, and which type of day that falls on."""

import numpy as np

from signals.types import Floats, Ints

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
DAY_TYPES = ("weekday", "saturday", "sunday")
TYPE_OF_WEEKDAY = np.array([0, 0, 0, 0, 0, 1, 2], dtype=np.int64)


def week_clock_s(day_s: float, weekday: int = 0) -> float:
    """Week clock of a time given in seconds since the midnight of a day (may pass 86400); weekday 0 is Monday [s]."""
    return (weekday * DAY_S + day_s) % WEEK_S


def day_types(clock_s: Floats) -> Ints:
    """Index into DAY_TYPES of each week clock time."""
    weekday = np.floor((clock_s % WEEK_S) / DAY_S).astype(np.int64)
    return TYPE_OF_WEEKDAY[weekday]
