"""What was seen and done in training, without the empty rows: a row that is no signal has no running phase."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from stable_baselines3.common.buffers import ReplayBuffer, RolloutBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples, RolloutBufferSamples

from rl import features


class RealRows(RolloutBuffer):  # type: ignore[misc]
    """A rollout buffer that hands out only rows that are signals."""

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """Shuffled batches; a remainder under half a batch is left out of this epoch."""
        if not getattr(self, "generator_ready", False):
            for name in ("observations", "actions", "values", "log_probs", "advantages", "returns"):
                setattr(self, name, self.swap_and_flatten(getattr(self, name)))
            self.generator_ready = True
        real = np.flatnonzero(self.observations[..., features.RUNNING].max(axis=-1) > 0.0)
        order = np.random.permutation(real)
        size = batch_size or len(order)
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            if len(batch) == len(order) or 2 * len(batch) >= size:
                yield self._get_samples(batch)


class RealMemory(ReplayBuffer):  # type: ignore[misc]
    """A replay buffer that remembers every row and hands out only those that are signals."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.real = np.zeros((self.buffer_size, self.n_envs), dtype=np.bool_)
        """[decision, row]"""

    def add(self, obs: Any, next_obs: Any, action: Any, reward: Any, done: Any, infos: list[dict[str, Any]]) -> None:
        """Remember a decision of every row."""
        self.real[self.pos] = np.asarray(obs)[..., features.RUNNING].max(axis=-1) > 0.0
        super().add(obs, next_obs, action, reward, done, infos)

    def sample(self, batch_size: int, env: Any = None) -> ReplayBufferSamples:
        """Decisions of signals, each as likely as any other."""
        places = np.flatnonzero(self.real)
        at, row = np.divmod(places[np.random.randint(0, len(places), size=batch_size)], self.n_envs)
        # SB3 takes a time limit for no end: what would follow is worth what the last state is.
        ended = self.dones[at, row] * (1.0 - self.timeouts[at, row])
        found = (
            self.observations[at, row],
            self.actions[at, row],
            self.next_observations[at, row],
            ended.reshape(-1, 1),
            self.rewards[at, row].reshape(-1, 1),
        )
        return ReplayBufferSamples(*map(self.to_torch, found))
