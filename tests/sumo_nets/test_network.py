"""Claims about reading a net: it works on everybody's, agrees with SUMO itself, and a bad one is one clear error."""

import importlib.util
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import sumo_nets.network as module
from signals.errors import ScenarioError
from signals.rules import RULES, all_red_time_s, envelope, yellow_time_s
from signals.site import clashes
from signals.types import Intersection, Movement, Network, Serves, Turn
from sumo_nets.network import read_network, saturation_veh_h
from sumo_nets.scenario import scenario

ROOT = Path(module.__file__).parents[1]
DATA = Path(os.environ.get("CITYBRAIN_SHARED", ROOT.parent / "shared")) / "data"
needs_resco = pytest.mark.skipif(
    importlib.util.find_spec("sumo_rl") is None,
    reason="the RESCO nets need the bench extra (sumo-rl), not installed here",
)
RESCO = ["grid4x4", "arterial4x4", "ingolstadt1", "ingolstadt7", "ingolstadt21", "cologne1", "cologne3", "cologne8"]
SIGNALS = {
    "grid_2x2": 4,
    "arterial_5": 5,
    "grid4x4": 16,
    "arterial4x4": 16,
    "cologne1": 1,
    "cologne3": 3,
    "cologne8": 8,
}
NAMES = ["grid_2x2", "arterial_5", *(pytest.param(f"resco/{n}", marks=needs_resco) for n in RESCO)]
HANGZHOU = ["hangzhou_4x4/hangzhou_4x4.net.xml", "hangzhou_1x1_bc-tyc/net.xml", "hangzhou_1x1_kn-hz/net.xml"]
FRESH = {
    "grid": ["--grid", "--grid.number", "2", "--grid.attach-length", "120", "--turn-lanes", "1"],
    "grid with crossings": ["--grid", "--grid.number", "2", "--sidewalks.guess", "--crossings.guess"],
    "spider": ["--spider", "--spider.arm-number", "5", "--spider.circle-number", "2", "--default.lanenumber", "2"],
    "by chance": ["--rand", "--rand.iterations", "25", "--seed", "7", "--default.lanenumber", "2"],
}


@cache
def read(name: str, rules: str = "resco") -> Network:
    return read_network(scenario(name).net, RULES[rules])


def movements_of(network: Network) -> list[Movement]:
    return [m for s in network.signals for m in s.movements]


def check(network: Network, rules: str) -> None:
    """What holds of every net."""
    assert network.signals
    for signal in network.signals:
        check_arrays(signal)
        check_base(signal)
        assert clashes(signal) == []  # safety's own table of forbidden phases agrees
        least_s = 2.0 if rules == "resco" else 3.0
        changes = signal.yellow_s > 0.0
        assert (signal.yellow_s[changes] >= least_s).all()
        assert (np.diag(signal.intergreen_s) == 0.0).all()
    names = {s.id for s in network.signals}
    for street in network.streets:
        assert {street.from_signal, street.to_signal} <= names
        assert street.from_signal != street.to_signal
        assert street.length_m > 0.0


def check_arrays(signal: Intersection) -> None:
    p, m, k = len(signal.phases), len(signal.movements), len(signal.lanes)
    assert (signal.serves.shape, signal.uses.shape) == ((p, m), (k, m))
    assert (signal.conflicts == signal.conflicts.T).all()
    assert not signal.conflicts.diagonal().any()
    assert not (signal.yields_to & ~signal.conflicts).any()
    for i, movement in enumerate(signal.movements):
        used = tuple(lane.id for j, lane in enumerate(signal.lanes) if signal.uses[j, i])
        assert set(used) == set(movement.lanes)
        dark = any(phase.lights[i] in "soO" for phase in signal.phases)
        alive = bool(movement.lanes) or movement.turn is Turn.CROSSING
        assert not alive or dark or (signal.serves[:, i] > Serves.NOT).any()
        if movement.lanes:
            assert 1000.0 < movement.saturation_veh_h / len(movement.lanes) < 3000.0
            assert movement.crossing_m > 0.0
            assert movement.exits
    for lane in signal.lanes:
        assert min(lane.length_m, 250.0) <= lane.sensed_m <= 250.0
        assert lane.storage_veh >= lane.sensed_m / 7.5 - 1e-9


def check_base(signal: Intersection) -> None:
    base = signal.base
    after = base.stages[1:] + base.stages[:1]
    lost_s = sum(float(signal.intergreen_s[a.phase, b.phase]) for a, b in zip(base.stages, after, strict=True))
    assert base.repeats
    assert base.cycle_s == pytest.approx(sum(s.green_s for s in base.stages) + lost_s)
    assert 0.0 <= base.offset_s < base.cycle_s
    served = {int(m) for stage in base.stages for m in np.flatnonzero(signal.serves[stage.phase])}
    assert served == {int(m) for m in np.flatnonzero(signal.serves.sum(axis=0))}


