"""The centre's end of a TCP wire: a thread that connects, reads, writes, and lays the wire anew when it is cut or silent."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time

from citybrain.field.framing import KEEP_ALIVE, Decoder, framed
from citybrain.field.transport import ALIVE, CENTRE, KEEP_ALIVE_S, SILENT_S, Inbox, Message
from signals.errors import LinkError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
CHUNK = 2**18
MOST_UNSENT = 64 * 2**20


class TcpTransport:
    """Lives as long as the service. What is sent while nobody is there is lost: leases are made anew, not queued."""

    def __init__(self, host: str, port: int, *, silent_s: float = SILENT_S, presence: bytes = ALIVE) -> None:
        self._address, self._silent_s, self._presence = (host, port), silent_s, presence
        self._inbox = Inbox()
        self._unsent, self._lock = bytearray(), threading.Lock()
        self._wake, self._woken = socket.socketpair()
        self._connected, self._closing = False, False
        self.connections = 0  # made so far
        self._thread = threading.Thread(target=self._live, name="field wire", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether the field is there."""
        return self._connected

    def send(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Hand a message over to the thread; False where the field is not there, or takes nothing any more."""
        packet = framed(topic, payload, retain)
        with self._lock:
            if not self._connected or len(self._unsent) > MOST_UNSENT:
                return False
            idle = not self._unsent
            self._unsent += packet
        if idle:
            with contextlib.suppress(OSError):
                self._wake.send(b"1")
        return True

    def receive(self, wait_s: float = 0.0) -> list[Message]:
        """What the field has said, waiting for something up to `wait_s` of the wall."""
        return self._inbox.take(wait_s)

    def close(self) -> None:
        """Hang up, once what was sent is on the wire."""
        self._closing = True
        self._inbox.wake()
        with contextlib.suppress(OSError):
            self._wake.send(b"1")
        self._thread.join(5.0)
        for end in (self._wake, self._woken):
            end.close()

    def _live(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._closing:
            try:
                with socket.create_connection(self._address, timeout=2.0) as wire:
                    pause_s = FIRST_PAUSE_S
                    self._converse(wire)
            except (OSError, LinkError):
                pass  # it is laid anew
            self._hung_up()
            until_s = time.monotonic() + pause_s
            while not self._closing and time.monotonic() < until_s:
                time.sleep(min(0.05, pause_s))
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)

    def _hung_up(self) -> None:
        with self._lock:
            self._connected = False
            self._unsent.clear()

    def _converse(self, wire: socket.socket) -> None:
        """Until the wire is cut, silent for too long, or no longer wanted."""
        wire.setblocking(False)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        decoder, heard_s, told_s = Decoder(), time.monotonic(), time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(wire, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            with self._lock:
                self._unsent[:] = framed(CENTRE, self._presence)
                self._connected = True
            self.connections += 1
            while not (self._closing and not self._unsent):
                selector.modify(wire, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0))
                for key, events in selector.select(0.2 * KEEP_ALIVE_S):
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                        continue
                    if events & selectors.EVENT_READ:
                        self._hear(wire, decoder)
                        heard_s = time.monotonic()
                    if events & selectors.EVENT_WRITE:
                        self._flush(wire)
                        told_s = time.monotonic()
                now_s = time.monotonic()
                if now_s - heard_s > self._silent_s:
                    raise LinkError(f"nothing heard for {self._silent_s:g} s")
                if now_s - told_s > KEEP_ALIVE_S:
                    told_s = now_s
                    with self._lock:
                        self._unsent += KEEP_ALIVE

    def _hear(self, wire: socket.socket, decoder: Decoder) -> None:
        try:
            data = wire.recv(CHUNK)
        except BlockingIOError:
            return
        if not data:
            raise LinkError("the field hung up")
        found = [message for message, _ in decoder.feed(data)]
        if found:
            self._inbox.put(found)

    def _flush(self, wire: socket.socket) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            while self._unsent:
                del self._unsent[: wire.send(bytes(self._unsent[:CHUNK]))]
