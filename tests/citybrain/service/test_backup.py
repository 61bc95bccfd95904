"""Claims about a backup: one private file, whole or not there, as of one moment, with nothing in it that opens a door."""

import hashlib
import io
import json
import resource
import signal
import sqlite3
import tarfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from citybrain.intake.sample_log import SampleLog
from citybrain.service import audit, backup
from citybrain.service.backup import CITY, KEYS, MANIFEST, STORE, Hashed, manifest_of
from citybrain.service.claim import Lock
from signals.errors import ConfigError

NOW_S = 1_800_000_100.0


def names(path: Path) -> list[str]:
    """What is in it, in order."""
    with tarfile.open(path) as tar:
        return tar.getnames()


def test_it_holds_store_keys_samples_and_settings_and_ends_with_its_manifest(city: Any, tmp_path: Path) -> None:
    out = tmp_path / "new" / "b.tar"
    made = backup.backup(city.path, out, NOW_S)
    assert names(out) == [CITY, STORE, KEYS, f"state/samples/{0:020d}.log", MANIFEST]
    assert (made.site, made.made_s, made.verdict) == ("city", NOW_S, "3 records, none changed or missing")
    with tarfile.open(out) as tar:
        for one in tar.getmembers()[:-1]:
            file = tar.extractfile(one)
            assert file is not None
            data = file.read()
            assert made.files[one.name] == (len(data), hashlib.sha256(data).hexdigest())
        manifest = tar.extractfile(MANIFEST)
        assert manifest is not None and manifest_of(manifest.read(), out) == made


def test_it_is_its_owners_alone_and_nothing_in_it_opens_a_door(city: Any, tmp_path: Path) -> None:
    out = tmp_path / "b.tar"
    backup.backup(city.path, out, NOW_S)
    assert out.stat().st_mode & 0o777 == 0o600
    data = out.read_bytes()
    assert city.token.encode() not in data
    assert (city.state / "session.secret").read_bytes().strip() not in data
    assert not any("secret" in name or "ask.key" in name for name in names(out))


def test_it_is_of_one_moment_while_the_service_writes_on(city: Any, tmp_path: Path) -> None:
    lock, stop = Lock(city.state / "lock"), threading.Event()

    def work() -> None:
        with SampleLog(city.state / "samples") as log:
            while not stop.is_set():
                city.write(1)
                log.append(b"x" * 1000, 1.0)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for k in range(3):
            backup.backup(city.path, tmp_path / f"{k}.tar", NOW_S)
    finally:
        stop.set()
        thread.join()
        lock.release()
    for k in range(3):
        with tarfile.open(tmp_path / f"{k}.tar") as tar:
            tar.extract(STORE, tmp_path / str(k), filter="data")
        copy = tmp_path / str(k) / STORE
        verdict = audit.verify(copy)
        with closing(sqlite3.connect(copy)) as db:
            orders = json.loads(db.execute("SELECT value FROM state WHERE key = 'orders'").fetchone()[0])
        assert verdict.first_bad is None and orders["number"] == verdict.records, "the orders are those of the newest record"


def test_a_backup_replaces_no_other(city: Any, tmp_path: Path) -> None:
    out = tmp_path / "b.tar"
    out.write_text("the last good one")
    with pytest.raises(ConfigError, match="is there already"):
        backup.backup(city.path, out, NOW_S)
    assert out.read_text() == "the last good one"


def test_without_a_store_there_is_nothing_to_back_up(city: Any, tmp_path: Path) -> None:
    (city.state / "city.db").unlink()
    with pytest.raises(ConfigError, match="expected the store of a service that has run"):
        backup.backup(city.path, tmp_path / "b.tar", NOW_S)


@pytest.mark.parametrize("how", ["a stranger's", "no database", "damaged"])
def test_a_store_that_is_none_is_not_backed_up_as_if_it_were(city: Any, tmp_path: Path, how: str) -> None:
    path = city.state / "city.db"
    city.write(200)
    if how == "damaged":
        data = bytearray(path.read_bytes())
        assert len(data) > 5 * 4096
        data[4096 * 2 : 4096 * 4] = b"\xff" * 8192
        path.write_bytes(data)
    else:
        path.unlink()
        if how == "no database":
            path.write_bytes(b"soup" * 3000)
        else:
            with closing(sqlite3.connect(path)) as db:
                db.execute("CREATE TABLE recipes (soup TEXT)")
    with pytest.raises(ConfigError):
        backup.backup(city.path, tmp_path / "b.tar", NOW_S)
    assert not list(tmp_path.glob("*.tar*"))


def test_somebody_elses_store_is_not_opened(city: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    with pytest.raises(ConfigError, match="expected to be run as that user"):
        backup.backup(city.path, tmp_path / "b.tar", NOW_S)


def test_a_changed_trail_is_backed_up_and_said(city: Any, tmp_path: Path) -> None:
    with closing(sqlite3.connect(city.state / "city.db")) as db:
        db.execute("UPDATE audit SET who = 'bob' WHERE number = 2")
        db.commit()
    assert "record 2" in backup.backup(city.path, tmp_path / "b.tar", NOW_S).verdict


def test_a_full_disk_leaves_no_half_backup_behind(city: Any, tmp_path: Path) -> None:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, old[1]))
        with pytest.raises(ConfigError, match=r"b\.tar|cannot be copied"):
            backup.backup(city.path, tmp_path / "b.tar", NOW_S)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.glob("*b.tar*")) and not list(tmp_path.glob(".citybrain-*"))


def test_a_file_that_shrinks_while_it_is_read_ends_in_zeros_and_its_sum_is_of_what_is_there() -> None:
    hashed = Hashed(io.BytesIO(b"abc"), 8)
    read = hashed.read(5) + hashed.read(5) + hashed.read(5)
    assert read == b"abc\0\0\0\0\0" and hashed.digest.hexdigest() == hashlib.sha256(read).hexdigest()


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"format": "citybrain-backup/9"}', b'{"format": "citybrain-backup/1", "files": {}}', b"[" * 9999]
)
def test_a_manifest_that_is_none_is_one_sentence(data: bytes) -> None:
    with pytest.raises(ConfigError, match="manifest is not readable"):
        manifest_of(data, Path("b.tar"))
