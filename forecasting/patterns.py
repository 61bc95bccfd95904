"""What the weeks of many detectors have in common: a mean week and a few patterns, found by singular values.

Two uses. The week of a detector that is well known is cleaned: each pattern keeps the share of it that is not noise. The
week of a detector that is hardly known is inferred: its level and its part in each pattern are the most probable ones
given the few bins it has shown (probabilistic principal components with missing data, Tipping and Bishop 1999).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from forecasting.base import Arrays
from forecasting.singular import singular
from signals.types import Floats

Table = npt.NDArray[np.float32]

NOISE_SHARE = 0.8  # of the median squared singular value: what noise alone would make
MOST = 40  # patterns kept
MOST_FOR_YOUNG = 12
CELL_NOISE = 1.0  # variance of one day's root count around the detector's true week, days being alike within themselves
LEVEL_SPREAD = 1e2  # variance of the level before anything is seen


@dataclass(frozen=True, slots=True)
class Patterns:
    """Of root-scale weeks; without any found it changes nothing."""

    mean: Floats = field(repr=False)
    """[weekday and slot]"""
    shape: Floats = field(repr=False)
    """[weekday and slot, pattern] orthonormal"""
    gain: Floats = field(repr=False)
    """[pattern] the share that is no noise"""
    variance: Floats = field(repr=False)
    """[pattern] of the detectors' parts in it"""

    @classmethod
    def none(cls, slots: int) -> Self:
        """Before any is found."""
        cells = 7 * slots
        return cls(np.full(cells, np.nan), np.zeros((cells, 0)), np.zeros(0), np.zeros(0))

    @property
    def found(self) -> bool:
        """Whether there is at least a mean week."""
        return bool(np.isfinite(self.mean).all())

    def shrunk(self, weeks: Table) -> Table:
        """The weeks [weekday and slot, detector] with each pattern's noise taken out; unknown cells from the rest."""
        apart = weeks - self.mean[:, None].astype(np.float32)
        known = np.isfinite(apart)
        number = known.sum(axis=0)
        apart[~known] = 0.0
        level = (apart.sum(axis=0, dtype=np.float64) / np.maximum(number, 1)).astype(np.float32)
        apart -= level
        apart[~known] = 0.0
        shape = self.shape.astype(np.float32)
        out: Table = shape @ (self.gain[:, None].astype(np.float32) * (shape.T @ apart))
        out += self.mean[:, None].astype(np.float32)
        out += np.where(number > 0, level, np.float32(np.nan))
        return out

    def arrays(self) -> Arrays:
        """The tables."""
        return {
            "pattern_mean": self.mean,
            "pattern_shape": self.shape,
            "pattern_gain": self.gain,
            "pattern_variance": self.variance,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, slots: int) -> Self:
        """The patterns again; ValueError where the tables do not fit."""
        mean, shape, gain, variance = (
            np.asarray(arrays[f"pattern_{name}"], dtype=np.float64) for name in ("mean", "shape", "gain", "variance")
        )
        number = len(gain)
        if mean.shape != (7 * slots,) or shape.shape != (7 * slots, number) or variance.shape != (number,):
            raise ValueError(f"patterns of shapes {mean.shape}, {shape.shape}, {variance.shape}")
        return cls(mean, shape, gain, variance)


def found_in(weeks: Table) -> Patterns:
    """The patterns of weeks [weekday and slot, detector], NaN where unknown."""
    weeks = weeks.astype(np.float64)
    known = np.isfinite(weeks)
    number = known.sum(axis=1)
    mean = np.where(number > 0, np.where(known, weeks, 0.0).sum(axis=1) / np.maximum(number, 1), np.nan)
    mean = np.where(np.isfinite(mean), mean, np.nanmean(mean) if number.any() else 0.0)
    apart = np.where(known, weeks - mean[:, None], 0.0)
    apart = np.where(known, apart - apart.sum(axis=0) / np.maximum(known.sum(axis=0), 1), 0.0)
    left, size = singular(apart)
    squared = size**2
    noise = NOISE_SHARE * float(np.median(squared)) if len(squared) else 0.0
    gain = np.maximum(1.0 - noise / np.maximum(squared, 1e-12), 0.0)
    kept = np.flatnonzero(gain > 0.0)[:MOST]
    variance = np.maximum(squared - noise, 0.0) / max(weeks.shape[1], 1)
    return Patterns(mean, left[:, kept], gain[kept], variance[kept])


def most_probable_week(patterns: Patterns, total: Table, weight: Table) -> Floats:
    """Weeks [weekday and slot, detector] from sums and weights of the same shape in which few cells are known.

    Minimises sum n (a - mean - l - U f)^2 / CELL_NOISE + l^2 / LEVEL_SPREAD + sum f^2 / variance over level l and parts f;
    NaN for who has shown nothing.
    """
    number = min(MOST_FOR_YOUNG, len(patterns.gain))
    cells, detectors = total.shape
    basis = np.column_stack((np.ones(cells), patterns.shape[:, :number]))
    prior = np.diag(np.concatenate(([1.0 / LEVEL_SPREAD], 1.0 / np.maximum(patterns.variance[:number], 1e-9))))
    apart = total - weight * patterns.mean[:, None]
    pairs = (basis[:, :, None] * basis[:, None, :]).reshape(cells, -1)
    left = (weight.T.astype(np.float64) @ pairs).reshape(detectors, number + 1, number + 1) / CELL_NOISE + prior
    parts = np.linalg.solve(left, (apart.T @ basis / CELL_NOISE)[..., None])[..., 0]
    week = patterns.mean[:, None] + basis @ parts.T
    return np.where(weight.any(axis=0), week, np.nan)
