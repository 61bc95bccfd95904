"""The scorer as a torch module inside Stable-Baselines3 policies, and the way from there to NumPy arrays.

`rl.scorer` says what it computes; the two must agree to 1e-5. The critic has a trunk of its own over mean and max of the rows. The same
heads serve PPO (`ScorerPolicy`: scores are logits) and a value method (`QuantilePolicy`: scores are quantiles of the return).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sb3_contrib.qrdqn.policies import QRDQNPolicy, QuantileNetwork
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from rl import features
from rl.scorer import FORBIDDEN, Scorer, Weights

UNITS = 64
HEADS = ("mlp_extractor.", "quantile_net.heads.")  # where the two policies keep them in their state dicts


class Heads(nn.Module):  # type: ignore[misc]
    """Scores of phases, and the critic's trunk, from flattened rows. Its last layer starts at zero: level with the prior."""

    def __init__(self, width: int, prior: float, outs: int = 1) -> None:
        super().__init__()
        n = features.WIDTH
        self.width, self.prior = width, prior
        self.latent_dim_pi, self.latent_dim_vf = width, UNITS
        self.hidden_1, self.hidden_2 = nn.Linear(3 * n, UNITS), nn.Linear(UNITS, UNITS)
        self.out = nn.Linear(UNITS, outs)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.critic = nn.Sequential(nn.Linear(2 * n, UNITS), nn.Tanh(), nn.Linear(UNITS, UNITS), nn.Tanh())

    def forward(self, flat: Any) -> tuple[Any, Any]:
        """Scores [row, phase], and what the value is read from [row, unit]."""
        return self.forward_actor(flat), self.forward_critic(flat)

    def forward_actor(self, flat: Any) -> Any:
        """Scores [row, phase]; FORBIDDEN where a phase may not be chosen."""
        return self.scores(flat).squeeze(-1)

    def scores(self, flat: Any) -> Any:
        """The same of every output [row, phase, out]."""
        rows = flat.view(-1, self.width, features.WIDTH)
        may, mean, highest = self._pooled(rows)
        around = torch.cat([mean, highest], dim=-1).unsqueeze(1).expand(-1, self.width, -1)
        first = torch.relu(self.hidden_1(torch.cat([rows, around], dim=-1)))
        scores = self.out(torch.relu(self.hidden_2(first))) - self.prior * rows[..., features.EXCESS].unsqueeze(-1)
        return torch.where(may.unsqueeze(-1), scores, torch.full_like(scores, FORBIDDEN))

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


class Quantiles(QuantileNetwork):  # type: ignore[misc]
    """Quantiles of the return of every phase [row, quantile, phase]: what the state is worth, plus the phase's score.

    What the state is worth moves all phases alike, so the exported scorer does without it; and a phase that may not be chosen is
    worth FORBIDDEN, so neither the greedy choice nor the target of an update ever takes it.
    """

    def __init__(self, *args: Any, prior: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.quantile_net
        self.heads = Heads(self.observation_space.shape[0], prior, self.n_quantiles)
        self.worth = nn.Linear(UNITS, self.n_quantiles)

    def forward(self, obs: Any) -> Any:
        """[row, quantile, phase]"""
        flat = obs.reshape(obs.shape[0], -1).float()
        worth = self.worth(self.heads.forward_critic(flat)).unsqueeze(1)
        return (self.heads.scores(flat) + worth).transpose(1, 2)


class QuantilePolicy(QRDQNPolicy):  # type: ignore[misc]
    """The policy of the value method."""

    def __init__(self, *args: Any, prior: float, **kwargs: Any) -> None:
        self._prior = prior
        super().__init__(*args, **kwargs)

    def make_quantile_net(self) -> Quantiles:
        """The network that learns, and its target's twin."""
        return Quantiles(**self._update_features_extractor(self.net_args, features_extractor=None), prior=self._prior)


def scorer_of(weights: Mapping[str, Any], prior: float) -> Scorer:
    """The scorer in the state dict of a `ScorerPolicy` or a `QuantilePolicy` (its mean quantile), as NumPy arrays.

    KeyError where it is neither's.
    """
    at = next((prefix for prefix in HEADS if f"{prefix}out.weight" in weights), HEADS[0])
    return Scorer(
        hidden_1=array(weights[f"{at}hidden_1.weight"]),
        bias_1=array(weights[f"{at}hidden_1.bias"]),
        hidden_2=array(weights[f"{at}hidden_2.weight"]),
        bias_2=array(weights[f"{at}hidden_2.bias"]),
        out=array(weights[f"{at}out.weight"].double().mean(dim=0)),
        bias=float(array(weights[f"{at}out.bias"].double().mean())),
        prior=prior,
    )


def array(tensor: Any) -> Weights:
    """A copy of the tensor in NumPy."""
    copied: Weights = tensor.detach().cpu().numpy().astype(np.float32, copy=True)
    return copied
