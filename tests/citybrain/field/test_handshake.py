"""Who knows the secret is let in, and what it says is taken once, as it was said; nobody else is heard, whatever is sent."""

import random
import socket
from collections.abc import Callable
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.field import handshake as handshake_module
from citybrain.field import server as server_module
from citybrain.field.client import TcpTransport
from citybrain.field.framing import Decoder, framed
from citybrain.field.handshake import (
    AUTH,
    MAGIC,
    NONCE_BYTES,
    STRANGER_BYTES,
    WINDOW,
    CentreHandshake,
    FieldHandshake,
    Open,
    Sealed,
)  # fmt: skip
from citybrain.field.proxy import Proxy, Troubles
from citybrain.field.server import MOST_STRANGERS, FieldServer
from citybrain.field.transport import CENTRE, Message
from signals.errors import ConfigError, LinkError

Soon = Callable[..., bool]
SECRET, OTHER = b"s" * 32, b"t" * 32
FEW = settings(max_examples=150, deadline=None, derandomize=True)
WORDS = st.tuples(st.text(max_size=20), st.binary(max_size=200), st.booleans())


def message_of(packet: bytes) -> Message:
    """The one message that is in it."""
    ((message, _),) = Decoder().feed(packet)
    return message


def nonce(k: int) -> bytes:
    return bytes([k]) * NONCE_BYTES


def lines(centre_secret: bytes = SECRET, field_secret: bytes = SECRET, first: int = 1, second: int = 2) -> tuple[Sealed, Sealed]:
    """The centre's line and the field's, once both have shown what they know."""
    centre, field = CentreHandshake(centre_secret, nonce(first)), FieldHandshake(field_secret, nonce(second))
    answer, line = field.hear(message_of(centre.hear(message_of(field.challenge))))
    assert centre.hear(message_of(answer)) == b"" and centre.line is not None
    return centre.line, line


def take(line: Sealed, packets: bytes) -> list[Message]:
    found = [line.taken(message, retain) for message, retain in Decoder().feed(packets)]
    return [one for one in found if one is not None]


@FEW
@given(st.lists(WORDS, max_size=8))
def test_what_is_said_arrives_as_it_was_said_both_ways(words: list[tuple[str, bytes, bool]]) -> None:
    centre, field = lines()
    for here, there in ((centre, field), (field, centre)):
        packets = b"".join(here.framed(*word) for word in words if word[0] != AUTH)
        assert take(there, packets) == [Message(topic, payload) for topic, payload, _ in words if topic != AUTH]
    assert take(field, centre.keep_alive()) == [Message("", b"")]


@FEW
@given(st.text(max_size=10), st.binary(max_size=STRANGER_BYTES))
def test_garbage_opens_nothing(topic: str, payload: bytes) -> None:
    field, centre = FieldHandshake(SECRET, nonce(2)), CentreHandshake(SECRET, nonce(1))
    for wrong in (Message(topic, payload), Message(AUTH, payload), Message(AUTH, MAGIC + payload)):
        with pytest.raises(LinkError, match="expected one of somebody who knows the secret"):
            field.hear(wrong)
    if len(payload) != NONCE_BYTES:
        with pytest.raises(LinkError, match="does not ask for the secret"):
            centre.hear(Message(AUTH, MAGIC + payload))
    centre.hear(message_of(field.challenge))
    with pytest.raises(LinkError, match="has another secret than we"):
        centre.hear(Message(AUTH, MAGIC + payload))


def test_another_secret_a_replay_and_a_reflection_open_nothing() -> None:
    field, centre = FieldHandshake(SECRET, nonce(2)), CentreHandshake(SECRET, nonce(1))
    proof = message_of(centre.hear(message_of(field.challenge)))
    answer, _ = field.hear(proof)
    for stranger in (
        message_of(CentreHandshake(OTHER, nonce(1)).hear(message_of(field.challenge))),  # another secret
        message_of(field.challenge),
        message_of(answer),  # the field's own words
    ):
        with pytest.raises(LinkError):
            field.hear(stranger)
    with pytest.raises(LinkError):
        FieldHandshake(SECRET, nonce(3)).hear(proof)  # of an older connection
    fresh = CentreHandshake(SECRET, nonce(9))
    fresh.hear(message_of(field.challenge))
    with pytest.raises(LinkError):
        fresh.hear(message_of(answer))  # a field that only repeats what it once heard
    assert fresh.line is None and fresh.proved


