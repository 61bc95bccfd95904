"""One service a store: a lock on its folder, and where the store is on PostgreSQL a claim there, that every transaction looks at.

A file's lock ends with its process and not before. A claim on a database ends with a session, which a cut line ends too: so the holder
signs the store with a word of its own, and whoever finds another word there, or the claim taken, writes nothing more and stands down.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import secrets
from pathlib import Path
from typing import Any

from citybrain.service.store import Store, TakenOver, set_state
from signals.errors import ConfigError

SIGNED = "claim"
"""The key of the store's state under which its service signs."""


class Lock:
    """One service a store: held as long as the process lives, whatever kills it; on a database as long as nobody else has taken over."""

    def __init__(self, path: Path, database: str = "") -> None:
        """ConfigError where another process holds it, or another service, wherever it runs, the database."""
        self._claim: Any = None
        self._word = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be opened ({error})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise ConfigError(f"{path}: another service (process {holder}) works on this store; expected to be the only one") from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)
        try:
            self._claim = importlib.import_module("citybrain.service.pg").Claim(database) if database else None
        except ConfigError:
            self.release()
            raise

    def sign(self, store: Store) -> None:
        """From now on nobody who held the store before writes to it any more. To be done before anything is read from it."""
        if self._claim is not None:
            word = secrets.token_hex(16)
            with store.transaction() as db:
                set_state(db, SIGNED, {"word": word})
            self._word = word

    def check(self, db: Any) -> None:
        """Within a transaction, before it writes: TakenOver where the store is another's now; a claim that has lapsed is taken again."""
        if self._claim is None or not self._word:
            return
        word, held = self._claim.found(db, SIGNED)
        if word != self._word or not (held or self._claim.taken_again()):
            raise TakenOver(f"{self._claim.place}: another service has taken over this store; this one stands down")

    def release(self) -> None:
        """Let others in; asked twice, it has been done."""
        if self._claim is not None:
            self._claim.release()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
