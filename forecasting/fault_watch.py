"""The same faults as in faults.py, seen bin by bin as counts arrive. State in arrays, exactly saved and restored.

What a stretch shows is said as soon as it is improbable, and unsaid with the first count that is not the same; what only a
day shows (a clock one hour off, a scale) is said when the day ends.
"""

# mypy: disallow-untyped-decorators=False

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt
from numba import njit

from forecasting import fault_days, fault_evidence
from forecasting.base import Arrays
from forecasting.clock import DAY_S
from forecasting.fault_days import drifted_days
from forecasting.faults import FAULTS, HOUR_S, PLAIN_VEH_H, ROUGH, ROUGH_BINS, levels_of, phi_of, settled_case
from forecasting.history import FlowHistory
from signals.errors import ForecastError
from signals.types import Bools, Floats

REASON = {name: 1 + k for k, name in enumerate(FAULTS)}
PRIOR_VEH = 10.0  # as many vehicles say that a day has its usual level, before it has shown its own
PHI_STEP = 0.1
CERTAIN = 15.0  # log likelihood that speaks for a shift of one detector: more than a single day can bring
RING = ROUGH_BINS + 1
DAYS = fault_days.PAST_DAYS


@dataclass(frozen=True, slots=True)
class Usually:
    """What a bin usually counts, by a profile that does not follow the last counts: or a stuck detector would soon be right."""

    count_veh: Floats = field(repr=False)
    """[detector] NaN where nothing is known"""
    hour_before_veh: Floats = field(repr=False)
    """[detector] what the bin one hour earlier usually counts"""
    hour_after_veh: Floats = field(repr=False)
    """[detector]"""


@dataclass(frozen=True, slots=True)
class Watched:
    """The counts of one bin, judged."""

    believed_veh: Floats = field(repr=False)
    """[detector] NaN where not believed or missing"""
    reason: npt.NDArray[np.int8] = field(repr=False)
    """[detector] 0 where believed (or missing), else 1 + the index into FAULTS"""


