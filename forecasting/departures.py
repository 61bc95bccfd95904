"""How the streets depart from their profile right now: the inputs of the network ridge, for all detectors at once.

A departure is a root-scale count minus its profile. From the departures of the last bins come each detector's own recent
ones and fading means, those of the whole city, what the city's common factors say of a detector that is silent itself,
yesterday's at this time, and, past a threshold, those that tell of a new regime: an incident or an event is believed once
it has lasted.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.base import Arrays
from forecasting.clock import DAY_S
from forecasting.factors import Factors
from forecasting.kernels import hear, own_inputs, weighted_rows
from signals.types import Bools, Floats

LAGS = 4
HALF_LIVES_H = (1.0, 3.0, 24.0, 0.75, 0.5)  # of the fading means: short, middle, day, of unclipped departures, for factors
UNCLIPPED = 3
PRIORS = (1.0, 1.0, 1.0, 0.3, 0.01)  # bins of no departure that each mean starts from
CITY_HALF_LIVES_H = (1.0, 24.0)
LEAST_HALF_LIFE_BINS = 0.7
HEARD = 0.3  # weight of a fading mean above which the factors hear a detector
NAMES = (
    "last_1", "last_2", "last_3", "last_4", "mean_1h", "mean_3h", "mean_24h", "city_1", "city_2", "city_1h", "city_24h",
    "factors_30min", "factors_1", "yesterday", "rise", "jump", "lasting_2", "lasting_3", "lasting_mean",
    "own_days",
)  # fmt: skip

Table = npt.NDArray[np.float32]


@dataclass(slots=True)
class Departures:
    """State, one bin after the other."""

    bin_s: float
    factors: Factors = field(repr=False)
    last: Floats = field(repr=False)
    """[lag, detector] departures of the last LAGS bins, oldest first, NaN where silent"""
    fading: Floats = field(repr=False)
    """[mean, sum and weight, detector]"""
    city: Floats = field(repr=False)
    """[mean, sum and weight]"""
    day: Table = field(repr=False)
    """[slot, detector] departures of the last 24 hours, 0 where silent"""

    @classmethod
    def none(cls, bin_s: float, factors: Factors) -> Self:
        """Nothing seen yet."""
        n = len(factors.loading)
        slots = round(DAY_S / bin_s)
        last = np.full((LAGS, n), np.nan)
        sums = np.zeros((len(HALF_LIVES_H), 2, n))
        return cls(bin_s, factors, last, sums, np.zeros((len(CITY_HALF_LIVES_H), 2)), np.zeros((slots, n), np.float32))

    def learn(self, departure: Floats, starts_s: float) -> None:
        """Take in a closed bin: departures [detector], NaN where silent."""
        self.last[:-1] = self.last[1:]
        self.last[-1] = departure
        keep = np.array([self._keep(half_life_h) for half_life_h in HALF_LIVES_H])
        total, number = hear(self.fading, self.day[int(starts_s % DAY_S // self.bin_s)], departure, keep, UNCLIPPED)
        for k, half_life_h in enumerate(CITY_HALF_LIVES_H):
            self.city[k] *= self._keep(half_life_h)
            if number:
                self.city[k] += (total / number, 1.0)

    def inputs(self, last: Floats, before: Floats, ahead: Floats, own_days: Floats, starts_s: float, mute: Bools | None = None) -> Table:
        """What NAMES lists [detector, input] for the bins from `starts_s` on.

        `last` [lag, detector] are the newest departures, `before` and `ahead` [detector] the profile of the newest bin and
        of those to come, `own_days` [detector] by how much the detector's own days alone say otherwise; who is `mute`
        [detector] counts as silent for long.
        """
        number = last.shape[1]
        silent = np.zeros(number, dtype=np.bool_) if mute is None else mute
        out = np.empty((number, len(NAMES)), dtype=np.float32)
        mean, newest, city = own_inputs(out, last, self.fading, np.array(PRIORS), before, ahead, silent, HEARD)
        # What is there but once, or is found for all detectors together, fills the rest.
        city_means = self.city[:, 0] / (self.city[:, 1] + 1.0)
        others = (city[0], city[1], *city_means, self.factors.expected(mean), self.factors.expected(newest, 4.0), self._yesterday(starts_s))
        for k, column in enumerate(others, start=NAMES.index("city_1")):
            out[:, k] = column
        out[:, NAMES.index("own_days")] = own_days
        return out

    def heard_lately(self) -> Floats:
        """How much each detector was heard in the last hour or two, in bins that fade [detector]."""
        return np.asarray(self.fading[0, 1])

    def _yesterday(self, starts_s: float) -> Floats:
        """Departures around this time a day ago [detector], smoothed over an hour or so."""
        slots = len(self.day)
        sigma = 1.5 * slots / 96.0
        offset = np.arange(-int(3 * sigma) - 1, int(3 * sigma) + 2)
        weight = np.exp(-0.5 * (offset / sigma) ** 2)
        rows = (int(starts_s % DAY_S // self.bin_s) + offset) % slots
        # The newest slots behind the edge are today's already.
        weight = np.where(offset >= 0, weight, 0.0) if slots < len(offset) else weight
        return np.asarray(weighted_rows(self.day, rows, weight / weight.sum()))

    def _keep(self, half_life_h: float) -> float:
        return float(0.5 ** (1.0 / max(half_life_h * 3600.0 / self.bin_s, LEAST_HALF_LIFE_BINS)))

    def arrays(self) -> dict[str, Any]:
        """The state."""
        own = {"last": self.last, "fading": self.fading, "city": self.city, "day": self.day}
        return {**own, **self.factors.arrays()}

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The state again; ValueError where its tables do not fit one another."""
        out = cls.none(bin_s, Factors.from_arrays(arrays))
        for name in ("last", "fading", "city", "day"):
            kept, given = getattr(out, name), np.asarray(arrays[name])
            if kept.shape != given.shape:
                raise ValueError(f"{name} of shape {given.shape}, expected {kept.shape}")
            setattr(out, name, given.astype(kept.dtype))
        return out
