"""The street as a process of its own: SUMO, and one emulated controller a signal. It outlives the service and needs nobody.

    python -m citybrain.field.street resco/cologne8 --speed 1

says on its first line where it listens, as JSON, and ends on SIGTERM. With `--speed 0` it runs in step with the centre: up to the
second that the topic `until` names. When the scenario is over SUMO ends, and the controllers go on; with `--around-the-clock` traffic
goes on as well, day and night (`sumo_nets.endless`).
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import numpy as np

from citybrain import assemble
from citybrain.detected import check_sensing, detected
from citybrain.field.broker_login import BrokerLogin
from citybrain.field.cabinets import Cabinets
from citybrain.field.faulty import FaultySensors, fault_of
from citybrain.field.secret_file import made_secret, secret_of
from citybrain.field.server import FieldServer
from citybrain.field.transport import ALIVE, CENTRE, FAULT, FAULT_ANSWER, GONE, SENSE, SENSE_ONLINE, UNTIL, Message, Transport
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import encode
from citybrain.intake.observed import batches_of
from forecasting.day import measured_day
from signals.errors import ConfigError, LinkError, SignalsError
from signals.layout import lay_out
from signals.links.detectors import Listener, Sensors
from signals.links.sensing import Sensing
from signals.rules import with_timing
from signals.types import Network
from sumo_nets import endless
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, check, scenario
from sumo_nets.sensors import write_detectors
from sumo_nets.session import RunFiles, Session, start

LISTEN_S = 0.25  # of the wall at a time, while nothing is due
CATCH_UP_S = 5.0  # of the wall: a street that lags behind for longer does not hurry after
SENSING_M = 250.0
SOURCE = "street"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """What the street is. `speed` is in field seconds a second of the wall; 0: in step with the centre."""

    scenario: str
    seed: int = 1
    rules: str = "street"
    speed: float = 1.0
    host: str = "127.0.0.1"
    port: int = 0
    sensing: str = "ideal"
    sensor_faults: float = 0.0
    begin_s: float | None = None
    end_s: float | None = None
    tripinfo: str = ""
    secret_file: str = ""  # of what a centre has to know; made where it is not there yet
    faults: bool = False  # whether the topic `fault` is obeyed
    mqtt: str = ""  # HOST:PORT of a broker, instead of listening
    site: str = "street"  # part of the broker's topics
    user: str = ""  # at the broker
    password_file: str = ""
    ca_file: str = ""  # of who vouches for the broker, over TLS
    cert_file: str = ""  # ours, and its key
    key_file: str = ""
    around_the_clock: bool = False  # whether traffic goes on after the scenario's end

    def __post_init__(self) -> None:
        if not 0.0 <= self.speed < math.inf:
            raise ConfigError(f"speed {self.speed}: expected field seconds a second of the wall, or 0 for in step with the centre")
        check_sensing(self.sensing, self.sensor_faults)


class Street:
    """SUMO and its cabinets; lives as long as the process. Lights change in `advance` alone."""

    def __init__(self, spec: FieldSpec, found: Scenario, network: Network, session: Session, sensors: Sensors, wire: Transport) -> None:
        rules = with_timing(assemble.rules(spec.rules), found.decision_s, found.yellow_s)
        self._spec, self._session, self._sensors, self._wire = spec, session, sensors, wire
        self._listener: Listener | None = None if spec.sensing == "ideal" else sensors  # type: ignore[assignment]
        self._layout, self._catalogue = lay_out(network), Catalogue.of(network)
        self.cabinets = Cabinets(network, rules, session.now_s, found.step_s)
        self._faults = FaultySensors(len(self._catalogue), len(network.signals))
        self._ids, self._shown = [s.id for s in network.signals], [""] * len(network.signals)
        self.step_s, self._end_s = found.step_s, session.end_s
        self.now_s, self.until_s, self.ended = session.now_s, session.now_s, ""
        self._arrivals: endless.Arrivals | None = None

    def go_on(self, arrivals: endless.Arrivals) -> None:
        """Never come to the scenario's end: somebody always arrives."""
        self._arrivals, self._end_s = arrivals, math.inf

    def tell(self) -> None:
        """Statuses of the cabinets, then what the sensors say."""
        self.cabinets.tell(self.now_s, self._wire)
        if self.ended:
            return
        phase, age_s = self.cabinets.where(self.now_s)
        try:
            observed = self._sensors.read(self.now_s, phase, age_s)
        except Exception as error:  # libsumo has classes of its own
            self._end(str(error))
            return
        self.cabinets.hear_calls(observed.queue_veh)
        samples, tracks = self._faults.heard(*batches_of(observed, self._catalogue, self._layout, SOURCE))
        self._wire.send(SENSE, encode(samples, tracks, self._catalogue.key), retain=True)

    def hear(self, messages: Sequence[Message]) -> None:
        """Leases, and what is asked of the street itself."""
        for message in messages:
            if message.topic == UNTIL:
                self._told_until(message.payload)
            elif message.topic == FAULT and self._spec.faults:
                self._fault(message.payload)
            elif message.topic == CENTRE:
                if message.payload == ALIVE:
                    self.cabinets.tell_all(self.now_s, self._wire)
            else:
                self.cabinets.hear(message, self.now_s, self._wire)

    def advance(self) -> None:
        """The lights of the next step, and the step."""
        for i, lights in enumerate(self.cabinets.step(self.now_s)):
            if lights != self._shown[i] and not self.ended:
                self._session.sumo.trafficlight.setRedYellowGreenState(self._ids[i], lights)
                self._shown[i] = lights
        if not self.ended and self.now_s >= self._end_s:
            self._end("the scenario is over")
        if self.ended:
            self.now_s += self.step_s
            return
        if self._arrivals is not None:
            self._arrivals.let_in(self.now_s + self.step_s)
        try:
            self.now_s = self._session.advance()
            if self._listener is not None:
                self._listener.listen(self.now_s)
        except SignalsError as error:
            self._end(str(error))

    def _end(self, why: str) -> None:
        """SUMO is gone: no traffic, no sensors; the cabinets go on."""
        self.ended = why or "SUMO ended"
        self.cabinets.hear_calls(np.full(self._layout.movements, np.nan))
        self._wire.send(SENSE_ONLINE, GONE, retain=True)
        self._session.close()

    def _told_until(self, payload: bytes) -> None:
        try:
            until_s = float(payload[:40])
        except ValueError:
            return
        if math.isfinite(until_s):
            self.until_s = until_s

    def _fault(self, payload: bytes) -> None:
        """What is wrong with an order is told to whoever listens."""
        try:
            fault = fault_of(payload)
            self._faults.obey(fault)
            if fault.do == "end":
                self._end("ended on purpose (fault)")
            elif fault.do not in ("dead", "stuck"):
                self.cabinets.obey(fault, self.now_s)
            said = "done"
        except (ConfigError, LinkError) as error:
            said = str(error)
        self._wire.send(FAULT_ANSWER, said.encode())


