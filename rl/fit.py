"""A scorer from lessons: the network learns what each phase costs beside the chosen one, with the lookahead's price to start from.

cost(p) - cost(chosen) is predicted as -(score(p) - score(chosen)) in units of the prior; Huber's loss keeps single futures, which are
noisy (one late vehicle changes who brakes), from pulling hard. The same lessons, seed and settings give the same weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rl import features
from rl.lessons import Lessons
from rl.network_torch import Heads, scorer_of
from rl.observation import FEATURES
from rl.scorer import FORBIDDEN, Scorer
from signals.errors import ConfigError
from signals.types import Floats

NEEDED = ("allowed", "excess")  # by the network's own form


@dataclass(frozen=True, slots=True)
class Fitting:
    """How the network is fitted."""

    epochs: int = 20
    batch: int = 256
    lr: float = 1e-3
    decay: float = 1e-4
    huber_s: float = 60.0
    largest_s: float = 300.0  # costs beyond are cut
    blind: tuple[str, ...] = ()  # features that the network does not see: those by which it would recognise a junction


def fitted(parts: list[Lessons], fitting: Fitting, prior: float, seed: int) -> Scorer:
    """The scorer fitted on all parts; each part (a scenario's lessons) weighs by how much its costs say about a typical choice."""
    if sum(len(part) for part in parts) == 0:
        raise ConfigError("no lessons to learn from; expected at least one")
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    width = max(part.rows.shape[1] for part in parts)
    rows, chosen, cost_s, weight = arrays(parts, width, fitting.largest_s)
    hidden = columns_of(fitting.blind)
    rows[..., hidden] = 0.0
    heads = Heads(width, prior)
    optimiser = torch.optim.AdamW(heads.parameters(), lr=fitting.lr, weight_decay=fitting.decay)
    batches = max(1, len(rows) // fitting.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, fitting.epochs * batches)
    for _ in range(fitting.epochs):
        order = torch.randperm(len(rows))
        for k in range(batches):
            some = order[k * fitting.batch : (k + 1) * fitting.batch]
            loss = misfit(heads, prior, rows[some], chosen[some], cost_s[some], weight[some], fitting.huber_s)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    scorer = scorer_of({f"mlp_extractor.{name}": value for name, value in heads.state_dict().items()}, prior)
    for pooled in range(3):  # the row itself, the mean and the largest
        scorer.hidden_1[:, [pooled * features.WIDTH + column for column in hidden]] = 0.0
    return scorer


def columns_of(names: tuple[str, ...]) -> list[int]:
    """Columns of these features; ConfigError where there is none of a name."""
    known = [feature.name for feature in FEATURES]
    for name in names:
        if name not in known or name in NEEDED:
            raise ConfigError(f"train: blind names {name!r}; expected some of {', '.join(n for n in known if n not in NEEDED)}")
    return [known.index(name) for name in names]


def misfit(heads: Any, prior: float, rows: Any, chosen: Any, cost_s: Any, weight: Any, huber_s: float) -> Any:
    """Mean weighted Huber loss of the costs that are known."""
    scores = heads.forward_actor(rows.flatten(1))
    beside = scores.gather(1, chosen.unsqueeze(1)) - scores
    predicted_s = beside * (features.EXCESS_S / prior)
    known = torch.isfinite(cost_s) & (scores > FORBIDDEN)
    miss = torch.nn.functional.huber_loss(
        torch.where(known, predicted_s, torch.zeros_like(predicted_s)),
        torch.where(known, cost_s, torch.zeros_like(cost_s)),
        delta=huber_s,
        reduction="none",
    )
    return (weight.unsqueeze(1) * miss).sum() / known.sum().clamp(min=1) / huber_s


def arrays(parts: list[Lessons], width: int, largest_s: float) -> tuple[Any, Any, Any, Any]:
    """(rows [lesson, phase, feature], chosen [lesson], cost [lesson, phase], weight [lesson]) as tensors."""
    rows, chosen, cost_s, weight = [], [], [], []
    for part in parts:
        if len(part) == 0:
            continue
        more = width - part.rows.shape[1]
        rows.append(np.pad(part.rows, ((0, 0), (0, more), (0, 0))))
        chosen.append(part.chosen)
        cost_s.append(np.clip(np.pad(part.cost_s, ((0, 0), (0, more)), constant_values=np.nan), -largest_s, largest_s))
        weight.append(np.full(len(part), 1.0 / typical_s(part.cost_s)))
    scale = np.concatenate(weight)
    scale /= scale.mean()
    return (
        torch.from_numpy(np.concatenate(rows)),
        torch.from_numpy(np.concatenate(chosen)),
        torch.from_numpy(np.concatenate(cost_s)).float(),
        torch.from_numpy(scale).float(),
    )


def typical_s(cost_s: Floats) -> float:
    """Mean size of a scenario's costs [s], at least 1: a busy street's choices are not worth more than a quiet one's."""
    known = np.abs(cost_s[np.isfinite(cost_s) & (cost_s != 0.0)])
    return max(float(known.mean()), 1.0) if known.size else 1.0
