"""Who is champion, who was before, who stood against it: three folders, a journal, and changes that cannot be half done.

A change is written down before it begins. Whoever opens the folder after a crash finishes it first; until then nobody sees
its middle, because readers wait for the lock, which goes with the process that holds it.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from forecasting import durable, live_state, store
from forecasting.fitted import FittedForecaster
from forecasting.live_state import Live
from signals.errors import ForecastError

CHAMPION, PREVIOUS, CHALLENGER = "champion", "previous", "challenger"
FITTING = ".fitting"  # where a new forecaster is put together before it is one of them
JOURNAL, CHANGE, LOCK = "upkeep.jsonl", ".change.json", ".lock"
GONE = ".gone."  # before the name of a folder that is to be removed
FOUNDED, PROMOTED, KEPT, ROLLED_BACK = "founded", "promoted", "kept", "rolled back"
MOVES: dict[str, tuple[tuple[str, str], ...]] = {
    FOUNDED: ((FITTING, CHAMPION),),
    PROMOTED: ((CHALLENGER, GONE + CHALLENGER), (PREVIOUS, GONE + PREVIOUS), (CHAMPION, PREVIOUS), (FITTING, CHAMPION)),
    KEPT: ((CHALLENGER, GONE + CHALLENGER), (FITTING, CHALLENGER)),
    ROLLED_BACK: ((CHALLENGER, GONE + CHALLENGER), (CHAMPION, CHALLENGER), (PREVIOUS, CHAMPION)),
}
"""Renames of each event, in order. No name is taken from before it is free for good: one whose target is there has been done."""


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the journal."""

    number: int
    at: str  # as the caller's clock said
    event: str  # a key of MOVES
    champion: str  # name and end of fit of who is champion now
    fitted: str  # model and span of what was fitted; empty where nothing was
    verdict: dict[str, Any] = field(repr=False)
    sentence: str


@dataclass(frozen=True, slots=True)
class Seated:
    """A forecaster in its folder."""

    forecaster: FittedForecaster
    until: np.datetime64  # end of what it was fitted to
    identity: str
    title: str


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else changes or reads the folder; a change that was cut short is finished first."""
    with held(folder / LOCK, wait=True):
        _finish(folder)
        yield


@contextmanager
def held(path: Path, wait: bool) -> Iterator[None]:
    """A lock that ends with its process; ForecastError where it is taken and nobody waits."""
    try:
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as why:
        raise ForecastError(f"{path.parent}: no folder of a champion that can be written: {why.strerror}") from why
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as why:
            raise ForecastError(f"{path.parent}: another refit is under way here") from why
        yield
    finally:
        os.close(opened)


def seated(folder: Path, name: str = CHAMPION) -> Seated:
    """Who is champion now."""
    with locked(folder):
        return _seated(folder, name)


def is_kept_up(folder: Path) -> bool:
    """Whether a champion is kept there, rather than a single forecaster."""
    return (folder / JOURNAL).is_file()


def forecaster_in(folder: Path) -> FittedForecaster:
    """The champion of a folder that is kept up; the forecaster itself of one that holds a single one."""
    return seated(folder).forecaster if is_kept_up(folder) else store.load(folder)


def speaks_of(folder: Path) -> tuple[tuple[str, ...], float]:
    """Detectors and bins [s] of who is in the folder, by its card alone."""
    with locked(folder) if is_kept_up(folder) else nullcontext():
        return store.speaks_of(folder / CHAMPION if is_kept_up(folder) else folder)


def seated_with_state(folder: Path) -> tuple[Seated, Live | None]:
    """The champion and its saved state; None where it has none."""
    with locked(folder):
        found = _seated(folder, CHAMPION)
        place = folder / CHAMPION
        return found, live_state.load(found.forecaster, found.identity, place) if (place / live_state.FILE).is_file() else None


def is_founded(folder: Path) -> bool:
    """Whether there is a champion."""
    with locked(folder):
        return (folder / CHAMPION).is_dir()


def still(folder: Path, identity: str) -> bool:
    """Whether the champion is still this one; cheap enough to ask at every bin."""
    with locked(folder):
        return store.identity(folder / CHAMPION) == identity


def save_state(folder: Path, live: Live, identity: str) -> bool:
    """Save the state beside the champion; False where that is another one by now."""
    with locked(folder):
        if store.identity(folder / CHAMPION) != identity:
            return False
        live_state.save(live, identity, folder / CHAMPION)
        return True


def conclude(folder: Path, event: str, at: str, fitted: str, verdict: dict[str, Any], sentence: str) -> Record:
    """Let the event happen to the folders, and write it into the journal; all of it or nothing, whatever happens."""
    with locked(folder):
        return _conclude(folder, event, at, fitted, verdict, sentence)


def roll_back(folder: Path, at: str) -> Record:
    """The previous champion is champion again; the one it replaces is kept as challenger."""
    with locked(folder):
        if not (folder / PREVIOUS).is_dir():
            raise ForecastError(f"{folder}: there is no previous champion to go back to")
        leaves, comes = store.title(folder / CHAMPION), store.title(folder / PREVIOUS)
        return _conclude(folder, ROLLED_BACK, at, "", {}, f"{comes} is champion again instead of {leaves}")


def _conclude(folder: Path, event: str, at: str, fitted: str, verdict: dict[str, Any], sentence: str) -> Record:
    comes = {target: source for source, target in MOVES[event]}.get(CHAMPION, CHAMPION)
    lines = _journal(folder)
    number = lines[-1].number + 1 if lines else 1
    record = Record(number, at, event, store.title(folder / comes), fitted, verdict, sentence)
    moves = [move for move in MOVES[event] if (folder / move[0]).is_dir()]
    durable.write_text(folder / CHANGE, json.dumps({"moves": moves, "record": asdict(record)}, allow_nan=False))
    _finish(folder)
    return record


def journal(folder: Path) -> list[Record]:
    """All that happened, oldest first."""
    with locked(folder):
        return _journal(folder)


def _journal(folder: Path) -> list[Record]:
    path = folder / JOURNAL
    if not path.is_file():
        return []
    # What stands after the last line's end is what a killed writer left.
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(Record(**json.loads(line)))
        except (ValueError, TypeError) as why:
            raise ForecastError(f"{path}: line {number} is no record of the upkeep: {why}") from why
    return found


def _seated(folder: Path, name: str) -> Seated:
    place = folder / name
    if not place.is_dir():
        raise ForecastError(f"{folder}: there is no {name.removeprefix('.')} in it")
    return Seated(store.load(place), store.fitted_until(place), store.identity(place), store.title(place))


def _finish(folder: Path) -> None:
    """Finish the change that was written down, if there is one, and remove what it left over."""
    written = folder / CHANGE
    try:
        if written.is_file():
            _make(folder, json.loads(written.read_text(encoding="utf-8")))
            written.unlink()
            durable.sync(folder)
        for name in (PREVIOUS, CHALLENGER):
            if (folder / (GONE + name)).exists():
                shutil.rmtree(folder / (GONE + name))
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise ForecastError(f"{folder}: the change in {CHANGE} cannot be finished: {why!r}") from why


def _make(folder: Path, change: dict[str, Any]) -> None:
    """The renames that are still to be made, and the line in the journal unless it is there."""
    for source, target in change["moves"]:
        if not (folder / target).exists():
            os.rename(folder / source, folder / target)
    durable.sync(folder)
    lines = _journal(folder)
    if not lines or lines[-1].number < change["record"]["number"]:
        durable.append_line(folder / JOURNAL, json.dumps(change["record"], ensure_ascii=False, allow_nan=False))
