"""Sensors that speak by an MQTT broker: frames, or JSON, at least once. The broker is told only when the disk has them.

The session outlives a lost connection, so what is sent meanwhile waits at the broker. What is no delivery is counted and acknowledged: it
would come for ever.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from citybrain.field.broker_login import BrokerLogin, broker_trouble
from citybrain.intake import frame, json_form
from citybrain.intake.batch import Batch, IntakeError, Samples, Tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import Frame
from citybrain.intake.network_names import NetworkNames
from signals.errors import ConfigError

MOST_MESSAGES = 1000  # taken together
MOST_WAITING = 10_000  # in memory
SESSION_S = 3600  # that the broker keeps what is sent while nobody listens
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
AT_LEAST_ONCE = 1
log = logging.getLogger("citybrain")


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the sensors' messages are."""

    host: str
    topic: str  # a filter, such as city/sensors/#
    port: int = 1883
    session: str = "citybrain-intake"  # the name under which the broker keeps what is sent meanwhile
    login: BrokerLogin = field(default_factory=BrokerLogin)


class MqttSource:
    """Lives as long as the service; `batches` never ends by itself."""

    def __init__(
        self,
        name: str,
        broker: Broker,
        catalogue: Catalogue,
        names: NetworkNames,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not broker.topic or len(broker.topic) > 200 or not broker.topic.isprintable():
            raise ConfigError(f"topic {broker.topic[:60]!r}: expected a filter of 1 to 200 printable characters")
        self.name, self.connected = name, False
        self.noted: Counter[str] = Counter()
        """How many messages were taken or refused, and how often the connection was made or lost."""
        self.refusal = ""  # the last one
        self.trouble = ""  # why the broker could not be used the last time
        self._broker, self._catalogue, self._names, self._sleep = broker, catalogue, names, sleep
        self._tls_context = broker.login.tls_context()
        self._mqtt: Any = importlib.import_module("aiomqtt")

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Batches as they come; a lost connection is made again."""
        pause_s = SHORTEST_PAUSE_S
        while True:
            try:
                async with self._client() as client:
                    # Nothing is acknowledged by itself: a message is the broker's until the disk has it.
                    client._client.manual_ack_set(True)
                    await client.subscribe(self._broker.topic, qos=AT_LEAST_ONCE)
                    self.connected, self.trouble, pause_s = True, "", SHORTEST_PAUSE_S
                    self.noted["connections"] += 1
                    async with aclosing(self._heard(client)) as heard:
                        async for batch in heard:
                            yield batch
            except (self._mqtt.MqttError, OSError) as error:
                self.noted["losses"] += 1
                self._say(broker_trouble(f"{self._broker.host}:{self._broker.port}", self._broker.login, error))
            finally:
                self.connected = False
            await self._sleep(pause_s)
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)

    def _say(self, trouble: str) -> None:
        """Once, until it is another."""
        if trouble != self.trouble:
            self.trouble = trouble
            log.error("a source cannot be heard", extra={"fields": {"source": self.name, "error": trouble}})

    async def _heard(self, client: Any) -> AsyncGenerator[Batch, None]:
        messages = client.messages
        while True:
            lot = [await anext(messages)]
            while len(messages) and len(lot) < MOST_MESSAGES:
                lot.append(await anext(messages))
            for batch in merged([one for message in lot if (one := self._found(message)) is not None]):
                yield batch
            for message in lot:
                client._client.ack(message.mid, message.qos)
            self.noted["messages"] += len(lot)

    def _found(self, message: Any) -> Frame | None:
        """What a message says; None where it is nothing."""
        payload = bytes(message.payload or b"")
        try:
            if not payload.startswith(frame.MAGIC):
                return json_form.parsed(payload, self._catalogue, self._names)
            found = frame.decode(payload)
            frame.check_key(found, self._catalogue.key)
        except IntakeError as error:
            self.noted["refused"] += 1
            self.refusal = f"{str(message.topic)[:80]}: {error}"
            return None
        return found

    def _client(self) -> Any:
        properties_of = importlib.import_module("paho.mqtt.properties").Properties
        kinds = importlib.import_module("paho.mqtt.packettypes").PacketTypes
        wanted = properties_of(kinds.CONNECT)
        wanted.MaximumPacketSize = frame.LARGEST_FRAME_BYTES + 1024  # the broker keeps larger ones to itself
        wanted.SessionExpiryInterval = SESSION_S
        broker = self._broker
        user, password = broker.login.name_and_password()
        return self._mqtt.Client(
            broker.host, broker.port, username=user, password=password, identifier=broker.session,
            protocol=self._mqtt.ProtocolVersion.V5, clean_start=False, properties=wanted, timeout=10.0,
            max_queued_incoming_messages=MOST_WAITING, tls_context=self._tls_context,
        )  # fmt: skip


def merged(frames: list[Frame]) -> list[Batch]:
    """Samples and snapshots of many small deliveries, source by source, in lots that a frame can hold."""
    found: list[Batch] = []
    for source in dict.fromkeys(one.source for one in frames):
        own = [one for one in frames if one.source == source]
        samples = [one.samples for one in own if len(one.samples)]
        tracks = [one.tracks for one in own if len(one.tracks)]
        found += [_samples(source, samples[a:b]) for a, b in lots([len(s) for s in samples], frame.LARGEST_SAMPLES)]
        rows = [max(len(t), len(t.lane)) for t in tracks]
        found += [_tracks(source, tracks[a:b]) for a, b in lots(rows, min(frame.LARGEST_VEHICLES, frame.LARGEST_SNAPSHOTS))]
    return found


def lots(sizes: list[int], most: int) -> list[tuple[int, int]]:
    """First and last place of runs that together are not larger than `most`; one that alone is larger stays alone."""
    found, first, total = [], 0, 0
    for k, size in enumerate(sizes):
        if total + size > most and k > first:
            found.append((first, k))
            first, total = k, 0
        total += size
    return [*found, (first, len(sizes))] if sizes else []


def _samples(source: str, parts: list[Samples]) -> Samples:
    columns = zip(*((p.sensor, p.at_s, p.value) for p in parts), strict=True)
    return Samples(source, *(np.concatenate(column) for column in columns))


def _tracks(source: str, parts: list[Tracks]) -> Tracks:
    columns = zip(*((p.signal, p.at_s, p.vehicles, p.lane, p.movement, p.distance_m, p.speed_mps) for p in parts), strict=True)
    return Tracks(source, *(np.concatenate(column) for column in columns))
