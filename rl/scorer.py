"""The policy's network in NumPy: one shared scorer, asked for every phase of every signal in one matrix pass.

score(phase) = W3 relu(W2 relu(W1 [x, mean x, max x] + b1) + b2) + b3 - prior * excess(x), with mean and max over the phases that
may be chosen: the lookahead's price is the prior, the weights say where to differ from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rl import features
from rl.observation import Rows, allowed
from signals.shares import in_shares

FORBIDDEN = -1.0e9
MANY = 500  # signals from which on they are scored all at once, and by several cores
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
        """Score of every phase [..., phase]; FORBIDDEN where it may not be chosen. Many signals are shared out among the cores."""
        if rows.ndim != 3 or len(rows) < MANY:
            return self._scores(rows)
        return in_shares(lambda first, last: self._scores(rows[first:last], by_signal=False), len(rows))

    def _scores(self, rows: Rows, by_signal: bool = True) -> Rows:
        n, may = features.WIDTH, allowed(rows)
        inside = rows * may[..., None]
        mean = inside.sum(axis=-2) / np.maximum(may.sum(axis=-1, dtype=np.float32), 1.0)[..., None]
        highest = inside.max(axis=-2)  # features are never negative
        around = np.concatenate((mean, highest), axis=-1) @ self.hidden_1[:, n:].T + self.bias_1
        # Of few signals one by one: one product of all rows would wake the threads of the BLAS, who fight with the other episodes.
        flat = rows if by_signal else rows.reshape(-1, n)
        first = np.matmul(flat, self.hidden_1[:, :n].T).reshape(*rows.shape[:-1], -1)
        first += around[..., None, :]
        np.maximum(first, 0.0, out=first)
        second = np.matmul(first if by_signal else first.reshape(-1, first.shape[-1]), self.hidden_2.T)
        second += self.bias_2
        np.maximum(second, 0.0, out=second)
        scores: Rows = np.matmul(second, self.out).reshape(rows.shape[:-1])
        scores += np.float32(self.bias)
        scores -= np.float32(self.prior) * rows[..., features.EXCESS]
        scores[~may] = FORBIDDEN
        return scores


def mean_of(scorers: Sequence[Scorer]) -> Scorer:
    """The scorer of the mean weights: of checkpoints of one run it is steadier than any of them (Izmailov et al. 2018)."""
    return Scorer(
        hidden_1=_mean([one.hidden_1 for one in scorers]),
        bias_1=_mean([one.bias_1 for one in scorers]),
        hidden_2=_mean([one.hidden_2 for one in scorers]),
        bias_2=_mean([one.bias_2 for one in scorers]),
        out=_mean([one.out for one in scorers]),
        bias=float(np.mean([one.bias for one in scorers])),
        prior=scorers[0].prior,
    )


def _mean(arrays: list[Weights]) -> Weights:
    mean: Weights = np.stack(arrays).mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def untrained(units: int = 64, prior: float = PRIOR) -> Scorer:
    """A scorer that adds nothing to the prior: where training starts."""
    n = 3 * features.WIDTH
    return Scorer(
        np.zeros((units, n), np.float32), np.zeros(units, np.float32), np.zeros((units, units), np.float32),
        np.zeros(units, np.float32), np.zeros(units, np.float32), 0.0, prior,
    )  # fmt: skip
