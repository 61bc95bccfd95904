"""The service's memory on disk: what stands, the audit trail, the plan archive, ticks and figures by the minute.

Commands are on the disk itself when they are acknowledged; ticks survive a killed process, and a power cut but for the last moments.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from citybrain.service.schema import Place, opened
from signals.errors import ConfigError, SignalsError

T = TypeVar("T")
PLAN = "number, signal, at_s, by, reason, content"


class TakenOver(SignalsError):
    """Another service has taken over the store: whoever meets this writes nothing more, and ends."""


class Holder(Protocol):
    """Who has the store: `citybrain.service.claim.Lock`."""

    def check(self, db: Any) -> None:
        """TakenOver where the store has become another's; asked within each transaction, before it writes."""
        ...


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

    def __init__(self, place: Place, *, durable: bool, holder: Holder | None = None) -> None:
        self.place, self._holder = place, holder
        self.db = opened(place, durable)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; ConfigError where the disk does not take it, and then nothing is changed."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                if self._holder is not None:
                    self._holder.check(self.db)
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

    def asked(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """What a question finds; ConfigError where the store cannot be read."""
        try:
            return ask(self.db)
        except sqlite3.Error as error:
            raise ConfigError(f"{self.place}: cannot be read now: {error}") from error

    def rows(self, sql: str, *parameters: float | str) -> list[tuple[Any, ...]]:
        """What a statement finds."""
        return self.asked(lambda db: db.execute(sql, parameters).fetchall())

    def state(self, key: str) -> dict[str, Any] | None:
        """A value kept under a key; None where there is none yet."""
        found = self.rows("SELECT value FROM state WHERE key = ?", key)
        return json.loads(found[0][0]) if found else None

    def plans(self, signal: str, limit: int = 50) -> list[ArchivedPlan]:
        """The newest plans of a signal, newest first."""
        found = self.rows(f"SELECT {PLAN} FROM plan WHERE signal = ? ORDER BY number DESC LIMIT ?", signal, limit)
        return [archived(row) for row in found]

    def plan(self, number: int) -> ArchivedPlan | None:
        """The plan of a number."""
        found = self.rows(f"SELECT {PLAN} FROM plan WHERE number = ?", number)
        return archived(found[0]) if found else None

    def minutes(self, first_s: float, last_s: float) -> list[dict[str, Any]]:
        """Figures of the minutes that end in (first_s, last_s]."""
        found = self.rows("SELECT figures FROM minute WHERE ends_s > ? AND ends_s <= ? ORDER BY ends_s", first_s, last_s)
        return [json.loads(row[0]) for row in found]

    def piece(self, first_s: float, last_s: float, after: int, most: int = 200) -> list[tuple[int, bytes]]:
        """(id, record) of the next ticks with first_s <= now_s < last_s whose id is over `after`, in the order they were written."""
        sql = "SELECT id, record FROM tick WHERE now_s >= ? AND now_s < ? AND id > ? ORDER BY id LIMIT ?"
        return [(int(number), bytes(blob)) for number, blob in self.rows(sql, first_s, last_s, after, most)]

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
