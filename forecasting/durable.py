"""Files that are there whole or not at all: written under another name, forced to the disk, then renamed.

Whoever is killed in the middle leaves the older file valid, and a leftover that the next write replaces.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

UNFINISHED = ".unfinished"  # end of the name until all is on the disk


def write(path: Path, fill: Callable[[IO[bytes]], None]) -> None:
    """Replace the file by what `fill` writes."""
    unfinished = path.with_name(path.name + UNFINISHED)
    with unfinished.open("wb") as out:
        fill(out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(unfinished, path)
    sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replace the file by this text."""
    data = text.encode("utf-8")

    def fill(out: IO[bytes]) -> None:
        out.write(data)

    write(path, fill)


def append_line(path: Path, line: str) -> None:
    """Add a line; what a killed writer left of its last one is cut off first."""
    with path.open("ab+") as out:
        out.seek(0)
        kept = out.read().rfind(b"\n") + 1
        out.truncate(kept)
        out.write(line.encode("utf-8") + b"\n")
        out.flush()
        os.fsync(out.fileno())
    sync(path.parent)


def sync(folder: Path) -> None:
    """Force the names in a folder to the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sync_all(folder: Path) -> None:
    """Force the files in a folder to the disk, and their names."""
    for path in folder.iterdir():
        with path.open("rb") as kept:
            os.fsync(kept.fileno())
    sync(folder)
