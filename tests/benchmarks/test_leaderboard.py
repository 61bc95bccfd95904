"""Claims about the leaderboard: who meets whom under which condition, what is said of who cannot, and that a run is resumed."""

import io
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rich.console import Console

from benchmarks import leaderboard, matrix
from citybrain.conditions import CONDITIONS, Condition, conditions_of
from citybrain.episode import EpisodeSpec
from citybrain.standings import Leaderboard
from signals.errors import ConfigError, ScenarioError

MakeRow = Callable[..., dict[str, Any]]
ALL = list(CONDITIONS.values())
SOME = conditions_of(["clean", "dead_30", "incident"])
CONTROLLERS = ["actuated", "rolling_horizon", "webster"]
FIELDS = ("sensing", "sensor_faults", "demand", "heavy", "incident")
DELAYS_S = {"actuated": 40.0, "rolling_horizon": 20.0, "webster": 30.0}
CLOSED = {
    "lane": "a_0",
    "at_m": 50.0,
    "begin_s": 100.0,
    "end_s": 200.0,
    "lanes": 2,
    "trips_veh": 300,
    "route": ["a", "b"],
}


def row_of(spec: EpisodeSpec, make_row: MakeRow) -> dict[str, Any]:
    """A row: an incident costs everybody 10 s and webster 15; its vehicle comes late in seed 102, and never under webster in 103."""
    delay_s = DELAYS_S[spec.controller] + (spec.seed - 101)
    row = make_row(spec.scenario, spec.controller, spec.seed, delay_s, incident=None)
    if spec.incident:
        kept_out = spec.seed == 103 and spec.controller == "webster"
        row["delay_s_per_veh"] += 15.0 if spec.controller == "webster" else 10.0
        row["incident"] = {**CLOSED, "stood_from_s": None if kept_out else 100.0 + 4.0 * (spec.seed == 102)}
    row["spec"] = {**asdict(spec), "routes": [], "additional": []}
    return row


def board_of(make_row: MakeRow, conditions: list[Condition], baselines: list[str], controllers: list[str] = CONTROLLERS) -> Leaderboard:
    planned = leaderboard.leaderboard_specs(["grid_2x2"], controllers, conditions, [101, 102, 103], "resco")
    rows = [row_of(spec, make_row) for _, spec in planned]
    return leaderboard.standings_of(planned, rows, controllers, conditions, baselines)


def test_everybody_meets_every_condition_but_who_has_no_sensors_those_of_sensors() -> None:
    planned = leaderboard.leaderboard_specs(["grid_2x2", "arterial_5"], ["fixed", "webster"], ALL, [102, 101], "free")
    assert len({spec for _, spec in planned}) == len(planned)
    for condition in ALL:
        who = {spec.controller for one, spec in planned if one is condition}
        assert who == ({"webster"} if condition.name in ("loops", "dead_10", "dead_30") else {"fixed", "webster"})
        for spec in (spec for one, spec in planned if one is condition):
            assert all(getattr(spec, key) == getattr(condition, key) for key in FIELDS)
    seeds = [spec.seed for _, spec in planned]
    assert seeds == sorted(seeds, reverse=True)  # in the order given: an interruption leaves balanced results
    assert not any(spec.trace for _, spec in planned)


def test_who_has_no_sensors_has_no_figure_under_conditions_of_them(make_row: MakeRow) -> None:
    clean, dead, _ = board_of(make_row, SOME, ["rolling_horizon", "actuated"]).fields
    assert clean.absent == {} and set(clean.against) == {"rolling_horizon", "actuated"}
    assert dead.absent == {"actuated": leaderboard.NO_SENSORS} and set(dead.against) == {"rolling_horizon"}
    assert {cell.controller for cell in dead.cells()} == {"rolling_horizon", "webster"}
    assert dead.difference("actuated", "grid_2x2", "webster", "delay_s_per_veh") is None


def test_differences_are_paired_within_a_condition(make_row: MakeRow) -> None:
    clean, _, incident = board_of(make_row, SOME, ["rolling_horizon", "actuated"]).fields
    mean = [field.difference("rolling_horizon", "grid_2x2", "webster", "delay_s_per_veh") for field in (clean, incident)]
    assert [one.mean for one in mean if one] == [10.0, 15.0]
    against_actuated = clean.difference("actuated", "grid_2x2", "webster", "delay_s_per_veh")
    assert against_actuated is not None and against_actuated.mean == -10.0


def test_a_standing_is_the_geometric_mean_with_the_worst_cell_and_how_many_are_too_bad(make_row: MakeRow) -> None:
    board = board_of(make_row, SOME, ["rolling_horizon", "actuated"])
    webster = board.standings["rolling_horizon"]["webster"]
    ratios = [31.0 / 21.0, 31.0 / 21.0, 46.0 / 31.0]
    mean = 1.0
    for ratio in ratios:
        mean *= ratio ** (1.0 / 3.0)
    assert webster.overall.percent == pytest.approx(100.0 * (mean - 1.0))
    assert (webster.worst_scenario, webster.worst_condition) == ("grid_2x2", "incident")
    assert webster.worst.percent == pytest.approx(100.0 * (46.0 / 31.0 - 1.0))
    assert (webster.worse, webster.cells) == (3, 3)
    assert board.standings["actuated"]["webster"].worse == 0
    assert board.standings["actuated"]["webster"].cells == 2  # actuated had no sensors to fail


