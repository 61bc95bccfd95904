"""How improbable counts are under what is usual: the numbers that the rules of faults.py and fault_watch.py decide by."""

# mypy: disallow-untyped-decorators=False

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from signals.types import Bools, Floats, Ints

Singles = npt.NDArray[np.float32]

LIBERTY = 3.0  # an event may leave a third of the usual flow or bring three times as much
SOME_VEH = 5.0  # and as many may come where nobody usually does
IMPROBABLE = -18.4  # log of 1e-8: a stretch this improbable is a fault
PLAUSIBLE = -3.0  # log of 1/20: the ends of a stretch that say no more than this are believed
LARGEST_REPEAT = 0.5  # a detector that often repeats its counts (rounded, or spread from longer bins) needs longer stretches
COMMON_LEAST = 5  # detectors that must be heard for a common departure
COMMON_LEAST_VEH = 5.0  # and what each must usually count within the hour
LARGEST_COMMON = 4.0
DEAD_SHARE, DEAD_DETECTORS, DEAD_VEH = 0.6, 40, 60.0
SHIFTS = (0, -1, 1)  # hours off the usual counts that a day is held against
CHI2_MEDIAN = 0.4549  # median of a squared standard normal
ALIVE = 0.005  # of the usual counts: peers that count less are as dead as it is
SMALL_HOURS = 5  # the clocks of the world change before this hour


@njit(cache=True, nogil=True)
def log_probability(count_veh: float, mean_veh: float, size: float) -> float:
    """Log probability of a count that is negative binomial: mean m, variance m + m^2 / size. Counts may be fractions."""
    if mean_veh <= 0.0:
        return 0.0 if count_veh == 0.0 else -1e3
    odds = math.log(mean_veh / (size + mean_veh))
    ways = math.lgamma(count_veh + size) - math.lgamma(size) - math.lgamma(count_veh + 1.0)
    return ways + count_veh * odds - size * math.log1p(mean_veh / size)


@njit(cache=True, nogil=True)
def log_repeat(count_veh: float, usual_veh: float, size: float, repeats: float) -> float:
    """Log probability of just this count again, at the kindest flow within LIBERTY of the usual one.

    `repeats` is how often this detector repeats itself anyway; it speaks for counts over zero only.
    """
    mean_veh = min(max(count_veh, usual_veh / LIBERTY), max(usual_veh * LIBERTY, SOME_VEH))
    value: float = log_probability(count_veh, mean_veh, size)
    return value if count_veh == 0.0 else max(value, math.log(min(max(repeats, 1e-9), LARGEST_REPEAT)))


@njit(cache=True, nogil=True)
def repeat_share(counts_veh: Floats) -> Floats:
    """Share [detector] of counts over zero that equal the one before, of counts [bin, detector]."""
    bins, detectors = counts_veh.shape
    same = np.zeros(detectors)
    number = np.full(detectors, 1.0)
    for t in range(1, bins):
        for d in range(detectors):
            if counts_veh[t, d] > 0.0 and counts_veh[t - 1, d] > 0.0:
                number[d] += 1.0
                same[d] += counts_veh[t, d] == counts_veh[t - 1, d]
    share: Floats = same / number
    return share


@njit(cache=True, nogil=True)
def stuck_stretches(counts_veh: Floats, usual_veh: Singles, size: Floats, repeats: Floats, at_zero: bool) -> Bools:
    """Which counts [bin, detector] lie in a stretch of equal ones too improbable to be traffic; gaps do not end a stretch."""
    bins, detectors = counts_veh.shape
    found = np.zeros((bins, detectors), dtype=np.bool_)
    first, value, score = np.zeros(detectors, dtype=np.int64), np.full(detectors, np.nan), np.zeros(detectors)
    for t in range(bins + 1):
        for d in range(detectors):
            now = counts_veh[t, d] if t < bins else -1.0
            if np.isnan(now):
                continue
            if now == value[d]:
                score[d] += _repeat_at(now, usual_veh[t, d], size[d], repeats[d])
                continue
            if score[d] < IMPROBABLE and (value[d] == 0.0) == at_zero:
                _mark(found, counts_veh, usual_veh, d, first[d], t, size[d])
            # The first count of a value was free to be any; only at zero is it evidence too.
            first[d], value[d], score[d] = t, now, 0.0
            if now == 0.0:
                score[d] = _repeat_at(now, usual_veh[t, d], size[d], repeats[d])
    return found


