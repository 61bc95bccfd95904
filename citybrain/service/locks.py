"""Edit locks: one person at a time works on a signal. A lock runs out by itself, so nobody who went home blocks a crossing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from signals.errors import ConfigError

TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class EditLock:
    """Who works on a signal, and until when [s] on the locks' clock."""

    signal: str
    who: str
    until_s: float


class EditLocks:
    """Lives as long as the service; the clock is monotonic, so a jump of the wall's neither ends nor prolongs a lock."""

    def __init__(self, signals: Iterable[str], clock: Callable[[], float], timeout_s: float = TIMEOUT_S) -> None:
        self._signals, self._clock, self._timeout_s = frozenset(signals), clock, timeout_s
        self._locks: dict[str, EditLock] = {}
        self._guard = threading.Lock()

    def take(self, signal: str, who: str) -> tuple[bool, EditLock]:
        """The lock, new or prolonged; or False and the one that somebody else holds."""
        self._known(signal)
        with self._guard:
            held = self._held(signal)
            if held is not None and held.who != who:
                return False, held
            self._locks[signal] = EditLock(signal, who, self._clock() + self._timeout_s)
            return True, self._locks[signal]

    def give_back(self, signal: str, who: str, force: bool = False) -> bool:
        """End one's own lock, or with `force` anybody's; False where somebody else holds it. None held is well too."""
        self._known(signal)
        with self._guard:
            held = self._held(signal)
            if held is not None and held.who != who and not force:
                return False
            self._locks.pop(signal, None)
            return True

    def in_the_way(self, signals: Iterable[str], who: str) -> EditLock | None:
        """A lock of somebody else on one of these signals; None named: on any."""
        wanted = frozenset(signals)
        with self._guard:
            held = [lock for name in sorted(self._locks) if (lock := self._held(name)) is not None]
        return next((lock for lock in held if lock.who != who and (not wanted or lock.signal in wanted)), None)

    def left_s(self, lock: EditLock) -> float:
        """How long a lock has still to run [s]."""
        return max(lock.until_s - self._clock(), 0.0)

    def _held(self, signal: str) -> EditLock | None:
        """The lock in force, if any; one that ran out is forgotten."""
        lock = self._locks.get(signal)
        if lock is not None and self._clock() >= lock.until_s:
            del self._locks[signal]
            return None
        return lock

    def _known(self, signal: str) -> None:
        if signal not in self._signals:
            raise ConfigError(f"no signal {signal!r} in this network")
