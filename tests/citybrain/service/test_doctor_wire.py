"""Claims about the wires: who answers, who is silent, whose clock stands; and that listening says nothing to anybody."""

import asyncio
import http.server
import importlib.util
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from citybrain.field.mqtt import MqttTransport
from citybrain.field.server import FieldServer
from citybrain.field.transport import ALIVE, CENTRE, Message, Transport, status_topic
from citybrain.service import doctor_wire
from citybrain.service.claim import Lock
from citybrain.service.doctor_wire import Heard, enough, listened, refused, some, subscribed
from citybrain.service.finding import Finding, Level, Patient
from citybrain.service.settings import city_settings
from signals.emulator import EmulatedController
from signals.lease import encode_status
from signals.rules import RULES
from signals.types import Network

LONG_S = 10.0
Change = Callable[[EmulatedController], bool]


class Kerb:
    """Controllers that speak every 20 ms in a thread of their own, a second of their time each; `heard`: what anybody told them."""

    def __init__(self, network: Network, wire: Transport, names: set[str], moving: bool) -> None:
        self._cabinets = [EmulatedController(s, RULES["resco"], 0.0) for s in network.signals if s.id in names]
        self._wire, self._moving, self._stop = wire, moving, threading.Event()
        self.heard: list[Message] = []
        self.now_s = 0.0
        self._thread = threading.Thread(target=self._speak)
        self._thread.start()

    def _speak(self) -> None:
        while not self._stop.is_set():
            for one in self._cabinets:
                one.step(self.now_s)
                self._wire.send(status_topic(one.signal.id), encode_status(one.status(self.now_s)), retain=True)
            self._wire.send(status_topic("malformed"), b"soup")
            self.now_s += float(self._moving)
            self.heard += self._wire.receive(0.02)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._wire.close()


@contextmanager
def kerb(network: Network, wire: Transport, names: set[str], moving: bool = True) -> Iterator[Kerb]:
    """A street until the end of the block."""
    one = Kerb(network, wire, names, moving)
    try:
        yield one
    finally:
        one.stop()


def looked(city: Any, check: Any) -> list[Finding]:
    """What one check finds at a city."""
    return list(check(Patient(city.path, city_settings(city.path), 1_800_000_100.0)))


def at(city: Any, place: str) -> None:
    """Another street."""
    city.path.write_text(city.path.read_text().replace("tcp:127.0.0.1:1", place))


