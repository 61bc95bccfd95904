"""What was counted at every movement since it was last asked for: shards are planned in turn, and each wants its own whole sum."""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import numpy as np
from numba import njit

from signals.types import Floats, Ints


class Counted:
    """Lives as long as the engine. A sensor that was not heard since is NaN, never zero."""

    def __init__(self, movements: int) -> None:
        self._veh = np.full(movements, np.nan)

    def add(self, counts_veh: Floats) -> None:
        """A tick's counts [movement], NaN where silent."""
        gather(self._veh, counts_veh)

    def taken(self, movements: Ints | None = None) -> Floats:
        """What was counted at these movements [n], or at all, since they were last asked for."""
        own = slice(None) if movements is None else movements
        found: Floats = self._veh[own].copy()
        self._veh[own] = np.nan
        return found


@njit(cache=True)
def gather(gathered_veh: Floats, counts_veh: Floats) -> None:
    """Add what was heard to what was gathered before [movement]."""
    for m in range(counts_veh.shape[0]):
        if not np.isnan(counts_veh[m]):
            gathered_veh[m] = counts_veh[m] if np.isnan(gathered_veh[m]) else gathered_veh[m] + counts_veh[m]
