"""The doctor's look at the service's folder: whose it is, who works on it, room, keys, the store with its trail, the sample log."""

from __future__ import annotations

import importlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from citybrain.intake import log_record
from citybrain.service import audit
from citybrain.service.desk import Role
from citybrain.service.finding import Finding, Patient, bad, warned, well
from citybrain.service.keys import DAY_S, Key, Purpose, read_keys
from citybrain.service.schema import MIGRATIONS
from signals.errors import ConfigError

SECRETS = ("keys.json", "session.secret", "ask.key")
RESTORING = ".restoring"
LITTLE_BYTES, SCARCE_BYTES = 200 * 2**20, 5 * 2**30
LARGE_BYTES = 2**30
SOON_DAYS = 14.0


def folder(patient: Patient) -> Iterator[Finding]:
    """The service may write here, others may not, and one service at most works here."""
    path = patient.folder
    if not path.exists():
        near = next(p for p in path.absolute().parents if p.exists())
        if os.access(near, os.W_OK):
            yield well("folder", f"{path}: not there yet; made at the first start")
        else:
            yield bad(
                "folder", f"{path}: not there, and {near} is not ours to write in", f"mkdir {path}, and give it to the service's user"
            )
        return
    found = path.stat()
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield bad("folder", f"{path}: is no folder that this user can write in", f"chown -R {os.geteuid()} {path}")
        return
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield bad("folder", f"{path}: others may write in it, so they can make themselves keys", f"chmod go-w {path}")
    elif found.st_uid != os.geteuid():
        yield warned("folder", f"{path}: belongs to user {found.st_uid}, and this is {os.geteuid()}", "run this as the service's user")
    else:
        yield well("folder", f"{path}: ours alone to write in")
    if (path / RESTORING).exists():
        yield bad(
            "folder", f"{path}: a restore has not come to its end", "run `citybrain restore --force` again before you start the service"
        )
    number = holder(path / "lock")
    yield well("folder", f"{path}: {'no service works on it' if number is None else f'process {number} works on it'}")


def holder(path: Path) -> int | None:
    """The process that holds a lock; None where nobody does. Asks without taking it."""
    with suppress(OSError):
        inode = str(path.stat().st_ino)
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            words = line.split()
            if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:
                return int(words[4])
    return None


