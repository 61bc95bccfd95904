"""What was counted in each of the last minutes: the window that a forecast looks at ends now, not at the last edge of a bin."""

from collections.abc import Iterator

import numpy as np

from signals.errors import ForecastError
from signals.types import Floats

MINUTE_S = 60.0
QUARTERS = 4.0  # of a second: so finely it is kept for how long a movement was observed; a large city has many minutes to keep


class Minutes:
    """Lives as long as one run; `begin` sets its clock, `take` closes minutes.

    `window` may be read by another thread: one that comes a whole window late sees the oldest minute being replaced.
    """

    def __init__(self, movements: int, kept: int) -> None:
        """`kept`: how many closed minutes are remembered."""
        self.veh, self.heard_s = np.zeros(movements), np.zeros(movements)
        """[movement] of the minute in progress: the count, and for how long it was observed"""
        self.now_s, self.closes_s = np.nan, np.nan
        self.newest_s = np.nan
        """End of the newest closed minute; when it began, before the first one has closed."""
        self.closed = 0
        self._ring_veh = np.zeros((kept, movements), dtype=np.float32)
        self._ring_quarters = np.zeros((kept, movements), dtype=np.uint8)

    @property
    def begun(self) -> bool:
        """Whether it knows what time it is."""
        return not np.isnan(self.now_s)

    def begin(self, now_s: float) -> None:
        """Set the clock; counts are gathered from now on."""
        self.now_s = self.newest_s = now_s
        self.closes_s = (np.floor(now_s / MINUTE_S) + 1.0) * MINUTE_S

    def take(self, now_s: float, counts_veh: Floats) -> Iterator[float]:
        """Counts [movement] since the last call, NaN where silent. Yields the end of each minute that closes, its counts in `veh`.

        The counts of a call that straddles minutes are spread evenly over them.
        """
        span_s = now_s - self.now_s
        if not span_s >= 0.0:
            raise ForecastError(f"time ran backwards from {self.now_s:g} s to {now_s:g} s; a new run needs a new forecaster")
        if counts_veh.shape != self.veh.shape:
            raise ForecastError(f"{counts_veh.shape} counts, expected {self.veh.shape}")
        silent = np.isnan(counts_veh)
        said = None if not silent.any() else ~silent
        while now_s >= self.closes_s:
            part_s = self.closes_s - self.now_s
            self._add(counts_veh * (part_s / span_s), part_s, said)
            counts_veh = counts_veh * (1.0 - part_s / span_s)
            span_s -= part_s
            self.now_s = self.newest_s = self.closes_s
            self._close()
            yield self.newest_s
            self.veh[:] = 0.0
            self.heard_s[:] = 0.0
            self.closes_s += MINUTE_S
        self._add(counts_veh, span_s, said)
        self.now_s = now_s

    def _add(self, counts_veh: Floats, span_s: float, said: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None) -> None:
        if said is None:
            self.veh += counts_veh
            self.heard_s += span_s
        else:
            self.veh += np.where(said, counts_veh, 0.0)
            self.heard_s += np.where(said, span_s, 0.0)

    def _close(self) -> None:
        if len(self._ring_veh):  # empty for a model that looks at no recent count
            row = self.closed % len(self._ring_veh)
            self._ring_veh[row], self._ring_quarters[row] = self.veh, np.rint(self.heard_s * QUARTERS)
        self.closed += 1

    def window(self, bins: int, minutes: int) -> tuple[Floats, Floats]:
        """The last `bins` times so many minutes: counts [bin, movement], and for how many seconds of each they were observed."""
        kept = len(self._ring_veh)
        if bins * minutes > kept:
            raise ForecastError(f"{bins * minutes} recent minutes, of {kept} that are kept")
        shape = (bins, minutes, len(self.veh))
        rows = (self.closed + np.arange(kept - bins * minutes, kept)) % max(kept, 1)
        veh = self._ring_veh[rows].reshape(shape).sum(axis=1, dtype=np.float64)
        quarters = self._ring_quarters[rows].reshape(shape).sum(axis=1, dtype=np.float64)
        return veh, quarters / QUARTERS
