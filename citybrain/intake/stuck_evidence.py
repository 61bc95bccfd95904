"""How sensors that watch the same movement bear witness to one another: compiled, one pass over samples, one over groups a minute.

A queue that stood and is gone has left over the stop line: a count of nobody meanwhile is a trial that the count sensor failed. Vehicles
that were counted have mostly stood before: a trial of the queue sensor. Who stands, waits: a trial of either. And a value over zero
that outlasts the minutes in which others moved is a trial too. How often a sensor in order fails such a trial it shows itself.
"""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from citybrain.intake.batch import Float32s, Float64s, Int32s
from citybrain.intake.catalogue import CODE, Kind

COUNT, QUEUE, WAIT, EXIT = (CODE[kind] for kind in (Kind.COUNT, Kind.QUEUE, Kind.WAIT, Kind.EXIT))
TRIALS = 6  # at zero: little, more and much evidence; above zero: the same
PASSED, FAILED = 0, 1
STOOD_VEH = 0.5  # fewer is nobody: queues may be estimates
QUEUED_VEH_S = 10.0  # in a minute: so much standing shows in a longest wait
MORE_VEH, MUCH_VEH = 2.0, 4.0
GAP_S = 30.0  # a queue sensor silent for so long has not seen the queue go
BEFORE_S, AFTER_S = 3.0, 20.0  # the first of a queue may pass before the queue is seen to begin, the last after it is gone
LEAST_P = 0.005  # no trial says more than log of this: trials of a minute and the next are not quite independent
PRIOR_FAILED, MOST_PRIOR = 0.5, 40.0  # what all sensors show counts for each as so many failed trials of its own, and trials at most
MOST_OPEN = 200  # failed trials of a run that is not over
MOST_TRIALS = 400  # then they are halved: what is usual may change
HEARD = 0.5  # of the samples due: less is no trial
Tables = npt.NDArray[np.uint16]
Groups = npt.NDArray[np.int32]
Codes = npt.NDArray[np.uint8]


@njit(cache=True, nogil=True)
def noted(
    sensor: Int32s, at_s: Float64s, value: Float32s, kind: Int32s, group: Int32s,
    sums: Float32s, number: Float32s, least: Float32s, most: Float32s, last: Float32s, same: Int32s,
    counted_s: Float64s, seen_s: Float64s, began_s: Float64s, peak: Float32s, cleared: Float32s, cleared_from_s: Float64s,
    cleared_at_s: Float64s,
) -> None:  # fmt: skip
    """Takes samples into the sums and extremes of the minute [sensor], and into what the queues did [group]."""
    for k in range(sensor.shape[0]):
        s, t, x = sensor[k], at_s[k], value[k]
        sums[s] += x
        number[s] += 1.0
        least[s], most[s] = min(least[s], x), max(most[s], x)
        same[s] = same[s] + 1 if x == last[s] and x > 0.0 else 0
        last[s] = x
        g = group[s]
        if g < 0:
            continue
        if kind[s] == COUNT:
            if x > 0.0:
                counted_s[g] = t
        elif kind[s] == QUEUE:
            if not 0.0 <= t - seen_s[g] <= GAP_S:
                peak[g] = 0.0
            seen_s[g] = t
            if x >= STOOD_VEH:
                if peak[g] == 0.0:
                    began_s[g] = t
                peak[g] = max(peak[g], x)
            elif peak[g] > 0.0:
                if cleared[g] == 0.0:
                    cleared_from_s[g] = began_s[g]
                cleared[g], cleared_at_s[g] = max(cleared[g], peak[g]), t
                peak[g] = 0.0


