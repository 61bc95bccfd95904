"""A wire gone bad: each trouble does what it says."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from citybrain.field.client import TcpTransport
from citybrain.field.proxy import Proxy, Troubles
from citybrain.field.server import FieldServer
from citybrain.field.transport import Message

Soon = Callable[..., bool]
NUMBERS = [bytes([k]) for k in range(60)]


class Bad:
    """A field, a bad wire, a centre."""

    def __init__(self) -> None:
        self.server = FieldServer()
        self.proxy = Proxy("127.0.0.1", self.server.port, seed=4)
        self.centre = TcpTransport("127.0.0.1", self.proxy.port)
        self.heard: list[Message] = []

    def hear(self) -> int:
        self.heard += [message for message in self.server.receive(0.01) if message.topic == "number"]
        return len(self.heard)

    def count(self, soon: Soon) -> None:
        assert soon(lambda: self.hear() >= 0 and self.centre.connected and self.server.connected)
        for number in NUMBERS:
            assert self.centre.send("number", number)

    @property
    def numbers(self) -> list[bytes]:
        return [message.payload for message in self.heard]


@pytest.fixture
def bad() -> Iterator[Bad]:
    one = Bad()
    with closing(one.server), closing(one.proxy), closing(one.centre):
        yield one


def test_a_good_wire_carries_everything_in_order(bad: Bad, soon: Soon) -> None:
    bad.count(soon)
    assert soon(lambda: bad.hear() == len(NUMBERS)) and bad.numbers == NUMBERS


def test_some_come_twice_and_some_never(bad: Bad, soon: Soon) -> None:
    bad.proxy.troubles = Troubles(doubled=0.5, lost=0.2)
    bad.count(soon)
    assert soon(lambda: bad.centre.send("number", b"end") and bad.hear() > 0 and b"end" in bad.numbers)
    arrived = set(bad.numbers) - {b"end"}
    assert 30 <= len(arrived) < len(NUMBERS) and len(bad.numbers) > len(arrived) + 10


def test_late_ones_are_overtaken(bad: Bad, soon: Soon) -> None:
    assert soon(lambda: bad.hear() >= 0 and bad.centre.connected)
    bad.proxy.troubles = Troubles(delay_s=0.1, jitter_s=0.2)
    began_s = time.monotonic()
    bad.count(soon)
    assert soon(lambda: bad.hear() == len(NUMBERS)) and time.monotonic() - began_s >= 0.1
    assert bad.numbers != NUMBERS and sorted(bad.numbers) == NUMBERS


def test_a_cut_is_noticed_by_both_ends_and_a_wire_that_is_down_is_not_laid(bad: Bad, soon: Soon) -> None:
    assert soon(lambda: bad.hear() >= 0 and bad.centre.connected and bad.server.connected)
    bad.proxy.troubles = Troubles(down=True)
    bad.proxy.cut()
    assert soon(lambda: bad.hear() >= 0 and not bad.server.connected) and soon(lambda: not bad.centre.connected)
    bad.proxy.troubles = Troubles()
    bad.count(soon)
    assert soon(lambda: bad.hear() == len(NUMBERS))


def test_a_wire_held_still_stays_up_and_carries_nothing(bad: Bad, soon: Soon) -> None:
    assert soon(lambda: bad.hear() >= 0 and bad.centre.connected and bad.server.connected)
    bad.proxy.troubles = Troubles(still=True)
    bad.count(soon)
    for _ in range(20):
        bad.hear()
    assert bad.numbers == [] and bad.centre.connected and bad.server.connected
