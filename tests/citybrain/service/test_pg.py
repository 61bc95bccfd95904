"""Claims about the store on a real PostgreSQL: everything that holds on SQLite holds here, and a server that dies loses nothing."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from citybrain.service import audit, doctor_folder, pg
from citybrain.service.claim import Lock
from citybrain.service.pg import Claim, Connection, of_sqlite, snapshot, told
from citybrain.service.schema import MIGRATIONS, place_of
from citybrain.service.store import Store, add_plan, set_state
from signals.errors import ConfigError


def test_all_that_a_store_does_it_does_on_postgresql(url: str) -> None:
    with Store(url, durable=True) as kept:
        with kept.transaction() as db:
            set_state(db, "orders", {"mode": "shadow", "why": "红灯 100 %?"})
            set_state(db, "orders", {"mode": "advise"})
            numbers = [add_plan(db, "A0", 1 / 3, "ada", "by hand", ((0, g), (1, 20.0)), 5.0) for g in (30.0, 30.0, 31.0)]
            assert [audit.append(db, "ada", "lift", {"k": k, "x": 0.1 + 0.2}, "完成 %s ?", 1.8e9 + k / 7) for k in range(5)] == [
                1,
                2,
                3,
                4,
                5,
            ]
            for k in range(1, 6):
                db.execute("INSERT INTO tick (now_s, shard, record) VALUES (?, ?, ?)", (float(k), 0, bytes([0, k, 255])))
                for figures in ("{}", f'{{"k": {k}}}'):
                    db.execute("INSERT OR REPLACE INTO minute (ends_s, figures) VALUES (?, ?)", (60.0 * k, figures))
            db.execute("DELETE FROM tick WHERE id IN (SELECT id FROM tick WHERE now_s < ? LIMIT ?)", (2.0, 10))
        assert numbers == [1, 1, 2] and kept.state("orders") == {"mode": "advise"} and kept.state("none") is None
        plan = kept.plan(1)
        assert plan is not None and plan.stages == ((0, 30.0), (1, 20.0)) and plan.at_s == 1 / 3
        assert [one.number for one in kept.plans("A0")] == [2, 1]
        assert [blob for _, blob in kept.piece(2.0, 4.0, 0)] == [b"\0\2\xff", b"\0\3\xff"]
        assert [one["k"] for one in kept.minutes(60.0, 180.0)] == [2, 3]
        assert [one["args"]["x"] for one in audit.records(kept.db, 4)] == [0.1 + 0.2, 0.1 + 0.2]
        assert audit.judged(kept.db, audit.head(kept.db)).sentence == "5 records, none changed or missing"
    with Store(url, durable=True) as kept:
        kept.db.execute("UPDATE audit SET who = ? WHERE number = 3", ("bob",))
        assert audit.judged(kept.db, None).first_bad == 3


def test_a_transaction_that_fails_leaves_nothing_behind_and_the_next_finds_the_way_free(url: str) -> None:
    with Store(url, durable=True) as kept:
        with pytest.raises(ZeroDivisionError), kept.transaction() as db:
            set_state(db, "orders", {})
            _ = 1 / 0
        with pytest.raises(ConfigError, match="nothing was written"), kept.transaction() as db:
            set_state(db, "orders", {})
            db.execute("INSERT INTO nowhere VALUES (1)")
        assert kept.state("orders") is None and not kept.db.in_transaction
        with kept.transaction() as db:
            assert audit.append(db, "ada", "lift", {}, "done", 1.0) == 1


def test_what_has_failed_inside_cannot_be_committed_as_if_it_had_not(url: str) -> None:
    with Store(url, durable=True) as kept:
        with pytest.raises(ConfigError, match="cannot be committed"), kept.transaction() as db:
            set_state(db, "orders", {})
            with pytest.raises(sqlite3.OperationalError):
                db.execute("SELECT 1 FROM nowhere")
        assert kept.state("orders") is None


def test_writers_take_turns_so_that_the_trail_has_no_double_number(url: str) -> None:
    stores = [Store(url, durable=True) for _ in range(3)]

    def work(kept: Store) -> None:
        for k in range(20):
            with kept.transaction() as db:
                audit.append(db, "ada", "lift", {"k": k}, "done", 1.0)

    threads = [threading.Thread(target=work, args=(one,)) for one in stores]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert audit.judged(stores[0].db, None).records == 60
    for kept in stores:
        kept.close()


def test_a_durable_commit_waits_for_the_disk_and_the_others_do_not(url: str) -> None:
    for durable, word in ((True, "on"), (False, "off")):
        with Store(url, durable=durable) as kept:
            assert kept.db.execute("SHOW synchronous_commit").fetchone() == (word,)


def test_who_looks_sees_schema_and_trail_and_leaves_nothing(url: str) -> None:
    with snapshot(url) as db:
        assert pg.schema_of(db) == 0
    with Store(url, durable=True) as kept, kept.transaction() as db:
        audit.append(db, "ada", "lift", {}, "done", 1.0)
    with snapshot(url) as looked:
        assert pg.schema_of(looked) == len(MIGRATIONS)
        with pytest.raises(sqlite3.OperationalError, match="read-only"):
            looked.execute("DELETE FROM audit")


def test_the_trail_is_checked_as_of_one_moment_and_against_an_anchor(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PIECE", 3)
    with Store(url, durable=True) as kept:
        for k in range(8):
            with kept.transaction() as db:
                audit.append(db, "ada", "lift", {"k": k}, "done", float(k))
        whole = audit.verify(url)
        assert (whole.records, whole.first_bad) == (8, None) and audit.verify(url, whole.head).first_bad is None
        with snapshot(url) as looked:
            audit.judged(looked, None)
            with kept.transaction() as db:
                audit.append(db, "ada", "lift", {}, "done", 9.0)
            assert audit.judged(looked, None).records == 8
        kept.db.execute("DELETE FROM audit WHERE number > 6")
        assert audit.verify(url).first_bad == 7
        kept.db.execute("UPDATE audit SET outcome = 'refused' WHERE number = 5")
        assert audit.verify(url, whole.head).first_bad == 5
        kept.db.execute("DROP TABLE audit")
    with pytest.raises(ConfigError, match="cannot be read as the service's store"):
        audit.verify(url)


def test_a_service_goes_by_the_address_in_its_settings(url: str, tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock", url)
    with pytest.raises(ConfigError, match="another service works on this store"):
        Lock(tmp_path / "on another machine" / "lock", url)
    with Store(place_of(tmp_path, url), durable=True) as kept, kept.transaction() as db:
        audit.append(db, "ada", "lift", {}, "done", 1.0)
    lock.release()
    Lock(tmp_path / "lock", url).release()
    found = list(doctor_folder.database(url))
    assert [(one.what, one.level.value) for one in found] == [("store", "ok"), ("audit", "ok")] and "1 records" in found[1].sentence
    assert [one.level.value for one in doctor_folder.database(url.replace("host=", "host=/none"))] == ["bad"]
    assert place_of(tmp_path, "") == tmp_path / "city.db"


def test_two_services_on_one_store_are_one_too_many_wherever_they_run(url: str) -> None:
    first = Claim(url)
    with pytest.raises(ConfigError, match="another service works on this store"):
        Claim(url)
    first.release()
    Claim(url).release()


def test_a_server_that_dies_and_comes_back_has_lost_nothing_acknowledged(server: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg, "AGAIN_S", 0.05)
    with Store(url, durable=True) as kept:
        with kept.transaction() as db:
            audit.append(db, "ada", "lift", {}, "done", 1.0)
        server.kill()
        for _ in range(3):
            with pytest.raises(ConfigError, match="nothing was written"), kept.transaction() as db:
                audit.append(db, "ada", "lift", {}, "lost", 2.0)
        server.start()
        time.sleep(0.06)
        with kept.transaction() as db:
            assert audit.append(db, "ada", "lift", {}, "done", 3.0) == 2
        assert [one["outcome"] for one in audit.records(kept.db)] == ["done", "done"]


def test_a_connection_that_is_cut_in_the_middle_of_a_transaction_loses_that_alone(url: str) -> None:
    with Store(url, durable=True) as kept, Store(url, durable=True) as other:
        with pytest.raises(ConfigError, match="nothing was written"), kept.transaction() as db:
            audit.append(db, "ada", "lift", {}, "lost", 1.0)
            other.db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'")
            audit.append(db, "ada", "lift", {}, "lost too", 1.0)
        with kept.transaction() as db:
            assert audit.append(db, "ada", "lift", {}, "done", 2.0) == 1


def test_nobody_there_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ConfigError, match=r"postgresql:///none: cannot be opened"):
        Connection(f"postgresql://ada@/none?host={tmp_path}", durable=True)


@pytest.mark.parametrize("url", ["postgresql://ada:secret@db/city", "postgresql://ada@db/city?password=secret"])
def test_a_password_in_the_settings_is_refused_without_showing_it(url: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ConfigError, match="holds a password") as refused:
        told(url)
    assert "secret" not in str(refused.value)
    assert told("postgresql://ada@db:5432/city") == "postgresql://db/city"


@pytest.mark.parametrize("url", ["", "mysql://x", "postgresql://[x/city", "postgresql://db/city?soup=1"])
def test_what_is_no_address_is_one_sentence(url: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ConfigError, match="expected postgresql://USER@HOST/NAME"):
        told(url)


def test_statements_are_translated_where_the_two_differ() -> None:
    assert of_sqlite("SELECT 1") == "SELECT 1"
    assert of_sqlite("SELECT a FROM b WHERE c LIKE '5%' AND d = ?") == "SELECT a FROM b WHERE c LIKE '5%%' AND d = %s"
    assert of_sqlite("CREATE TABLE a (x REAL, y BLOB)") == "CREATE TABLE a (x DOUBLE PRECISION, y BYTEA)"
    told_so = of_sqlite("INSERT OR REPLACE INTO minute (ends_s, figures) VALUES (?, ?)")
    assert told_so == "INSERT INTO minute (ends_s, figures) VALUES (%s, %s) ON CONFLICT (ends_s) DO UPDATE SET figures = excluded.figures"
    with pytest.raises(KeyError):
        of_sqlite("INSERT OR REPLACE INTO recipes (soup) VALUES (?)")
