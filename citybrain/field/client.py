"""The centre's end of a TCP wire: a thread that connects, reads, writes, and lays the wire anew when it is cut or silent."""

from __future__ import annotations

import contextlib
import secrets
import selectors
import socket
import threading
import time

from citybrain.field.framing import Decoder
from citybrain.field.handshake import HANDSHAKE_S, NONCE_BYTES, CentreHandshake, Line, Open
from citybrain.field.transport import ALIVE, CENTRE, KEEP_ALIVE_S, SILENT_S, Inbox, Message
from signals.errors import LinkError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
CHUNK = 2**18
MOST_UNSENT = 64 * 2**20


class TcpTransport:
    """Lives as long as the service. What is sent while nobody is there is lost: leases are made anew, not queued."""

    def __init__(self, host: str, port: int, *, secret: bytes = b"", silent_s: float = SILENT_S, presence: bytes = ALIVE) -> None:
        """`secret`: what the street has in its secret file; empty where it has none."""
        self._address, self._silent_s, self._presence = (host, port), silent_s, presence
        self._inbox, self._secret = Inbox(), secret
        self._line: Line = Open()
        self._unsent, self._lock = bytearray(), threading.Lock()
        self._wake, self._woken = socket.socketpair()
        self._connected, self._closing = False, False
        self.connections = 0  # made so far
        self.trouble = ""
        self._thread = threading.Thread(target=self._live, name="field wire", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether the field is there."""
        return self._connected

    def send(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Hand a message over to the thread; False where the field is not there, or takes nothing any more."""
        with self._lock:
            if not self._connected or len(self._unsent) > MOST_UNSENT:
                return False
            idle = not self._unsent
            self._unsent += self._line.framed(topic, payload, retain)
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
            before = self.connections
            try:
                with socket.create_connection(self._address, timeout=2.0) as wire:
                    self._converse(wire)
            except OSError as error:
                self._say(f"nobody answers ({(error.strerror or str(error)).lower()})")
            except LinkError as error:
                self._say(str(error))  # it is laid anew
            if self.connections > before:
                pause_s = FIRST_PAUSE_S
            with self._lock:
                self._connected = False
                self._unsent.clear()
            until_s = time.monotonic() + pause_s
            while not self._closing and time.monotonic() < until_s:
                time.sleep(min(0.05, pause_s))
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)

    def _say(self, what: str) -> None:
        host, port = self._address
        self.trouble = f"street {host}:{port}: {what}"

    def _converse(self, wire: socket.socket) -> None:
        """Until the wire is cut, silent for too long, or no longer wanted."""
        wire.setblocking(False)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk = _Talk(CentreHandshake(self._secret, secrets.token_bytes(NONCE_BYTES)) if self._secret else None, time.monotonic())
        if talk.handshake is None:
            self._introduced(Open())
        with selectors.DefaultSelector() as selector:
            selector.register(wire, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not (self._closing and not (self._unsent and self._connected)):
                selector.modify(wire, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0))
                for key, events in selector.select(0.2 * KEEP_ALIVE_S):
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                        continue
                    if events & selectors.EVENT_READ:
                        self._hear(wire, talk)
                    if events & selectors.EVENT_WRITE:
                        self._flush(wire)
                        talk.told_s = time.monotonic()
                self._mind_silence(talk, time.monotonic())

    def _introduced(self, line: Line) -> None:
        """Both ends know who the other is: from now on messages are taken and carried."""
        with self._lock:
            self._line, self._connected = line, True
            self._unsent += line.framed(CENTRE, self._presence)
        self.connections += 1

    def _mind_silence(self, talk: _Talk, now_s: float) -> None:
        if not self._connected and now_s - talk.began_s > HANDSHAKE_S:
            raise LinkError("does not say that it knows our secret; expected a street that was started with the same one")
        if now_s - talk.heard_s > self._silent_s:
            raise LinkError(f"nothing was heard for {self._silent_s:g} s")
        if self._connected and now_s - talk.told_s > KEEP_ALIVE_S:
            talk.told_s = now_s
            with self._lock:
                self._unsent += self._line.keep_alive()

    def _hear(self, wire: socket.socket, talk: _Talk) -> None:
        try:
            data = wire.recv(CHUNK)
        except BlockingIOError:
            return
        if not data:
            proved = not self._connected and talk.handshake is not None and talk.handshake.proved
            raise LinkError("does not take our secret; expected the same one at both ends" if proved else "hung up")
        found = []
        for message, retain in talk.decoder.feed(data):
            if talk.handshake is not None and talk.handshake.line is None:
                self._unsent_first(talk.handshake.hear(message))
                if talk.handshake.line is not None:
                    self._introduced(talk.handshake.line)
                    talk.heard_s = time.monotonic()
                continue
            taken = self._line.taken(message, retain)
            if taken is not None:
                talk.heard_s = time.monotonic()
                if taken.topic:
                    found.append(taken)
        if talk.handshake is None:
            talk.heard_s = time.monotonic()  # keep-alives of an open line are no messages
        if self._connected:
            self.trouble = ""
        if found:
            self._inbox.put(found)

    def _unsent_first(self, packet: bytes) -> None:
        """A word of the handshake; nothing else is on its way yet."""
        with self._lock:
            self._unsent += packet

    def _flush(self, wire: socket.socket) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            while self._unsent:
                del self._unsent[: wire.send(bytes(self._unsent[:CHUNK]))]


class _Talk:
    """One connection, and when something was last heard and said on it."""

    def __init__(self, handshake: CentreHandshake | None, now_s: float) -> None:
        self.handshake, self.decoder = handshake, Decoder()
        self.began_s = self.heard_s = self.told_s = now_s
