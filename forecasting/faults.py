"""Which counts of a history are not to be believed, and why. Detectors lie: they stick, chatter, drift and lose the hour.

A count is judged by how improbable it is under the detector's own usual day (usual.py) and what the others did meanwhile,
never by a fixed length: zeros of a night, a holiday and a closed road are traffic.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from forecasting import fault_days, fault_evidence, usual
from forecasting.history import FlowHistory, seconds_of_day
from forecasting.peers import LARGEST_HOURS, peers_of
from signals.errors import ForecastError
from signals.types import Bools, Floats, Ints

PLAIN_VEH_H = 300.0  # what a lane of a quiet street carries with ease: a surge up to it is believed
ROUGH = 8.0  # times the noise that a count's steps may have
ROUGH_BINS = 16
HOUR_S = 3600.0
BLOCK = 256  # detectors at a time where a rule looks along the bins


@dataclass(frozen=True, slots=True)
class Case:
    """A history with what is usual of it: all that a rule may look at."""

    bin_s: float
    slots: int
    before: int  # bins of its first day that lie before it
    counts_veh: Floats = field(repr=False)
    """[bin, detector] NaN where there is none or an earlier rule does not believe it"""
    usual_veh: usual.Singles = field(repr=False)
    """[bin, detector]"""
    expected_veh: usual.Singles = field(repr=False)
    """[bin, detector] the usual ones times the common departure of all detectors"""
    least_veh: usual.Singles = field(repr=False)
    """[bin, detector] the same with the lowest common departure within the hour: an event may begin with a bin"""
    size: Floats = field(repr=False)
    """[detector] of the negative binomial"""
    repeats: Floats = field(repr=False)
    """[detector] share of counts that equal the one before"""
    peers: Ints = field(repr=False)
    """[detector, place] who departs with it, -1 for nobody"""
    dead: Bools = field(repr=False)
    """[bin] the whole line was dead"""

    @property
    def days(self) -> Ints:
        """The day [bin] that each bin belongs to."""
        return (self.before + np.arange(len(self.counts_veh), dtype=np.int64)) // self.slots

    @property
    def hour_bins(self) -> int:
        """Bins of an hour; 0 where a bin is longer."""
        return int(HOUR_S // self.bin_s)


def case_of(history: FlowHistory, known: "Faults | None" = None) -> Case:
    """What is usual, common and shared in a history, by the counts that are believed where faults of it are known."""
    before = round(seconds_of_day(history.start) / history.bin_s)
    if known is None:
        believed = history
        fitted = usual.fit(history, usual.FIRST_WEEK)
    else:
        believed = known.believed(history)
        # A level that stays is followed in the end, though the first days that showed it are no part of what is usual.
        later = known.believed(history, but=("drift",)) if known.share()["drift"] > 0.0 else None
        fitted = usual.fit(believed, usual.FIRST_MONTH, later)
    counts_veh = history.counts_veh.copy()
    dead = fault_evidence.dead_bins(counts_veh, fitted.count_veh, before, history.slots)
    counts_veh[dead] = np.nan
    half = int(usual.HALF_WINDOW_S // history.bin_s)
    common = fault_evidence.common_departure(counts_veh, fitted.count_veh, half).astype(np.float32)
    lowest = sliding_window_view(np.pad(common, half, mode="edge"), 2 * half + 1).min(axis=1)
    expected_veh = fitted.count_veh * common[:, None]
    per_hour = max(round(HOUR_S / history.bin_s), 1)
    told = slice(-LARGEST_HOURS * per_hour, None)  # older hours say nothing more about peers
    peers = peers_of(np.where(dead[told, None], np.nan, believed.counts_veh[told]), expected_veh[told], per_hour)
    counts_veh[dead] = history.counts_veh[dead]
    return Case(
        bin_s=history.bin_s,
        slots=history.slots,
        before=before,
        counts_veh=counts_veh,
        usual_veh=fitted.count_veh,
        expected_veh=expected_veh,
        least_veh=fitted.count_veh * lowest[:, None],
        size=fitted.size,
        repeats=fault_evidence.repeat_share(counts_veh),
        peers=peers,
        dead=dead,
    )


def stuck_zero(case: Case) -> Bools:
    """Zeros that even a third of the usual flow would hardly leave, unless the peers were low too; or a dead line."""
    found = fault_evidence.stuck_stretches(case.counts_veh, case.least_veh, case.size, case.repeats, True)
    alone = fault_evidence.unshared_lows(found, case.counts_veh, case.usual_veh, case.peers)
    return np.asarray(alone | (case.dead[:, None] & (case.counts_veh == 0.0) & (case.usual_veh >= 0.5)))


def stuck_value(case: Case) -> Bools:
    """The same count over zero again and again, more often than noise allows."""
    return np.asarray(fault_evidence.stuck_stretches(case.counts_veh, case.least_veh, case.size, case.repeats, False))


def chatter(case: Case) -> Bools:
    """Counts wildly over everything usual, or that jump up and down more than counts can, alone."""
    found = fault_evidence.wild_counts(case.counts_veh, case.expected_veh, case.size, case.peers, PLAIN_VEH_H * case.bin_s / HOUR_S)
    for first in range(0, found.shape[1], BLOCK):
        part = slice(first, first + BLOCK)
        counts_veh = np.ascontiguousarray(np.where(found[:, part], np.nan, case.counts_veh[:, part]).T)
        expected_veh = np.ascontiguousarray(case.expected_veh[:, part].T)
        found[:, part] |= fault_evidence.rough_counts(counts_veh, expected_veh, case.size[part], ROUGH_BINS, ROUGH).T
    return np.asarray(found & np.isfinite(case.counts_veh))


def shifted(case: Case) -> Bools:
    """Days that would be usual ones if only the clock were an hour off, of one detector or of all."""
    if case.hour_bins < 1 or len(case.counts_veh) <= 2 * case.hour_bins:
        return np.zeros(case.counts_veh.shape, dtype=np.bool_)
    gains = [fault_days.shift_gains(*_deviances(case, veh), case.slots) for veh in (case.usual_veh, case.expected_veh)]
    return np.asarray(fault_days.shifted_days(*gains)[case.days] & np.isfinite(case.counts_veh))


def _deviances(case: Case, usual_veh: usual.Singles) -> tuple[Floats, Ints]:
    deviance, number = fault_evidence.shift_deviances(case.counts_veh, usual_veh, case.size, case.days, case.hour_bins)
    return deviance, number


def drift(case: Case) -> Bools:
    """Days on end at another scale than the detector's own past, while the others stay."""
    found = fault_days.drifted_days(levels_of(case), case.peers)
    return np.asarray(found[case.days] & np.isfinite(case.counts_veh))


