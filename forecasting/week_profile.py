"""What usually passes at this time on this day of the week, learned bin by bin: the ground that the network's echo stands on.

On the root scale each weekday and slot keeps a mean whose weights fade (week_memory.py). A weekday's profile is that of its
day type plus the weekday's own shrunk deviation (smooth_week.py); all detectors' weeks together are then reduced to the
patterns that many share, by shrinking the small singular values (Gavish and Donoho 2017 say why). A detector too young
for that gets the most probable week, given what it has shown and those patterns.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from forecasting.base import Arrays
from forecasting.clock import DAY_S, DAY_TYPES, TYPE_OF_WEEKDAY, WEEK_S
from forecasting.day_kind import DayKind
from forecasting.patterns import Patterns, found_in, most_probable_week
from forecasting.smooth_week import Smoothing, smooth_week
from forecasting.week_memory import WEEKDAYS, WeekMemory
from signals.types import Floats, Ints

Table = npt.NDArray[np.float32]

SMOOTH = Smoothing(type_sigma_min=8.0, power=0.6, day_sigma_min=30.0, shrinkage_days=0.4)
OWN = Smoothing(type_sigma_min=5.0, power=0.4, day_sigma_min=20.0, shrinkage_days=0.3)
WINSOR = 2.0  # root scale: who departs by more teaches the profile only so much
WINSOR_FROM_DAYS = 7.0
YOUNG_DAYS = 4.0  # known days under which a detector's week is inferred from the patterns of the others
FEW = 512  # detectors renewed at once; a larger city's are spread over the day
SAMPLE = 1024  # detectors that the patterns are found in
LEAST = 0.3  # root scale
BEHIND = 6  # bins, besides the reach of DayKind, whose profile is kept after they closed
FAR = 4.0  # root scale
VARIANCE_HALF_LIFE_S = 7 * DAY_S


@dataclass(slots=True)
class WeekProfile:
    """State: what was counted at each time of the week, and the profile of the next 24 hours that was made of it."""

    bin_s: float
    memory: WeekMemory = field(repr=False)
    ahead: Table = field(repr=False)
    """[slot, detector] root-scale profile of the coming 24 hours; NaN where nothing is known"""
    own: Table = field(repr=False)
    """[slot, detector] what the detector's own days say beside it: less smooth, without the others' patterns"""
    behind: Table = field(repr=False)
    """[bin, detector] what it had said of the last bins, oldest first"""
    types: Table = field(repr=False)
    """[day type, slot, detector] mean profile of each type of day"""
    variance: Floats = field(repr=False)
    """[sum and weight, detector] of squared departures, fading"""
    day: DayKind = field(repr=False)
    known_days: Floats = field(repr=False)
    """[detector] days' worth of bins that each had shown when it was last renewed, older ones faded"""
    patterns: Patterns = field(repr=False)
    edge_s: float = 0.0  # week clock: here the coming 24 hours begin
    days: float = 0.0  # since it began
    renewed: int = 0  # detectors renewed since midnight

    @classmethod
    def empty(cls, bin_s: float, detectors: int, edge_s: float) -> Self:
        """Knows nothing yet."""
        slots = round(DAY_S / bin_s)
        ahead = np.full((slots, detectors), np.nan, dtype=np.float32)
        day = DayKind.usual(bin_s)
        behind = np.full((BEHIND + day.reach, detectors), np.nan, dtype=np.float32)
        types = np.full((len(DAY_TYPES), slots, detectors), np.nan, dtype=np.float32)
        variance = np.ones((2, detectors))
        return cls(
            bin_s,
            WeekMemory.empty(bin_s, detectors),
            ahead,
            ahead.copy(),
            behind,
            types,
            variance,
            day,
            np.zeros(detectors),
            Patterns.none(slots),
            edge_s,
            0.0,
            detectors,
        )

    @property
    def slots(self) -> int:
        """Bins in a day."""
        return int(self.ahead.shape[0])

    @property
    def detectors(self) -> int:
        """Number of detectors."""
        return int(self.ahead.shape[1])

    def around(self, ends_s: float, back: int, bins: int) -> Floats:
        """Root-scale profile [bin, detector] of the `back` bins before `ends_s` and the `bins` after it.

        `ends_s` may lie anywhere on the week clock; near the newest bin learned it is quick.
        """
        offset = ((ends_s - self.edge_s + DAY_S) % WEEK_S - DAY_S) / self.bin_s
        first = int(np.floor(offset + 1e-6))
        if first >= -1 and first + bins + self.day.reach < self.slots:
            rows = self._near(first - back, back + bins + 1)
        else:
            # Another day than the coming one: its week must be made first.
            begin = int(np.floor(ends_s / self.bin_s + 1e-6)) - back
            rows = self._far(np.arange(begin, begin + back + bins + 1) % (WEEKDAYS * self.slots))
        share = max(offset - first, 0.0)
        return rows[:-1] if share < 1e-6 else (1.0 - share) * rows[:-1] + share * rows[1:]

    def _near(self, first: int, number: int) -> Floats:
        """Rows `first` to `first + number - 1`, counted from the edge, for the kind of day that it seems to be."""
        if not self.day.heeded:
            return self._plain(first, number)
        slots = (self._edge + np.arange(first, first + number)) % self.slots
        reach = self.day.reach
        return self.day.mixed(self._plain(first - reach, number + 2 * reach), self.types[:, slots].astype(np.float64))

    def _plain(self, first: int, number: int) -> Floats:
        out = np.empty((number, self.detectors))
        for i in range(number):
            k = first + i
            out[i] = self.behind[max(len(self.behind) + k, 0)] if k < 0 else self.ahead[(self._edge + k) % self.slots]
        return out

    @property
    def _edge(self) -> int:
        return round(self.edge_s % DAY_S / self.bin_s)

    def spread(self) -> Floats:
        """Standard deviation of each detector's departures, root scale [detector]."""
        return np.asarray(np.sqrt(self.variance[0] / self.variance[1]))

    def own_at(self, starts_s: float) -> Floats:
        """Root-scale profile [detector] of the slot that begins about then, by the detector's own days alone."""
        return np.asarray(self.own[round(starts_s % DAY_S / self.bin_s) % self.slots], dtype=np.float64)

    def mean_around(self, ends_s: float, back: int, bins: int) -> Floats:
        """Mean week of all detectors [bin] at the same bins, to the nearest slot; NaN before any is known."""
        begin = int(np.floor(ends_s / self.bin_s + 0.5)) - back
        return np.asarray(self.patterns.mean[np.arange(begin, begin + back + bins) % (WEEKDAYS * self.slots)])

    def _far(self, bins: Ints) -> Floats:
        parts = [self.week(np.arange(k, min(k + FEW, self.detectors)))[bins] for k in range(0, self.detectors, FEW)]
        return np.concatenate(parts, axis=1)

    def learn(self, root_veh: Floats, starts_s: float) -> None:
        """Take in the root counts [detector] of the bin that began at `starts_s`, NaN where silent."""
        self._skip_to(starts_s)
        slot, weekday = round(starts_s % DAY_S / self.bin_s), int(starts_s % WEEK_S // DAY_S)
        usual = self.ahead[slot].copy()
        self._judge(root_veh, slot, weekday)
        near = root_veh
        if self.days >= WINSOR_FROM_DAYS:
            near = np.where(np.isnan(usual), root_veh, np.clip(root_veh, usual - np.float32(WINSOR), usual + np.float32(WINSOR)))
        self.memory.learn(near, starts_s)
        self._leave_behind(usual)
        self._move_to(starts_s + self.bin_s)

    def _leave_behind(self, usual: Table) -> None:
        self.behind[:-1] = self.behind[1:]
        self.behind[-1] = usual

    def _judge(self, root_veh: Floats, slot: int, weekday: int) -> None:
        """Weigh what kind of day it is by the bin that has closed."""
        self.day.step(slot == 0, int(TYPE_OF_WEEKDAY[weekday]), self.bin_s)
        usual = self._near(0, 1)[0]
        rows = self._plain(-self.day.reach, 2 * self.day.reach + 1)
        candidates = np.concatenate((rows[self.day.reach - self.day.lags], self.types[:, slot].astype(np.float64)))
        self.day.weigh(root_veh, candidates, self.variance[0] / self.variance[1])
        add_squares(self.variance, root_veh, usual, 0.5 ** (self.bin_s / VARIANCE_HALF_LIFE_S), FAR)

    def _skip_to(self, starts_s: float) -> None:
        """Bins that nobody told of: time goes by, and at each midnight the profile is made anew."""
        missed = round(((starts_s - self.edge_s) % WEEK_S) / self.bin_s) % (WEEKDAYS * self.slots)
        if missed > (WEEKDAYS - 1) * self.slots:
            # The clock was set back: the same hours once more, no week has gone by.
            self.edge_s = starts_s % WEEK_S
            return
        for k in range(missed):
            slot, weekday = round(self.edge_s % DAY_S / self.bin_s), int(self.edge_s // DAY_S)
            self.day.step(slot == 0, int(TYPE_OF_WEEKDAY[weekday]), self.bin_s)
            self.memory.pass_over(self.edge_s)
            self._leave_behind(self.ahead[slot])
            # Each detector is renewed once a day: of a longer gap its last day does.
            self._move_to(self.edge_s + self.bin_s, renew=missed - k <= self.slots)

    def _move_to(self, edge_s: float, renew: bool = True) -> None:
        self.edge_s = edge_s % WEEK_S
        self.days += 1.0 / self.slots
        if not renew:
            self.renewed = 0
            return
        if self.edge_s % DAY_S == 0.0:
            self._find_patterns()
            self.renewed = 0
        if self.renewed < self.detectors:
            self._renew(round(self.edge_s / self.bin_s))

    def _find_patterns(self) -> None:
        every = max(-(-self.detectors // SAMPLE), 1)
        sample = np.arange(0, self.detectors, every)
        old = sample[self.memory.days(sample, self.edge_s) >= YOUNG_DAYS]
        if len(old):
            self.patterns = found_in(smooth_week(*self.memory.sums(old, self.edge_s), self.bin_s / 60.0, SMOOTH))

    def _renew(self, next_bin: int) -> None:
        """Make the coming 24 hours of the next few detectors anew; `next_bin` counts from Monday's midnight."""
        few = max(FEW, -(-self.detectors // self.slots))
        last = min(self.renewed + few, self.detectors)
        bins = np.arange(next_bin, next_bin + self.slots)
        today, slot = next_bin // self.slots % WEEKDAYS, bins % self.slots
        coming = (today, (today + 1) % WEEKDAYS) if next_bin % self.slots else (today,)
        while self.renewed < last:
            # A piece fits into the processor's cache.
            piece = slice(self.renewed, min(self.renewed + FEW, last))
            chosen = np.arange(piece.start, piece.stop)
            sums = self.memory.sums(chosen, self.edge_s)
            self.known_days[piece] = sums[1].sum(axis=(0, 1), dtype=np.float64) / self.slots
            week = self._week(sums, self.known_days[piece])
            own = smooth_week(*sums, self.bin_s / 60.0, OWN, coming)
            self.ahead[slot, piece] = week[bins % len(week)]
            self.own[slot, piece] = own[bins - next_bin // self.slots * self.slots]
            by_day = week.reshape(WEEKDAYS, self.slots, -1)
            for kind in range(len(DAY_TYPES)):
                self.types[kind, :, piece] = by_day[kind == TYPE_OF_WEEKDAY].mean(axis=0)
            self.renewed = piece.stop

    def week(self, detectors: Ints) -> Table:
        """Root-scale profile [weekday and slot, detector] of the whole week."""
        return self._week(self.memory.sums(detectors, self.edge_s), self.memory.days(detectors, self.edge_s))

    def _week(self, sums: tuple[Table, Table], known_days: Floats) -> Table:
        week = smooth_week(*sums, self.bin_s / 60.0, SMOOTH)
        if not self.patterns.found:
            return week
        week = self.patterns.shrunk(week)
        young = np.flatnonzero(known_days < YOUNG_DAYS)
        if len(young):
            total, weight = (table[:, :, young].reshape(WEEKDAYS * self.slots, len(young)) for table in sums)
            week[:, young] = most_probable_week(self.patterns, total, weight)
        return np.maximum(week, np.float32(LEAST))

    def arrays(self) -> dict[str, Any]:
        """The state."""
        return {
            **self.memory.arrays(),
            "ahead": self.ahead,
            "own": self.own,
            "behind": self.behind,
            "types": self.types,
            "variance": self.variance,
            **self.day.arrays(),
            "known_days": self.known_days,
            "edge_days_renewed": np.array([self.edge_s, self.days, float(self.renewed)]),
            **self.patterns.arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The profile again; KeyError or ValueError where the tables do not fit one another or the bin."""
        memory = WeekMemory.from_arrays(arrays, bin_s)
        slots, detectors = memory.mean.shape[1:]
        day = DayKind.from_arrays(arrays, bin_s)
        ahead, own, behind, types = (np.asarray(arrays[name], dtype=np.float32) for name in ("ahead", "own", "behind", "types"))
        shapes = [table.shape for table in (ahead, own, behind, types)]
        a_day = (slots, detectors)
        expected = [a_day, a_day, (BEHIND + day.reach, detectors), (len(DAY_TYPES), *a_day)]
        if shapes != expected:
            raise ValueError(f"week profile of shapes {shapes}, expected {expected}")
        edge_s, days, renewed = arrays["edge_days_renewed"]
        known_days = np.asarray(arrays["known_days"], dtype=np.float64).reshape(detectors)
        variance = np.asarray(arrays["variance"], dtype=np.float64).reshape(2, detectors)
        patterns, clock = Patterns.from_arrays(arrays, slots), (float(edge_s), float(days), int(renewed))
        return cls(bin_s, memory, ahead, own, behind, types, variance, day, known_days, patterns, *clock)


@njit(cache=True, nogil=True)
def add_squares(variance: Floats, root_veh: Floats, usual: Floats, keep: float, far: float) -> None:
    """Fade sums and weights [2, detector] and add the squared departures, at most `far`, of who was heard; in place."""
    for d in range(root_veh.size):
        departure = root_veh[d] - usual[d]
        variance[0, d] *= keep
        variance[1, d] *= keep
        if not np.isnan(departure):
            departure = min(max(departure, -far), far)
            variance[0, d] += departure * departure
            variance[1, d] += 1.0