@njit(cache=True, nogil=True)
def _repeat_at(count_veh: float, usual_veh: float, size: float, repeats: float) -> float:
    return log_repeat(count_veh, usual_veh, size, repeats) if np.isfinite(usual_veh) else 0.0


@njit(cache=True, nogil=True)
def _mark(found: Bools, counts_veh: Floats, usual_veh: Singles, d: int, first: int, until: int, size: float) -> None:
    """Mark a stretch but for its ends at quiet times: real night zeros stay zeros."""
    if counts_veh[first, d] == 0.0:
        left, right = 0.0, 0.0
        while True:
            left += _repeat_at(0.0, usual_veh[first, d], size, 0.0)
            if left < PLAUSIBLE:
                break
            first += 1
        while True:
            right += _repeat_at(0.0, usual_veh[until - 1, d], size, 0.0)
            if right < PLAUSIBLE:
                break
            until -= 1
    for t in range(first, until):
        found[t, d] = np.isfinite(counts_veh[t, d])


@njit(cache=True, nogil=True)
def dead_bins(counts_veh: Floats, usual_veh: Singles, before: int, slots: int) -> Bools:
    """Bins [bin] in which not the traffic but the line was dead: a whole city at zero, or the hour that a clock skipped.

    A city: 6 in 10 of at least 40 detectors that usually count at least one. A skipped hour: all detectors at zero from
    one full hour of the night to the next, and not in the bins before and after.
    """
    bins, detectors = counts_veh.shape
    zero = np.zeros(bins, dtype=np.bool_)  # every detector at zero
    missed_veh = np.zeros(bins)
    dead = np.zeros(bins, dtype=np.bool_)
    for t in range(bins):
        heard, zeros = 0, 0
        for d in range(detectors):
            if np.isfinite(counts_veh[t, d]) and usual_veh[t, d] >= 1.0:
                heard += 1
                if counts_veh[t, d] == 0.0:
                    zeros += 1
                    missed_veh[t] += usual_veh[t, d]
        zero[t] = heard > 0 and zeros == heard
        dead[t] = heard >= DEAD_DETECTORS and zeros >= DEAD_SHARE * heard and missed_veh[t] > DEAD_VEH
    hour = slots // 24
    for t in range(1, bins - hour):
        slot = (before + t) % slots
        whole = hour > 0 and slot % hour == 0 and slot < SMALL_HOURS * hour and not zero[t - 1] and not zero[t + hour]
        if whole and zero[t : t + hour].all() and missed_veh[t : t + hour].sum() > DEAD_VEH:
            dead[t : t + hour] = True
    return dead


@njit(cache=True, nogil=True)
def common_departure(counts_veh: Floats, usual_veh: Singles, half: int) -> Floats:
    """Median over the detectors of count over usual [bin], within `half` bins of each; 1 where too few are heard."""
    bins, detectors = counts_veh.shape
    total_veh, due_veh = np.zeros(detectors), np.zeros(detectors)
    ratio = np.empty(detectors)
    out = np.ones(bins)
    for t in range(-half, bins):
        for d in range(detectors):
            new, old = t + half, t - half - 1
            if new < bins and np.isfinite(counts_veh[new, d]) and np.isfinite(usual_veh[new, d]):
                total_veh[d] += counts_veh[new, d]
                due_veh[d] += usual_veh[new, d]
            if old >= 0 and np.isfinite(counts_veh[old, d]) and np.isfinite(usual_veh[old, d]):
                total_veh[d] -= counts_veh[old, d]
                due_veh[d] -= usual_veh[old, d]
        if t >= 0:
            number = 0
            for d in range(detectors):
                if due_veh[d] >= COMMON_LEAST_VEH:
                    ratio[number] = total_veh[d] / due_veh[d]
                    number += 1
            if number >= COMMON_LEAST:
                out[t] = min(max(np.median(ratio[:number]), 0.0), LARGEST_COMMON)
    return out


