"""The policy's network in NumPy: one shared scorer, asked for every phase of every signal in one matrix pass.

score(phase) = W3 relu(W2 relu(W1 [x, mean x, max x] + b1) + b2) + b3 - prior * excess(x), with mean and max over the phases that
may be chosen: the lookahead's price is the prior, the weights say where to differ from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rl import features
from rl.observation import Rows, allowed

FORBIDDEN = -1.0e9
PRIOR = 4.0
"""Score lost for each `EXCESS_S` of price above the cheapest phase's."""

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scorer:
    """Weights as trained; `hidden_1` takes [row, mean, max]."""

    hidden_1: Weights
    """[unit, 3 * feature]"""
    bias_1: Weights
    hidden_2: Weights
    """[unit, unit]"""
    bias_2: Weights
    out: Weights
    """[unit]"""
    bias: float
    prior: float

    def scores(self, rows: Rows) -> Rows:
        """Score of every phase [..., phase]; FORBIDDEN where it may not be chosen."""
        may = allowed(rows)
        known = may[..., None]
        inside = np.where(known, rows, np.float32(0.0))
        mean = inside.sum(axis=-2) / np.maximum(may.sum(axis=-1, dtype=np.float32), 1.0)[..., None]
        highest = inside.max(axis=-2)  # features are never negative
        n = features.WIDTH
        around = mean @ self.hidden_1[:, n : 2 * n].T + highest @ self.hidden_1[:, 2 * n :].T + self.bias_1
        first = np.maximum(rows[may] @ self.hidden_1[:, :n].T + around[np.nonzero(may)[:-1]], 0.0)
        second = np.maximum(first @ self.hidden_2.T + self.bias_2, 0.0)
        out = np.full(may.shape, FORBIDDEN, dtype=np.float32)
        out[may] = second @ self.out + np.float32(self.bias) - np.float32(self.prior) * rows[may][:, features.EXCESS]
        return out


def untrained(units: int = 64, prior: float = PRIOR) -> Scorer:
    """A scorer that adds nothing to the prior: where training starts."""
    n = 3 * features.WIDTH
    return Scorer(
        np.zeros((units, n), np.float32), np.zeros(units, np.float32), np.zeros((units, units), np.float32),
        np.zeros(units, np.float32), np.zeros(units, np.float32), 0.0, prior,
    )  # fmt: skip
