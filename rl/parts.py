"""Tables of named parts: looking one up, with the nearest name where there is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from signals.errors import ConfigError

Part = TypeVar("Part")


def named(what: str, name: object, table: Mapping[str, Part]) -> Part:
    """The part of this name; ConfigError with the nearest name where the table has none."""
    if isinstance(name, str) and name in table:
        return table[name]
    raise ConfigError(f"{what} {name!r}: no such {what}; {nearest(str(name), table)}")


def nearest(wrong: str, known: Iterable[str]) -> str:
    """The question "did you mean ...?" where a known name is near, else the list of all."""
    names = sorted(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
