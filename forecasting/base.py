"""What a forecaster is. A `Model` reads a window of recent bins, says what comes, and may learn from each closed bin.

`FittedForecaster` (fitted.py) adds the 80 % interval, `Tracker` (tracker.py) steps through bins, and
`OnlineForecaster` (online.py) stands in the control loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy.typing as npt

from forecasting.history import FlowHistory
from signals.types import Floats, FlowForecast

HORIZON_S = 900.0
RUNGS = ("residual", "young", "neighbours", "profile", "pooled", "last", "none")
"""The fallback ladder, best first: own profile and fresh counts; the same of a detector of few days, whose profile is
inferred from the others'; own profile of a silent detector among fresh ones; own profile alone; the site's pooled shape at
the detector's recent level; its recent mean; nothing (NaN)."""

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Point:
    """The expected counts, and which rung of the ladder spoke."""

    count_veh: Floats
    """[bin, detector]"""
    rung: tuple[str, ...]  # [detector]


class Model(Protocol):
    """A fitted forecaster without its interval. Whatever it knows of the past is in it or in `recent_veh`.

    Two of the same arrays that learn the same bins forecast the same.
    """

    @property
    def window_bins(self) -> int:
        """How many recent bins it reads."""
        ...

    def expect(self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None = None) -> Point:
        """Counts of the next `bins` bins.

        `recent_veh` [bin, detector] are the last `window_bins` bins, NaN where silent, the last one ending at `ends_s`
        on the week clock (any second of it, not only a bin's edge). `observed` [bin, detector] is the share of each bin
        that was observed, where `recent_veh` was scaled up from a part; 1 where it is None.
        """
        ...

    def usual(self, starts_s: float, hour_bins: int) -> Floats | None:
        """Profile [3, detector] of the bins an hour before `starts_s`, at it and an hour after, whatever was seen lately.

        None where the model has no profile.
        """
        ...

    def learn(self, counts_veh: Floats, starts_s: float) -> None:
        """Take in a closed bin [detector] that began at `starts_s` on the week clock, NaN where silent; in place."""
        ...

    def degraded(self) -> "tuple[Model, ...]":
        """Itself as it speaks from lower rungs, so that their intervals can be calibrated too; often empty."""
        ...

    def arrays(self) -> Arrays:
        """All that `from_arrays` needs to make it again."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The model of these arrays; KeyError or ValueError where they do not fit."""
        ...


Fit = Callable[[FlowHistory, int], Model]
"""`fit(history, leads) -> Model`: how every forecaster of MODELS is made; `leads` bins ahead matter most."""


class Forecaster(Protocol):
    """What stands in a loop: takes the counts since the last call, and says what comes."""

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        """Counts [detector] since the last call, NaN where silent; None while nothing at all is known."""
        ...
