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
    state: State = STATE,
) -> None:
    """Make a key and print it, this once; only its hash is kept."""
    keys, desk = importlib.import_module("citybrain.service.keys"), importlib.import_module("citybrain.service.desk")
    token, key = ring(state).add(name, named(desk.Role, role, "--role"), named(keys.Purpose, purpose, "--purpose"), days)
    # The key alone goes to the standard output, so that it can be piped to where it is needed.
    print(token)
    print(f"{key.who}: {key.role}, to {key.purpose}, until {day(key.expires_s)}; it is not shown again", file=sys.stderr)


@keys_app.command("list")
def listed(state: State = STATE) -> None:
    """Who has a key, for what and until when."""
    now_s = time.time()
    table = Table("id", "name", "role", "purpose", "made", "until", "", box=None)
    for key in ring(state).all():
        note = f"revoked {day(key.revoked_s)}" if key.revoked_s is not None else "" if key.alive(now_s) else "expired"
        table.add_row(key.id, escape(key.name), key.role, key.purpose, day(key.made_s), day(key.expires_s), note)
    console.print(table if table.row_count else "no keys; `citybrain keys add NAME` makes one")


@keys_app.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="id, as `citybrain keys list` shows it")], state: State = STATE) -> None:
    """End a key at once, its sessions and streams included; a running service notices by itself."""
    ended = ring(state).revoke(key)
    console.print(f"{ended.who} is revoked", markup=False)


@audit_app.command("verify")
def verify(
    state: State = STATE,
    anchor: Annotated[str, typer.Option(help="NUMBER:HASH of a record, noted earlier and elsewhere")] = "",
) -> None:
    """Check every record of the trail, while the service runs if it does; exit code 1 and the first bad record's number if one is bad."""
    audit = importlib.import_module("citybrain.service.audit")
    verdict = audit.verify(state / STORE, audit.anchored(anchor) if anchor else None)
    if verdict.first_bad is not None:
        print(f"citybrain: {state / STORE}: {verdict.sentence}", file=sys.stderr)
        raise typer.Exit(1)
    console.print(f"{verdict.sentence}; note the newest elsewhere: {verdict.head}", markup=False, soft_wrap=True)


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
