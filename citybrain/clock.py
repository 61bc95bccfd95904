"""Who calls `tick`, and when: simulated time as fast as it goes, or paced by the wall."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Waits until a moment of the run has come."""

    def wait_until(self, now_s: float) -> None:
        """Return when simulation second `now_s` may begin."""
        ...


class SimClock:
    """Does not wait."""

    def wait_until(self, now_s: float) -> None:
        """At once."""


class WallClock:
    """One simulated second takes 1 / `speed` seconds of the wall's."""

    def __init__(self, begin_s: float, speed: float = 1.0) -> None:
        self._begin_s, self._speed = begin_s, speed
        self._started_s = time.monotonic()

    def wait_until(self, now_s: float) -> None:
        """Sleep for what is left; a late loop does not sleep and catches up."""
        due_s = self._started_s + (now_s - self._begin_s) / self._speed
        time.sleep(max(due_s - time.monotonic(), 0.0))
