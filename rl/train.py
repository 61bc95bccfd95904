"""Training of the shared policy: PPO over all signals of several scenarios, killable at any time and resumable.

`train(TrainArgs(...))` writes a run folder: args.json, checkpoints/ (model, optimiser, step count, random states), tb/
(TensorBoard) and policy/, the exported mean of the last checkpoints.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure

from rl import checkpoint
from rl.export import export
from rl.network_torch import RealRows, ScorerPolicy, scorer_of
from rl.scorer import PRIOR, mean_of
from rl.simulation import MakeForecaster, Site, site
from rl.vector import Episode, SignalRows
from signals.errors import ConfigError
from signals.planners.rolling_horizon import Pricing
from sumo_nets.scenario import check, scenario

ARGS = "args.json"
FIRST_TRAINING_SEED = 1000  # lower seeds are for validation and for reported figures
MAY_CHANGE = ("steps", "resume", "checkpoint_rollouts", "average", "run")


@dataclass(frozen=True, slots=True)
class TrainArgs:
    """One training run. `steps` counts decisions times rows, as Stable-Baselines3 does."""

    scenarios: tuple[str, ...]
    steps: int
    run: str
    seed: int = 0
    resume: bool = False
    rules: str = "resco"
    lr: float = 1e-3
    gamma: float = 0.9
    gae_lambda: float = 0.9
    batch: int = 480
    epochs: int = 4
    entropy: float = 0.005
    clip: float = 0.2
    prior: float = PRIOR
    rollout_decisions: int = 0  # 0: a round, one whole episode of every scenario
    episode_s: float = 0.0  # 0: the scenario's own hour
    checkpoint_rollouts: int = 2
    average: int = 5  # checkpoints whose mean is exported


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands after a rollout; `episodes` ended during it."""

    steps: int
    of: int
    episodes: tuple[Episode, ...]


def train(
    args: TrainArgs,
    make_forecaster: MakeForecaster | None = None,
    progress: Callable[[Progress], None] | None = None,
    command: str = "",
) -> Path:
    """Train, or go on where the last checkpoint is; the folder of the exported policy."""
    run = Path(args.run)
    sites = checked(args)
    last = claim(run, args)
    torch.set_num_threads(1)
    state = checkpoint.load(last) if last is not None else None
    env = SignalRows(sites, FIRST_TRAINING_SEED + 100_000 * args.seed, state.episode if state else 0, make_forecaster)
    try:
        model = ppo(args, env)
        model.set_logger(configure(str(run / "tb"), ["tensorboard"]))
        if state is not None:
            checkpoint.restore(model, state)
        left = args.steps - model.num_timesteps
        if left > 0:
            watch = Watch(args, env, run, progress)
            model.learn(left, callback=watch, reset_num_timesteps=False)
            checkpoint.save(model, env.episode, run)
        last_few = [checkpoint.load(path).content["policy"] for path in checkpoint.files(run)[-args.average :]]
        scorer = mean_of([scorer_of(weights, args.prior) for weights in last_few])
        export(scorer, run / "policy", card(args, model.num_timesteps, env.episode, command))
    finally:
        env.close()
    return run / "policy"


def checked(args: TrainArgs) -> list[Site]:
    """The scenarios, read; ConfigError where the arguments cannot be trained with."""
    if not args.scenarios:
        raise ConfigError("train: no scenarios; expected at least one")
    for name in ("steps", "lr", "gamma", "gae_lambda", "batch", "epochs", "clip", "checkpoint_rollouts", "average"):
        if not getattr(args, name) > 0:
            raise ConfigError(f"train: {name} is {getattr(args, name)!r}; expected more than 0")
    for name in ("gamma", "gae_lambda"):
        if not getattr(args, name) <= 1:
            raise ConfigError(f"train: {name} is {getattr(args, name)!r}; expected at most 1")
    for name in ("entropy", "prior", "rollout_decisions", "episode_s", "seed"):
        if not getattr(args, name) >= 0:
            raise ConfigError(f"train: {name} is {getattr(args, name)!r}; expected at least 0")
    found = []
    for name in args.scenarios:
        one = check(scenario(name))
        if args.episode_s:
            one = replace(one, end_s=min(one.end_s, one.begin_s + args.episode_s))
        found.append(site(one, args.rules))
    return found


def claim(run: Path, args: TrainArgs) -> Path | None:
    """Make the run folder this run's; the checkpoint to go on from, None for a fresh start."""
    last = checkpoint.newest(run)
    stored = run / ARGS
    given = json.loads(json.dumps(asdict(args)))
    if stored.is_file() and last is not None:
        if not args.resume:
            raise ConfigError(f"{run}: already holds a run ({last.name}); resume it or name another folder")
        try:
            before = json.loads(stored.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{stored}: cannot be read ({error})") from error
        for name, value in given.items():
            if name not in MAY_CHANGE and before.get(name) != value:
                raise ConfigError(f"{run}: was started with {name} {before.get(name)!r}; it cannot go on with {value!r}")
    try:
        (run / checkpoint.FOLDER).mkdir(parents=True, exist_ok=True)
        stored.write_text(json.dumps(given, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{run}: the run folder cannot be written: {error}") from error
    return last


def ppo(args: TrainArgs, env: SignalRows) -> Any:
    """The learner, untrained."""
    with warnings.catch_warnings():
        # The buffer hands out its own batches, whatever the rollout's length.
        warnings.filterwarnings("ignore", message="You have specified a mini-batch size")
        return PPO(
            ScorerPolicy,
            env,
            learning_rate=lambda left: args.lr * max(left, 0.1),
            n_steps=args.rollout_decisions or env.round_decisions,
            batch_size=args.batch,
            n_epochs=args.epochs,
            gamma=args.gamma,
            gae_lambda=args.gae_lambda,
            clip_range=args.clip,
            ent_coef=args.entropy,
            policy_kwargs={"prior": args.prior},
            rollout_buffer_class=RealRows,
            seed=args.seed,
            device="cpu",
        )


class Watch(BaseCallback):  # type: ignore[misc]
    """After every rollout: TensorBoard, progress, and now and then a checkpoint of the model that made the rollout."""

    def __init__(self, args: TrainArgs, env: SignalRows, run: Path, progress: Callable[[Progress], None] | None) -> None:
        super().__init__()
        self._args, self._rows, self._run, self._progress = args, env, run, progress
        self._told, self._rollouts = len(env.ended), 0

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        # The update after the last rollout is done: model and episode number belong together now.
        if self._rollouts and self._rollouts % self._args.checkpoint_rollouts == 0:
            checkpoint.save(self.model, self._rows.episode, self._run)
        self._rollouts += 1

    def _on_rollout_end(self) -> None:
        ended = tuple(self._rows.ended[self._told :])
        self._told = len(self._rows.ended)
        for episode in ended:
            self.logger.record(f"reward/{episode.scenario.replace('/', '_')}", episode.reward)
        if self._progress is not None:
            self._progress(Progress(self.model.num_timesteps, self._args.steps, ended))


def card(args: TrainArgs, steps: int, episodes: int, command: str) -> dict[str, Any]:
    """What a policy's card tells of its training."""
    first = FIRST_TRAINING_SEED + 100_000 * args.seed
    return {
        "trained_on": list(args.scenarios),
        "training_seeds": f"{first} to {first + max(episodes - 1, 0)}, one an episode",
        "steps": steps,
        "episodes": episodes,
        "command": command,
        "pricing": asdict(Pricing()),
        "args": {name: value for name, value in asdict(args).items() if name not in ("run", "resume")},
    }