def test_the_incident_is_named_with_how_late_its_vehicle_came_in(make_row: MakeRow) -> None:
    clean, _, incident = board_of(make_row, SOME, ["rolling_horizon"]).fields
    assert clean.incidents == {}
    one = incident.incidents["grid_2x2"]
    assert (one.lane, one.begin_s, one.end_s, one.lanes, one.trips_veh) == ("a_0", 100.0, 200.0, 2, 300)
    assert (one.latest_s, one.kept_out) == (4.0, ("webster, seed 103",))


def test_a_condition_that_nobody_can_run_under_is_empty_and_no_error(make_row: MakeRow) -> None:
    clean, dead, _ = board_of(make_row, SOME, ["actuated"], ["actuated"]).fields
    assert (dead.figures, dead.against, dead.cells()) == (None, {}, ())
    assert len(clean.cells()) == 1


class Stub:
    """Stands in for the worker process where the subject is the command around it."""

    asked: ClassVar[list[EpisodeSpec]] = []
    make: ClassVar[MakeRow]

    def run(self, spec: EpisodeSpec, progress: Callable[[float, float, float], None]) -> dict[str, Any]:
        """A row like an episode's; webster fails in the incident of seed 102."""
        self.asked.append(spec)
        if spec.incident and (spec.seed, spec.controller) == (102, "webster"):
            raise ScenarioError("grid_2x2: SUMO refused")
        row = row_of(spec, type(self).make)
        del row["version"]
        return row

    def close(self) -> None:
        """Nothing to kill."""


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, make_row: MakeRow) -> type[Stub]:
    monkeypatch.setattr(matrix, "Worker", Stub)
    Stub.asked, Stub.make = [], staticmethod(make_row)
    return Stub


def run(out: Path, baselines: list[str], seeds: tuple[int, ...] = (101, 102)) -> tuple[int, str]:
    """The command on the stubs: its exit code and what it printed."""
    console = Console(file=io.StringIO(), width=160)
    now = datetime(2024, 5, 1, tzinfo=UTC)
    code = leaderboard.leaderboard(
        ["grid_2x2"], CONTROLLERS, SOME, list(seeds), 1, out, "resco", baselines, console, command="citybrain leaderboard", now=now
    )
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def test_the_command_writes_json_and_page_names_failures_and_resumes(tmp_path: Path, stub: type[Stub]) -> None:
    code, said = run(tmp_path, ["rolling_horizon", "actuated"])
    assert code == 1 and "failed: grid_2x2, incident, webster, seed 102: grid_2x2: SUMO refused" in said
    assert "delay against rolling_horizon" in said and "delay against actuated" in said
    found = json.loads((tmp_path / leaderboard.JSON).read_text(encoding="utf-8"))
    assert [one["condition"]["name"] for one in found["conditions"]] == ["clean", "dead_30", "incident"]
    assert found["conditions"][1]["absent"] == {"actuated": leaderboard.NO_SENSORS}
    cell = next(c for c in found["conditions"][0]["cells"] if c["controller"] == "webster")
    assert cell["against"]["rolling_horizon"]["delay_s_per_veh"]["mean"] == 10.0
    assert found["conditions"][2]["incidents"]["grid_2x2"]["lane"] == "a_0"
    assert found["standings"]["rolling_horizon"]["webster"]["worst_condition"] == "incident"
    assert (found["meta"]["date"], found["meta"]["seeds"]) == ("2024-05-01T00:00:00+00:00", [101, 102])
    assert "<table>" in (tmp_path / leaderboard.PAGE).read_text(encoding="utf-8")
    stub.asked.clear()
    run(tmp_path, ["rolling_horizon"], (101, 102, 103))
    assert {(spec.seed, spec.controller) for spec in stub.asked if spec.seed < 103} == {(102, "webster")}
    assert sum(spec.seed == 103 for spec in stub.asked) == 8


def test_a_baseline_that_does_not_run_is_refused_before_anything_does(tmp_path: Path, stub: type[Stub]) -> None:
    with pytest.raises(ConfigError, match="baseline 'learned': not among the controllers"):
        run(tmp_path, ["rolling_horizon", "learned"])
    assert stub.asked == []


def test_an_interruption_says_how_to_go_on(tmp_path: Path, stub: type[Stub], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> list[dict[str, Any]]:
        raise KeyboardInterrupt

    monkeypatch.setattr(leaderboard, "run_matrix", interrupted)
    code, said = run(tmp_path, ["rolling_horizon"])
    assert code == matrix.INTERRUPTED and "the same command goes on" in said
