"""Counts written down as they are measured: a folder with a card and a file a day, which a service fills and the upkeep refits from.

`2026-05-04.npy` holds counts [bin of the day, detector] of the local clock as float32, NaN where nothing was counted. A bin has its
place, so that one that is corrected, or told again after a crash, is simply written once more.
"""

import json
import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from forecasting import durable
from forecasting.clock import DAY_S
from forecasting.history import FlowHistory, seconds_of_day
from forecasting.tables import LARGEST_CELLS
from signals.errors import ForecastError
from signals.types import Floats

LAYOUT = 1  # raised when files change their names, axes or meaning
CARD, SUFFIX = "counts.json", ".npy"
MOST_OWED = 96  # bins that wait for room on the disk
SECOND, DAY = np.timedelta64(1, "s"), np.timedelta64(1, "D")

Singles = npt.NDArray[np.float32]


class CountBook:
    """Lives as long as the service; one caller at a time. What other detectors have counted there is set aside."""

    def __init__(self, folder: Path, detectors: tuple[str, ...], bin_s: float) -> None:
        self.folder, self.bin_s = folder, bin_s
        self._shape = (round(DAY_S / bin_s), len(detectors))
        self._owed: OrderedDict[np.datetime64, Singles] = OrderedDict()
        self._begin(detectors)
        self.end = _end(folder, self._shape, bin_s)
        """When the newest bin that was written ends; None where there is none."""

    def _begin(self, detectors: tuple[str, ...]) -> None:
        """A card of these detectors; what is of others, or cannot be read, is set aside."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if is_book(self.folder) and not self._is_of(detectors):
                _set_aside(self.folder)
            if not is_book(self.folder):
                card = {"layout": LAYOUT, "bin_s": self.bin_s, "detectors": detectors}
                durable.write_text(self.folder / CARD, json.dumps(card, ensure_ascii=False) + "\n")
        except OSError as why:
            raise ForecastError(f"{self.folder}: counts cannot be kept there: {why}") from why

    def _is_of(self, detectors: tuple[str, ...]) -> bool:
        try:
            _end(self.folder, self._shape, self.bin_s)
            return _card(self.folder) == (detectors, self.bin_s)
        except ForecastError:
            return False

    def note(self, start: np.datetime64, counts_veh: Floats) -> None:
        """Take a bin [detector], or take it anew; `flush` writes it down."""
        start = start.astype("datetime64[s]")
        if seconds_of_day(start) % self.bin_s or counts_veh.shape != self._shape[1:]:
            raise ForecastError(f"a bin from {start} of {counts_veh.shape} counts, expected {self._shape[1:]} every {self.bin_s:g} s")
        self._owed[start] = counts_veh.astype(np.float32)
        while len(self._owed) > MOST_OWED:
            self._owed.popitem(last=False)
        ends = start + np.timedelta64(round(self.bin_s), "s")
        self.end = ends if self.end is None else max(self.end, ends)

    def flush(self) -> None:
        """Have on the disk what was noted. ForecastError where it does not take it: that waits in memory for the next time."""
        try:
            while self._owed:
                oldest = next(iter(self._owed))
                self._put(oldest, self._owed[oldest])
                del self._owed[oldest]
        except OSError as why:
            raise ForecastError(f"{self.folder}: counts cannot be written ({why.strerror}); {len(self._owed)} bins wait for room") from why

    def counted_after(self, when: np.datetime64) -> np.datetime64:
        """Start of the first bin from `when` on in which anything was counted; the end where there is none."""
        noted = [start for start, counts_veh in self._owed.items() if start >= when and np.isfinite(counts_veh).any()]
        for path in _days(self.folder):
            day = np.datetime64(path.stem, "s")
            if day + DAY > when:
                heard = day + np.flatnonzero(np.isfinite(_day(path, self._shape)).any(axis=1)) * np.timedelta64(round(self.bin_s), "s")
                noted += list(heard[heard >= when][:1])
            if noted:
                return min(noted)
        return min(noted) if noted else when if self.end is None else self.end

    def row(self, start: np.datetime64) -> Floats:
        """What is known of a bin [detector]."""
        start = start.astype("datetime64[s]")
        if start in self._owed:
            return self._owed[start].astype(np.float64)
        path = self._path(start)
        if not path.is_file():
            return np.full(self._shape[1], np.nan)
        return np.asarray(_day(path, self._shape)[self._slot(start)], dtype=np.float64)

    def forget_before(self, days: float) -> None:
        """Let go of what is so many days older than the newest."""
        if self.end is not None:
            for path in _days(self.folder):
                if (self.end - np.datetime64(path.stem, "s")) / DAY > days + 1.0:
                    path.unlink(missing_ok=True)

    def _put(self, start: np.datetime64, counts_veh: Singles) -> None:
        path = self._path(start)
        if not path.is_file():
            durable.write(path, lambda out: np.save(out, np.full(self._shape, np.nan, dtype=np.float32)))
        opened = os.open(path, os.O_WRONLY)
        try:
            at = os.fstat(opened).st_size - (self._shape[0] - self._slot(start)) * counts_veh.nbytes
            left = memoryview(counts_veh.tobytes())
            while left:
                written = os.pwrite(opened, left, at)
                left, at = left[written:], at + written
            os.fdatasync(opened)
        finally:
            os.close(opened)

    def _path(self, start: np.datetime64) -> Path:
        return self.folder / f"{start.astype('datetime64[D]')}{SUFFIX}"

    def _slot(self, start: np.datetime64) -> int:
        return round(seconds_of_day(start) / self.bin_s)


def is_book(folder: Path) -> bool:
    """Whether counts are kept there."""
    return (folder / CARD).is_file()


def read(folder: Path, largest_cells: int = LARGEST_CELLS) -> FlowHistory:
    """The counts from the first day to the newest bin; of a large city, the newest days that fit."""
    detectors, bin_s = _card(folder)
    shape = (round(DAY_S / bin_s), len(detectors))
    end = _end(folder, shape, bin_s)
    if end is None:
        raise ForecastError(f"{folder}: nothing has been counted yet")
    newest = end.astype("datetime64[D]")
    most = max(largest_cells // max(shape[0] * shape[1], 1), 1)
    paths = [path for path in _days(folder) if (newest - np.datetime64(path.stem)) / DAY < most]
    first = np.datetime64(paths[0].stem, "s")
    counts_veh = np.full((round(float((end - first) / SECOND) / bin_s), shape[1]), np.nan)
    for path in paths:
        at = round(float((np.datetime64(path.stem, "s") - first) / SECOND) / bin_s)
        part = counts_veh[at : at + shape[0]]
        part[:] = _day(path, shape)[: len(part)]
    return FlowHistory(first, bin_s, detectors, counts_veh)


def _card(folder: Path) -> tuple[tuple[str, ...], float]:
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if card["layout"] != LAYOUT:
            raise ForecastError(f"{path}: layout {card['layout']}, expected {LAYOUT}")
        detectors, bin_s = tuple(map(str, card["detectors"])), float(card["bin_s"])
        if not (bin_s > 0.0 and DAY_S % bin_s == 0.0 and detectors):
            raise ValueError("bins that do not divide a day, or no detector")
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise ForecastError(f"{path}: no card of counts can be read: {why}") from why
    return detectors, bin_s


def _days(folder: Path) -> list[Path]:
    """The files of days, oldest first."""
    return sorted(path for path in folder.glob(f"????-??-??{SUFFIX}") if path.stem.replace("-", "").isdigit())


def _day(path: Path, shape: tuple[int, int]) -> Singles:
    try:
        found: Singles = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as why:
        raise ForecastError(f"{path}: no counts of a day can be read: {why}") from why
    if found.shape != shape or found.dtype != np.float32:
        raise ForecastError(f"{path}: counts of shape {found.shape}, expected {shape} in float32")
    return found


def _end(folder: Path, shape: tuple[int, int], bin_s: float) -> np.datetime64 | None:
    for path in reversed(_days(folder)):
        heard = np.flatnonzero(np.isfinite(_day(path, shape)).any(axis=1))
        if len(heard):
            return np.datetime64(path.stem, "s") + np.timedelta64(round((int(heard[-1]) + 1) * bin_s), "s")
    return None


def _set_aside(folder: Path) -> None:
    """What lies there was counted by other detectors: it stays to be looked at, under another name."""
    number = 1
    while (aside := folder.with_name(f"{folder.name}.before-{number}")).exists():
        number += 1
    folder.rename(aside)
    folder.mkdir()
