"""The doctor's look over the wires: whether our service answers on its port, and whether the street is there and its clock moves."""

from __future__ import annotations

import asyncio
import importlib
import math
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from citybrain.field.broker_login import BrokerLogin, broker_trouble
from citybrain.field.client import TcpTransport
from citybrain.field.mqtt import PREFIX, QUIET
from citybrain.field.transport import GONE, signal_of
from citybrain.service.client import Client, address_of
from citybrain.service.doctor_folder import holder
from citybrain.service.finding import Finding, Patient, bad, warned, well
from signals.errors import ConfigError, LinkError
from signals.lease import HEARTBEAT_S, decode_status

LISTEN_S = HEARTBEAT_S + 2.0  # of the wall: by then everybody has spoken
PAUSE_S = 0.2
MOST_NAMED = 3


def service(patient: Patient) -> Iterator[Finding]:
    """Our service answers, and decides; or its port is free."""
    number, web = holder(patient.folder / "lock"), patient.settings.web
    try:
        address = address_of(web, patient.folder)
    except ConfigError:
        yield well("service", "web.port is 0: it listens wherever there is room, and says where")
        return
    try:
        client = Client(address, timeout_s=5.0)
        alive = client.ask("GET", "/healthz")
        ready = client.ask("GET", "/readyz")
    except LinkError as error:
        yield silent(patient, number, str(error))
        return
    if not (alive.status == 200 and isinstance(alive.body, dict) and alive.body.get("alive")):
        yield bad("service", f"{address}: something else answers there", "web.port in city.toml: expected a port of its own")
    elif ready.status == 200:
        yield well("service", f"{address}: answers, and decides")
    else:
        told = f"{address}: answers, and does not decide (/readyz {ready.status})"
        yield bad("service", told, "`citybrain ask alarms` says why; the street's check below is the usual reason")
    if number is None and alive.status == 200:
        yield warned("service", f"{address}: a service answers that does not work on {patient.folder}", "two cities need two ports")


def silent(patient: Patient, number: int | None, error: str) -> Finding:
    """Nobody answers: is nobody there, or is it somebody who hangs?"""
    web = patient.settings.web
    if number is not None:
        remedy = "look at its log; it is starting, or hangs: `kill -9` is safe, the controllers go on by themselves"
        return bad("service", f"process {number} works on the folder and does not answer ({error})", remedy)
    if (taken := refused(web.host, web.port)) is not None:
        return bad("service", f"it does not run, and cannot listen on {web.host} port {web.port} ({taken})", "mend web.host or web.port")
    return well("service", f"it does not run; port {web.port} is free")


