"""A smooth week from few days: each weekday's profile is that of its day type plus its own shrunk deviation.

Both are kernel means over the slots of the day; a day type's kernel is the wider, the fewer days it is known from.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forecasting.clock import TYPE_OF_WEEKDAY
from forecasting.smoothing import circular

Table = npt.NDArray[np.float32]

WEEK = tuple(range(7))
OTHER_TYPE = 0.003  # weight of a day of another type: speaks only where there is no day of the type
WIDEST_SIGMA_MIN = 30.0
FULL_DAYS = 8.0
LEAST_DAYS = 0.05


class Smoothing(NamedTuple):
    """Widths of the kernels."""

    type_sigma_min: float  # of a day type's profile from FULL_DAYS days
    power: float  # by which it grows with FULL_DAYS / days
    day_sigma_min: float  # of a weekday's deviation
    shrinkage_days: float  # against a weekday's deviation


def smooth_week(total: Table, weight: Table, bin_min: float, by: Smoothing, weekdays: tuple[int, ...] = WEEK) -> Table:
    """Profile [weekday and slot, detector] of these weekdays from sums and weights [weekday, slot, detector] of the whole week.

    m_w = type mean + n / (n + k) (own mean - type mean, as smooth), with n days of the weekday and k shrinkage_days; NaN
    where nothing is known near.
    """
    of_type = {kind: _of_type(total, weight, kind, bin_min, by) for kind in {int(TYPE_OF_WEEKDAY[w]) for w in weekdays}}
    sigma = by.day_sigma_min / bin_min
    out = np.empty((len(weekdays), *total.shape[1:]), dtype=np.float32)
    for k, weekday in enumerate(weekdays):
        mean, smoother = of_type[int(TYPE_OF_WEEKDAY[weekday])]
        number = circular(weight[weekday], sigma)
        own = np.divide(circular(total[weekday], sigma), number, out=np.zeros_like(number), where=number > 0.0)
        own -= smoother
        own *= number / (number + np.float32(by.shrinkage_days))
        out[k] = mean + np.where(number > 0.0, own, np.float32(0.0))
    return out.reshape(-1, total.shape[2])


def _of_type(total: Table, weight: Table, kind: int, bin_min: float, by: Smoothing) -> tuple[Table, Table]:
    """A day type's profile [slot, detector], and the same as smooth as a weekday's own is."""
    part = np.where(kind == TYPE_OF_WEEKDAY, 1.0, OTHER_TYPE).astype(np.float32)
    num, den = np.tensordot(part, total, 1), np.tensordot(part, weight, 1)
    days = max(float(np.median(den)), LEAST_DAYS)
    sigma = min(by.type_sigma_min * (FULL_DAYS / days) ** by.power, WIDEST_SIGMA_MIN) / bin_min
    num, den = circular(num, sigma), circular(den, sigma)
    seen = den > 0.0
    mean = np.divide(num, den, out=np.zeros_like(num), where=seen)
    smoother = circular(mean, by.day_sigma_min / bin_min)
    if seen.all():
        return mean, smoother
    cover = circular(seen.astype(np.float32), by.day_sigma_min / bin_min)
    mean[~seen] = np.nan
    smoother /= np.maximum(cover, np.float32(1e-9))
    return mean, smoother
