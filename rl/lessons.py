"""What a teacher says of a decision: the rows that were seen, and what each phase would have cost beside the one chosen.

Lessons are kept an episode a file, written whole or not at all, so that a run that is cut off repeats one episode at most.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rl import features
from rl.observation import Rows, layout_hash
from signals.errors import PolicyError
from signals.types import Floats, Ints

FOLDER = "lessons"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One signal's decision."""

    rows: Rows = field(repr=False)
    """[phase, feature]"""
    chosen: int
    cost_s: Floats = field(repr=False)
    """[phase] vehicle seconds above those of the chosen phase; NaN where it was not tried"""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Many of them, padded to as many phases as the widest signal has."""

    rows: Rows = field(repr=False)
    """[lesson, phase, feature]"""
    chosen: Ints = field(repr=False)
    cost_s: Floats = field(repr=False)
    """[lesson, phase]"""

    def __len__(self) -> int:
        return len(self.chosen)


def together(some: Sequence[Lesson]) -> Lessons:
    """Single lessons as arrays."""
    width = max((len(one.cost_s) for one in some), default=1)
    rows = np.zeros((len(some), width, features.WIDTH), dtype=np.float32)
    cost_s = np.full((len(some), width), np.nan)
    for k, one in enumerate(some):
        rows[k, : len(one.rows)] = one.rows
        cost_s[k, : len(one.cost_s)] = one.cost_s
    return Lessons(rows, np.array([one.chosen for one in some], dtype=np.int64), cost_s)


def joined(parts: Sequence[Lessons]) -> Lessons:
    """Lessons of several episodes, as wide as the widest."""
    width = max((part.rows.shape[1] for part in parts), default=1)
    rows = [np.pad(part.rows, ((0, 0), (0, width - part.rows.shape[1]), (0, 0))) for part in parts]
    cost_s = [np.pad(part.cost_s, ((0, 0), (0, width - part.cost_s.shape[1])), constant_values=np.nan) for part in parts]
    return Lessons(np.concatenate(rows), np.concatenate([part.chosen for part in parts]), np.concatenate(cost_s))


def write(lessons: Lessons, path: Path) -> None:
    """Write one episode's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(file, rows=lessons.rows, chosen=lessons.chosen, cost_s=lessons.cost_s, layout=np.array(layout_hash()))
    part.replace(path)


def read(path: Path) -> Lessons:
    """One episode's; PolicyError where the file is broken or of another observation layout."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            layout = str(stored["layout"])
            found = Lessons(stored["rows"], stored["chosen"], stored["cost_s"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise PolicyError(f"{path}: no lessons can be read: {error}") from error
    if layout != layout_hash():
        raise PolicyError(f"{path}: of observation layout {layout}, this version has {layout_hash()}; make them anew")
    return found
