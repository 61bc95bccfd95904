"""A training run's folder: args.json, origin.json (command and commit), checkpoints/, tb/, policy/, and with validation baselines.json,
evaluations.json, candidates/ and best/. Whoever trains by another method keeps to it, and export and selection work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rl import checkpoint
from rl.checkpoint import State
from rl.export import commit, export
from rl.network_torch import scorer_of
from rl.scorer import mean_of
from rl.train_args import FIRST_TRAINING_SEED, MAY_CHANGE, SEEDS_A_RUN, TrainArgs
from signals.errors import ConfigError
from signals.planners.rolling_horizon import Pricing

ARGS, ORIGIN = "args.json", "origin.json"
POLICY, BEST, CANDIDATES = "policy", "best", "candidates"


def claim(run: Path, args: TrainArgs, command: str) -> Path | None:
    """Make the run folder this run's; the checkpoint to go on from, None for a fresh start."""
    last = checkpoint.newest(run)
    given = json.loads(json.dumps(asdict(args)))
    if (run / ARGS).is_file() and last is not None:
        if not args.resume:
            raise ConfigError(f"{run}: already holds a run ({last.name}); resume it or name another folder")
        before = json.loads(json.dumps(asdict(TrainArgs((), 0, "")))) | stored_args(run)
        for name, value in given.items():
            if name not in MAY_CHANGE and before[name] != value:
                raise ConfigError(f"{run}: was started with {name} {before[name]!r}; it cannot go on with {value!r}")
    try:
        (run / checkpoint.FOLDER).mkdir(parents=True, exist_ok=True)
        write_json(run / ARGS, given)
        if last is None:
            write_json(run / ORIGIN, {"command": command, "commit": commit()})
    except OSError as error:
        raise ConfigError(f"{run}: the run folder cannot be written: {error}") from error
    return last


def stored_args(run: Path) -> dict[str, Any]:
    """The arguments a run was started with; ConfigError where there are none."""
    return read_json(run / ARGS)


def about(run: Path, states: Sequence[State]) -> dict[str, Any]:
    """What the card of a mean of checkpoints tells of its training."""
    args = stored_args(run)
    first, episodes = FIRST_TRAINING_SEED + SEEDS_A_RUN * int(args["seed"]), states[-1].episode
    made = [f"generated {one}" for one in args.get("generated", [])]
    steps = [int(state.content["steps"]) for state in states]
    return {
        "trained_on": [*args["scenarios"], *made],
        "training_seeds": f"{first} to {first + max(episodes - 1, 0)}, one an episode",
        "steps": steps[-1],
        "episodes": episodes,
        "mean_of_checkpoints_at_steps": steps,
        **(read_json(run / ORIGIN) if (run / ORIGIN).is_file() else {}),
        "pricing": asdict(Pricing()),
        "args": {name: value for name, value in args.items() if name not in ("run", "resume")},
    }


def export_mean(run: Path, of: Sequence[Path], folder: Path, further: Mapping[str, Any] | None = None) -> Path:
    """Export the mean of some checkpoints, with its card; the folder."""
    states = [checkpoint.load(path) for path in of]
    prior = float(stored_args(run)["prior"])
    scorer = mean_of([scorer_of(state.content["policy"], prior) for state in states])
    export(scorer, folder, about(run, states) | dict(further or {}))
    return folder


def read_json(path: Path) -> dict[str, Any]:
    """A JSON table; ConfigError where there is none."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected a training run's folder") from error
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: holds no table; expected a training run's folder")
    return table


def write_json(path: Path, table: Mapping[str, Any]) -> None:
    """Write it whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
