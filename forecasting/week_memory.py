"""What was counted at each time of the week: a mean that fades, and in which of the last weeks there was a count.

A day's weight fades by 1/e in TAU_DAYS, so a mean and a byte a cell (one bit a week) say as much as two sums would, in
less memory and without numbers that grow with the years. The last bit stands for all older weeks.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from forecasting.base import Arrays
from forecasting.clock import DAY_S, WEEK_S
from signals.types import Floats, Ints

Table = npt.NDArray[np.float32]
Bits = npt.NDArray[np.uint8]

WEEKDAYS = 7
TAU_DAYS = 30.0
WEEKS = 8  # bits in a byte
WEIGHT = np.array([sum(np.exp(-7.0 * k / TAU_DAYS) for k in range(WEEKS) if bits >> k & 1) for bits in range(1 << WEEKS)])
"""[bits] weight of the days that a byte tells of, at the newest of them; bit 0 is the newest week"""


@dataclass(slots=True)
class WeekMemory:
    """Root counts a weekday, slot and detector."""

    bin_s: float
    mean: Table = field(repr=False)
    """[weekday, slot, detector] weighted mean, 0 where nothing was counted"""
    seen: Bits = field(repr=False)
    """[weekday, slot, detector] which weeks it is of"""

    @classmethod
    def empty(cls, bin_s: float, detectors: int) -> Self:
        """Nothing counted yet."""
        shape = (WEEKDAYS, round(DAY_S / bin_s), detectors)
        return cls(bin_s, np.zeros(shape, np.float32), np.zeros(shape, np.uint8))

    def learn(self, root_veh: Floats, starts_s: float) -> None:
        """Take in the root counts [detector] of the bin that began then, NaN where silent."""
        take_in(*self._cell(starts_s), root_veh, WEIGHT)

    def pass_over(self, starts_s: float) -> None:
        """A bin that nobody told of: it is a week later there."""
        seen = self._cell(starts_s)[1]
        np.bitwise_or(seen << np.uint8(1), seen & np.uint8(1 << WEEKS - 1), out=seen)

    def _cell(self, starts_s: float) -> tuple[Table, Bits]:
        weekday, slot = int(starts_s % WEEK_S // DAY_S), round(starts_s % DAY_S / self.bin_s)
        return self.mean[weekday, slot], self.seen[weekday, slot]

    def sums(self, detectors: Ints, edge_s: float) -> tuple[Table, Table]:
        """Weighted sums of root counts, and weights [weekday, slot, detector], as they are at `edge_s` on the week clock."""
        total, weight = faded(self.mean, self.seen, self._fading(edge_s), WEIGHT, detectors)
        return np.asarray(total), np.asarray(weight)

    def days(self, detectors: Ints, edge_s: float) -> Floats:
        """Days' worth of bins that each has shown, older ones faded [detector]."""
        bins = shown_bins(self.seen, self._fading(edge_s), WEIGHT, detectors)
        return np.asarray(bins / self.seen.shape[1])

    def _fading(self, edge_s: float) -> Floats:
        """What time has left of each cell's weight [weekday, slot] since it was its turn."""
        slots = self.seen.shape[1]
        bins = np.arange(WEEKDAYS * slots)
        since = (round(edge_s / self.bin_s) - bins - 1) % len(bins) + 1
        return np.asarray(np.exp(-since / slots / TAU_DAYS)).reshape(WEEKDAYS, slots)

    def arrays(self) -> dict[str, Any]:
        """The state."""
        return {"week_mean": self.mean, "week_seen": self.seen}

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The state again; ValueError where the tables do not fit the bin or one another."""
        out = cls(bin_s, np.asarray(arrays["week_mean"], np.float32), np.asarray(arrays["week_seen"], np.uint8))
        expected = (WEEKDAYS, round(DAY_S / bin_s), out.mean.shape[-1])
        if out.mean.shape != expected or out.seen.shape != expected:
            raise ValueError(f"week of shapes {out.mean.shape} and {out.seen.shape}, expected {expected}")
        return out


@njit(cache=True)
def take_in(mean: Table, seen: Bits, value: Floats, weight: Floats) -> None:
    """A new week's values [detector] for means and bits [detector], in place: m += (x - m) / sum of weights; NaN is no value."""
    for d in range(value.size):
        bits = ((seen[d] << 1) & 255) | (seen[d] & 128)
        if not np.isnan(value[d]):
            bits |= 1
            mean[d] += (value[d] - mean[d]) / weight[bits]
        seen[d] = bits


@njit(cache=True)
def faded(mean: Table, seen: Bits, left: Floats, weight: Floats, chosen: Ints) -> tuple[Table, Table]:
    """Sums and weights [weekday, slot, chosen] of means and bits [weekday, slot, detector], `left` [weekday, slot] of each weight."""
    shape = (seen.shape[0], seen.shape[1], chosen.size)
    total, number = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for w in range(shape[0]):
        for s in range(shape[1]):
            for k in range(chosen.size):
                here = left[w, s] * weight[seen[w, s, chosen[k]]]
                number[w, s, k] = here
                total[w, s, k] = here * mean[w, s, chosen[k]]
    return total, number


@njit(cache=True)
def shown_bins(seen: Bits, left: Floats, weight: Floats, chosen: Ints) -> Floats:
    """The same weights added up [chosen]."""
    out = np.zeros(chosen.size)
    for w in range(seen.shape[0]):
        for s in range(seen.shape[1]):
            for k in range(chosen.size):
                out[k] += left[w, s] * weight[seen[w, s, chosen[k]]]
    return out
