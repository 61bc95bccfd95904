"""Claims about the store on a real PostgreSQL: everything that holds on SQLite holds here, and a server that dies loses nothing."""

import glob
import importlib.util
import itertools
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain.service import audit, doctor_folder, pg, store
from citybrain.service.pg import Claim, Connection, of_sqlite, told
from citybrain.service.store import MIGRATIONS, Store, add_plan, set_state
from signals.errors import ConfigError

NUMBERS = itertools.count(1)


class Server:
    """A PostgreSQL of our own, on a socket in its folder, run by somebody who is not root."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._folder, self._programs = folder, programs
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(folder, "postgres", "postgres")
        self.run("initdb", "-D", str(folder / "data"), "-U", "citybrain", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start()

    def run(self, program: str, *words: str) -> None:
        command = [*self._as, str(self._programs / program), *words]
        subprocess.run(command, check=True, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self) -> None:
        settings = [
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "shared_buffers=16MB",
            "-c",
            f"unix_socket_directories={self._folder}",
        ]
        command = [*self._as, str(self._programs / "postgres"), "-D", str(self._folder / "data"), *settings]
        self.process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_s = time.monotonic() + 30.0
        while time.monotonic() < until_s:
            try:
                Connection(self.url("postgres"), durable=True).close()
                return
            except ConfigError:
                time.sleep(0.02)
        raise TimeoutError("PostgreSQL does not start")

    def kill(self) -> None:
        """At once, as a crash would."""
        self.process.send_signal(3)  # SIGQUIT: without a shutdown, its children included
        self.process.wait(30.0)

    def url(self, name: str) -> str:
        return f"postgresql://citybrain@/{name}?host={self._folder}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that runs; skipped where none is installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [os.path.dirname(shutil.which("initdb") or "")]
    if not (Path(found[-1]) / "initdb").is_file() or importlib.util.find_spec("psycopg") is None:
        pytest.skip("needs PostgreSQL (a Debian package) and psycopg")
    if os.geteuid() == 0 and (shutil.which("setpriv") is None or "postgres:" not in Path("/etc/passwd").read_text(encoding="utf-8")):
        pytest.skip("PostgreSQL is not run by root; needs setpriv and the user postgres")
    with tempfile.TemporaryDirectory(prefix="cb-pg-") as folder:  # sockets want short names, and the server's user a way in
        one = Server(Path(found[-1]), Path(folder))
        try:
            yield one
        finally:
            one.kill()


@pytest.fixture
def url(server: Server) -> str:
    """An empty database of the test's own."""
    name = f"t{next(NUMBERS)}"
    admin = Connection(server.url("postgres"), durable=True)
    admin.execute(f"CREATE DATABASE {name}")
    admin.close()
    return server.url(name)


def opened(url: str, monkeypatch: pytest.MonkeyPatch, durable: bool = True) -> Store:
    """A store whose file is a database of that server."""
    monkeypatch.setattr(store, "opened", lambda path, durable: made(url, durable))
    return Store(Path(told(url)), durable=durable)


def made(url: str, durable: bool) -> Connection:
    """What the store is to be opened with."""
    db = pg.opened(url, durable, MIGRATIONS)
    audit.create(db)  # type: ignore[arg-type]
    return db


