"""What each detector usually counts, robustly: the yardstick that faults are told by, not a forecast.

Medians of the first weeks per type of day and slot, then small clipped steps towards every later day. A stuck, shifted or
doubled stretch hardly moves it; a level that stays for about four weeks becomes the usual one, as seasons do.
"""

# mypy: disallow-untyped-decorators=False

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numba import njit

from forecasting.clock import DAY_TYPES, TYPE_OF_WEEKDAY
from forecasting.history import FlowHistory, seconds_of_day
from signals.types import Floats, Ints

Singles = npt.NDArray[np.float32]

HALF_WINDOW_S = 1800.0  # counts are averaged over an hour before medians are taken: medians of small counts are biased
FIRST_WEEK = (5, 2, 2)  # days of each type that the medians are taken over, where later ones may be faulty
FIRST_MONTH = (20, 4, 4)  # where the faulty ones are already left out
STEP = 0.05  # of the way to each later day
CLIP_SD, CLIP_SHARE = 2.0, 0.25  # a day further away than both counts as just this far
DEAD_SHARE = 0.1  # of the upper quartile of days: a day that counted less was not a usual day
ALIVE_SHARE = 0.4  # of the days must have been alive for the dead ones to be passed over
CHI2_MEDIAN = 0.4549  # median of a squared standard normal
LEAST_SIZE, LARGEST_SIZE = 2.0, 1000.0
BLOCK = 256  # detectors at a time: a block of columns, turned, stays in the cache


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual count of every bin, and how much counts scatter about it."""

    count_veh: Singles = field(repr=False)
    """[bin, detector] NaN where nothing was ever observed at such a time"""
    size: Floats = field(repr=False)
    """[detector] of the negative binomial: variance m + m^2 / size"""


def fit(history: FlowHistory, first_days: tuple[int, ...] = FIRST_MONTH, later: FlowHistory | None = None) -> Usual:
    """The usual counts of every bin of the history; medians over the `first_days` of each type of day.

    `later`: the same history as later days are to be followed in, where that differs from what the medians are taken of.
    """
    followed_veh = (later or history).counts_veh
    bins, detectors = history.counts_veh.shape
    before = round(seconds_of_day(history.start) / history.bin_s)
    days = -(-(before + bins) // history.slots)
    weekday = (int(history.week_start_s // 86_400) + np.arange(days)) % 7
    half = int(HALF_WINDOW_S // history.bin_s)
    types, most = TYPE_OF_WEEKDAY[weekday], np.array(first_days, dtype=np.int64)
    count_veh = np.empty((bins, detectors), dtype=np.float32)
    size = np.empty(detectors)
    for first in range(0, detectors, BLOCK):
        part = slice(first, first + BLOCK)
        block, later_block = (np.ascontiguousarray(veh[:, part].T) for veh in (history.counts_veh, followed_veh))
        usual_veh, size[part] = _of_block(block, later_block, before, history.slots, types, half, most)
        count_veh[:, part] = usual_veh.T
    return Usual(count_veh, size)


@njit(cache=True, nogil=True)
def _of_block(counts_veh: Floats, later_veh: Floats, before: int, slots: int, types: Ints, half: int, most: Ints) -> tuple[Floats, Floats]:
    """Usual counts [detector, bin] and sizes [detector] of counts [detector, bin]."""
    detectors, bins = counts_veh.shape
    usual_veh = np.empty((detectors, bins))
    size = np.empty(detectors)
    for d in range(detectors):
        first_veh = np.full((2, len(types) * slots), np.nan)
        first_veh[0, before : before + bins] = smoothed(counts_veh[d], half)
        first_veh[1, before : before + bins] = smoothed(later_veh[d], half)
        days_veh = first_veh.reshape(2, len(types), slots)
        table = first_usual(days_veh[0], types, most)
        usual_veh[d] = followed(days_veh[1], types, table, most).ravel()[before : before + bins]
        size[d] = size_of(counts_veh[d], usual_veh[d])
    return usual_veh, size


@njit(cache=True, nogil=True)
def smoothed(counts_veh: Floats, half: int) -> Floats:
    """Mean [bin] of the bins seen within `half` of each; NaN where fewer than half of them were seen."""
    bins = len(counts_veh)
    out = np.full(bins, np.nan)
    total, number = 0.0, 0
    for t in range(-half, bins + half):
        if t + half < bins and np.isfinite(counts_veh[t + half]):
            total += counts_veh[t + half]
            number += 1
        gone = t - half - 1
        if gone >= 0 and np.isfinite(counts_veh[gone]):
            total -= counts_veh[gone]
            number -= 1
        if 0 <= t < bins and number > 0:
            inside = min(t, half) + min(bins - 1 - t, half) + 1
            if 2 * number >= inside:
                out[t] = max(total, 0.0) / number
    return out


@njit(cache=True, nogil=True)
def first_usual(days_veh: Floats, types: Ints, most: Ints) -> Floats:
    """Medians [day type, slot] over the first alive days [day, slot] of each type, `most` [day type] of them.

    A type that was seen on few days takes its level, against the weekdays around each of its days, by a median too.
    """
    slots = days_veh.shape[1]
    mean_veh = np.full(len(types), np.nan)
    for day in range(len(types)):
        known = days_veh[day][np.isfinite(days_veh[day])]
        if 2 * len(known) >= slots:
            mean_veh[day] = known.mean()
    alive = alive_days(mean_veh)
    table = np.full((len(DAY_TYPES), slots), np.nan)
    every = median_day(days_veh, alive)
    for k in range(len(DAY_TYPES)):
        chosen = np.zeros(len(types), dtype=np.bool_)
        number = 0
        for day in range(len(types)):
            if types[day] == k and alive[day] and number < most[k]:
                chosen[day] = True
                number += 1
        own = median_day(days_veh, chosen)
        for slot in range(slots):
            table[k, slot] = own[slot] if np.isfinite(own[slot]) else every[slot]
        if k > 0 and number > 0:
            _relevel(table, k, mean_veh, alive, types)
    return table


@njit(cache=True, nogil=True)
def _relevel(table: Floats, k: int, mean_veh: Floats, alive: npt.NDArray[np.bool_], types: Ints) -> None:
    """Scale row k of the table so that it stands to the weekdays' as its days stood to the weekdays next to them."""
    ratios = np.empty(len(types))
    number = 0
    for day in range(len(types)):
        if types[day] != k or not alive[day]:
            continue
        near = np.zeros(len(types), dtype=np.bool_)
        for other in range(max(day - 4, 0), min(day + 5, len(types))):
            near[other] = types[other] == 0 and alive[other]
        if near.any():
            ratios[number] = (mean_veh[day] + 0.01) / (np.median(mean_veh[near]) + 0.01)
            number += 1
    own, weekday = np.nanmean(table[k]), np.nanmean(table[0])
    if number > 0 and own > 0.0 and np.isfinite(weekday):
        table[k] *= np.median(ratios[:number]) * (weekday + 0.01) / (own + 0.01)


