"""Claims about a restore: a backup is believed in nothing, and until it is found whole, nothing is touched."""

import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from citybrain.intake.sample_log import SampleLog
from citybrain.service import audit
from citybrain.service.backup import CITY, KEYS, MANIFEST, STORE, backup
from citybrain.service.claim import Lock
from citybrain.service.keys import KeyRing
from citybrain.service.restore import restore
from citybrain.service.store import Store, set_state
from signals.errors import ConfigError

NOW_S = 1_800_000_200.0
Parts = dict[str, bytes]
CUT = "DELETE FROM audit WHERE number = 3; UPDATE audit_head SET number = 2, hash = (SELECT hash FROM audit WHERE number = 2);"


@pytest.fixture
def tar(city: Any, tmp_path: Path) -> Path:
    """A backup of the city."""
    out = tmp_path / "b.tar"
    backup(city.path, out, NOW_S - 100.0)
    return out


def parts_of(path: Path) -> Parts:
    """Its files."""
    with tarfile.open(path) as tar:
        return {one.name: (tar.extractfile(one) or io.BytesIO()).read() for one in tar}


def packed(path: Path, parts: Parts, *, honest: bool = True) -> Path:
    """A backup of these files; honest: with a manifest that fits them, as whoever made a false one would write it."""
    if honest and MANIFEST in parts:
        table = json.loads(parts[MANIFEST])
        table["files"] = {n: (len(d), hashlib.sha256(d).hexdigest()) for n, d in parts.items() if n != MANIFEST}
        parts = {**{n: d for n, d in parts.items() if n != MANIFEST}, MANIFEST: json.dumps(table).encode()}
    with tarfile.open(path, "w") as tar:
        for name, data in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def untouched(folder: Path) -> bool:
    """Nothing was left there but, perhaps, an empty folder and its lock."""
    return not folder.exists() or {one.name for one in folder.rglob("*")} <= {"state", "lock"}


def test_everything_comes_back_and_the_trail_tells_of_it(city: Any, tar: Path, tmp_path: Path) -> None:
    city.write(5)  # after the backup, and lost with the old machine
    found = restore(tar, tmp_path / "new", NOW_S)
    assert found.kept is None and found.warning == "" and found.city.read_bytes() == city.path.read_bytes()
    with Store(found.folder / "city.db", durable=True) as store:
        assert store.state("orders") == {"number": 3}
        last = audit.records(store.db, 4)
    assert [(one["who"], one["what"]) for one in last] == [("restore", "restore")]
    assert audit.verify(found.folder / "city.db").first_bad is None
    assert KeyRing(found.folder / "keys.json", lambda: NOW_S).find(city.token) is not None
    with SampleLog(found.folder / "samples") as log:
        assert [one.payload for one in log.records()] == [bytes([k]) * 500 for k in range(20)]
    assert (found.folder / "city.db").stat().st_mode & 0o777 == 0o600


def test_epochs_that_were_given_out_after_the_backup_are_passed_over(city: Any, tmp_path: Path) -> None:
    with Store(city.state / "city.db", durable=True) as store, store.transaction() as db:
        set_state(db, "epoch", {"epoch": 7})
    backup(city.path, tmp_path / "b.tar", NOW_S)
    found = restore(tmp_path / "b.tar", tmp_path / "new", NOW_S)
    with Store(found.folder / "city.db", durable=True) as store:
        assert (store.state("epoch") or {})["epoch"] >= 1000


def test_what_stands_there_is_not_overwritten_without_force_and_kept_aside_with_it(city: Any, tar: Path) -> None:
    city.write(5)
    with pytest.raises(ConfigError, match="holds a service's state already; expected none, or --force"):
        restore(tar, city.path.parent, NOW_S)
    assert city.records() == 8
    found = restore(tar, city.path.parent, NOW_S, force=True)
    assert city.records() == 4 and found.kept is not None
    assert audit.verify(found.kept / "city.db").records == 8
    again = restore(tar, city.path.parent, NOW_S, force=True)
    assert again.kept not in (None, found.kept) and found.kept.exists()


def test_another_city_file_is_not_overwritten_without_force(city: Any, tar: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (new / CITY).write_text("# somebody's own\n")
    with pytest.raises(ConfigError, match="another than in the backup"):
        restore(tar, new, NOW_S)
    restore(tar, new, NOW_S, force=True)
    assert (new / CITY).read_bytes() == city.path.read_bytes()
    assert (new / "city.toml.before-restore").read_text() == "# somebody's own\n"


def test_a_service_that_runs_is_not_restored_under_its_feet(city: Any, tar: Path) -> None:
    lock = Lock(city.state / "lock")
    try:
        with pytest.raises(ConfigError, match="another service"):
            restore(tar, city.path.parent, NOW_S, force=True)
    finally:
        lock.release()
    assert city.records() == 3


def test_a_net_that_is_missing_or_another_is_said(make_city: Any, grid_net: Path, tmp_path: Path) -> None:
    city = make_city("own")
    net = city.path.parent / "net.xml"
    shutil.copyfile(grid_net, net)
    city.path.write_text(city.path.read_text().replace(str(grid_net), "net.xml"))
    backup(city.path, tmp_path / "b.tar", NOW_S)
    assert "not part of a backup" in restore(tmp_path / "b.tar", tmp_path / "new", NOW_S).warning
    net.write_text("<net/>")
    assert "another net" in restore(tmp_path / "b.tar", city.path.parent, NOW_S, force=True).warning


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_backup_that_was_cut_off_is_refused(tar: Path, tmp_path: Path, share: float) -> None:
    data = tar.read_bytes().rstrip(b"\0")  # a tar ends with zeros
    tar.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ConfigError, match=r"not whole|no readable tar|not what was backed up"):
        restore(tar, tmp_path / "new", NOW_S)
    assert untouched(tmp_path / "new")


