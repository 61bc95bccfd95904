"""The service's memory on disk: one SQLite file with what stands, the audit trail, the plan archive, ticks and figures by the minute.

Commands are on the disk itself when they are acknowledged; ticks survive a killed process, and a power cut but for the last moments.
A file of an older version is brought up to date when it is opened, one step at a time, each whole or not at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from citybrain.service import audit
from signals.errors import ConfigError

MIGRATIONS = (
    """
    CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE plan (number INTEGER PRIMARY KEY AUTOINCREMENT, signal TEXT NOT NULL, at_s REAL NOT NULL, by TEXT NOT NULL,
        reason TEXT NOT NULL, content TEXT NOT NULL);
    CREATE INDEX plan_of_signal ON plan (signal, number);
    CREATE TABLE tick (id INTEGER PRIMARY KEY AUTOINCREMENT, now_s REAL NOT NULL, shard INTEGER NOT NULL, record BLOB NOT NULL);
    CREATE TABLE minute (ends_s REAL PRIMARY KEY, figures TEXT NOT NULL);
    """,
    "CREATE INDEX tick_of_time ON tick (now_s);",
)
"""The n-th script leads from schema n to n + 1; none is ever changed once it has been released."""

BUSY_MS = 5000
Place = Path | str
"""A file, or a database of PostgreSQL: postgresql://USER@HOST/NAME."""


@dataclass(frozen=True, slots=True)
class ArchivedPlan:
    """A repeating plan that a signal was put on; phases from 0."""

    number: int
    signal: str
    at_s: float
    by: str
    reason: str
    stages: tuple[tuple[int, float], ...]
    offset_s: float


class Store:
    """A connection; each thread has its own. `durable`: a commit waits for the disk."""

    def __init__(self, place: Place, *, durable: bool) -> None:
        self.place = place
        self.db = opened(place, durable)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; ConfigError where the disk does not take it, and then nothing is changed."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
            raise ConfigError(f"{self.place}: nothing was written: {error}") from error

    def state(self, key: str) -> dict[str, Any] | None:
        """A value kept under a key; None where there is none yet."""
        row = self.db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def plans(self, signal: str, limit: int = 50) -> list[ArchivedPlan]:
        """The newest plans of a signal, newest first."""
        rows = self.db.execute(
            "SELECT number, signal, at_s, by, reason, content FROM plan WHERE signal = ? ORDER BY number DESC LIMIT ?", (signal, limit)
        )
        return [archived(row) for row in rows]

    def plan(self, number: int) -> ArchivedPlan | None:
        """The plan of a number."""
        row = self.db.execute("SELECT number, signal, at_s, by, reason, content FROM plan WHERE number = ?", (number,)).fetchone()
        return None if row is None else archived(row)

    def minutes(self, first_s: float, last_s: float) -> list[dict[str, Any]]:
        """Figures of the minutes that end in (first_s, last_s]."""
        rows = self.db.execute("SELECT figures FROM minute WHERE ends_s > ? AND ends_s <= ? ORDER BY ends_s", (first_s, last_s))
        return [json.loads(row[0]) for row in rows]

    def piece(self, first_s: float, last_s: float, after: int, most: int = 200) -> list[tuple[int, bytes]]:
        """(id, record) of the next ticks with first_s <= now_s < last_s whose id is over `after`."""
        rows = self.db.execute(
            "SELECT id, record FROM tick WHERE now_s >= ? AND now_s < ? AND id > ? ORDER BY id LIMIT ?", (first_s, last_s, after, most)
        )
        return [(int(number), bytes(blob)) for number, blob in rows]

    def ticks(self, first_s: float, last_s: float) -> Iterator[tuple[float, int, bytes]]:
        """(now_s, shard, record) of the ticks with first_s <= now_s < last_s, in the order they were written."""
        yield from self.db.execute("SELECT now_s, shard, record FROM tick WHERE now_s >= ? AND now_s < ? ORDER BY id", (first_s, last_s))

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def archived(row: tuple[Any, ...]) -> ArchivedPlan:
    """A row of the archive."""
    content = json.loads(row[5])
    stages = tuple((int(p), float(g)) for p, g in content["stages"])
    return ArchivedPlan(row[0], row[1], row[2], row[3], row[4], stages, float(content["offset_s"]))


def set_state(db: sqlite3.Connection, key: str, value: dict[str, Any]) -> None:
    """Keep a value under a key, within the caller's transaction."""
    text = json.dumps(value, allow_nan=False)
    db.execute("INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, text))


def add_plan(
    db: sqlite3.Connection, signal: str, at_s: float, by: str, reason: str, stages: tuple[tuple[int, float], ...], offset_s: float
) -> int:
    """Put a plan into the archive, within the caller's transaction; its number. The one it ran last is not added again."""
    content = json.dumps({"stages": [list(stage) for stage in stages], "offset_s": offset_s})
    row = db.execute("SELECT number, content FROM plan WHERE signal = ? ORDER BY number DESC LIMIT 1", (signal,)).fetchone()
    if row is not None and row[1] == content:
        return int(row[0])
    cursor = db.execute("INSERT INTO plan (signal, at_s, by, reason, content) VALUES (?, ?, ?, ?, ?)", (signal, at_s, by, reason, content))
    return int(cursor.lastrowid or 0)


def place_of(folder: Path, database: str) -> Place:
    """Where a service keeps its store."""
    return database or folder / "city.db"


def opened(place: Place, durable: bool) -> sqlite3.Connection:
    """The database, of the newest schema; ConfigError where it is something else or of a later version."""
    if isinstance(place, Path):
        return opened_file(place, durable)
    # It speaks like sqlite3's: the same statements, placeholders and errors.
    db: Any = importlib.import_module("citybrain.service.pg").opened(place, durable, MIGRATIONS)
    audit.create(db)
    return cast(sqlite3.Connection, db)


def opened_file(path: Path, durable: bool) -> sqlite3.Connection:
    """SQLite's."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=BUSY_MS / 1000.0, isolation_level=None, check_same_thread=False)
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(f"{path}: cannot be opened as the service's store ({error})") from error
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        db.execute("PRAGMA foreign_keys=ON")
        migrate(db, path)
        audit.create(db)
    except sqlite3.Error as error:
        db.close()
        raise ConfigError(f"{path}: cannot be opened as the service's store ({error})") from error
    except ConfigError:
        db.close()
        raise
    return db


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Lead an older file through the scripts that it has not seen."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise ConfigError(f"{path}: schema {version} is of a later version of citybrain; this one knows {len(MIGRATIONS)}")
    if version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise ConfigError(f"{path}: is another program's database; expected a new file or a store of citybrain")
    for number in range(version, len(MIGRATIONS)):
        # executescript commits what is open before it, so the script brings its own transaction.
        db.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[number]}; PRAGMA user_version = {number + 1}; COMMIT;")


class Lock:
    """One service a store: held as long as the process lives, whatever kills it."""

    def __init__(self, path: Path, database: str = "") -> None:
        """ConfigError where another process holds it, or another service, wherever it runs, the database."""
        self._claim: Any = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be opened ({error})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise ConfigError(f"{path}: another service (process {holder}) works on this store; expected to be the only one") from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)
        try:
            self._claim = importlib.import_module("citybrain.service.pg").Claim(database) if database else None
        except ConfigError:
            self.release()
            raise

    def release(self) -> None:
        """Let others in; asked twice, it has been done."""
        if self._claim is not None:
            self._claim.release()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
