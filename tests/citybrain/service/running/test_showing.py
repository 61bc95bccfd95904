"""What the service shows: everything is there, agrees with what runs, and is fit for JSON."""

import json
import math

import pytest

from citybrain.service.desk import Mode, Override, Propose, SetController, SetMode
from citybrain.service.service import CityService
from citybrain.service.showing import Showing, lights_of, plan_view, planned_greens
from signals.errors import ConfigError
from signals.types import Network, Stage, TimingPlan

pytestmark = pytest.mark.sumo


@pytest.fixture
def showing(serving: CityService) -> Showing:
    """After six minutes in automatic mode."""
    serving.submit(SetMode(Mode.AUTOMATIC), "Ann")
    for _ in range(360):
        serving.follow_orders()
        serving.tick(serving.plant.street.now_s)
        serving.plant.street.wait(serving.plant.street.now_s + 1.0, 1.0)
    return Showing(serving)


def test_every_signal_has_a_line(showing: Showing, grid: Network) -> None:
    rows = showing.signals()
    assert [r["id"] for r in rows] == [s.id for s in grid.signals]
    assert all(r["mode"] == "automatic" and r["health"] == "ok" and r["phase"] >= 1 and r["congestion"] >= 1.0 for r in rows)


def test_a_signal_in_depth_agrees_with_what_runs(showing: Showing, grid: Network) -> None:
    found = showing.detail(grid.signals[0].id)
    json.dumps(found, allow_nan=False)
    assert found["plan"]["pushed"] and found["plan"]["stages"] and found["simulated"]
    assert len(found["queue_veh"]) == len(found["flow_veh_h"]) == len(grid.signals[0].movements)
    assert found["why"]["en"].startswith(grid.signals[0].id) and found["why"]["zh"].startswith(grid.signals[0].id)
    assert found["why"]["en"] != found["why"]["zh"]


def test_the_past_of_a_signal_is_told_in_order(showing: Showing, grid: Network) -> None:
    found = showing.history(grid.signals[1].id, 300.0)
    json.dumps(found, allow_nan=False)
    ons = [on_s for _, on_s, _ in found["greens"]]
    assert ons == sorted(ons) and all(off_s > on_s for _, on_s, off_s in found["greens"])
    assert sum(sum(c or 0 for c in counts) for _, counts in found["counts_veh"]) > 0
    arrived = len(found["arrivals"])
    assert arrived > 0 and all(0 <= m < len(grid.signals[1].movements) for _, m in found["arrivals"])


def test_an_override_and_a_proposal_are_shown(showing: Showing, serving: CityService, grid: Network) -> None:
    name = grid.signals[3].id
    serving.submit(Override(name, 2, 60.0, "fair"), "Ann")
    stages = tuple((s.phase + 1, s.green_s) for s in grid.signals[3].base.stages)
    serving.submit(Propose(name, stages, 1.0, "as built, later"), "Ben")
    found = showing.detail(name)
    assert found["override"] | {"until_s": 0} == {"kind": "phase", "owner": "Ann", "reason": "fair", "phase": 2, "until_s": 0, "plan": 0}
    assert [p["by"] for p in found["proposals"]] == ["Ben"] == [p["by"] for p in showing.proposals()]
    assert found["proposals"][0]["cycle_s"] == pytest.approx(grid.signals[3].base.cycle_s)


def test_the_trail_is_told_from_a_number_on_or_from_its_end(showing: Showing, serving: CityService) -> None:
    for name in ("max_pressure", "webster", "rolling_horizon"):
        serving.submit(SetController(name), "Ann")
    assert [r["number"] for r in showing.audit(2, 2)] == [2, 3]
    assert showing.audit(None, 1)[0]["args"] == {"controller": "rolling_horizon", "reason": ""}


def test_metrics_are_finite_and_named(showing: Showing) -> None:
    samples = showing.metrics()
    assert all(
        name.startswith("citybrain_") and kind in ("gauge", "counter") and math.isfinite(value) for name, kind, _, _, value in samples
    )
    assert {"citybrain_ticks_total", "citybrain_congestion_index", "citybrain_signals"} <= {s[0] for s in samples}
    assert showing.health()["ready"]


@pytest.mark.parametrize("ask", [lambda s: s.detail("x"), lambda s: s.history("x", 60.0), lambda s: s.plans("x"), lambda s: s.export("x")])
def test_what_there_is_not_is_said_in_a_sentence(serving: CityService, ask: object) -> None:
    with pytest.raises(ConfigError, match="there is no"):
        ask(Showing(serving))  # type: ignore[operator]


def test_before_the_first_tick_there_is_little_to_show_and_no_failure(serving: CityService, grid: Network) -> None:
    showing = Showing(serving)
    assert {r["health"] for r in showing.signals()} == {"silent"}
    assert showing.detail(grid.signals[0].id)["mode"] == "shadow"
    assert showing.arterial(grid.signals[0].id)["ways"] is not None
    assert not showing.health()["ready"] and showing.kpi() == {}


def test_planned_greens_are_those_of_the_plan(grid: Network) -> None:
    signal = grid.signals[0]
    plan = signal.base
    greens = planned_greens(signal, plan, 1000.0, 1000.0 + 3 * plan.cycle_s, {plan.stages[0].phase})
    lit_s = sum(off_s - on_s for on_s, off_s in greens)
    assert lit_s == pytest.approx(3 * plan.stages[0].green_s, abs=0.5)
    lone = TimingPlan(signal.id, (Stage(1, 20.0),), 1000.0, 1030.0)
    assert (
        planned_greens(signal, lone, 1005.0, 1100.0, {1}) == [[1005.0, 1020.0]] and planned_greens(signal, lone, 1005.0, 1100.0, {0}) == []
    )
    assert plan_view(lone, 1005.0, pushed=True)["green_left_s"] == 15.0


def test_during_an_intergreen_no_lights_are_claimed(grid: Network) -> None:
    assert lights_of(grid.signals[0], 0, -1.0) == "" and lights_of(grid.signals[0], 0, 1.0) == grid.signals[0].phases[0].lights
