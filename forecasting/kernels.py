"""Kernels of the network ridge that pass once over all detectors: arrays in, arrays out, no temporaries in between."""

import numpy as np
import numpy.typing as npt
from numba import njit

from signals.types import Bools, Floats, Ints

Table = npt.NDArray[np.float32]

CLIP = 2.0  # root scale: beyond it the regime inputs take over from the linear ones
FAR = 8.0
JUMP, REGIME = 2.0, 1.5  # thresholds of a single departure and of lasting ones
LEAST_USUAL = 0.3
LEAST_GROWTH, MOST_GROWTH = 0.5, 1.5


@njit(cache=True, nogil=True)
def beyond(value: float, threshold: float) -> float:
    """What of a value exceeds a threshold, with its sign."""
    if value > threshold:
        return value - threshold
    return value + threshold if value < -threshold else 0.0


@njit(cache=True, nogil=True)
def both(one: float, other: float) -> float:
    """The smaller of two values of one sign; 0 where signs differ or one is unknown."""
    if one > 0.0 and other > 0.0:
        return min(one, other)
    return max(one, other) if one < 0.0 and other < 0.0 else 0.0


@njit(cache=True, nogil=True)
def clipped(value: float, most: float) -> float:
    """Between -most and most; NaN stays."""
    if value > most:
        return most
    return -most if value < -most else value


@njit(cache=True, nogil=True)
def own_inputs(
    out: Table, last: Floats, fading: Floats, prior: Floats, before: Floats, ahead: Floats, mute: Bools, heard_above: float
) -> tuple[Floats, Floats, Floats]:
    """Fill the columns [detector, input] that a detector makes alone.

    Returns what the factors hear, fading means and newest departures [detector], and the city's mean departure [lag], newest first.

    `last` [lag, detector] and `fading` [mean, sum and weight, detector] as in departures.py; columns are last_1 to last_4,
    mean_1h, mean_3h, mean_24h, and from the fifteenth on rise, jump, lasting_2, lasting_3, lasting_mean. NaN is unheard.
    """
    lags, number = last.shape
    mean, newest = np.full(number, np.nan), np.full(number, np.nan)
    far, city, voices = np.empty(3), np.zeros(lags), np.zeros(lags)
    for d in range(number):
        for k in range(lags):
            value = np.nan if mute[d] else last[lags - 1 - k, d]
            out[d, k] = 0.0
            if not np.isnan(value):
                near = clipped(value, CLIP)
                out[d, k] = near
                city[k] += near
                voices[k] += 1.0
            if k < 3:
                far[k] = clipped(value, FAR)
        for k in range(3):
            out[d, lags + k] = 0.0 if mute[d] else fading[k, 0, d] / (fading[k, 1, d] + prior[k])
        lasting = 0.0 if mute[d] else fading[3, 0, d] / (fading[3, 1, d] + prior[3])
        if not mute[d]:
            weight = fading[4, 1, d]
            if weight / (weight + prior[4]) > heard_above:
                mean[d] = fading[4, 0, d] / (weight + prior[4])
            newest[d] = clipped(last[lags - 1, d], CLIP)
        growth = min(max(ahead[d] / max(before[d], LEAST_USUAL), LEAST_GROWTH), MOST_GROWTH)
        out[d, 14] = ahead[d] - before[d]
        fill_regime(out[d, 15:19], far, lasting, growth)
    return mean, newest, city / np.maximum(voices, 1.0)


@njit(cache=True, nogil=True)
def fill_regime(out: Table, far: Floats, lasting: float, growth: float) -> None:
    """What tells of a new regime [4], from departures newest first: a jump, two and three of one sign, a lasting mean.

    Each is what exceeds its threshold, and grows with the profile.
    """
    newest = far[1] if np.isnan(far[0]) else far[0]
    older = far[2] if np.isnan(far[1]) else far[1]
    out[0] = growth * beyond(far[0], JUMP)
    out[1] = growth * beyond(both(newest, older), REGIME)
    out[2] = growth * beyond(both(both(far[0], far[1]), far[2]), REGIME)
    out[3] = growth * beyond(lasting, REGIME)


