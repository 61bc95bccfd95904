"""Claims about `citybrain doctor`, `backup` and `restore`: what is printed, for people and programs, and the exit code."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from citybrain.cli_ops import backup, doctor, restore
from citybrain.service import audit, doctor_wire
from citybrain.service.desk import Role
from citybrain.service.keys import KeyRing
from citybrain.service.store import Store
from signals.errors import ConfigError

app = typer.Typer()
for _verb in (doctor, backup, restore):
    app.command()(_verb)


@pytest.fixture
def city(tmp_path: Path, grid_net: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a service that has run, and of a street that is gone; it is not waited for."""
    monkeypatch.setattr(doctor_wire.listened, "__defaults__", (0.1,))
    path = tmp_path / "city.toml"
    path.write_text(f'[street]\nnet = "{grid_net}"\nat = "tcp:127.0.0.1:1"\n')
    KeyRing(tmp_path / "state" / "keys.json", lambda: 1_800_000_000.0).add("ada", Role.ADMIN)
    with Store(tmp_path / "state" / "city.db", durable=True) as store, store.transaction() as db:
        audit.append(db, "ada", "set_mode", {"mode": "shadow"}, "done", 1_700_000_000.0)
    return path


def typed(*words: object) -> Result:
    """The command as if typed; the project's errors raised."""
    ran = CliRunner().invoke(app, [str(one) for one in words])
    if isinstance(ran.exception, ConfigError):
        raise ran.exception
    return ran


def test_the_doctor_prints_a_line_a_finding_with_its_remedy_and_exits_with_the_worst(city: Path) -> None:
    ran = typed("doctor", city)
    lines = ran.output.splitlines()
    assert ran.exit_code == 2
    assert any(line.startswith("bad   street") and "nobody answers" in line for line in lines)
    assert any(line.strip().startswith("→") for line in lines)
    assert any(line.startswith("ok    audit") for line in lines)


def test_the_doctor_tells_programs_the_same(city: Path) -> None:
    ran = typed("doctor", city, "--json", "--thorough")
    found = json.loads(ran.output)
    assert ran.exit_code == 2 and {one["level"] for one in found} == {"ok", "bad"}
    assert all(set(one) == {"what", "level", "sentence", "remedy"} for one in found)


def test_a_city_that_is_not_there_is_a_finding_not_a_trace(tmp_path: Path) -> None:
    ran = typed("doctor", tmp_path / "none.toml")
    assert ran.exit_code == 2 and "no such file" in ran.output


def test_a_backup_goes_back_where_it_is_told_and_nowhere_else(city: Path, tmp_path: Path) -> None:
    tar, new = tmp_path / "b.tar", tmp_path / "new"
    said = typed("backup", tar, "--city", city)
    assert said.exit_code == 0 and "3 files" in said.output and "1 records, none changed or missing" in said.output
    assert typed("restore", tar, "--to", new).exit_code == 0
    assert audit.verify(new / "state" / "city.db").records == 2
    with pytest.raises(ConfigError, match="expected none, or --force"):
        typed("restore", tar, "--to", new)
    assert "before-restore-1" in typed("restore", tar, "--to", new, "--force").output
    elsewhere = typed("restore", tar, "--to", tmp_path / "etc", "--state", tmp_path / "var")
    assert elsewhere.exit_code == 0 and (tmp_path / "var" / "city.db").exists() and not (tmp_path / "etc" / "state").exists()


def test_a_backup_whose_net_is_not_there_says_so(city: Path, tmp_path: Path, grid_net: Path) -> None:
    city.write_text(city.read_text().replace(str(grid_net), "net.xml"))
    (tmp_path / "net.xml").write_text("<net/>")
    typed("backup", tmp_path / "b.tar", "--city", city)
    assert "heed: " in typed("restore", tmp_path / "b.tar", "--to", tmp_path / "new").output
