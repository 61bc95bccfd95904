"""API keys: who may do what. A key has a name, a role, a purpose and an end; the file holds hashes, never a key.

A key is 256 random bits, so one SHA-256 is enough: nobody guesses it, and a slow hash (scrypt is for words that people choose) would only
let strangers spend our processor. Nothing exists until somebody makes it: there is no default key.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from citybrain.service.desk import Role
from signals.errors import ConfigError

DAY_S = 86400.0
LONGEST_DAYS = 3660.0
MOST_KEYS = 1000
MOST_BYTES = 1 << 20
NAME = re.compile(r"[\w .@+-]{1,64}")
TOKEN = re.compile(r"cb_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
ALL_SENSORS = ("*",)
MOST_PATTERNS, LONGEST_PATTERN = 50, 200
PATTERNS = f"expected 1 to {MOST_PATTERNS} printable patterns of up to {LONGEST_PATTERN} letters"
RANKS = {role: k for k, role in enumerate(Role)}


class Purpose(StrEnum):
    """What a key is for; it opens nothing else, whatever its role."""

    SERVE = "serve"  # people, and programs that act for them
    INGEST = "ingest"  # sensors: may hand in data, may read nothing
    TRAIN = "train"  # training: may read data, may never change anything


@dataclass(frozen=True, slots=True)
class Key:
    """One key as it is kept. Times are Unix seconds: the end of a key is a matter of the calendar."""

    id: str
    name: str
    role: Role
    purpose: Purpose
    digest: str  # SHA-256 of the whole key, in hexadecimal
    made_s: float
    expires_s: float
    revoked_s: float | None = None
    one_time: bool = False  # opens one session and nothing else
    spent_s: float | None = None  # when that session was opened
    sensors: tuple[str, ...] = ()  # of a key to hand in data: patterns of signals or sensors that it speaks for

    def alive(self, now_s: float) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_s is None and now_s < self.expires_s

    def may(self, role: Role, *purposes: Purpose) -> bool:
        """Whether it opens what needs this role and is for these purposes."""
        return self.purpose in purposes and RANKS[self.role] >= RANKS[role]

    @property
    def who(self) -> str:
        """How records name its holder."""
        return f"{self.name} ({self.id})"


class KeyRing:
    """The keys of one file, read again whenever another process has changed it: a revoked key stops working at once."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._keys: dict[str, Key] = {}

    def all(self) -> tuple[Key, ...]:
        """All keys, oldest first; ConfigError where the file is broken or open to others."""
        return tuple(self._current().values())

    def find(self, token: str) -> Key | None:
        """The living key that this text is; None for any other text."""
        matched = TOKEN.fullmatch(token)
        key = self.by_id(matched[1]) if matched else None
        return key if key is not None and hmac.compare_digest(key.digest, digest_of(token)) else None

    def by_id(self, key_id: str) -> Key | None:
        """The living key with this id."""
        key = self._current().get(key_id)
        return key if key is not None and key.alive(self._clock()) else None

    def add(
        self,
        name: str,
        role: Role,
        purpose: Purpose = Purpose.SERVE,
        days: float = 90.0,
        one_time: bool = False,
        sensors: tuple[str, ...] | None = None,
    ) -> tuple[str, Key]:
        """A new key, and its text: shown this once, kept nowhere. `sensors`: of a key to hand in data; not said, all."""
        if not NAME.fullmatch(name):
            raise ConfigError(f"key name {name!r}: expected 1 to 64 letters, digits, spaces or . @ + - _")
        if not 0.0 < days <= LONGEST_DAYS:
            raise ConfigError(f"key {name}: {days:g} days; expected more than 0 and at most {LONGEST_DAYS:g}")
        if purpose is not Purpose.SERVE and role is not Role.VIEWER:
            raise ConfigError(f"key {name}: a key to {purpose} takes the role viewer, not {role}: it commands nothing")
        if sensors is not None and purpose is not Purpose.INGEST:
            raise ConfigError(f"key {name}: sensors are for a key to {Purpose.INGEST}, not to {purpose}")
        if sensors is not None and not speaks_for(sensors):
            raise ConfigError(f"key {name}: sensors {', '.join(sensors)[:80]!r}: {PATTERNS}")
        key_id, now_s = secrets.token_hex(6), self._clock()
        token = f"cb_{key_id}_{secrets.token_urlsafe(32)}"
        scope = (sensors or ALL_SENSORS) if purpose is Purpose.INGEST else ()
        key = Key(key_id, name, role, purpose, digest_of(token), now_s, now_s + days * DAY_S, one_time=one_time, sensors=scope)
        with self._changing() as keys:
            # Who is long gone makes room; who is merely revoked stays listed.
            for old in [one.id for one in keys.values() if now_s - one.expires_s > 30.0 * DAY_S]:
                del keys[old]
            if len(keys) >= MOST_KEYS:
                raise ConfigError(f"{self._path}: holds {len(keys)} keys; expected fewer than {MOST_KEYS}")
            keys[key_id] = key
        return token, key

    def revoke(self, key_id: str) -> Key:
        """End a key for good."""
        with self._changing() as keys:
            if key_id not in keys:
                raise ConfigError(f"no key {key_id!r}; `citybrain keys list` shows them")
            keys[key_id] = replace(keys[key_id], revoked_s=keys[key_id].revoked_s or self._clock())
            return keys[key_id]

    def spend(self, key_id: str) -> bool:
        """Use up a one-time key; False where somebody already has."""
        with self._changing() as keys:
            key = keys.get(key_id)
            if key is None or not key.alive(self._clock()) or key.spent_s is not None:
                return False
            keys[key_id] = replace(key, spent_s=self._clock())
            return True

    def _current(self) -> dict[str, Key]:
        """The file's keys, read again when it is another file than before."""
        with self._lock:
            try:
                now = os.stat(self._path)
            except FileNotFoundError:
                self._seen, self._keys = None, {}
                return self._keys
            mark = (now.st_mtime_ns, now.st_ino, now.st_size)
            if mark != self._seen:
                self._keys = read_keys(self._path)
                self._seen = mark
            return self._keys

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """The keys to change, under a lock that other processes respect; written when the block ends well."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            guard = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"{self._path}: keys cannot be kept there ({error.strerror})") from error
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
            keys = read_keys(self._path) if self._path.exists() else {}
            yield keys
            write_private(self._path, json.dumps({"version": 1, "keys": [asdict(one) for one in keys.values()]}, indent=1))
        finally:
            os.close(guard)


def speaks_for(sensors: tuple[object, ...]) -> bool:
    """Whether these are patterns of signals or sensors: some, not too many, each short and printable."""
    return 0 < len(sensors) <= MOST_PATTERNS and all(
        isinstance(one, str) and 0 < len(one) <= LONGEST_PATTERN and one.isprintable() for one in sensors
    )


def digest_of(token: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def read_keys(path: Path) -> dict[str, Key]:
    """Keys by id; ConfigError unless the file is whole and its owner's alone."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: keys cannot be read ({error.strerror})") from error
    if mode & 0o077:
        raise ConfigError(f"{path}: is open to others (mode {mode:04o}); expected 0600")
    if len(text) > MOST_BYTES:
        raise ConfigError(f"{path}: over {MOST_BYTES} bytes; expected a file of keys")
    try:
        table = json.loads(text)
        keys = [key_from(one) for one in table["keys"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{path}: is no file of keys ({type(error).__name__}: {error})") from error
    return {key.id: key for key in keys}


def key_from(table: dict[str, Any]) -> Key:
    """A key from its JSON; ValueError or TypeError where something is missing or odd."""
    if set(table) | {"sensors"} != {f.name for f in fields(Key)}:
        raise ValueError("a key's entries are other than expected")
    purpose = Purpose(table["purpose"])
    # Keys were not limited before there was such an entry.
    sensors = table.get("sensors", ALL_SENSORS if purpose is Purpose.INGEST else ())
    if not isinstance(sensors, list | tuple) or not (speaks_for(tuple(sensors)) or not sensors):
        raise ValueError("a key's sensors are no list of patterns")
    key = Key(**{**table, "role": Role(table["role"]), "purpose": purpose, "sensors": tuple(sensors)})
    moments = (key.made_s, key.expires_s, key.revoked_s or 0.0, key.spent_s or 0.0)
    if not all(isinstance(one, int | float) for one in moments) or not isinstance(key.one_time, bool):
        raise ValueError(f"key {key.id}: a time is not a number")
    if not re.fullmatch("[0-9a-f]{64}", key.digest) or not re.fullmatch("[0-9a-f]{12}", key.id) or not NAME.fullmatch(key.name):
        raise ValueError(f"key {key.id}: a text is not what is written there")
    return key


def write_private(path: Path, text: str) -> None:
    """Replace the file by this text, readable by its owner alone at every moment, whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error
