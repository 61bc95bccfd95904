"""`citybrain doctor`, `backup` and `restore`: what is wrong and how to mend it; everything in one file, and back."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

CITY = "the city's file, city.toml"
COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}
console = Console()


def doctor(
    city: Annotated[Path, typer.Argument(help=CITY)] = Path("out/serve/city.toml"),
    thorough: Annotated[bool, typer.Option("--thorough", help="read large files too: net, store, every sample")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the findings as JSON")] = False,
) -> None:
    """Say what is wrong with a service, running or not, and how to mend it. Exit code 0: well; 1: warnings; 2: something is broken."""
    module = importlib.import_module("citybrain.service.doctor")
    found = []
    for one in module.examined(city, time.time(), thorough):
        found.append(one)
        if not as_json:
            colour = COLOURS[one.level]
            console.print(f"[{colour}]{one.level:<4}[/{colour}]  {one.what:<10}  {escape(one.sentence)}", highlight=False, soft_wrap=True)
            if one.remedy:
                console.print(f"                  → {one.remedy}", highlight=False, markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps([one.as_json() for one in found], ensure_ascii=False, indent=1))
    raise typer.Exit(module.exit_code([one.level for one in found]))


def backup(
    out: Annotated[Path, typer.Argument(help="the file to write, such as city.tar; must not be there yet")],
    city: Annotated[Path, typer.Option(help=CITY)] = Path("out/serve/city.toml"),
) -> None:
    """Store, keys, samples and city.toml in one file, as of one moment, while the service runs."""
    made = importlib.import_module("citybrain.service.backup").backup(city, out, time.time())
    size = sum(number for number, _ in made.files.values())
    console.print(
        f"{out}: {len(made.files)} files, {size / 2**20:.1f} MB; trail: {made.verdict}", markup=False, highlight=False, soft_wrap=True
    )


def restore(
    tar: Annotated[Path, typer.Argument(help="a backup")],
    to: Annotated[Path, typer.Option(help="folder for city.toml, and for the state where that names a folder beside it")],
    state: Annotated[Path | None, typer.Option(help="folder for the state, wherever it is")] = None,
    database: Annotated[
        str | None, typer.Option(help="the database for the store, postgresql://USER@HOST/NAME, whatever it was kept on; '': a file")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="though there is something already; it is kept aside")] = False,
) -> None:
    """Put a backup back, once it is found whole. Stop the service first; its lock is asked for."""
    module = importlib.import_module("citybrain.service.restore")
    found = module.restore(tar, to, time.time(), state=state, database=database, force=force)
    places = [str(found.kept)] if found.kept else []
    places += [f"the database's schema {found.kept_tables}"] if found.kept_tables else []
    aside = f"; what stood there is in {' and '.join(places)}" if places else ""
    console.print(f"{found.folder}: restored, {found.manifest.verdict}{aside}", markup=False, highlight=False, soft_wrap=True)
    if found.warning:
        console.print(f"heed: {found.warning}", markup=False, highlight=False, soft_wrap=True)