class FaultWatch:
    """Lives as long as a feed. One `update` a bin, in order; a bin that never came is one of NaN."""

    def __init__(self, bin_s: float, size: Floats, repeats: Floats, peak_veh: Floats, peers: npt.NDArray[np.int64]) -> None:
        """`size`, `repeats` [detector] and `peers` [detector, place] as in faults.Case, `peak_veh` the busiest usual bin."""
        detectors = len(size)
        if not len(repeats) == len(peak_veh) == len(peers) == detectors:
            raise ForecastError(f"a watch of {detectors} detectors with arrays of {len(repeats)}, {len(peak_veh)} and {len(peers)}")
        self._bin_s, self._peers = bin_s, peers
        self._size, self._repeats, self._peak_veh = size, repeats, peak_veh
        self._value, self._score = np.full(detectors, np.nan), np.zeros(detectors)
        self._counts_veh = np.full((detectors, RING), np.nan, dtype=np.float32)  # newest last
        self._usual_veh = np.full((detectors, RING), np.nan, dtype=np.float32)
        self._common = np.ones(RING, dtype=np.float32)
        self._day = np.zeros((SUMS, detectors))
        self._phi = np.ones(detectors)
        self._shift = np.tile(np.array([[0.0], [-fault_days.ENTER], [-fault_days.ENTER]]), (1, detectors))  # [state, detector]
        self._table_shift = self._shift[:, :1].copy()
        self._level = np.full((DAYS, detectors), np.nan)  # newest last
        self._past = np.full((DAYS, detectors), np.nan)
        self._days_off = np.zeros(detectors)  # days on end that the level was off, negative where it was low
        self._days_away = np.zeros(detectors)  # and its peers' was not

    @classmethod
    def after(cls, history: FlowHistory) -> Self:
        """The watch of who knows this history."""
        case = settled_case(history)
        known = np.where(np.isfinite(case.usual_veh), case.usual_veh, 0.0)
        peak_veh = known.max(axis=0, initial=0.0).astype(np.float64)
        watch = cls(history.bin_s, case.size, case.repeats, peak_veh, case.peers)
        watch._phi, level = phi_of(case), levels_of(case)[-DAYS:]
        watch._level[DAYS - len(level) :] = level
        stayed = np.where(drifted_days(level, case.peers), np.nan, level)
        # The newest days that stayed come last, as `update` will leave them.
        watch._past[DAYS - len(level) :] = np.take_along_axis(stayed, np.argsort(np.isfinite(stayed), axis=0, kind="stable"), axis=0)
        return watch

    def update(self, ends_s: float, counts_veh: Floats, usually: Usually) -> Watched:
        """Judge the counts [detector] of the bin that ends at `ends_s` of the local wall clock (of the week, or of a day)."""
        if counts_veh.shape != self._size.shape or usually.count_veh.shape != self._size.shape:
            raise ForecastError(f"{counts_veh.shape} counts, {usually.count_veh.shape} usual ones, expected {self._size.shape}")
        dead = _dead(counts_veh, usually.count_veh)
        heard_veh = np.where(dead, np.nan, counts_veh)
        for ring, new in ((self._counts_veh, heard_veh), (self._usual_veh, usually.count_veh)):
            ring[:, :-1] = ring[:, 1:]
            ring[:, -1] = new
        hour = max(round(HOUR_S / self._bin_s), 1)
        now, lowest = _common(self._counts_veh, self._usual_veh, hour)
        self._common[:-1] = self._common[1:]
        self._common[-1] = now
        reason = self._of_stretch(counts_veh, usually.count_veh * lowest, hour)
        reason[dead & (counts_veh == 0.0) & (usually.count_veh >= 0.5)] = REASON["stuck_zero"]
        kept_veh = np.where((reason > 0) | dead, np.nan, counts_veh)
        self._day = day_sums(
            self._day, kept_veh, usually.count_veh, usually.hour_before_veh, usually.hour_after_veh, float(now), self._size
        )
        self._of_days(reason, counts_veh)
        if ends_s % DAY_S < 0.5 * self._bin_s:
            self._close_day()
        return Watched(np.where(reason > 0, np.nan, counts_veh), reason)

    def _of_stretch(self, counts_veh: Floats, least_veh: Floats, hour: int) -> npt.NDArray[np.int8]:
        """Reasons [detector] that the last bins show."""
        self._value, self._score = stuck_scores(self._value, self._score, counts_veh, least_veh, self._size, self._repeats)
        stuck = (self._score < fault_evidence.IMPROBABLE) & np.isfinite(counts_veh)
        shared_low, shared_high = _shared(self._counts_veh[:, -hour:], self._usual_veh[:, -hour:], self._peers)
        plain_veh = PLAIN_VEH_H * self._bin_s / HOUR_S
        wild = wild_or_rough(self._counts_veh, self._usual_veh * self._common, self._size, self._peak_veh, plain_veh, shared_high)
        reason = np.where(wild, REASON["chatter"], 0)
        reason[stuck & (self._value > 0.0)] = REASON["stuck_value"]
        reason[stuck & (self._value == 0.0) & ~shared_low] = REASON["stuck_zero"]
        return reason.astype(np.int8)

    def _of_days(self, reason: npt.NDArray[np.int8], counts_veh: Floats) -> None:
        """Add the reasons [detector] that earlier days showed."""
        left = (reason == 0) & np.isfinite(counts_veh)
        shifted = self._shift[1:].max(axis=0) - self._shift[0] > CERTAIN
        shifted |= self._table_shift[:, 0].argmax() > 0
        reason[left & (np.abs(self._days_away) >= fault_days.DRIFT_DAYS)] = REASON["drift"]
        reason[left & shifted] = REASON["shifted"]

    def _close_day(self) -> None:
        """What the day shows as a whole, said from the next bin on."""
        slots = round(DAY_S / self._bin_s)
        number = self._day[NUMBER].astype(np.int64)
        judged = number >= fault_days.SEEN * slots
        deviance = self._day[DEVIANCE : DEVIANCE + 3, None] / np.maximum(self._phi, 1.0)
        # The detector's own misfit is in phi already; a day alone would be its own measure.
        gain = fault_days.day_gains(deviance, number[None], judged[None], np.ones_like(self._phi))
        self._table_shift = forward(self._table_shift, fault_days.table_gain(gain)[:, 0])
        whole = self._table_shift[:, 0].argmax() > 0
        self._shift = forward(self._shift, gain[:, 0] * (0.0 if whole else 1.0))
        best = self._day[DEVIANCE : DEVIANCE + 3].min(axis=0) / np.maximum(number, 1)
        self._phi += np.where(judged, PHI_STEP * (np.minimum(best, 2.0 * self._phi) - self._phi), 0.0)
        level = fault_days.levels(self._day[SEEN_VEH][None], self._day[EXPECTED_VEH][None], number[None], slots)
        self._level = np.concatenate((self._level[1:], level))
        limit = fault_days.drift_limit(self._level)[-1]
        past = np.where(np.isfinite(self._past[-fault_days.FIRST_PAST_DAYS]), fault_days.known_median(self._past), np.nan)
        off, alone = (np.nan_to_num(veh - past) for veh in (level[0], level[0] - fault_days.peer_level(level, self._peers)[0]))
        known = np.isfinite(level[0])
        away = (np.abs(off) > limit) & (np.abs(alone) > limit) & (off * alone > 0.0)
        self._days_away = fault_days.days_off(self._days_away, known, np.where(away, np.sign(off), 0.0))
        self._days_off = fault_days.days_off(self._days_off, known, np.where(np.abs(off) > limit, np.sign(off), 0.0))
        self._past = fault_days.with_day(self._past, self._level[-fault_days.FIRST_PAST_DAYS :], self._days_off)
        adopted = np.abs(self._days_off) >= fault_days.ADOPT_DAYS
        self._days_off, self._days_away = (np.where(adopted, 0.0, days) for days in (self._days_off, self._days_away))
        self._day = np.zeros_like(self._day)

    def arrays(self) -> Arrays:
        """All of it, so that `from_arrays` goes on as if nothing had happened."""
        return {name: np.array(getattr(self, "_" + name), dtype=np.float64) for name in (*GIVEN, *STATE)}

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The watch again; KeyError or ValueError where the arrays do not fit."""
        watch = cls(bin_s, arrays["size"], arrays["repeats"], arrays["peak_veh"], arrays["peers"].astype(np.int64))
        for name in STATE:
            fresh = getattr(watch, "_" + name)
            if fresh.shape != arrays[name].shape:
                raise ValueError(f"{name} of shape {arrays[name].shape}, expected {fresh.shape}")
            setattr(watch, "_" + name, arrays[name].astype(fresh.dtype))
        return watch


GIVEN = ("size", "repeats", "peak_veh", "peers")
STATE = (
    "value", "score", "counts_veh", "usual_veh", "common", "day", "phi", "shift", "table_shift", "level", "past", "days_off", "days_away",
)  # fmt: skip
NUMBER, SEEN_VEH, EXPECTED_VEH, DUE_VEH, DEVIANCE, SUMS = 0, 1, 2, 3, 6, 9
"""Rows of the day's sums: bins, counts, counts with the common departure, usual ones by three clocks, deviances by three."""


