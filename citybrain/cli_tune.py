"""`citybrain tune`: a search for better training arguments; run again to go on."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from citybrain.cli_train import run_training
from citybrain.output import write_text
from citybrain.train_config import train_args

console = Console()


def tune(
    trials: Annotated[int, typer.Option(help="finished or pruned ones, those of earlier sessions counted")] = 20,
    config: Annotated[str, typer.Option(help="TOML file with the training run that is varied")] = "",
    preset: Annotated[str, typer.Option(help="one of ours: quick, shared, arterial, value")] = "",
    run: Annotated[str, typer.Option("--run", help="folder of the search: study.db, trials/, best.toml")] = "",
    steps: Annotated[int | None, typer.Option(help="of each trial")] = None,
    jobs: Annotated[int | None, typer.Option(help="simulations at a time, each in its own process")] = None,
    out: Annotated[str, typer.Option(help="write the best arguments here as well")] = "",
) -> None:
    """Vary the learning arguments of a run (Optuna, median pruner), and print the best as TOML."""
    tuning = importlib.import_module("rl.tune")
    base = train_args(preset, config, "", {"run": run or None, "steps": steps, "jobs": jobs})
    command = " ".join(["citybrain", *sys.argv[1:]])

    def training(args: Any, watch: Any) -> Any:
        return run_training(args, command, watch)

    best = tuning.tune(base, trials, training, lambda words: console.print(escape(words)))
    text = tuning.as_toml(best)
    for place in (Path(base.run) / "best.toml", *([Path(out)] if out else [])):
        write_text(place, text)
    console.print(escape(text))
