"""The value method beside PPO: QR-DQN (Dabney et al. 2018) that explores among the phases that may be chosen, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
from sb3_contrib import QRDQN

from rl.observation import Rows, allowed
from signals.types import Ints


class MaskedQRDQN(QRDQN):  # type: ignore[misc]
    """Explores row by row; a phase that may not be chosen is never tried. Chance comes from NumPy alone, so checkpoints hold it all."""

    def predict(self, observation: Rows, state: Any = None, episode_start: Any = None, deterministic: bool = False) -> tuple[Ints, Any]:
        """The greedy phase of each row; with probability `exploration_rate`, any that may be chosen."""
        greedy, state = self.policy.predict(observation, state, episode_start, True)
        if deterministic:
            return greedy, state
        explores = np.random.random(len(observation)) < self.exploration_rate
        return np.where(explores, any_allowed(observation), greedy), state

    def _sample_action(self, learning_starts: int, action_noise: Any = None, n_envs: int = 1) -> tuple[Ints, Ints]:
        """What to do now, and what to remember: the same. Before learning starts too the network's prior is worth following."""
        actions, _ = self.predict(self._last_obs, deterministic=False)
        return actions, actions


def any_allowed(rows: Rows) -> Ints:
    """A phase of each row that may be chosen, each as likely as any other [row]."""
    chance: Ints = np.where(allowed(rows), np.random.random(rows.shape[:2]), -1.0).argmax(axis=1)
    return chance