def refused(host: str, port: int) -> str | None:
    """Why nobody could listen there; None where one could."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(place)
    except OSError as error:
        return error.strerror or str(error)
    return None


@dataclass(slots=True)
class Heard:
    """What controllers said while somebody listened: first and last time, and how each was."""

    connected: bool = False
    first_s: dict[str, float] = field(default_factory=dict)
    last_s: dict[str, float] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    malformed: int = 0
    trouble: str = ""  # why the wire could not be laid

    def take(self, topic: str, payload: bytes) -> None:
        """A message; only statuses count."""
        signal, kind = signal_of(topic)
        if kind != "status":
            return
        try:
            status = decode_status(payload)
        except LinkError:
            self.malformed += 1
            return
        self.first_s.setdefault(signal, status.now_s)
        self.last_s[signal], self.modes[signal] = status.now_s, status.mode

    @property
    def moved(self) -> int:
        """How many clocks went on."""
        return sum(self.last_s[name] > self.first_s[name] for name in self.last_s)


def street(patient: Patient) -> Iterator[Finding]:
    """The street answers, every controller speaks, and their clocks move."""
    kind, host, port = patient.settings.street.wire
    place = patient.settings.street.at
    if kind == "sumo":
        yield well("street", f"{place}: not asked, for SUMO ends when a client leaves")
        return
    names = [s.id for s in patient.network.signals] if patient.reads_net else []
    site = patient.settings.site
    if kind == "tcp":
        heard = listened(host, port, len(names), patient.settings.street.secret)
    else:
        heard = asyncio.run(subscribed(host, port, site, len(names), login=patient.settings.street.read_login()))
    if heard.trouble and not heard.last_s:
        yield bad("street", heard.trouble, "mend the street, or [street] in city.toml; controllers run their base plans meanwhile")
    elif not heard.connected:
        yield bad(
            "street", f"{place}: nobody answers", "start the street or its broker, or mend street.at; controllers run their base plans"
        )
    elif not heard.last_s:
        told = f"{place}: connected, and no controller speaks within {LISTEN_S:g} s ({heard.malformed} messages that are none of theirs)"
        yield bad("street", told, "is it the right port, and for a broker the right site?")
    elif not heard.moved:
        yield bad(
            "street", f"{place}: {len(heard.last_s)} controllers, and the street's clock stands", "has the simulation ended or stopped?"
        )
    else:
        now_s = max(heard.last_s.values())
        yield well("street", f"{place}: {len(heard.last_s)} controllers speak, {heard.moved} clocks move, now {now_s:.0f} s")
    if heard.last_s:
        yield from manned(heard, names)


def manned(heard: Heard, names: list[str]) -> Iterator[Finding]:
    """Controllers that are missing, unknown, or flash."""
    missing = [name for name in names if name not in heard.last_s]
    unknown = [name for name in heard.last_s if names and name not in set(names)]
    flashing = [name for name, mode in heard.modes.items() if mode == "flash"]
    if missing:
        yield warned("street", f"{some(missing)}: no word from there", "the cabinet's line or power; it runs its base plan meanwhile")
    if unknown:
        yield warned("street", f"{some(unknown)}: on the street, and not in the net", "is street.net in city.toml the net of this street?")
    if flashing:
        yield warned("street", f"{some(flashing)}: flashes", "its monitor has seen a conflict: somebody must reset it at the cabinet")


def some(names: list[str]) -> str:
    """The first few by name."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def enough(heard: Heard, expected: int) -> bool:
    """Everybody spoke twice."""
    return bool(expected) and len(heard.last_s) >= expected and heard.moved >= expected


def listened(host: str, port: int, expected: int, secret: bytes, within_s: float = LISTEN_S) -> Heard:
    """What the street says over TCP to one who only listens."""
    heard, wire, until_s = Heard(), TcpTransport(host, port, secret=secret, presence=GONE), time.monotonic() + within_s
    try:
        while time.monotonic() < until_s and not enough(heard, expected):
            for message in wire.receive(PAUSE_S):
                heard.take(message.topic, message.payload)
            heard.connected, heard.trouble = heard.connected or wire.connections > 0, wire.trouble or heard.trouble
    finally:
        wire.close()
    return heard


async def subscribed(host: str, port: int, site: str, expected: int, within_s: float = LISTEN_S, login: BrokerLogin | None = None) -> Heard:
    """What the broker says to one who only listens: no will, no presence, no word of its own."""
    mqtt: Any = importlib.import_module("aiomqtt")
    heard, base, login = Heard(), f"{PREFIX}/{site}/", login or BrokerLogin()
    user, password = login.name_and_password()
    client = mqtt.Client(host, port, username=user, password=password, tls_context=login.tls_context(), timeout=within_s, logger=QUIET)
    try:
        async with asyncio.timeout(within_s if math.isfinite(within_s) else None), client:
            heard.connected = True
            await client.subscribe(base + "signal/+/status")
            async for message in client.messages:
                heard.take(str(message.topic).removeprefix(base), bytes(message.payload))
                if enough(heard, expected):
                    break
    except TimeoutError:
        pass
    except (mqtt.MqttError, OSError) as error:
        heard.trouble = broker_trouble(f"{host}:{port}", login, error)
    return heard
