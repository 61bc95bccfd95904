"""A service in one file: store, keys, samples and city.toml, as of one moment, taken while the service runs.

The tar ends with a manifest that names every file's SHA-256 and the audit trail's head: without it the backup is not whole. Secrets that
open something by themselves (the sessions' secret, a demo's own key) are left out: keys are kept as hashes only.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from citybrain.service import audit
from citybrain.service.doctor_folder import ours
from citybrain.service.schema import MIGRATIONS, Place, place_of
from citybrain.service.settings import city_settings
from forecasting.durable import UNFINISHED, sync
from signals.errors import ConfigError

FORMAT = "citybrain-backup/1"
MANIFEST, CITY, STORE, KEYS, SAMPLES = "manifest.json", "city.toml", "state/city.db", "state/keys.json", "state/samples/"
CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `made_s`: Unix time; `trail`: the head of the audit trail in it."""

    site: str
    made_s: float
    schema: int
    trail: str
    verdict: str
    net: str  # SHA-256 of the city's net, which is not in the backup
    files: dict[str, tuple[int, str]] = field(repr=False)
    """name → bytes, SHA-256"""


def backup(city: Path, out: Path, now_s: float) -> Manifest:
    """Write the backup of a city's service; whole under this name, or not there. ConfigError in one sentence where it cannot be."""
    settings = city_settings(city)
    store = place_of(settings.keep.folder, settings.keep.database)
    if isinstance(store, Path) and not store.is_file():
        raise ConfigError(f"{store}: no such file; expected the store of a service that has run")
    if out.exists():
        raise ConfigError(f"{out}: is there already; expected a new name, for a backup replaces no other")
    unfinished = out.with_name(out.name + UNFINISHED)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".citybrain-", dir=out.parent) as folder, packing(unfinished) as pack:
            copy = Path(folder) / "city.db"
            schema = copied(store, copy)
            verdict = audit.verify(copy)
            pack.add(CITY, city)
            pack.add(STORE, copy)
            if (settings.keep.folder / "keys.json").exists():
                pack.add(KEYS, settings.keep.folder / "keys.json")
            for path in sorted((settings.keep.folder / "samples").glob("*.log")):
                with suppress(FileNotFoundError):  # let go of meanwhile, for its time was over
                    pack.add(SAMPLES + path.name, path)
            net = digest_of(settings.street.net) if settings.street.net.is_file() else ""
            made = Manifest(settings.site, now_s, schema, str(verdict.head), verdict.sentence, net, dict(pack.files))
            pack.add_text(MANIFEST, json.dumps({"format": FORMAT, **asdict(made)}, ensure_ascii=False, indent=1))
        os.replace(unfinished, out)
        sync(out.parent)
    except OSError as error:
        raise ConfigError(f"{out}: the backup cannot be written ({error.strerror or error})") from error
    except sqlite3.Error as error:
        raise ConfigError(f"{store}: cannot be copied ({error})") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return made


def copied(store: Place, copy: Path) -> int:
    """The store as of one moment, in a file of SQLite of its own, whole; its schema. The service writes on meanwhile."""
    if isinstance(store, Path):
        return copied_file(store, copy)
    schema: int = importlib.import_module("citybrain.service.pg_copy").dumped(store, copy)
    return schema


def copied_file(store: Path, copy: Path) -> int:
    """Of a store in a file."""
    if not ours(store):
        raise ConfigError(f"{store}: belongs to user {store.stat().st_uid}; expected to be run as that user, the service's")
    reading = sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    with closing(reading) as source, closing(sqlite3.connect(copy, isolation_level=None)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
        found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise ConfigError(f"{store}: is damaged ({found}); `citybrain doctor` says what to do")
        schema = int(target.execute("PRAGMA user_version").fetchone()[0])
    if not 0 < schema <= len(MIGRATIONS):
        raise ConfigError(f"{store}: schema {schema}; expected 1 to {len(MIGRATIONS)}, a store of citybrain")
    return schema


class Pack:
    """A tar that is being written; remembers what is in it."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, tuple[int, str]] = {}

    def add(self, name: str, path: Path) -> None:
        """A file as long as it is now: what grows meanwhile is for the next backup."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            hashed = Hashed(file, size)
            self._tar.addfile(entry(name, size), hashed)
        self.files[name] = size, hashed.digest.hexdigest()

    def add_text(self, name: str, text: str) -> None:
        """A file of this text."""
        data = text.encode()
        self._tar.addfile(entry(name, len(data)), io.BytesIO(data))


class Hashed:
    """Reads on from a file and hashes what goes by. What was cut off it meanwhile is zeros here: no record, so nobody heeds them."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left, self.digest = file, size, hashlib.sha256()

    def read(self, size: int = CHUNK) -> bytes:
        """The next bytes, as many as are wanted."""
        wanted = min(size, self._left)
        data = self._file.read(wanted).ljust(wanted, b"\0")
        self._left -= wanted
        self.digest.update(data)
        return data


def entry(name: str, size: int) -> tarfile.TarInfo:
    """A file in the tar: its owner's alone, whoever that is."""
    found = tarfile.TarInfo(name)
    found.size, found.mode = size, 0o600
    return found


@contextmanager
def packing(path: Path) -> Iterator[Pack]:
    """A tar that is its owner's alone from its first byte, and on the disk when the block has ended."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            yield Pack(tar)
        file.flush()
        os.fsync(file.fileno())


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_of(data: bytes, where: Path) -> Manifest:
    """The manifest of a backup; ConfigError for anything else."""
    try:
        table: dict[str, Any] = json.loads(data)
        if table.pop("format") != FORMAT:
            raise ValueError("another format")
        table["files"] = {str(name): (int(size), str(digest)) for name, (size, digest) in table["files"].items()}
        found = Manifest(**table)
        if not isinstance(found.schema, int) or not isinstance(found.trail, str) or not isinstance(found.made_s, int | float):
            raise ValueError("an entry of another kind")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{where}: its manifest is not readable; expected {FORMAT}") from error
    return found
