"""A large city's drawing in a file: tiles ready to be sent, and of each signal its lanes' lines, read one by one when somebody asks.

An SQLite file that is written once, whole or not at all, and only read from then on. Lines are simplified and kept to the decimetre.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import tempfile
import threading
import zlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from citybrain.web.geometry import Shapes
from citybrain.web.roads import Roads, lanes_of, read_roads, wanted_lanes
from citybrain.web.tiles import Grid, near_m, overview, shut, tiles
from signals.errors import ConfigError
from signals.types import Floats, Intersection, Network
from sumo_nets.shapes import simplified

LAYOUT = 1
CURVE_TOLERANCE_M = 0.1
CACHE_KB = 256
SCHEMA = (
    "CREATE TABLE head (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "CREATE TABLE tiles (number INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE signals (number INTEGER PRIMARY KEY, shapes BLOB NOT NULL)",
)


def write(network: Network, net: Path, file: Path) -> None:
    """Read the net.xml and write the drawing; ScenarioError where a shape is none, ConfigError where the file cannot be."""
    roads = read_roads(net, wanted_lanes(network))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".drawing-")
        os.close(handle)
        try:
            with closing(sqlite3.connect(name)) as db:
                fill(db, network, roads)
            with open(name, "rb") as whole:
                os.fsync(whole.fileno())
            os.replace(name, file)
        except BaseException:
            os.unlink(name)
            raise
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"{file}: cannot be written ({error})") from error


def fill(db: sqlite3.Connection, network: Network, roads: Roads) -> None:
    """All that the file holds."""
    db.execute("PRAGMA journal_mode = OFF")
    for statement in SCHEMA:
        db.execute(statement)
    shapes = [fine(roads.of(s)) for s in network.signals]
    grid = Grid.around(network)
    head = {"layout": LAYOUT, "signals": len(network.signals), "columns": grid.columns, "rows": grid.rows}
    db.execute("INSERT INTO head VALUES ('about', ?)", (json.dumps(head).encode(),))
    db.execute("INSERT INTO head VALUES ('overview', ?)", (shut(overview(roads)),))
    db.executemany("INSERT INTO tiles VALUES (?, ?)", tiles(network, roads, shapes))
    records = ((i, pressed(lanes_of(s), shapes[i])) for i, s in enumerate(network.signals))
    db.executemany("INSERT INTO signals VALUES (?, ?)", records)
    db.commit()


def fine(shapes: Shapes) -> dict[str, Floats]:
    """Lines without the points that nobody would miss, to the decimetre."""
    return {lane: near_m(simplified(line, CURVE_TOLERANCE_M) if len(line) > 2 else line) for lane, line in shapes.items()}


def pressed(lanes: Iterable[str], shapes: Shapes) -> bytes:
    """The lines of these lanes, in their order: numbers of points, then the ways from point to point [dm]."""
    lines = [shapes.get(lane, np.zeros((0, 2))) for lane in lanes]
    points = np.rint(np.vstack([*lines, np.zeros((0, 2))]) * 10.0).astype("<i4")
    ways = np.diff(points, axis=0, prepend=np.zeros((1, 2), "<i4"))
    return zlib.compress(np.array([len(lines), *map(len, lines)], "<u2").tobytes() + ways.astype("<i4").tobytes(), 9)


def loosed(signal: Intersection, record: bytes) -> dict[str, Floats]:
    """By lane: its line [point, xy]; ConfigError where the record is another signal's, or none."""
    lanes = lanes_of(signal)
    try:
        plain = zlib.decompress(record)
        head = np.frombuffer(plain, "<u2", len(lanes) + 1)
        points_m = np.frombuffer(plain, "<i4", offset=head.nbytes).reshape(-1, 2).cumsum(axis=0) / 10.0
        ends = head[1:].cumsum()
        if head[0] != len(lanes) or (ends[-1] if len(ends) else 0) != len(points_m):
            raise ValueError(f"of {head[0]} lanes")
    except (zlib.error, ValueError) as error:
        raise ConfigError(f"{signal.id}: its drawing is damaged ({error}); expected {len(lanes)} lanes") from error
    lines = np.split(points_m, ends[:-1]) if len(ends) else []
    return {lane: line for lane, line in zip(lanes, lines, strict=True) if len(line)}


class DrawingFile:
    """An open file; any thread may ask. ConfigError where it is damaged, or of another city."""

    def __init__(self, file: Path, network: Network) -> None:
        self.file, self._guard = file, threading.Lock()
        grid = Grid.around(network)
        expected = {"layout": LAYOUT, "signals": len(network.signals), "columns": grid.columns, "rows": grid.rows}
        if not file.is_file():
            raise ConfigError(f"{file}: no such file; expected a city's drawing")
        try:
            self._db = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise ConfigError(f"{file}: holds no drawing ({error})") from error
        try:
            self._db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
            whole = self._db.execute("PRAGMA quick_check(1)").fetchone()
            about = self._of("SELECT value FROM head WHERE name = ?", "about")
            if whole != ("ok",) or about is None or json.loads(about) != expected:
                raise ConfigError(f"{file}: holds another drawing; expected {json.dumps(expected)}")
        except (sqlite3.Error, ValueError) as error:
            self._db.close()
            raise ConfigError(f"{file}: holds no drawing ({error})") from error
        except ConfigError:
            self._db.close()
            raise

    def overview(self) -> dict[str, str]:
        """The roads from afar."""
        found: dict[str, str] = json.loads(gzip.decompress(self._of("SELECT value FROM head WHERE name = ?", "overview") or b""))
        return found

    def tile(self, number: int) -> bytes | None:
        """A tile as it is sent; None where there is nothing."""
        return self._of("SELECT body FROM tiles WHERE number = ?", number)

    def shapes(self, number: int, signal: Intersection) -> dict[str, Floats]:
        """The lines of a signal's lanes [point, xy]."""
        return loosed(signal, self._of("SELECT shapes FROM signals WHERE number = ?", number) or b"")

    def close(self) -> None:
        """Let go of it."""
        with self._guard:
            self._db.close()

    def _of(self, ask: str, key: Any) -> bytes | None:
        try:
            with self._guard:
                row = self._db.execute(ask, (key,)).fetchone()
        except sqlite3.Error as error:
            raise ConfigError(f"{self.file}: cannot be read ({error}); remove it to have it made anew") from error
        return None if row is None else bytes(row[0])
