"""`citybrain train`: the shared policy, from options, a preset or a TOML file; killed at any moment it goes on with --resume RUN."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from statistics import fmean
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from citybrain.train_config import train_args

console = Console()


def train(
    scenarios: Annotated[str, typer.Option(help="names or folders, separated by commas")] = "",
    run: Annotated[str, typer.Option("--run", help="run folder: checkpoints, TensorBoard (tb/), exported policy (policy/)")] = "",
    steps: Annotated[int | None, typer.Option(help="decisions x signals to train for")] = None,
    seed: Annotated[int | None, typer.Option(help="of weights and episodes")] = None,
    resume: Annotated[str, typer.Option(help="run folder to go on with, where its last checkpoint is")] = "",
    rules: Annotated[str | None, typer.Option(help="resco, free or street")] = None,
    forecast: Annotated[str | None, typer.Option(help="forecaster in the loop: a model's name, or none  [default: residual]")] = None,
    jobs: Annotated[int | None, typer.Option(help="simulations at a time, each in its own process")] = None,
    config: Annotated[str, typer.Option(help="TOML file with any field of rl.train_args.TrainArgs")] = "",
    preset: Annotated[str, typer.Option(help="one of ours: shared (futures), ppo, value, arterial, quick")] = "",
) -> None:
    """Train the shared policy on all signals of the scenarios, and export it as arrays and a JSON card.

    Options override what a preset or a file says.
    """
    options: dict[str, Any] = {"steps": steps, "seed": seed, "rules": rules, "forecast": forecast, "jobs": jobs, "run": run or None}
    options["scenarios"] = scenarios.split(",") if scenarios else None
    args = train_args(preset, config, resume, options)
    run_it = run_improvement if args.method == "futures" else run_training
    policy = run_it(args, " ".join(["citybrain", *sys.argv[1:]]))
    console.print(f"policy in {escape(str(policy))}; try it: citybrain evaluate SCENARIO --controller policy:{escape(str(policy))}")


def run_training(args: Any, command: str, watch: Any = None) -> Any:
    """Train with everything that belongs to this layer, under a progress bar; the policy's folder. `watch` hears of it as well."""
    training = importlib.import_module("rl.train")
    importlib.import_module("citybrain.forecasts").check_name(args.forecast)
    judging = importlib.import_module("citybrain.judge")
    with judging.EpisodeJudge(args.validated_on, args.validate_seeds, args.rules, args.forecast, args.episode_s, args.jobs) as judge:
        return under_bar(training, args, command, judge if args.validate_checkpoints else None, watch)


def run_improvement(args: Any, command: str) -> Any:
    """Rounds of lessons from exact futures, under a progress bar; the policy's folder."""
    improvement = importlib.import_module("rl.improve")
    importlib.import_module("citybrain.forecasts").check_name(args.forecast)
    judging, make = importlib.import_module("citybrain.judge"), forecaster_maker(args.forecast)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} episodes"), TimeRemainingColumn()
    )
    with judging.EpisodeJudge(args.validated_on, args.validate_seeds, args.rules, args.forecast, 0.0, args.jobs) as judge, bar:
        task = bar.add_task("measuring the baselines" if args.validate_seeds else "futures", total=None)

        def show(now: Any) -> None:
            bar.update(task, completed=now.done, total=now.of)
            if now.taught is not None:
                one = now.taught
                bar.update(task, description=escape(f"futures: {one.lessons} lessons from {one.scenario}, demand x{one.demand:g}"))
            if now.verdict is not None:
                bar.console.print(escape(verdict_words(f"after {now.done} episodes", now.verdict, now.best)))

        return improvement.improve(args, make, show, command, judge=judge)


def forecaster_maker(name: str) -> Any:
    """What makes the forecaster of an episode, fit to be sent to other processes; None for no forecast."""
    return None if name == "none" else partial(importlib.import_module("citybrain.forecasts").forecaster_for, name)


def under_bar(training: Any, args: Any, command: str, judge: Any, watch: Any) -> Any:
    """Train, showing where it stands; the policy's folder."""
    make = forecaster_maker(args.forecast)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn())
    with bar:
        task = bar.add_task("training" if judge is None else "measuring the baselines", total=args.steps)

        def show(now: Any) -> None:
            bar.update(task, completed=min(now.steps, now.of), description=escape(progress_words(now, bar.tasks[task].description)))
            for verdict in now.verdicts:
                bar.console.print(escape(verdict_words(f"at {now.steps} steps", verdict, now.best)))
            if watch is not None:
                watch(now)

        return training.train(args, make, show, command, make_street=importlib.import_module("citybrain.detected").detected, judge=judge)


def progress_words(now: Any, before: str) -> str:
    """Delays of the episodes that just ended, beside what planner and fixed program have on the validation seeds."""
    if not now.episodes:
        return "training" if before.startswith("measuring") else before
    latest = {episode.scenario: episode for episode in now.episodes}
    words = []
    for name, episode in list(latest.items())[-3:]:
        beside = ""
        # Episodes explore, so they are a little worse than the policy; of another demand they would not compare at all.
        if episode.drawn.as_given and now.baselines_s:
            beside = " (" + ", ".join(f"{who} {fmean(d[name]):.1f}" for who, d in now.baselines_s.items() if name in d) + ")"
        words.append(f"{name} {episode.delay_s:.1f} s/veh{'' if episode.drawn.as_given else ' varied'}{beside}")
    return "exploring: " + ", ".join(words)


def verdict_words(when: str, verdict: Any, best: Any) -> str:
    """A validation in one line."""
    delays = ", ".join(f"{name} {fmean(d):.1f} (worst {max(d):.1f})" for name, d in verdict.delays_s.items())
    mark = ", best so far" if verdict is best else ""
    return f"validated {when}: {delays} s/veh; against rolling_horizon worst {verdict.worst:.3f}, mean {verdict.mean:.3f}{mark}"