@njit(cache=True, nogil=True)
def rough_counts(counts_veh: Floats, usual_veh: Singles, size: Floats, window: int, limit: float) -> Bools:
    """Which counts [detector, bin] lie in windows of steps more than `limit` times as rough as noise.

    A median passes its limit when half of a window is bad; so half a window before each rough stretch is believed.
    """
    detectors, bins = counts_veh.shape
    found = np.zeros((detectors, bins), dtype=np.bool_)
    for d in range(detectors):
        first = -1
        for t in range(window, bins + 1):
            bad = t < bins and roughness(counts_veh[d], usual_veh[d], size[d], t, window, limit) > limit
            if bad and first < 0:
                first = t
            elif not bad and first >= 0:
                found[d, max(first - window // 2, 0) : max(t - window // 2, first - window // 2 + 1)] = True
                first = -1
    return found


@njit(cache=True, nogil=True)
def roughness(counts_veh: Floats, usual_veh: Singles, size: float, t: int, window: int, limit: float) -> float:
    """Median squared step over what noise explains, in the `window` steps that end in bin t of counts [bin]; usually 1.

    Steps are those of x - m; noise is that of the larger of the usual count and the window's own mean, twice m + m^2 / size.
    0 where the steps are too few, or too small on average for the median to pass the limit.
    """
    steps = np.empty(window)
    seen_veh, due_veh, squares, number = 0.0, 0.0, 0.0, 0
    for i in range(t - window + 1, t + 1):
        step = (counts_veh[i] - usual_veh[i]) - (counts_veh[i - 1] - usual_veh[i - 1])
        if np.isfinite(step):
            steps[number] = step * step
            squares += step * step
            seen_veh += counts_veh[i]
            due_veh += usual_veh[i]
            number += 1
    if 3 * number < 2 * window:
        return 0.0
    m = max(seen_veh, due_veh) / number
    noise = CHI2_MEDIAN * 2.0 * (m + m * m / size + 1.0)
    # Half of the steps are at least the median: it cannot pass where twice the mean does not.
    if 2.0 * squares <= limit * noise * number:
        return 0.0
    return float(np.median(steps[:number]) / noise)


@njit(cache=True, nogil=True)
def shift_deviances(counts_veh: Floats, usual_veh: Singles, size: Floats, days: Ints, shift: int) -> tuple[Floats, Ints]:
    """Deviance [shift, day, detector] of each day from the usual counts of now, `shift` bins earlier and later, and its bins.

    D = sum (x - g m)^2 / (g m + (g m)^2 / size + 1), with g the level of the day: only the shape of the day is judged.
    `days` [bin] is the day that a bin belongs to.
    """
    bins, detectors = counts_veh.shape
    number_of_days = days[-1] + 1
    deviance = np.zeros((3, number_of_days, detectors))
    number = np.zeros((number_of_days, detectors), dtype=np.int64)
    total_veh = np.zeros((number_of_days, detectors))
    due_veh = np.zeros((3, number_of_days, detectors))
    for level in (True, False):
        for t in range(shift, bins - shift):
            day = days[t]
            for d in range(detectors):
                x = counts_veh[t, d]
                if np.isnan(x + usual_veh[t - shift, d] + usual_veh[t, d] + usual_veh[t + shift, d]):
                    continue
                if level:
                    number[day, d] += 1
                    total_veh[day, d] += x
                for h in range(3):
                    m = usual_veh[t + SHIFTS[h] * shift, d]
                    if level:
                        due_veh[h, day, d] += m
                    elif due_veh[h, day, d] > 0.0:
                        m *= total_veh[day, d] / due_veh[h, day, d]
                        deviance[h, day, d] += (x - m) ** 2 / (m + m * m / size[d] + 1.0)
    return deviance, number


@njit(cache=True, nogil=True)
def unshared_lows(found: Bools, counts_veh: Floats, usual_veh: Singles, peers: Ints) -> Bools:
    """The stretches found [bin, detector] but for those in which two or more peers were low too, though not dead."""
    bins, detectors = found.shape
    out = found.copy()
    for d in range(detectors):
        first = -1
        for t in range(bins + 1):
            inside = t < bins and (found[t, d] or (first >= 0 and np.isnan(counts_veh[t, d])))
            if inside and first < 0:
                first = t
            elif not inside and first >= 0:
                seen_veh, due_veh, number = peer_totals(counts_veh[first:t], usual_veh[first:t], peers[d])
                if number >= 2 and due_veh >= 10.0 and ALIVE * due_veh < seen_veh <= 0.5 * due_veh:
                    out[first:t, d] = False
                first = -1
    return out


@njit(cache=True, nogil=True)
def peer_totals(counts_veh: Floats, usual_veh: Singles, peers: Ints) -> tuple[float, float, int]:
    """What the peers [place] counted and usually would [veh] in these bins [bin, detector], and how many there are."""
    seen_veh, due_veh, number = 0.0, 0.0, 0
    for p in peers:
        if p >= 0:
            number += 1
            for t in range(len(counts_veh)):
                if np.isfinite(counts_veh[t, p]) and np.isfinite(usual_veh[t, p]):
                    seen_veh += counts_veh[t, p]
                    due_veh += usual_veh[t, p]
    return seen_veh, due_veh, number


@njit(cache=True, nogil=True)
def wild_counts(counts_veh: Floats, expected_veh: Singles, size: Floats, peers: Ints, plain_veh: float) -> Bools:
    """Counts [bin, detector] far over the busiest usual bin of their detector, alone; up to `plain_veh` all is believed."""
    bins, detectors = counts_veh.shape
    found = np.zeros((bins, detectors), dtype=np.bool_)
    peak_veh = np.zeros(detectors)
    for t in range(bins):
        for d in range(detectors):
            if np.isfinite(expected_veh[t, d]):
                peak_veh[d] = max(peak_veh[d], expected_veh[t, d])
    for d in range(detectors):
        peak_veh[d] = wild_limit_veh(peak_veh[d], size[d], plain_veh)
    for t in range(bins):
        for d in range(detectors):
            if counts_veh[t, d] > peak_veh[d]:
                seen_veh, due_veh, number = peer_totals(counts_veh[t : t + 1], expected_veh[t : t + 1], peers[d])
                found[t, d] = number < 2 or seen_veh < 2.0 * due_veh
    return found


@njit(cache=True, nogil=True)
def wild_limit_veh(peak_veh: float, size: float, plain_veh: float) -> float:
    """More than this is no traffic: 2.5 times the busiest usual bin and six standard deviations, or `plain_veh`."""
    return max(2.5 * peak_veh, plain_veh) + 6.0 * math.sqrt(peak_veh + peak_veh * peak_veh / size)


@njit(cache=True, nogil=True)
def daily_totals(counts_veh: Floats, expected_veh: Singles, days: Ints) -> tuple[Floats, Floats, Ints]:
    """Vehicles counted and expected, and bins seen, of each day [day, detector]."""
    bins, detectors = counts_veh.shape
    seen_veh = np.zeros((days[-1] + 1, detectors))
    due_veh = np.zeros((days[-1] + 1, detectors))
    number = np.zeros((days[-1] + 1, detectors), dtype=np.int64)
    for t in range(bins):
        for d in range(detectors):
            if np.isfinite(counts_veh[t, d]) and np.isfinite(expected_veh[t, d]):
                seen_veh[days[t], d] += counts_veh[t, d]
                due_veh[days[t], d] += expected_veh[t, d]
                number[days[t], d] += 1
    return seen_veh, due_veh, number
