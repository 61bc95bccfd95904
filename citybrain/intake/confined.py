"""Files that outsiders may name: only those in a folder that the city has named for it."""

from __future__ import annotations

from pathlib import Path

from signals.errors import ConfigError


def confined(folder: Path, name: str) -> Path:
    """The file of that name in the folder; ConfigError where it is not there, or the name, or a link, leads out of it."""
    try:
        root = folder.resolve(strict=True)
        path = (root / name).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # a loop of links, a zero byte in the name
        raise ConfigError(f"{name[:80]!r}: no such file in the folder for data") from None
    if not path.is_relative_to(root) or not path.is_file():
        raise ConfigError(f"{name[:80]!r}: no such file in the folder for data")
    return path
