"""The same time last week: what a traffic engineer would look up. A row to compare with."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from forecasting.base import Arrays, Model, Point
from forecasting.clock import WEEK_S
from forecasting.history import FlowHistory
from signals.types import Floats


@dataclass(frozen=True, slots=True)
class SameTimeLastWeek:
    """Reads a window of one week and repeats its beginning."""

    window_bins: int

    def expect(self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None = None) -> Point:
        """The bins a week before; NaN where the detector was silent then."""
        count_veh = recent_veh[np.arange(bins) % self.window_bins]
        known = np.isfinite(count_veh).all(axis=0)
        return Point(count_veh, tuple(np.where(known, "profile", "none").tolist()))

    def usual(self, starts_s: float, hour_bins: int) -> None:
        """It has no profile."""

    def learn(self, counts_veh: Floats, starts_s: float) -> None:
        """It learns nothing more."""

    def degraded(self) -> tuple[Model, ...]:
        """It has one rung only."""
        return ()

    def arrays(self) -> Arrays:
        """Its one number."""
        return {"window_bins": np.array(float(self.window_bins))}

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The model again."""
        return cls(int(arrays["window_bins"]))


def fit(history: FlowHistory, leads: int = 1) -> SameTimeLastWeek:
    """Nothing to learn but how many bins a week has."""
    return SameTimeLastWeek(round(WEEK_S / history.bin_s))
