"""`citybrain keys` prints a key once and ends it at once; `citybrain audit verify` names the first bad record."""

import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from citybrain import cli
from citybrain.cli_keys import audit_app, day, keys_app, named, ring
from citybrain.service import audit
from citybrain.service.desk import Role
from citybrain.service.store import Store
from signals.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


Typed = Callable[..., Ended]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """`typed("keys", "list")` as the whole command line ends it."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.add_typer(keys_app, name="keys")
    app.add_typer(audit_app, name="audit")
    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["citybrain", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run


def test_a_key_is_printed_once_and_listed_without_its_text(typed: Typed, tmp_path: Path) -> None:
    where = ("--folder", str(tmp_path))
    made = typed("keys", "add", "Li Wei", "--role", "operator", "--days", "30", *where)
    token = made.out.strip()
    key = ring(tmp_path).find(token)
    assert made.code == 0 and key is not None and (key.name, key.role) == ("Li Wei", Role.OPERATOR)
    assert token not in made.err and "not shown again" in made.err
    shown = typed("keys", "list", *where).out
    assert key.id in shown and "Li Wei" in shown and token not in shown and token.split("_", 2)[2] not in shown
    assert "is revoked" in typed("keys", "revoke", key.id, *where).out
    assert ring(tmp_path).find(token) is None and "revoked" in typed("keys", "list", *where).out


def test_a_sensors_key_is_limited_to_what_is_named(typed: Typed, tmp_path: Path) -> None:
    where = ("--folder", str(tmp_path))
    made = typed("keys", "add", "radar", "--purpose", "ingest", "--sensors", "A0", "--sensors", "north-*", *where)
    key = ring(tmp_path).find(made.out.strip())
    assert made.code == 0 and key is not None and key.sensors == ("A0", "north-*") and "to ingest A0, north-*" in made.err
    assert "A0 north-*" in typed("keys", "list", *where).out


def test_without_keys_the_list_says_how_to_make_one(typed: Typed, tmp_path: Path) -> None:
    assert "keys add NAME" in typed("keys", "list", "--folder", str(tmp_path / "none")).out
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "x", "--role", "operater"), "did you mean 'operator'?"),
        (("add", "x", "--purpose", "all"), "--purpose 'all'"),
        (("add", "x", "--days", "0"), "expected more than 0"),
        (("add", "gpu", "--purpose", "train", "--role", "admin"), "it commands nothing"),
        (("add", "radar", "--purpose", "ingest"), "--sensors PATTERN must say"),
        (("add", "x", "--sensors", "A0"), "sensors are for a key to ingest"),
        (("revoke", "nobody"), "no key 'nobody'"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_code_2(typed: Typed, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    ended = typed("keys", *words, "--folder", str(tmp_path))
    assert (ended.code, ended.out) == (2, "") and sentence in ended.err and ended.err.count("\n") == 1


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A service's folder with three records."""
    with Store(tmp_path / "city.db", durable=False) as store:
        for k in range(3):
            with store.transaction() as db:
                audit.append(db, "ana", "lift", {"k": k}, "accepted", float(k))
    return tmp_path


def test_a_whole_trail_is_good_and_its_head_can_be_noted(typed: Typed, state: Path) -> None:
    ended = typed("audit", "verify", "--folder", str(state))
    anchor = ended.out.split("elsewhere: ")[1].strip()
    assert ended.code == 0 and "3 records, none changed or missing" in ended.out
    assert typed("audit", "verify", "--folder", str(state), "--anchor", anchor).code == 0


def test_the_trail_is_found_by_the_city_s_file_too(typed: Typed, state: Path, grid_net: Path) -> None:
    city = state / "city.toml"
    city.write_text(f'[street]\nnet = "{grid_net}"\nat = "tcp:127.0.0.1:1"\n[keep]\nfolder = "."\n')
    assert "3 records, none changed or missing" in typed("audit", "verify", "--city", str(city)).out
    city.write_text(city.read_text() + 'database = "mysql://x"\n')
    ended = typed("audit", "verify", "--city", str(city))
    assert ended.code == 2 and "expected postgresql://USER@HOST/NAME" in ended.err


def test_a_tampered_trail_is_code_1_and_the_first_bad_number(typed: Typed, state: Path) -> None:
    connection = sqlite3.connect(state / "city.db")
    connection.execute("UPDATE audit SET who = 'bo' WHERE number = 2")
    connection.commit()
    connection.close()
    ended = typed("audit", "verify", "--folder", str(state))
    assert (ended.code, ended.out) == (1, "") and "record 2 is not what was written" in ended.err


def test_the_newest_records_are_listed_and_denials_with_what_was_tried(typed: Typed, state: Path) -> None:
    with Store(state / "city.db", durable=False) as store, store.transaction() as db:
        args = {"status": 403, "number": 7, "routes": {"POST /v1/commands/fault": 7}, "addresses": {"10.0.0.1": 7}}
        audit.append(db, "eve (0123)", "denied", args, "denied 7 times: not allowed (403)", 1_800_000_000.0)
    whole = typed("audit", "list", "--folder", str(state), "--limit", "3")
    assert whole.code == 0 and [line.split()[0] for line in whole.out.splitlines()] == ["no.", "2", "3", "4"]
    denied = typed("audit", "list", "--folder", str(state), "--what", "denied").out
    assert "eve (0123)" in denied and "POST /v1/commands/fault x 7" in denied and "2027-01-15 08:00:00" in denied and "ana" not in denied
    assert "no such records" in typed("audit", "list", "--folder", str(state), "--what", "fault").out
    assert typed("audit", "list", "--folder", str(state / "none")).code == 2


def test_no_trail_is_one_sentence_and_code_2(typed: Typed, tmp_path: Path) -> None:
    ended = typed("audit", "verify", "--folder", str(tmp_path))
    assert ended.code == 2 and "no such file" in ended.err
    assert typed("audit", "verify", "--folder", str(tmp_path), "--anchor", "x").code == 2


def test_names_and_days_are_told_as_people_say_them() -> None:
    assert named(Role, "admin", "--role") is Role.ADMIN and day(0.0) == "1970-01-01"
    with pytest.raises(ConfigError, match="--role 'root'"):
        named(Role, "root", "--role")