@njit(cache=True, nogil=True)
def alive_days(mean_veh: Floats) -> npt.NDArray[np.bool_]:
    """Which days [day] of these mean counts are no dead ones; all of them where most are."""
    known = np.isfinite(mean_veh)
    if not known.any():
        return known
    least = DEAD_SHARE * np.quantile(mean_veh[known], 0.75)
    alive = known.copy()
    for day in range(len(mean_veh)):
        alive[day] = known[day] and mean_veh[day] >= least
    return alive if alive.sum() >= ALIVE_SHARE * known.sum() else known


@njit(cache=True, nogil=True)
def median_day(days_veh: Floats, chosen: npt.NDArray[np.bool_]) -> Floats:
    """Median [slot] over the chosen days [day] of [day, slot]; NaN where none of them was seen."""
    days, slots = days_veh.shape
    out = np.full(slots, np.nan)
    found = np.empty(days)
    for slot in range(slots):
        number = 0
        for day in range(days):
            if chosen[day] and np.isfinite(days_veh[day, slot]):
                found[number] = days_veh[day, slot]
                number += 1
        if number > 0:
            out[slot] = np.median(found[:number])
    return out


@njit(cache=True, nogil=True)
def followed(days_veh: Floats, types: Ints, table: Floats, most: Ints) -> Floats:
    """The usual counts [day, slot], the table [day type, slot] being led along by later days in clipped steps."""
    days, slots = days_veh.shape
    table = table.copy()
    seen = np.zeros(len(table), dtype=np.int64)
    out = np.empty((days, slots))
    for day in range(days):
        k = types[day]
        out[day] = table[k]
        seen[k] += 1
        if seen[k] <= most[k]:
            continue  # this day is among those that the medians were taken over
        for slot in range(slots):
            now = days_veh[day, slot]
            if np.isfinite(now) and np.isfinite(table[k, slot]):
                bound = max(CLIP_SD * np.sqrt(table[k, slot] + 1.0), CLIP_SHARE * table[k, slot])
                table[k, slot] = max(table[k, slot] + STEP * min(max(now - table[k, slot], -bound), bound), 0.0)
    return out


@njit(cache=True, nogil=True)
def size_of(counts_veh: Floats, usual_veh: Floats) -> float:
    """Size of the negative binomial by medians: median (x - m)^2 / m = 0.4549 (1 + m / size), over the busier half of bins."""
    both = np.isfinite(counts_veh) & np.isfinite(usual_veh)
    if not both.any():
        return LEAST_SIZE
    least = max(np.median(usual_veh[both]), 0.5)
    busy = both & (usual_veh >= least)
    if busy.sum() < 8:
        return LEAST_SIZE
    m, x = usual_veh[busy], counts_veh[busy]
    ratio = np.median((x - m) ** 2 / m) / CHI2_MEDIAN
    return min(max(np.median(m) / max(ratio - 1.0, 1e-6), LEAST_SIZE), LARGEST_SIZE)
