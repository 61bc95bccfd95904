"""The audit trail: who asked what, and what became of it, each record holding the hash of the one before it, in the service's store.

`append` joins the caller's transaction, so a change and its record are on disk together or not at all. A chain shows a changed, missing
or inserted record; whoever rewrites all of it is found by an anchor, the number and hash of a record noted elsewhere.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citybrain.wire import finite
from signals.errors import ConfigError

START = "0" * 64  # stands before the first record
PIECE = 5000
COLUMNS = "number, at_s, who, what, args, outcome, hash"
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY, at_s REAL NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, "
    "args TEXT NOT NULL, outcome TEXT NOT NULL, hash TEXT NOT NULL)",
    # The newest record once more: a trail whose end is cut off does not fit it.
    "CREATE TABLE IF NOT EXISTS audit_head (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, hash TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A record's number and hash, noted outside the trail. As text `12:9f3c...`."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a check: the first bad record by its number, or none, and the newest good one."""

    records: int
    first_bad: int | None
    sentence: str
    head: Anchor


def create(connection: sqlite3.Connection) -> None:
    """Make the tables where they are missing."""
    for statement in SCHEMA:
        connection.execute(statement)


def append(connection: sqlite3.Connection, who: str, what: str, args: dict[str, Any], outcome: str, at_s: float) -> int:
    """Add a record within the caller's transaction; its number. On disk when the caller has committed."""
    if not connection.in_transaction:
        raise ConfigError("an audit record belongs to the transaction of what it tells of; expected one to be open")
    row = connection.execute("SELECT number, hash FROM audit_head").fetchone()
    number, before = row if row is not None else (0, START)
    number, at_s = number + 1, float(at_s)
    written = json.dumps(finite(args), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    link = chained(before, number, at_s, who, what, written, outcome)
    connection.execute(f"INSERT INTO audit ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", (number, at_s, who, what, written, outcome, link))
    connection.execute("INSERT OR REPLACE INTO audit_head (one, number, hash) VALUES (1, ?, ?)", (number, link))
    return int(number)


def chained(before: str, number: int, at_s: float, who: str, what: str, args: str, outcome: str) -> str:
    """SHA-256 over the hash before and every field, as JSON: no two records share a writing."""
    text = json.dumps([before, number, at_s, who, what, args, outcome], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def head(connection: sqlite3.Connection) -> Anchor:
    """The newest record's number and hash."""
    row = connection.execute("SELECT number, hash FROM audit_head").fetchone()
    return Anchor(int(row[0]), str(row[1])) if row is not None else Anchor(0, START)


def records(connection: sqlite3.Connection, first: int = 1, limit: int = 100) -> list[dict[str, Any]]:
    """Records from this number on, oldest first."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM audit WHERE number >= ? ORDER BY number LIMIT ?", (first, limit))
    names = COLUMNS.split(", ")
    return [{**dict(zip(names, row, strict=True)), "args": json.loads(row[4])} for row in rows]


def newest(place: Path | str, limit: int, what: str = "") -> list[dict[str, Any]]:
    """The newest records of a store, oldest first; of one kind, where it is named. ConfigError where there is no trail to read."""
    with opened(place) as db:
        only, args = ("WHERE what = ?", (what, limit)) if what else ("", (limit,))
        rows = db.execute(f"SELECT {COLUMNS} FROM audit {only} ORDER BY number DESC LIMIT ?", args).fetchall()
    names = COLUMNS.split(", ")
    return [{**dict(zip(names, row, strict=True)), "args": json.loads(row[4])} for row in reversed(rows)]


@contextmanager
def opened(place: Path | str) -> Iterator[Any]:
    """A store to be read, while the service writes on; ConfigError where that cannot be."""
    if isinstance(place, str):
        with importlib.import_module("citybrain.service.pg").snapshot(place) as db:
            yield db
        return
    if not place.is_file():
        raise ConfigError(f"{place}: no such file; expected the service's store (of one on PostgreSQL: --city city.toml)")
    try:
        with closing(sqlite3.connect(f"{place.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise ConfigError(f"{place}: holds no readable audit trail ({error})") from error


def verify(place: Path | str, anchor: Anchor | None = None) -> Verdict:
    """Check every record, as of one moment, while the service writes on; ConfigError where there is no trail to read."""
    if isinstance(place, Path):
        return verified_file(place, anchor)
    with importlib.import_module("citybrain.service.pg").snapshot(place) as db:
        return judged(db, anchor)


def verified_file(path: Path, anchor: Anchor | None) -> Verdict:
    """The trail in a file of SQLite."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; expected the service's store (of one on PostgreSQL: --city city.toml)")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.execute("BEGIN")
            return judged(connection, anchor)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise ConfigError(f"{path}: holds no readable audit trail ({error})") from error


def judged(connection: sqlite3.Connection, anchor: Anchor | None) -> Verdict:
    """Walk the chain from its start to its head."""
    before, good = START, 0
    for number, at_s, who, what, args, outcome, link in walk(connection):
        if number != good + 1:
            missing = number > good + 1
            return bad(good + 1 if missing else number, good, before, "is missing" if missing else "stands where none should")
        if not isinstance(link, str) or link != safely_chained(before, number, at_s, who, what, args, outcome):
            return bad(number, good, before, "is not what was written, or what stands before it is not")
        if anchor is not None and anchor.number == number and anchor.hash != link:
            return bad(number, good, before, f"does not have the hash noted for it, {anchor.hash[:12]}...")
        before, good = link, number
    row = connection.execute("SELECT number, hash FROM audit_head").fetchone()
    last = max(int(row[0]) if row is not None else 0, anchor.number if anchor is not None else 0)
    if last > good:
        return bad(good + 1, good, before, f"is missing, and all after it up to {last}")
    if good and (row is None or (int(row[0]), row[1]) != (good, before)):
        return bad(good, good - 1, before, "is not the one that the trail's head names")
    return Verdict(good, None, f"{good} records, none changed or missing", Anchor(good, before))


def walk(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Every record in order, a piece at a time: a server hands over no more than is asked for."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM audit ORDER BY number LIMIT ?", (PIECE,)).fetchall()
    while rows:
        yield from rows
        after = f"SELECT {COLUMNS} FROM audit WHERE number > ? ORDER BY number LIMIT ?"
        rows = connection.execute(after, (rows[-1][0], PIECE)).fetchall()


def safely_chained(before: str, *written: Any) -> str:
    """The hash of what stands there; none for what never was a record, such as bytes in place of text."""
    try:
        return chained(before, *written)
    except (TypeError, ValueError):
        return ""


def bad(number: int, good: int, before: str, why: str) -> Verdict:
    """A trail that is not whole."""
    return Verdict(good, number, f"record {number} {why}; the {good} before it are good", Anchor(good, before))


def anchored(text: str) -> Anchor:
    """`12:9f3c...` → Anchor; ConfigError otherwise."""
    matched = re.fullmatch(r"([0-9]{1,15}):([0-9a-f]{64})", text.strip())
    if matched is None:
        raise ConfigError(f"{text!r}: expected a record's number and hash such as 12:9f3c... (64 hexadecimal digits)")
    return Anchor(int(matched[1]), matched[2])