def live(street: Street, wire: Transport, speed: float, stopped: Callable[[], bool]) -> None:
    """Tell, listen until the next step is due, step; until somebody wants it to end."""
    street.cabinets.announce(wire)
    street.tell()
    begun_s, begun_at_s = street.now_s, time.monotonic()
    while not stopped():
        if speed == 0.0:
            street.hear(wire.receive(0.0 if street.now_s < street.until_s else LISTEN_S))
            if street.now_s >= street.until_s:
                continue
        else:
            due_s = begun_at_s + (street.now_s + street.step_s - begun_s) / speed
            left_s = due_s - time.monotonic()
            street.hear(wire.receive(min(max(left_s, 0.0), LISTEN_S)))
            if time.monotonic() < due_s:
                continue
            if left_s < -CATCH_UP_S:
                begun_s, begun_at_s = street.now_s, time.monotonic()
        street.advance()
        street.tell()


def wire_of(spec: FieldSpec) -> tuple[Transport, int]:
    """The field's end of the wire, and the port that it listens on; 0 where a broker does."""
    if not spec.mqtt:
        server = FieldServer(spec.host, spec.port, made_secret(Path(spec.secret_file)) if spec.secret_file else b"")
        return server, server.port
    mqtt = importlib.import_module("citybrain.field.mqtt")
    return mqtt.MqttTransport.at(spec.mqtt, spec.site, field=True, login=login_of(spec)), 0


