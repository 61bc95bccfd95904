"""Secrets in files of their own: made for their owner alone, and refused where anybody else could read them. Never in a settings file.

What systemd hands a service (`LoadCredential=`) belongs to root and shows a group's bits that stand for the service itself: it is taken
from that folder only.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from signals.errors import ConfigError

LEAST_BYTES, MOST_BYTES = 32, 4096
CREDENTIALS = "CREDENTIALS_DIRECTORY"  # systemd says in it where the credentials are


def check_private(path: Path, what: str) -> None:
    """ConfigError, in one sentence, where the file is not there or somebody else than its owner may read it."""
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"{what} {path}: {_reason(error)}; expected a file that its owner alone may read") from error
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{what} {path}: is no file; expected one that its owner alone may read")
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"{what} {path}: belongs to user {found.st_uid}; expected one of user {os.geteuid()}, who runs this")
    others = stat.S_IMODE(found.st_mode) & (0o007 if _handed_over(path, found) else 0o077)
    if others:
        raise ConfigError(f"{what} {path}: others than its owner may use it (mode {stat.S_IMODE(found.st_mode):04o}); expected mode 0600")


def secret_of(path: Path, what: str) -> str:
    """The first line of a private file; ConfigError, in one sentence that says nothing of what is in it."""
    check_private(path, what)
    try:
        with path.open("rb") as file:
            words = file.read(MOST_BYTES + 1)
        lines = words.decode().splitlines()
    except OSError as error:
        raise ConfigError(f"{what} {path}: {_reason(error)}; expected a file that can be read") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{what} {path}: is no text; expected one line of UTF-8") from None
    if len(words) > MOST_BYTES or len(lines) != 1 or not lines[0].strip():
        raise ConfigError(f"{what} {path}: {len(lines)} lines, {len(words)} bytes; expected one line of 1 to {MOST_BYTES} bytes")
    return lines[0]


def shared_secret(path: Path, what: str = "secret_file") -> bytes:
    """A secret that two ends share; ConfigError where it is short enough to be guessed."""
    secret = secret_of(path, what).strip().encode()
    if len(secret) < LEAST_BYTES:
        raise ConfigError(f"{what} {path}: {len(secret)} characters; expected at least {LEAST_BYTES}, drawn by chance")
    return secret


def made_secret(path: Path, what: str = "secret_file") -> bytes:
    """The secret in this file, drawn and written for its owner alone where there is none yet."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return shared_secret(path, what)
    except OSError as error:
        raise ConfigError(f"{what} {path}: cannot be written ({_reason(error)})") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(LEAST_BYTES) + "\n")
    return shared_secret(path, what)


def _handed_over(path: Path, found: os.stat_result) -> bool:
    folder = os.environ.get(CREDENTIALS)
    return bool(folder) and found.st_uid == found.st_gid == 0 and path.absolute().parent == Path(str(folder)).absolute()


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
