"""A training run's arguments: a preset, a TOML file or a run folder, with what the command line says on top."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from citybrain.assemble import nearest
from citybrain.config import fitted, read_toml
from signals.errors import ConfigError

T = TypeVar("T")
FORECAST = "residual"


def train_args(preset: str, config: str, resume: str, options: Mapping[str, Any]) -> Any:
    """`TrainArgs`, or `ImproveArgs`, from one of the three places and the options that were given; ConfigError where they do not fit."""
    if sum(bool(one) for one in (preset, config, resume)) > 1:
        raise ConfigError("expected one of --preset, --config and --resume, not several")
    given = {name: value for name, value in options.items() if value is not None}
    if resume:
        where, table = resume, {**importlib.import_module("rl.run_folder").stored_args(Path(resume)), "run": resume, "resume": True}
    elif preset or config:
        file = preset_file(preset) if preset else Path(config)
        where, table = str(file), read_toml(file)
    else:
        where, table = "train", {}
        if not (given.get("scenarios") and given.get("run")):
            raise ConfigError("expected --scenarios and --run, or --config FILE, --preset NAME or --resume RUN")
        table["steps"] = 100_000
    return from_table({"forecast": FORECAST} | table | given, kind_of(table), where)


def kind_of(table: Mapping[str, Any]) -> Any:
    """The dataclass of the method: improvement by futures has arguments of its own."""
    if table.get("method") == "futures":
        return importlib.import_module("rl.improve").ImproveArgs
    return importlib.import_module("rl.train_args").TrainArgs


def preset_file(name: str) -> Path:
    """The file of a preset; ConfigError with the nearest name."""
    known: dict[str, Path] = importlib.import_module("rl.train_args").presets()
    if name not in known:
        raise ConfigError(f"preset {name!r}: no such preset; {nearest(name, known)}")
    return known[name]


def from_table(table: Mapping[str, Any], kind: type[T], where: str) -> T:
    """A dataclass from a table, tables in it and lists of them included; its field names are the keys, its types are checked."""
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}; {nearest(key, known)}")
    values = {key: one(value, hints[key], f"{where}: {key}") for key, value in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: a key is missing ({error})") from error


def one(value: Any, hint: Any, where: str) -> Any:
    """The value as a field of this type wants it."""
    inner = get_args(hint)
    if is_dataclass(hint) and isinstance(value, dict):
        return from_table(value, hint, where)  # type: ignore[arg-type]
    if get_origin(hint) is tuple and inner and is_dataclass(inner[0]) and isinstance(value, list):
        return tuple(one(each, inner[0], f"{where}[{k}]") for k, each in enumerate(value))
    if get_origin(hint) is dict and isinstance(value, dict):
        return {name: fitted(each, inner[1], f"{where}.{name}") for name, each in value.items()}
    return fitted(value, hint, where)
