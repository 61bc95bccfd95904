"""Judges every sample before anybody heeds it: late, doubled, out of order, from the future, impossible. All counted by reason.

Of each sensor the gate remembers its last few times, so that what comes twice is noticed though it comes late; a city has a million
sensors, so that times are kept in 32 bits each, to a millisecond. `now_s` is the street's own time; where it steps back, what was
remembered of later times is forgotten.
"""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from numba import njit

from citybrain.intake.batch import Float32s, Float64s, Int32s, Samples, Tracks
from citybrain.intake.catalogue import CODE, Catalogue, Kind

MEMORY = 8  # times remembered of each sensor
TICKS = 1024  # a second: times of one sensor within a tick are the same; they are kept modulo 2^32, which is 48 days
TICK_MASK = 2**32 - 1
LONGEST_GAP_S = 1e6  # between two times of a sensor: what was before is forgotten, long before ticks repeat themselves
AHEAD_S = 5.0  # clocks differ; a sample further ahead of the street's time is of another one
ALLOWANCE_S = 3600.0  # what comes later than this is of no use to anybody
MOST_SOURCES = 10_000
Codes = npt.NDArray[np.uint8]
Uint32s = npt.NDArray[np.uint32]


class Verdict(IntEnum):
    """What became of a sample."""

    GOOD = 0
    LATE = 1  # older than its sensor's newest, and not known yet: goes to its bin
    DUPLICATE = 2
    TOO_LATE = 3
    FUTURE = 4
    IMPOSSIBLE = 5
    UNKNOWN = 6  # no such sensor, signal, lane or movement


WORDS = {verdict: verdict.name.lower() for verdict in Verdict}


@dataclass(frozen=True, slots=True)
class Judged:
    """Samples sorted by what becomes of them."""

    good: Samples
    late: Samples
    number: npt.NDArray[np.int64] = field(repr=False)
    """[verdict] how many"""


class Gate:
    """Lives as long as the service; one caller at a time."""

    def __init__(self, catalogue: Catalogue, ahead_s: float = AHEAD_S, allowance_s: float = ALLOWANCE_S) -> None:
        n = len(catalogue)
        self.ahead_s, self.allowance_s = ahead_s, allowance_s
        self.impossible = np.zeros(n, np.uint8)
        """[sensor] its recent impossible samples: up with each, down with each good one"""
        self.number: dict[str, npt.NDArray[np.int64]] = {}
        """By source: how many of each verdict [verdict]."""
        self.newest_s: dict[str, float] = {}
        """By source: field time of its newest accepted sample or snapshot, -inf where none was."""
        self._largest, self._period_s = catalogue.largest, catalogue.period_s
        self._counts = catalogue.kind == CODE[Kind.COUNT]
        self._ticks, self._held = np.zeros((n, MEMORY), np.uint32), np.zeros(n, np.uint8)
        self._newest_s = np.full(n, -np.inf)
        self._forgotten_s = np.full(n, -np.inf)  # samples up to here may have been seen

    def samples(self, samples: Samples, now_s: float) -> Judged:
        """Every sample with its verdict; the accepted ones are remembered."""
        code = judge(
            samples.sensor, samples.at_s, samples.value, now_s, self.ahead_s, self.allowance_s, self._counts, self._largest,
            self._period_s, self._ticks, self._held, self._newest_s, self._forgotten_s, self.impossible,
        )  # fmt: skip
        number = np.bincount(code, minlength=len(Verdict))
        good = _chosen(samples, code, Verdict.GOOD, number)
        late = _chosen(samples, code, Verdict.LATE, number)
        newest_s = max(float(good.at_s.max(initial=-np.inf)), float(late.at_s.max(initial=-np.inf)))
        self._count(samples.source, number, newest_s, now_s)
        return Judged(good, late, number)

    def tracks(self, tracks: Tracks, now_s: float, signals: int) -> Tracks:
        """The snapshots of known signals and of now."""
        code = np.full(len(tracks), Verdict.GOOD, np.uint8)
        code[~(tracks.at_s >= now_s - self.allowance_s)] = Verdict.TOO_LATE
        code[tracks.at_s > now_s + self.ahead_s] = Verdict.FUTURE
        code[~np.isfinite(tracks.at_s)] = Verdict.IMPOSSIBLE
        code[(tracks.signal < 0) | (tracks.signal >= signals)] = Verdict.UNKNOWN
        number = np.bincount(code, minlength=len(Verdict))
        good = code == Verdict.GOOD
        kept = tracks
        if not good.all():
            rows = np.repeat(good, tracks.vehicles)
            columns = (tracks.lane[rows], tracks.movement[rows], tracks.distance_m[rows], tracks.speed_mps[rows])
            kept = Tracks(tracks.source, tracks.signal[good], tracks.at_s[good], tracks.vehicles[good], *columns)
        self._count(tracks.source, number, float(kept.at_s.max(initial=-np.inf)), now_s)
        return kept

    def watermark_s(self, now_s: float, quiet_s: float) -> float:
        """Up to here every source has told what it had: the least of their newest times; who is silent for long is not waited for."""
        awaited = [newest_s for newest_s in self.newest_s.values() if now_s - newest_s < quiet_s]
        return min([now_s, *awaited])

    def _count(self, source: str, number: npt.NDArray[np.int64], newest_s: float, now_s: float) -> None:
        if source not in self.number:
            # Nobody fills the memory with names: of many, the one heard longest ago is let go.
            if len(self.number) >= MOST_SOURCES:
                oldest = min(self.number, key=self.newest_s.__getitem__)
                del self.number[oldest], self.newest_s[oldest]
            self.number[source], self.newest_s[source] = np.zeros(len(Verdict), np.int64), -np.inf
        self.number[source] += number
        before_s = self.newest_s[source]
        self.newest_s[source] = max(newest_s, before_s if before_s <= now_s + self.ahead_s else -np.inf)


