"""Eyes that do without the lookahead's prices: for who learns or measures from what the sensors say alone, at a fraction of the cost.

The columns made of prices say that every phase which may be chosen now is as good as any other.
"""

from __future__ import annotations

import numpy as np

from rl.observation import Eyes
from signals.planners.rolling_horizon import Lookahead, Pricing
from signals.types import Floats, FlowForecast, Network, Observation, SafetyEnvelope


class Unpriced(Lookahead):
    """Knows which phases may be chosen, and plays nothing."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
        super().__init__(network, limits, Pricing())
        widest = self.layout.serves.shape[1]
        self._at = np.arange(len(limits))
        self._has = np.arange(widest)[None, :] < self.layout.phases[:, None]
        self._min_green_s = np.zeros((len(limits), widest))
        for i, one in enumerate(limits):
            self._min_green_s[i, : len(one.min_green_s)] = one.min_green_s

    def costs_s(self, observed: Observation, forecast: FlowForecast | None) -> Floats:
        """0 for every phase that may be chosen now [signal, phase], NaN for the others [s]."""
        may_leave = observed.age_s >= self._min_green_s[self._at, observed.phase]
        costs_s = np.where(self._has & may_leave[:, None], 0.0, np.nan)
        costs_s[self._at, observed.phase] = np.where(observed.age_s >= 0.0, 0.0, np.nan)
        return costs_s


def unpriced_eyes(network: Network, limits: tuple[SafetyEnvelope, ...]) -> Eyes:
    """Eyes whose rows have everything but prices."""
    eyes = Eyes(network, limits)
    eyes.lookahead = Unpriced(network, limits)
    return eyes
