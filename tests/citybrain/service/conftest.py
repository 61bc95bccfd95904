"""A city's folder as a service leaves it: city.toml, a store with a trail, keys, samples."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from citybrain.intake.sample_log import SampleLog
from citybrain.service import audit
from citybrain.service.desk import Role
from citybrain.service.keys import KeyRing
from citybrain.service.store import Store, set_state
from citybrain.web.sessions import session_secret

NOW_S = 1_800_000_000.0


@dataclass(frozen=True, slots=True)
class City:
    """Where it lies."""

    path: Path
    state: Path
    token: str

    def write(self, records: int) -> None:
        """So many further commands, as a service writes them down."""
        with Store(self.state / "city.db", durable=True) as store, store.transaction() as db:
            for _ in range(records):
                number = audit.append(db, "ada", "set_mode", {"mode": "shadow"}, "done", NOW_S)
                set_state(db, "orders", {"number": number})

    def records(self) -> int:
        """How many there are, all of them good."""
        verdict = audit.verify(self.state / "city.db")
        assert verdict.first_bad is None, verdict.sentence
        return verdict.records


MakeCity = Callable[..., City]


@pytest.fixture
def make_city(tmp_path: Path, grid_net: Path) -> MakeCity:
    """`make_city("name", plan='controller = "fixed"')`: a folder with everything in it; further tables by their name."""

    def make(name: str = "city", street: str = "", **tables: str) -> City:
        folder = tmp_path / name
        folder.mkdir()
        text = f'site = "{name}"\n[street]\nnet = "{grid_net}"\nat = "tcp:127.0.0.1:1"\nrules = "resco"\n{street}\n'
        text += "".join(f"[{key}]\n{value}\n" for key, value in tables.items())
        path, state = folder / "city.toml", folder / "state"
        path.write_text(text, encoding="utf-8")
        token, _ = KeyRing(state / "keys.json", lambda: NOW_S).add("ada", Role.OPERATOR)
        session_secret(state / "session.secret")
        (state / "ask.key").touch(0o600)
        state.chmod(0o700)
        city = City(path, state, token)
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