def levels_of(case: Case) -> Floats:
    """Log of each day's level against the expected one [day, detector], less that of all detectors."""
    seen_veh, due_veh, number = fault_evidence.daily_totals(case.counts_veh, case.expected_veh, case.days)
    return fault_days.levels(seen_veh, due_veh, number, case.slots)


def phi_of(case: Case) -> Floats:
    """The usual deviance of a bin [detector]."""
    if case.hour_bins < 1 or len(case.counts_veh) <= 2 * case.hour_bins:
        return np.ones(len(case.size))
    return fault_days.usual_deviance(*_deviances(case, case.usual_veh), case.slots)


Rule = Callable[[Case], Bools]
FAULTS: dict[str, Rule] = {
    "stuck_zero": stuck_zero,
    "stuck_value": stuck_value,
    "chatter": chatter,
    "shifted": shifted,
    "drift": drift,
}
"""Asked in this order; what one rule does not believe, the next ones do not see."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one detector that one rule does not believe."""

    detector: str
    reason: str
    start: np.datetime64
    until: np.datetime64
    bins: int  # how many counts of it are not believed


@dataclass(frozen=True, slots=True)
class Faults:
    """What is not believed of a history, and why."""

    start: np.datetime64
    bin_s: float
    detectors: tuple[str, ...]
    reason: npt.NDArray[np.int8] = field(repr=False)
    """[bin, detector] 0 where believed (or missing), else 1 + the index into FAULTS"""

    def believed(self, history: FlowHistory, but: tuple[str, ...] = ()) -> FlowHistory:
        """The history with NaN in place of what is not believed; counts found by the rules of `but` stay."""
        if (history.start, history.bin_s, history.counts_veh.shape) != (self.start, self.bin_s, self.reason.shape):
            raise ForecastError("these faults were found in another history")
        kept = [1 + list(FAULTS).index(name) for name in but]
        return history.with_gaps((self.reason > 0) & ~np.isin(self.reason, kept))

    def share(self) -> dict[str, float]:
        """Share of all bins that each rule does not believe."""
        size = max(self.reason.size, 1)
        return {name: float(np.count_nonzero(self.reason == 1 + k) / size) for k, name in enumerate(FAULTS)}

    def spans(self) -> tuple[Span, ...]:
        """Stretches of one detector and reason, joined over breaks of up to an hour."""
        return tuple(span for d in np.flatnonzero(self.reason.any(axis=0)) for span in self._of_detector(int(d)))

    def _of_detector(self, d: int) -> Iterator[Span]:
        at = np.flatnonzero(self.reason[:, d])
        code = self.reason[at, d]
        apart = (np.diff(at) > HOUR_S / self.bin_s + 1) | (np.diff(code) != 0)
        for part in np.split(np.arange(len(at)), np.flatnonzero(apart) + 1):
            first, last = (self.start + np.timedelta64(round(int(at[i]) * self.bin_s), "s") for i in (part[0], part[-1]))
            until = last + np.timedelta64(round(self.bin_s), "s")
            yield Span(self.detectors[d], list(FAULTS)[code[part[0]] - 1], first, until, len(part))

    def lines(self) -> Iterator[str]:
        """One line a span, for people."""
        for span in self.spans():
            first, until = (np.datetime_as_string(when, unit="m").replace("T", " ") for when in (span.start, span.until))
            yield f"{span.detector}: {span.reason.replace('_', ' ')} from {first} to {until} ({span.bins} counts)"


def find(history: FlowHistory) -> Faults:
    """Every rule asked in turn; then once more, by what is usual where the first round saw no fault."""
    return _asked(history, settled_case(history))


def settled_case(history: FlowHistory) -> Case:
    """What is usual where a first round of the rules saw no fault."""
    return case_of(history, _asked(history, case_of(history)))


def _asked(history: FlowHistory, case: Case) -> Faults:
    left_veh = case.counts_veh
    reason = np.zeros(left_veh.shape, dtype=np.int8)
    for k, rule in enumerate(FAULTS.values()):
        found = rule(replace(case, counts_veh=left_veh))
        reason[found] = 1 + k
        left_veh[found] = np.nan
    return Faults(history.start, history.bin_s, history.detectors, reason)
