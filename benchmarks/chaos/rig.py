"""Street and service as processes of their own, with wires between them that can be made bad; every process ends with the rig."""

from __future__ import annotations

import contextlib
import importlib
import json
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.chaos.ledger import SOURCE, Ledger
from benchmarks.chaos.watcher import Judge, Watcher, judged_file
from citybrain.field.client import TcpTransport
from citybrain.field.faulty import fault_of
from citybrain.field.proxy import Proxy
from citybrain.field.secret_file import made_secret
from citybrain.field.transport import FAULT, Transport
from citybrain.service.client import Client
from citybrain.service.demo import DemoSpec, ended, free_port, write_settings
from citybrain.service.desk import Role
from citybrain.service.keys import KeyRing, Purpose
from signals.errors import ConfigError, LinkError
from signals.rules import RULES
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario

START_S = 90.0  # of the wall: the first start on a machine compiles
LOOK_S = 0.01
DAY_LEFT_S = 900.0  # of the street's time: a scene may take so long
SHIM = """
import sys, time
true_time, place = time.time, sys.argv.pop(1)
def shifted():
    with open(place) as file:
        return true_time() + float(file.read() or 0.0)
time.time = shifted
from citybrain.cli import main
main()
"""


@dataclass(frozen=True, slots=True)
class RigSpec:
    """What is put up. `broker`: over MQTT, by a mosquitto of its own; `shifted`: the service's wall clock can be moved."""

    folder: Path
    scenario: str = "grid_2x2"
    seed: int = 1
    speed: float = 20.0
    controller: str = "learned"
    broker: str = ""  # any word here; its place, once there is one
    shifted: bool = False
    secret: Path | None = None  # what the street and its centres know; None over a broker


class StreetProcess:
    """The street; started again, it listens on the same port, and its day begins anew."""

    def __init__(self, spec: RigSpec) -> None:
        self._spec, self.port, self.lives = spec, 0, 0
        self._process: subprocess.Popen[str] | None = None
        self.logs: list[Path] = []
        self.found = scenario(spec.scenario)

    def start(self) -> None:
        """A new life, with a file of its own for SUMO's word on the lights."""
        spec = self._spec
        self.lives += 1
        place = written_scenario(self.found, spec.folder / f"street{self.lives}")
        self.logs.append(place / "lights.xml")
        words = [sys.executable, "-m", "citybrain.field.street", str(place), "--faults", "--port", str(self.port)]
        words += ["--seed", str(spec.seed), "--speed", f"{spec.speed:g}"]
        words += ["--mqtt", spec.broker, "--site", spec.scenario] if spec.broker else []
        words += ["--secret-file", str(spec.secret)] if spec.secret else []
        with (spec.folder / "street.log").open("a") as said:
            self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=said, text=True, start_new_session=True)
        out = self._process.stdout
        line = out.readline() if out is not None else ""
        if not line.strip():
            raise LinkError(f"the street did not start; {spec.folder / 'street.log'} says why")
        self.port = int(json.loads(line)["port"])

    def kill(self) -> None:
        """At once, SUMO and cabinets together."""
        self._gone(signal.SIGKILL)

    def stop(self) -> None:
        """In order, so that SUMO writes its files."""
        self._gone(signal.SIGTERM)

    def _gone(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            ended(self._process)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


class Broker:
    """mosquitto on a port of its own, without a word of the machine's configuration."""

    def __init__(self, folder: Path, port: int) -> None:
        program = broker_program()
        if program is None:
            raise ConfigError("mosquitto is not installed; expected Debian's package mosquitto")
        self.place, file = f"127.0.0.1:{port}", folder / "mosquitto.conf"
        file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\npersistence false\n", encoding="utf-8")
        self._command, self._port = [program, "-c", str(file)], port
        self.start()

    def start(self) -> None:
        """It listens when this returns."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1.0):
                return
            time.sleep(LOOK_S)
        raise LinkError(f"mosquitto does not listen at {self.place}")

    def kill(self) -> None:
        """At once, with all that it retained."""
        self._process.kill()
        self._process.wait()


def broker_program() -> str | None:
    """Where mosquitto is; None where it is not."""
    return shutil.which("mosquitto", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")


@dataclass(slots=True)
class ServiceProcess:
    """A service on a folder; `client` has a key of its own."""

    settings: Path
    state: Path
    port: int
    token: str
    sensor_token: str
    shift: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    begun_s: float = 0.0

    @property
    def client(self) -> Client:
        """A fresh one."""
        return Client(f"http://127.0.0.1:{self.port}", self.token, timeout_s=10.0)

    @property
    def sensor(self) -> Client:
        """As a sensor, which may hand data in and nothing else."""
        return Client(f"http://127.0.0.1:{self.port}", self.sensor_token, timeout_s=10.0)

    def start(self) -> None:
        """Launch it; `wait_ready` says when it decides."""
        words = ["-m", "citybrain"] if self.shift is None else ["-c", SHIM, str(self.shift)]
        with (self.settings.parent / "service.log").open("ab") as said:
            command = [sys.executable, *words, "serve", str(self.settings)]
            self.process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
        self.begun_s = time.monotonic()

    def wait_ready(self, limit_s: float = START_S) -> float:
        """Seconds from its start until it says that it is ready; LinkError where it is not in time, or has ended."""
        while not self.ready():
            if self.process is None or self.process.poll() is not None:
                raise LinkError(f"the service has ended (exit code {self.process.wait() if self.process else None})")
            if time.monotonic() - self.begun_s > limit_s:
                raise LinkError(f"the service is not ready within {limit_s:g} s: {self.sentences()}")
            time.sleep(LOOK_S)
        return time.monotonic() - self.begun_s

    def ready(self) -> bool:
        """Whether it decides, and nothing critical is wrong."""
        try:
            return self.client.ask("GET", "/readyz").status == 200
        except LinkError:
            return False

    def sentences(self) -> list[str]:
        """Its alarms."""
        try:
            return [one["sentence"]["en"] for one in self.client.get("/v1/alarms")]
        except (LinkError, ConfigError) as error:
            return [str(error)]

    def alarms(self) -> set[str]:
        """Kinds of its alarms; empty where it does not answer."""
        try:
            return {one["kind"] for one in self.client.get("/v1/alarms")}
        except (LinkError, ConfigError):
            return set()

    def send(self, number: int) -> None:
        """A signal to its process."""
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """As a crash would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """In order; its exit code."""
        return ended(self.process) if self.process is not None else 0  # type: ignore[arg-type]

    def limit_files(self, most_bytes: int | None) -> None:
        """No file of its may grow beyond this, as on a full disk; None: as before."""
        if self.process is not None:
            soft = resource.RLIM_INFINITY if most_bytes is None else most_bytes
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))


