"""Smoothing round the clock: a Gaussian kernel over the slots of a day, which has no ends."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from forecasting.kernels import smoothed_rows
from signals.types import Floats

Real = TypeVar("Real", np.float32, np.float64)
REACH = 3.0  # sigma


def circular(table: npt.NDArray[Real], sigma_slots: float) -> npt.NDArray[Real]:
    """`table` [..., slot, detector] smoothed over slots with a Gaussian of this width, cut at three sigma."""
    if sigma_slots <= 0.0:
        return table
    weight = gaussian(round(sigma_slots, 2)).astype(table.dtype)
    days = np.ascontiguousarray(table).reshape(-1, *table.shape[-2:])
    return np.asarray(smoothed_rows(days, weight)).reshape(table.shape)


def gaussian(sigma: float) -> Floats:
    """Weights [offset] from -REACH sigma to REACH sigma, 1 together."""
    reach = int(REACH * sigma) + 1
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-3)) ** 2)
    return np.asarray(weight / weight.sum())
