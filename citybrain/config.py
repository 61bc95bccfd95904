"""TOML files and command-line choices → frozen dataclasses; an unknown key is an error that names the nearest one."""

from __future__ import annotations

import math
import tomllib
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from citybrain.assemble import nearest
from signals.errors import ConfigError

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's table; ConfigError where it is missing or broken."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: not readable TOML ({error})") from error


def configured(path: Path, kind: type[T]) -> T:
    """A dataclass from a TOML file; its field names are the keys, its types are checked."""
    return of_table(read_toml(path), kind, str(path))


def of_table(table: dict[str, Any], kind: type[T], where: str) -> T:
    """A dataclass from a table; ConfigError for an unknown or missing key or a value of another type."""
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}; {nearest(key, known)}")
        values[key] = fitted(value, hints[key], f"{where}: {key}")
    try:
        return kind(**values)
    except TypeError as error:
        missing = sorted(known - values.keys())
        raise ConfigError(f"{where}: a key is missing; expected also {', '.join(missing)}") from error


def fitted(value: Any, hint: Any, where: str) -> Any:
    """The value as the field wants it: lists become tuples, whole numbers may stand for real ones, text for paths."""
    origin, parts = get_origin(hint), get_args(hint)
    kinds = [part for part in parts if part is not NoneType] if origin in (Union, UnionType) else [hint]
    if isinstance(value, list) and (inner := [get_args(kind) for kind in kinds if get_origin(kind) is tuple]):
        return tuple(fitted(one, inner[0][0], f"{where}[{k}]") for k, one in enumerate(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{where} is {value}; expected a finite number")
    # A truth value is an int to Python, never to us: only the exact type fits.
    if type(value) in kinds:
        return value
    if float in kinds and type(value) is int:
        return float(value)
    if Path in kinds and isinstance(value, str):
        return Path(value)
    raise ConfigError(f"{where} is {value!r}; expected {' or '.join(name_of(kind) for kind in kinds)}")


def name_of(kind: Any) -> str:
    """A type as a sentence names it."""
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
