"""A field without SUMO: real cabinets at the end of a wire in memory, a link and a loop at the other, a monitor that watches the lights."""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from citybrain.field.cabinets import Cabinets
from citybrain.field.faulty import Fault
from citybrain.field.link import FieldLink
from citybrain.field.transport import Message
from citybrain.forecasts import Silent
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.senses import Senses
from signals.layout import Layout, lay_out
from signals.loop import ControlLoop
from signals.monitor import LightsMonitor, monitor_for
from signals.planners.sequence import decidable, sequences
from signals.rules import RULES, envelope
from signals.types import ApprovedPlan, FlowForecast, Network, Observation, SafetyEnvelope, TimingPlan

BEGIN_S = 25200.0


class End:
    """One end of a wire in memory; `carried` may lose, double or hold back what is sent."""

    def __init__(self) -> None:
        self.connected, self.inbox, self.far = True, [], self
        self.inbox: list[Message]
        self.carried: Callable[[Message], list[Message]] = lambda message: [message]

    def send(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        if self.connected:
            self.far.inbox += self.carried(Message(topic, payload))
        return self.connected

    def receive(self, wait_s: float = 0.0) -> list[Message]:
        heard, self.inbox = self.inbox, []
        return heard

    def close(self) -> None:
        self.connected = False


def wire() -> tuple[End, End]:
    """The centre's end and the field's."""
    centre, kerb = End(), End()
    centre.far, kerb.far = kerb, centre
    return centre, kerb


@dataclass
class Rotating:
    """A planner that goes on to the next phase as soon as it may: many leases, some of them refused by nobody."""

    limits: tuple[SafetyEnvelope, ...]
    layout: Layout
    idle: bool = False

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        known = np.isfinite(observed.age_s)
        seen = replace(observed, age_s=np.where(known, observed.age_s, 0.0))
        wanted = observed.phase
        if not self.idle:
            wanted = np.where(decidable(observed, self.limits), (observed.phase + 1) % self.layout.phases, observed.phase)
        plans = sequences(network, self.layout, seen, self.limits, wanted, running)
        return tuple(plan if sure else now.plan for plan, sure, now in zip(plans, known.tolist(), running, strict=True))


@dataclass
class Town:
    """Cabinets, wire, link and loop; time goes on by `second`."""

    network: Network
    cabinets: Cabinets
    monitor: LightsMonitor
    centre: End
    kerb: End
    link: FieldLink
    loop: ControlLoop
    now_s: float = BEGIN_S
    lights: list[str] = field(default_factory=list)
    thinking: bool = True  # whether the centre is there

    def second(self, decide: bool = True) -> None:
        """Cabinets tell, the centre thinks, cabinets hear and step."""
        self.cabinets.tell(self.now_s, self.kerb)
        if self.thinking:
            self.link.listen()
            if decide:
                self.loop.tick(self.link.now_s)
            else:
                self.link.keep_up()
        for message in self.kerb.receive():
            self.cabinets.hear(message, self.now_s, self.kerb)
        self.lights = self.cabinets.step(self.now_s)
        self.monitor.watch(self.now_s, self.lights)
        self.now_s += 1.0

    def seconds(self, number: int, every: int = 10) -> None:
        """So many, with a decision every so often."""
        for k in range(number):
            self.second(decide=k % every == 0)

    def modes(self) -> set[str]:
        """Of all cabinets."""
        return {one.status(self.now_s).mode for one in self.cabinets.of.values()}

    def fault(self, do: str, signal: str = "", **more: float | str) -> None:
        self.cabinets.obey(Fault(do, signal, **more), self.now_s)  # type: ignore[arg-type]


@pytest.fixture
def town(grid: Network) -> Town:
    """The grid's four cabinets under the RESCO rules, past their start."""
    return made_town(grid)


def made_town(grid: Network, epoch: int = 1) -> Town:
    rules = RULES["resco"]
    limits = tuple(envelope(s, rules) for s in grid.signals)
    centre, kerb = wire()
    link = FieldLink(centre, grid, Senses(grid, Catalogue.of(grid)), epoch)
    loop = ControlLoop(grid, limits, link, Rotating(limits, lay_out(grid)), Silent())
    one = Town(grid, Cabinets(grid, rules, BEGIN_S, 1.0), monitor_for(grid, rules), centre, kerb, link, loop)
    one.thinking = False
    one.seconds(20)
    one.thinking = True
    return one


def eventually(claim: Callable[[], bool], limit_s: float = 10.0) -> bool:
    """Whether it becomes true in time."""
    until_s = time.monotonic() + limit_s
    while not claim():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.005)
    return True


class Broker:
    """mosquitto on a port of its own, without a word of the machine's configuration."""

    def __init__(self, program: str, folder: Path, more: str) -> None:
        """`more`: the lines of its file; those of a listener at PORT are its own where they name one."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.place = f"127.0.0.1:{self.port}"
        file = folder / "mosquitto.conf"
        lines = f"user {getpass.getuser()}\nset_tcp_nodelay true\npersistence false\n"
        lines += more.replace("PORT", str(self.port)) if "PORT" in more else f"listener {self.port} 127.0.0.1\n{more}\n"
        file.write_text(lines, encoding="utf-8")
        self._command = [program, "-c", str(file)]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_until_it_listens(self) -> None:
        until_s = time.monotonic() + 10.0
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(0.01)
        raise TimeoutError("mosquitto does not listen")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10.0)


def installed(name: str) -> str:
    """Where a program is; the test is skipped where it is not."""
    program = shutil.which(name, path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if program is None or importlib.util.find_spec("aiomqtt") is None:
        pytest.skip(f"needs {name} (a Debian package) and aiomqtt")
    return program


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[[str], Broker]]:
    """`make_broker("allow_anonymous true")`: one with these lines that listens; the test is skipped where there is none to run."""
    made: list[Broker] = []

    def make(more: str) -> Broker:
        made.append(Broker(installed("mosquitto"), tmp_path, more))
        made[-1].wait_until_it_listens()
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def broker(make_broker: Callable[[str], Broker]) -> Broker:
    """A broker that lets everybody in."""
    return make_broker("allow_anonymous true")


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """`program("openssl")`: where it is; the test is skipped where it is not."""
    return installed


@pytest.fixture
def soon() -> Callable[..., bool]:
    """`soon(lambda: wire.connected)`."""
    return eventually