def login_of(spec: FieldSpec) -> BrokerLogin:
    """Who the street is to the broker; ConfigError where a file that is named cannot be used."""
    password = secret_of(Path(spec.password_file), "password_file") if spec.password_file else ""
    ca_file, cert_file, key_file = (Path(name) if name else None for name in (spec.ca_file, spec.cert_file, spec.key_file))
    return BrokerLogin(spec.user, password, False, ca_file, cert_file, key_file)


def run(spec: FieldSpec, stopped: Callable[[], bool], ready: Callable[[int], None]) -> None:
    """Start SUMO and the cabinets, say where they listen, and live. Files of the run are gone afterwards."""
    found = scenario(spec.scenario)
    found = check(replace(found, begin_s=_or(spec.begin_s, found.begin_s), end_s=_or(spec.end_s, found.end_s)))
    rules = with_timing(assemble.rules(spec.rules), found.decision_s, found.yellow_s)
    network = read_network(found.net, rules, name=found.name)
    street = detected(spec.sensing, spec.sensor_faults, spec.seed, network, found.net)
    with ExitStack() as kept:
        wire, port = wire_of(spec)  # where nobody may listen, SUMO need not start
        kept.callback(wire.close)
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="citybrain-street-")))
        more = () if street is None else (write_detectors(street.detectors, folder / "detectors.add.xml"),)
        options = endless.OPTIONS if spec.around_the_clock else ()
        files = RunFiles(Path(spec.tripinfo) if spec.tripinfo else None, more, options)
        session = kept.enter_context(start(found, spec.seed, files))
        sensors = Sensing(session.sumo, network, SENSING_M) if street is None else street.listener(session.sumo, network)
        ready(port)
        lasting = Street(spec, found, network, session, sensors, wire)
        if spec.around_the_clock:
            lasting.go_on(endless.arrivals(session, found, measured_day(), spec.seed))
        live(lasting, wire, spec.speed, stopped)


def _or(given: float | None, else_: float) -> float:
    return else_ if given is None else given


def spec_of(words: Sequence[str]) -> FieldSpec:
    """The command line."""
    known = argparse.ArgumentParser(prog="python -m citybrain.field.street", description=__doc__)
    known.add_argument("scenario", help="catalogue name, or a folder with a scenario.toml")
    known.add_argument("--faults", action="store_true", help="obey the topic `fault`")
    known.add_argument("--around-the-clock", action="store_true", help="traffic goes on after the scenario's end")
    for name, kind, default, said in (
        ("seed", int, 1, "of SUMO"),
        ("rules", str, "street", "resco, free or street"),
        ("speed", float, 1.0, "field seconds a second of the wall; 0: in step with the centre"),
        ("host", str, "127.0.0.1", "address to listen on"),
        ("port", int, 0, "port to listen on; 0: any that is free"),
        ("secret-file", str, "", "what a centre has to know, in a file; made where there is none. Without it: loopback only"),
        ("sensing", str, "ideal", "ideal, area or loops"),
        ("sensor-faults", float, 0.0, "share of the detectors that are silent all run"),
        ("begin-s", float, None, "first second"),
        ("end-s", float, None, "last second"),
        ("tripinfo", str, "", "keep SUMO's tripinfo here"),
        ("mqtt", str, "", "HOST:PORT of a broker, instead of listening"),
        ("site", str, "street", "part of the broker's topics"),
        ("user", str, "", "at the broker"),
        ("password-file", str, "", "file with the password, readable by its owner alone"),
        ("ca-file", str, "", "who vouches for the broker; the line is encrypted"),
        ("cert-file", str, "", "certificate of the street for the broker"),
        ("key-file", str, "", "key of that certificate"),
    ):
        known.add_argument(f"--{name}", type=kind, default=default, help=said)
    return FieldSpec(**vars(known.parse_args(list(words))))


def main(words: Sequence[str]) -> int:
    """Run until SIGTERM or SIGINT; bad input is one sentence and 2."""
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, ask)

    def ready(port: int) -> None:
        sys.stdout.write(json.dumps({"port": port}) + "\n")
        sys.stdout.flush()

    try:
        run(spec_of(words), lambda: bool(asked), ready)
    except SignalsError as error:
        sys.stderr.write(f"street: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
