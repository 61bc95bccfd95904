"""`citybrain keys` and `citybrain audit`: who may use the service, and whether what it wrote down is still what it wrote down."""

from __future__ import annotations

import importlib
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from citybrain.assemble import nearest
from signals.errors import ConfigError

STATE = Path("state")
State = Annotated[Path, typer.Option("--folder", help="the service's folder: keep.folder of city.toml; of a demo out/serve/state")]
STORE = "city.db"

console = Console()
keys_app = typer.Typer(no_args_is_help=True, help="API keys: add, list, revoke. There is none until one is added.")
audit_app = typer.Typer(no_args_is_help=True, help="The audit trail of people's commands.")


@keys_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="whose it is; records name it, and a sensors' source is called so")],
    role: Annotated[str, typer.Option(help="viewer, engineer, operator or admin")] = "viewer",
    purpose: Annotated[str, typer.Option(help="serve (people), ingest (sensors) or train (reads data, commands nothing)")] = "serve",
    days: Annotated[float, typer.Option(help="how long it lives")] = 90.0,
    sensors: Annotated[
        list[str] | None,
        typer.Option(
            help="of a key to ingest: signals or sensors it speaks for, such as 'A0', 'north-*' or '*/count/*'; '*': all. Repeatable"
        ),
    ] = None,
    state: State = STATE,
) -> None:
    """Make a key and print it, this once; only its hash is kept."""
    keys, desk = importlib.import_module("citybrain.service.keys"), importlib.import_module("citybrain.service.desk")
    chosen = named(keys.Purpose, purpose, "--purpose")
    if chosen is keys.Purpose.INGEST and not sensors:
        raise ConfigError(f"key {name}: --sensors PATTERN must say which signals or sensors it speaks for; '*' for all of them")
    token, key = ring(state).add(name, named(desk.Role, role, "--role"), chosen, days, sensors=tuple(sensors) if sensors else None)
    # The key alone goes to the standard output, so that it can be piped to where it is needed.
    print(token)
    scope = f" {', '.join(key.sensors)}" if key.sensors else ""
    print(f"{key.who}: {key.role}, to {key.purpose}{scope}, until {day(key.expires_s)}; it is not shown again", file=sys.stderr)


@keys_app.command("list")
def listed(state: State = STATE) -> None:
    """Who has a key, for what and until when."""
    now_s = time.time()
    table = Table("id", "name", "role", "purpose", "sensors", "made", "until", "", box=None)
    for key in ring(state).all():
        note = f"revoked {day(key.revoked_s)}" if key.revoked_s is not None else "" if key.alive(now_s) else "expired"
        table.add_row(
            key.id, escape(key.name), key.role, key.purpose, escape(" ".join(key.sensors)), day(key.made_s), day(key.expires_s), note
        )
    console.print(table if table.row_count else "no keys; `citybrain keys add NAME` makes one")


@keys_app.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="id, as `citybrain keys list` shows it")], state: State = STATE) -> None:
    """End a key at once, its sessions and streams included; a running service notices by itself."""
    ended = ring(state).revoke(key)
    console.print(f"{ended.who} is revoked", markup=False)


@audit_app.command("verify")
def verify(
    state: State = STATE,
    city: Annotated[Path | None, typer.Option(help="the city's file, city.toml, in place of --folder; for a store on PostgreSQL")] = None,
    anchor: Annotated[str, typer.Option(help="NUMBER:HASH of a record, noted earlier and elsewhere")] = "",
) -> None:
    """Check every record of the trail, while the service runs if it does; exit code 1 and the first bad record's number if one is bad."""
    audit = importlib.import_module("citybrain.service.audit")
    place = store_of(city) if city is not None else state / STORE
    verdict = audit.verify(place, audit.anchored(anchor) if anchor else None)
    if verdict.first_bad is not None:
        print(f"citybrain: {place}: {verdict.sentence}", file=sys.stderr)
        raise typer.Exit(1)
    console.print(f"{verdict.sentence}; note the newest elsewhere: {verdict.head}", markup=False, soft_wrap=True)


@audit_app.command("list")
def records(
    state: State = STATE,
    city: Annotated[Path | None, typer.Option(help="the city's file, city.toml, in place of --folder; for a store on PostgreSQL")] = None,
    what: Annotated[str, typer.Option(help="only records of this kind, such as denied or override")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="the newest so many")] = 20,
) -> None:
    """Show the newest records, oldest first: who asked what, and what became of it. `--what denied`: requests that were refused."""
    audit = importlib.import_module("citybrain.service.audit")
    found = audit.newest(store_of(city) if city is not None else state / STORE, limit, what)
    rows = [("no.", "time (UTC)", "who", "what", "outcome", "")]
    for one in found:
        told = "" if one["what"] != "denied" else ", ".join(f"{name} x {times}" for name, times in one["args"]["routes"].items())
        moment = datetime.fromtimestamp(one["at_s"], UTC).strftime("%Y-%m-%d %H:%M:%S")
        rows.append((str(one["number"]), moment, one["who"], one["what"], one["outcome"], told))
    if not found:
        print("no such records")
    elif console.is_terminal:
        table = Table(*rows[0], box=None)
        for row in rows[1:]:
            table.add_row(*map(escape, row))
        console.print(table)
    else:  # whoever reads it from a pipe wants a line a record
        print("\n".join("\t".join(row) for row in rows))


def store_of(city: Path) -> Any:
    """Where a city's file says that its store is."""
    keep = importlib.import_module("citybrain.service.settings").city_settings(city).keep
    return importlib.import_module("citybrain.service.schema").place_of(keep.folder, keep.database)


def ring(state: Path) -> Any:
    """The keys of a service's folder."""
    return importlib.import_module("citybrain.service.keys").KeyRing(state / "keys.json", time.time)


def named(kind: Any, word: str, option: str) -> Any:
    """A member of an enumeration; ConfigError with the nearest one."""
    known = [member.value for member in kind]
    if word not in known:
        raise ConfigError(f"{option} {word!r}: {nearest(word, known)}")
    return kind(word)


def day(moment_s: float) -> str:
    """A date, UTC."""
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%d")
