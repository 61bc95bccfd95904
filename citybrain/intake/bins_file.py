"""Bins that are not over yet, kept for a restart: a file every minute, and what the sample log has taken since.

A bin of which a minute is missing is scaled up from the rest, so that little is lost where there is no time to read the log again.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from citybrain.intake.batch import IntakeError
from citybrain.intake.flow_bins import FlowBin
from citybrain.intake.intake import Intake
from citybrain.intake.sample_log import Record, SampleLog
from forecasting import durable

HEAD = "head"
MOST_BYTES = 1_000_000_000


class KeptBins:
    """An intake's bins, with the file that keeps the open ones."""

    def __init__(self, intake: Intake, path: Path, log: SampleLog) -> None:
        self._intake, self._path, self._log = intake, path, log

    def due(self, now_s: float) -> tuple[FlowBin, ...]:
        """Bins that are to be told by now."""
        return self._intake.bins_due(now_s)

    def keep(self) -> None:
        """Replace the file. IntakeError where there is no room."""
        kept = self._intake.bins_kept(lambda: self._log.next)
        head = np.array([self._intake.catalogue.key, kept.position], np.uint64)

        def fill(out: IO[bytes]) -> None:
            np.savez(out, **{HEAD: head, **kept.arrays})  # type: ignore[arg-type]

        try:
            durable.write(self._path, fill)
        except OSError as error:
            raise IntakeError(f"{self._path}: the open bins cannot be kept ({error.strerror})") from error

    def take_up(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> int:
        """Go on with the bins of the file, and with what the log holds behind them as far as that takes no longer; the number of samples.

        IntakeError where the file is of other sensors, or none; the bins are then as they were.
        """
        ends_s, position = clock() + limit_s, self._restored()
        return self._intake.recall(until(self._log.records(position), ends_s, clock))

    def _restored(self) -> int:
        """Put the file's bins into the intake; where the log stood then."""
        path = self._path
        try:
            if path.stat().st_size > MOST_BYTES:
                raise IntakeError(f"{path}: {path.stat().st_size} bytes, expected under {MOST_BYTES}")
            with path.open("rb") as file, np.load(file, allow_pickle=False) as opened:
                arrays = {name: opened[name] for name in opened.files}
            key, position = (int(n) for n in arrays.pop(HEAD))
            if key != self._intake.catalogue.key:
                raise IntakeError(f"{path}: bins of other sensors")
            self._intake.bins.restored(arrays)
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise IntakeError(f"{path}: no bins can be read ({error!r})") from error
        return position


def until(records: Iterable[Record], ends_s: float, clock: Callable[[], float]) -> Iterator[Record]:
    """Records as long as there is time."""
    for one in records:
        if clock() >= ends_s:
            return
        yield one