@pytest.mark.parametrize("name", [CITY, STORE, KEYS, f"state/samples/{0:020d}.log"])
def test_a_byte_that_was_changed_is_found(tar: Path, tmp_path: Path, name: str) -> None:
    parts = parts_of(tar)
    data = bytearray(parts[name])
    data[len(data) // 2] ^= 1
    with pytest.raises(ConfigError, match=f"{name} is not what was backed up"):
        restore(packed(tar, {**parts, name: bytes(data)}, honest=False), tmp_path / "new", NOW_S)
    assert untouched(tmp_path / "new")


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "state/../../evil", "state/session.secret", "state/samples/../city.db", "evil", "state/samples/x.log"]
)
def test_a_name_that_no_backup_has_is_refused(tar: Path, tmp_path: Path, name: str) -> None:
    parts = parts_of(tar)
    with pytest.raises(ConfigError, match="expected nothing but what a backup"):
        restore(packed(tar, {name: b"evil", **parts}), tmp_path / "new", NOW_S)
    assert untouched(tmp_path / "new") and not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE]
)
def test_links_devices_and_holes_are_refused(tar: Path, tmp_path: Path, kind: bytes) -> None:
    parts = parts_of(tar)
    with tarfile.open(tar, "w") as out:
        entry = tarfile.TarInfo(STORE)
        entry.type, entry.linkname = kind, "/etc/passwd"
        out.addfile(entry)
        for name, data in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            out.addfile(entry, io.BytesIO(data))
    with pytest.raises(ConfigError):
        restore(tar, tmp_path / "new", NOW_S)
    assert untouched(tmp_path / "new")


def with_store(parts: Parts, folder: Path, script: str) -> Parts:
    """The parts, the store changed by a script."""
    path = folder / "changed.db"
    path.write_bytes(parts[STORE])
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)
    return {**parts, STORE: path.read_bytes()}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("UPDATE audit SET who = 'bob' WHERE number = 2;", "record 2 is not what was written"),
        (CUT, "record 3 is missing"),
        ("DELETE FROM audit; DELETE FROM audit_head;", "record 1 is missing"),
        ("DROP TABLE audit;", "no readable audit trail"),
        ("PRAGMA user_version = 99;", "of a later version"),
    ],
)  # fmt: skip
def test_a_store_whose_trail_is_not_whole_is_refused_even_with_the_right_sums(tar: Path, tmp_path: Path, script: str, words: str) -> None:
    forged = packed(tar, with_store(parts_of(tar), tmp_path, script))
    with pytest.raises(ConfigError, match=words):
        restore(forged, tmp_path / "new", NOW_S)
    assert untouched(tmp_path / "new")


@pytest.mark.parametrize(
    ("folder", "words"),
    [('"/var/lib/elsewhere"', "outside"), ('"../elsewhere"', "outside"), ('"."', "outside"), ('"a"\nsoup = 1', "unknown key")],
)
def test_a_backups_own_settings_lead_nowhere_else_unless_somebody_says_so(tar: Path, tmp_path: Path, folder: str, words: str) -> None:
    parts = parts_of(tar)
    changed = packed(tar, {**parts, CITY: parts[CITY] + f"\n[keep]\nfolder = {folder}\n".encode()})
    with pytest.raises(ConfigError, match=words):
        restore(changed, tmp_path / "new", NOW_S)
    assert untouched(tmp_path / "new")
    if words == "outside":
        assert restore(changed, tmp_path / "new", NOW_S, state=tmp_path / "there").folder == tmp_path / "there"
        assert (tmp_path / "there" / "city.db").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: {n: d for n, d in parts.items() if n != STORE},
        lambda parts: {n: d for n, d in parts.items() if n != CITY},
        lambda parts: {n: d for n, d in parts.items() if n != MANIFEST},
        lambda parts: {**parts, KEYS: b'{"keys": "all"}'},
        lambda parts: {**parts, MANIFEST: parts[MANIFEST].replace(b'"schema": ', b'"schema": 9')},
    ],
)
def test_what_lacks_a_part_or_has_a_false_one_is_refused(tar: Path, tmp_path: Path, change: Callable[[Parts], Any]) -> None:
    with pytest.raises(ConfigError):
        restore(packed(tar, change(parts_of(tar))), tmp_path / "new", NOW_S)
    assert untouched(tmp_path / "new")


@pytest.mark.parametrize("data", [b"", b"soup" * 5000, b"\x1f\x8b" + b"\0" * 600])
def test_what_is_no_backup_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"b\.tar"):
        restore(path, tmp_path / "new", NOW_S)
    with pytest.raises(ConfigError, match="cannot be read"):
        restore(tmp_path / "none.tar", tmp_path / "new", NOW_S)
