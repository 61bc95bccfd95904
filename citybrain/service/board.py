"""The board: the latest picture of all signals as small arrays, and who watches it. All that the web layer sees live.

Every tick is turned into bytes once, for all who watch: four bytes a changed signal, in a server-sent event. Who is too slow gets a
fresh whole picture in place of what was missed, so that nobody's backlog grows.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from citybrain.service.desk import Mode
from citybrain.wire import finite
from signals.errors import ConfigError
from signals.types import Floats, Ints

Bytes = npt.NDArray[np.uint8]
MOST_SIGNALS = 65536  # an index takes two bytes
QUEUE_LEVELS_VEH = np.array([1.0, 3.0, 6.0, 10.0, 15.0, 21.0, 31.0])  # the first queue of levels 1 to 7
KEPT_EVENTS = 8  # of a slow watcher, before it is given a whole picture instead
CHANGING = 128  # added to a phase while its intergreen runs
INDEX_STEP = 50.0  # of a congestion index in one byte: 1.00 is 50
CONGESTION_EVERY = 5
MODES = {mode: k for k, mode in enumerate(Mode)}
HEALTHS = ("ok", "degraded", "silent", "flash")


@dataclass(frozen=True, slots=True)
class Picture:
    """Every signal at one moment, a byte a value [signal]."""

    n: int  # counts the pictures
    now_s: float
    light: Bytes = field(repr=False)
    """phase from 1; CHANGING more during an intergreen"""
    queue: Bytes = field(repr=False)
    mode: Bytes = field(repr=False)
    health: Bytes = field(repr=False)
    congestion: Bytes = field(repr=False)
    congestion_15: Bytes = field(repr=False)


class Subscription:
    """One watcher's few unread events; lives as long as its connection."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._events: deque[bytes] = deque()
        self._some = threading.Condition()
        self._missed = True  # nothing seen yet: begins with a whole picture
        self.wake: Any = None  # called, from the engine's thread, when there is something to read

    def put(self, event: bytes) -> None:
        """An event for this watcher; one that does not read loses what waits and will be given the whole."""
        with self._some:
            if len(self._events) >= KEPT_EVENTS:
                self._events.clear()
                self._missed = True
            if not self._missed:
                self._events.append(event)
            self._some.notify()
        if self.wake is not None:
            self.wake()

    def get(self, timeout_s: float = 0.0) -> bytes | None:
        """The next event, or None where none came in time."""
        with self._some:
            if not (self._missed or self._events):
                self._some.wait(timeout_s)
            if self._missed:
                whole = self._board.whole_event()
                if whole is not None:
                    self._missed = False
                    self._events.clear()
                return whole
            return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Stop watching."""
        self._board.leave(self)


class Board:
    """Lives as long as the service."""

    def __init__(self, signals: int) -> None:
        if signals > MOST_SIGNALS:
            raise ConfigError(f"{signals} signals; expected at most {MOST_SIGNALS} on one board")
        self._latest: Picture | None = None
        self._kpi: bytes = b""
        self._alarms: bytes = b""
        self._shown: Ints | None = None
        self._watchers: tuple[Subscription, ...] = ()
        self._lock = threading.Lock()

    def latest(self) -> Picture | None:
        """The newest picture; None before the first tick."""
        return self._latest

    def subscribe(self) -> Subscription:
        """A new watcher; its first event is a whole picture."""
        one = Subscription(self)
        with self._lock:
            self._watchers = (*self._watchers, one)
        return one

    def leave(self, one: Subscription) -> None:
        """Forget a watcher."""
        with self._lock:
            self._watchers = tuple(w for w in self._watchers if w is not one)

    @property
    def watchers(self) -> int:
        """How many watch."""
        return len(self._watchers)

    def publish(self, picture: Picture, kpi: dict[str, Any] | None = None, alarms: list[Any] | None = None) -> None:
        """Show a picture, and what is new beside it."""
        before, self._latest = self._latest, picture
        events = [event("d", changes(before, picture))] if before is not None else []
        if before is not None and picture.n % CONGESTION_EVERY == 0:
            events.append(event("c", congestion_changes(self._shown, picture)))
            self._shown = packed_congestion(picture)
        elif self._shown is None:
            self._shown = packed_congestion(picture)
        if kpi is not None:
            self._kpi = event("k", json.dumps(finite(kpi), ensure_ascii=False))
            events.append(self._kpi)
        if alarms is not None:
            self._alarms = event("a", json.dumps(finite(alarms), ensure_ascii=False))
            events.append(self._alarms)
        joined = b"".join(events)
        for one in self._watchers:
            one.put(joined)

    def whole_event(self) -> bytes | None:
        """The whole picture with congestion, figures and alarms as events; None before the first tick."""
        picture = self._latest
        if picture is None:
            return None
        lights = event("w", changes(None, picture))
        return lights + event("c", congestion_changes(None, picture)) + self._kpi + self._alarms


def event(kind: str, data: str) -> bytes:
    """A server-sent event."""
    return f"event: {kind}\ndata: {data}\n\n".encode()


def changes(before: Picture | None, now: Picture) -> str:
    """JSON with the changed signals in base64: index (two bytes, little-endian), light, queue + 8 mode + 32 health."""
    light, second = now.light, second_byte(now)
    at = np.arange(light.size) if before is None else np.flatnonzero((light != before.light) | (second != second_byte(before)))
    return body(now, at, light[at], second[at])


def second_byte(of: Picture) -> Bytes:
    """Queue, mode and health in one byte [signal]."""
    return (of.queue | (of.mode << 3) | (of.health << 5)).astype(np.uint8)


def congestion_changes(shown: Ints | None, now: Picture) -> str:
    """JSON with the signals whose congestion changed: index (two bytes), index now, index in 15 minutes."""
    packed = packed_congestion(now)
    at = np.arange(packed.size) if shown is None else np.flatnonzero(packed != shown)
    return body(now, at, now.congestion[at], now.congestion_15[at])


def packed_congestion(picture: Picture) -> Ints:
    """Both indices of a signal in one number [signal]."""
    return picture.congestion.astype(np.int64) * 256 + picture.congestion_15


def body(now: Picture, at: Ints, third: Bytes, fourth: Bytes) -> str:
    """Four bytes for each signal at these places."""
    rows = np.empty((at.size, 4), dtype=np.uint8)
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = at & 255, at >> 8, third, fourth
    return f'{{"n":{now.n},"t":{round(now.now_s, 1)},"b":"{base64.b64encode(rows.tobytes()).decode()}"}}'


def queue_levels(queue_veh: Floats) -> Bytes:
    """Level 0 to 7 of each queue; a silent sensor shows none."""
    return np.searchsorted(QUEUE_LEVELS_VEH, np.nan_to_num(queue_veh), side="right").astype(np.uint8)


def index_bytes(index: Floats) -> Bytes:
    """Congestion indices in a byte each: times 50, at most 255; 0 where it is not known."""
    return np.clip(np.round(np.nan_to_num(index) * INDEX_STEP), 0, 255).astype(np.uint8)