@njit(cache=True, nogil=True)
def judged(
    now_s: float, members: Groups, due: Float32s, sums: Float32s, number: Float32s, least: Float32s, most: Float32s,
    held: Float32s, stuck: npt.NDArray[np.bool_], counted_s: Float64s, cleared: Float32s, cleared_from_s: Float64s,
    cleared_at_s: Float64s, trials: Tables, open_: Codes, pool: Float64s, score: Float32s,
) -> None:  # fmt: skip
    """Holds the trials of a minute of every group [group, kind]: `score` [sensor] is the log probability of its staying as it is."""
    for g in range(members.shape[0]):
        c, q, w, e = members[g, COUNT], members[g, QUEUE], members[g, WAIT], members[g, EXIT]
        count_heard, queue_heard, wait_heard = _heard(c, number, due), _heard(q, number, due), _heard(w, number, due)
        count_moves = count_heard and not _constant(c, least, most, held)
        passed_veh = sums[c] if count_heard and (count_moves or most[c] == 0.0) else 0.0
        some = _level(passed_veh)
        if passed_veh > 0.0:
            _moves(c, COUNT, open_, pool, score, stuck)
        if cleared[g] > 0.0 and now_s - cleared_at_s[g] >= AFTER_S:
            if count_heard:
                _try(c, _level(cleared[g]), counted_s[g] < cleared_from_s[g] - BEFORE_S, COUNT, trials, open_, pool, score, stuck)
            cleared[g] = 0.0
        if queue_heard:
            evidence = some
            if wait_heard and most[w] > 0.0 and least[w] < most[w]:
                evidence = 3
            # Who stands, waits: a queue in which nobody waits should not stay.
            above = 3 if wait_heard and most[w] == 0.0 else some
            _stays(q, evidence, above, QUEUE, least, most, held, trials, open_, pool, score, stuck)
        if wait_heard:
            evidence = min(some, 1)
            if queue_heard and least[q] < most[q]:
                evidence = 3 if sums[q] / number[q] * 60.0 >= QUEUED_VEH_S else 2
            above = 3 if queue_heard and most[q] == 0.0 else 1
            _stays(w, evidence, above, WAIT, least, most, held, trials, open_, pool, score, stuck)
        if _heard(e, number, due):
            _stays(e, 0, some, EXIT, least, most, held, trials, open_, pool, score, stuck)


@njit(cache=True, nogil=True)
def _heard(s: int, number: Float32s, due: Float32s) -> bool:
    return s >= 0 and number[s] >= HEARD * due[s] and number[s] > 0.0


@njit(cache=True, nogil=True)
def _constant(s: int, least: Float32s, most: Float32s, held: Float32s) -> bool:
    """Whether it said the same all the minute as at the end of the minute before."""
    return bool(least[s] == most[s] and most[s] == held[s])


@njit(cache=True, nogil=True)
def _level(veh: float) -> int:
    return 0 if veh < STOOD_VEH else 1 if veh < MORE_VEH else 2 if veh < MUCH_VEH else 3


@njit(cache=True, nogil=True)
def _stays(
    s: int, at_zero: int, above: int, kind: int, least: Float32s, most: Float32s, held: Float32s,
    trials: Tables, open_: Codes, pool: Float64s, score: Float32s, stuck: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """The minute's trial of a sensor that shows a state: evidence (0: none) that zero, or that any other value, should not stay."""
    if np.isnan(held[s]):
        return
    constant = _constant(s, least, most, held)
    if not constant:
        _moves(s, kind, open_, pool, score, stuck)
    zero = most[s] == 0.0 if constant else held[s] == 0.0
    if at_zero > 0 and (zero or not constant):
        _try(s, at_zero, constant, kind, trials, open_, pool, score, stuck)
    if above > 0 and not zero:
        _try(s, above + 3, constant, kind, trials, open_, pool, score, stuck)


@njit(cache=True, nogil=True)
def _try(
    s: int, level: int, failed: bool, kind: int, trials: Tables, open_: Codes, pool: Float64s, score: Float32s, stuck: npt.NDArray[np.bool_]
) -> None:
    """One more trial of a sensor; its chance is foretold by its own trials, those of the run included, and a few like those of all."""
    own, all_ = trials[s, level - 1], pool[kind, level - 1]
    if failed:
        usual = all_[FAILED] / (all_[PASSED] + all_[FAILED])
        prior = min(PRIOR_FAILED / usual, MOST_PRIOR)
        chance = (own[FAILED] + prior * usual) / (own[PASSED] + own[FAILED] + prior)
        score[s] += math.log(max(chance, LEAST_P))
        if not stuck[s]:
            own[FAILED] += 1
            open_[s, level - 1] += open_[s, level - 1] < MOST_OPEN
    else:
        _moves(s, kind, open_, pool, score, stuck)
        all_[PASSED] += 1.0
        own[PASSED] += 1
    if own[PASSED] + own[FAILED] >= MOST_TRIALS:
        own[PASSED] //= 2
        own[FAILED] //= 2


@njit(cache=True, nogil=True)
def _moves(s: int, kind: int, open_: Codes, pool: Float64s, score: Float32s, stuck: npt.NDArray[np.bool_]) -> None:
    """A run is over. Only now do its failures count for all: a sensor that is stuck must not teach what is usual."""
    score[s] = 0.0
    for level in range(open_.shape[1]):
        if not stuck[s]:
            pool[kind, level, FAILED] += open_[s, level]
        open_[s, level] = 0
