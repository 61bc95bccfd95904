"""Sensors by a real broker: nothing is acknowledged before it is kept, what waits is taken together, nonsense is counted."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.field.broker_login import BrokerLogin
from citybrain.intake import frame, mqtt_source
from citybrain.intake.batch import Batch, Samples, Tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import Frame
from citybrain.intake.mqtt_source import Broker, MqttSource, lots, merged
from citybrain.intake.network_names import NetworkNames
from signals.errors import ConfigError
from signals.types import Network

Sampled = Callable[..., Samples]
TOPIC = "city/sensors/#"
LIMIT_S = 10.0


class Mosquitto:
    """A broker of this test's own."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers."""
        words = [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(self._conf)]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError("no broker")

    def stop(self) -> None:
        """As if it had crashed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(LIMIT_S)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker."""
    pytest.importorskip("aiomqtt")
    if shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("no mosquitto on this machine")
    one = Mosquitto(tmp_path)
    one.start()
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def source(broker: Mosquitto, grid: Network, catalogue: Catalogue) -> MqttSource:
    """Listens there."""
    return MqttSource("mqtt", Broker("127.0.0.1", TOPIC, broker.port), catalogue, NetworkNames(grid), soon)


async def soon(seconds: float) -> None:
    """A pause that tests can afford."""
    await asyncio.sleep(min(seconds, 0.05))


def run(work: Awaitable[Any]) -> Any:
    """Its result, or a time-out."""

    async def limited() -> Any:
        return await asyncio.wait_for(work, LIMIT_S)

    return asyncio.run(limited())


async def publish(broker: Mosquitto, payloads: list[bytes]) -> None:
    """From another client."""
    import aiomqtt

    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for payload in payloads:
            await client.publish("city/sensors/3", payload, qos=1)


async def connected(source: MqttSource, number: int = 1) -> None:
    """Return when the source has made so many connections."""
    while source.noted["connections"] < number:
        await asyncio.sleep(0.01)


def test_frames_and_json_arrive_and_nonsense_is_counted_and_does_not_come_again(
    broker: Mosquitto, source: MqttSource, catalogue: Catalogue, sampled: Sampled
) -> None:
    text = json.dumps({"source": "json", "samples": {"sensor": [catalogue.names[3]], "at_s": 2, "value": [4]}}).encode()
    strange = frame.encode(sampled([1], 1.0, 2.0), None, 99)
    payloads = [b"", b"nonsense", strange, frame.encode(sampled([1], 1.0, 2.0), None, catalogue.key), text]

    async def work() -> list[Batch]:
        found: list[Batch] = []
        async with aclosing(source.batches()) as batches:
            asking = asyncio.create_task(anext(batches))
            await connected(source)
            await publish(broker, payloads)
            found.append(await asking)
            while len(found) < 2:
                found.append(await anext(batches))
        return found

    found = run(work())
    assert [(one.source, int(one.sensor[0]), float(one.value[0])) for one in found if isinstance(one, Samples)] == [
        ("loops", 1, 2.0),
        ("json", 3, 4.0),
    ]
    assert source.noted["refused"] == 3
    assert source.refusal.startswith("city/sensors/3: frame of loops: its numbers are of catalogue")


def test_what_was_not_kept_when_the_service_died_comes_again_and_what_was_does_not(
    broker: Mosquitto, grid: Network, catalogue: Catalogue, sampled: Sampled
) -> None:
    def service() -> MqttSource:
        return MqttSource("mqtt", Broker("127.0.0.1", TOPIC, broker.port), catalogue, NetworkNames(grid), soon)

    def told(k: int) -> bytes:
        return frame.encode(sampled([k], 1.0, 2.0), None, catalogue.key)

    async def until_taken(dies: bool) -> list[int]:
        found, one = [], service()
        async with aclosing(one.batches()) as batches:
            asking = asyncio.create_task(anext(batches))
            await connected(one)
            await publish(broker, [told(1)] if not found and dies else [told(2)])
            batch = await asking
            while isinstance(batch, Samples):
                found += batch.sensor.tolist()
                if dies or 2 in found:
                    break
                batch = await anext(batches)
        return found

    assert run(until_taken(dies=True)) == [1]
    assert set(run(until_taken(dies=False))) == {1, 2}


def test_when_the_broker_comes_back_the_source_listens_again(
    broker: Mosquitto, source: MqttSource, catalogue: Catalogue, sampled: Sampled
) -> None:
    async def work() -> Batch:
        async with aclosing(source.batches()) as batches:
            asking = asyncio.create_task(anext(batches))
            await connected(source)
            broker.stop()
            broker.start()
            await connected(source, 2)
            await publish(broker, [frame.encode(sampled([5], 1.0, 2.0), None, catalogue.key)])
            return await asking

    found = run(work())
    assert isinstance(found, Samples) and found.sensor.tolist() == [5]
    assert source.noted["losses"] >= 1