def room(patient: Patient) -> Iterator[Finding]:
    """There is room for journal and samples."""
    near = next(p for p in (patient.folder.absolute(), *patient.folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(near).free
    sentence = f"{free / 2**30:.1f} GB free at {near}"
    remedy = "make room, or lower keep.days and keep.samples_days; without room commands are refused, and plans go on"
    if free < LITTLE_BYTES:
        yield bad("room", sentence, remedy)
    elif free < SCARCE_BYTES:
        yield warned("room", sentence, remedy)
    else:
        yield well("room", sentence)


def keys(patient: Patient) -> Iterator[Finding]:
    """Secrets are their owner's alone; somebody has a living key to command, and it does not end soon."""
    for name in SECRETS:
        path = patient.folder / name
        if path.exists() and path.stat().st_mode & 0o077:
            yield bad("keys", f"{path}: is open to others (mode {stat.S_IMODE(path.stat().st_mode):04o})", f"chmod 600 {path}")
    path = patient.folder / "keys.json"
    if not path.exists():
        yield no_keys(patient, "there is no key: nobody can see or order anything")
        return
    try:
        known = read_keys(path)
    except ConfigError as error:
        yield bad("keys", str(error), "mend its mode, or restore it from a backup; without it nobody gets in")
        return
    alive = [key for key in known.values() if key.alive(patient.now_s) and not key.one_time]
    if not any(key.may(Role.OPERATOR, Purpose.SERVE) for key in alive):
        yield no_keys(patient, f"of {len(known)} keys, none is alive that may command")
    else:
        yield well("keys", f"{len(alive)} of {len(known)} keys are alive")
    yield from ending(alive, patient.now_s)


def no_keys(patient: Patient, sentence: str) -> Finding:
    """A demo makes its own as it is needed."""
    if patient.settings.street.simulated:
        return well("keys", f"{sentence}; a simulated street's service prints a link that opens the page once")
    return warned("keys", sentence, f"citybrain keys add NAME --role operator --folder {patient.folder}")


def ending(alive: list[Key], now_s: float) -> Iterator[Finding]:
    """Keys made for long that end soon."""
    for key in alive:
        left_days = (key.expires_s - now_s) / DAY_S
        if left_days < SOON_DAYS < (key.expires_s - key.made_s) / DAY_S:
            yield warned("keys", f"the key of {key.who} ends in {left_days:.0f} days", "citybrain keys add a new one, and hand it over")


def read_only(path: Path) -> sqlite3.Connection:
    """The store, to look at while the service writes on; one that was closed in order is looked at without leaving files beside it."""
    at_rest = not path.with_name(path.name + "-wal").exists() and holder(path.with_name("lock")) is None
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if at_rest else ''}", uri=True, isolation_level=None)


def ours(path: Path) -> bool:
    """Whether the file is this user's. Who opens another's store may leave files beside it that its service could not write."""
    return path.stat().st_uid == os.geteuid()


def store(patient: Patient) -> Iterator[Finding]:
    """A store of this version or an older one, whole, its audit trail unbroken."""
    path = patient.folder / "city.db"
    if patient.settings.keep.database:
        yield from database(patient.settings.keep.database)
    elif not path.exists():
        yield well("store", f"{path}: not there yet; made at the first start")
    elif not ours(path):
        yield warned("store", f"{path}: not looked at, for it belongs to user {path.stat().st_uid}", "run this as the service's user")
    else:
        yield from looked_into(path, patient.thorough)


def looked_into(path: Path, thorough: bool) -> Iterator[Finding]:
    """Schema, pages and trail, as of one moment."""
    restore = "stop the service, keep the file aside, `citybrain restore` the last backup"
    try:
        with closing(read_only(path)) as db:
            schema = int(db.execute("PRAGMA user_version").fetchone()[0])
            if schema > len(MIGRATIONS):
                yield bad(
                    "store", f"{path}: schema {schema} is of a later version; this one knows {len(MIGRATIONS)}", "install that version"
                )
                return
            small = thorough or path.stat().st_size < LARGE_BYTES
            if schema == 0:
                yield bad("store", f"{path}: is another program's database", "name another folder in city.toml, keep.folder")
                return
            found = [row[0] for row in db.execute("PRAGMA quick_check(3)")] if small else ["ok"]
            db.execute("BEGIN")  # the trail as of one moment
            verdict = audit.judged(db, None) if found == ["ok"] else None
    except sqlite3.Error as error:
        yield bad("store", f"{path}: cannot be read ({error})", restore)
        return
    if verdict is None:
        yield bad("store", f"{path}: is damaged ({'; '.join(str(one) for one in found)})", restore)
        return
    size = f"{sum(one.stat().st_size for one in path.parent.glob('city.db*')) / 2**20:.1f} MB"
    looked = "whole" if small else "not read through (`--thorough` does)"
    older = f", brought up to {len(MIGRATIONS)} at the next start" if schema < len(MIGRATIONS) else ""
    yield well("store", f"{path}: schema {schema}{older}, {size}, {looked}")
    if verdict.first_bad is not None:
        yield bad("audit", verdict.sentence, "somebody has changed the trail, or the disk has: compare it with a backup's")
    else:
        yield well("audit", f"{verdict.sentence}; note this elsewhere: {verdict.head}")


def database(url: str) -> Iterator[Finding]:
    """A store on PostgreSQL: it answers, is of this version or an older one, and its trail is unbroken."""
    pg = importlib.import_module("citybrain.service.pg")
    try:
        with pg.snapshot(url) as db:
            schema = pg.schema_of(db)
            verdict = audit.judged(db, None) if schema else None
    except ConfigError as error:
        yield bad("store", str(error), "start the server, or mend keep.database in city.toml; plans go on meanwhile, commands are refused")
        return
    if schema is None:
        yield bad("store", f"{pg.told(url)}: is another program's database", "name another one in city.toml, keep.database")
        return
    if schema > len(MIGRATIONS):
        yield bad(
            "store", f"{pg.told(url)}: schema {schema} is of a later version; this one knows {len(MIGRATIONS)}", "install that version"
        )
        return
    yield well("store", f"{pg.told(url)}: schema {schema}" if schema else f"{pg.told(url)}: nothing there yet; made at the first start")
    if verdict is not None and verdict.first_bad is not None:
        yield bad("audit", verdict.sentence, "somebody has changed the trail: compare it with a backup's")
    elif verdict is not None:
        yield well("audit", f"{verdict.sentence}; note this elsewhere: {verdict.head}")


def samples(patient: Patient) -> Iterator[Finding]:
    """The newest segment of the sample log ends with a whole record, and none is missing in it."""
    path = patient.folder / "samples"
    segments = sorted(one for one in path.glob("*.log") if one.stem.isdigit())
    if not segments:
        yield well("samples", f"{path}: nothing yet")
        return
    kept = sum(one.stat().st_size for one in segments)
    count, missing, left = 0, 0, 0
    for one in segments if patient.thorough else segments[-1:]:
        data = one.read_bytes()
        salt = log_record.salt_of(data)
        after, end = int(one.stem) - 1, 0
        for record in log_record.found(data, salt) if salt is not None else ():
            count, missing = count + 1, missing + record.number - after - 1
            after, end = record.number, record.end
        left = len(data) - max(end, min(len(data), log_record.SEGMENT_HEAD.size) if salt is not None else 0)
    sentence = f"{path}: {kept / 2**20:.1f} MB, {count} records looked at"
    if missing:
        yield warned(
            "samples", f"{sentence}, {missing} missing between them", "check the disk; sources send again what was not acknowledged"
        )
    elif left and holder(path / "lock") is None:
        yield well(
            "samples", f"{sentence}; {left} bytes of an unfinished record at the end, cut at the next start: it was never acknowledged"
        )
    else:
        yield well("samples", sentence)
