"""The street as a process: SUMO behind cabinets, steered over the wire as by `SumoLink`; what breaks, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain import assemble
from citybrain.field import street
from citybrain.field.client import TcpTransport
from citybrain.field.lent import Health
from citybrain.field.link import FieldLink
from citybrain.field.mqtt import MqttTransport
from citybrain.field.transport import FAULT, FAULT_ANSWER, GONE, ONLINE, UNTIL, Message, Transport
from citybrain.forecasts import Silent
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.senses import Senses
from signals.loop import ControlLoop
from signals.metrics import read_trips
from signals.monitor import monitor_for
from signals.rules import RULES, envelope
from signals.types import Network, Tick

pytestmark = pytest.mark.sumo
Soon = Callable[..., bool]
BEGIN_S = 25200.0
ROOT = Path(street.__file__).resolve().parents[2]
PATIENCE_S = 30.0  # of the wall: for a second of the street


@contextmanager
def process(*words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A street, and the port that it says."""
    command = [sys.executable, "-m", "citybrain.field.street", "grid_2x2", "--rules", "resco", *words]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert running.stdout is not None
        said = running.stdout.readline()
        if not said:
            pytest.fail(f"the street did not start: {running.communicate()[1][-2000:]}")
        yield running, int(json.loads(said)["port"])
    finally:
        running.kill()
        running.communicate(timeout=PATIENCE_S)


def eventually(claim: Callable[[], bool], limit_s: float) -> bool:
    """Whether it becomes true in time; the claim itself waits."""
    until_s = time.monotonic() + limit_s
    while not claim():
        if time.monotonic() > until_s:
            return False
    return True


@dataclass
class Steered:
    """A centre that runs in step with the street: lights of every second go through a monitor of ours."""

    network: Network
    wire: Transport
    answers: list[bytes] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)

    def __post_init__(self) -> None:
        limits = tuple(envelope(s, RULES["resco"]) for s in self.network.signals)
        self.link = FieldLink(self, self.network, Senses(self.network, Catalogue.of(self.network)))
        self.loop = ControlLoop(self.network, limits, self.link, assemble.planner("rolling_horizon", self.network, limits), Silent())
        self.monitor = monitor_for(self.network, RULES["resco"])
        self.now_s = BEGIN_S

    @property
    def connected(self) -> bool:
        return self.wire.connected

    def send(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        return self.wire.send(topic, payload, retain)

    def receive(self, wait_s: float = 0.0) -> list[Message]:
        heard = self.wire.receive(wait_s)
        self.answers += [m.payload for m in heard if m.topic == FAULT_ANSWER]
        return heard

    def close(self) -> None:
        self.wire.close()

    def run(self, seconds: int, decide: bool = True) -> None:
        """So many seconds, with a decision every ten."""
        assert eventually(lambda: self.link.listen(0.05) >= self.now_s and not self.link.standing.silent(self.now_s).any(), PATIENCE_S)
        for _ in range(seconds):
            if decide and (self.now_s - BEGIN_S) % 10.0 == 0.0:
                self.ticks.append(self.loop.tick(self.now_s))
            self.now_s += 1.0
            assert self.send(UNTIL, str(self.now_s).encode())
            assert self.link.wait_until(self.now_s, PATIENCE_S)
            self.monitor.watch(self.now_s - 1.0, self.link.standing.lights)

    def fault(self, **order: Any) -> None:
        assert self.send(FAULT, json.dumps(order).encode())


def test_a_street_is_steered_over_the_wire_and_outlives_its_centre(grid: Network, tmp_path: Path, soon: Soon) -> None:
    trips_file = tmp_path / "tripinfo.xml"
    words = ("--speed", "0", "--seed", "3", "--tripinfo", str(trips_file), "--end-s", str(BEGIN_S + 400.0), "--faults")
    with process(*words) as (running, port):
        with closing(TcpTransport("127.0.0.1", port)) as wire:
            first = Steered(grid, wire)
            assert soon(lambda: wire.connected)
            first.run(150)
            last = first.ticks[-1].observed
            assert set(first.link.health().tolist()) == {Health.OK} and first.link.malformed == 0
            assert last.vehicle_lane.size > 20 and np.nansum(last.counts_veh) > 0 and np.isfinite(last.queue_veh).all()
            assert len({int(p) for tick in first.ticks for p in tick.observed.phase}) > 1
            epoch = first.link.newest_epoch
        with closing(TcpTransport("127.0.0.1", port)) as wire:
            second = Steered(grid, wire)
            second.now_s, second.link.lent.epoch = first.now_s, epoch + 1
            assert soon(lambda: wire.connected)
            second.run(150)
            assert set(second.link.health().tolist()) == {Health.OK}
            breakdowns(second, grid)
            assert first.monitor.violations == [] and second.monitor.violations == []
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE_S) == 0
    trips = read_trips(trips_file, BEGIN_S, second.now_s, {})
    assert trips.arrived.sum() > 50


