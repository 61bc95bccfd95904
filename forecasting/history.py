"""Counts of many detectors in aligned bins. A gap is NaN, never zero; bad tables are refused with one sentence."""

import csv
import gzip
import io
import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from forecasting.clock import DAY_S
from signals.errors import ForecastError
from signals.types import Bools, Floats

MIN_DAYS = 2
LARGEST_GAP = 20  # bins a row, above which a table is taken for one with a wrong date
TIME_COLUMNS = ("timestamp", "time", "datetime")


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
    if horizon_s <= 0 or horizon_s % history.bin_s:
        raise ForecastError(f"bins of {history.bin_s:g} s do not divide the horizon of {horizon_s:g} s")
    seen = np.isfinite(history.counts_veh)
    if not seen.any():
        raise ForecastError("the table holds no count at all")
    days = int(np.isfinite(history.by_day()[0]).any(axis=(1, 2)).sum())
    if days < MIN_DAYS:
        raise ForecastError(f"the table holds counts of {days} day; a daily profile needs at least {MIN_DAYS}")


def read(path: Path, horizon_s: float = 900.0, for_fit: bool = True) -> FlowHistory:
    """The wide table in a .csv or .csv.gz file, checked: first column an ISO timestamp, then one column a detector.

    `for_fit` asks for two days with counts; a table to forecast from may be as short as it likes.
    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.name.endswith(".gz") else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as why:
        raise ForecastError(f"{path}: no table of counts can be read: {why}") from why
    try:
        history = parse(text)
        if for_fit:
            check_for_fit(history, horizon_s)
    except ForecastError as why:
        raise ForecastError(f"{path}: {why}") from why
    return history


def parse(text: str) -> FlowHistory:
    """The history in the text of a wide table. Rows may come in any order; missing rows and empty cells become NaN."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    except csv.Error as why:
        raise ForecastError(f"not a CSV table: {why}") from why
    if not rows or rows[0][0].strip().lower() not in TIME_COLUMNS:
        first = rows[0][0][:40] if rows else ""
        raise ForecastError(f"the first column is '{first}', expected 'timestamp'")
    detectors = tuple(name.strip() for name in rows[0][1:])
    if not detectors or len(rows) < 2:
        raise ForecastError("the table has no detector column" if not detectors else "the table has no row")
    if len(set(detectors)) < len(detectors):
        twice = next(name for name in detectors if detectors.count(name) > 1)
        raise ForecastError(f"detector column '{twice}' appears twice")
    times = np.array([_time(row[0], line) for line, row in enumerate(rows[1:], 2)], dtype="datetime64[s]")
    counts_veh = np.array([_counts(row, detectors, line) for line, row in enumerate(rows[1:], 2)])
    return _aligned(times, counts_veh, detectors)


def _aligned(times: npt.NDArray[np.datetime64], counts_veh: Floats, detectors: tuple[str, ...]) -> FlowHistory:
    """Rows put on the grid of the shortest step between two of them."""
    order = np.argsort(times, kind="stable")
    times, counts_veh = times[order], counts_veh[order]
    steps_s = np.diff(times).astype(np.int64)
    if (steps_s == 0).any():
        raise ForecastError(f"the time {times[:-1][steps_s == 0][0]} appears twice")
    bin_s = int(steps_s.min()) if len(steps_s) else 900
    offsets_s = (times - times[0]).astype(np.int64)
    if (offsets_s % bin_s).any():
        astray = times[offsets_s % bin_s > 0][0]
        raise ForecastError(f"the time {astray} is not on the grid of {bin_s} s from {times[0]}")
    bins = int(offsets_s[-1] // bin_s) + 1
    if bins > LARGEST_GAP * (len(times) + 100):
        raise ForecastError(f"only {len(times)} of {bins} bins from {times[0]} to {times[-1]} are there; is a date wrong?")
    wide = np.full((bins, len(detectors)), np.nan)
    wide[offsets_s // bin_s] = counts_veh
    return FlowHistory(times[0], float(bin_s), detectors, wide)


def _time(text: str, line: int) -> np.datetime64:
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        when = None
    # A bare date is a time to the parser; in a table of counts it is a mistake.
    if when is None or len(text.strip()) <= len("2024-05-07"):
        raise ForecastError(f"line {line}: '{text[:40]}' is no time such as 2024-05-07T08:15")
    if when.tzinfo is not None:
        raise ForecastError(f"line {line}: '{text[:40]}' names a time zone, expected local time without one")
    return np.datetime64(when, "s")


def _counts(row: list[str], detectors: tuple[str, ...], line: int) -> list[float]:
    if len(row) != len(detectors) + 1:
        raise ForecastError(f"line {line}: {len(row) - 1} counts, expected {len(detectors)}")
    counts_veh = []
    for name, text in zip(detectors, row[1:], strict=True):
        try:
            count_veh = float(text) if text.strip() else np.nan
        except ValueError:
            raise ForecastError(f"line {line}, column {name}: '{text[:40]}' is no count") from None
        if count_veh < 0 or np.isinf(count_veh):
            raise ForecastError(f"line {line}, column {name}: count {text} is out of range, expected 0 or more")
        counts_veh.append(count_veh)
    return counts_veh


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
