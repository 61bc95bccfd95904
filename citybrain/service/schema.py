"""The store's tables, in a file of SQLite or a database of PostgreSQL: a connection to either, led to the newest schema alike.

Statements are written once, in SQLite's words. A store of an older version is brought up to date when it is opened, whole or not at all.
"""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

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
"""The n-th script leads from schema n to n + 1; none is ever changed once it has been released. No text in one holds a semicolon."""

BUSY_MS = 5000
Place = Path | str
"""A file, or a database of PostgreSQL: postgresql://USER@HOST/NAME."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the two kinds of database do differently when they are opened. `schema` is None for another program's database."""

    connect: Callable[[Any, bool], Any]
    schema: Callable[[Any], int | None]
    note: Callable[[Any, int], object]


def place_of(folder: Path, database: str) -> Place:
    """Where a service keeps its store."""
    return database or folder / "city.db"


def opened(place: Place, durable: bool) -> sqlite3.Connection:
    """The database, of the newest schema; ConfigError where it is something else or of a later version."""
    # PostgreSQL's speaks like sqlite3's: the same statements, placeholders and errors.
    kind: Kind = FILE if isinstance(place, Path) else importlib.import_module("citybrain.service.pg").SERVER
    db = kind.connect(place, durable)
    try:
        lead_on(db, place, kind)
        if isinstance(place, Path):
            db.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as error:
        db.close()
        raise ConfigError(f"{place}: cannot be opened as the service's store ({error})") from error
    except ConfigError:
        db.close()
        raise
    return cast(sqlite3.Connection, db)


def lead_on(db: Any, place: Place, kind: Kind) -> None:
    """Lead a new or older store through the scripts that it has not seen; one process at a time."""
    db.execute("BEGIN IMMEDIATE")
    try:
        version = kind.schema(db)
        if version is None:
            raise ConfigError(f"{place}: is another program's database; expected a new one, or a store of citybrain")
        if version > len(MIGRATIONS):
            raise ConfigError(f"{place}: schema {version} is of a later version of citybrain; this one knows {len(MIGRATIONS)}")
        run_scripts(db, version, len(MIGRATIONS))
        if version < len(MIGRATIONS):
            kind.note(db, len(MIGRATIONS))
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def run_scripts(db: Any, first: int, last: int) -> None:
    """From one schema to another, and the audit trail's tables, within the caller's transaction."""
    for script in MIGRATIONS[first:last]:
        for statement in script.split(";"):
            if statement.strip():
                db.execute(statement)
    audit.create(db)


def connected(path: Path, durable: bool) -> sqlite3.Connection:
    """A file of SQLite; a durable connection's commit waits for the disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=BUSY_MS / 1000.0, isolation_level=None, check_same_thread=False)
        db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        db.execute("PRAGMA foreign_keys=ON")
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(f"{path}: cannot be opened as the service's store ({error})") from error
    return db


def schema_of(db: sqlite3.Connection) -> int | None:
    """As the file says; 0 for an empty one."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    stranger = version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return None if stranger else version


def note_schema(db: sqlite3.Connection, version: int) -> None:
    """Within the caller's transaction."""
    db.execute(f"PRAGMA user_version = {version}")


FILE = Kind(connected, schema_of, note_schema)
