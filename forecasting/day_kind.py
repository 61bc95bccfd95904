"""What kind of day is it? The clock may lag or lead (a clock change), or the day may run like one of another type (a holiday).

A hidden Markov model over a whole city's counts: hypotheses are lags of the clock of up to an hour, and the three day
types; each bin weighs them by how well the profile shifted or exchanged so fits the root counts of all detectors. Their
errors go together, so the likelihood is tempered: a city of any size speaks as about three independent detectors do.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from forecasting.base import Arrays
from forecasting.clock import DAY_TYPES
from forecasting.kernels import misfits
from signals.types import Floats, Ints

FARTHEST_S = 3600.0
STEP_S = 900.0
SPEAK_AS = 2.8  # independent detectors
STAY = 0.97  # of a lag, a bin of STEP_S
RETURN = 0.002  # to no lag, and as much to any
OTHER_TYPE = 0.01  # each day, for each other day type
STAY_TYPE = 0.995
CLIP = 2.5  # root scale
LEAST_SHARE, LEAST_HEARD = 0.2, 3
GATE = 0.02  # probability of an unusual day below which nobody heeds it


@dataclass(slots=True)
class DayKind:
    """Probabilities of the hypotheses: lags first, then day types."""

    lags: Ints = field(repr=False)
    """[hypothesis] bins"""
    probability: Floats = field(repr=False)
    """[hypothesis]"""

    @classmethod
    def usual(cls, bin_s: float) -> Self:
        """An ordinary day, for sure."""
        step = max(1, round(STEP_S / bin_s))
        reach = round(FARTHEST_S / bin_s / step)
        lags = np.arange(-reach, reach + 1, dtype=np.int64) * step
        probability = np.zeros(len(lags) + len(DAY_TYPES))
        probability[reach] = 1.0
        return cls(lags, probability)

    @property
    def reach(self) -> int:
        """The largest lag, in bins."""
        return int(self.lags[-1])

    @property
    def ordinary(self) -> float:
        """Probability that the clock is right and the day is of its type."""
        return float(self.probability[len(self.lags) // 2])

    @property
    def heeded(self) -> bool:
        """Whether another hypothesis is likely enough to count."""
        return self.ordinary < 1.0 - GATE

    def mixed(self, rows: Floats, types: Floats) -> Floats:
        """Expected profile [bin, detector]; `rows` begin `reach` bins before and end as many after, `types` [type, bin, detector]."""
        bins = types.shape[1]
        plain = rows[self.reach : self.reach + bins]
        out = np.zeros(types.shape[1:])
        parts = [rows[self.reach - lag : self.reach - lag + bins] for lag in self.lags]
        for part, p in zip((*parts, *types), self.probability, strict=True):
            if p > 0.0:
                # Of who is known since a while only, the hours before are not: then the calendar speaks.
                out += p * np.where(np.isnan(part), plain, part)
        return out

    def step(self, new_day: bool, day_type: int, bin_s: float) -> None:
        """Time goes on by a bin: lags wander, a new day may be of another type than the calendar's `day_type`."""
        n, middle = len(self.lags), len(self.lags) // 2
        w = self.probability
        lag = w[:n].copy()
        share = min(bin_s / STEP_S, 1.0)
        stay, back = 1.0 - (1.0 - STAY) * share, RETURN * share
        aside = (1.0 - stay - back) / 2.0
        wandered = (stay + 0.0) * lag
        wandered[1:] += aside * lag[:-1]
        wandered[:-1] += aside * lag[1:]
        wandered[0] += aside * lag[0]
        wandered[-1] += aside * lag[-1]
        wandered += back / 2.0 / n * lag.sum()
        wandered[middle] += back / 2.0 * lag.sum()
        w[:n] = wandered
        if new_day:
            w[middle] += w[n:].sum()
            w[n:] = 0.0
            w *= 1.0 - OTHER_TYPE * (len(DAY_TYPES) - 1)
            w[n:] = OTHER_TYPE
            w[n + day_type] = 0.0
        else:
            leaving = w[n:] * (1.0 - STAY_TYPE) * share
            w[n:] -= leaving
            w[middle] += leaving.sum()
        self.probability = w / w.sum()

    def weigh(self, root_veh: Floats, candidates: Floats, variance: Floats) -> None:
        """Bayes' rule with the root counts [detector] of a bin and what each hypothesis [hypothesis, detector] expected."""
        misfit, number = misfits(root_veh, candidates, variance, CLIP)
        if number < max(LEAST_HEARD, LEAST_SHARE * len(root_veh)):
            return
        fit = -0.5 * SPEAK_AS / len(root_veh) * misfit
        weighed = self.probability * np.exp(fit - fit.max())
        self.probability = weighed / weighed.sum()

    def arrays(self) -> Arrays:
        """The state."""
        return {"day_kind": self.probability}

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The state again; ValueError where it is of other hypotheses."""
        out = cls.usual(bin_s)
        out.probability = np.asarray(arrays["day_kind"], dtype=np.float64).reshape(len(out.probability)).copy()
        return out