@FEW
@given(WORDS.filter(lambda word: word[0] != AUTH), st.integers(0, 10**6), st.integers(1, 255))
def test_a_frame_that_was_touched_anywhere_is_not_taken(word: tuple[str, bytes, bool], at: int, change: int) -> None:
    centre, field = lines()
    packet = bytearray(centre.framed(*word))
    packet[at % len(packet)] ^= change
    try:
        assert take(field, bytes(packet)) == []
    except LinkError:
        return
    assert take(field, b"") == []


@FEW
@given(st.integers(2, 40), st.randoms(use_true_random=False))
def test_what_comes_twice_or_late_is_taken_once(number: int, rng: random.Random) -> None:
    centre, field = lines()
    packets = [centre.framed("number", bytes([k])) for k in range(number)]
    chosen = rng.sample(packets, k=number // 2 + 1)
    heard = [m.payload for m in take(field, b"".join(rng.sample(chosen * 3, k=3 * len(chosen))))]
    assert sorted(heard) == sorted(bytes([packets.index(one)]) for one in chosen) and field.repeated == 2 * len(chosen)


def test_frames_of_the_other_direction_or_of_another_connection_are_refused() -> None:
    centre, field = lines()
    later, _ = lines(first=5, second=6)
    for foreign in (field.framed("x", b"1"), later.framed("x", b"1"), framed("x", b"1"), framed("", b"1"), framed("x", bytes(40))):
        with pytest.raises(LinkError, match="not signed by the other end"):
            take(field, foreign)
    assert take(field, framed(AUTH, b"anything")) == []
    assert take(field, centre.framed("x", b"1")[:-1]) == []  # cut short: it is not there


def test_there_is_an_end_to_what_may_be_missing() -> None:
    centre, field = lines()
    packets = [centre.framed("n", b"") for _ in range(2 * WINDOW + 4)]
    assert len(take(field, packets[0] + packets[WINDOW] + packets[2 * WINDOW])) == 3
    assert len(field._missing) <= WINDOW and take(field, packets[1]) == []  # too late
    with pytest.raises(LinkError, match="frames are missing"):
        take(lines()[1], packets[WINDOW + 1])


def test_an_open_line_tells_who_asks_for_a_secret() -> None:
    line = Open()
    assert line.taken(Message("a", b"b"), False) == Message("a", b"b") and line.framed("a", b"b") == framed("a", b"b")
    assert Decoder().feed(line.keep_alive()) == []
    with pytest.raises(LinkError, match="expected a secret_file that both ends have"):
        line.taken(Message(AUTH, b""), False)


def heard(server: FieldServer) -> list[Message]:
    return [message for message in server.receive(0.01) if message.topic != CENTRE]


def test_over_a_wire_the_right_secret_is_heard_and_told_what_is_retained(soon: Soon) -> None:
    with closing(FieldServer(secret=SECRET)) as server:
        server.send("signal/A0/status", b"kept", retain=True)
        with closing(TcpTransport("127.0.0.1", server.port, secret=SECRET)) as centre:
            assert soon(lambda: heard(server) == [] and server.connected and centre.connected)
            big = bytes(range(256)) * 4000
            assert centre.send("big", big) and soon(lambda: Message("big", big) in heard(server))
            assert server.send("said", big) and soon(lambda: heard(server) == [] and Message("said", big) in centre.receive(0.01))
        assert soon(lambda: heard(server) == [] and not server.connected)


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (OTHER, SECRET, "does not take our secret; expected the same one at both ends"),
        (b"", SECRET, "wants to know a secret; expected a secret_file that both ends have"),
        (SECRET, b"", "does not ask for the secret that we have"),
    ],
)
def test_ends_that_do_not_know_the_same_say_so_and_nothing_is_heard(ours: bytes, theirs: bytes, said: str, soon: Soon) -> None:
    with closing(FieldServer(secret=theirs)) as server:
        server.send("signal/A0/status", b"kept", retain=True)
        with closing(TcpTransport("127.0.0.1", server.port, secret=ours)) as centre:
            assert soon(lambda: heard(server) == [] and said in centre.trouble)
            assert centre.trouble.startswith(f"street 127.0.0.1:{server.port}: ") and SECRET.decode() not in centre.trouble
            centre.send("signal/A0/lease", b"forged")
            assert [heard(server) for _ in range(5)] == [[]] * 5 and not (theirs and server.connected)
            assert not theirs or centre.receive() == []


def lost(wire: socket.socket) -> bool:
    """Whether the other end has hung up."""
    wire.settimeout(0.01)
    try:
        while wire.recv(4096):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


