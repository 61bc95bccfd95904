"""Claims about the comparison with SUMO's tools: both sides see traffic, minimums hold for all, and the plan that runs is the one named."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import sumo_tools
from benchmarks.sumo_tools import Made
from signals.errors import ScenarioError
from signals.rules import RULES
from signals.types import Network
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario

MakeRow = Callable[..., dict[str, Any]]
NAME = "arterial_5"
RESCO = RULES["resco"]
SHORT = (
    '<additional><tlLogic id="a" type="static" programID="x" offset="0"><phase duration="4" state="Gr"/><phase duration="3" state="yr"/>'
    '<phase duration="20" state="rg"/><phase duration="3" state="ry"/></tlLogic>'
    '<tlLogic id="b" type="static" programID="x" offset="0"><phase duration="17" state="Gr"/><phase duration="3" state="yr"/>'
    '<phase duration="20" state="rg"/><phase duration="3" state="ry"/></tlLogic></additional>'
)


@pytest.fixture(scope="module")
def found() -> Scenario:
    return scenario(NAME)


@pytest.fixture(scope="module")
def network(found: Scenario) -> Network:
    return read_network(found.net, sumo_tools.rules_of(found), name=found.name)


def durations_s(file: Path) -> list[list[float]]:
    """Durations of the phases of each program in a file."""
    return [[float(p.get("duration", "nan")) for p in logic.iter("phase")] for logic in ElementTree.parse(file).iter("tlLogic")]


@pytest.mark.parametrize("method", ["fixed", *sumo_tools.OURS])
def test_our_plans_are_made_for_every_signal_with_its_minimum_greens(
    found: Scenario, network: Network, tmp_path: Path, method: str
) -> None:
    out = tmp_path / "plan.add.xml"
    assert sumo_tools.main(["--make", method, "--scenarios", NAME, "--out", str(out)]) == 0
    logics = list(ElementTree.parse(out).iter("tlLogic"))
    assert [logic.get("id") for logic in logics] == [s.id for s in network.signals]
    assert sumo_tools.least_green_s([out]) >= sumo_tools.rules_of(found).min_green_s
    if method == "coordinated":  # one clock: cycles are the common one or half of it
        cycles_s = {sum(one) for one in durations_s(out)}
        assert len(cycles_s) <= 2 and max(cycles_s) / min(cycles_s) in (1.0, 2.0)


def test_the_fixed_plans_are_the_nets_own_with_short_greens_lengthened(network: Network) -> None:
    plans = sumo_tools.fixed_plans(network, RULES["resco"])
    for signal, plan in zip(network.signals, plans, strict=True):
        assert [s.green_s for s in plan.stages] == [max(s.green_s, RESCO.min_green_s) for s in signal.base.stages]
        assert plan.cycle_s - sum(s.green_s for s in plan.stages) == pytest.approx(
            signal.base.cycle_s - sum(s.green_s for s in signal.base.stages)
        )


def test_a_tools_greens_are_lengthened_to_the_minimum_and_yellows_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "short.add.xml"
    file.write_text(SHORT, encoding="utf-8")
    assert sumo_tools.least_green_s([file]) == 4.0
    assert durations_s(sumo_tools.impose_minimum(file, 7.0)) == [[7.0, 3.0, 20.0, 3.0], [17.0, 3.0, 20.0, 3.0]]
    assert sumo_tools.least_green_s([file]) == 7.0
    assert sumo_tools.cycles_s([file]) == (33.0, 43.0)


def test_one_cycle_is_the_longest_and_whole_seconds_are_given_to_the_longest_greens_first(tmp_path: Path) -> None:
    file = tmp_path / "short.add.xml"
    file.write_text(SHORT.replace('duration="17"', 'duration="18"'), encoding="utf-8")
    # 11 s are missing at the first: six for the longer green, five for the other.
    assert durations_s(sumo_tools.impose_minimum(file, 7.0, one_cycle=True)) == [[12.0, 3.0, 26.0, 3.0], [18.0, 3.0, 20.0, 3.0]]
    assert sumo_tools.cycles_s([file]) == (44.0, 44.0)


def test_trips_are_routed_and_given_routes_are_left_alone(found: Scenario, tmp_path: Path) -> None:
    trips, given = tmp_path / "trips.xml", tmp_path / "given.xml"
    trips.write_text('<routes><trip id="1" depart="0" from="a" to="b"/></routes>', encoding="utf-8")
    given.write_text('<routes><vehicle id="1" depart="0"><route edges="a b"/></vehicle></routes>', encoding="utf-8")
    assert [sumo_tools.has_routes(one) for one in (trips, given)] == [False, True]
    as_given = Scenario("given", found.net, (given,), 0.0, 60.0)
    assert sumo_tools.routed(as_given, tmp_path / "out.xml") == str(given)


@pytest.mark.sumo
def test_a_tool_that_plans_for_no_signal_is_an_error_and_not_a_row(found: Scenario, tmp_path: Path) -> None:
    empty = tmp_path / "empty.rou.xml"
    empty.write_text("<routes></routes>", encoding="utf-8")
    with pytest.raises(ScenarioError, match="planned for no signal"):
        sumo_tools.tool("tlsCoordinator.py", tmp_path / "out.xml", "-n", found.net, "-r", empty)


@pytest.mark.sumo
def test_the_same_plan_is_the_same_file_so_that_its_episodes_are_not_run_again(short_grid: Path, tmp_path: Path) -> None:
    grid = scenario(short_grid)
    words = ("-n", grid.net, "-r", sumo_tools.routed(grid, tmp_path / "routed.rou.xml"), "-b", f"{grid.begin_s:g}")
    files = (tmp_path / "first.add.xml", tmp_path / "again.add.xml")
    for file in files:
        sumo_tools.tool("tlsCycleAdaptation.py", file, *words)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_tool_that_fails_says_its_last_words() -> None:
    with pytest.raises(ScenarioError, match="no such plan"):
        sumo_tools.asked(sys.executable, "-c", "raise SystemExit('no such plan')")


def test_a_row_holds_delay_time_and_the_programs_that_ran(make_row: MakeRow, tmp_path: Path) -> None:
    file = tmp_path / "plan.add.xml"
    file.write_text(SHORT, encoding="utf-8")
    failed = {**make_row("a", "fixed", 103), "error": {"kind": "LinkError", "sentence": "gone"}}
    rows = [make_row("a", "fixed", 101, 20.0), make_row("a", "fixed", 102, 30.0), failed]
    row = sumo_tools.plan_row("a", Made("ours", 1.234, (file,)), rows)
    assert (row["delay_s_per_veh"], row["worst_s_per_veh"], row["seeds"]) == (25.0, 30.0, [101, 102])
    assert (row["made_s"], row["cycle_s"], row["least_green_s"]) == (1.23, [30.0, 43.0], 4.0)
    assert row["failures"] == ["seed 103: gone"]


def test_a_tool_without_a_plan_is_a_row_without_figures_and_runs_nothing() -> None:
    def refuse() -> float:
        raise ScenarioError("tlsCoordinator.py: planned for no signal")

    made = sumo_tools.attempted("SUMO", (Path("x.add.xml"),), refuse)
    assert sumo_tools.specs_of("a", made, [101, 102]) == []
    row = sumo_tools.plan_row("a", made, [])
    assert row["why_none"] == "tlsCoordinator.py: planned for no signal"
    assert [row[key] for key in ("delay_s_per_veh", "worst_s_per_veh", "made_s", "least_green_s")] == [None] * 4
    assert sumo_tools.plan_table([row]).row_count == 1


def test_every_seed_runs_a_plan_in_the_place_of_the_nets_own(tmp_path: Path) -> None:
    files = (tmp_path / "a.add.xml", tmp_path / "b.add.xml")
    specs = sumo_tools.specs_of(NAME, Made("x", 0.0, files), [101, 102])
    assert [(spec.seed, spec.controller, spec.additional) for spec in specs] == [
        (seed, "fixed", (str(files[0]), str(files[1]))) for seed in (101, 102)
    ]


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sumo_tools.main(["--scenarios", "resco/cologne33", "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("sumo_tools: ") and "resco/cologne3" in said


@pytest.mark.sumo
def test_all_plans_run_in_sumo_and_none_of_them_twice(short_grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--scenarios", str(short_grid), "--seeds", "101-101", "--jobs", "1"]
    words += ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "r.json")]
    assert sumo_tools.main(words) == 0
    rows = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["plans"]
    assert {row["plan"] for row in rows} >= {"fixed", "webster", "coordinated", "SUMO tlsCycleAdaptation", "SUMO tlsCoordinator"}
    assert min(row["least_green_s"] for row in rows) >= sumo_tools.rules_of(scenario(short_grid)).min_green_s
    assert len({row["delay_s_per_veh"] for row in rows}) == len(rows)
    assert all(row["safety_violations"] == 0 and row["made_s"] > 0.0 for row in rows if row["plan"] in sumo_tools.OURS)
    assert "coordinated" in capsys.readouterr().out
