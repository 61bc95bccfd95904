"""The journal: every tick appended to one SQLite file, ranges read back. Survives a killed process; one writer at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from citybrain.wire import tick_json
from signals.errors import ConfigError
from signals.types import Network, Tick

SCHEMA = "CREATE TABLE IF NOT EXISTS tick (id INTEGER PRIMARY KEY, now_s REAL NOT NULL, record TEXT NOT NULL)"


class Journal:
    """Lives as long as its file is open."""

    def __init__(self, path: Path, network: Network | None = None) -> None:
        """`network` is needed to append, not to read."""
        self._network = network
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = opened(path)
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(f"{path}: cannot be opened as a journal ({error})") from error

    def append(self, tick: Tick) -> None:
        """Write one tick; it is on disk when this returns."""
        if self._network is None:
            raise ConfigError("this journal was opened for reading; it does not know the network")
        record = json.dumps(tick_json(tick, self._network), allow_nan=False)
        with self._db:
            self._db.execute("INSERT INTO tick (now_s, record) VALUES (?, ?)", (tick.now_s, record))

    def between(self, first_s: float, last_s: float) -> Iterator[dict[str, Any]]:
        """Records with first_s <= now_s < last_s, in the order they were written."""
        rows = self._db.execute("SELECT record FROM tick WHERE now_s >= ? AND now_s < ? ORDER BY id", (first_s, last_s))
        return (json.loads(row[0]) for row in rows)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def opened(path: Path) -> sqlite3.Connection:
    """The database with its table; sqlite3.Error where the file is something else, which is left as it is."""
    database = sqlite3.connect(path)
    try:
        database.execute(SCHEMA)
        database.execute("SELECT id, now_s, record FROM tick LIMIT 1")
        database.execute("PRAGMA journal_mode=WAL")
        database.commit()
    except sqlite3.Error:
        database.close()
        raise
    return database