def breakdowns(one: Steered, grid: Network) -> None:
    """Sensors that die, a cabinet that flashes, a SUMO that ends: each is seen, and the rest goes on."""
    one.fault(do="dead", share=0.3, seed=2)
    one.fault(do="flash", signal=grid.signals[0].id)
    one.fault(do="sing")
    one.run(20, decide=False)
    observed = one.link.observe(one.now_s)
    assert 0.15 < np.isnan(observed.wait_s).mean() < 0.45
    assert [Health(int(code)) for code in one.link.health()] == [Health.FLASH, Health.OK, Health.OK, Health.OK]
    assert one.answers[:2] == [b"done", b"done"] and b"expected one of" in one.answers[2]
    one.monitor.violations = [v for v in one.monitor.violations if v.signal != grid.signals[0].id]
    one.fault(do="end")
    one.send(UNTIL, str(one.now_s + 30.0).encode())
    assert one.link.wait_until(one.now_s + 30.0, PATIENCE_S) and one.link.now_s == one.now_s + 30.0
    assert np.isnan(one.link.observe(one.link.now_s).queue_veh).all() and np.isfinite(one.link.standing.where(one.link.now_s)[1][1:]).all()


def test_around_the_clock_traffic_goes_on_after_the_scenario_s_end(grid: Network, soon: Soon) -> None:
    ends_s = BEGIN_S + 3600.0
    words = ("--speed", "0", "--seed", "3", "--begin-s", str(ends_s - 60.0), "--around-the-clock")
    with process(*words) as (running, port), closing(TcpTransport("127.0.0.1", port)) as wire:
        one = Steered(grid, wire)
        one.now_s = ends_s - 60.0
        assert soon(lambda: wire.connected)
        one.run(360)
        late = [tick.observed for tick in one.ticks if tick.observed.now_s > ends_s + 120.0]
        assert len(late) > 10 and all(np.nansum(seen.counts_veh) > 5.0 and seen.vehicle_lane.size > 20 for seen in late)
        assert all(a.observed.now_s < b.observed.now_s for a, b in pairwise(one.ticks)) and running.poll() is None
        assert set(one.link.health().tolist()) == {Health.OK} and one.monitor.violations == []


def test_at_its_own_pace_it_does_not_wait_for_anybody(grid: Network, soon: Soon) -> None:
    words = ("--speed", "40", "--sensing", "area", "--sensor-faults", "0.2")
    with process(*words) as (running, port), closing(TcpTransport("127.0.0.1", port)) as wire:
        link = FieldLink(wire, grid, Senses(grid, Catalogue.of(grid)))
        assert soon(lambda: link.listen(0.1) > BEGIN_S + 20.0)
        assert wire.send(UNTIL, b"1") and wire.send(FAULT, b'{"do": "end"}')
        begun_s = link.now_s
        assert soon(lambda: link.listen(0.1) > begun_s + 20.0)
        assert np.isfinite(link.observe(link.now_s).wait_s).any()  # nobody asked for faults
        assert running.poll() is None


def test_it_is_steered_over_a_broker_and_its_last_will_says_that_it_is_gone(grid: Network, broker: Any, soon: Soon) -> None:
    words = ("--speed", "0", "--mqtt", broker.place, "--site", "grid")
    with process(*words) as (running, _), closing(MqttTransport.at(broker.place, "grid", field=False)) as wire:
        one = Steered(grid, wire)
        assert soon(lambda: wire.connected)
        one.run(60)
        assert set(one.link.health().tolist()) == {Health.OK} and one.monitor.violations == []
        running.kill()
        assert soon(lambda: Message(ONLINE, GONE) in wire.receive(0.1))


WRONG = {
    ("nowhere",): "nowhere",
    ("grid_2x2", "--speed", "-1"): "speed -1.0: expected field seconds",
    ("grid_2x2", "--speed", "nan"): "speed nan",
    ("grid_2x2", "--sensing", "magic"): "no such sensing",
    ("grid_2x2", "--rules", "none"): "no such rules",
    ("grid_2x2", "--sensor-faults", "0.5"): "ideal sensing has no detectors",
    ("grid_2x2", "--host", "0.0.0.0"): "expected a loopback address, or a secret file",
    ("grid_2x2", "--mqtt", "h:1", "--user", "x", "--password-file", "/none"): "password_file /none: no such file",
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_bad_input_is_one_sentence_and_ends_with_2(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    assert street.main(words) == 2
    said = capsys.readouterr().err
    assert WRONG[words] in said and said.startswith("street: ") and said.count("\n") == 1
