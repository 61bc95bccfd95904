"""`citybrain ask`: orders to a running service and questions to it, over its API. The orders are made from the desk's own table."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import time
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from citybrain.assemble import nearest
from citybrain.service.desk import COMMANDS, Role
from signals.errors import ConfigError

DEMO_CITY = Path("out/serve/city.toml")
STAGES = tuple[tuple[int, float], ...]
HELP = {
    "mode": "observe, shadow, advise or automatic",
    "signals": "these alone; may be repeated; none: all",
    "signal": "its id",
    "phase": "from 1",
    "for_s": "for so many seconds",
    "stages": "PHASE:GREEN_S in order, such as 1:30 2:25",
    "offset_s": "of the cycle, in seconds",
    "reason": "kept with the order",
    "proposal": "its number",
    "plan": "its number in the archive (`citybrain ask plans`)",
    "controller": "its name (`citybrain controllers`)",
    "kind": "such as dead, stuck, refuse, lie, mute, flash, reset, end or heal",
    "share": "of the sensors, 0 to 1",
}
console = Console()
ask_app = typer.Typer(no_args_is_help=True, help="Ask a running service, or order it: the demo of this folder, or another.")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which service, with which key, and whether the answer is to be JSON."""

    city: Path
    at: str = ""
    key_file: Path | None = None
    as_json: bool = False


