"""How scores become phases: the best one at every signal, rest where nobody comes, and signals that share short streets together."""

from __future__ import annotations

import numpy as np

from rl import features
from rl.action import best_phases, resting
from rl.observation import Rows, allowed
from rl.scorer import FORBIDDEN, Scorer
from signals.planners.groups import groups_of, settle
from signals.types import Bools, Floats, Ints, Network, Observation

FORCED = 1.0e4
"""Score above all others, as a network that has been trained never gives it."""
LEAN = 0.5
"""Score that the lookahead's cheapest phase is given on top (4 are worth 50 s): a difference that is small is more often noise than not,
above all at junctions that the policy was not trained on."""


def eligible(rows: Rows) -> Bools:
    """Phases that a policy may choose [..., phase]: those allowed now, but none that leaves a vehicle standing inside the junction in
    others' way, unless the lookahead finds nothing cheaper.

    Rings of cars that wait for one another are too rare to be learned from, and cost an hour.
    """
    return allowed(rows) & ((rows[..., features.TRAPPED] <= 0.0) | (rows[..., features.CHEAPEST] > 0.0))


class Choice:
    """A scorer that decides for a network; made once and asked at every decision."""

    def __init__(self, network: Network, scorer: Scorer) -> None:
        self._groups = groups_of(network)
        self.scorer = scorer

    def wanted(self, rows: Rows, observed: Observation, forced: dict[int, int] | None = None) -> Ints:
        """The next phase of every signal [signal]; `forced`: signal -> phase that it is to take, if its group can."""
        scores = self.scorer.scores(rows)
        scores += np.float32(LEAN) * rows[..., features.CHEAPEST]
        scores[~eligible(rows)] = FORBIDDEN
        wanted = resting(best_phases(scores, observed.phase), observed.phase, rows)
        prices: Floats = np.where(scores > FORBIDDEN, -scores.astype(np.float64), np.nan)
        for signal, phase in (forced or {}).items():
            prices[signal] = np.where(np.isnan(prices[signal]), np.nan, FORCED)
            prices[signal, phase] = -FORCED
            wanted[signal] = phase
        return settle(self._groups, prices, wanted, observed)
