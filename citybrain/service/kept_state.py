"""What is learned over hours and would be lost at a restart, kept in a file of named arrays: what is usual for each sensor.

Written rarely, beside the ticks, as a whole or not at all. A file that cannot be read, or is of other sensors, is one line in the log:
then all is learned anew.
"""

from __future__ import annotations

import logging
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from citybrain.intake.batch import IntakeError
from citybrain.intake.intake import Intake
from forecasting import durable
from signals.types import Floats

log = logging.getLogger("citybrain")
QUALITY = "quality.npz"  # in the service's folder
KEY = "key"
MOST_BYTES = 1_000_000_000
LOOK_S, SAVE_S = 60.0, 600.0  # of the wall
STOP_S = 10.0
Arrays = dict[str, npt.NDArray[Any]]


def save(path: Path, key: int, arrays: Arrays) -> None:
    """Replace the file. `key`: of the catalogue that the arrays are of. OSError where there is no room."""

    def fill(out: IO[bytes]) -> None:
        np.savez(out, **{KEY: np.array(key, np.uint64), **arrays})  # type: ignore[arg-type]

    durable.write(path, fill)


def load(path: Path, key: int) -> Arrays:
    """The arrays of a file. IntakeError, in one sentence, where it is none or of another catalogue."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise IntakeError(f"{path}: {path.stat().st_size} bytes, expected under {MOST_BYTES}")
        with path.open("rb") as read, np.load(read, allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in opened.files}
        found = int(arrays.pop(KEY))
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise IntakeError(f"{path}: no state can be read ({error!r})") from error
    if found != key:
        raise IntakeError(f"{path}: kept with other sensors")
    return arrays


class KeptQuality:
    """Keeps what an intake knows of its sensors, and tells it what a forecaster expects. Lives as long as the service."""

    def __init__(self, intake: Intake, folder: Path, expected: Callable[[], Floats | None] = lambda: None) -> None:
        """`expected` now [movement, veh/h], None where nobody forecasts. What the file knows is taken up at once."""
        self._intake, self._path, self._expected = intake, folder / QUALITY, expected
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if self._path.is_file():
            try:
                intake.know(load(self._path, intake.catalogue.key))
            except IntakeError as error:
                log.warning("what is usual for each sensor is learned anew", extra={"fields": {"error": str(error)}})

    def start(self) -> None:
        """Look after it in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="quality", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Keep what is known, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_S)
            self.keep()

    def keep(self) -> None:
        """Replace the file; where there is no room, a line in the log."""
        try:
            save(self._path, self._intake.catalogue.key, self._intake.known())
        except OSError as error:
            log.warning("what is usual for each sensor is not kept", extra={"fields": {"error": str(error)}})

    def look(self) -> None:
        """Tell the judge of sensors what the forecaster expects now."""
        flow_veh_h = self._expected()
        if flow_veh_h is not None:
            self._intake.expect(flow_veh_h)

    def _run(self) -> None:
        looks = 0
        while not self._stop.wait(LOOK_S):
            looks += 1
            self.look()
            if looks % round(SAVE_S / LOOK_S) == 0:
                self.keep()
