"""The daily profile: what usually passes at this time on this type of day. The forecaster that others must beat."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from forecasting.base import Arrays, Model, Point
from forecasting.clock import DAY_S, DAY_TYPES, TYPE_OF_WEEKDAY, WEEK_S, day_types
from forecasting.history import FlowHistory, check_for_fit
from signals.types import Floats, Ints

SMOOTHING = (0.25, 0.5, 0.25)
SHRINKAGE_DAYS = 0.5  # the scaled shape of all days counts as this many days of the type


@dataclass(frozen=True, slots=True)
class Profile:
    """Expected count per type of day, slot of the day and detector; NaN where nothing was ever observed near."""

    bin_s: float
    count_veh: Floats = field(repr=False)
    """[day type, slot, detector]"""
    shape: Floats = field(repr=False)
    """[day type, slot] mean over the detectors that have a profile"""
    window_bins: int = 0

    def at(self, start_s: Floats) -> Floats:
        """Expected counts [window, detector] of windows of one bin that start at these times of the week clock."""
        return _interpolated(self.count_veh, start_s, self.bin_s)

    def shape_at(self, start_s: Floats) -> Floats:
        """The pooled shape [window] of the same windows."""
        return np.asarray(_interpolated(self.shape[:, :, None], start_s, self.bin_s)[:, 0])

    def expect(self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None = None) -> Point:
        """The profile, whatever was seen lately."""
        count_veh = self.at(ends_s + self.bin_s * np.arange(bins, dtype=np.float64))
        known = np.isfinite(count_veh).all(axis=0)
        return Point(count_veh, tuple(np.where(known, "profile", "none").tolist()))

    def usual(self, starts_s: float, hour_bins: int) -> Floats:
        """The three windows."""
        return self.at(starts_s + self.bin_s * hour_bins * np.array([-1.0, 0.0, 1.0]))

    def learn(self, counts_veh: Floats, starts_s: float) -> None:
        """It learns nothing more."""

    def degraded(self) -> tuple[Model, ...]:
        """It has one rung only."""
        return ()

    def arrays(self) -> Arrays:
        """The tables."""
        return {"count_veh": self.count_veh, "shape": self.shape}

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The model again; ValueError where the tables do not fit one another or the bin."""
        count_veh, shape = arrays["count_veh"], arrays["shape"]
        if count_veh.ndim != 3 or count_veh.shape[:2] != shape.shape or shape.shape[1] * bin_s != DAY_S:
            raise ValueError(f"profile of shape {count_veh.shape} with a pooled shape {shape.shape}")
        return cls(bin_s, count_veh, shape)


def _interpolated(table: Floats, start_s: Floats, bin_s: float) -> Floats:
    """Rows of `table` [day type, slot, detector] for windows that may straddle two slots, weighted by share."""
    slots = table.shape[1]
    position = (np.asarray(start_s, dtype=np.float64) % WEEK_S) / bin_s
    first = np.floor(position + 1e-9)
    share = np.clip(position - first, 0.0, 1.0)[:, None]
    now = _rows(table, first * bin_s, first.astype(np.int64) % slots)
    if not share.any():
        return now
    after = _rows(table, (first + 1) * bin_s, (first + 1).astype(np.int64) % slots)
    # Does one of the two slots know nothing? Then the other speaks for the whole window.
    mixed = (1 - share) * now + share * after
    return np.asarray(np.where(np.isnan(now), np.where(share > 0, after, np.nan), np.where(np.isnan(after), now, mixed)))


def _rows(table: Floats, clock_s: Floats, slot: Ints) -> Floats:
    return np.asarray(table[day_types(clock_s + 0.5), slot])


def fit(history: FlowHistory, leads: int = 1) -> Profile:
    """Mean per day type and slot, smoothed over slots; types with few days lean on the scaled shape of all days."""
    check_for_fit(history, leads * history.bin_s)
    days, weekday = history.by_day()
    return fit_days(days, TYPE_OF_WEEKDAY[weekday], history.bin_s)


def fit_days(days: Floats, types: Ints, bin_s: float) -> Profile:
    """The profile of whole days [day, slot, detector] of these types [day]."""
    seen = np.isfinite(days)
    known = np.where(seen, days, 0.0)
    pooled_veh = _smoothed(known.sum(axis=0), seen.sum(axis=0))
    count_veh = np.empty((len(DAY_TYPES), *pooled_veh.shape))
    for k in range(len(DAY_TYPES)):
        number = seen[types == k].sum(axis=0)
        mean_veh = _smoothed(known[types == k].sum(axis=0), number)
        count_veh[k] = _shrunk(mean_veh, _spread(number.astype(np.float64)), pooled_veh)
    return Profile(bin_s, count_veh, _pooled_shape(count_veh))


def _shrunk(mean_veh: Floats, days: Floats, pooled_veh: Floats) -> Floats:
    """(n mean + k level pooled) / (n + k), with the type's level against all days, per detector."""
    both = np.isfinite(mean_veh) & np.isfinite(pooled_veh)
    own_veh = np.where(both, mean_veh, 0.0).sum(axis=0)
    all_veh = np.where(both, pooled_veh, 0.0).sum(axis=0)
    target_veh = (own_veh + 1.0) / (all_veh + 1.0) * pooled_veh
    blended = (days * np.nan_to_num(mean_veh) + SHRINKAGE_DAYS * target_veh) / (days + SHRINKAGE_DAYS)
    return np.asarray(np.where(np.isfinite(mean_veh), blended, target_veh))


def _spread(table: Floats) -> Floats:
    """The smoothing of SMOOTHING over slots [slot, detector], round the clock."""
    half = len(SMOOTHING) // 2
    parts = [weight * np.roll(table, k, axis=0) for k, weight in zip(range(-half, half + 1), SMOOTHING, strict=True)]
    return np.asarray(np.sum(parts, axis=0))


def _smoothed(sum_veh: Floats, number: Floats | Ints) -> Floats:
    """Smoothed mean [slot, detector]; NaN where neither the slot nor its neighbours were observed."""
    mean_veh = np.where(number > 0, sum_veh / np.maximum(number, 1), 0.0)
    weight = _spread((number > 0).astype(np.float64))
    return np.asarray(np.where(weight > 0, _spread(mean_veh) / np.where(weight > 0, weight, 1.0), np.nan))


def _pooled_shape(count_veh: Floats) -> Floats:
    seen = np.isfinite(count_veh)
    number = seen.sum(axis=2)
    total_veh = np.where(seen, count_veh, 0.0).sum(axis=2)
    return np.asarray(np.where(number > 0, total_veh / np.maximum(number, 1), np.nan))