@pytest.fixture
def names(grid: Network) -> set[str]:
    """Of all signals."""
    return {s.id for s in grid.signals}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody is missing, it is not waited for long."""
    monkeypatch.setattr(listened, "__defaults__", (0.5,))


def test_a_street_that_speaks_is_well_and_does_not_take_the_doctor_for_a_centre(city: Any, grid: Network, names: set[str]) -> None:
    server = FieldServer()
    at(city, f"tcp:127.0.0.1:{server.port}")
    with kerb(grid, server, names) as street:
        found = looked(city, doctor_wire.street)
        assert [one.level for one in found] == [Level.OK] and "4 controllers speak, 4 clocks move" in found[0].sentence
        assert Message(CENTRE, ALIVE) not in street.heard, "who only listens is no centre"


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("speaking", "moving", "level", "words"),
    [
        (set(), True, Level.BAD, "no controller speaks"),
        ({"A0", "A1", "B0", "B1"}, False, Level.BAD, "the street's clock stands"),
        ({"A0", "A1", "B0"}, True, Level.WARN, "B1: no word from there"),
    ],
)
def test_who_is_silent_or_stands_still_is_said(
    city: Any, grid: Network, speaking: set[str], moving: bool, level: Level, words: str
) -> None:
    server = FieldServer()
    at(city, f"tcp:127.0.0.1:{server.port}")
    with kerb(grid, server, speaking, moving):
        found = looked(city, doctor_wire.street)
    assert max(found, key=lambda one: list(Level).index(one.level)).level is level
    assert any(words in one.sentence for one in found)


@pytest.mark.usefixtures("short")
def test_nobody_there_is_bad(city: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    at(city, f"tcp:127.0.0.1:{port}")
    assert "nobody answers" in looked(city, doctor_wire.street)[0].sentence


def test_a_sumo_of_others_is_not_asked_for_it_would_end(city: Any) -> None:
    at(city, "sumo:127.0.0.1:1")
    found = looked(city, doctor_wire.street)
    assert [one.level for one in found] == [Level.OK] and "not asked" in found[0].sentence


def test_unknown_and_flashing_controllers_are_warnings() -> None:
    heard = Heard(True, {"A0": 1.0, "X": 1.0}, {"A0": 2.0, "X": 2.0}, {"A0": "flash", "X": "base"})
    sentences = [one.sentence for one in doctor_wire.manned(heard, ["A0", "A1"])]
    assert sentences == ["A1: no word from there", "X: on the street, and not in the net", "A0: flashes"]
    assert some([str(k) for k in range(9)]) == "0, 1, 2 and 6 more"
    assert enough(heard, 2) and not enough(heard, 3) and not enough(heard, 0)


def test_over_a_broker_it_listens_without_a_word(tmp_path: Path, grid: Network, names: set[str]) -> None:
    program = shutil.which("mosquitto", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if program is None or importlib.util.find_spec("aiomqtt") is None:
        pytest.skip("needs mosquitto (a Debian package) and aiomqtt")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = tmp_path / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8")
    broker = subprocess.Popen([program, "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with closing(MqttTransport("127.0.0.1", port, "town", field=False)) as centre:
            with kerb(grid, MqttTransport("127.0.0.1", port, "town", field=True), names) as street:
                until_s = time.monotonic() + LONG_S
                while not (centre.connected and Message(CENTRE, ALIVE) in street.heard) and time.monotonic() < until_s:
                    time.sleep(0.01)
                heard = asyncio.run(subscribed("127.0.0.1", port, "town", len(names), LONG_S))
                told = [one for one in street.heard if one.topic == CENTRE]
            assert heard.connected and heard.moved == len(names)
            assert told == [Message(CENTRE, ALIVE)], "the centre's presence is as it was"
        assert asyncio.run(subscribed("127.0.0.1", port, "village", 4, 0.3)).last_s == {}
    finally:
        broker.kill()
        broker.wait()
    assert not asyncio.run(subscribed("127.0.0.1", port, "town", 4, 0.5)).connected


def test_a_broker_that_does_not_let_us_in_is_said(tmp_path: Path, city: Any) -> None:
    program = shutil.which("mosquitto", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if program is None or importlib.util.find_spec("aiomqtt") is None:
        pytest.skip("needs mosquitto (a Debian package) and aiomqtt")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file, word = tmp_path / "mosquitto.conf", city.path.parent / "word"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous false\npersistence false\n", encoding="utf-8")
    word.write_text("hunter2")
    word.chmod(0o600)
    at(city, f'mqtt:127.0.0.1:{port}"\nuser = "citybrain"\npassword_file = "word')
    broker = subprocess.Popen([program, "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_s = time.monotonic() + LONG_S
        while "let user" not in (found := looked(city, doctor_wire.street))[0].sentence and time.monotonic() < until_s:
            time.sleep(0.02)
    finally:
        broker.kill()
        broker.wait()
    said = f"broker 127.0.0.1:{port}: does not let user 'citybrain' in; expected another user or password"
    assert [(one.level, one.sentence) for one in found] == [(Level.BAD, said)] and "hunter2" not in repr(found)


class Service(http.server.BaseHTTPRequestHandler):
    """A service's open doors."""

    ready: ClassVar[int] = 200
    alive: ClassVar[bytes] = b'{"alive": true}'

    def do_GET(self) -> None:
        """Alive, and ready or not."""
        data = self.alive if self.path == "/healthz" else b"{}"
        self.send_response(200 if self.path == "/healthz" else self.ready)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where a service answers."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("ready", "alive", "held", "level", "words"),
    [
        (200, b'{"alive": true}', True, Level.OK, "answers, and decides"),
        (503, b'{"alive": true}', True, Level.BAD, "does not decide"),
        (200, b'{"alive": true}', False, Level.WARN, "does not work on"),
        (200, b'"soup"', False, Level.BAD, "something else answers there"),
    ],
)
def test_a_service_that_answers_is_ours_and_ready_or_what_is_wrong_is_said(
    make_city: Any, port: int, monkeypatch: pytest.MonkeyPatch, ready: int, alive: bytes, held: bool, level: Level, words: str
) -> None:
    monkeypatch.setattr(Service, "ready", ready)
    monkeypatch.setattr(Service, "alive", alive)
    city = make_city("one", web=f"port = {port}")
    lock = Lock(city.state / "lock") if held else None
    try:
        found = looked(city, doctor_wire.service)
    finally:
        if lock is not None:
            lock.release()
    assert max(found, key=lambda one: list(Level).index(one.level)).level is level
    assert any(words in one.sentence for one in found)


def test_a_port_is_free_or_taken_and_a_service_that_hangs_is_bad(make_city: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        assert refused("127.0.0.1", port) is not None
    city = make_city("one", web=f"port = {port}")
    assert "is free" in looked(city, doctor_wire.service)[0].sentence
    lock = Lock(city.state / "lock")
    try:
        hangs = looked(city, doctor_wire.service)[0]
    finally:
        lock.release()
    assert hangs.level is Level.BAD and "does not answer" in hangs.sentence
    assert "port is 0" in looked(make_city("any", web="port = 0"), doctor_wire.service)[0].sentence


def test_a_port_that_somebody_has_who_does_not_speak_is_bad(make_city: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        city = make_city("one", web=f"port = {taken.getsockname()[1]}")
        found = doctor_wire.silent(Patient(city.path, city_settings(city.path), 0.0), None, "timed out")
    assert found.level is Level.BAD and "cannot listen" in found.sentence
    assert refused("192.0.2.1", 0) is not None, "an address of another machine"