def _dead(counts_veh: Floats, usual_veh: Floats) -> bool:
    """Is the line dead: most of a city at zero at once?"""
    heard = np.isfinite(counts_veh) & (usual_veh >= 1.0)
    zero = heard & (counts_veh == 0.0)
    number, zeros = int(heard.sum()), int(zero.sum())
    return (
        number >= fault_evidence.DEAD_DETECTORS
        and zeros >= fault_evidence.DEAD_SHARE * number
        and float(usual_veh[zero].sum()) > fault_evidence.DEAD_VEH
    )


def _common(counts_veh: npt.NDArray[np.float32], usual_veh: npt.NDArray[np.float32], hour: int) -> tuple[float, float]:
    """The common departure of the last hour, and the lowest of that hour's and the last bin's."""
    over_hour = _ratio(counts_veh[:, -hour:], usual_veh[:, -hour:])
    return over_hour, min(over_hour, _ratio(counts_veh[:, -1:], usual_veh[:, -1:]))


def _ratio(counts_veh: npt.NDArray[np.float32], usual_veh: npt.NDArray[np.float32]) -> float:
    both = np.isfinite(counts_veh) & np.isfinite(usual_veh)
    due_veh = np.where(both, usual_veh, 0.0).sum(axis=1)
    busy = due_veh >= fault_evidence.COMMON_LEAST_VEH
    if busy.sum() < fault_evidence.COMMON_LEAST:
        return 1.0
    seen_veh = np.where(both, counts_veh, 0.0).sum(axis=1)
    return float(np.clip(np.median(seen_veh[busy] / due_veh[busy]), 0.0, fault_evidence.LARGEST_COMMON))


