"""Claims about SUMO's own actuated control: the same phases and intergreens, within its limits, and it adapts."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from signals.monitor import monitor_for
from signals.rules import RULES
from signals.types import Network
from sumo_nets.actuated import MAX_GREEN_S, MIN_GREEN_S, PROGRAM_ID, write_actuated
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario
from sumo_nets.session import RunFiles, start


@pytest.fixture
def arterial() -> Network:
    return read_network(scenario("arterial_5").net, RULES["resco"])


def test_the_file_holds_the_base_stages_with_the_rules_intergreens(arterial: Network, tmp_path: Path) -> None:
    root = ET.parse(write_actuated(arterial, tmp_path / "a.add.xml")).getroot()
    logics = {x.get("id"): x for x in root.findall("tlLogic")}
    assert set(logics) == {s.id for s in arterial.signals}
    for signal in arterial.signals:
        logic = logics[signal.id]
        assert (logic.get("type"), logic.get("programID")) == ("actuated", PROGRAM_ID)
        limited = [x.get("state") for x in logic if x.get("minDur") == "5" and x.get("maxDur") == "50"]
        assert limited == [signal.phases[stage.phase].lights for stage in signal.base.stages]
        yellow_s = sum(float(x.get("duration", "nan")) for x in logic if x.get("minDur") is None)
        assert yellow_s == signal.base.cycle_s - sum(stage.green_s for stage in signal.base.stages)


@pytest.mark.sumo
def test_sumo_runs_it_without_violations_and_greens_follow_the_traffic(arterial: Network, tmp_path: Path) -> None:
    one = scenario("arterial_5")
    files = RunFiles(additional=(write_actuated(arterial, tmp_path / "a.add.xml"),))
    monitor, lengths_s = monitor_for(arterial, RULES["free"]), set[float]()
    with start(one, 107, files) as session:
        lights = session.sumo.trafficlight
        first = arterial.signals[0]
        green, began_s = first.phases[first.base.stages[0].phase].lights, None
        while session.now_s < one.begin_s + 400.0:
            now_s = session.now_s
            session.advance()
            shown = [lights.getRedYellowGreenState(s.id) for s in arterial.signals]
            monitor.watch(now_s, shown)
            if shown[0] == green and began_s is None:
                began_s = now_s
            elif shown[0] != green and began_s is not None:
                lengths_s, began_s = lengths_s | {now_s - began_s}, None
        assert {lights.getProgram(s.id) for s in arterial.signals} == {PROGRAM_ID}
    assert monitor.violations == []
    assert len(lengths_s) > 1
    assert all(MIN_GREEN_S <= length_s <= MAX_GREEN_S for length_s in lengths_s)
