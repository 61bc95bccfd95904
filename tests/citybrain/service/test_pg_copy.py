"""Claims about a store on PostgreSQL that is backed up and restored: as one in a file is, and from either kind to the other."""

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from citybrain import cli_keys, cli_ops
from citybrain.service import audit, pg
from citybrain.service.backup import STORE, backup
from citybrain.service.claim import Lock
from citybrain.service.keys import KeyRing
from citybrain.service.pg_copy import dumped, loaded
from citybrain.service.restore import restore
from citybrain.service.schema import MIGRATIONS, Place
from citybrain.service.store import Store, add_plan, set_state
from signals.errors import ConfigError

NOW_S = 1_800_000_100.0


def fill(place: Place) -> None:
    """A store with something of everything in it."""
    with Store(place, durable=True) as store, store.transaction() as db:
        set_state(db, "orders", {"mode": "advise", "why": "红灯 100 %?\t\n\\N"})
        for k in range(3):
            add_plan(db, "A0", 1.0 / (3.0 + k), "ada", "by hand", ((0, 30.0 + k), (1, 20.0)), 5.0)
            audit.append(db, "ada", "lift", {"k": k, "x": 0.1 + 0.2}, "完成 %s ?", 1.8e9 + k / 7)
        for k in range(500):
            db.execute("INSERT INTO tick (now_s, shard, record) VALUES (?, ?, ?)", (k / 7, 0, bytes([0, k % 256, 255, 10, 92])))
        db.execute("INSERT OR REPLACE INTO minute (ends_s, figures) VALUES (?, ?)", (60.1, "{}"))
        db.execute("DELETE FROM tick WHERE id > ?", (490,))


def held(place: Place) -> dict[str, Any]:
    """All that is in a store."""
    names = {"state": "key", "plan": "number", "tick": "id", "minute": "ends_s", "audit": "number", "audit_head": "one"}
    with Store(place, durable=False) as store:
        return {name: store.rows(f"SELECT * FROM {name} ORDER BY {key}") for name, key in names.items()}


@pytest.fixture
def full(url: str) -> str:
    """A database with a store."""
    fill(url)
    return url


def test_what_a_database_holds_is_in_the_file_and_what_a_file_holds_in_the_database(full: str, server: Any, tmp_path: Path) -> None:
    copy, second = tmp_path / "copy.db", server.url("second")
    assert dumped(full, copy) == len(MIGRATIONS)
    assert held(copy) == held(full) and len(held(copy)["tick"]) == 490
    assert audit.verify(copy) == audit.verify(full)
    server.ask("postgres", "CREATE DATABASE second")
    assert loaded(copy, second, force=False) == ""
    assert held(second) == held(full) and audit.verify(second) == audit.verify(full)
    with Store(second, durable=True) as store, store.transaction() as db:  # and numbers go on
        assert add_plan(db, "A0", 9.0, "ada", "more", ((0, 9.0),), 0.0) == 4
        assert db.execute("INSERT INTO tick (now_s, shard, record) VALUES (?, ?, ?)", (9.0, 0, b"")).lastrowid > 490
        assert audit.append(db, "ada", "lift", {}, "done", 9.0) == 4


def test_a_copy_is_of_one_moment_while_the_service_writes_on(full: str, tmp_path: Path) -> None:
    stop = threading.Event()

    def work() -> None:
        with Store(full, durable=False) as store:
            while not stop.is_set():
                with store.transaction() as db:
                    number = audit.append(db, "ada", "lift", {}, "done", 1.0)
                    set_state(db, "orders", {"number": number})

    thread = threading.Thread(target=work)
    thread.start()
    try:
        copies = [tmp_path / f"{k}.db" for k in range(4)]
        for copy in copies:
            dumped(full, copy)
    finally:
        stop.set()
        thread.join()
    for copy in copies:
        verdict = audit.verify(copy)
        with Store(copy, durable=False) as store:
            orders = store.state("orders")
        assert verdict.first_bad is None and orders is not None and orders.get("number", 3) == verdict.records