@dataclass(slots=True)
class Rig:
    """All of it, from `put_up` to `close`."""

    spec: RigSpec
    street: StreetProcess
    proxy: Proxy | None
    broker: Broker | None
    service: ServiceProcess
    watcher: Watcher
    ledger: Ledger
    wire: Transport
    burnt: set[str] = field(default_factory=set)
    others: list[ServiceProcess] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def fault(self, do: str, signal: str = "", **more: Any) -> None:
        """Have the street break something."""
        order = json.dumps({"do": do, **({"signal": signal} if signal else {}), **more}).encode()
        fault_of(order)
        if do == "flash":
            self.watcher.judge.burnt.update([signal] if signal else self.watcher.status)
        self.wire.send(FAULT, order)

    def until(self, claim: Callable[[], bool], limit_s: float = 30.0) -> bool:
        """Whether it comes true within so long of the wall; the watcher looks on meanwhile."""
        deadline_s = time.monotonic() + limit_s
        self.watcher.look()
        while not claim():
            if time.monotonic() > deadline_s:
                return False
            self.watcher.look(0.02)
        return True

    def pass_s(self, seconds: float, limit_s: float = 60.0) -> bool:
        """Let so much of the street's time go by."""
        self.watcher.look()
        until_s = self.watcher.now_s + seconds
        return self.until(lambda: self.watcher.now_s >= until_s, limit_s)

    def steered(self, names: set[str] | None = None) -> bool:
        """Whether these signals (none: all) run what the service lends them."""
        modes = self.watcher.modes()
        return all(modes.get(name) == "adaptive" for name in (names if names is not None else modes))

    def start_street(self) -> None:
        """Again, after it has ended; for who watches it is another one."""
        self.watcher.street_ended()
        self.street.start()

    def new_day(self) -> None:
        """Towards the evening the street begins again in the morning; a service that runs on has to bear it."""
        self.watcher.look()
        if self.watcher.now_s > self.street.found.end_s - DAY_LEFT_S:
            self.street.stop()
            self.start_street()
            self.until(lambda: self.watcher.look() < self.street.found.begin_s + DAY_LEFT_S, 20.0)

    def lights_wrong(self) -> list[str]:
        """What the wire has shown and must not be; SUMO's own word is heard at the end, by `files_wrong`."""
        self.watcher.look()
        return [f"{v.signal} at {v.now_s:.0f} s: {v.sentence}" for v in self.watcher.judge.violations()]

    def files_wrong(self) -> tuple[list[str], int]:
        """What SUMO wrote and must not be, and how many lights of seconds were judged; once the street has stopped."""
        judges: list[Judge] = [
            judged_file(path, self.network, RULES["street"], self.watcher.judge.burnt) for path in self.street.logs if path.is_file()
        ]
        wrong = [f"{v.signal} at {v.now_s:.0f} s (SUMO): {v.sentence}" for judge in judges for v in judge.violations()]
        return wrong, sum(judge.steps for judge in judges)

    @property
    def network(self) -> Any:
        """As it is under the street's rules."""
        return read_network(self.street.found.net, RULES["street"], name=self.spec.scenario)

    def second_service(self, name: str) -> ServiceProcess:
        """Another service, on a folder of its own, for the same street; not started."""
        port = self.proxy.port if self.proxy is not None else self.street.port
        other = service_on(replace(self.spec, folder=self.spec.folder / name), port)
        self.others.append(other)
        return other

    def close(self) -> None:
        """End every process."""
        for one in (self.service, *self.others):
            with contextlib.suppress(OSError):
                one.kill()
        self.street.stop()
        self.watcher.close()
        self.wire.close()
        if self.proxy is not None:
            self.proxy.close()
        if self.broker is not None:
            self.broker.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def written_scenario(found: Scenario, folder: Path) -> Path:
    """The scenario in a folder of its own, with SUMO writing down the lights of every second."""
    folder.mkdir(parents=True, exist_ok=True)
    network = read_network(found.net, RULES["street"])
    lights = "".join(f'<timedEvent type="SaveTLSStates" source="{s.id}" dest="{folder / "lights.xml"}"/>\n' for s in network.signals)
    (folder / "lights.add.xml").write_text(f"<additional>\n{lights}</additional>\n", encoding="utf-8")
    table: dict[str, Any] = {
        "net": str(found.net.resolve()), "routes": [str(r.resolve()) for r in found.routes], "begin_s": found.begin_s, "end_s": found.end_s,
        "weekday": found.weekday, "additional": [*(str(a.resolve()) for a in found.additional), "lights.add.xml"],
    }  # fmt: skip
    (folder / "scenario.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()), encoding="utf-8")
    return folder


def service_on(spec: RigSpec, street_port: int) -> ServiceProcess:
    """Settings and a key for a service; not started."""
    port = free_port()
    demo = DemoSpec(spec.scenario, spec.folder, port, spec.speed, spec.seed, spec.controller, "automatic")
    settings = write_settings(demo, street_port, spec.secret)
    if spec.broker:
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace(f"tcp:127.0.0.1:{street_port}", f"mqtt:{spec.broker}"), encoding="utf-8")
    state = spec.folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    ring = KeyRing(state / "keys.json", time.time)
    token, _ = ring.add("chaos", Role.ADMIN, days=1.0)
    sensor_token, _ = ring.add(SOURCE, Role.VIEWER, Purpose.INGEST, days=1.0)
    shift = spec.folder / "shift_s" if spec.shifted else None
    if shift is not None:
        shift.write_text("0", encoding="ascii")
    return ServiceProcess(settings, state, port, token, sensor_token, shift)