@pytest.mark.parametrize("rules", ["resco", "street"])
@pytest.mark.parametrize("name", NAMES)
def test_every_net_of_the_catalogue_is_read_whole(name: str, rules: str) -> None:
    network = read(name, rules)
    check(network, rules)
    short = name.rpartition("/")[2]
    assert len(network.signals) == SIGNALS.get(short) or short.startswith("ingolstadt")
    if short.startswith("ingolstadt"):
        assert len(network.signals) == int(short.removeprefix("ingolstadt"))


@pytest.mark.sumo
@pytest.mark.parametrize("options", FRESH.values(), ids=FRESH.keys())
def test_a_net_that_was_made_a_second_ago_is_read_whole(options: list[str], tmp_path: Path) -> None:
    import sumolib

    net = tmp_path / "fresh.net.xml"
    words = [sumolib.checkBinary("netgenerate"), *options, "--default-junction-type", "traffic_light", "-o", str(net)]
    subprocess.run(words, check=True, capture_output=True)
    network = read_network(net, RULES["street"])
    check(network, "street")
    assert network.name == "fresh.net"
    crossings = sum(m.turn is Turn.CROSSING for m in movements_of(network))
    assert (crossings > 0) == ("--crossings.guess" in options)


@pytest.mark.shared
@pytest.mark.parametrize("file", HANGZHOU)
def test_the_hangzhou_nets_are_read_whole(file: str) -> None:
    if not (DATA / file).is_file():
        pytest.skip("the measurement data are not here; set CITYBRAIN_SHARED to their folder")
    network = read_network(DATA / file, RULES["resco"])
    check(network, "resco")
    assert len(network.signals) == (16 if "4x4" in file else 1)


@pytest.mark.sumo
@pytest.mark.parametrize(
    "name",
    ["grid_2x2", "arterial_5", *(pytest.param(f"resco/{n}", marks=needs_resco) for n in ("cologne8", "ingolstadt7"))],
)
def test_links_and_right_of_way_are_those_of_sumo(name: str) -> None:
    import libsumo

    network = read(name)
    libsumo.start(["sumo", "-n", str(scenario(name).net), "--no-warnings", "--xml-validation", "never"])
    asked = 0
    for signal in network.signals:
        for m, links in enumerate(libsumo.trafficlight.getControlledLinks(signal.id)):
            movement = signal.movements[m]
            if movement.turn is Turn.CROSSING:
                continue
            assert {link[0] for link in links} == set(movement.lanes)
            assert {link[1] for link in links} == set(movement.exits)
            waited_for = np.flatnonzero(signal.yields_to[m])
            lanes = {lane for k in waited_for for lane in signal.movements[k].lanes}
            theirs = {lane for before, after, _ in links for lane in libsumo.lane.getFoes(before, after)}
            assert lanes == {lane for lane in theirs if not lane.startswith(":")}
            asked += 1
    libsumo.close()
    assert asked >= 60


def test_a_four_arm_junction_is_understood() -> None:
    signal = read("grid_2x2").signals[0]
    turns = {(m.approach, m.turn): i for i, m in enumerate(signal.movements)}
    approaches = {m.approach for m in signal.movements}
    assert len(approaches) == 4
    through = [turns[a, Turn.THROUGH] for a in sorted(approaches)]
    clash = {frozenset((i, k)) for i, k in product(through, repeat=2) if signal.conflicts[i, k]}
    assert len(clash) == 4  # each with the two that cross it, not with the one opposite
    for a in approaches:
        opposite = [i for i in through if not signal.conflicts[i, turns[a, Turn.THROUGH]] and i != turns[a, Turn.THROUGH]]
        assert signal.conflicts[turns[a, Turn.LEFT], opposite].all()
        assert signal.yields_to[turns[a, Turn.LEFT], opposite].all()


def test_pedestrian_crossings_become_movements_that_conflict_with_the_traffic_over_them() -> None:
    network = read("arterial_5", "street")
    signal = network.signals[0]
    crossings = [i for i, m in enumerate(signal.movements) if m.turn is Turn.CROSSING]
    assert len(crossings) >= 4
    for i in crossings:
        movement = signal.movements[i]
        assert movement.lanes == ()
        assert movement.crossing_m > 6.0
        assert signal.conflicts[i].any()
        assert (signal.serves[:, i] > Serves.NOT).any()