def _chosen(samples: Samples, code: Codes, verdict: Verdict, number: npt.NDArray[np.int64]) -> Samples:
    if number[verdict] == len(samples):
        return samples
    own = code == verdict
    return Samples(samples.source, samples.sensor[own], samples.at_s[own], samples.value[own])


GOOD, LATE, DUPLICATE, TOO_LATE, FUTURE, IMPOSSIBLE, UNKNOWN = range(7)
MOST_IMPOSSIBLE = 250


@njit(cache=True, nogil=True)
def judge(
    sensor: Int32s, at_s: Float64s, value: Float32s, now_s: float, ahead_s: float, allowance_s: float, counts: npt.NDArray[np.bool_],
    largest: Float32s, period_s: Float32s, ticks: Uint32s, held: Codes, newest_s: Float64s, forgotten_s: Float64s, impossible: Codes,
) -> Codes:  # fmt: skip
    """Verdicts [sample]; `ticks` [sensor, memory], of which `held` are times, and the other memory [sensor] take in what is accepted."""
    code = np.empty(sensor.shape[0], dtype=np.uint8)
    for k in range(sensor.shape[0]):
        s, t, x = sensor[k], at_s[k], value[k]
        if s < 0 or s >= newest_s.shape[0]:
            code[k] = UNKNOWN
            continue
        if not (-np.inf < t < np.inf and 0.0 <= x < np.inf):
            code[k] = IMPOSSIBLE
            impossible[s] += 1 if impossible[s] < MOST_IMPOSSIBLE else 0
            continue
        if t > now_s + ahead_s or t < now_s - allowance_s:
            code[k] = FUTURE if t > now_s else TOO_LATE
            continue
        if newest_s[s] > now_s + ahead_s or forgotten_s[s] > now_s + ahead_s:
            newest_s[s], forgotten_s[s], held[s] = -np.inf, -np.inf, 0
        fresh = t > newest_s[s]
        if not fresh:
            if t <= forgotten_s[s]:
                code[k] = TOO_LATE
                continue
            known, tick = False, int(np.floor(t * TICKS)) & TICK_MASK
            for i in range(held[s]):
                known |= int(ticks[s, i]) == tick
            if known:
                code[k] = DUPLICATE
                continue
        most = largest[s]
        if counts[s]:
            # A count is of the time since the last one: where that is long ago, or not known, it may be many.
            span_s = min(t - newest_s[s], allowance_s) if fresh else allowance_s
            most *= max(span_s / period_s[s], 1.0)
        if x > most:
            code[k] = IMPOSSIBLE
            impossible[s] += 1 if impossible[s] < MOST_IMPOSSIBLE else 0
            continue
        impossible[s] -= 1 if impossible[s] > 0 else 0
        if fresh and held[s] > 0 and t - newest_s[s] > LONGEST_GAP_S:
            forgotten_s[s], held[s] = newest_s[s], 0
        newest_s[s] = max(newest_s[s], t)
        remember(s, t, ticks, held, newest_s, forgotten_s)
        code[k] = GOOD if fresh else LATE
    return code


@njit(cache=True, nogil=True)
def remember(s: int, t: float, ticks: Uint32s, held: Codes, newest_s: Float64s, forgotten_s: Float64s) -> None:
    """Keep a time of a sensor; where there is no room, the oldest one gives way, and what is not after it is too late from now on."""
    place, newest, oldest = int(held[s]), int(np.floor(newest_s[s] * TICKS)), -1
    if place < ticks.shape[1]:
        held[s] += 1
    else:
        for i in range(ticks.shape[1]):
            age = (newest - int(ticks[s, i])) & TICK_MASK
            if age > oldest:
                place, oldest = i, age
        forgotten_s[s] = max(forgotten_s[s], (newest - oldest + 1) / TICKS)  # the end of its tick
    ticks[s, place] = int(np.floor(t * TICKS)) & TICK_MASK
