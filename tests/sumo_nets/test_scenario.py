"""Claims about finding, describing and checking scenarios."""

import importlib.util
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import sumo_nets.scenario as module
from signals.errors import ScenarioError
from sumo_nets.scenario import Scenario, catalogue, check, from_files, scenario
from sumo_nets.xml_stream import visit

RESCO_NAMES = [
    *("resco/grid4x4", "resco/arterial4x4", "resco/ingolstadt1", "resco/ingolstadt7", "resco/ingolstadt21"),
    *("resco/cologne1", "resco/cologne3", "resco/cologne8"),
]
NAMES = ["grid_2x2", "arterial_5", *RESCO_NAMES]
NET = '<net><edge id="a"/><edge id="b"/><tlLogic id="J" type="static" programID="0" offset="0"/></net>'
ROUTES = '<routes><trip id="1" depart="5.5" from="a" to="b"/><trip id="2" depart="64" from="a" to="b"/></routes>'
TOML = 'net = "net.xml"\nroutes = ["routes.xml"]\nbegin_s = 0\nend_s = 60\n'
needs_resco = pytest.mark.skipif(
    importlib.util.find_spec("sumo_rl") is None,
    reason="the RESCO nets need the bench extra (sumo-rl), not installed here",
)


def a_folder(folder: Path, net: str = NET, routes: str = ROUTES, toml: str = TOML) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "net.xml").write_text(net, encoding="utf-8")
    (folder / "routes.xml").write_text(routes, encoding="utf-8")
    (folder / "scenario.toml").write_text(toml, encoding="utf-8")
    return folder


def test_the_catalogue_lists_every_scenario_once() -> None:
    assert [entry.name for entry in catalogue()] == NAMES


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs_resco if "/" in n else ()) for n in NAMES])
def test_every_entry_of_the_catalogue_is_sound_and_quickly_checked(name: str) -> None:
    one = scenario(name)
    started_s = time.process_time()
    assert check(one) is one
    assert time.process_time() - started_s < 0.3
    assert one.name == name
    assert one.title
    assert one.source
    assert one.end_s - one.begin_s == 3600.0


@needs_resco
@pytest.mark.parametrize(
    ("name", "begin_s", "decision_s", "yellow_s"),
    [
        *((f"resco/cologne{n}", 25200.0, 10.0, 3.0) for n in (1, 3, 8)),
        *((f"resco/ingolstadt{n}", 57600.0, 10.0, 3.0) for n in (1, 7, 21)),
        ("resco/grid4x4", 0.0, 10.0, 3.0),
        ("resco/arterial4x4", 0.0, 5.0, 2.0),
    ],
)
def test_resco_keeps_its_hours_and_timing(name: str, begin_s: float, decision_s: float, yellow_s: float) -> None:
    one = scenario(name)
    assert (one.begin_s, one.decision_s, one.yellow_s) == (begin_s, decision_s, yellow_s)


def test_without_sumo_rl_the_error_names_the_extra_and_the_catalogue_still_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ScenarioError, match=r"resco/cologne1: .* pip install 'citybrain\[bench\]'"):
        scenario("resco/cologne1")
    assert [entry.name for entry in catalogue() if entry.available] == ["grid_2x2", "arterial_5"]
    assert all("citybrain[bench]" in entry.missing for entry in catalogue() if not entry.available)