def test_a_store_that_stands_there_is_kept_aside_and_only_if_somebody_says_so(full: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    dumped(full, copy)
    before = held(full)
    for k in (1, 2):
        with Store(full, durable=True) as store, store.transaction() as db:
            audit.append(db, "eve", "lift", {}, "later", 9.0)
        with pytest.raises(ConfigError, match="holds a service's store already; expected none, or --force"):
            loaded(copy, full, force=False)
        assert audit.verify(full).records == 4
        assert loaded(copy, full, force=True) == f"before_restore_{k}"
        assert held(full) == before
        with pg.snapshot(full) as db:
            assert db.execute(f"SELECT who FROM before_restore_{k}.audit ORDER BY number DESC LIMIT 1").fetchone() == ("eve",)


def test_another_programs_database_is_refused_whatever_is_said(full: str, server: Any, tmp_path: Path) -> None:
    dumped(full, tmp_path / "copy.db")
    server.ask("postgres", "CREATE DATABASE recipes")
    url = server.url("recipes")
    server.ask("recipes", "CREATE TABLE recipes (soup TEXT)")
    with pytest.raises(ConfigError, match="another program's database"):
        loaded(tmp_path / "copy.db", url, force=True)
    with pytest.raises(ConfigError, match="schema None; expected 1 to"):
        dumped(url, tmp_path / "none.db")
    with pg.snapshot(url) as db:
        assert db.execute(pg.TABLES).fetchall() == [("recipes",)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE state SET value = CAST(x'ff00' AS BLOB)", "cannot be put there"),
        ("INSERT INTO plan (signal, at_s, by, reason, content) VALUES ('a' || char(0), 1, '', '', '')", "cannot be put there"),
    ],
)
def test_what_does_not_go_in_leaves_the_database_as_it_was(full: str, tmp_path: Path, change: str, words: str) -> None:
    copy, before = tmp_path / "copy.db", held(full)
    dumped(full, copy)
    with closing(sqlite3.connect(copy)) as db:
        db.execute(change)
        db.commit()
    with pytest.raises(ConfigError, match=words):
        loaded(copy, full, force=True)
    assert held(full) == before


