"""Claims about opening a store, on SQLite and on PostgreSQL: older ones are brought up to date, others refused and left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from citybrain.service import audit, pg, schema
from citybrain.service.schema import MIGRATIONS, Place, opened
from citybrain.service.store import Store, add_plan, set_state
from signals.errors import ConfigError

TABLES = {
    True: "SELECT name FROM sqlite_master WHERE type = 'table'",
    False: "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()",
}


def plain(place: Place) -> Any:
    """A connection that leads nothing on."""
    return sqlite3.connect(place, isolation_level=None) if isinstance(place, Path) else pg.connected(place, True)


def ran(place: Place, *statements: str) -> None:
    """As somebody else would."""
    with closing(plain(place)) as db:
        for one in statements:
            db.execute(one)


def tables(place: Place) -> set[str]:
    """What stands in it."""
    with closing(plain(place)) as db:
        return {row[0] for row in db.execute(TABLES[isinstance(place, Path)]).fetchall()}


def schema_in(place: Place) -> int | None:
    """Which schema it says it has."""
    kind = schema.FILE if isinstance(place, Path) else pg.SERVER
    with closing(kind.connect(place, True)) as db:
        return kind.schema(db)


def test_a_new_file_has_the_newest_schema_and_is_a_write_ahead_log(tmp_path: Path) -> None:
    with Store(tmp_path / "state" / "city.db", durable=True) as kept:
        assert kept.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert kept.db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_a_new_store_has_the_newest_schema(place: Place) -> None:
    opened(place, True).close()
    assert schema_in(place) == len(MIGRATIONS)
    opened(place, False).close()
    assert {"state", "plan", "tick", "minute", "audit", "audit_head"} <= tables(place)


def test_an_older_store_is_led_through_the_scripts_that_it_has_not_seen(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(place, durable=True) as kept, kept.transaction() as db:
        audit.append(db, "ada", "lift", {}, "done", 1.0)
        set_state(db, "orders", {"mode": "shadow"})
        add_plan(db, "A0", 1.0, "ada", "by hand", ((0, 30.0), (1, 20.0)), 5.0)
    more = (
        "ALTER TABLE plan ADD COLUMN note TEXT NOT NULL DEFAULT 'old';",
        "CREATE TABLE later (id INTEGER PRIMARY KEY AUTOINCREMENT, x REAL); INSERT INTO later (x) VALUES (0.1);",
    )
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, *more))
    for _ in range(2):
        with Store(place, durable=True) as kept:
            assert kept.db.execute("SELECT note FROM plan").fetchall() == [("old",)]
            assert kept.db.execute("SELECT id, x FROM later").fetchall() == [(1, 0.1)]
            assert kept.state("orders") == {"mode": "shadow"}
            plan = kept.plan(1)
            assert plan is not None and plan.stages == ((0, 30.0), (1, 20.0)) and plan.offset_s == 5.0
    assert schema_in(place) == len(MIGRATIONS) + 2
    assert audit.verify(place).first_bad is None


def test_a_script_that_fails_leaves_the_store_as_it_was(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(place, durable=True) as kept, kept.transaction() as db:
        audit.append(db, "ada", "lift", {}, "done", 1.0)
    before = tables(place)
    with monkeypatch.context() as patched:
        half = "CREATE TABLE later (x INTEGER); INSERT INTO nowhere VALUES (1);"
        patched.setattr(schema, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE soon (x INTEGER);", half))
        with pytest.raises(ConfigError, match="nowhere"):
            Store(place, durable=True)
    assert schema_in(place) == len(MIGRATIONS) and tables(place) == before
    assert audit.verify(place).records == 1


def test_a_store_of_a_later_version_is_refused_and_left_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE later (x INTEGER);"))
        opened(place, True).close()
    before = tables(place)
    with pytest.raises(ConfigError, match=f"schema {len(MIGRATIONS) + 1} is of a later version of citybrain"):
        Store(place, durable=True)
    assert tables(place) == before


def test_another_programs_database_is_refused_and_left_alone(place: Place) -> None:
    ran(place, "CREATE TABLE recipes (soup TEXT)")
    before = place.read_bytes() if isinstance(place, Path) else b""
    with pytest.raises(ConfigError, match="another program's database"):
        Store(place, durable=True)
    assert tables(place) == {"recipes"}
    assert not isinstance(place, Path) or place.read_bytes() == before


@pytest.mark.parametrize("junk", [b"no database at all, but long enough to be one" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "city.db"
    path.write_bytes(junk)
    with pytest.raises(ConfigError, match="cannot be opened"):
        Store(path, durable=True)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be opened"):
        Store(tmp_path / "state" / "city.db", durable=True)


def test_a_folder_s_store_is_a_file_unless_a_database_is_named(tmp_path: Path) -> None:
    assert schema.place_of(tmp_path, "") == tmp_path / "city.db"
    assert schema.place_of(tmp_path, "postgresql://ada@db/city") == "postgresql://ada@db/city"
