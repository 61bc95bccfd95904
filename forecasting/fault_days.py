"""Faults that show in whole days: a clock one hour off, and a scale that leaves its own past."""

# mypy: disallow-untyped-decorators=False

import numpy as np
from numba import njit

from signals.types import Bools, Floats, Ints

SEEN = 0.6  # of a day's bins, that it can be judged by
USUAL_MISFIT = 1.6  # times the usual deviance: a shifted day must fit as well as this
LARGEST_GAIN = 30.0  # one day is no more certain than this
ENTER, LEAVE = 16.0, 5.0  # log likelihood that a shift must bring to begin, and to end
TELLING_GAIN = 2.0
TABLE_DETECTORS = 3  # that must tell, for the whole table to be shifted
LEAST_LEVEL, LEAST_SD, LARGEST_SD, SDS = 0.25, 0.05, 0.15, 4.0
PAST_DAYS, FIRST_PAST_DAYS = 28, 7  # believed days that make a detector's past, and the first that do
LEAST_VEH = 30.0  # a day
DRIFT_DAYS = 3  # shorter ones are events
ADOPT_DAYS = 21  # at one level, that make it the detector's new past: a street that was rebuilt
OTHERS = 3  # detectors that must stay, for one to drift


def shift_gains(deviance: Floats, number: Ints, slots: int) -> Floats:
    """Log likelihood gained [earlier or later, day, detector] by reading a day one hour off; 0 where that is no usual day.

    (D0 - Dh) / (2 phi), with phi the detector's median deviance per bin.
    """
    return day_gains(deviance, number, number >= SEEN * slots, usual_deviance(deviance, number, slots))


def usual_deviance(deviance: Floats, number: Ints, slots: int) -> Floats:
    """Median over the days of the deviance of a bin [detector] by the clock that fits best; at least 1, as noise alone has."""
    best = np.where(number >= SEEN * slots, deviance.min(axis=0) / np.maximum(number, 1), np.nan)
    return np.maximum(np.nan_to_num(known_median(best), nan=1.0), 1.0)


def day_gains(deviance: Floats, number: Ints, judged: Bools, phi: Floats) -> Floats:
    """The gains [earlier or later, day, detector] of deviances [shift, day, detector] where phi [detector] is usual."""
    gain = (deviance[0] - deviance[1:]) / (2.0 * phi)
    usual = judged & (deviance[1:] <= USUAL_MISFIT * phi * np.maximum(number, 1))
    # What speaks against a shift always counts; what speaks for it, only if it makes the day a usual one.
    return np.where(usual | (judged & (gain < 0.0)), np.clip(gain, -LARGEST_GAIN, LARGEST_GAIN), 0.0)


def shifted_days(own_gain: Floats, gain: Floats) -> Bools:
    """Which days [day, detector] are shifted: all where the detectors say so together, else the most probable sequence of each.

    `own_gain` is against the usual counts as they are, `gain` against those with the common departure in them.
    """
    whole = most_probable(table_gain(own_gain))[:, 0] > 0
    # With the table, each detector is shifted by as much as the others; alone, it is for itself to show.
    states = most_probable(np.where(whole[None, :, None], 0.0, gain))
    return np.asarray(whole[:, None] | (states > 0))


def table_gain(own_gain: Floats) -> Floats:
    """What the detectors together say [state, day, 1]: their median gain, times the root of how many tell."""
    telling = np.abs(own_gain).max(axis=0) > TELLING_GAIN
    number = telling.sum(axis=1)
    out = np.zeros((*own_gain.shape[:2], 1))
    for day in np.flatnonzero(number >= TABLE_DETECTORS):
        out[:, day, 0] = np.median(own_gain[:, day, telling[day]], axis=1) * np.sqrt(number[day])
    return np.clip(out, -LARGEST_GAIN, LARGEST_GAIN)


def most_probable(gain: Floats) -> Ints:
    """The best sequence [day, detector] of 0 and the rows of `gain` [state - 1, day, detector]. Viterbi 1967."""
    states, days, detectors = gain.shape[0] + 1, gain.shape[1], gain.shape[2]
    score = np.zeros((states, detectors))
    score[1:] = -ENTER
    came = np.zeros((days, states, detectors), dtype=np.int64)
    cost = np.where(np.eye(states, dtype=np.bool_), 0.0, np.where(np.arange(states)[None] > 0, ENTER, LEAVE))
    for day in range(days):
        ways = score[:, None] - cost[:, :, None]  # [from, to, detector]
        came[day] = ways.argmax(axis=0)
        score = ways.max(axis=0)
        score[1:] += gain[:, day]
    out = np.zeros((days, detectors), dtype=np.int64)
    now = score.argmax(axis=0)
    for day in range(days - 1, -1, -1):
        out[day] = now
        now = came[day, now, np.arange(detectors)]
    return out


def levels(seen_veh: Floats, due_veh: Floats, number: Ints, slots: int) -> Floats:
    """Log of the day's level against the expected one [day, detector], less that of all; NaN where a day says too little."""
    judged = (2 * number >= slots) & (due_veh >= LEAST_VEH)
    level = np.where(judged, np.log((seen_veh + 1.0) / (due_veh + 1.0)), np.nan)
    enough = judged.sum(axis=1) > OTHERS
    common = np.zeros(len(level))
    common[enough] = np.nanmedian(level[enough], axis=1)
    return np.where(enough[:, None], level - common[:, None], np.nan)