def put_up(spec: RigSpec) -> Rig:
    """Street, wires, watcher and service, the latter ready."""
    spec.folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as undo:
        broker = None
        if spec.broker:
            broker = Broker(spec.folder, free_port())
            undo.callback(broker.kill)
            spec = replace(spec, broker=broker.place)
        else:
            spec = replace(spec, secret=spec.folder / "street.secret")
        street = StreetProcess(spec)
        undo.callback(street.stop)
        street.start()
        proxy = None if spec.broker else Proxy("127.0.0.1", street.port, spec.seed)
        if proxy is not None:
            undo.callback(proxy.close)
        network = read_network(street.found.net, RULES["street"], name=spec.scenario)
        watcher = Watcher(network, RULES["street"], far_wire(spec, street.port))
        undo.callback(watcher.close)
        service = service_on(spec, proxy.port if proxy is not None else 1)
        wire = far_wire(spec, street.port)
        rig = Rig(spec, street, proxy, broker, service, watcher, Ledger(network, spec.seed), wire)
        undo.callback(rig.close)
        service.start()
        service.wait_ready()
        undo.pop_all()
    return rig


def far_wire(spec: RigSpec, port: int) -> Transport:
    """A wire to the street that the service's troubles do not touch."""
    if spec.broker:
        mqtt = importlib.import_module("citybrain.field.mqtt")
        made: Transport = mqtt.MqttTransport.at(spec.broker, spec.scenario, field=False)
        return made
    return TcpTransport("127.0.0.1", port, secret=made_secret(spec.secret) if spec.secret else b"", silent_s=30.0)
