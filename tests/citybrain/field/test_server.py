"""The field's end by itself; with a centre at the other: `test_client.py`."""

import socket
from contextlib import closing

from citybrain.field.framing import framed
from citybrain.field.server import MOST_CENTRES, FieldServer
from citybrain.field.transport import Message


def test_only_the_newest_of_what_is_retained_is_told() -> None:
    with closing(FieldServer()) as server:
        assert not server.send("signal/A0/status", b"old", retain=True)
        assert not server.send("signal/A0/status", b"new", retain=True) and not server.send("sense", b"gone")
        with socket.create_connection(("127.0.0.1", server.port), timeout=5.0) as wire:
            server.receive(0.05)
            assert wire.recv(4096) == framed("signal/A0/status", b"new", retain=True)


def test_what_several_centres_say_is_heard_in_order() -> None:
    with closing(FieldServer()) as server:
        wires = [socket.create_connection(("127.0.0.1", server.port), timeout=5.0) for _ in range(3)]
        for k, wire in enumerate(wires):
            wire.sendall(framed("a", bytes([k])) + framed("b", bytes([k])))
        heard: list[Message] = []
        while len(heard) < 6:
            heard += server.receive(0.5)
        for k in range(3):
            assert [m.topic for m in heard if m.payload == bytes([k])] == ["a", "b"]
        for wire in wires:
            wire.close()


def test_there_is_an_end_to_how_many_are_served() -> None:
    with closing(FieldServer()) as server:
        wires = [socket.create_connection(("127.0.0.1", server.port), timeout=5.0) for _ in range(MOST_CENTRES + 3)]
        for _ in range(5):
            server.receive(0.02)
        assert len(server._centres) == MOST_CENTRES and wires[-1].recv(1) == b""
        for wire in wires:
            wire.close()
