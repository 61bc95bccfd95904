"""The last value goes on: a row that everybody beats, and the last rung of the ladder."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from forecasting.base import Arrays, Model, Point
from forecasting.history import FlowHistory
from signals.types import Floats

RUNG = ("none", "last")  # where all the window was silent, and else


@dataclass(frozen=True, slots=True)
class Persistence:
    """The mean of the last `window_bins` bins that were observed, weighted by how much of each was."""

    window_bins: int = 1

    def expect(self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None = None) -> Point:
        """The recent mean, the same for all bins; NaN where the detector was silent all the window."""
        mean_veh = recent_mean(recent_veh, observed)
        return Point(np.tile(mean_veh, (bins, 1)), tuple([RUNG[known] for known in np.isfinite(mean_veh).tolist()]))

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


def recent_mean(recent_veh: Floats, observed: Floats | None = None) -> Floats:
    """Mean count [detector] of bins [bin, detector], weighted by the share observed; NaN where none was."""
    weight = np.where(np.isfinite(recent_veh), 1.0 if observed is None else observed, 0.0)
    total = weight.sum(axis=0)
    sum_veh = (weight * np.nan_to_num(recent_veh)).sum(axis=0)
    return np.asarray(np.where(total > 0, sum_veh / np.where(total > 0, total, 1.0), np.nan))


def fit(history: FlowHistory, leads: int = 1) -> Persistence:
    """Nothing to learn."""
    return Persistence()