def test_street_rules_time_yellow_and_all_red_by_speed_and_geometry_and_give_pedestrians_time() -> None:
    for signal in read("arterial_5", "street").signals:
        speeds = {m.speed_mps for m in signal.movements if m.lanes}
        yellows = {yellow_time_s(v) for v in speeds} | {0.0, yellow_time_s(1.2)}
        assert set(signal.yellow_s.ravel().tolist()) <= yellows
        clearances = {all_red_time_s(m.crossing_m, m.speed_mps) for m in signal.movements if m.lanes}
        clearances |= {all_red_time_s(m.crossing_m, 6.0) for m in signal.movements if m.turn is Turn.CROSSING}
        assert set(signal.all_red_s.ravel().tolist()) <= clearances | {0.0}
        least_s = envelope(signal, RULES["street"]).min_green_s
        for p, m in zip(*np.nonzero(signal.serves), strict=True):
            if signal.movements[m].turn is Turn.CROSSING:
                assert least_s[p] >= 5.0 + signal.movements[m].crossing_m / 1.2


@needs_resco
def test_a_stop_lane_of_a_metre_is_traced_to_the_sensing_range_or_the_next_signal() -> None:
    lanes = {lane.id: lane for s in read("resco/ingolstadt7").signals for lane in s.lanes}
    short = lanes["10425609#1_2"]
    assert short.length_m < 1.0
    # Through the plain junction behind it, and on to the next signal's stop line.
    assert short.upstream == ("10425609#0_2", "201956811#0_1")
    assert short.sensed_m == pytest.approx(0.92 + 43.58 + 40.40)
    assert short.storage_veh == pytest.approx(short.sensed_m / 7.5)
    assert lanes["285716192#0.83_2"].length_m < 12.0
    assert lanes["285716192#0.83_2"].sensed_m == 250.0
    again = read_network(scenario("resco/ingolstadt7").net, RULES["resco"], sensing_m=60.0)
    assert max(lane.sensed_m for s in again.signals for lane in s.lanes) == 60.0


@needs_resco
def test_the_exceptions_as_built_are_listed_and_there_are_no_others() -> None:
    found = {s.id: s.exceptions for n in RESCO for s in read(f"resco/{n}").signals if s.exceptions}
    assert found == {"gneJ210": ((6, 8), (7, 9))}
    signal = next(s for s in read("resco/ingolstadt7").signals if s.id == "gneJ210")
    assert all(signal.movements[m].turn is Turn.LEFT for pair in signal.exceptions for m in pair)


@needs_resco
def test_several_links_on_an_index_and_lanes_that_movements_share_are_one_movement_and_one_lane() -> None:
    movements = [m for n in RESCO for m in movements_of(read(f"resco/{n}"))]
    assert any(len(m.lanes) > 1 for m in movements)
    signals = [s for n in RESCO for s in read(f"resco/{n}").signals]
    assert any((s.uses.sum(axis=1) > 1).any() for s in signals)
    assert any((s.serves == Serves.PERMISSIVE).any() for s in signals)


def test_saturation_flow_grows_with_the_speed_of_the_turn() -> None:
    assert saturation_veh_h(13.89) == pytest.approx(3600.0 / (1.1 + 7.5 / 13.89))
    assert saturation_veh_h(0.0) == saturation_veh_h(3.0) < saturation_veh_h(8.0) < saturation_veh_h(13.89)
    left, through = (next(m for m in movements_of(read("grid_2x2")) if m.turn is turn) for turn in (Turn.LEFT, Turn.THROUGH))
    assert left.saturation_veh_h / len(left.lanes) < through.saturation_veh_h / len(through.lanes)


def edited(tmp_path: Path, change: Callable[[ET.Element], None]) -> Path:
    """Our grid's net with something changed in it."""
    tree = ET.parse(scenario("grid_2x2").net)
    change(tree.getroot())
    path = tmp_path / "edited.net.xml"
    tree.write(path)
    return path


def lamps(root: ET.Element, phase: int, aspects: dict[int, str]) -> None:
    element = root.findall("tlLogic[@id='A0']/phase")[phase]
    state = list(element.get("state", ""))
    for index, aspect in aspects.items():
        state[index] = aspect
    element.set("state", "".join(state))


def crossing_throughs() -> tuple[int, int, int]:
    """(place of a phase in the program, a through movement that it serves, one that crosses it)."""
    signal = read("grid_2x2").signals[0]
    through = [i for i, m in enumerate(signal.movements) if m.turn is Turn.THROUGH]
    a = next(i for i in through if signal.serves[0, i] == Serves.PROTECTED)
    return 0, a, next(i for i in through if signal.conflicts[a, i])


def test_a_phase_with_conflicting_greens_is_one_error_that_names_phase_and_movements(tmp_path: Path) -> None:
    place, a, b = crossing_throughs()
    net = edited(tmp_path, lambda root: lamps(root, place, {a: "G", b: "G"}))
    low, high = sorted((a, b))
    with pytest.raises(ScenarioError, match=rf"^A0: phase 1 shows conflicting greens to movements {low} and {high}$"):
        read_network(net, RULES["resco"])


