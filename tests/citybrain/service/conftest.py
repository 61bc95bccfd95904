"""A city's folder as a service leaves it: city.toml, a store with a trail, keys, samples; and a PostgreSQL of our own."""

import glob
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from citybrain.intake.sample_log import SampleLog
from citybrain.service import audit
from citybrain.service.desk import Role
from citybrain.service.keys import KeyRing
from citybrain.service.pg import Connection
from citybrain.service.schema import Place, place_of
from citybrain.service.store import Store, set_state
from citybrain.web.sessions import session_secret
from signals.errors import ConfigError

NOW_S = 1_800_000_000.0
NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class City:
    """Where it lies."""

    path: Path
    state: Path
    token: str
    store: Place

    def write(self, records: int) -> None:
        """So many further commands, as a service writes them down."""
        with Store(self.store, durable=True) as store, store.transaction() as db:
            for _ in range(records):
                number = audit.append(db, "ada", "set_mode", {"mode": "shadow"}, "done", NOW_S)
                set_state(db, "orders", {"number": number})

    def records(self) -> int:
        """How many there are, all of them good."""
        verdict = audit.verify(self.store)
        assert verdict.first_bad is None, verdict.sentence
        return verdict.records


MakeCity = Callable[..., City]


@pytest.fixture
def make_city(tmp_path: Path, grid_net: Path) -> MakeCity:
    """`make_city("name", plan='controller = "fixed"')`: a folder with everything in it; further tables by their name."""

    def make(name: str = "city", street: str = "", database: str = "", **tables: str) -> City:
        folder = tmp_path / name
        folder.mkdir()
        text = f'site = "{name}"\n[street]\nnet = "{grid_net}"\nat = "tcp:127.0.0.1:1"\nrules = "resco"\n{street}\n'
        text += f'[keep]\ndatabase = "{database}"\n' if database else ""
        text += "".join(f"[{key}]\n{value}\n" for key, value in tables.items())
        path, state = folder / "city.toml", folder / "state"
        path.write_text(text, encoding="utf-8")
        token, _ = KeyRing(state / "keys.json", lambda: NOW_S).add("ada", Role.OPERATOR)
        session_secret(state / "session.secret")
        (state / "ask.key").touch(0o600)
        state.chmod(0o700)
        city = City(path, state, token, place_of(state, database))
        city.write(3)
        with SampleLog(state / "samples") as log:
            for k in range(20):
                log.append(bytes([k]) * 500, float(k))
        return city

    return make


@pytest.fixture
def city(make_city: MakeCity) -> City:
    """One of them."""
    return make_city()


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

    def ask(self, name: str, sql: str) -> None:
        """A statement, as the database's owner."""
        admin = Connection(self.url(name), durable=True)
        try:
            admin.execute(sql)
        finally:
            admin.close()

    def url(self, name: str) -> str:
        return f"postgresql://citybrain@/{name}?host={self._folder}"


@pytest.fixture(scope="session")
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
    server.ask("postgres", f"CREATE DATABASE {name}")
    return server.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a store is to be: of either kind."""
    return tmp_path / "city.db" if request.param == "sqlite" else str(request.getfixturevalue("url"))
