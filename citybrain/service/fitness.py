"""Which signals are fit for automatic control, with patience both ways, so that modes do not flap.

A controller that is silent, flashing or does not follow, or an approach whose sensors have mostly fallen silent, is unfit once that has
lasted; fit again only after a longer time in which all was well. An unfit signal is left to its own base plan.
"""

from __future__ import annotations

import numpy as np

from citybrain.service.street import DEGRADED, OK, Bytes
from signals.layout import lay_out
from signals.types import Bools, Floats, Network, Observation

LEAST_HEARD = 0.4  # of a signal's movements
UNFIT_AFTER_S = 15.0
FIT_AFTER_S = 60.0


class Fitness:
    """Lives as long as the service."""

    def __init__(self, network: Network) -> None:
        self._of = lay_out(network).signal_of
        n = len(network.signals)
        self._movements = np.bincount(self._of, minlength=n)
        self.fit: Bools = np.ones(n, dtype=np.bool_)
        self.heard_share: Floats = np.ones(n)
        self.health: Bytes = np.zeros(n, dtype=np.uint8)
        self._since_s = np.full(n, np.nan)  # that it has been otherwise than `fit` says

    def see(self, seen: Observation, health: Bytes) -> bool:
        """Take a tick; whether some signal has become fit or unfit."""
        heard = np.bincount(self._of, ~np.isnan(seen.queue_veh), self._movements.size)
        self.heard_share = heard / np.maximum(self._movements, 1)
        poor = self.heard_share < LEAST_HEARD
        self.health = np.where((health == OK) & poor, DEGRADED, health).astype(np.uint8)
        well = self.health == OK
        otherwise = well != self.fit
        self._since_s = np.where(otherwise, np.where(np.isnan(self._since_s), seen.now_s, self._since_s), np.nan)
        patience_s = np.where(self.fit, UNFIT_AFTER_S, FIT_AFTER_S)
        turns = otherwise & (seen.now_s - self._since_s >= patience_s)
        if not turns.any():
            return False
        self.fit = np.where(turns, well, self.fit)
        self._since_s[turns] = np.nan
        return True
