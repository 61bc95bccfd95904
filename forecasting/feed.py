"""Rows as a real feed delivers them, made into aligned bins in order: doubled, late, out of order, missing, and by local clock.

Times are starts of bins by the local wall clock, without a zone. A bin is let go when it has ended and a grace has passed;
what comes later corrects the recent bins, and what comes too late is counted and dropped.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np

from forecasting.base import Arrays
from forecasting.clock import DAY_S
from signals.errors import ForecastError
from signals.types import Floats

HOUR_S = 3600.0
SMALL_HOURS_S = 5 * HOUR_S  # the clocks of the world go back before this time of day
SEASON_S = 100 * DAY_S  # and not twice within this
JITTER_S = 60.0  # a clock that is set right steps back by less
LARGEST_GAP_S = 7 * DAY_S
AHEAD = 2  # bins after the one in progress that rows may already name


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin let go. `corrected`: it was let go before, and these are its counts now.

    `repeated`: the second time that the clock showed this hour in an autumn night; its counts are the mean of both.
    """

    start: np.datetime64
    counts_veh: Floats = field(repr=False)
    """[detector] NaN where nothing was reported"""
    kind: Literal["new", "corrected", "repeated"] = "new"


class Feed:
    """Lives as long as the connection. Rows go in by `take`, bins come out of `due`, both with the local time of now."""

    def __init__(self, detectors: tuple[str, ...], bin_s: float, grace_s: float = 60.0, ring_bins: int = 8) -> None:
        """`ring_bins`: how many bins that were let go can still be corrected; at least the hour that a clock skips in spring."""
        if bin_s <= 0.0 or DAY_S % bin_s or not 0.0 <= grace_s < HOUR_S or ring_bins < 1:
            raise ForecastError(f"a feed of bins of {bin_s:g} s, grace {grace_s:g} s and {ring_bins} bins to correct")
        self._hour = int(HOUR_S // bin_s)
        self.detectors, self.bin_s, self.grace_s, self.ring_bins = detectors, bin_s, grace_s, max(ring_bins, self._hour + 1)
        self.noted: Counter[str] = Counter()
        """How many rows were: taken, doubled, corrected, late; and dropped: too_late, early, off_grid, unknown, no_count."""
        self._place = {name: d for d, name in enumerate(detectors)}
        # Bins are numbered by time that never turns back: after an autumn night, by the local clock plus an hour.
        self._slots = self.ring_bins + self._hour + AHEAD + 2 + int(np.ceil(grace_s / bin_s))
        self._ring_veh = np.full((self._slots, len(detectors)), np.nan)
        self._ring_bin = np.full(self._slots, -1.0)  # which bin stands in each place of the ring
        self._now_s, self._next = np.nan, -1  # the next bin to let go
        self._behind, self._second, self._turned_s = 0, -1, -np.inf  # bins the clock lagged before; the first one seen twice
        self._changed: set[int] = set()
        self._ready: dict[int, Bin] = {}

    def take(self, now: np.datetime64, start: np.datetime64, counts_veh: Floats) -> None:
        """A row of all detectors, NaN where it says nothing. Of two rows for one bin the last word counts."""
        if counts_veh.shape != (len(self.detectors),):
            raise ForecastError(f"a row of {counts_veh.shape} counts, expected {len(self.detectors)}")
        self._turn(_seconds(now))
        k = self._bin_of(start)
        if k is None:
            return
        wrong = (counts_veh < 0.0) | np.isinf(counts_veh)
        self.noted["no_count"] += int(wrong.sum())
        self._write(k, np.where(wrong, np.nan, counts_veh), slice(None))

    def take_one(self, now: np.datetime64, start: np.datetime64, detector: str, count_veh: float) -> None:
        """A row of one detector."""
        self._turn(_seconds(now))
        if detector not in self._place:
            self.noted["unknown"] += 1
            return
        k = self._bin_of(start)
        if k is None:
            return
        if not 0.0 <= count_veh < np.inf:
            self.noted["no_count"] += 1
            return
        self._write(k, np.array([count_veh]), slice(self._place[detector], self._place[detector] + 1))

    def due(self, now: np.datetime64) -> tuple[Bin, ...]:
        """What is to be told by now: bins that were corrected, then the new ones, in order; a bin without a row is all NaN."""
        self._turn(_seconds(now))
        ready, self._ready = self._ready, {}
        # Was a bin corrected before anybody was told? Then it is told once, as it is now.
        corrected = [self._bin(k, "corrected") for k in sorted(self._changed - set(ready))]
        fresh = [self._bin(k, one.kind) if k in self._changed else one for k, one in ready.items()]
        self._changed.clear()
        return (*corrected, *fresh)

    def _turn(self, now_s: float) -> None:
        """Set the clock; where it steps back by an hour in the small hours, that hour comes twice."""
        if np.isnan(self._now_s):
            self._now_s, self._next = now_s, int(now_s // self.bin_s)
        shown_s = self._now_s - self._lag() * self.bin_s  # what the local clock showed last
        if now_s - shown_s > LARGEST_GAP_S:
            raise ForecastError(f"the feed's clock jumped from {_time(shown_s)} to {_time(now_s)}; a new feed is needed")
        if shown_s - now_s > JITTER_S:
            until_s = np.ceil(shown_s / HOUR_S) * HOUR_S
            autumn = until_s - HOUR_S <= now_s and (shown_s - 1.0) % DAY_S < SMALL_HOURS_S and self._hour > 0
            if not autumn or now_s - self._turned_s < SEASON_S:
                raise ForecastError(f"the feed's clock ran back from {_time(shown_s)} to {_time(now_s)}")
            self._behind, self._turned_s = self._lag(), now_s
            self._second = int(until_s // self.bin_s) + self._behind
        self._now_s = max(now_s + self._lag() * self.bin_s, self._now_s)
        self._let_go(int((self._now_s - self.grace_s) // self.bin_s))  # what has ended, grace and all

    def _lag(self) -> int:
        """Bins by which the local clock is behind time that never turns back."""
        return self._behind + (self._hour if self._second >= 0 else 0)

    def _let_go(self, ended: int) -> None:
        while self._next < ended:
            k = self._next
            self._row(k)
            self._ready[k] = self._bin(k, "repeated" if self._is_second(k) else "new")
            self._next = k + 1

    def _is_second(self, k: int) -> bool:
        return 0 <= self._second <= k < self._second + self._hour

    def _bin(self, k: int, kind: Literal["new", "corrected", "repeated"]) -> Bin:
        """Bin k as it is told: by the local clock, and the mean of both where the clock showed it twice."""
        first = k - self._hour if self._is_second(k) else k
        both = self._hour > 0 and self._is_second(first + self._hour) and first + self._hour <= max(self._next, k)
        counts_veh = self._seen(first)
        if both:
            other_veh = self._seen(first + self._hour)
            mean_veh = np.where(np.isnan(other_veh), counts_veh, 0.5 * (counts_veh + other_veh))
            counts_veh = np.where(np.isnan(counts_veh), other_veh, mean_veh)
        behind = self._behind if self._second < 0 or k < self._second else self._lag()
        return Bin(_time((k - behind) * self.bin_s), counts_veh, kind)

    def _seen(self, k: int) -> Floats:
        """A copy of what is known of bin k."""
        place = k % self._slots
        known = self._ring_bin[place] == k
        return self._ring_veh[place].copy() if known else np.full(len(self.detectors), np.nan)

    def _bin_of(self, start: np.datetime64) -> int | None:
        """The bin of a row, None where it is dropped."""
        shown, off = divmod(_seconds(start), self.bin_s)
        k = int(shown) + self._behind
        if self._second >= 0:
            # Rows tell of bins that have ended: of an hour that comes twice, the second time only when it has.
            again = k >= self._second - self._hour and (k + self._hour + 1) * self.bin_s <= self._now_s + JITTER_S
            k += self._hour if again or k >= self._second else 0
        reason = ""
        if off:
            reason = "off_grid"
        elif k > self._now_s // self.bin_s + AHEAD - 1:
            reason = "early"
        elif k < self._next - self.ring_bins:
            reason = "too_late"
        if reason:
            self.noted[reason] += 1
            return None
        return k

    def _write(self, k: int, counts_veh: Floats, part: slice) -> None:
        row_veh = self._row(k)[part]
        said, known = np.isfinite(counts_veh), np.isfinite(row_veh)
        other = said & known & (row_veh != counts_veh)
        fresh = said & ~known
        self.noted["taken"] += 1
        if other.any():
            self.noted["corrected"] += 1
        elif known.any() and not fresh.any():
            self.noted["doubled"] += 1
        if k < self._next and (other.any() or fresh.any()):
            self.noted["late"] += 1
            self._changed.add(k)
        row_veh[said] = counts_veh[said]

    def _row(self, k: int) -> Floats:
        """The counts of bin k in the ring; a fresh row of NaN where another bin stood."""
        place = k % self._slots
        if self._ring_bin[place] != k:
            self._ring_bin[place] = k
            self._ring_veh[place] = np.nan
        return np.asarray(self._ring_veh[place])

    def recent_veh(self, bins: int) -> Floats:
        """Counts [bin, detector] of the last bins that were let go, newest last, with all corrections; at most `ring_bins`."""
        if not 0 <= bins <= self.ring_bins:
            raise ForecastError(f"{bins} recent bins, of {self.ring_bins} that are kept")
        out = np.full((bins, len(self.detectors)), np.nan)
        for i in range(bins):
            out[i] = self._seen(self._next - bins + i)
        return out

    def arrays(self) -> Arrays:
        """All of it between two calls of `due`; the notes are not kept."""
        clock = (self._now_s, self._next, self._behind, self._second, self._turned_s)
        return {
            "ring_veh": self._ring_veh.copy(),
            "ring_bin": self._ring_bin.copy(),
            "clock": np.array(clock, dtype=np.float64),
            "changed": np.array(sorted(self._changed), dtype=np.float64),
            "ready": np.array(sorted(self._ready), dtype=np.float64),
        }

    def restored(self, arrays: Arrays) -> Self:
        """This feed, going on where the arrays were taken; ValueError where they are of another."""
        if arrays["ring_veh"].shape != self._ring_veh.shape:
            raise ValueError(f"a ring of shape {arrays['ring_veh'].shape}, expected {self._ring_veh.shape}")
        self._ring_veh, self._ring_bin = arrays["ring_veh"].copy(), arrays["ring_bin"].copy()
        self._now_s, self._turned_s = float(arrays["clock"][0]), float(arrays["clock"][4])
        self._next, self._behind, self._second = (int(i) for i in arrays["clock"][1:4])
        self._changed = {int(k) for k in arrays["changed"]}
        kinds: dict[bool, Literal["new", "repeated"]] = {False: "new", True: "repeated"}
        self._ready = {int(k): self._bin(int(k), kinds[self._is_second(int(k))]) for k in arrays["ready"]}
        return self


def _seconds(when: np.datetime64) -> float:
    return float((when - np.datetime64(0, "s")) / np.timedelta64(1, "s"))


def _time(seconds: float) -> np.datetime64:
    return np.datetime64(round(seconds), "s")
