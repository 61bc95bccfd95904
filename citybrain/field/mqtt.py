"""The wire over an MQTT broker: the topics below `citybrain/SITE/`, at least once, leases and statuses retained.

An asyncio loop in a thread of its own, with one client that comes back when the broker does. Its last will says that this end is gone.
Retained leases reach a controller that was away; it judges itself whether they are still of use.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import socket
import threading
from typing import Any, Self

from citybrain.field.broker_login import BrokerLogin, broker_trouble
from citybrain.field.transport import (
    ALIVE,
    CENTRE,
    FAULT,
    FAULT_ANSWER,
    GONE,
    MOST_WAITING,
    ONLINE,
    SENSE,
    SENSE_ONLINE,
    UNTIL,
    Inbox,
    Message,
)
from citybrain.intake.frame import LARGEST_FRAME_BYTES
from signals.errors import ConfigError, LinkError

PREFIX = "citybrain"
PAUSE_S = 0.5  # of the wall, between two attempts to reach the broker
KEEP_ALIVE_S = 5
AT_LEAST_ONCE = 1
TOGETHER = 100  # messages under way that the broker has not taken yet
QUIET = logging.getLogger("citybrain.field.mqtt")
QUIET.setLevel(logging.ERROR)  # aiomqtt warns of many messages under way, which is meant
CENTRE_HEARS = ("signal/+/ack", "signal/+/status", "signal/+/online", SENSE, SENSE_ONLINE, ONLINE, FAULT_ANSWER)
FIELD_HEARS = ("signal/+/lease", CENTRE, FAULT, UNTIL)


class MqttTransport:
    """Lives as long as the service, or the street. What is sent while the broker is away is lost: leases are made anew, not queued."""

    def __init__(self, host: str, port: int, site: str, *, field: bool, login: BrokerLogin | None = None) -> None:
        if not site or set(site) & set("+#/\0") or len(site) > 64:
            raise ConfigError(f"site {site[:60]!r}: expected 1 to 64 characters without + # /")
        self._address, self._base = (host, port), f"{PREFIX}/{site}/"
        self._login = login or BrokerLogin()
        self._tls_context = self._login.tls_context()
        self.trouble = ""
        self._hears = FIELD_HEARS if field else CENTRE_HEARS
        self._will = ONLINE if field else CENTRE
        self._inbox = Inbox()
        self._loop = asyncio.new_event_loop()
        self._outbox: asyncio.Queue[tuple[str, bytes, bool] | None] = asyncio.Queue(MOST_WAITING)
        self._connected, self._closing = False, False
        self._retained: dict[str, bytes] = {}
        self.connections = 0
        self._mqtt: Any = importlib.import_module("aiomqtt")
        self._thread = threading.Thread(target=self._run, name="mqtt wire", daemon=True)
        self._thread.start()

    @classmethod
    def at(cls, place: str, site: str, *, field: bool, login: BrokerLogin | None = None) -> Self:
        """HOST:PORT of a broker; ConfigError for anything else."""
        host, _, port = place.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"broker {place[:60]!r}: expected HOST:PORT")
        return cls(host, int(port), site, field=field, login=login)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._connected

    def send(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Hand a message over to the thread; False where the broker is not there, or takes nothing any more."""
        if len(payload) > LARGEST_FRAME_BYTES:
            raise LinkError(f"{topic[:60]}: {len(payload)} bytes; expected at most {LARGEST_FRAME_BYTES}")
        if retain and self._will == ONLINE:
            self._retained[topic] = payload  # a broker that was restarted has forgotten it
        if not self._connected or self._outbox.qsize() >= MOST_WAITING // 2:
            return False
        self._loop.call_soon_threadsafe(self._put, (topic, payload, retain))
        return True

    def receive(self, wait_s: float = 0.0) -> list[Message]:
        """What has arrived, waiting for something up to `wait_s` of the wall."""
        return self._inbox.take(wait_s)

    def close(self) -> None:
        """Say goodbye and hang up."""
        self._closing = True
        self._inbox.wake()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._put, None)
        self._thread.join(5.0)

    def _put(self, word: tuple[str, bytes, bool] | None) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._outbox.put_nowait(word)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
        finally:
            self._loop.close()

    async def _live(self) -> None:
        while not self._closing:
            try:
                await self._converse()
            except (self._mqtt.MqttError, OSError) as error:
                self.trouble = broker_trouble(":".join(map(str, self._address)), self._login, error)
            self._connected = False
            if not self._closing:
                await asyncio.sleep(PAUSE_S)

    async def _converse(self) -> None:
        """Until the broker goes away, or nobody wants the wire any more."""
        async with self._client() as client:
            for topic in self._hears:
                await client.subscribe(self._base + topic, qos=AT_LEAST_ONCE)
            while not self._outbox.empty():
                self._outbox.get_nowait()
            await client.publish(self._base + self._will, ALIVE, qos=AT_LEAST_ONCE, retain=True)
            for topic, payload in tuple(self._retained.items()):
                await client.publish(self._base + topic, payload, qos=AT_LEAST_ONCE, retain=True)
            self._connected, self.trouble = True, ""
            self.connections += 1
            hearing = asyncio.create_task(self._hear(client))
            saying = asyncio.create_task(self._say(client))
            try:
                done, _ = await asyncio.wait({hearing, saying}, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    one.result()
            finally:
                for one in (hearing, saying):
                    one.cancel()
                await asyncio.gather(hearing, saying, return_exceptions=True)

    def _client(self) -> Any:
        """With a last will; small messages go at once, many of them under way together."""
        (host, port), (user, password) = self._address, self._login.name_and_password()
        return self._mqtt.Client(
            host, port, username=user, password=password, keepalive=KEEP_ALIVE_S, timeout=5, max_inflight_messages=TOGETHER,
            will=self._mqtt.Will(self._base + self._will, GONE, qos=AT_LEAST_ONCE, retain=True), logger=QUIET,
            tls_context=self._tls_context,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )  # fmt: skip

    async def _hear(self, client: Any) -> None:
        async for message in client.messages:
            topic = str(message.topic).removeprefix(self._base)
            self._inbox.put([Message(topic, bytes(message.payload))])

    async def _say(self, client: Any) -> None:
        last = False
        while not last:
            words = [await self._outbox.get()]
            while not self._outbox.empty() and len(words) < TOGETHER:
                words.append(self._outbox.get_nowait())
            last = None in words
            said = [client.publish(self._base + word[0], word[1], qos=AT_LEAST_ONCE, retain=word[2]) for word in words if word is not None]
            await asyncio.gather(*said)
        await client.publish(self._base + self._will, GONE, qos=AT_LEAST_ONCE, retain=True)
