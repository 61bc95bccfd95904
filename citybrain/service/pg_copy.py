"""The store of a PostgreSQL as a file of SQLite, as of one moment; and such a file into a database, whole or not at all.

A backup holds the same file whatever the store was kept on: it is checked alike, and may go back to either kind.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from citybrain.service import audit, pg
from citybrain.service.schema import FILE, MIGRATIONS, run_scripts
from signals.errors import ConfigError

ASIDE = "before_restore"
LONG = ("SET LOCAL statement_timeout = 0", "SET LOCAL idle_in_transaction_session_timeout = 0")  # a journal is large, and disks are slow
Columns = dict[str, str]
"""name → type, in SQLite's words"""


def dumped(url: str, copy: Path) -> int:
    """Write a new file that holds what the database does, as of one moment; its schema. The service writes on meanwhile."""
    with pg.snapshot(url, math.inf) as source, closing(sqlite3.connect(copy, isolation_level=None)) as target:
        schema = pg.schema_of(source)
        if schema is None or not 0 < schema <= len(MIGRATIONS):
            raise ConfigError(f"{source.place}: schema {schema}; expected 1 to {len(MIGRATIONS)}, a store of citybrain")
        source.execute(LONG[0])
        target.execute("BEGIN")
        run_scripts(target, 0, schema)
        FILE.note(target, schema)
        for table, columns in tables_of(target).items():
            marks = ", ".join("?" * len(columns))
            target.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", source.copied(table, columns))
        target.execute("COMMIT")
    return schema


def loaded(copy: Path, url: str, *, force: bool) -> str:
    """Put a file's store into a database; the schema that now holds what stood there, empty where nothing did. The claim is the caller's.

    ConfigError, and then nothing has changed: it holds a service's store already and `force` does not say so, it is another
    program's, or the audit trail is not there what it is in the file.
    """
    with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as source, replacing(url) as target:
        aside = put_aside(target, [*tables_of(source), pg.SCHEMA], force=force)
        run_scripts(target, 0, len(MIGRATIONS))
        pg.note_schema(target, len(MIGRATIONS))
        for table, columns in tables_of(source).items():
            target.fill(table, columns, source.execute(f"SELECT {', '.join(columns)} FROM {table}"))
        for table, last in source.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0"):
            key = next(iter(tables_of(source)[table]))
            target.execute("SELECT setval(pg_get_serial_sequence(?, ?), ?)", (table, key, last))
        before, after = (audit.judged(one, None) for one in (source, target))
        if before != after:
            raise ConfigError(f"{target.place}: {after.sentence}; expected as in the file: {before.sentence}")
    return aside


@contextmanager
def replacing(url: str) -> Iterator[Any]:
    """A transaction that takes as long as it takes; ConfigError where the server does not take it."""
    target = pg.Connection(url, durable=True, patience_s=math.inf)
    try:
        target.execute("BEGIN IMMEDIATE")
        for setting in LONG:
            target.execute(setting)
        yield target
        target.execute("COMMIT")
    except sqlite3.Error as error:
        raise ConfigError(f"{target.place}: the store cannot be put there ({error})") from error
    finally:
        target.close()  # what was not committed has not been


def put_aside(db: pg.Connection, tables: list[str], *, force: bool) -> str:
    """Move a store's tables out of the way, into a schema of their own; its name, empty where there is no store."""
    found = pg.schema_of(db)
    if found is None:
        raise ConfigError(f"{db.place}: is another program's database; expected an empty one, or a store of citybrain")
    if found == 0:
        return ""
    if not force:
        raise ConfigError(f"{db.place}: holds a service's store already; expected none, or --force (what is there is kept aside)")
    there = {row[0] for row in db.execute("SELECT nspname FROM pg_namespace")}
    aside = next(name for name in (f"{ASIDE}_{n}" for n in range(1, 10_000)) if name not in there)
    db.execute(f"CREATE SCHEMA {aside}")
    for table in tables:
        db.execute(f"ALTER TABLE IF EXISTS {table} SET SCHEMA {aside}")
    return aside


def tables_of(db: sqlite3.Connection) -> dict[str, Columns]:
    """The store's tables in a file, and their columns, the key first."""
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")]
    return {name: {row[1]: row[2] for row in db.execute(f"PRAGMA table_info({name})")} for name in names}
