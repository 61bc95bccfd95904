"""The street behind a wire, with a real street process at its other end."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from citybrain import assemble
from citybrain.field.client import TcpTransport
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.senses import Senses
from citybrain.service.alarms import Alarms
from citybrain.service.desk import Mode
from citybrain.service.engine import Engine, Spoken
from citybrain.service.fitness import Fitness
from citybrain.service.orders import Orders
from citybrain.service.serving import StoredEpochs
from citybrain.service.street import DEGRADED, OK, SILENT
from citybrain.service.wired import WiredStreet
from signals.errors import ConfigError, LinkError
from signals.rules import RULES
from signals.types import Network

pytestmark = pytest.mark.sumo
SPEED = 20.0


@dataclass
class Field:
    """A street process, and wires to it."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    network: Network

    def street(self) -> WiredStreet:
        """Another centre's end."""
        senses = Senses(self.network, Catalogue.of(self.network))
        wire = TcpTransport("127.0.0.1", self.port)
        return WiredStreet(wire, self.network, senses, StoredEpochs(self.folder / "city.db"), Catalogue.of(self.network).key)


@pytest.fixture(scope="module")
def field(grid: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """grid_2x2 in a process of its own, twenty seconds a second."""
    words = [sys.executable, "-m", "citybrain.field.street", "grid_2x2", "--rules", "resco", "--speed", f"{SPEED:g}", "--faults"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        out = process.stdout
        assert out is not None
        yield Field(process, json.loads(out.readline())["port"], tmp_path_factory.mktemp("state"), grid)
    finally:
        process.terminate()
        process.wait(20.0)
        if process.stdout is not None:
            process.stdout.close()


def heard(street: WiredStreet, seconds: float = 2.0) -> float:
    """Its time, once it moves."""
    until_s = time.monotonic() + 20.0
    while np.isnan(street.wait(0.0, 0.2)) and time.monotonic() < until_s:
        pass
    return street.wait(street.now_s + seconds, 5.0)


def until(street: WiredStreet, code: int, i: int) -> bool:
    """Whether a signal's health comes to be this within a while."""
    until_s = time.monotonic() + 20.0
    while street.health()[i] != code and time.monotonic() < until_s:
        street.wait(street.now_s + 1.0, 0.2)
    return bool(street.health()[i] == code)


def test_the_street_s_clock_is_the_service_s(field: Field) -> None:
    street = field.street()
    try:
        first = heard(street)
        assert street.wait(first + 3.0, 5.0) >= first + 3.0
        seen = street.observe(street.now_s)
        assert not np.isnan(seen.age_s).any() and not np.isnan(seen.queue_veh).all()
        assert (street.health() == OK).all() and street.fenced() == 0
    finally:
        street.close()


def test_plans_reach_the_controllers_and_every_centre_has_a_newer_epoch(field: Field, grid: Network) -> None:
    epochs = []
    for _ in range(2):
        street = field.street()
        try:
            heard(street)
            epochs.append(street.epoch)
            one = Engine(
                grid,
                RULES["resco"],
                street,
                assemble.planner,
                lambda n: Spoken(None),
                Orders("max_pressure", Mode.AUTOMATIC),
                now_s=street.now_s,
            )
            for _ in range(25):
                one.tick(street.now_s)
                street.wait(street.now_s + 1.0, 2.0)
            assert any(one.plan_of(i).plan is not s.base for i, s in enumerate(grid.signals))
            assert (street.health() == OK).all(), [street.reason_of(i) for i in range(4)]
            one.release()
        finally:
            street.close()
    assert epochs[1] > epochs[0] >= 1


def test_a_fault_is_done_and_healed(field: Field, grid: Network) -> None:
    street, name = field.street(), grid.signals[1].id
    try:
        heard(street)
        assert name in street.fault("mute", 0.0, name)
        assert until(street, SILENT, 1) and name in street.reason_of(1)
        street.fault("heal", 0.0, "")
        assert until(street, OK, 1), (street.reason_of(1), street.health(), street.now_s)
    finally:
        street.close()


def test_a_controller_that_refuses_is_an_alarm_with_its_own_reason_and_well_again_once_it_takes_a_plan(field: Field, grid: Network) -> None:
    street, name, alarms, fitness = field.street(), grid.signals[1].id, Alarms(grid), Fitness(grid)
    try:
        heard(street)
        orders = Orders("max_pressure", Mode.AUTOMATIC)
        one = Engine(grid, RULES["resco"], street, assemble.planner, lambda n: Spoken(None), orders, now_s=street.now_s)

        def raised() -> dict[str, str]:
            tick = one.tick(street.now_s)
            fitness.see(tick.observed, street.health())
            alarms.see(fitness, tick.now_s, street.reason_of, street.refused())
            street.wait(street.now_s + 1.0, 2.0)
            return {a["signal"]: a["sentence"]["en"] for a in alarms.as_json() if a["kind"] == "refused"}

        street.fault("refuse", 0.0, name)
        assert within(lambda: raised() == {name: "controller refuses its plan: refuses everything (fault)"})
        street.fault("heal", 0.0, "")
        assert within(lambda: raised() == {})
        one.release()
    finally:
        street.close()


def within(claim: Callable[[], bool], limit_s: float = 20.0) -> bool:
    """Whether it comes true within a while."""
    until_s = time.monotonic() + limit_s
    while not (true := claim()) and time.monotonic() < until_s:
        pass
    return true


def test_a_newer_centre_fences_the_older_one(field: Field, grid: Network) -> None:
    old, new = field.street(), field.street()
    try:
        heard(old)
        heard(new)
        assert new.epoch > old.epoch
        one = Engine(
            grid, RULES["resco"], new, assemble.planner, lambda n: Spoken(None), Orders("max_pressure", Mode.AUTOMATIC), now_s=new.now_s
        )
        until_s = time.monotonic() + 20.0
        while old.fenced() == 0 and time.monotonic() < until_s:
            one.tick(new.now_s)
            new.wait(new.now_s + 1.0, 1.0)
            old.wait(old.now_s + 1.0, 1.0)
        assert old.fenced() > 0 and (old.health() == DEGRADED).any()
        one.release()
    finally:
        old.close()
        new.close()


def test_what_cannot_be_broken_is_told(field: Field) -> None:
    street = field.street()
    try:
        heard(street)
        with pytest.raises(ConfigError, match="there is none of that name"):
            street.fault("mute", 0.0, "nowhere")
        with pytest.raises(ConfigError, match="expected one of dead"):
            street.fault("explode", 0.0, "")
        with pytest.raises(ConfigError, match="expected a share"):
            street.fault("dead", 7.0, "")
    finally:
        street.close()


def test_nobody_at_the_other_end_is_told(
    grid: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("citybrain.service.wired.MUSTER_S", 0.0)
    wire = TcpTransport("127.0.0.1", 1)
    street = WiredStreet(wire, grid, Senses(grid, Catalogue.of(grid)), StoredEpochs(tmp_path / "city.db"))
    try:
        assert np.isnan(street.now_s)
        with pytest.raises(LinkError, match="does not answer"):
            street.fault("dead", 0.3, "")
        for _ in range(3):
            street.wait(0.0, 0.1)
        said = "street 127.0.0.1:1: nobody answers (connection refused)"
        assert street.why() == said and [r.fields["error"] for r in caplog.records if hasattr(r, "fields")] == [said], "said once"
    finally:
        street.close()


def test_epochs_only_grow_and_those_of_two_folders_differ(tmp_path: Path) -> None:
    epochs, other = StoredEpochs(tmp_path / "a" / "city.db"), StoredEpochs(tmp_path / "b" / "city.db")
    given = [epochs.next(0), epochs.next(0), epochs.next(10**9), StoredEpochs(tmp_path / "a" / "city.db").next(7)]
    assert given == sorted(set(given)) and given[2] > 10**9
    assert other.next(0) not in given
