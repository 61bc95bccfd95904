"""`citybrain plan` prints what it writes; `citybrain run` hands its options on and lets go when asked to stop."""

import csv
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citybrain import report, street
from citybrain.cli_service import arms, inputs, net_file, plan_command
from citybrain.street import Stop, StreetSpec
from signals.errors import ConfigError
from signals.types import Network, Observation, Tick
from sumo_nets.counting import BIN_S, expected_counts
from sumo_nets.scenario import scenario


def test_plan_writes_a_sheet_for_every_signal_and_prints_it(command: Callable[..., Any], grid: Network, tmp_path: Path) -> None:
    ran = command("plan", "grid_2x2", "--rules", "resco", "--out", str(tmp_path / "plans"))
    assert (ran.code, ran.err) == (0, "")
    with (tmp_path / "plans" / "plans.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["signal"] for row in rows} == {s.id for s in grid.signals}
    for row in rows:
        line = next(line for line in ran.out.splitlines() if line.strip().startswith(row["signal"]))
        assert f"{float(row['cycle_s']):.0f}" in line.split() and row["level_of_service"] in line.split()
    names = {path.name for path in (tmp_path / "plans").iterdir()}
    assert names == {"plans.json", "plans.csv", "plans.add.xml", "plans.html"}
    page = (tmp_path / "plans" / "plans.html").read_text(encoding="utf-8")
    assert "citybrain plan grid_2x2 --rules resco --method webster" in page and ">N right+through</td>" in page


def test_plan_draws_the_arterial_that_is_asked_for(command: Callable[..., Any], tmp_path: Path) -> None:
    words = ["--rules", "resco", "--method", "coordinated", "--cycle", "60", "--arterial", "J2,J3,J4", "--out", str(tmp_path)]
    ran = command("plan", "arterial_5", *words)
    assert (ran.code, ran.err) == (0, "")
    page = (tmp_path / "plans.html").read_text(encoding="utf-8")
    assert page.count('aria-label="Time-space diagram of') == page.count('aria-label="Time-space diagram of J2 - J3 - J4') == 1
    with (tmp_path / "plans.csv").open(newline="", encoding="utf-8") as file:
        assert {float(row["cycle_s"]) for row in csv.DictReader(file)} <= {60.0, 30.0}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("grid_2x2", "--method", "websta"), "no method 'websta'; did you mean 'webster'?"),
        (("arterial_5", "--arterial", "J1,J9"), "no signal 'J9'"),
        (("arterial_5", "--rules", "resco", "--cycle", "25"), "no plan of 25 s; its minimum greens"),
    ],
)
def test_a_plan_that_cannot_be_made_is_one_sentence(
    words: tuple[str, ...], sentence: str, command: Callable[..., Any], tmp_path: Path
) -> None:
    ran = command("plan", *words, "--out", str(tmp_path / "out"))
    assert ran.code == 2 and sentence in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_the_report_extra_the_plans_are_written_and_the_page_is_not(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing() -> None:
        raise ConfigError("matplotlib is not installed")

    monkeypatch.setattr(report, "require_extra", missing)
    ran = command("plan", "grid_2x2", "--rules", "resco", "--out", str(tmp_path))
    assert ran.code == 0 and "no page: matplotlib is not installed" in ran.out
    assert {path.name for path in tmp_path.iterdir()} == {"plans.json", "plans.csv", "plans.add.xml"}


def test_the_command_on_the_page_makes_the_plans_again() -> None:
    assert plan_command("", "a.net.xml", "f.csv", "free", "coordinated", 80.0, ["A,B", "C,D"]) == (
        "citybrain plan --net a.net.xml --flows f.csv --rules free --method coordinated --cycle 80 --arterial A,B --arterial C,D"
    )


def test_approaches_are_named_by_compass(grid: Network) -> None:
    assert net_file("", "a.net.xml") == Path("a.net.xml")
    assert sorted(arms("grid_2x2", "", grid)["A0"].values()) == ["E", "N", "S", "W"]


def test_plan_takes_flows_from_a_table_for_any_net(command: Callable[..., Any], grid: Network, grid_net: Path, tmp_path: Path) -> None:
    flows = tmp_path / "flows.csv"
    names = [m.id for s in grid.signals for m in s.movements]
    flows.write_text("movement,flow_veh_h\n" + "".join(f"{name},40\n" for name in names), encoding="utf-8")
    ran = command("plan", "--net", str(grid_net), "--flows", str(flows), "--out", str(tmp_path / "out"))
    assert ran.code == 0 and (tmp_path / "out" / "plans.add.xml").is_file()
    network, flow_veh_h, limits = inputs("", str(grid_net), str(flows), "resco")
    assert (flow_veh_h == 40.0).all() and len(limits) == len(network.signals)


def test_without_a_table_the_scenarios_demand_gives_the_flows() -> None:
    _, flow_veh_h, _ = inputs("grid_2x2", "", "", "resco")
    assert flow_veh_h.sum() > 5000.0


def test_the_busiest_quarter_of_an_hour_can_stand_in_for_the_mean() -> None:
    network, peak_veh_h, _ = inputs("arterial_5", "", "", "resco", peak=True)
    bins_veh = expected_counts(scenario("arterial_5"), network)
    assert peak_veh_h.sum() == pytest.approx(bins_veh.sum(axis=1).max() * 3600.0 / BIN_S)
    assert peak_veh_h.sum() > inputs("arterial_5", "", "", "resco")[1].sum()
    with pytest.raises(ConfigError, match="--peak is for a scenario's own demand"):
        inputs("arterial_5", "", "flows.csv", "resco", peak=True)


@pytest.fixture
def steered(monkeypatch: pytest.MonkeyPatch, seen: Observation) -> list[StreetSpec]:
    """What `run` would have steered; one tick is shown."""
    specs: list[StreetSpec] = []

    def steer(spec: StreetSpec, show: Callable[[Tick], None], stop: Stop) -> int:
        specs.append(spec)
        show(Tick(60.0, seen, None, ()))
        return 1

    monkeypatch.setattr(street, "steer", steer)
    return specs


def test_run_hands_its_options_on(command: Callable[..., Any], steered: list[StreetSpec]) -> None:
    words = [
        "--port",
        "8813",
        "--net",
        "a.net.xml",
        "--controller",
        "webster",
        "--clock",
        "wall",
        "--speed",
        "2",
        "--until",
        "90",
    ]
    ran = command("run", *words, "--forecast", "none", "--journal", "j.sqlite", "--order", "2", "--rules", "free")
    assert ran.code == 0 and "1 ticks" in ran.out
    assert steered == [StreetSpec("a.net.xml", 8813, "127.0.0.1", 2, "webster", "free", "none", "wall", 2.0, 90.0, "j.sqlite")]


def test_run_takes_the_same_settings_from_a_file(command: Callable[..., Any], steered: list[StreetSpec], tmp_path: Path) -> None:
    config = tmp_path / "street.toml"
    config.write_text('net = "a.net.xml"\nport = 8813\ncontroller = "webster"\nuntil_s = 90\n', encoding="utf-8")
    assert command("run", "--config", str(config)).code == 0
    assert steered == [StreetSpec("a.net.xml", 8813, controller="webster", until_s=90.0)]


def test_a_signal_asks_the_loop_to_stop(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, steered: list[StreetSpec]) -> None:
    handlers: dict[int, Callable[[int, Any], None]] = {}
    monkeypatch.setattr("signal.signal", handlers.__setitem__)
    asked: list[bool] = []

    def steer(spec: StreetSpec, show: Callable[[Tick], None], stop: Stop) -> int:
        handlers[signal.SIGTERM](signal.SIGTERM, None)
        asked.append(stop.asked)
        return 0

    monkeypatch.setattr(street, "steer", steer)
    assert command("run", "--port", "1", "--net", "a").code == 0
    assert asked == [True] and set(handlers) == {signal.SIGTERM, signal.SIGINT}
