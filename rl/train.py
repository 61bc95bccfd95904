"""Training of the shared policy: PPO or QR-DQN over all signals of several scenarios, killable at any time and resumable.

`train(TrainArgs(...))` fills a run folder (`rl.run_folder`) and exports to policy/ the best candidate of the validation, or the mean of
the last checkpoints where there is none. A run that was killed and resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure

from rl import checkpoint
from rl.buffers import RealMemory, RealRows
from rl.export import copy
from rl.network_torch import QuantilePolicy, ScorerPolicy
from rl.run_folder import BEST, POLICY, claim, export_mean
from rl.selection import Delays, Verdict
from rl.simulation import MakeForecaster
from rl.train_args import TrainArgs, checked, generated_sites
from rl.validation import Judge, Verdicts, catch_up
from rl.value import MaskedQRDQN
from rl.variety import MakeStreet
from rl.vector import SignalRows
from rl.workers import Course, Episode
from signals.errors import ConfigError

__all__ = ["Progress", "TrainArgs", "train"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands after a rollout; `episodes` ended during it, `verdicts` are new."""

    steps: int
    of: int
    episodes: tuple[Episode, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    best: Verdict | None = None
    baselines_s: dict[str, Delays] | None = None


def train(
    args: TrainArgs,
    make_forecaster: MakeForecaster | None = None,
    progress: Callable[[Progress], None] | None = None,
    command: str = "",
    *,
    make_street: MakeStreet | None = None,
    judge: Judge | None = None,
) -> Path:
    """Train, or go on where the last checkpoint is; the folder of the exported policy."""
    run, sites = Path(args.run), checked(args)
    if args.validate_checkpoints and judge is None:
        raise ConfigError("train: validate_checkpoints is set, but nobody was given who judges")
    if any(kind != "ideal" for kind in args.variety.sensing) and make_street is None:
        raise ConfigError("train: sensing varies, but nothing was given that makes detectors")
    last = claim(run, args, command)
    torch.set_num_threads(1)
    state = checkpoint.load(last) if last is not None else None
    course = Course(sites + generated_sites(args), args.rules, make_forecaster, make_street, args.variety, args.reward)
    env = SignalRows(course, args.first_seed, args.jobs, state.lanes if state else ())
    verdicts = None
    if judge is not None and args.validate_checkpoints:
        verdicts = Verdicts(run, args.validated_on, args.validate_seeds, judge)
    try:
        watch = Watch(args, env, run, progress, verdicts)
        model = learner(args, env)
        model.set_logger(configure(str(run / "tb"), ["tensorboard"]))
        if state is not None:
            go_on(model, env, state)
        watch.measure(model)
        left = args.steps - model.num_timesteps
        if left > 0:
            model.learn(left, callback=watch, log_interval=None, reset_num_timesteps=False)
            checkpoint.save(model, env.lanes, run)
        watch.validate(model, ended=True)
    finally:
        env.close()
    return finished(run, args, verdicts)


def finished(run: Path, args: TrainArgs, verdicts: Verdicts | None) -> Path:
    """Export what training came to: the validation's best, or the mean of the last checkpoints."""
    if verdicts is not None and verdicts.best is not None:
        copy(run / BEST, run / POLICY)
        return run / POLICY
    return export_mean(run, checkpoint.files(run)[-args.average :], run / POLICY)


def go_on(model: Any, env: SignalRows, state: checkpoint.State) -> None:
    """Put model and simulations where the checkpoint was made."""
    model._last_obs = env.reset()
    model._last_episode_starts = np.repeat([not lane.played for lane in env.lanes], env.num_envs // len(env.lanes))
    checkpoint.restore(model, state)


def learner(args: TrainArgs, env: SignalRows) -> Any:
    """The learner of the method, untrained."""
    return ppo(args, env) if args.method == "ppo" else value(args, env)


def ppo(args: TrainArgs, env: SignalRows) -> Any:
    """PPO whose logits are the scores."""
    with warnings.catch_warnings():
        # The buffer hands out its own batches, whatever the rollout's length.
        warnings.filterwarnings("ignore", message="You have specified a mini-batch size")
        return PPO(
            ScorerPolicy,
            env,
            learning_rate=lambda left: args.lr * max(left, 0.1),
            n_steps=rollout_decisions(args, env),
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


def value(args: TrainArgs, env: SignalRows) -> Any:
    """QR-DQN whose quantiles' mean is the score."""
    return MaskedQRDQN(
        QuantilePolicy,
        env,
        learning_rate=lambda left: args.lr * max(left, 0.1),
        buffer_size=args.memory,
        learning_starts=args.learn_after,
        batch_size=args.batch,
        gamma=args.gamma,
        train_freq=args.train_every,
        gradient_steps=args.updates_each,
        target_update_interval=max(args.target_every, env.num_envs),
        exploration_fraction=args.explore_share,
        exploration_final_eps=args.explore_last,
        policy_kwargs={"prior": args.prior, "n_quantiles": args.quantiles},
        replay_buffer_class=RealMemory,
        seed=args.seed,
        device="cpu",
    )


def rollout_decisions(args: TrainArgs, env: SignalRows) -> int:
    """Decisions of a rollout, which checkpoints are counted in."""
    return args.rollout_decisions or env.round_decisions


class Watch(BaseCallback):  # type: ignore[misc]
    """Between rollouts: TensorBoard, progress, and now and then a checkpoint and its evaluation."""

    def __init__(
        self,
        args: TrainArgs,
        env: SignalRows,
        run: Path,
        progress: Callable[[Progress], None] | None,
        verdicts: Verdicts | None,
    ) -> None:
        super().__init__()
        self._args, self._rows, self._run, self._progress, self._verdicts = args, env, run, progress, verdicts
        self._told, self._saved = len(env.ended), 0
        self._every = args.checkpoint_rollouts * rollout_decisions(args, env)

    def measure(self, model: Any) -> None:
        """Before training: the baselines, and what a killed session left unjudged."""
        self._saved = self._due(model)
        self.validate(model)

    def validate(self, model: Any, ended: bool = False) -> None:
        """Judge what is due, and tell."""
        if self._verdicts is None:
            return
        for verdict in catch_up(self._verdicts, self._run, self._args.validate_checkpoints, self._args.average, ended):
            model.logger.record("validation/worst", verdict.worst)
            model.logger.record("validation/mean", verdict.mean)
            self._tell(model, (), (verdict,))
        if not ended:
            self._tell(model, (), ())

    def _due(self, model: Any) -> int:
        """How many checkpoints there should be by now."""
        decisions = int(model.num_timesteps) // int(self._rows.num_envs)
        return decisions // self._every

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        # The update after the last rollout is done: weights and simulations belong together now.
        if self._due(self.model) > self._saved:
            self._saved = self._due(self.model)
            checkpoint.save(self.model, self._rows.lanes, self._run)
            self.validate(self.model)

    def _on_rollout_end(self) -> None:
        ended = tuple(self._rows.ended[self._told :])
        self._told = len(self._rows.ended)
        for episode in ended:
            self.logger.record(f"reward/{episode.scenario.replace('/', '_')}", episode.reward)
            self.logger.record(f"delay_s_per_veh/{episode.scenario.replace('/', '_')}", episode.delay_s)
        if ended:
            self.logger.dump(self.model.num_timesteps)
        self._tell(self.model, ended, ())

    def _tell(self, model: Any, episodes: tuple[Episode, ...], verdicts: tuple[Verdict, ...]) -> None:
        if self._progress is not None:
            best = self._verdicts.best if self._verdicts else None
            baselines_s = self._verdicts.baselines_s if self._verdicts else None
            self._progress(Progress(model.num_timesteps, self._args.steps, episodes, verdicts, best, baselines_s))
