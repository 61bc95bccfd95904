"""Search for better training arguments: Optuna over short runs, judged on seeds not trained on; killed at any moment it goes on.

Studies lie in an SQLite file in the run folder, each trial's training in a folder beside it. A trial that was cut off is asked again
with the same arguments, and its training goes on from its last checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna

from rl.selection import Verdict, score
from rl.train import Progress
from rl.train_args import TrainArgs
from rl.validation import REFERENCE
from signals.errors import ConfigError

STUDY, STORAGE, TRIALS = "citybrain", "study.db", "trials"


@dataclass(frozen=True, slots=True)
class Range:
    """A number between two bounds."""

    low: float
    high: float
    log: bool = False


SPACE: dict[str, Range | tuple[float, ...]] = {
    "lr": Range(1e-4, 3e-3, log=True),
    "gamma": Range(0.8, 0.98),
    "gae_lambda": Range(0.8, 1.0),
    "entropy": Range(3e-4, 2e-2, log=True),
    "prior": Range(0.5, 8.0, log=True),
    "batch": (240, 480, 960),
    "epochs": (2, 4, 8),
}
"""Argument -> what is tried. A new one is a line here."""
TAUGHT_BY_VALUE = ("lr", "gamma", "prior", "batch")  # of these, what the value method knows


@dataclass(frozen=True, slots=True)
class Trial:
    """A finished search's best: its arguments and its score, 1 is level with the reference."""

    number: int
    score: float
    arguments: Mapping[str, float]


RunTraining = Callable[[TrainArgs, Callable[[Progress], None]], Path]
"""Trains with these arguments, telling how it goes; the layer above knows with which forecaster and judge."""


def tune(base: TrainArgs, trials: int, run_training: RunTraining, told: Callable[[str], None] | None = None) -> Trial:
    """Search until there are so many finished or pruned trials; the best one."""
    if not base.validate_checkpoints:
        raise ConfigError("tune: validate_checkpoints is 0; expected a run that is validated, for that is what a trial is judged by")
    run = Path(base.run)
    run.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{(run / STORAGE).resolve()}",
        study_name=STUDY,
        load_if_exists=True,
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=1),
    )
    _ask_again(study)
    while (left := trials - _ended(study)) > 0:
        # The sampler's chance depends on how many there are, not on how often the search was interrupted.
        study.sampler = optuna.samplers.TPESampler(seed=base.seed + 1000 * (trials - left), n_startup_trials=4)
        study.optimize(lambda trial: _tried(trial, base, run, run_training), n_trials=1)
        if told is not None:
            told(_words(study.trials[-1]))
    if not any(one.state is optuna.trial.TrialState.COMPLETE for one in study.trials):
        raise ConfigError(f"{run}: no trial ended whole; expected more trials")
    best = study.best_trial
    return Trial(best.number, float(best.values[0]), dict(best.params))


def _ask_again(study: Any) -> None:
    """A killed session leaves its trial running for ever: it failed, and its arguments come again."""
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)


def _ended(study: Any) -> int:
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return len(study.get_trials(deepcopy=False, states=states))


def _tried(trial: Any, base: TrainArgs, run: Path, run_training: RunTraining) -> float:
    """Train with the suggested arguments; the score of the last validation. Hopeless ones end early."""
    drawn: dict[str, Any] = {name: suggested(trial, name) for name in SPACE if base.method == "ppo" or name in TAUGHT_BY_VALUE}
    word = hashlib.sha256(json.dumps(drawn, sort_keys=True).encode()).hexdigest()[:10]
    args = replace(base, run=str(run / TRIALS / word), resume=True, **drawn)
    scores: list[float] = []

    def heard(now: Progress) -> None:
        for verdict in now.verdicts:
            scores.append(scored(verdict, now))
            trial.report(scores[-1], len(scores))
            if trial.should_prune():
                raise optuna.TrialPruned

    run_training(args, heard)
    if not scores:
        raise ConfigError(f"tune: the trial in {args.run} was never validated; expected more steps, or validation more often")
    return min(scores)


def scored(verdict: Verdict, now: Progress) -> float:
    """The verdict's score against the run's own baselines."""
    return score(verdict.delays_s, (now.baselines_s or {})[REFERENCE])


def suggested(trial: Any, name: str) -> float:
    """The trial's value of one argument."""
    space = SPACE[name]
    if isinstance(space, Range):
        found: float = trial.suggest_float(name, space.low, space.high, log=space.log)
    else:
        found = trial.suggest_categorical(name, list(space))
    return found


def _words(trial: Any) -> str:
    value = "no score" if not trial.values else f"score {trial.values[0]:.4f}"
    return f"trial {trial.number} {trial.state.name.lower()}, {value}: " + ", ".join(f"{k} = {v:.4g}" for k, v in trial.params.items())


def as_toml(trial: Trial) -> str:
    """The best arguments as lines for a config file."""
    head = f"# trial {trial.number}: validation score {trial.score:.4f}, where 1 is level with {REFERENCE}\n"
    return head + "".join(f"{name} = {value!r}\n" for name, value in trial.arguments.items())
