"""The field's end of a TCP wire: centres connect to it, as many as like. One thread, that of who asks; it never waits for a slow centre."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time

from citybrain.field.framing import KEEP_ALIVE, Decoder, framed
from citybrain.field.transport import CENTRE, GONE, KEEP_ALIVE_S, SILENT_S, Message
from signals.errors import LinkError

MOST_UNSENT = 64 * 2**20  # bytes that a centre may lag behind before it is hung up on
MOST_CENTRES = 32
CHUNK = 2**18


class _Centre:
    """A connection."""

    def __init__(self, wire: socket.socket, now_s: float) -> None:
        self.wire, self.heard_s, self.told_s = wire, now_s, now_s
        self.decoder, self.unsent, self.present = Decoder(), bytearray(), False


class FieldServer:
    """Lives as long as the street. What is sent goes to every centre; what is retained, to every one that comes."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            raise LinkError(f"{host}:{port}: cannot listen there ({error.strerror or error}); expected a free port") from error
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._centres: dict[int, _Centre] = {}
        self._retained: dict[str, bytes] = {}
        self._inbox: list[Message] = []

    @property
    def connected(self) -> bool:
        """Whether any centre is there."""
        return bool(self._centres)

    def send(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """To every centre; what a centre cannot take now waits."""
        packet = framed(topic, payload, retain)
        if retain:
            self._retained[topic] = packet
        for centre in tuple(self._centres.values()):
            self._tell(centre, packet)
        return self.connected

    def receive(self, wait_s: float = 0.0) -> list[Message]:
        """What centres have said, waiting for something up to `wait_s` of the wall."""
        until_s = time.monotonic() + wait_s
        while True:
            now_s = time.monotonic()
            self._attend(min(max(until_s - now_s, 0.0), KEEP_ALIVE_S))
            self._keep_alive(time.monotonic())
            if self._inbox or time.monotonic() >= until_s:
                heard, self._inbox = self._inbox, []
                return heard

    def close(self) -> None:
        """Hang up on everybody."""
        for centre in tuple(self._centres.values()):
            with contextlib.suppress(OSError):
                centre.wire.settimeout(1.0)
                centre.wire.sendall(centre.unsent)
            self._hang_up(centre)
        self._selector.close()
        self._listener.close()

    def _attend(self, wait_s: float) -> None:
        for key, events in self._selector.select(wait_s):
            if key.fileobj is self._listener:
                self._accept()
                continue
            centre = self._centres.get(key.fd)
            if centre is not None and events & selectors.EVENT_WRITE:
                self._flush(centre)
            if centre is not None and events & selectors.EVENT_READ:
                self._hear(centre)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            wire, _ = self._listener.accept()
            if len(self._centres) >= MOST_CENTRES:
                wire.close()
                return
            wire.setblocking(False)
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            centre = _Centre(wire, time.monotonic())
            self._centres[wire.fileno()] = centre
            self._selector.register(wire, selectors.EVENT_READ)
            self._tell(centre, b"".join(self._retained.values()))

    def _hear(self, centre: _Centre) -> None:
        try:
            data = centre.wire.recv(CHUNK)
            messages = centre.decoder.feed(data)
        except BlockingIOError:
            return
        except (OSError, LinkError):
            data, messages = b"", []
        if not data:
            self._hang_up(centre)
            return
        centre.heard_s = time.monotonic()
        centre.present = centre.present or any(message.topic == CENTRE for message, _ in messages)
        self._inbox += [message for message, _ in messages]

    def _tell(self, centre: _Centre, packet: bytes) -> None:
        centre.told_s = time.monotonic()
        idle = not centre.unsent
        centre.unsent += packet
        if len(centre.unsent) > MOST_UNSENT:
            self._hang_up(centre)
        elif idle:
            self._flush(centre)

    def _flush(self, centre: _Centre) -> None:
        try:
            while centre.unsent:
                del centre.unsent[: centre.wire.send(memoryview(centre.unsent)[:CHUNK].tobytes())]
        except BlockingIOError:
            pass
        except OSError:
            self._hang_up(centre)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if centre.unsent else 0)
        self._selector.modify(centre.wire, events)

    def _keep_alive(self, now_s: float) -> None:
        for centre in tuple(self._centres.values()):
            if now_s - centre.heard_s > 2.0 * SILENT_S:
                self._hang_up(centre)
            elif now_s - centre.told_s > KEEP_ALIVE_S:
                self._tell(centre, KEEP_ALIVE)

    def _hang_up(self, centre: _Centre) -> None:
        """The last will of a centre that was present: it is gone."""
        if self._centres.pop(centre.wire.fileno(), None) is None:
            return
        with contextlib.suppress(OSError, KeyError):
            self._selector.unregister(centre.wire)
        centre.wire.close()
        if centre.present:
            self._inbox.append(Message(CENTRE, GONE))
