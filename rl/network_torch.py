"""The scorer as a torch module inside a Stable-Baselines3 policy, and the way from there to NumPy arrays.

`rl.scorer` says what it computes; the two must agree to 1e-5. The critic has a trunk of its own over mean and max of the rows.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from torch import nn

from rl import features
from rl.scorer import FORBIDDEN, Scorer, Weights

UNITS = 64


class Heads(nn.Module):  # type: ignore[misc]
    """Scores of phases, and the critic's trunk, from flattened rows. Its last layer starts at zero: level with the prior."""

    def __init__(self, width: int, prior: float) -> None:
        super().__init__()
        n = features.WIDTH
        self.width, self.prior = width, prior
        self.latent_dim_pi, self.latent_dim_vf = width, UNITS
        self.hidden_1, self.hidden_2 = nn.Linear(3 * n, UNITS), nn.Linear(UNITS, UNITS)
        self.out = nn.Linear(UNITS, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.critic = nn.Sequential(nn.Linear(2 * n, UNITS), nn.Tanh(), nn.Linear(UNITS, UNITS), nn.Tanh())

    def forward(self, flat: Any) -> tuple[Any, Any]:
        """Scores [row, phase], and what the value is read from [row, unit]."""
        return self.forward_actor(flat), self.forward_critic(flat)

    def forward_actor(self, flat: Any) -> Any:
        """Scores [row, phase]; FORBIDDEN where a phase may not be chosen."""
        rows = flat.view(-1, self.width, features.WIDTH)
        may, mean, highest = self._pooled(rows)
        around = torch.cat([mean, highest], dim=-1).unsqueeze(1).expand(-1, self.width, -1)
        first = torch.relu(self.hidden_1(torch.cat([rows, around], dim=-1)))
        scores = self.out(torch.relu(self.hidden_2(first))).squeeze(-1)
        return torch.where(may, scores - self.prior * rows[..., features.EXCESS], torch.full_like(scores, FORBIDDEN))

    def forward_critic(self, flat: Any) -> Any:
        """What the value is read from [row, unit]."""
        _, mean, highest = self._pooled(flat.view(-1, self.width, features.WIDTH))
        return self.critic(torch.cat([mean, highest], dim=-1))

    @staticmethod
    def _pooled(rows: Any) -> tuple[Any, Any, Any]:
        """Which phases may be chosen, and mean and max over them."""
        may = rows[..., features.ALLOWED] > 0.0
        inside = torch.where(may.unsqueeze(-1), rows, torch.zeros_like(rows))
        count = may.sum(dim=-1, keepdim=True).clamp(min=1)
        return may, inside.sum(dim=-2) / count, inside.max(dim=-2).values


class ScorerPolicy(ActorCriticPolicy):  # type: ignore[misc]
    """An SB3 policy whose logits are the scores themselves."""

    def __init__(self, *args: Any, prior: float, **kwargs: Any) -> None:
        self._prior = prior
        super().__init__(*args, ortho_init=False, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = Heads(self.observation_space.shape[0], self._prior)

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.action_net = nn.Identity()
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)


class RealRows(RolloutBuffer):  # type: ignore[misc]
    """A rollout buffer that hands out only rows that are signals: an empty row has no running phase."""

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


def scorer_of(weights: Mapping[str, Any], prior: float) -> Scorer:
    """The scorer in a `ScorerPolicy`'s state dict, as NumPy arrays."""
    return Scorer(
        hidden_1=array(weights["mlp_extractor.hidden_1.weight"]),
        bias_1=array(weights["mlp_extractor.hidden_1.bias"]),
        hidden_2=array(weights["mlp_extractor.hidden_2.weight"]),
        bias_2=array(weights["mlp_extractor.hidden_2.bias"]),
        out=array(weights["mlp_extractor.out.weight"])[0],
        bias=float(array(weights["mlp_extractor.out.bias"])[0]),
        prior=prior,
    )


def array(tensor: Any) -> Weights:
    """A copy of the tensor in NumPy."""
    copied: Weights = tensor.detach().cpu().numpy().astype(np.float32, copy=True)
    return copied
