"""How messages travel between the centre and the field, whatever carries them: a topic and bytes, with no promise but good will.

What is lost, doubled or late is the business of leases, statuses and frames, which all bear it. A retained message is given to whoever
connects later, the newest of its topic alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, Protocol

KEEP_ALIVE_S = 1.0  # of the wall: a word when there is nothing to say
SILENT_S = 5.0  # of the wall: a wire that carries nothing for so long is cut and laid anew
MOST_TOPIC_BYTES = 256
MOST_WAITING = 200_000  # messages that nobody has asked for yet; the oldest are dropped


class Message(NamedTuple):
    """What arrived."""

    topic: str
    payload: bytes


class Transport(Protocol):
    """One end of the wire. `send` and `receive` are called by one thread."""

    @property
    def connected(self) -> bool:
        """Whether somebody was heard at the other end lately."""
        ...

    @property
    def trouble(self) -> str:
        """Why the wire could not be laid the last time, in one sentence; empty where it could, or where nobody knows."""
        ...

    def send(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Hand a message over to be carried; False where nobody is there to take it."""
        ...

    def receive(self, wait_s: float = 0.0) -> list[Message]:
        """What has arrived, waiting for something up to `wait_s` of the wall."""
        ...

    def close(self) -> None:
        """Hang up. Never raises."""
        ...


class Inbox:
    """What a wire's own thread has heard, for the one that asks; the oldest make room. Lives as long as its wire."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=MOST_WAITING)
        self._news = threading.Condition()
        self._woken = False

    def put(self, messages: Iterable[Message]) -> None:
        """Further messages."""
        with self._news:
            self._messages.extend(messages)
            self._news.notify_all()

    def wake(self) -> None:
        """The wire closes: who waits need not wait any longer, now or later."""
        with self._news:
            self._woken = True
            self._news.notify_all()

    def take(self, wait_s: float) -> list[Message]:
        """All that is there, waiting for something up to `wait_s` of the wall."""
        with self._news:
            if not self._messages and wait_s > 0.0:
                self._news.wait_for(lambda: self._messages or self._woken, wait_s)
            heard = list(self._messages)
            self._messages.clear()
        return heard


def lease_topic(signal: str) -> str:
    """Where a controller listens."""
    return f"signal/{signal}/lease"


def ack_topic(signal: str) -> str:
    """Where a controller answers."""
    return f"signal/{signal}/ack"


def status_topic(signal: str) -> str:
    """Where a controller says how it is."""
    return f"signal/{signal}/status"


def online_topic(signal: str) -> str:
    """Whether a controller is there: 1 or 0."""
    return f"signal/{signal}/online"


SENSE, CENTRE, ONLINE, UNTIL = "sense", "centre", "online", "until"
SENSE_ONLINE = "sense/online"
FAULT, FAULT_ANSWER = "fault", "fault/answer"
ALIVE, GONE = b"1", b"0"


def signal_of(topic: str) -> tuple[str, str]:
    """(signal, kind) of a signal's topic, and two empty words of any other."""
    head, _, rest = topic.partition("/")
    signal, _, kind = rest.rpartition("/")
    return (signal, kind) if head == "signal" and signal else ("", "")
