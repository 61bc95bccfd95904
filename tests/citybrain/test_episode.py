"""An episode of every controller on our own nets: runs to the end, is measured, and breaks no rule of the street."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.assemble import CONTROLLERS
from citybrain.episode import EpisodeSpec, delay_by_minute, late_by_minute, played, scenario_of, steering_of
from citybrain.forecasts import Silent
from forecasting.online import OnlineForecaster
from signals.errors import ConfigError, PolicyError, ScenarioError
from signals.metrics import METRICS, Trips, delay_s_per_veh, read_trips
from signals.rules import RULES
from signals.types import Network
from sumo_nets.demand import elements
from sumo_nets.incident import place_incident

Run = Callable[[EpisodeSpec], dict[str, Any]]

GRID = EpisodeSpec("grid_2x2", seed=101, end_s=25400.0)
ARTERIAL = EpisodeSpec("arterial_5", seed=102, end_s=61400.0)
STEERED = [name for name, one in CONTROLLERS.items() if one.make is not None]


@pytest.mark.sumo
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_every_controller_runs_the_grid_without_a_violation(controller: str, run_in_worker: Run) -> None:
    result = run_in_worker(replace(GRID, controller=controller))
    assert (result["safety_violations"], result["violations"]) == (0, [])
    assert result["due_veh"] > 100 and result["throughput_veh"] > 20
    assert (result["begin_s"], result["end_s"]) == (25200.0, 25400.0)


@pytest.mark.sumo
@pytest.mark.parametrize("controller", STEERED)
@pytest.mark.parametrize("rules", ["street", "free"])
def test_every_planner_runs_a_street_with_crossings_without_a_violation(controller: str, rules: str, run_in_worker: Run) -> None:
    result = run_in_worker(replace(ARTERIAL, controller=controller, rules=rules))
    assert (result["safety_violations"], result["violations"]) == (0, [])
    assert result["throughput_veh"] > 20


@pytest.mark.sumo
def test_every_measure_of_an_episode_with_vehicles_is_a_number(run_in_worker: Run) -> None:
    """Also where the last vehicles are due in the last second, too late to be let in."""
    result = run_in_worker(replace(GRID, controller="fixed", end_s=25500.0))
    assert {key: result[key] for key in METRICS if not np.isfinite(result[key])} == {}
    assert result["undeparted_veh"] > 0


@pytest.mark.sumo
def test_traci_and_libsumo_give_the_same_episode(run_in_worker: Run) -> None:
    spec = replace(GRID, controller="max_pressure", end_s=25260.0, forecast="none")
    by_libsumo, by_traci = run_in_worker(spec), run_in_worker(replace(spec, backend="traci"))
    assert by_traci["backend"] == "traci"
    assert {key: by_traci[key] for key in METRICS} == {key: by_libsumo[key] for key in METRICS}
    assert by_traci["delay_by_minute"] == by_libsumo["delay_by_minute"]


@pytest.mark.sumo
def test_a_program_with_conflicting_greens_is_seen_by_the_monitor(run_in_worker: Run, grid: Network, tmp_path: Path) -> None:
    signal = grid.signals[0]
    unsafe = tmp_path / "unsafe.add.xml"
    unsafe.write_text(
        f'<additional><tlLogic id="{signal.id}" type="static" programID="unsafe" offset="0">'
        f'<phase duration="30" state="{"G" * len(signal.movements)}"/></tlLogic></additional>',
        encoding="utf-8",
    )
    result = run_in_worker(replace(GRID, controller="fixed", end_s=25210.0, additional=(str(unsafe),)))
    assert result["safety_violations"] > 0
    assert signal.id in result["violations"][0]


@pytest.mark.sumo
@pytest.mark.parametrize("controller", ["rolling_horizon", "max_pressure", "webster"])
def test_explaining_changes_nothing_and_gives_a_sentence_with_numbers_per_decision(
    controller: str, run_in_worker: Run, tmp_path: Path
) -> None:
    path = tmp_path / "why.jsonl"
    spec = replace(GRID, controller=controller, end_s=25330.0)
    plain, told = run_in_worker(spec), run_in_worker(replace(spec, explain=str(path)))
    assert told["delay_s_per_veh"] == plain["delay_s_per_veh"]
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 3
    assert all(any(c.isdigit() for c in line["sentence"]) for line in lines)


def test_a_controller_inside_sumo_cannot_be_explained(tmp_path: Path, run_in_worker: Run) -> None:
    with pytest.raises(ConfigError, match="no planner to explain"):
        run_in_worker(replace(GRID, controller="actuated", explain=str(tmp_path / "why.jsonl")))


@pytest.mark.sumo
def test_the_trace_has_a_row_a_tick_and_the_minutes_cover_the_run(run_in_worker: Run) -> None:
    result = run_in_worker(replace(GRID, controller="rolling_horizon", trace=True, end_s=25320.0))
    trace = result["trace"]
    assert trace["times_s"] == [25200.0 + 10.0 * k for k in range(12)]
    assert len(trace["queue_veh"]) == len(trace["phase"]) == 12
    assert trace["detectors"][0]["forecasts"][0]["made_at_s"] == 25200.0
    minutes = result["delay_by_minute"]
    assert [row[0] for row in minutes] == [0, 1]
    mean = sum(delay * trips for _, delay, trips in minutes) / sum(trips for _, _, trips in minutes)
    assert mean == pytest.approx(result["delay_s_per_veh"], abs=0.02)


@pytest.mark.sumo
def test_a_run_that_sumo_refuses_leaves_no_tripinfo(run_in_worker: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.add.xml"
    bad.write_text('<additional><e1Detector id="d" lane="nowhere_0" pos="1" file="o.xml"/></additional>', encoding="utf-8")
    with pytest.raises(ScenarioError, match="nowhere_0"):
        run_in_worker(replace(GRID, tripinfo=str(tmp_path / "t.xml"), additional=(str(bad),)))
    assert list(tmp_path.iterdir()) == [bad]


def test_a_spec_names_a_scenario_or_files(grid_net: Path, grid_routes: Path) -> None:
    assert scenario_of(replace(GRID, begin_s=25300.0)).begin_s == 25300.0
    assert scenario_of(EpisodeSpec("grid_2x2")).end_s == 28800.0
    files = scenario_of(EpisodeSpec(net=str(grid_net), routes=(str(grid_routes),), end_s=26000.0))
    assert files.net == grid_net and files.end_s == 26000.0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seed": -1}, "seed -1"),
        ({"seed": 2**31}, "seed 2147483648"),
        ({"begin_s": float("nan")}, "begin nan"),
        ({"end_s": float("inf")}, "end inf"),
        ({"backend": "sumo"}, "did you mean 'libsumo'"),
        ({"scenario": ""}, "expected a scenario"),
        ({"routes": ("a",)}, "not a mixture"),
        ({"additional": ("none.add.xml",)}, "no such additional file"),
        ({"demand": 0.0}, "demand 0.0: expected a factor above 0"),
        ({"demand": float("nan")}, "demand nan"),
        ({"demand": float("inf")}, "demand inf"),
    ],
)
def test_a_spec_that_cannot_be_run_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        scenario_of(replace(GRID, **change))


def test_planner_and_forecaster_are_made_before_anything_starts(grid: Network) -> None:
    found = scenario_of(GRID)
    with pytest.raises(PolicyError, match=r"card\.json"):
        steering_of(replace(GRID, controller="policy:none", forecast="none"), found, grid, RULES["resco"])
    silent = steering_of(replace(GRID, controller="webster", forecast="none"), found, grid, RULES["resco"])
    heard = steering_of(replace(GRID, controller="webster", forecast="last"), found, grid, RULES["resco"])
    assert isinstance(silent.forecaster, Silent) and isinstance(heard.forecaster, OnlineForecaster)
    assert len(heard.limits) == len(grid.signals)


@pytest.fixture
def three_trips(tmp_path: Path) -> Trips:
    """Due at 65, 130 and 200 s of a run of 240 s: two arrive, at 170 and 180 s; the third, half a minute of way, is never let in."""
    rows = [(70.0, 5.0, 10.0, 100.0), (130.0, 0.0, 4.0, 50.0), (-1.0, 40.0, 0.0, 0.0)]  # depart, wait, loss, duration
    table = ET.Element("tripinfos")
    for k, (depart_s, wait_s, loss_s, duration_s) in enumerate(rows):
        arrival_s = depart_s + duration_s if depart_s >= 0.0 else -1.0
        ET.SubElement(
            table, "tripinfo", id=str(k), depart=str(depart_s), departDelay=str(wait_s), timeLoss=str(loss_s),
            duration=str(duration_s), arrival=str(arrival_s), routeLength="500", waitingCount="1",
        )  # fmt: skip
    path = tmp_path / "t.xml"
    ET.ElementTree(table).write(path)
    return read_trips(path, 0.0, 240.0, {"2": 30.0})


def test_delay_by_minute_is_by_due_departure(three_trips: Trips) -> None:
    # Minutes 1, 2 and 3.
    assert delay_by_minute(three_trips) == [[1, 15.0, 1], [2, 4.0, 1], [3, 40.0, 1]]
    assert delay_s_per_veh(three_trips) == pytest.approx((15.0 + 4.0 + 40.0) / 3, abs=0.01)


@pytest.mark.parametrize(
    ("end_s", "rows"),
    [
        # At ease they would arrive at 65 + 90 = 155 s, 130 + 46 = 176 s and 200 + 30 = 230 s.
        (240.0, [[0, 0.0, 0], [1, 0.0, 1], [2, 0.0, 1], [3, 1.0, 1]]),
        (160.0, [[0, 0.0, 0], [1, 0.0, 1], [2, 1.0, 1]]),  # the first is late until 170 s
        (178.0, [[0, 0.0, 0], [1, 0.0, 1], [2, 1.0, 1]]),  # now it is the second, until 180 s
        (225.0, [[0, 0.0, 0], [1, 0.0, 1], [2, 0.0, 1], [3, 0.0, 1]]),
    ],
)
def test_late_are_those_who_would_have_arrived_at_free_flow(three_trips: Trips, end_s: float, rows: list[list[float]]) -> None:
    assert late_by_minute(replace(three_trips, end_s=end_s)) == rows


@pytest.mark.sumo
def test_more_demand_is_due_and_the_area_under_the_late_ones_is_the_delay(run_in_worker: Run) -> None:
    spec = replace(GRID, controller="fixed", end_s=26100.0)
    own, more = run_in_worker(spec), run_in_worker(replace(spec, demand=1.5))
    assert (own["demand"], more["demand"], more["scenario"]) == (1.0, 1.5, "grid_2x2")
    assert more["due_veh"] == pytest.approx(1.5 * own["due_veh"], rel=0.05)
    assert more["delay_s_per_veh"] > own["delay_s_per_veh"]
    for result in (own, more):
        assert sum(row[2] for row in result["late_by_minute"]) == result["due_veh"]
        area_s = sum(60.0 * row[1] for row in result["late_by_minute"]) / result["due_veh"]
        # Lost by the end of the run, but not yet late then, are those still on their way.
        assert 0.4 * result["delay_s_per_veh"] < area_s < 1.1 * result["delay_s_per_veh"]


def test_the_own_demand_is_played_as_it_is_and_another_from_a_file_of_the_folder(tmp_path: Path) -> None:
    found = scenario_of(GRID)
    assert played(found, GRID, tmp_path) is found
    more = played(found, replace(GRID, demand=1.2), tmp_path)
    assert [file.parent for file in more.routes] == [tmp_path]
    assert (more.net, more.begin_s, more.end_s) == (found.net, found.begin_s, found.end_s)


@pytest.mark.sumo
@pytest.mark.parametrize("controller", ["fixed", "rolling_horizon"])
def test_an_incident_is_named_safe_and_no_trip_in_any_figure(controller: str, run_in_worker: Run, tmp_path: Path) -> None:
    file = tmp_path / "tripinfo.xml"
    spec = replace(ARTERIAL, controller=controller, end_s=61500.0, forecast="none")
    plain, closed = run_in_worker(spec), run_in_worker(replace(spec, incident=True, tripinfo=str(file)))
    assert plain["incident"] is None
    assert (closed["incident"]["begin_s"], closed["incident"]["end_s"]) == (61275.0, 61350.0)
    assert 61275.0 <= closed["incident"]["stood_from_s"] < 61300.0
    assert (closed["safety_violations"], closed["due_veh"]) == (0, plain["due_veh"])
    rows = [row.attrib for row in ET.parse(file).getroot()]
    assert len(rows) == closed["due_veh"] and "incident" not in {row["id"] for row in rows}
    lost_s = sum(float(row["departDelay"]) + (float(row["timeLoss"]) if float(row["depart"]) >= 0.0 else 0.0) for row in rows)
    assert closed["delay_s_per_veh"] == pytest.approx(lost_s / len(rows), abs=0.006)


@pytest.mark.sumo
def test_heavy_vehicles_are_the_same_for_every_controller_and_slow_it_down(run_in_worker: Run, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.xml" for name in ("fixed", "max_pressure")}
    spec = replace(GRID, end_s=25500.0, forecast="none")
    heavy = {n: run_in_worker(replace(spec, controller=n, heavy=0.5, tripinfo=str(f))) for n, f in files.items()}
    kinds = [{row.attrib["id"]: row.attrib["vType"] for row in ET.parse(file).getroot()} for file in files.values()]
    assert kinds[0] == kinds[1]
    assert 0.4 < sum(kind.startswith("heavy_") for kind in kinds[0].values()) / len(kinds[0]) < 0.6
    assert all(result["safety_violations"] == 0 and result["heavy"] == 0.5 for result in heavy.values())
    own = run_in_worker(replace(spec, controller="fixed"))
    assert heavy["fixed"]["due_veh"] == own["due_veh"]
    assert heavy["fixed"]["delay_s_per_veh"] > 1.05 * own["delay_s_per_veh"]


def test_more_demand_heavy_vehicles_and_an_incident_are_played_together(tmp_path: Path, grid: Network) -> None:
    found = scenario_of(GRID)
    incident = place_incident(found, grid)
    every = played(found, replace(GRID, demand=1.2, heavy=0.2), tmp_path, incident)
    assert {file.parent for file in (*every.routes, *every.additional)} == {tmp_path}
    assert len(every.routes) == 2 and len(every.additional) == 1
    assert len(list(elements(every.routes[0]))) > len(list(elements(found.routes[0])))


@pytest.mark.parametrize("heavy", [-0.1, 1.5, float("nan")])
def test_a_share_of_heavy_vehicles_that_is_none_is_refused(heavy: float) -> None:
    with pytest.raises(ConfigError, match=r"heavy .*expected a share"):
        scenario_of(replace(GRID, heavy=heavy))
