"""The field's end of a TCP wire: centres connect to it, as many as like. One thread, that of who asks; it never waits for a slow centre.

With a secret, a centre shows that it knows it before anything else is heard of it or told to it (`handshake`). Without one the wire is
for this machine alone.
"""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import selectors
import socket
import time

from citybrain.field.framing import MOST_BYTES, Decoder
from citybrain.field.handshake import HANDSHAKE_S, NONCE_BYTES, STRANGER_BYTES, FieldHandshake, Line, Open
from citybrain.field.transport import CENTRE, GONE, KEEP_ALIVE_S, SILENT_S, Message
from signals.errors import ConfigError, LinkError

MOST_UNSENT = 64 * 2**20  # bytes that a centre may lag behind before it is hung up on
MOST_CENTRES = 32
MOST_STRANGERS = 16  # at a time, who have not shown yet that they know the secret; the oldest makes room
CHUNK = 2**18


class _Centre:
    """A connection. Without a line it is a stranger's."""

    def __init__(self, wire: socket.socket, now_s: float, secret: bytes) -> None:
        self.wire, self.number = wire, wire.fileno()
        self.came_s = self.heard_s = self.told_s = now_s
        self.handshake = FieldHandshake(secret, secrets.token_bytes(NONCE_BYTES)) if secret else None
        self.line: Line | None = None if secret else Open()
        self.decoder, self.unsent, self.present = Decoder(STRANGER_BYTES if secret else MOST_BYTES), bytearray(), False


class FieldServer:
    """Lives as long as the street. What is sent goes to every centre; what is retained, to every one that comes."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, secret: bytes = b"") -> None:
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            raise LinkError(f"{host}:{port}: cannot listen there ({error.strerror or error}); expected a free port") from error
        if not secret and not ipaddress.ip_address(self._listener.getsockname()[0]).is_loopback:
            self._listener.close()
            raise ConfigError(f"{host}: others could reach the street there, and lend plans; expected a loopback address, or a secret file")
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._secret = secret
        self._centres: dict[int, _Centre] = {}
        self._retained: dict[str, bytes] = {}
        self._inbox: list[Message] = []
        self.trouble = ""  # it listens, or is not there at all
        self.strangers = 0  # hung up on so far, for they did not know the secret

    @property
    def connected(self) -> bool:
        """Whether any centre is there."""
        return any(centre.line is not None for centre in self._centres.values())

    def send(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """To every centre; what a centre cannot take now waits."""
        if retain:
            self._retained[topic] = payload
        told = False
        for centre in tuple(self._centres.values()):
            if centre.line is not None:
                self._tell(centre, centre.line.framed(topic, payload, retain))
                told = True
        return told

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
            if len(self._centres) >= MOST_CENTRES + MOST_STRANGERS or (not self._secret and len(self._centres) >= MOST_CENTRES):
                wire.close()
                return
            wire.setblocking(False)
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            centre = _Centre(wire, time.monotonic(), self._secret)
            self._centres[centre.number] = centre
            self._selector.register(wire, selectors.EVENT_READ)
            if centre.handshake is None:
                self._welcome(centre)
            else:
                self._make_room()
                self._tell(centre, centre.handshake.challenge)

    def _welcome(self, centre: _Centre) -> None:
        if centre.line is not None:
            framed = centre.line.framed
            self._tell(centre, b"".join(framed(topic, payload, True) for topic, payload in self._retained.items()))

    def _make_room(self) -> None:
        """The strangers that have been there for longest go."""
        strangers = sorted((c for c in self._centres.values() if c.line is None), key=lambda c: c.came_s)
        for centre in strangers[:-MOST_STRANGERS]:
            self._hang_up(centre)

    def _hear(self, centre: _Centre) -> None:
        try:
            data = centre.wire.recv(CHUNK)
            heard = self._taken(centre, data)
        except BlockingIOError:
            return
        except (OSError, LinkError):
            data, heard = b"", []
        if not data:
            self._hang_up(centre)
            return
        self._inbox += heard

    def _taken(self, centre: _Centre, data: bytes) -> list[Message]:
        """What a centre has said; LinkError where it is a stranger, or what it says is not its own."""
        heard, open_line = [], isinstance(centre.line, Open)
        for message, retain in centre.decoder.feed(data):
            if centre.line is None:
                self._let_in(centre, message)
                continue
            taken = centre.line.taken(message, retain)
            if taken is not None:
                centre.heard_s = time.monotonic()
                if taken.topic:
                    heard.append(taken)
        if open_line:
            centre.heard_s = time.monotonic()  # keep-alives of an open line are no messages
        centre.present = centre.present or any(message.topic == CENTRE for message in heard)
        return heard

    def _let_in(self, centre: _Centre, message: Message) -> None:
        """Whoever shows that it knows the secret; LinkError for anybody else."""
        if centre.handshake is None or sum(c.line is not None for c in self._centres.values()) >= MOST_CENTRES:
            raise LinkError("no room for another centre")
        answer, centre.line = centre.handshake.hear(message)
        centre.heard_s, centre.decoder.most_bytes = time.monotonic(), MOST_BYTES
        self._tell(centre, answer)
        self._welcome(centre)

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
            late = now_s - centre.came_s > HANDSHAKE_S if centre.line is None else now_s - centre.heard_s > 2.0 * SILENT_S
            if late:
                self._hang_up(centre)
            elif centre.line is not None and now_s - centre.told_s > KEEP_ALIVE_S:
                self._tell(centre, centre.line.keep_alive())

    def _hang_up(self, centre: _Centre) -> None:
        """The last will of a centre that was present: it is gone."""
        if self._centres.pop(centre.number, None) is None:
            return
        self.strangers += centre.line is None
        with contextlib.suppress(OSError, KeyError):
            self._selector.unregister(centre.wire)
        centre.wire.close()
        if centre.present:
            self._inbox.append(Message(CENTRE, GONE))