def _shared(counts_veh: npt.NDArray[np.float32], usual_veh: npt.NDArray[np.float32], peers: npt.NDArray[np.int64]) -> tuple[Bools, Bools]:
    """Whether the peers were low too in the last hour though not dead, and whether they are high too [detector]."""
    both = np.isfinite(counts_veh) & np.isfinite(usual_veh)
    known = peers >= 0
    at = np.maximum(peers, 0)
    enough = known.sum(axis=1) >= 2
    hour_veh = np.where(known, np.where(both, counts_veh, 0.0).sum(axis=1)[at], 0.0).sum(axis=1)
    hour_due_veh = np.where(known, np.where(both, usual_veh, 0.0).sum(axis=1)[at], 0.0).sum(axis=1)
    now_veh = np.where(known, np.where(both, counts_veh, 0.0)[:, -1][at], 0.0).sum(axis=1)
    due_veh = np.where(known, np.where(both, usual_veh, 0.0)[:, -1][at], 0.0).sum(axis=1)
    low = enough & (hour_due_veh >= 10.0) & (hour_veh > fault_evidence.ALIVE * hour_due_veh) & (hour_veh <= 0.5 * hour_due_veh)
    return low, enough & (now_veh >= 2.0 * due_veh)


def forward(score: Floats, gain: Floats) -> Floats:
    """Scores [state, detector] of the best sequences after one more day of gains [state - 1, detector], the best at 0."""
    stay = score[0]
    best_off = score[1:].max(axis=0)
    none = np.maximum(stay, best_off - fault_days.LEAVE)
    off = np.maximum(score[1:], np.maximum(stay, best_off) - fault_days.ENTER) + gain
    new = np.concatenate((none[None], off))
    return np.asarray(new - new.max(axis=0))


@njit(cache=True, nogil=True)
def stuck_scores(
    value: Floats, score: Floats, counts_veh: Floats, least_veh: Floats, size: Floats, repeats: Floats
) -> tuple[Floats, Floats]:
    """The value [detector] each detector is at and the log probability of its staying there so long, after one more bin."""
    value, score = value.copy(), score.copy()
    for d in range(len(value)):
        now = counts_veh[d]
        if np.isnan(now):
            continue
        if now != value[d]:
            value[d], score[d] = now, 0.0
            if now > 0.0:
                continue  # the first count of a value was free to be any
        if np.isfinite(least_veh[d]):
            score[d] += fault_evidence.log_repeat(now, least_veh[d], size[d], repeats[d])
    return value, score


@njit(cache=True, nogil=True)
def wild_or_rough(
    counts_veh: fault_evidence.Singles,
    expected_veh: fault_evidence.Singles,
    size: Floats,
    peak_veh: Floats,
    plain_veh: float,
    shared_high: Bools,
) -> Bools:
    """Whether the newest count [detector] of [detector, bin] is wildly high, alone, or ends a stretch of wild steps."""
    detectors, bins = counts_veh.shape
    found = np.zeros(detectors, dtype=np.bool_)
    for d in range(detectors):
        high = counts_veh[d, bins - 1] > fault_evidence.wild_limit_veh(peak_veh[d], size[d], plain_veh)
        if high and not shared_high[d]:
            found[d] = True
        elif np.isfinite(counts_veh[d, bins - 1]):
            rough = fault_evidence.roughness(counts_veh[d], expected_veh[d], size[d], bins - 1, bins - 1, ROUGH)
            found[d] = rough > ROUGH
    return found


@njit(cache=True, nogil=True)
def day_sums(
    day: Floats, counts_veh: Floats, usual_veh: Floats, before_veh: Floats, after_veh: Floats, common: float, size: Floats
) -> Floats:
    """The day's sums [row, detector] after one more bin; deviances are at the level that the day has shown so far."""
    day = day.copy()
    for d in range(len(counts_veh)):
        x = counts_veh[d]
        if np.isnan(x + usual_veh[d] + before_veh[d] + after_veh[d]):
            continue
        day[NUMBER, d] += 1.0
        day[SEEN_VEH, d] += x
        day[EXPECTED_VEH, d] += usual_veh[d] * common
        for h in range(3):
            m = usual_veh[d] if h == 0 else before_veh[d] if h == 1 else after_veh[d]
            day[DUE_VEH + h, d] += m
            m *= (day[SEEN_VEH, d] + PRIOR_VEH) / (day[DUE_VEH + h, d] + PRIOR_VEH)
            day[DEVIANCE + h, d] += (x - m) ** 2 / (m + m * m / size[d] + 1.0)
    return day
