"""A backup back in its place: checked whole before anything is touched, what stood there kept aside, the audit trail unbroken.

Nothing in a backup is believed: its names are few and known, no path leads out of the folder, and every sum is worked out again.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from citybrain.service import audit
from citybrain.service.backup import CHUNK, CITY, KEYS, MANIFEST, SAMPLES, STORE, Manifest, digest_of, manifest_of
from citybrain.service.claim import Lock
from citybrain.service.doctor_folder import RESTORING
from citybrain.service.keys import read_keys
from citybrain.service.schema import MIGRATIONS
from citybrain.service.serving import EPOCH
from citybrain.service.settings import CitySettings, city_settings
from citybrain.service.store import Store, set_state
from forecasting.durable import sync, sync_all
from signals.errors import ConfigError

KNOWN = re.compile(f"{re.escape(MANIFEST)}|{re.escape(CITY)}|{re.escape(STORE)}|{re.escape(KEYS)}|{re.escape(SAMPLES)}[0-9]{{20}}\\.log")
LARGEST_TEXT_BYTES = 2**20
MOST_FILES = 10_000
KEPT = ("lock", "keys.json.lock")  # stay where they are: somebody may hold them
BEFORE = "before-restore"
WHO, LATER_EPOCHS = "restore", 1000 * 2**20  # an epoch is drawn from the next 2**20
"""Epochs that were given out after the backup are passed over: a controller that knows one would refuse all below it."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and where what stood there is kept; `warning` empty where there is nothing to heed."""

    manifest: Manifest
    city: Path
    folder: Path
    kept: Path | None
    warning: str
    kept_tables: str = ""  # the database's schema that they are in


def restore(tar: Path, to: Path, now_s: float, *, state: Path | None = None, database: str | None = None, force: bool = False) -> Restored:
    """Put a backup's city.toml into a folder and its state where that says, or into `state`. ConfigError: nothing was changed.

    `database`: where the store is to go, whatever it was kept on; empty: into the state's folder. A backup that names one itself is not
    believed, so somebody has to say it.
    """
    manifest = checked(tar)
    city = to / CITY
    text = read_member(tar, CITY)
    if city.exists() and city.read_bytes() != text and not force:
        raise ConfigError(f"{city}: is there, and another than in the backup; expected none, or --force")
    try:
        to.mkdir(parents=True, exist_ok=True)
        settings = settings_of(text, to)
        folder = state if state is not None else folder_of(settings, to)
        store = store_of(settings, database)
        if not store and (folder / "city.db").exists() and not force:
            raise ConfigError(f"{folder}: holds a service's state already; expected none, or --force (what is there is kept aside)")
        with locked(folder, store):
            staging = folder / RESTORING
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(mode=0o700)
            try:
                unpack(tar, manifest, staging)
                verify(staging, manifest, tar, now_s)
                kept_tables = into_database(staging, store, force=force) if store else ""
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
            kept = put_in_place(staging, folder)
            place_city(city, text)
        warning = " ".join(filter(None, (store_warning(city, settings, store), net_warning(city, manifest))))
    except OSError as error:
        raise ConfigError(f"{to}: the backup cannot be put there ({error.strerror or error})") from error
    return Restored(manifest, city, folder, kept, warning, kept_tables)


def store_of(settings: CitySettings, database: str | None) -> str:
    """The database for the store, as somebody has said it; empty: a file."""
    pg = importlib.import_module("citybrain.service.pg") if database or settings.keep.database else None
    if database is None and pg is not None:
        where = pg.told(settings.keep.database)
        raise ConfigError(
            f"the backup's store was on {where}; expected --database URL to say where it is to go, or --database '' for a file"
        )
    if database and pg is not None:
        pg.told(database)
    return database or ""


def into_database(staging: Path, url: str, *, force: bool) -> str:
    """The store into its database, in one piece; the schema that holds what stood there."""
    found: str = importlib.import_module("citybrain.service.pg_copy").loaded(staging / "city.db", url, force=force)
    for one in staging.glob("city.db*"):
        one.unlink()
    return found


@contextmanager
def locked(folder: Path, database: str) -> Iterator[None]:
    """No service works there, and none can start meanwhile."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = Lock(folder / "lock", database)
    try:
        yield
    finally:
        lock.release()


def checked(path: Path) -> Manifest:
    """The manifest of a backup that is whole; ConfigError for a name, a kind, a size or a sum that is not as expected."""
    seen: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    with reading(path) as found:
        for name, size, file in found:
            if manifest is not None or name in seen:
                raise ConfigError(f"{path}: {name} comes twice, or after the manifest; expected a backup of citybrain")
            if name == MANIFEST:
                manifest = manifest_of(file.read(LARGEST_TEXT_BYTES), path)
            else:
                seen[name] = size, hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    if manifest is None:
        raise ConfigError(f"{path}: has no manifest at its end: the backup is not whole")
    if wrong := sorted(name for name in seen.keys() | manifest.files.keys() if seen.get(name) != manifest.files.get(name)):
        raise ConfigError(f"{path}: {wrong[0]} is not what was backed up; expected the size and sum that the manifest names")
    if not {CITY, STORE} <= seen.keys() or not 0 < manifest.schema <= len(MIGRATIONS):
        raise ConfigError(f"{path}: no store of a schema that this version knows (1 to {len(MIGRATIONS)})")
    return manifest


Members = Iterator[tuple[str, int, IO[bytes]]]


@contextmanager
def reading(path: Path) -> Iterator[Members]:
    """(name, size, file) of each entry, to be read within the block; ConfigError for what no backup has, and where the tar is broken."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            yield members(tar, path)
    except (tarfile.TarError, EOFError) as error:
        raise ConfigError(f"{path}: is no readable tar, or not whole ({error})") from error
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error


