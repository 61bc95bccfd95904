"""Flows and turning shares as they are measured: counts per movement, the older the less they weigh."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True)
def faded_veh(before_veh: Floats, counts_veh: Floats, elapsed_s: float, memory_s: float) -> Floats:
    """Counts per movement [movement], those before faded by exp(-elapsed / memory); a silent sensor adds nothing."""
    kept = np.exp(-elapsed_s / memory_s)
    found_veh: Floats = before_veh * kept
    for m in range(found_veh.size):
        if counts_veh[m] > 0.0:
            found_veh[m] += counts_veh[m]
    return found_veh


@njit(cache=True)
def turning_shares(counted_veh: Floats, approach: Ints, prior_veh: float) -> Floats:
    """Share of its approach's vehicles that takes each movement [movement]: r = (n + prior) / sum over the approach.

    `approach` [movement]: number of its approach. The prior spreads evenly what has not been seen yet. Varaiya 2013, sec. 2.
    """
    totals = np.zeros(approach.max() + 1)
    for m in range(counted_veh.size):
        totals[approach[m]] += counted_veh[m] + prior_veh
    shares = np.zeros(counted_veh.size)
    for m in range(counted_veh.size):
        if totals[approach[m]] > 0.0:
            shares[m] = (counted_veh[m] + prior_veh) / totals[approach[m]]
    return shares


@njit(cache=True)
def queue_ahead_veh(queue_veh: Floats, shares: Floats, feeds_from: Ints, feeds_to: Ints, standing_veh: Floats, lanes: Floats) -> Floats:
    """Queue that the vehicles of each movement will join [movement]: sum over the movements after it of r * x.

    `feeds_from`, `feeds_to` [link]: pairs of a movement and one that its vehicles can take at the next signal. Where no signal follows,
    and where a queue is unknown, who stands on the exits, per lane, speaks. Varaiya 2013, eq. 5.
    """
    ahead_veh = np.zeros(queue_veh.size)
    for m in range(queue_veh.size):
        ahead_veh[m] = 0.0 if np.isnan(standing_veh[m]) else standing_veh[m] / max(1.0, lanes[m])
    known = np.zeros(queue_veh.size, dtype=np.bool_)
    sums = np.zeros(queue_veh.size)
    for f in range(feeds_from.size):
        m, q = feeds_from[f], queue_veh[feeds_to[f]]
        if not np.isnan(q):
            known[m] = True
            sums[m] += shares[feeds_to[f]] * q
    for m in range(queue_veh.size):
        if known[m]:
            ahead_veh[m] = sums[m]
    return ahead_veh


class Measured(NamedTuple):
    """What the counts of the last minutes say."""

    counted_veh: Floats  # [movement] faded
    flow_veh_h: Floats  # [movement]
    since_s: float  # of the first count
    now_s: float

    @staticmethod
    def none(movements: int) -> "Measured":
        """Before the first count."""
        return Measured(np.zeros(movements), np.zeros(movements), float("nan"), float("nan"))

    @property
    def seen_s(self) -> float:
        """For how long counts have come in [s]."""
        return 0.0 if np.isnan(self.since_s) else self.now_s - self.since_s

    def with_counts(self, counts_veh: Floats, now_s: float, memory_s: float) -> "Measured":
        """With the counts since the last call; flow = faded counts / the time that the same fading leaves of the span."""
        if np.isnan(self.since_s):
            return Measured(self.counted_veh, self.flow_veh_h, now_s, now_s)
        if now_s <= self.now_s:  # the same moment once more, or another time
            return self
        counted_veh = faded_veh(self.counted_veh, counts_veh, now_s - self.now_s, memory_s)
        span_s = memory_s * (1.0 - np.exp(-(now_s - self.since_s) / memory_s))
        return Measured(counted_veh, counted_veh * 3600.0 / span_s, self.since_s, now_s)
