"""A wire gone bad, on purpose: a TCP proxy that cuts, holds still, delays, doubles and reorders messages of our framing.

Stands between a centre and a field in tests. What it does is set at any moment by `troubles`; chance is the seed's.
"""

from __future__ import annotations

import contextlib
import heapq
import random
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field

from citybrain.field.framing import KEEP_ALIVE, Decoder, framed
from citybrain.field.transport import Message
from signals.errors import LinkError

CHUNK = 2**18


@dataclass(frozen=True, slots=True)
class Troubles:
    """What the wire does to each message, both ways. Nothing by default."""

    delay_s: float = 0.0  # of the wall
    jitter_s: float = 0.0  # up to so much more, drawn for each: later ones overtake
    doubled: float = 0.0  # share that comes twice
    lost: float = 0.0  # share that never comes
    still: bool = False  # half-open: both ends think that they are connected, nothing passes
    down: bool = False  # no connection is taken


@dataclass(slots=True)
class _Pipe:
    """One direction of one connection."""

    here: socket.socket
    there: socket.socket
    decoder: Decoder = field(default_factory=Decoder)
    due: list[tuple[float, int, bytes]] = field(default_factory=list)
    unsent: bytearray = field(default_factory=bytearray)


class Proxy:
    """Listens on `port`, and carries what comes to where the field is. A thread of its own."""

    def __init__(self, host: str, port: int, seed: int = 0) -> None:
        self._target, self._random = (host, port), random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.troubles = Troubles()
        self._pipes: dict[socket.socket, _Pipe] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._cut, self._closing, self._number = threading.Event(), threading.Event(), 0
        self._thread = threading.Thread(target=self._live, name="proxy", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Cut every connection now; new ones are taken unless the wire is `down`."""
        self._cut.set()

    def close(self) -> None:
        """End of the wire."""
        self._closing.set()
        self._thread.join(5.0)

    def _live(self) -> None:
        while not self._closing.is_set():
            for key, _ in self._selector.select(0.01):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._pipes:
                    self._hear(self._pipes[key.fileobj])
            if self._cut.is_set():
                self._cut.clear()
                self._hang_up_all()
            now_s = time.monotonic()
            for pipe in tuple(self._pipes.values()):
                self._carry(pipe, now_s)
        self._hang_up_all()
        self._listener.close()
        self._selector.close()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if self.troubles.down:
            near.close()
            return
        try:
            far = socket.create_connection(self._target, timeout=2.0)
        except OSError:
            near.close()
            return
        for here, there in ((near, far), (far, near)):
            here.setblocking(False)
            here.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pipes[here] = _Pipe(here, there)
            self._selector.register(here, selectors.EVENT_READ)

    def _hear(self, pipe: _Pipe) -> None:
        try:
            data = pipe.here.recv(CHUNK)
            found = pipe.decoder.feed(data)
        except BlockingIOError:
            return
        except (OSError, LinkError):
            data, found = b"", []
        if not data:
            self._hang_up(pipe)
            return
        if self.troubles.still:
            return
        for message, retain in found:
            self._take(pipe, message, retain)
        if not found:
            self._put(pipe, KEEP_ALIVE, 0.0)

    def _take(self, pipe: _Pipe, message: Message, retain: bool) -> None:
        """A message on its way: lost, once, or twice."""
        troubles, draw = self.troubles, self._random.random
        packet = framed(message.topic, message.payload, retain)
        for _ in range(0 if draw() < troubles.lost else 2 if draw() < troubles.doubled else 1):
            self._put(pipe, packet, troubles.delay_s + troubles.jitter_s * draw())

    def _put(self, pipe: _Pipe, packet: bytes, delay_s: float) -> None:
        self._number += 1
        heapq.heappush(pipe.due, (time.monotonic() + delay_s, self._number, packet))

    def _carry(self, pipe: _Pipe, now_s: float) -> None:
        if self.troubles.still:
            return
        while pipe.due and pipe.due[0][0] <= now_s:
            pipe.unsent += heapq.heappop(pipe.due)[2]
        try:
            while pipe.unsent:
                del pipe.unsent[: pipe.there.send(bytes(pipe.unsent[:CHUNK]))]
        except BlockingIOError:
            pass
        except OSError:
            self._hang_up(pipe)

    def _hang_up_all(self) -> None:
        for pipe in tuple(self._pipes.values()):
            self._hang_up(pipe)

    def _hang_up(self, pipe: _Pipe) -> None:
        """Both directions."""
        for end in (pipe.here, pipe.there):
            if self._pipes.pop(end, None) is not None:
                with contextlib.suppress(OSError, KeyError, ValueError):
                    self._selector.unregister(end)
                end.close()