def test_what_waits_is_taken_together(broker: Mosquitto, source: MqttSource, catalogue: Catalogue, sampled: Sampled) -> None:
    payloads = [frame.encode(sampled([k], 1.0, 2.0), None, catalogue.key) for k in range(60)]

    async def work() -> list[int]:
        sizes = []
        async with aclosing(source.batches()) as batches:
            asking = asyncio.create_task(anext(batches))
            await connected(source)
            await publish(broker, payloads)
            batch = await asking
            while True:
                assert isinstance(batch, Samples)
                sizes.append(len(batch))
                if sum(sizes) == len(payloads):
                    return sizes
                batch = await anext(batches)

    assert len(run(work())) < 40


def test_deliveries_are_put_together_source_by_source(sampled: Sampled, tracked: Callable[..., Tracks]) -> None:
    frames = [
        Frame(sampled([k], float(k), 1.0, name), tracked(float(k), {k: [(k, k, 1.0, 1.0)] * k}, name))
        for k, name in enumerate(("a", "b", "a"))
    ]
    found = merged(frames)
    assert [(one.source, type(one).__name__, len(one)) for one in found] == [
        ("a", "Samples", 2), ("a", "Tracks", 2), ("b", "Samples", 1), ("b", "Tracks", 1),
    ]  # fmt: skip
    first, views = found[:2]
    assert isinstance(first, Samples) and isinstance(views, Tracks)
    assert (first.sensor.tolist(), views.vehicles.tolist(), views.lane.tolist()) == ([0, 2], [0, 2], [2, 2])
    np.testing.assert_array_equal(views.at_s, [0.0, 2.0])
    assert merged([]) == []


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([], []), ([5], [(0, 1)]), ([50], [(0, 1)]), ([4, 4, 4], [(0, 2), (2, 3)]), ([20, 1, 9, 1], [(0, 1), (1, 3), (3, 4)])],
)
def test_lots_are_as_large_as_a_frame_can_hold(sizes: list[int], expected: list[tuple[int, int]]) -> None:
    assert lots(sizes, 10) == expected


@pytest.mark.parametrize("topic", ["", "a\nb", "x" * 201])
def test_a_topic_is_a_printable_filter(grid: Network, catalogue: Catalogue, topic: str) -> None:
    with pytest.raises(ConfigError, match="expected a filter of 1 to 200 printable characters"):
        MqttSource("mqtt", Broker("127.0.0.1", topic), catalogue, NetworkNames(grid))


def test_pauses_grow_up_to_a_limit(grid: Network, catalogue: Catalogue) -> None:
    pytest.importorskip("aiomqtt")
    pauses_s: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses_s.append(seconds)
        if len(pauses_s) == 9:
            raise TimeoutError("enough")

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    one = MqttSource("mqtt", Broker("127.0.0.1", TOPIC, port), catalogue, NetworkNames(grid), sleep)
    with pytest.raises(TimeoutError, match="enough"):
        run(anext(one.batches()))
    assert pauses_s[0] == mqtt_source.SHORTEST_PAUSE_S and pauses_s[-1] == mqtt_source.LONGEST_PAUSE_S
    assert pauses_s == sorted(pauses_s)


def test_a_broker_that_does_not_let_it_in_is_said_once_and_asked_again(
    tmp_path: Path, grid: Network, catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("aiomqtt")
    if shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("no mosquitto on this machine")
    guarded, pauses_s = Mosquitto(tmp_path), list[float]()
    guarded._conf.write_text(f"listener {guarded.port} 127.0.0.1\nallow_anonymous false\n")

    async def sleep(seconds: float) -> None:
        pauses_s.append(seconds)
        if len(pauses_s) == 3:
            raise TimeoutError("enough")

    login = BrokerLogin("citybrain", "geheim")
    one = MqttSource("loops", Broker("127.0.0.1", TOPIC, guarded.port, login=login), catalogue, NetworkNames(grid), sleep)
    guarded.start()
    try:
        with pytest.raises(TimeoutError, match="enough"):
            run(anext(one.batches()))
    finally:
        guarded.stop()
    assert one.trouble == f"broker 127.0.0.1:{guarded.port}: does not let user 'citybrain' in; expected another user or password"
    assert caplog.text.count("a source cannot be heard") == 1 and "geheim" not in caplog.text


def test_a_password_is_never_shown() -> None:
    assert "geheim" not in repr(Broker("h", TOPIC, login=BrokerLogin("u", "geheim")))
