"""What a file of counts says before anything is made of it: a time a row, a column a detector, in the file's own order.

csv_table.py and parquet_table.py read it, in pieces and up to a number of counts, so that memory is never gone before a
file is refused; history.py puts it on a grid.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from signals.errors import ForecastError
from signals.types import Floats, Ints

LARGEST_CELLS = 2**28
"""Counts in a table, rows times columns: 2 GiB."""
TIME_COLUMNS = ("timestamp", "time", "datetime")
GROWTH = 1.25

Progress = Callable[[float], None]
"""Told the share of the file that has been read."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a file says, before anything is made of it."""

    times_s: Ints
    """[row] local wall-clock time since 1970, as the file has them"""
    detectors: tuple[str, ...]
    counts_veh: Floats = field(repr=False)
    """[row, detector] NaN where a cell is empty"""


class Rows:
    """Rows that keep coming, in arrays that grow in place, up to a number of cells."""

    def __init__(self, columns: int, largest_cells: int) -> None:
        self._largest = largest_cells // columns
        self._number = 0
        self._times_s = np.empty(0, dtype=np.int64)
        self._counts_veh = np.empty((0, columns))

    def add(self, times_s: Ints, counts_veh: Floats) -> None:
        """Append rows; ForecastError past the limit."""
        number = self._number + len(times_s)
        check_size(number, self._counts_veh.shape[1], self._largest * self._counts_veh.shape[1])
        if number > len(self._times_s):
            # Grown in place: a copy would need the memory twice.
            room = min(max(int(number * GROWTH), 100), max(self._largest, number))
            self._times_s.resize(room, refcheck=False)
            self._counts_veh.resize((room, self._counts_veh.shape[1]), refcheck=False)
        self._times_s[self._number : number] = times_s
        self._counts_veh[self._number : number] = counts_veh
        self._number = number

    def table(self, detectors: tuple[str, ...]) -> Table:
        """All rows."""
        self._times_s.resize(self._number, refcheck=False)
        self._counts_veh.resize((self._number, self._counts_veh.shape[1]), refcheck=False)
        return Table(self._times_s, detectors, self._counts_veh)


def check_size(rows: int, columns: int, largest_cells: int) -> None:
    """ForecastError where so many rows and columns are more than a table may have."""
    if rows * columns > largest_cells:
        raise ForecastError(
            f"more than {largest_cells:,} counts ({columns:,} detectors times {largest_cells // columns:,} rows, "
            f"{largest_cells * 8 / 1e9:.1f} GB) are not read; split the table"
        )


def check_detectors(detectors: tuple[str, ...]) -> None:
    """ForecastError unless there are detectors and each has a name of its own."""
    if not detectors:
        raise ForecastError("the table has no detector column")
    if "" in detectors:
        raise ForecastError(f"detector column {detectors.index('') + 1} has no name")
    if len(set(detectors)) < len(detectors):
        seen: set[str] = set()
        twice = next(name for name in detectors if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ForecastError(f"detector column '{twice}' appears twice")


def parsed_time(text: str, where: str) -> int:
    """A local date and time of day, in seconds since 1970; ForecastError otherwise."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        when = None
    # A bare date is a time to the parser; in a table of counts it is a mistake.
    if when is None or len(text.strip()) <= len("2024-05-07"):
        raise ForecastError(f"{where}: '{text[:40]}' is no time such as 2024-05-07T08:15")
    if when.tzinfo is not None:
        raise ForecastError(f"{where}: '{text[:40]}' names a time zone, expected local time without one")
    return int(np.datetime64(when, "s").astype(np.int64))


def check_count(count_veh: float, text: str, where: str) -> None:
    """ForecastError unless it is a number of vehicles, or NaN."""
    if count_veh < 0 or np.isinf(count_veh):
        raise ForecastError(f"{where}: count {text[:40]} is out of range, expected 0 or more")