@FEW
@given(st.binary(min_size=1, max_size=400), st.integers(0, 3))
def test_a_stranger_is_never_heard_whatever_it_sends(garbage: bytes, kind: int) -> None:
    words = (garbage, framed("signal/A0/lease", garbage), framed(AUTH, garbage), framed(AUTH, MAGIC + garbage))[kind]
    ours, theirs = socket.socketpair()
    with closing(FieldServer(secret=SECRET)) as server, ours:
        centre = server_module._Centre(theirs, 0.0, SECRET)
        server._centres[centre.number] = centre
        server._selector.register(theirs, 1)
        ours.sendall(words)
        server._attend(0.0)
        assert server._inbox == [] and not server.connected


def test_who_says_nothing_or_too_slowly_is_hung_up_on_while_others_are_served(soon: Soon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "HANDSHAKE_S", 0.3)
    with closing(FieldServer(secret=SECRET)) as server, closing(TcpTransport("127.0.0.1", server.port, secret=SECRET)) as centre:
        assert soon(lambda: heard(server) == [] and centre.connected)
        wires = [socket.create_connection(("127.0.0.1", server.port), timeout=5.0) for _ in range(3)]
        proof = framed(AUTH, MAGIC + bytes(NONCE_BYTES + 32))

        def drips(at: list[int]) -> bool:
            heard(server)
            for wire in wires:
                if not lost(wire) and at[0] < len(proof) - 1:
                    wire.send(proof[at[0] : at[0] + 1])
            at[0] += 1
            return all(lost(wire) for wire in wires)

        at = [0]
        assert soon(lambda: drips(at)) and server.strangers == 3
        assert centre.send("x", b"y") and soon(lambda: Message("x", b"y") in server.receive(0.01))
        for wire in wires:
            wire.close()


def test_a_crowd_of_strangers_keeps_nobody_out(soon: Soon) -> None:
    with closing(FieldServer(secret=SECRET)) as server:
        wires = []
        for _ in range(MOST_STRANGERS + 20):
            wires.append(socket.create_connection(("127.0.0.1", server.port), timeout=5.0))
            server.receive(0.0)
        with closing(TcpTransport("127.0.0.1", server.port, secret=SECRET)) as centre:
            assert soon(lambda: heard(server) == [] and centre.connected and server.connected)
            assert len(server._centres) <= MOST_STRANGERS + 1
        for wire in wires:
            wire.close()


def test_what_is_slipped_into_a_wire_is_not_taken_and_ends_it(soon: Soon) -> None:
    with closing(FieldServer(secret=SECRET)) as server, socket.create_connection(("127.0.0.1", server.port), timeout=5.0) as wire:
        server.receive(0.02)
        centre = CentreHandshake(SECRET, nonce(7))
        wire.sendall(centre.hear(message_of(wire.recv(4096))))
        assert server.receive(0.05) == []
        centre.hear(message_of(wire.recv(4096)))
        assert centre.line is not None
        wire.sendall(centre.line.framed("good", b"1"))
        assert server.receive(0.5) == [Message("good", b"1")]
        wire.sendall(framed("signal/A0/lease", b"slipped in"))
        assert heard(server) == [] and soon(lambda: heard(server) == [] and lost(wire)) and not server.connected


def test_a_wire_that_doubles_loses_and_reorders_carries_each_frame_once_at_most(soon: Soon) -> None:
    numbers = [bytes([k]) for k in range(60)]
    with (
        closing(FieldServer(secret=SECRET)) as server,
        closing(Proxy("127.0.0.1", server.port, seed=4)) as proxy,
        closing(TcpTransport("127.0.0.1", proxy.port, secret=SECRET)) as centre,
    ):
        assert soon(lambda: heard(server) == [] and centre.connected)
        proxy.troubles = Troubles(doubled=0.5, lost=0.2, jitter_s=0.05)
        assert all(centre.send("number", number) for number in numbers)
        found: list[bytes] = []
        assert soon(lambda: found.extend(m.payload for m in heard(server)) is None and len(found) > 30)
        assert len(set(found)) == len(found) and found != sorted(found) and centre.connections == 1
        proxy.troubles = Troubles(doubled=1.0)
        proxy.cut()  # the handshake's own words come twice as well
        assert soon(lambda: heard(server) == [] and centre.connections == 2 and centre.connected)


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_without_a_secret_only_this_machine_is_listened_to(host: str) -> None:
    with pytest.raises(ConfigError, match="expected a loopback address, or a secret file"):
        FieldServer(host)
    with closing(FieldServer(host, secret=SECRET)) as server:
        assert server.port > 0


def test_a_street_that_never_answers_the_handshake_is_given_up(soon: Soon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citybrain.field.client.HANDSHAKE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute, closing(TcpTransport("127.0.0.1", mute.getsockname()[1], secret=SECRET)) as centre:
        assert soon(lambda: "does not say that it knows our secret" in centre.trouble) and not centre.connected
    assert handshake_module.HANDSHAKE_S <= 10.0
