"""`citybrain leaderboard`: every controller on every network under every condition, as JSON and one HTML page."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from citybrain import assemble
from citybrain.conditions import CONDITIONS, conditions_of

console = Console()


def leaderboard(
    scenarios: Annotated[str, typer.Option(help="names or folders, separated by commas; else all of `citybrain scenarios`")] = "",
    controllers: Annotated[str, typer.Option(help="names, separated by commas; policy:FOLDER is one too")] = ",".join(assemble.CONTROLLERS),
    conditions: Annotated[str, typer.Option(help="names, separated by commas")] = ",".join(CONDITIONS),
    seeds: Annotated[str, typer.Option(help="10 means 1 to 10; or a list 3,5 or a range 101-110")] = "10",
    jobs: Annotated[int, typer.Option(help="episodes at a time")] = 2,
    out: Annotated[Path, typer.Option(help="folder for results, JSON and page; run again to resume")] = Path("out/leaderboard"),
    rules: Annotated[str, typer.Option(help="resco, free or street")] = "resco",
    against: Annotated[str, typer.Option(help="the controllers that the others are compared with, in pairs")] = "rolling_horizon,actuated",
    forecast: Annotated[str, typer.Option(help="forecaster in the loop: a model's name, a folder, or none")] = "residual",
) -> None:
    """Run every controller x network x condition x seed in parallel, and rank them by delay in pairs of the same traffic."""
    # The benchmarks stand above this package, so they are found by name, like every other part.
    board = importlib.import_module("benchmarks.leaderboard")
    catalogue = importlib.import_module("sumo_nets.scenario").catalogue()
    names = scenarios.split(",") if scenarios else [one.name for one in catalogue if one.available]
    seeds_of = importlib.import_module("citybrain.cli").seeds_of
    code = board.leaderboard(
        names, controllers.split(","), conditions_of(conditions.split(",")), seeds_of(seeds), jobs, out, rules,
        against.split(","), console, forecast=forecast,
    )  # fmt: skip
    raise typer.Exit(code)
