"""Claims about the service's folder: what is broken, open or about to end is said, with what mends it."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from citybrain.intake.sample_log import SampleLog
from citybrain.service import doctor_folder
from citybrain.service.claim import Lock
from citybrain.service.desk import Role
from citybrain.service.doctor_folder import holder, read_only
from citybrain.service.finding import Finding, Level, Patient
from citybrain.service.keys import KeyRing, Purpose
from citybrain.service.schema import MIGRATIONS
from citybrain.service.settings import city_settings

NOW_S = 1_800_000_100.0
DAY_S = 86400.0


def seen(city: Any, check: Any, now_s: float = NOW_S, thorough: bool = False) -> list[Finding]:
    """What one check finds at a city."""
    return list(check(Patient(city.path, city_settings(city.path), now_s, thorough)))


def worst(found: list[Finding]) -> Finding:
    """The first of the worst."""
    return max(found, key=lambda one: list(Level).index(one.level))


def test_who_holds_the_lock_is_known_without_taking_it(tmp_path: Path) -> None:
    assert holder(tmp_path / "lock") is None
    lock = Lock(tmp_path / "lock")
    assert holder(tmp_path / "lock") == os.getpid()
    lock.release()
    assert holder(tmp_path / "lock") is None


def test_a_folder_in_which_others_may_write_is_bad(city: Any) -> None:
    assert worst(seen(city, doctor_folder.folder)).level is Level.OK
    city.state.chmod(0o770)
    found = worst(seen(city, doctor_folder.folder))
    assert found.level is Level.BAD and found.remedy == f"chmod go-w {city.state}"


def test_a_folder_of_somebody_else_is_a_warning(city: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_folder.os, "geteuid", lambda: 4711)
    assert "run this as the service's user" in worst(seen(city, doctor_folder.folder)).remedy
    assert "not looked at" in worst(seen(city, doctor_folder.store)).sentence


def test_a_folder_that_is_none_or_cannot_be_made_is_bad(city: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(city.state)
    assert "made at the first start" in seen(city, doctor_folder.folder)[0].sentence
    with monkeypatch.context() as patched:
        patched.setattr(doctor_folder.os, "access", lambda path, mode: False)
        assert worst(seen(city, doctor_folder.folder)).level is Level.BAD
    city.state.write_text("a file")
    assert "is no folder" in worst(seen(city, doctor_folder.folder)).sentence


def test_a_restore_that_was_cut_short_is_bad(city: Any) -> None:
    (city.state / doctor_folder.RESTORING).mkdir()
    assert "has not come to its end" in worst(seen(city, doctor_folder.folder)).sentence


@pytest.mark.parametrize(("free", "level"), [(2**27, Level.BAD), (2**30, Level.WARN), (2**40, Level.OK)])
def test_little_room_is_said_before_there_is_none(city: Any, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    monkeypatch.setattr(doctor_folder.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert [one.level for one in seen(city, doctor_folder.room)] == [level]


@pytest.mark.parametrize("name", doctor_folder.SECRETS)
def test_a_secret_that_others_may_read_is_bad(city: Any, name: str) -> None:
    (city.state / name).chmod(0o644)
    found = worst(seen(city, doctor_folder.keys))
    assert found.level is Level.BAD and found.remedy == f"chmod 600 {city.state / name}"


def test_keys_that_end_soon_are_named_and_short_ones_are_not(city: Any) -> None:
    ring = KeyRing(city.state / "keys.json", lambda: NOW_S)
    ring.add("a guest", Role.VIEWER, days=1.0)
    assert [one.level for one in seen(city, doctor_folder.keys)] == [Level.OK]
    found = worst(seen(city, doctor_folder.keys, NOW_S + 80.0 * DAY_S))
    assert found.level is Level.WARN and "the key of ada" in found.sentence


def test_without_a_key_that_may_command_there_is_a_warning(city: Any) -> None:
    assert "none is alive that may command" in seen(city, doctor_folder.keys, NOW_S + 100.0 * DAY_S)[0].sentence
    ring = KeyRing(city.state / "keys.json", lambda: NOW_S)
    ring.revoke(ring.all()[0].id)
    ring.add("sensors", Role.VIEWER, Purpose.INGEST)
    assert worst(seen(city, doctor_folder.keys)).level is Level.WARN
    (city.state / "keys.json").unlink()
    assert "there is no key" in seen(city, doctor_folder.keys)[0].sentence
    city.path.write_text(city.path.read_text().replace("[street]", "[street]\nsimulated = true"))
    assert seen(city, doctor_folder.keys)[0].level is Level.OK, "a demo makes its own"


def test_a_file_of_keys_that_is_none_is_bad(city: Any) -> None:
    (city.state / "keys.json").write_text("{}")
    assert worst(seen(city, doctor_folder.keys)).level is Level.BAD


def changed(city: Any, script: str) -> None:
    """Somebody works on the store by hand."""
    with closing(sqlite3.connect(city.state / "city.db")) as db:
        db.executescript(script)


@pytest.mark.parametrize(
    ("script", "level", "words"),
    [
        ("", Level.OK, f"schema {len(MIGRATIONS)}"),
        ("UPDATE audit SET outcome = 'soup' WHERE number = 2;", Level.BAD, "record 2 is not what was written"),
        ("DELETE FROM audit WHERE number = 3;", Level.BAD, "record 3 is missing"),
        ("PRAGMA user_version = 99;", Level.BAD, "of a later version"),
        ("PRAGMA user_version = 0;", Level.BAD, "another program's database"),
    ],
)
def test_a_store_is_whole_or_what_is_wrong_with_it_is_said(city: Any, script: str, level: Level, words: str) -> None:
    changed(city, script)
    found = seen(city, doctor_folder.store)
    assert worst(found).level is level and any(words in one.sentence for one in found)


@pytest.mark.parametrize("damage", ["noise", "a page"])
def test_a_damaged_store_is_bad_and_not_made_worse(city: Any, damage: str) -> None:
    city.write(200)
    path = city.state / "city.db"
    data = bytearray(path.read_bytes())
    if damage == "noise":
        data = bytearray(b"soup" * 5000)
    else:
        data[8192 : 8192 + 8192] = b"\xff" * 8192
    path.write_bytes(data)
    assert worst(seen(city, doctor_folder.store)).level is Level.BAD
    assert path.read_bytes() == data


def test_a_large_store_is_read_through_for_the_thorough_alone(city: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_folder, "LARGE_BYTES", 10)
    assert "not read through" in seen(city, doctor_folder.store)[0].sentence
    assert "whole" in seen(city, doctor_folder.store, thorough=True)[0].sentence


def test_looking_takes_no_write(city: Any) -> None:
    with closing(read_only(city.state / "city.db")) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM audit")


def test_the_torn_end_of_the_sample_log_is_no_trouble_and_a_hole_is(city: Any) -> None:
    path = city.state / "samples" / f"{0:020d}.log"
    whole = path.read_bytes()
    path.write_bytes(whole + b"half a record")
    torn = seen(city, doctor_folder.samples)[0]
    assert torn.level is Level.OK and "13 bytes of an unfinished record" in torn.sentence
    data = bytearray(whole)
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    holed = seen(city, doctor_folder.samples)[0]
    assert holed.level is Level.WARN and "1 missing" in holed.sentence and "19 records" in holed.sentence
    path.write_bytes(b"")
    assert "0 records" in seen(city, doctor_folder.samples)[0].sentence
    path.unlink()
    assert "nothing yet" in seen(city, doctor_folder.samples)[0].sentence


def test_all_segments_are_looked_at_by_the_thorough(city: Any) -> None:
    with SampleLog(city.state / "samples", segment_bytes=100) as log:
        for _ in range(3):
            log.append(b"x" * 200, 1.0)
    assert "1 records looked at" in seen(city, doctor_folder.samples)[0].sentence
    assert "23 records looked at" in seen(city, doctor_folder.samples, thorough=True)[0].sentence