def test_an_older_store_is_copied_as_it_is(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("citybrain.service.schema.MIGRATIONS", MIGRATIONS[:1])
        fill(url)
    assert dumped(url, tmp_path / "copy.db") == 1
    assert held(tmp_path / "copy.db") == held(url), "both led on when they are opened"


def test_the_command_line_checks_backs_up_and_restores_a_store_on_postgresql(make_city: Any, url: str, tmp_path: Path) -> None:
    city, run, app = make_city(database=url), CliRunner(), typer.Typer()
    for verb in (cli_ops.backup, cli_ops.restore, cli_keys.verify):
        app.command()(verb)

    def typed(*words: str) -> str:
        ended = run.invoke(app, words)
        assert ended.exit_code == 0, ended.output
        return ended.output.replace("\n", " ")

    assert "3 records, none changed or missing; note the newest elsewhere: 3:" in typed("verify", "--city", str(city.path))
    assert "4 files" in typed("backup", str(tmp_path / "b.tar"), "--city", str(city.path))
    said = typed("restore", str(tmp_path / "b.tar"), "--to", str(city.path.parent), "--database", url, "--force")
    assert "before-restore-1 and the database's schema before_restore_1" in said and "heed" not in said
    with Store(url, durable=True) as store:
        store.db.execute("UPDATE audit SET who = ? WHERE number = ?", ("bob", 2))
    ended = run.invoke(app, ["verify", "--city", str(city.path)])
    assert ended.exit_code == 1 and "record 2 is not what was written" in ended.output


def test_a_server_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    url = f"postgresql://ada@/none?host={tmp_path}"
    with pytest.raises(ConfigError, match="cannot be opened as the service's store"):
        dumped(url, tmp_path / "copy.db")


@pytest.mark.parametrize("target", ["the same", "another", "a file"])
def test_a_service_on_postgresql_is_backed_up_and_restored_whole(
    make_city: Any, full: str, server: Any, tmp_path: Path, target: str
) -> None:
    city, tar, new = make_city(database=full), tmp_path / "b.tar", tmp_path / "new"
    assert not (city.state / "city.db").exists()
    made = backup(city.path, tar, NOW_S)
    assert STORE in made.files and made.verdict == "6 records, none changed or missing"
    city.write(2)
    if target == "another":
        server.ask("postgres", f"CREATE DATABASE restored_{target}")
    url = {"the same": full, "another": server.url("restored_another"), "a file": ""}[target]
    with pytest.raises(ConfigError, match=r"the backup's store was on postgresql:///t.*; expected --database"):
        restore(tar, new, NOW_S)
    found = restore(tar, new, NOW_S, database=url, force=target == "the same")
    place: Place = url or new / "state" / "city.db"
    assert audit.verify(place, audit.anchored(made.trail)).records == 7
    assert (new / "state" / "city.db").exists() == (target == "a file")
    assert (found.kept, found.kept_tables) == (None, "before_restore_1" if target == "the same" else "")
    assert KeyRing(new / "state" / "keys.json", lambda: NOW_S).find(city.token) is not None
    assert len(list((new / "state" / "samples").glob("*.log"))) == 1 and not (new / "state" / ".restoring").exists()
    assert (found.warning == "") == (target == "the same") and (target == "the same" or "expected keep.database = " in found.warning)
    with Store(place, durable=True) as store:
        assert (store.state("epoch") or {})["epoch"] >= 1000 and store.state("orders") == {"number": 6}


def test_a_service_moves_from_a_file_to_postgresql(make_city: Any, url: str, tmp_path: Path) -> None:
    city = make_city()
    backup(city.path, tmp_path / "b.tar", NOW_S)
    found = restore(tmp_path / "b.tar", tmp_path / "new", NOW_S, database=url)
    assert audit.verify(url).records == 4 and not (found.folder / "city.db").exists()
    assert found.warning.endswith(f'expected keep.database = "{url}" before the start, for that is where the store is now')
    assert json.loads((found.folder / "keys.json").read_text())


def test_a_store_that_a_service_works_on_is_not_restored_under_its_feet(make_city: Any, full: str, tmp_path: Path) -> None:
    backup(make_city(database=full).path, tmp_path / "b.tar", NOW_S)
    lock = Lock(tmp_path / "elsewhere" / "lock", full)
    try:
        with pytest.raises(ConfigError, match="another service works on this store"):
            restore(tmp_path / "b.tar", tmp_path / "new", NOW_S, database=full, force=True)
    finally:
        lock.release()
    assert audit.verify(full).records == 6 and not (tmp_path / "new" / "city.toml").exists()


def test_a_changed_trail_is_said_by_the_backup_and_not_restored(make_city: Any, full: str, server: Any, tmp_path: Path) -> None:
    city = make_city(database=full)
    with closing(pg.Connection(full, durable=True)) as db:
        db.execute("UPDATE audit SET who = 'bob' WHERE number = 2")
    assert "record 2" in backup(city.path, tmp_path / "b.tar", NOW_S).verdict
    with pytest.raises(ConfigError, match="record 2 is not what was written"):
        restore(tmp_path / "b.tar", tmp_path / "new", NOW_S, database=full, force=True)
    assert audit.verify(full).first_bad == 2, "and what stands there is untouched"


def test_a_database_of_somebody_s_password_is_refused(make_city: Any, tmp_path: Path) -> None:
    backup(make_city().path, tmp_path / "b.tar", NOW_S)
    with pytest.raises(ConfigError, match="holds a password"):
        restore(tmp_path / "b.tar", tmp_path / "new", NOW_S, database="postgresql://ada:secret@db/city")
