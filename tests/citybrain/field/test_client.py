"""The two ends of a TCP wire, and a bad one between them: what arrives, what is laid anew, who is hung up on."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pytest

from citybrain.field import server as server_module
from citybrain.field.client import TcpTransport
from citybrain.field.framing import framed
from citybrain.field.proxy import Proxy, Troubles
from citybrain.field.server import FieldServer
from citybrain.field.transport import ALIVE, CENTRE, GONE, Message
from signals.errors import LinkError

Soon = Callable[..., bool]


@dataclass
class Street:
    """A server that listens all the time, as a street does, and echoes what it is told to."""

    server: FieldServer
    heard: list[Message] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def live(self) -> None:
        while not self.over.is_set():
            for message in self.server.receive(0.01):
                self.heard.append(message)
                if message.topic == "say":
                    self.server.send("said", message.payload, retain=True)


@contextmanager
def street(port: int = 0) -> Iterator[Street]:
    one = Street(FieldServer(port=port))
    thread = threading.Thread(target=one.live, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.over.set()
        thread.join(5.0)
        one.server.close()


def received(wire: TcpTransport, number: int, limit_s: float = 5.0) -> list[Message]:
    """So many messages, or those that came in time."""
    found, until_s = [], time.monotonic() + limit_s
    while len(found) < number and time.monotonic() < until_s:
        found += wire.receive(0.1)
    return found


def test_messages_pass_both_ways_and_whoever_comes_later_is_told_what_was_retained(soon: Soon) -> None:
    with street() as kerb, closing(TcpTransport("127.0.0.1", kerb.server.port)) as wire:
        assert soon(lambda: wire.connected)
        big = bytes(range(256)) * 8000
        assert wire.send("say", big) and received(wire, 1) == [Message("said", big)]
        with closing(TcpTransport("127.0.0.1", kerb.server.port)) as later:
            assert received(later, 1) == [Message("said", big)]
        assert soon(lambda: kerb.heard.count(Message(CENTRE, GONE)) == 1)
        assert kerb.heard.count(Message(CENTRE, ALIVE)) == 2 and wire.connected


def test_a_wire_that_is_cut_is_laid_anew_and_a_field_that_comes_back_is_found(soon: Soon) -> None:
    with street() as kerb:
        port = kerb.server.port
        wire = TcpTransport("127.0.0.1", port)
        assert soon(lambda: wire.connected)
    with closing(wire):
        assert soon(lambda: not wire.connected) and wire.send("say", b"1") is False
        with street(port) as again:
            assert soon(lambda: wire.connected) and wire.connections == 2
            assert wire.send("say", b"2") and received(wire, 1) == [Message("said", b"2")]
            assert soon(lambda: Message("say", b"2") in again.heard) and Message("say", b"1") not in again.heard


def test_a_wire_that_only_seems_to_be_there_is_given_up_and_laid_anew(soon: Soon) -> None:
    with (
        street() as kerb,
        closing(Proxy("127.0.0.1", kerb.server.port)) as proxy,
        closing(TcpTransport("127.0.0.1", proxy.port, silent_s=1.5)) as wire,
    ):
        assert soon(lambda: wire.connected and kerb.server.connected)
        proxy.troubles = Troubles(still=True)
        assert soon(lambda: wire.connections >= 2)
        proxy.troubles = Troubles()
        proxy.cut()
        assert soon(lambda: wire.connected and wire.send("say", b"x") and received(wire, 1, 0.2) != [])


def test_a_centre_that_takes_nothing_is_hung_up_on_and_the_others_are_served(soon: Soon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MOST_UNSENT", 2**20)
    with (
        street() as kerb,
        closing(TcpTransport("127.0.0.1", kerb.server.port)) as wire,
        socket.create_connection(("127.0.0.1", kerb.server.port)) as lazy,
    ):
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert soon(lambda: wire.connected and len(kerb.server._centres) == 2)
        for k in range(40):
            load = bytes([k]) * 2**18
            assert wire.send("say", load) and received(wire, 1) == [Message("said", load)]
        assert soon(lambda: len(kerb.server._centres) == 1)


def test_who_speaks_another_language_is_hung_up_on(soon: Soon) -> None:
    with street() as kerb, socket.create_connection(("127.0.0.1", kerb.server.port), timeout=5.0) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\nHost: field\r\n\r\n")
        assert browser.recv(10) == b"" and soon(lambda: not kerb.server.connected)


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with closing(FieldServer()) as first, pytest.raises(LinkError, match=f"127.0.0.1:{first.port}: cannot listen there"):
        FieldServer(port=first.port)


def test_hanging_up_lets_the_last_word_out(soon: Soon) -> None:
    with street() as kerb:
        wire = TcpTransport("127.0.0.1", kerb.server.port)
        assert soon(lambda: wire.connected)
        assert wire.send("goodbye", b"all")
        wire.close()
        assert soon(lambda: Message("goodbye", b"all") in kerb.heard) and framed("goodbye", b"all")