@njit(cache=True, nogil=True)
def hear(fading: Floats, day: Table, departure: Floats, keep: Floats, unclipped: int) -> tuple[float, int]:
    """Fade sums and weights [mean, 2, detector] and add a bin's departures [detector], which are kept as the `day`'s row too.

    Returns the sum of the departures heard and their number. The mean `unclipped` takes them up to FAR.
    """
    total, number = 0.0, 0
    for d in range(departure.size):
        heard = not np.isnan(departure[d])
        near = clipped(departure[d], CLIP) if heard else 0.0
        far = clipped(departure[d], FAR) if heard else 0.0
        for k in range(keep.size):
            fading[k, 0, d] = keep[k] * fading[k, 0, d] + (far if k == unclipped else near)
            fading[k, 1, d] = keep[k] * fading[k, 1, d] + (1.0 if heard else 0.0)
        day[d] = near
        total += near
        number += 1 if heard else 0
    return total, number


@njit(cache=True, nogil=True)
def heard_sums(loading: Floats, departure: Floats) -> tuple[Floats, Floats, int]:
    """V'V [factor, factor] and V'x [factor] over the detectors whose departure is known, and their number."""
    factors = loading.shape[1]
    gram, moment, number = np.zeros((factors, factors)), np.zeros(factors), 0
    for d in range(departure.size):
        if not np.isnan(departure[d]):
            number += 1
            for i in range(factors):
                moment[i] += loading[d, i] * departure[d]
                for j in range(i + 1):
                    gram[i, j] += loading[d, i] * loading[d, j]
    for i in range(factors):
        for j in range(i):
            gram[j, i] = gram[i, j]
    return gram, moment, number


@njit(cache=True, nogil=True)
def row_products(rows: Table, coefficients: Table) -> Floats:
    """Sum of products [row] of two tables [row, column]."""
    out = np.zeros(rows.shape[0])
    for d in range(rows.shape[0]):
        total = 0.0
        for k in range(rows.shape[1]):
            total += float(rows[d, k]) * float(coefficients[d, k])
        out[d] = total
    return out


@njit(cache=True, nogil=True)
def misfits(root_veh: Floats, candidates: Floats, variance: Floats, clip: float) -> tuple[Floats, int]:
    """Sum of squared errors over variance [hypothesis], errors at most `clip`, over detectors that all speak of; their number."""
    out, number = np.zeros(candidates.shape[0]), 0
    for d in range(root_veh.size):
        known = not np.isnan(root_veh[d])
        for h in range(candidates.shape[0]):
            known = known and not np.isnan(candidates[h, d])
        if known:
            number += 1
            for h in range(candidates.shape[0]):
                out[h] += clipped(root_veh[d] - candidates[h, d], clip) ** 2 / variance[d]
    return out, number


@njit(cache=True, nogil=True)
def smoothed_rows(days: Table, weight: Table) -> Table:
    """Weighted means over the slots around each, `weight` [offset] in the middle of which it stands, [day, slot, detector].

    The day is a ring. Rows are added to rows, which is quick as long as a row stays in the cache.
    """
    out = np.zeros_like(days)
    slots, reach = days.shape[1], len(weight) // 2
    for day in range(days.shape[0]):
        for slot in range(slots):
            into = out[day, slot]
            for k in range(len(weight)):
                row, share = days[day, (slot + k - reach) % slots], weight[k]
                for d in range(into.size):
                    into[d] += share * row[d]
    return out


@njit(cache=True, nogil=True)
def weighted_rows(table: Table, rows: Ints, weight: Floats) -> Floats:
    """Sum of some rows [row] of a table [.., column], weighted."""
    out = np.zeros(table.shape[1])
    for k in range(rows.size):
        for d in range(table.shape[1]):
            out[d] += weight[k] * table[rows[k], d]
    return out
