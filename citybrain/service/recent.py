"""What happened at every signal of late: when which phase was green, what was counted by the minute, what was forecast.

Rings of fixed size, so that a city's memory does not grow. Single arrivals, for the coordination diagram, are kept in cities of up to
`MOST_FOR_ARRIVALS` signals.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from citybrain.service.board import CHANGING
from citybrain.service.counted import Counted
from citybrain.service.endings import NOTHING, Endings, Split, Under, with_skipped
from citybrain.wire import numbers
from signals.layout import lay_out
from signals.types import Floats, FlowForecast, Intersection, Ints, Network, Observation

GREENS = 96  # changes of lights that are remembered of each signal
MINUTES = 60
MINUTE_S = 60.0
FORECASTS = 8
FORECAST_EVERY_S = 300.0
MOST_FOR_ARRIVALS = 500
ARRIVALS_S = 1800
SILENT = 255  # a minute's count of a sensor that said nothing; more than 254 vehicles pass no stop line in a minute


class Recent:
    """Lives as long as the service; `see` every tick."""

    def __init__(self, network: Network) -> None:
        n = len(network.signals)
        self._start: Ints = lay_out(network).movement_start
        movements = int(self._start[-1])
        self._light = np.zeros(n, dtype=np.uint8)
        self._at_s = np.full((n, GREENS), np.nan)
        self._lights = np.zeros((n, GREENS), dtype=np.uint8)
        self._head = np.zeros(n, dtype=np.int64)
        self._endings = Endings(network, GREENS)
        self._minute_ends_s = np.full(MINUTES, np.nan)
        self._counted = np.full((MINUTES, movements), SILENT, dtype=np.uint8)
        self._minute = 0  # the row of the next minute that closes
        self._gathering = Counted(movements)
        self._closes_s = np.nan
        self._arrivals: deque[tuple[float, Ints]] | None = deque(maxlen=ARRIVALS_S) if n <= MOST_FOR_ARRIVALS else None
        self._forecasts: deque[tuple[float, tuple[tuple[Ints, FlowForecast], ...]]] = deque(maxlen=FORECASTS)

    def see(self, seen: Observation, light: np.ndarray[Any, np.dtype[np.uint8]], under: Under = NOTHING) -> bool:
        """Take a tick; whether a minute has closed. `under`: what greens that end now ran under."""
        changed = np.flatnonzero(light != self._light)
        before = self._light[changed].astype(np.int64)
        ended = (before > 0) & (before < CHANGING)
        if ended.any():
            own = changed[ended]
            follows = np.where(seen.phase[own] >= 0, seen.phase[own], before[ended] - 1)
            self._endings.note(own, (self._head[own] - 1) % GREENS, before[ended] - 1, follows, seen.queue_veh, under)
        slot = self._head[changed] % GREENS
        self._at_s[changed, slot], self._lights[changed, slot] = seen.now_s, light[changed]
        self._head[changed] += 1
        self._light = light
        if self._arrivals is not None:
            self._arrivals.append((seen.now_s, np.flatnonzero(seen.counts_veh > 0.0)))
        return self._count(seen)

    def _count(self, seen: Observation) -> bool:
        closed = False
        if not seen.now_s < self._closes_s:
            if self._closes_s == self._closes_s:
                row, gathered_veh = self._counted[self._minute], self._gathering.taken()
                row[:] = np.where(np.isnan(gathered_veh), SILENT, np.minimum(gathered_veh, SILENT - 1))
                self._minute_ends_s[self._minute] = self._closes_s
                self._minute = (self._minute + 1) % MINUTES
                closed = True
            self._closes_s = (np.floor(seen.now_s / MINUTE_S) + 1.0) * MINUTE_S
        self._gathering.add(seen.counts_veh)
        return closed

    def forget(self) -> None:
        """The clock has jumped: what was remembered is of another time."""
        self._at_s[:], self._head[:], self._minute_ends_s[:] = np.nan, 0, np.nan
        self._light = np.zeros_like(self._light)
        self._counted[:], self._closes_s, self._minute = SILENT, np.nan, 0
        self._gathering.taken()
        self._forecasts.clear()
        if self._arrivals is not None:
            self._arrivals.clear()

    def foresee(self, now_s: float, forecasts: tuple[tuple[Ints, FlowForecast], ...]) -> None:
        """Remember what the shards expect: (places on the movement axis, forecast), every few minutes."""
        if forecasts and (not self._forecasts or now_s - self._forecasts[-1][0] >= FORECAST_EVERY_S):
            self._forecasts.append((now_s, forecasts))

    def greens(self, i: int, first_s: float, now_s: float) -> list[tuple[int, float, float]]:
        """(phase from 0, on, off) of a signal's greens since a moment; the running one ends now."""
        order = np.arange(max(self._head[i] - GREENS, 0), self._head[i]) % GREENS
        at_s, lights = self._at_s[i, order].tolist(), self._lights[i, order].tolist()
        ends_s = [*at_s[1:], now_s][: len(at_s)]
        shown = zip(at_s, ends_s, lights, strict=True)
        return [(light - 1, on_s, off_s) for on_s, off_s, light in shown if 0 < light < CHANGING and off_s > first_s]

    def splits(self, i: int, first_s: float, longest_s: float, site: Intersection) -> list[Split]:
        """How the greens of a signal that have ended since a moment went, skipped phases between them included."""
        places = [int(k) % GREENS for k in range(max(int(self._head[i]) - GREENS, 0), int(self._head[i]))]
        at_s, lights = self._at_s[i, places].tolist(), self._lights[i, places].tolist()
        shown = zip(places, at_s, at_s[1:], lights, strict=False)
        rows = [(k, (light - 1, on_s, off_s)) for k, on_s, off_s, light in shown if 0 < light < CHANGING and off_s > first_s]
        return with_skipped([self._endings.split(i, k, green, longest_s) for k, green in rows], site)

    def counts(self, i: int, first_s: float) -> list[tuple[float, list[int | None]]]:
        """(end of the minute, count of each movement) of a signal since a moment; None where a sensor was silent."""
        own = slice(int(self._start[i]), int(self._start[i + 1]))
        kept = [k for k in np.roll(np.arange(MINUTES), -self._minute).tolist() if self._minute_ends_s[k] > first_s]
        rows = [(float(self._minute_ends_s[k]), self._counted[k, own].tolist()) for k in kept]
        return [(end_s, [None if c == SILENT else c for c in row]) for end_s, row in rows]

    def arrivals(self, i: int, first_s: float) -> list[tuple[float, int]]:
        """(moment, movement of the signal) of everybody who passed a stop line since; nothing in a large city."""
        first, last = int(self._start[i]), int(self._start[i + 1])
        found: list[tuple[float, int]] = []
        for at_s, places in list(self._arrivals or ()):  # the engine adds to it meanwhile
            if at_s >= first_s:
                found += [(at_s, int(m) - first) for m in places[np.searchsorted(places, first) : np.searchsorted(places, last)]]
        return found

    def forecasts(self, i: int) -> list[dict[str, Any]]:
        """What was expected at a signal, as JSON, oldest first."""
        own = np.arange(self._start[i], self._start[i + 1])
        found = []
        for _, shards in list(self._forecasts):
            for places, one in shards:
                at = np.searchsorted(places, own)
                if at[-1] < places.size and (places[np.minimum(at, places.size - 1)] == own).all():
                    found.append(forecast_json(one, at))
        return found


def forecast_json(of: FlowForecast, at: Ints) -> dict[str, Any]:
    """These columns of a forecast."""
    return {
        "made_at_s": of.made_at_s,
        "start_s": of.start_s,
        "bin_s": of.bin_s,
        "flow_veh_h": [numbers(row, 1) for row in of.flow_veh_h[:, at]],
        "low_veh_h": [numbers(row, 1) for row in of.low_veh_h[:, at]],
        "high_veh_h": [numbers(row, 1) for row in of.high_veh_h[:, at]],
        "rung": [of.rung[k] for k in at.tolist()],
    }


def mean_counts_veh_h(rows: list[tuple[float, list[int | None]]], movements: int) -> Floats:
    """[movement] flow over these minutes; NaN of a sensor that was silent all the time."""
    counts_veh = np.array([[np.nan if c is None else c for c in row] for _, row in rows]).reshape(-1, movements)
    heard = ~np.isnan(counts_veh)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.nan_to_num(counts_veh).sum(axis=0) / heard.sum(axis=0) * (3600.0 / MINUTE_S))
