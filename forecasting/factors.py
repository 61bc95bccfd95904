"""Common factors of a city's departures: what the detectors that are heard say of one that is not.

Probabilistic principal components (Tipping and Bishop 1999): a departure is loading x factors + noise; given the detectors
heard, the expected factors are (V'V + noise I)^-1 V'x over them.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from forecasting.base import Arrays
from forecasting.kernels import heard_sums
from forecasting.singular import singular
from signals.types import Floats

MOST = 8
DETECTORS_PER_FACTOR = 5
SEGMENT_S = 3600.0  # departures are averaged over so long before factors are looked for


@dataclass(frozen=True, slots=True)
class Factors:
    """Loadings and noise."""

    loading: Floats = field(repr=False)
    """[detector, factor]"""
    noise: float

    def expected(self, departure: Floats, noisier: float = 1.0) -> Floats:
        """Expected common part of the departures [detector] from those that are not NaN; 0 where all are."""
        gram, moment, number = heard_sums(self.loading, departure)
        if not number or not len(moment):
            return np.zeros(len(departure))
        left = gram + noisier * self.noise * np.eye(len(moment))
        return np.asarray(self.loading @ np.linalg.solve(left, moment))

    def arrays(self) -> Arrays:
        """The tables."""
        return {"loading": self.loading, "noise": np.array(self.noise)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The factors again."""
        loading = np.asarray(arrays["loading"], dtype=np.float64)
        if loading.ndim != 2:
            raise ValueError(f"loadings of shape {loading.shape}")
        return cls(loading, float(arrays["noise"]))


def found_in(departure: Floats, bin_s: float) -> Factors:
    """The factors of clipped departures [bin, detector], NaN where unknown."""
    detectors = departure.shape[1]
    segment = max(round(SEGMENT_S / bin_s), 1)
    whole = len(departure) // segment * segment
    parts = departure[:whole].reshape(-1, segment, detectors)
    seen = np.isfinite(parts)
    number = seen.sum(axis=1)
    mean = np.where(number > 0, np.where(seen, parts, 0.0).sum(axis=1) / np.maximum(number, 1), 0.0)
    factors = min(MOST, detectors // DETECTORS_PER_FACTOR)
    if not len(mean) or factors == 0:
        return Factors(np.zeros((detectors, 0)), 1.0)
    course, size = singular(mean)  # of each factor over time, and how large it is
    variance = size**2 / len(mean)
    count = min(factors, len(variance))
    rest = float(variance[count:].sum()) / max(detectors - count, 1)
    noise = max(rest, 1e-6)
    share = np.sqrt(np.maximum(variance[:count] - noise, 1e-6)) / np.maximum(size[:count], 1e-9)
    loading = (mean.T @ course[:, :count]) * share
    return Factors(loading, noise)