@needs_resco
def test_finding_resco_imports_neither_sumo_rl_nor_sumo() -> None:
    code = (
        "import sys, sumo_nets.scenario as s; s.catalogue(); print(sorted({'sumo_rl', 'libsumo', 'traci', 'sumolib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=module.HERE.parent)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("resco/cologne2", "did you mean 'resco/cologne"),
        ("grid2x2", "did you mean 'grid_2x2'"),
        ("qqqq", "known are .*arterial_5.*resco/cologne1"),
    ],
)
def test_an_unknown_name_brings_the_nearest(wrong: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        scenario(wrong)


def test_a_folder_is_a_scenario_with_its_own_timing(tmp_path: Path) -> None:
    toml = TOML + 'decision_s = 5\nyellow_s = 4.0\nstep_s = 0.5\nweekday = 6\ntitle = "Ours"\nadditional = ["more.add.xml"]\n'
    folder = a_folder(tmp_path / "crossing", toml=toml)
    (folder / "more.add.xml").write_text("<additional/>", encoding="utf-8")
    net, routes, more = folder / "net.xml", (folder / "routes.xml",), (folder / "more.add.xml",)
    expected = Scenario("crossing", net, routes, 0.0, 60.0, 5.0, 4.0, 0.5, more, 6, "Ours", "")
    assert scenario(folder) == expected
    assert check(scenario(str(folder))) == expected


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (TOML + "yelow_s = 3\n", "unknown key 'yelow_s'; did you mean 'yellow_s'"),
        (TOML.replace("begin_s = 0", 'begin_s = "7h"'), "begin_s is '7h', expected a number"),
        (TOML.replace("begin_s = 0", "begin_s = true"), "begin_s is True, expected a number"),
        (TOML.replace("end_s = 60", "end_s = nan"), "end_s is nan, expected a number"),
        (TOML.replace("end_s = 60\n", ""), "the key 'end_s' is missing"),
        (TOML.replace('["routes.xml"]', "[]"), r"routes is \[\], expected file names"),
        (TOML.replace('"net.xml"', "3"), "net is 3, expected a text"),
        (TOML + "weekday = 7\n", "weekday is 7, expected 0"),
        ("net = \n", "not valid TOML .*line 1"),
    ],
)
def test_a_wrong_description_is_one_clear_error(tmp_path: Path, toml: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        scenario(a_folder(tmp_path, toml=toml))


def test_a_folder_without_a_description_says_so(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"scenario\.toml: there is no such file"):
        scenario(tmp_path)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"net": "<net><edge id='a'></net>"}, r"net\.xml, line 1: not well-formed XML"),
        ({"net": "<net><edge id='a'/><edge id='b'/></net>"}, r"net\.xml: has no signal"),
        ({"net": ROUTES}, r"net\.xml: begins with <routes>, expected <net>"),
        ({"routes": "<routes>\n<trip>\n\n</routes>"}, r"routes\.xml, line 4: not well-formed XML"),
        ({"routes": ROUTES.replace('to="b"', 'to="zz"', 1)}, r"trip '1' uses edge 'zz', which net\.xml does not have"),
        ({"routes": '<!DOCTYPE r [<!ENTITY e "x">]>' + ROUTES}, "<!ENTITY e is not read"),
        ({"toml": TOML.replace("end_s = 60", "end_s = 0")}, "begin 0 s is not before end 0 s"),
        ({"toml": TOML.replace("= 60", "= 9e4").replace("= 0", "= 8e4")}, "nobody departs .* from 5.5 s to 64 s"),
        ({"toml": TOML + "step_s = 0\n"}, "step_s 0 is not above zero"),
        ({"toml": TOML + 'additional = "none.xml"\n'}, r"none\.xml: there is no such file"),
        ({"toml": TOML.replace('"net.xml"', '"no.xml"')}, r"no\.xml: there is no such file"),
        ({"toml": TOML.replace('"routes.xml"', '"no.xml"')}, r"no\.xml: there is no such file"),
    ],
)
def test_each_fault_of_the_files_is_one_clear_error(tmp_path: Path, parts: dict[str, str], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        check(scenario(a_folder(tmp_path, **parts)))


def test_an_hour_without_any_demand_is_allowed(tmp_path: Path) -> None:
    one = scenario(a_folder(tmp_path, routes="<routes/>"))
    assert check(one) is one


def test_the_hour_of_anybodys_files_follows_from_the_departures(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    one = check(from_files(folder / "net.xml", [folder / "routes.xml"]))
    assert (one.name, one.begin_s, one.end_s, one.decision_s) == ("net", 5.0, 664.0, None)
    given = from_files(folder / "net.xml", [str(folder / "routes.xml")], begin_s=0.0, end_s=30.0)
    assert (given.begin_s, given.end_s) == (0.0, 30.0)
    assert from_files(folder / "net.xml", [folder / "routes.xml"], end_s=30.0).begin_s == 5.0


@pytest.mark.parametrize(
    ("routes", "says"),
    [
        ("<routes/>", "holds no departure, so begin and end must be given"),
        ('<routes><flow id="f" from="a" to="b"/></routes>', "a flow has no end, so the scenario's end must be given"),
    ],
)
def test_an_hour_that_cannot_be_known_must_be_given(tmp_path: Path, routes: str, says: str) -> None:
    folder = a_folder(tmp_path, routes=routes)
    with pytest.raises(ScenarioError, match=says):
        from_files(folder / "net.xml", [folder / "routes.xml"])


def test_files_without_any_routes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no routes were given"):
        from_files(a_folder(tmp_path) / "net.xml", [])


@pytest.mark.sumo
@pytest.mark.parametrize(("name", "delay_s"), [("grid_2x2", (35.0, 46.0)), ("arterial_5", (48.0, 60.0))])
def test_our_own_nets_carry_their_hour_under_the_fixed_program(tmp_path: Path, name: str, delay_s: tuple[float, float]) -> None:
    import xml.etree.ElementTree as ET

    import sumo

    one, out = scenario(name), tmp_path / "tripinfo.xml"
    command = [
        *(str(Path(sumo.SUMO_HOME) / "bin" / "sumo"), "-n", str(one.net), "-r", str(one.routes[0]), "--seed", "1"),
        *("-b", str(one.begin_s), "-e", str(one.end_s), "--time-to-teleport", "-1", "--no-step-log"),
        *("--tripinfo-output", str(out), "--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "Error" not in done.stderr
    rows = [row for _, row in ET.iterparse(out) if row.tag == "tripinfo"]
    assert all(float(row.attrib["depart"]) >= 0.0 for row in rows)
    lost_s = sum(float(row.attrib["timeLoss"]) + float(row.attrib["departDelay"]) for row in rows)
    assert delay_s[0] < lost_s / len(rows) < delay_s[1]


def test_the_trap_of_the_arterial_is_a_stop_edge_of_a_few_metres() -> None:
    lengths_m: list[float] = []
    visit(
        scenario("arterial_5").net,
        lambda tag, a: lengths_m.append(float(a["length"])) if a.get("id", "").startswith("J3_J2_stop_") else None,
        frozenset({"net"}),
    )
    assert len(lengths_m) == 3
    assert all(2.0 <= length_m <= 8.0 for length_m in lengths_m)


@pytest.mark.parametrize("name", ["grid_2x2", "arterial_5"])
def test_a_copied_folder_is_the_same_scenario(tmp_path: Path, name: str) -> None:
    copy = scenario(shutil.copytree(module.HERE / name, tmp_path / name))
    one = scenario(name)
    assert replace(copy, net=one.net, routes=one.routes) == one
    assert check(copy).routes[0].read_bytes() == one.routes[0].read_bytes()