@ask_app.callback()
def whom(
    context: typer.Context,
    city: Annotated[Path, typer.Option(help="the city's file; the demo's where nothing is said")] = DEMO_CITY,
    at: Annotated[str, typer.Option(help="the service's address, such as https://signals.example; the file's where nothing is said")] = "",
    key_file: Annotated[Path | None, typer.Option(help="file with a key, mode 0600; a simulated street's owner needs none")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Keep what all questions share."""
    context.obj = Asked(city, at, key_file, as_json)


def client_of(asked: Asked) -> Any:
    """The service that is meant, with its key; ConfigError where neither is known."""
    module = importlib.import_module("citybrain.service.client")
    if asked.at:
        if asked.key_file is None:
            raise ConfigError("--at: expected also --key-file FILE with a key of that service")
        return module.Client(asked.at, module.key_in(asked.key_file))
    settings = importlib.import_module("citybrain.service.settings").city_settings(asked.city)
    address = module.address_of(settings.web, settings.keep.folder)
    if asked.key_file is not None:
        return module.Client(address, module.key_in(asked.key_file))
    if not settings.street.simulated:
        raise ConfigError(f"{asked.city}: a street that is not simulated; expected --key-file FILE with a key (`citybrain keys add`)")
    ring = importlib.import_module("citybrain.service.keys").KeyRing(settings.keep.folder / "keys.json", time.time)
    return module.Client(address, module.own_key(settings.keep.folder, ring, time.time()))


def order(name: str, noun: type[Any], role: Role) -> Callable[..., None]:
    """The verb of one command: what it needs are arguments, what it may have are options."""
    hints = get_type_hints(noun)

    def give(context: typer.Context, **words: Any) -> None:
        hand_in(context.obj, name, {key: of_words(hints[key], value, key) for key, value in words.items()})

    own = [parameter(one, hints[one.name]) for one in fields(noun)]
    first = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    give.__signature__ = inspect.Signature([first, *own])  # type: ignore[attr-defined]
    give.__annotations__ = {one.name: one.annotation for one in (first, *own)}
    give.__name__, give.__doc__ = name, f"{noun.__doc__} Needs the role {role}."
    return give


def parameter(one: Field[Any], hint: Any) -> inspect.Parameter:
    """How the command line takes one entry of a noun."""
    taken: Any = list[str] if hint in (STAGES, tuple[str, ...]) else str if issubclass(hint, StrEnum) else hint
    needed = one.default is MISSING
    told = (typer.Argument if needed else typer.Option)(help=HELP.get(one.name, ""))
    default = inspect.Parameter.empty if needed else [] if taken == list[str] else one.default
    return inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[taken, told])


def of_words(hint: Any, value: Any, name: str) -> Any:
    """What was typed, as the body of the request has it; ConfigError for what no such entry can be."""
    if hint == STAGES:
        return [stage_of(word) for word in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name} {value}: expected a finite number")
    if isinstance(hint, type) and issubclass(hint, StrEnum) and value not in tuple(hint):
        raise ConfigError(f"{name} {value!r}; {nearest(value, [one.value for one in hint])}")
    return list(value) if isinstance(value, tuple) else value


def stage_of(word: str) -> tuple[int, float]:
    """`2:25` → phase 2, 25 s of green."""
    phase, _, green_s = word.partition(":")
    try:
        found = int(phase), float(green_s)
    except ValueError:
        found = 0, math.nan
    if found[0] < 1 or not math.isfinite(found[1]):
        raise ConfigError(f"stage {word!r}: expected PHASE:GREEN_S, such as 2:25")
    return found


def hand_in(asked: Asked, name: str, body: dict[str, Any]) -> None:
    """One order, and what became of it; exit code 1 where the service judged it and said no."""
    answer = client_of(asked).command(name, body)
    if asked.as_json:
        print(json.dumps(answer.body, ensure_ascii=False))
    else:
        console.print(f"record {answer.body['number']}: {answer.sentence}", highlight=False, markup=False, soft_wrap=True)
    if not answer.body["accepted"]:
        raise typer.Exit(1)


for _name, (_noun, _role) in COMMANDS.items():
    ask_app.command(_name.replace("_", "-"))(order(_name, _noun, _role))


def show(asked: Asked, path: str, columns: tuple[str, ...], **query: str | float | None) -> None:
    """The rows of a route as a table, or as JSON."""
    found = client_of(asked).get(path, **query)
    if asked.as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    table = Table(*(Column(name, overflow="fold") for name in columns), box=None)
    for row in found:
        table.add_row(*(escape(cell(row.get(name))) for name in columns))
    console.print(table)


def cell(value: Any) -> str:
    """A value in a table."""
    if isinstance(value, dict):
        return str(value.get("en") or " ".join(f"{k} {v}" for k, v in value.items()))
    return "-" if value is None or value == "" else " ".join(f"{p}:{g:g}" for p, g in value) if isinstance(value, list) else str(value)


@ask_app.command()
def signals(context: typer.Context) -> None:
    """List the signals: mode, health, phase, queued vehicles, congestion index now and in 15 minutes."""
    show(context.obj, "/v1/signals", ("id", "mode", "health", "phase", "queue_veh", "congestion", "congestion_15", "override"))


@ask_app.command()
def detail(context: typer.Context, signal: Annotated[str, typer.Argument(help="its id")]) -> None:
    """Show everything of one signal now, as JSON."""
    print(json.dumps(client_of(context.obj).get(f"/v1/signals/{quoted(signal)}"), ensure_ascii=False, indent=1))


@ask_app.command()
def alarms(context: typer.Context) -> None:
    """List what needs somebody's eye."""
    show(context.obj, "/v1/alarms", ("level", "kind", "signal", "since_s", "sentence"))


@ask_app.command()
def proposals(context: typer.Context) -> None:
    """List the plans that wait for approval."""
    show(context.obj, "/v1/proposals", ("number", "signal", "by", "stages", "cycle_s", "offset_s", "reason"))


@ask_app.command()
def kpi(context: typer.Context) -> None:
    """Show congestion, throughput and delay now, and before against after, as JSON."""
    print(json.dumps(client_of(context.obj).get("/v1/kpi"), ensure_ascii=False, indent=1))


@ask_app.command()
def plans(
    context: typer.Context,
    signal: Annotated[str, typer.Argument(help="its id")],
    limit: Annotated[int, typer.Option(help="the newest so many")] = 20,
) -> None:
    """List the plans that a signal ran, newest first: for `citybrain ask roll-back`."""
    columns = ("number", "at_s", "by", "stages", "cycle_s", "offset_s", "reason")
    show(context.obj, f"/v1/signals/{quoted(signal)}/plans", columns, limit=limit)


def quoted(signal: str) -> str:
    """A signal's id as a part of a path."""
    return importlib.import_module("urllib.parse").quote(signal, safe="")  # type: ignore[no-any-return]
