"""Files that a command is to write: asked about before the work begins, and not left half-written when it fails."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signals.errors import ConfigError


def writable(path: Path) -> None:
    """ConfigError unless a file can be made there, its folders included; makes nothing itself."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = path.absolute().parent
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error


def write_text(path: Path, text: str) -> None:
    """Write the file, and its folders where they are missing; ConfigError where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error


@contextmanager
def nothing_left_behind(path: Path) -> Iterator[None]:
    """Remove the half-written file of a run that failed."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