def test_a_left_turn_protected_against_what_comes_is_an_error_and_a_merging_right_turn_an_exception(
    tmp_path: Path,
) -> None:
    signal = read("grid_2x2").signals[0]
    served = [i for i, m in enumerate(signal.movements) if signal.serves[0, i] == Serves.PROTECTED and m.turn is Turn.THROUGH]
    left, ahead = next((i, k) for i, m in enumerate(signal.movements) for k in served if m.turn is Turn.LEFT and signal.yields_to[i, k])
    with pytest.raises(ScenarioError, match=r"^A0: phase 1 shows conflicting greens to movements \d+ and \d+$"):
        read_network(edited(tmp_path, lambda root: lamps(root, 0, {left: "G", ahead: "G"})), RULES["resco"])
    right, onto = next((i, k) for i, m in enumerate(signal.movements) for k in served if m.turn is Turn.RIGHT and signal.conflicts[i, k])
    merged = read_network(edited(tmp_path, lambda root: lamps(root, 0, {right: "G"})), RULES["resco"])
    assert (min(right, onto), max(right, onto)) in merged.signals[0].exceptions


def test_a_movement_that_is_never_green_is_one_error_and_a_turn_on_red_is_not(tmp_path: Path) -> None:
    def dark(root: ET.Element, aspect: str = "r") -> None:
        for k in range(len(root.findall("tlLogic[@id='A0']/phase"))):
            lamps(root, k, {0: aspect})

    approach = read("grid_2x2").signals[0].movements[0].approach
    with pytest.raises(ScenarioError, match=rf"^A0: movement 0 from {approach} is green in no phase of its program$"):
        read_network(edited(tmp_path, dark), RULES["resco"])
    network = read_network(edited(tmp_path, lambda root: dark(root, "s")), RULES["resco"])
    assert not network.signals[0].serves[:, 0].any()


def test_states_that_do_not_fit_the_links_are_one_error(tmp_path: Path) -> None:
    def cut(root: ET.Element) -> None:
        for phase in root.findall("tlLogic[@id='A0']/phase"):
            phase.set("state", phase.get("state", "")[:-1])

    with pytest.raises(ScenarioError, match=r"^A0: link index \d+ or a state's length does not fit \d+ lamps$"):
        read_network(edited(tmp_path, cut), RULES["resco"])


def test_a_program_without_green_is_one_error(tmp_path: Path) -> None:
    def red(root: ET.Element) -> None:
        for phase in root.findall("tlLogic[@id='A0']/phase"):
            phase.set("state", re.sub("[Gg]", "r", phase.get("state", "")))

    with pytest.raises(ScenarioError, match=r"^A0: its program shows no green to anybody$"):
        read_network(edited(tmp_path, red), RULES["resco"])


def test_a_net_without_signals_is_one_error(tmp_path: Path) -> None:
    def plain(root: ET.Element) -> None:
        for logic in root.findall("tlLogic"):
            root.remove(logic)
        for connection in root.findall("connection"):
            connection.attrib.pop("tl", None)
            connection.attrib.pop("linkIndex", None)

    with pytest.raises(ScenarioError, match=r"edited\.net\.xml: no signal .* nothing to steer"):
        read_network(edited(tmp_path, plain), RULES["resco"])


@pytest.mark.parametrize(
    "text",
    ["", "no XML at all", "<net><edge", '<net><edge id="a" from="b"/></net>'],
    ids=["empty", "text", "cut", "half"],
)
def test_a_broken_file_is_one_error(tmp_path: Path, text: str) -> None:
    broken = tmp_path / "broken.net.xml"
    broken.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"broken\.net\.xml: ") as caught:
        read_network(broken, RULES["resco"])
    assert "\n" not in str(caught.value)


def test_a_net_cut_off_in_the_middle_is_one_error(tmp_path: Path) -> None:
    cut = tmp_path / "cut.net.xml"
    text = scenario("grid_2x2").net.read_bytes()
    cut.write_bytes(text[: len(text) // 2])
    with pytest.raises(ScenarioError, match=r"cut\.net\.xml: not a readable SUMO network"):
        read_network(cut, RULES["resco"])


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.net\.xml: no such network file"):
        read_network(tmp_path / "none.net.xml", RULES["resco"])


def test_the_streets_of_a_grid_join_neighbours_both_ways() -> None:
    network = read("grid_2x2")
    pairs = {(s.from_signal, s.to_signal) for s in network.streets}
    expected = {("A0", "A1"), ("A0", "B0"), ("A1", "B1"), ("B0", "B1")}
    assert pairs == expected | {(b, a) for a, b in expected}
