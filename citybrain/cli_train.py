"""`citybrain train`: the shared policy, from options or a TOML file; killed at any moment it goes on with --resume."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from citybrain.config import configured
from signals.errors import ConfigError

console = Console()


def train(
    scenarios: Annotated[str, typer.Option(help="names or folders, separated by commas")] = "",
    run: Annotated[str, typer.Option("--run", help="run folder: checkpoints, TensorBoard (tb/), exported policy (policy/)")] = "",
    steps: Annotated[int, typer.Option(help="decisions x signals to train for")] = 100_000,
    seed: Annotated[int, typer.Option(help="of weights and episodes")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="go on where the last checkpoint is")] = False,
    rules: Annotated[str, typer.Option(help="resco, free or street")] = "resco",
    forecast: Annotated[str, typer.Option(help="forecaster in the loop: a model's name, or none")] = "residual",
    config: Annotated[str, typer.Option(help="TOML file with any field of rl.train.TrainArgs, instead of the options")] = "",
) -> None:
    """Train the shared policy with PPO on all signals of the scenarios, and export it as arrays and a JSON card."""
    training = importlib.import_module("rl.train")
    if config:
        args = configured(Path(config), training.TrainArgs)
    elif scenarios and run:
        args = training.TrainArgs(tuple(scenarios.split(",")), steps, run, seed, resume, rules)
    else:
        raise ConfigError("expected --scenarios and --run, or --config FILE")
    forecasts = importlib.import_module("citybrain.forecasts")
    make = None if forecast == "none" else (lambda scenario, network: forecasts.forecaster_for(forecast, scenario, network))
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn())
    with bar:
        task = bar.add_task("training", total=args.steps)

        def show(now: Any) -> None:
            rewards = ", ".join(f"{e.scenario} {e.reward:.3f}" for e in now.episodes[-3:])
            bar.update(task, completed=now.steps, description=f"training; mean reward {rewards}")

        policy = training.train(args, make, show, " ".join(["citybrain", *sys.argv[1:]]))
    console.print(f"policy in {policy}; try it: citybrain evaluate SCENARIO --controller policy:{policy}")
