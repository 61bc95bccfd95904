"""Counts of many detectors in aligned bins. A gap is NaN, never zero; bad tables are refused with one sentence."""

import csv
import gzip
import io
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from forecasting import csv_table, parquet_table
from forecasting.clock import DAY_S
from forecasting.grid import aligned
from forecasting.tables import LARGEST_CELLS, Progress, Table
from signals.errors import ForecastError
from signals.types import Bools, Floats

MIN_DAYS = 2


@dataclass(frozen=True, slots=True)
class FlowHistory:
    """Counts [bin, detector] from `start` on, in local wall-clock time without a zone."""

    start: np.datetime64
    bin_s: float
    detectors: tuple[str, ...]
    counts_veh: Floats = field(repr=False)
    """[bin, detector] NaN where nothing was reported"""

    def __post_init__(self) -> None:
        if self.bin_s <= 0 or DAY_S % self.bin_s:
            raise ForecastError(f"bins of {self.bin_s:g} s do not divide a day")
        if self.counts_veh.ndim != 2 or self.counts_veh.shape[1] != len(self.detectors):
            raise ForecastError(f"counts of shape {self.counts_veh.shape} do not fit {len(self.detectors)} detectors")
        if seconds_of_day(self.start) % self.bin_s:
            raise ForecastError(f"the start {self.start} is not on the grid of {self.bin_s:g} s bins")
        if (self.counts_veh < 0).any():
            raise ForecastError("a count is negative")

    @property
    def bins(self) -> int:
        """Number of bins."""
        return int(self.counts_veh.shape[0])

    @property
    def slots(self) -> int:
        """Bins in a day."""
        return round(DAY_S / self.bin_s)

    @property
    def week_start_s(self) -> float:
        """The start on the week clock [s]."""
        return seconds_of_week(self.start)

    def index(self, when: np.datetime64) -> int:
        """Number of bins that have ended by this moment: the first that nobody has seen whole; within 0 and `bins`."""
        offset_s = float((when.astype("datetime64[s]") - self.start) / np.timedelta64(1, "s"))
        return int(np.clip(np.floor(offset_s / self.bin_s), 0, self.bins))

    def time(self, index: int) -> np.datetime64:
        """Start of a bin."""
        return self.start + np.timedelta64(round(index * self.bin_s), "s")

    def between(self, first: int, last: int) -> "FlowHistory":
        """The bins first to last - 1."""
        return replace(self, start=self.time(first), counts_veh=self.counts_veh[first:last])

    def with_gaps(self, hidden: Bools) -> "FlowHistory":
        """The same, with the counts hidden [bin, detector] set to NaN."""
        return replace(self, counts_veh=np.where(hidden, np.nan, self.counts_veh))

    def in_bins(self, bin_s: float) -> "FlowHistory":
        """Counts summed into bins of `bin_s`, which this one's divide; NaN where any part of a bin is missing.

        A part is not made up from the others: it would be scored as if it had been counted.
        """
        if not bin_s > 0 or DAY_S % bin_s:
            raise ForecastError(f"bins of {bin_s:g} s do not divide a day")
        if bin_s % self.bin_s:
            raise ForecastError(f"its bins of {self.bin_s:g} s cannot be put into bins of {bin_s:g} s")
        parts = round(bin_s / self.bin_s)
        if parts == 1:
            return self
        before = round(seconds_of_day(self.start) % bin_s / self.bin_s)
        padded = np.pad(self.counts_veh, ((before, -(before + self.bins) % parts), (0, 0)), constant_values=np.nan)
        counts_veh = padded.reshape(-1, parts, len(self.detectors)).sum(axis=1)
        return replace(self, start=self.time(-before), bin_s=bin_s, counts_veh=counts_veh)

    def by_day(self) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Counts [day, slot, detector] padded with NaN to whole days, and the weekday [day], 0 Monday."""
        before = round(seconds_of_day(self.start) / self.bin_s)
        after = -(before + self.bins) % self.slots
        padded = np.pad(self.counts_veh, ((before, after), (0, 0)), constant_values=np.nan)
        days = padded.reshape(-1, self.slots, len(self.detectors))
        first = int(self.week_start_s // DAY_S)
        return days, (first + np.arange(len(days), dtype=np.int64)) % 7


def seconds_of_day(when: np.datetime64) -> float:
    """Seconds since the midnight before [s]."""
    return float((when - when.astype("datetime64[D]")) / np.timedelta64(1, "s"))


def seconds_of_week(when: np.datetime64) -> float:
    """Seconds since the Monday midnight before [s]."""
    weekday = (int(when.astype("datetime64[D]").astype(np.int64)) + 3) % 7
    return weekday * DAY_S + seconds_of_day(when)


def check_for_fit(history: FlowHistory, horizon_s: float) -> None:
    """ForecastError unless a forecaster can learn from it: two days with counts, and bins that divide the horizon."""
    if not horizon_s > 0 or horizon_s % history.bin_s:
        raise ForecastError(f"bins of {history.bin_s:g} s do not divide the horizon of {horizon_s:g} s")
    seen = np.flatnonzero(np.isfinite(history.counts_veh).any(axis=1))
    if not len(seen):
        raise ForecastError("the table holds no count at all")
    days = len(np.unique((seconds_of_day(history.start) + seen * history.bin_s) // DAY_S))
    if days < MIN_DAYS:
        raise ForecastError(f"the table holds counts of {days} day; a daily profile needs at least {MIN_DAYS}")


def read(
    path: Path,
    horizon_s: float = 900.0,
    for_fit: bool = True,
    bin_s: float | None = None,
    largest_cells: int = LARGEST_CELLS,
    progress: Progress | None = None,
) -> FlowHistory:
    """The wide table in a .csv, .csv.gz or .parquet file, checked: a timestamp column, then one column a detector.

    `for_fit` asks for two days with counts; a table to forecast from may be as short as it likes. Counts are summed into
    bins of `bin_s`; the file's own bins are kept where it is None.
    """
    reader = parquet_table.read if path.suffix.lower() in parquet_table.SUFFIXES else csv_table.read
    try:
        history = _on_grid(reader(path, largest_cells, progress), largest_cells)
        if bin_s is not None:
            history = history.in_bins(bin_s)
        if for_fit:
            check_for_fit(history, horizon_s)
    except ForecastError as why:
        raise ForecastError(f"{path}: {why}") from why
    return history


def parse(text: str) -> FlowHistory:
    """The history in the text of a wide table. Rows may come in any order; missing rows and empty cells become NaN."""
    return _on_grid(csv_table.parse(text), LARGEST_CELLS)


def _on_grid(table: Table, largest_cells: int) -> FlowHistory:
    begin_s, bin_s, counts_veh = aligned(table.times_s, table.counts_veh, largest_cells)
    return FlowHistory(np.datetime64(begin_s, "s"), float(bin_s), table.detectors, counts_veh)


def write(history: FlowHistory, path: Path) -> None:
    """Write the wide table that `read` reads, compressed where the name ends in .gz; the same bytes every time."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("timestamp", *history.detectors))
    for i, row in enumerate(history.counts_veh):
        cells = ["" if np.isnan(count) else format(count, ".10g") for count in row]
        writer.writerow((np.datetime_as_string(history.time(i), unit="s"), *cells))
    data = out.getvalue().encode("utf-8")
    path.write_bytes(gzip.compress(data, 9, mtime=0) if path.name.endswith(".gz") else data)
