"""Who judges must see what is wrong: planted lights on the wire and in SUMO's file, gaps, and streets that begin anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.chaos.watcher import Judge, Watcher, judged_file, written_lights
from citybrain.field.cabinets import Cabinets
from citybrain.field.transport import GONE, SENSE, SENSE_ONLINE, Message, status_topic
from citybrain.intake.batch import Samples
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import encode
from signals.emulator import EmulatedController
from signals.lease import encode_status
from signals.rules import RULES
from signals.types import Network
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

RULE = RULES["street"]
BEGIN_S = 25200.0


@pytest.fixture(scope="module")
def grid() -> Network:
    return read_network(scenario("grid_2x2").net, RULE, name="grid_2x2")


def shown(grid: Network, seconds: int) -> list[dict[str, str]]:
    """Lights of good cabinets."""
    cabinets = {s.id: EmulatedController(s, RULE, BEGIN_S) for s in grid.signals}
    return [{name: one.step(BEGIN_S + k) for name, one in cabinets.items()} for k in range(seconds)]


def planted(steps: list[dict[str, str]], name: str) -> int:
    """Take a yellow out: the second after a green is red at once. Where that was done."""
    k = next(k for k in range(20, len(steps)) if "y" in steps[k][name])
    red = steps[k][name].replace("y", "r")
    while "y" in steps[k][name]:
        steps[k][name] = red
        k += 1
    return k


def test_good_lights_are_good_and_a_missing_yellow_is_seen(grid: Network) -> None:
    steps, bad = shown(grid, 150), shown(grid, 150)
    planted(bad, "B0")
    for lights, found in ((steps, set()), (bad, {"no yellow"})):
        judge = Judge(grid, RULE)
        for k, one in enumerate(lights):
            judge.watch(BEGIN_S + k, one)
        assert {v.rule for v in judge.violations()} == found and judge.steps == 600 and judge.gaps == 0


def test_after_a_gap_ages_are_unknown_but_conflicts_are_not(grid: Network) -> None:
    judge = Judge(grid, RULE)
    steps, greens = shown(grid, 100), {s.id: "G" * len(s.movements) for s in grid.signals}
    for k in (*range(40), *range(43, 100)):
        judge.watch(BEGIN_S + k, steps[k])
    assert judge.violations() == [] and judge.gaps == 4
    judge.watch(BEGIN_S + 500.0, greens)
    assert {v.rule for v in judge.violations()} == {"conflicting greens"}


def test_a_cabinet_whose_lamps_were_broken_may_flash_and_nobody_else(grid: Network) -> None:
    judge = Judge(grid, RULE)
    judge.burnt.add("A0")
    steps = shown(grid, 30)
    for k, one in enumerate(steps):
        judge.watch(BEGIN_S + k, one)
    judge.watch(BEGIN_S + 30, {s.id: "o" * len(s.movements) for s in grid.signals})
    assert {v.signal for v in judge.violations()} == {"A1", "B0", "B1"}


class Wire:
    """What the street would have said."""

    connected = True

    def __init__(self) -> None:
        self.inbox: list[Message] = []

    def send(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        self.inbox.append(Message(topic, payload))
        return True

    def receive(self, wait_s: float = 0.0) -> list[Message]:
        heard, self.inbox = self.inbox, []
        return heard

    def close(self) -> None:
        self.connected = False


@pytest.mark.parametrize("sensed", [True, False], ids=["with sensors", "when SUMO has ended"])
def test_on_the_wire_a_wrong_second_is_seen_whatever_the_cabinets_clocks_say(grid: Network, sensed: bool) -> None:
    wire, cabinets = Wire(), {s.id: EmulatedController(s, RULE, BEGIN_S) for s in grid.signals}
    watcher = Watcher(grid, RULE, wire)
    steps = shown(grid, 120)
    k_bad = planted(steps, "A1")
    key = Catalogue.of(grid).key
    for k, lights in enumerate(steps):
        now_s = BEGIN_S + k
        for name, one in cabinets.items():
            one.step(now_s)
            skew_s = 3600.0 if k > 60 else 0.0
            wire.send(status_topic(name), encode_status(replace(one.status(now_s + 1.0), now_s=now_s + 1.0 + skew_s, lights=lights[name])))
        if sensed or k < 10:
            samples = Samples("street", np.zeros(1, np.int32), np.array([now_s + 1.0]), np.ones(1, np.float32))
            wire.send(SENSE, encode(samples, None, key))
        elif k == 10:
            wire.send(SENSE_ONLINE, GONE)
        watcher.look()
    assert {(v.rule, v.signal) for v in watcher.judge.violations()} == {("no yellow", "A1")}
    assert abs(watcher.judge.violations()[0].now_s - BEGIN_S - k_bad) < 10.0 and watcher.judge.gaps == 0
    assert watcher.now_s >= BEGIN_S + 119.0 and watcher.passed_veh > 0.0


@pytest.mark.parametrize("sensed", [True, False], ids=["with sensors", "when SUMO has ended"])
def test_cabinets_that_speak_when_something_changes_are_judged_every_second(grid: Network, sensed: bool) -> None:
    wire, cabinets = Wire(), Cabinets(grid, RULE, BEGIN_S, 1.0)
    watcher, key = Watcher(grid, RULE, wire), Catalogue.of(grid).key
    for k in range(200):
        now_s = BEGIN_S + k + 1.0
        cabinets.step(now_s - 1.0)
        if k == 150:
            cabinets.tell_all(now_s - 1.0, wire)  # another centre has come
        cabinets.tell(now_s, wire)
        if sensed or k < 10:
            wire.send(SENSE, encode(Samples("street", np.zeros(1, np.int32), np.array([now_s]), np.ones(1, np.float32)), None, key))
        elif k == 10:
            wire.send(SENSE_ONLINE, GONE)
        watcher.look()
    assert watcher.judge.violations() == [] and watcher.judge.gaps == 0
    assert watcher.judge.steps >= 4 * 195 and watcher.now_s >= BEGIN_S + 198.0


def test_a_street_that_begins_anew_is_another_one_whatever_its_cabinets_say_first(grid: Network) -> None:
    """SUMO has ended, the cabinets were heard alone; then the street begins again in the morning, its cabinets sooner than its sensors."""
    wire, key = Wire(), Catalogue.of(grid).key
    watcher = Watcher(grid, RULE, wire)
    for life, seconds in enumerate((75, 30)):
        cabinets = Cabinets(grid, RULE, BEGIN_S, 1.0)
        for k in range(seconds):
            now_s = BEGIN_S + k + 1.0
            cabinets.step(now_s - 1.0)
            cabinets.tell_all(now_s, wire)
            if (k < 10) if life == 0 else (k > 3):
                wire.send(SENSE, encode(Samples("street", np.zeros(1, np.int32), np.array([now_s]), np.ones(1, np.float32)), None, key))
            elif k == 10:
                wire.send(SENSE_ONLINE, GONE)
            watcher.look()
        if life == 0:
            watcher.street_ended()
    assert watcher.judge.violations() == [] and watcher.judge.gaps == 4
    assert watcher.now_s == BEGIN_S + 30.0 and watcher.judge.steps >= 4 * 95


def test_sumos_own_file_is_judged_as_far_as_it_goes(grid: Network, tmp_path: Path) -> None:
    steps, file = shown(grid, 120), tmp_path / "lights.xml"
    planted(steps, "B1")
    lines = [
        f'    <tlsState time="{BEGIN_S + k:.2f}" id="{name}" programID="online" phase="0" state="{lights}"/>'
        for k, one in enumerate(steps)
        for name, lights in one.items()
    ]
    file.write_text("<tlsStates>\n" + "\n".join(lines) + '\n    <tlsState time="25320.00" id="A0" programID="onl', encoding="utf-8")
    assert len(list(written_lights(file))) == 120
    judge = judged_file(file, grid, RULE, set())
    assert [(v.rule, v.signal) for v in judge.violations()][:1] == [("no yellow", "B1")] and judge.steps == 480