def test_all_that_a_store_does_it_does_on_postgresql(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(url, monkeypatch) as kept:
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
        assert [blob for _, _, blob in kept.ticks(2.0, 4.0)] == [b"\0\2\xff", b"\0\3\xff"]
        assert [one["k"] for one in kept.minutes(60.0, 180.0)] == [2, 3]
        assert [one["args"]["x"] for one in audit.records(kept.db, 4)] == [0.1 + 0.2, 0.1 + 0.2]
        assert audit.judged(kept.db, audit.head(kept.db)).sentence == "5 records, none changed or missing"
    with opened(url, monkeypatch) as kept:
        kept.db.execute("UPDATE audit SET who = ? WHERE number = 3", ("bob",))
        assert audit.judged(kept.db, None).first_bad == 3


def test_a_transaction_that_fails_leaves_nothing_behind_and_the_next_finds_the_way_free(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(url, monkeypatch) as kept:
        with pytest.raises(ZeroDivisionError), kept.transaction() as db:
            set_state(db, "orders", {})
            _ = 1 / 0
        with pytest.raises(ConfigError, match="nothing was written"), kept.transaction() as db:
            set_state(db, "orders", {})
            db.execute("INSERT INTO nowhere VALUES (1)")
        assert kept.state("orders") is None and not kept.db.in_transaction
        with kept.transaction() as db:
            assert audit.append(db, "ada", "lift", {}, "done", 1.0) == 1


def test_what_has_failed_inside_cannot_be_committed_as_if_it_had_not(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(url, monkeypatch) as kept:
        with pytest.raises(ConfigError, match="cannot be committed"), kept.transaction() as db:
            set_state(db, "orders", {})
            with pytest.raises(sqlite3.OperationalError):
                db.execute("SELECT 1 FROM nowhere")
        assert kept.state("orders") is None


def test_writers_take_turns_so_that_the_trail_has_no_double_number(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = [opened(url, monkeypatch) for _ in range(3)]

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


def test_a_durable_commit_waits_for_the_disk_and_the_others_do_not(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for durable, word in ((True, "on"), (False, "off")):
        with opened(url, monkeypatch, durable) as kept:
            assert kept.db.execute("SHOW synchronous_commit").fetchone() == (word,)


def test_an_older_database_is_led_on_and_a_script_that_fails_leaves_it_as_it_was(url: str) -> None:
    pg.opened(url, True, MIGRATIONS).close()
    with pytest.raises(ConfigError, match="nowhere"):
        pg.opened(url, True, (*MIGRATIONS, "CREATE TABLE later (x INTEGER); INSERT INTO nowhere VALUES (1);"))
    db = pg.opened(url, True, (*MIGRATIONS, "CREATE TABLE later (id INTEGER PRIMARY KEY AUTOINCREMENT, x REAL);"))
    assert db.execute("INSERT INTO later (x) VALUES (?)", (0.1,)).lastrowid == 1
    assert db.execute("SELECT x FROM later").fetchall() == [(0.1,)]
    db.close()
    with pytest.raises(ConfigError, match=f"schema {len(MIGRATIONS) + 1} is of a later version"):
        pg.opened(url, True, MIGRATIONS)


def test_who_looks_sees_schema_and_trail_and_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pg.looked_at(url) == (0, None)
    with opened(url, monkeypatch) as kept, kept.transaction() as db:
        audit.append(db, "ada", "lift", {}, "done", 1.0)
    schema, verdict = pg.looked_at(url)
    assert schema == len(MIGRATIONS) and verdict is not None and (verdict.records, verdict.first_bad) == (1, None)
    db = Connection(url, durable=True)
    db.execute("DROP TABLE audit")
    with pytest.raises(ConfigError, match="cannot be read as the service's store"):
        pg.looked_at(url)
    db.close()


def test_a_service_goes_by_the_address_in_its_settings(url: str, tmp_path: Path) -> None:
    lock = store.Lock(tmp_path / "lock", url)
    with pytest.raises(ConfigError, match="another service works on this store"):
        store.Lock(tmp_path / "on another machine" / "lock", url)
    with Store(store.place_of(tmp_path, url), durable=True) as kept, kept.transaction() as db:
        audit.append(db, "ada", "lift", {}, "done", 1.0)
    lock.release()
    store.Lock(tmp_path / "lock", url).release()
    found = list(doctor_folder.database(url))
    assert [(one.what, one.level.value) for one in found] == [("store", "ok"), ("audit", "ok")] and "1 records" in found[1].sentence
    assert [one.level.value for one in doctor_folder.database(url.replace("host=", "host=/none"))] == ["bad"]
    assert store.place_of(tmp_path, "") == tmp_path / "city.db"


def test_another_programs_database_is_refused_and_left_alone(url: str) -> None:
    db = Connection(url, durable=True)
    db.execute("CREATE TABLE recipes (soup TEXT)")
    with pytest.raises(ConfigError, match="another program's database"):
        pg.opened(url, True, MIGRATIONS)
    assert db.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'").fetchone() == (1,)
    db.close()


def test_two_services_on_one_store_are_one_too_many_wherever_they_run(url: str) -> None:
    first = Claim(url)
    with pytest.raises(ConfigError, match="another service works on this store"):
        Claim(url)
    first.release()
    Claim(url).release()


def test_a_server_that_dies_and_comes_back_has_lost_nothing_acknowledged(server: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg, "AGAIN_S", 0.05)
    with opened(url, monkeypatch) as kept:
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


def test_a_connection_that_is_cut_in_the_middle_of_a_transaction_loses_that_alone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(url, monkeypatch) as kept, opened(url, monkeypatch) as other:
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
