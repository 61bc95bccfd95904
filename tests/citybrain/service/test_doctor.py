"""Claims about the doctor: it looks at everything, changes nothing, and an exit code tells how bad it is."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citybrain.service import doctor, doctor_wire
from citybrain.service.doctor import CHECKS, examined, exit_code
from citybrain.service.finding import Finding, Level
from signals.errors import LinkError

NOW_S = 1_800_000_100.0


def state_of(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file: when it was changed, and to what."""
    return {str(p): (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).hexdigest()) for p in folder.rglob("*") if p.is_file()}


def lines(found: list[Finding], what: str) -> list[Finding]:
    """Findings of one check."""
    return [one for one in found if one.what == what]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A street that nobody answers for is not waited for."""
    monkeypatch.setattr(doctor_wire, "LISTEN_S", 0.2)
    monkeypatch.setattr(doctor_wire.listened, "__defaults__", (0.2,))


@pytest.mark.usefixtures("quick")
def test_a_whole_service_without_its_street_has_one_thing_wrong(city: Any) -> None:
    found = list(examined(city.path, NOW_S))
    assert [(one.what, one.level) for one in found if one.level is not Level.OK] == [("street", Level.BAD)]
    assert {*CHECKS, "audit"} - {"sources"} <= {one.what for one in found}
    assert lines(found, "audit")[0].sentence.startswith("3 records, none changed or missing; note this elsewhere: 3:")
    assert "20 records" in lines(found, "samples")[0].sentence
    assert all(one.remedy for one in found if one.level is not Level.OK), "who says that something is wrong says what to do"


@pytest.mark.usefixtures("quick")
def test_it_changes_nothing(city: Any) -> None:
    with (city.state / "samples" / f"{0:020d}.log").open("ab") as log:
        log.write(b"half a record")
    before = state_of(city.path.parent)
    list(examined(city.path, NOW_S, thorough=True))
    assert state_of(city.path.parent) == before


@pytest.mark.usefixtures("quick")
def test_a_service_that_never_ran_is_no_trouble_but_for_its_keys_and_street(city: Any) -> None:
    shutil.rmtree(city.state)
    found = list(examined(city.path, NOW_S))
    assert {(one.what, one.level) for one in found if one.level is not Level.OK} == {("keys", Level.WARN), ("street", Level.BAD)}
    assert not city.state.exists()


def test_a_file_that_is_wrong_is_the_only_finding_besides_the_packages(city: Any) -> None:
    city.path.write_text(city.path.read_text() + "\n[plan]\nmode = 'turbo'\n")
    found = list(examined(city.path, NOW_S))
    assert [one.level for one in lines(found, "city.toml")] == [Level.BAD] and "turbo" in lines(found, "city.toml")[0].sentence
    assert {one.what for one in found} == {"packages", "city.toml"}


def broken(error: Exception) -> Callable[[Any], Any]:
    """A check that fails."""

    def check(_: Any) -> Any:
        raise error

    return check


@pytest.mark.parametrize("error", [LinkError("the wire is cut"), PermissionError(13, "Permission denied", "x")])
def test_a_check_that_fails_is_a_finding_and_the_next_one_is_made(city: Any, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(doctor, "CHECKS", {"first": broken(error), "keys": CHECKS["keys"]})
    found = list(examined(city.path, NOW_S))
    assert [(one.what, one.level) for one in found] == [("first", Level.BAD), ("keys", Level.OK)]


@pytest.mark.parametrize(
    ("levels", "code"), [([], 0), ([Level.OK], 0), ([Level.OK, Level.WARN], 1), ([Level.BAD, Level.WARN, Level.OK], 2)]
)
def test_the_exit_code_is_that_of_the_worst(levels: list[Level], code: int) -> None:
    assert exit_code(levels) == code