def drifted_days(level: Floats, peers: Ints) -> Bools:
    """Days [day, detector] whose level left its past, and its peers, by four standard deviations, three days or more."""
    limit = drift_limit(level)
    left = departed(level, limit)
    alone = departed(level - peer_level(level, peers), limit)
    sign = np.where(np.abs(left) > limit, np.sign(left), 0.0) * (left * alone > 0.0) * (np.abs(alone) > limit)
    out = np.zeros(level.shape, dtype=np.bool_)
    for way in (-1.0, 1.0):
        out |= long_runs(sign == way, np.isnan(level), DRIFT_DAYS)
    return out


def departed(level: Floats, limit: Floats) -> Floats:
    """Level [day, detector] less the median of the last days that stayed within the limit; 0 where unknown."""
    out = np.zeros_like(level)
    past = np.full((PAST_DAYS, level.shape[1]), np.nan)  # oldest first
    known = np.cumsum(np.isfinite(level), axis=0)
    reference = known_median(np.where(known <= FIRST_PAST_DAYS, level, np.nan))
    for day in range(len(level)):
        out[day] = np.nan_to_num(level[day] - reference)
        past = with_day(past, level[day : day + 1], (np.abs(out[day]) > limit[day]).astype(np.float64))
        reference = np.where(np.isfinite(past[-FIRST_PAST_DAYS]), known_median(past), reference)
    return out


def days_off(off: Floats, known: Bools, sign: Floats) -> Floats:
    """Days on end [detector] on this side of the limit, negative where low, after one more known day of this sign."""
    longer = np.where(off * sign >= 0.0, off, 0.0) + sign
    return np.where(known, np.where(sign == 0.0, 0.0, longer), off)


def with_day(past: Floats, newest: Floats, off: Floats) -> Floats:
    """The past [day, detector] after the last row of `newest` [day, detector], of which a day off is no part.

    Where a level has been off for ADOPT_DAYS, `newest` is all that is left of the past.
    """
    out = past.copy()
    stayed = np.isfinite(newest[-1]) & (off == 0.0)
    out[:, stayed] = np.concatenate((past[1:, stayed], newest[-1:, stayed]))
    adopted = np.abs(off) >= ADOPT_DAYS
    out[:, adopted] = np.nan
    out[len(past) - len(newest) :, adopted] = newest[:, adopted]
    return out


def known_median(values: Floats) -> Floats:
    """Median [detector] over the first axis of what is known; NaN where nothing is."""
    return np.asarray(row_medians(np.ascontiguousarray(values.T)))


@njit(cache=True, nogil=True)
def row_medians(values: Floats) -> Floats:
    """Median [row] of the finite values of each row; NaN where there is none."""
    out = np.full(len(values), np.nan)
    for i in range(len(values)):
        known = values[i][np.isfinite(values[i])]
        if len(known) > 0:
            out[i] = np.median(known)
    return out


def drift_limit(level: Floats) -> Floats:
    """How far a level [day, detector] may go: four standard deviations of the detector's days and of the day's detectors.

    The detector's is that of steps from day to day, over root two, so that a drift does not hide itself.
    """
    own = 1.4826 * known_median(np.abs(np.diff(level, axis=0))) / np.sqrt(2.0) if len(level) > 1 else np.full(level.shape[1], LEAST_SD)
    day = 1.4826 * known_median(np.abs(level.T))
    sd = np.maximum(np.clip(np.nan_to_num(own), LEAST_SD, LARGEST_SD)[None], np.nan_to_num(day)[:, None])
    return np.asarray(np.maximum(LEAST_LEVEL, SDS * sd))


def peer_level(level: Floats, peers: Ints) -> Floats:
    """Median level [day, detector] of the peers; 0 where fewer than two are known."""
    out = np.zeros_like(level)
    for day in range(len(level)):
        of_peers = np.where(peers >= 0, level[day][np.maximum(peers, 0)], np.nan)
        enough = np.isfinite(of_peers).sum(axis=1) >= 2
        out[day, enough] = row_medians(of_peers[enough])
    return out


def long_runs(marked: Bools, unknown: Bools, least: int) -> Bools:
    """Runs of `least` or more marked days [day, detector]; unknown days neither count nor break a run."""
    out = np.zeros_like(marked)
    length = np.zeros(marked.shape[1], dtype=np.int64)
    first = np.zeros(marked.shape[1], dtype=np.int64)
    for day in range(len(marked) + 1):
        here = marked[day] if day < len(marked) else np.zeros(marked.shape[1], dtype=np.bool_)
        open_ = unknown[day] & (length > 0) if day < len(marked) else here
        for d in np.flatnonzero(~here & ~open_ & (length >= least)):
            out[first[d] : day, d] = marked[first[d] : day, d]
        first = np.where(here & (length == 0), day, first)
        length = np.where(here, length + 1, np.where(open_, length, 0))
    return out
