"""What a service knows beyond its stored forecaster: the tracker's state and the newest counts, saved beside the model.

One file, so that it is there whole or not at all. It belongs to one very forecaster, which it names, and gives it back
exactly: after a restart every forecast is as if there had been none.
"""

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from forecasting import durable
from forecasting.fitted import FittedForecaster
from forecasting.tracker import Tracker
from signals.errors import ForecastError

LAYOUT = 1  # raised when arrays change their names, axes or meaning
FILE = "live.npz"
HEAD, LOG, TRACKER = "head", "log_veh", "tracker_"

Singles = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Live:
    """A tracker, the moment at which its next bin begins, and the bins before that."""

    tracker: Tracker = field(repr=False)
    next_at: np.datetime64
    log_veh: Singles = field(repr=False)
    """[bin, detector] the newest counts, for who must catch up; the last one ended at `next_at`"""


def save(live: Live, of: str, folder: Path) -> None:
    """Write it into the folder of the forecaster that is called `of` (`store.identity`)."""
    head = {"layout": LAYOUT, "of": of, "next_at": str(live.next_at)}
    arrays: dict[str, npt.NDArray[Any]] = {HEAD: np.frombuffer(json.dumps(head).encode("utf-8"), dtype=np.uint8), LOG: live.log_veh}
    arrays |= {TRACKER + name: array for name, array in live.tracker.arrays().items()}

    def fill(out: IO[bytes]) -> None:
        np.savez(out, **arrays)  # type: ignore[arg-type]

    try:
        durable.write(folder / FILE, fill)
    except OSError as why:
        raise ForecastError(f"{folder / FILE}: the state cannot be written: {why}") from why


def load(fitted: FittedForecaster, of: str, folder: Path) -> Live:
    """What `save` wrote of this forecaster; ForecastError where it is of another one, of another layout, or broken."""
    path = folder / FILE
    arrays = _arrays(path)
    try:
        head = json.loads(arrays.pop(HEAD).tobytes())
        layout, owner, next_at = head["layout"], head["of"], np.datetime64(head["next_at"], "s")
        log_veh = arrays.pop(LOG).reshape(-1, len(fitted.detectors)).astype(np.float32)
    except (KeyError, ValueError, TypeError) as why:
        raise ForecastError(f"{path}: no state of a forecaster: {why!r}") from why
    if layout != LAYOUT:
        raise ForecastError(f"{path}: layout {layout} of the state, expected {LAYOUT}")
    if owner != of:
        raise ForecastError(f"{path}: the state of another forecaster than the one in its folder")
    try:
        tracker = Tracker.restored(fitted, {name.removeprefix(TRACKER): array for name, array in arrays.items()})
    except ForecastError as why:
        raise ForecastError(f"{path}: {why}") from why
    return Live(tracker, next_at, log_veh)


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Its arrays of numbers; each is checked by its sum, and none may unpack to more than the file holds."""
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
        if any(one.compress_type != zipfile.ZIP_STORED for one in members) or sum(one.file_size for one in members) > path.stat().st_size:
            raise ForecastError(f"{path}: no state of a forecaster: its arrays are compressed")
        with np.load(path, allow_pickle=False) as opened:
            found = {name: opened[name] for name in opened.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as why:
        raise ForecastError(f"{path}: no state can be read (missing, truncated, or of a format that could run code): {why}") from why
    strange = [name for name, array in found.items() if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub"]
    if strange:
        raise ForecastError(f"{path}: no state of a forecaster: {strange[0]} holds no numbers")
    return found