def members(tar: tarfile.TarFile, path: Path) -> Members:
    """Entry after entry."""
    for number, one in enumerate(tar):
        plain = one.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not one.issparse()
        file = tar.extractfile(one) if plain else None
        if file is None or number > MOST_FILES or not KNOWN.fullmatch(one.name):
            raise ConfigError(f"{path}: holds {one.name[:80]!r}; expected nothing but what a backup of citybrain has")
        yield one.name, one.size, file


def read_member(path: Path, wanted: str) -> bytes:
    """A small file of the backup."""
    with reading(path) as found:
        for name, size, file in found:
            if name == wanted and size <= LARGEST_TEXT_BYTES:
                return file.read()
    raise ConfigError(f"{path}: {wanted} is missing or too large")


def settings_of(text: bytes, to: Path) -> CitySettings:
    """What the file says, once it lies there."""
    trial = to / (CITY + ".trial")
    try:
        trial.write_bytes(text)
        return city_settings(trial)
    finally:
        trial.unlink(missing_ok=True)


def folder_of(settings: CitySettings, to: Path) -> Path:
    """Where the file says that the state is kept; ConfigError where that leads out of the folder that was named."""
    folder = settings.keep.folder
    if not folder.resolve().is_relative_to(to.resolve()) or folder.resolve() == to.resolve():
        raise ConfigError(f"the backup's state lies in {folder}, outside {to}; expected --state FOLDER to say where it is to go")
    return folder


def unpack(path: Path, manifest: Manifest, staging: Path) -> None:
    """Every file of the state into the staging folder, and what came there hashed once more."""
    (staging / "samples").mkdir(mode=0o700)
    with reading(path) as found:
        for name, _, file in found:
            if name.startswith("state/"):
                place = staging / name.removeprefix("state/")
                with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as out:
                    shutil.copyfileobj(file, out, CHUNK)
                if digest_of(place) != manifest.files.get(name, (0, ""))[1]:
                    raise ConfigError(f"{path}: {name} has changed while it was read")


def verify(staging: Path, manifest: Manifest, tar: Path, now_s: float) -> None:
    """The store is sound, its trail unbroken and as long as it was; keys are keys. Then the trail tells of the restore itself."""
    verdict = audit.verify(staging / "city.db", audit.anchored(manifest.trail) if not manifest.trail.startswith("0:") else None)
    if verdict.first_bad is not None:
        raise ConfigError(f"{tar}: {verdict.sentence}")
    if (staging / "keys.json").exists():
        read_keys(staging / "keys.json")
    with Store(staging / "city.db", durable=True) as store:
        if (found := store.db.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
            raise ConfigError(f"{tar}: its store is damaged ({found})")
        with store.transaction() as db:
            epoch = int((store.state(EPOCH) or {"epoch": 0})["epoch"])
            set_state(db, EPOCH, {"epoch": epoch + LATER_EPOCHS})
            told = {"backup_made_s": manifest.made_s, "trail": manifest.trail}
            audit.append(db, WHO, "restore", told, f"the state of a backup with {verdict.records} records", now_s)
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sync_all_files(staging)


def sync_all_files(folder: Path) -> None:
    """Force all of it to the disk."""
    sync_all(folder / "samples")
    for one in folder.iterdir():
        if one.is_file():
            with one.open("rb") as file:
                os.fsync(file.fileno())
    sync(folder)


def put_in_place(staging: Path, folder: Path) -> Path | None:
    """What stood there goes aside, then what was restored comes in, the store last; where the old state is kept."""
    old = [one for one in folder.iterdir() if one.name not in (*KEPT, RESTORING) and not one.name.startswith(BEFORE)]
    kept = next(p for p in (folder / f"{BEFORE}-{n}" for n in range(1, 10_000)) if not p.exists()) if old else None
    if kept is not None:
        kept.mkdir(mode=0o700)
        for one in sorted(old, key=lambda p: p.name != "city.db"):
            one.rename(kept / one.name)
    for one in sorted(staging.iterdir(), key=lambda p: p.name == "city.db"):
        one.rename(folder / one.name)
    staging.rmdir()
    sync(folder)
    return kept


def place_city(city: Path, text: bytes) -> None:
    """The city's file; another one that stood there is kept beside it."""
    if city.exists() and city.read_bytes() == text:
        return
    if city.exists():
        city.rename(city.with_name(f"{CITY}.{BEFORE}"))
    city.write_bytes(text)
    sync(city.parent)


def store_warning(city: Path, settings: CitySettings, store: str) -> str:
    """A word where the store is not where the city's file will have it sought."""
    if settings.keep.database == store:
        return ""
    return f'{city}: expected keep.database = "{store}" before the start, for that is where the store is now'


def net_warning(city: Path, manifest: Manifest) -> str:
    """A word where the net beside the city's file is missing, or another than at the time of the backup."""
    with suppress(ConfigError, OSError):
        net = city_settings(city).street.net
        if not net.is_file():
            return f"{net}: the net is not part of a backup; put it there"
        if manifest.net and digest_of(net) != manifest.net:
            return f"{net}: is another net than at the time of the backup"
    return ""
