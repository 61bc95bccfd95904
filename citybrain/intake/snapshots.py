"""The last snapshot of the vehicles around each signal, all in a few arrays."""

from __future__ import annotations

import numpy as np

from citybrain.intake import sense_kernels
from citybrain.intake.batch import Tracks
from signals.layout import Layout
from signals.types import Bools, Floats, Ints

FIRST_ROWS = 1024


class Snapshots:
    """Lives as long as the service. Rows of a signal stay where they are while a snapshot fits in there."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        n = len(layout.movement_start) - 1
        self.at_s = np.full(n, -np.inf)
        """[signal] field time of its snapshot"""
        self.dropped = 0  # vehicles on lanes or movements that their signal has not
        self._begin, self._number, self._room = (np.zeros(n, dtype=np.int64) for _ in range(3))
        self._used = 0
        self._rows = self._empty(FIRST_ROWS)

    def take(self, tracks: Tracks) -> None:
        """Snapshots that are newer than what is known of their signals."""
        if self._used + len(tracks.lane) > len(self._rows[0]):
            self._make_room(len(tracks.lane))
        self._used, dropped = sense_kernels.take_views(
            tracks.signal, tracks.at_s, tracks.vehicles, tracks.lane, tracks.movement, tracks.distance_m, tracks.speed_mps,
            self.at_s, self._begin, self._number, self._room, self._used, *self._rows,
            self._layout.lane_start, self._layout.movement_start,
        )  # fmt: skip
        self.dropped += dropped

    def vehicles(self, fresh: Bools) -> tuple[Ints, Ints, Floats, Floats]:
        """Lane, movement, distance [m] and speed [m/s] of who is in the snapshots of these signals [signal]; by lane, nearest first."""
        found: tuple[Ints, Ints, Floats, Floats] = sense_kernels.in_view(fresh, self._begin, self._number, *self._rows)
        return found

    @property
    def room(self) -> int:
        """Rows that there is memory for."""
        return len(self._rows[0])

    def forget(self, signals: Bools) -> None:
        """Snapshots [signal] that were of another time."""
        self.at_s[signals] = -np.inf
        self._number[signals] = 0

    def _make_room(self, more: int) -> None:
        """Close the gaps that outgrown rows have left; what is kept doubles where that is not enough."""
        live = int(self._number.sum())
        size = len(self._rows[0])
        while size < 2 * (live + more):
            size *= 2
        before, begin = self._rows, self._begin
        self._rows = self._empty(size)
        starts = np.concatenate(([0], np.cumsum(self._number)))
        where = np.repeat(begin - starts[:-1], self._number) + np.arange(live)
        for old, new in zip(before, self._rows, strict=True):
            new[:live] = old[where]
        self._begin, self._room, self._used = starts[:-1].copy(), self._number.copy(), live

    def _empty(self, rows: int) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.generic]], ...]:
        return np.empty(rows, np.int32), np.empty(rows, np.int32), np.empty(rows, np.float32), np.empty(rows, np.float32)
