"""Claims about the whole path in SUMO: counts, forecast, plan, safety, lights, measured in SUMO's own tripinfo."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from citybrain import assemble
from citybrain.episode import EpisodeSpec, run_episode
from signals.errors import LinkError
from signals.links.sumo import SumoLink
from signals.loop import ControlLoop
from signals.monitor import monitor_for
from signals.planners.rolling_horizon import RollingHorizon
from signals.rules import RULES, envelope
from signals.types import Floats, FlowForecast, Tick
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario
from sumo_nets.session import start

pytestmark = pytest.mark.sumo
SEED = 108


def episode(controller: str, **changes: Any) -> dict[str, Any]:
    one = scenario("grid_2x2")
    spec = EpisodeSpec("grid_2x2", controller, SEED, end_s=one.begin_s + 600.0, forecast="none")
    return run_episode(replace(spec, **changes))


class Persistence:
    """The last count as the flow to come."""

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        flow_veh_h = (counts_veh * 360.0)[None, :]
        spoke = ("last",) * counts_veh.size
        return FlowForecast(now_s, now_s, 900.0, flow_veh_h, flow_veh_h, flow_veh_h, spoke)


@pytest.mark.parametrize("controller", [c for c in assemble.CONTROLLERS if c != "learned"])
def test_every_controller_runs_an_episode_without_violations(controller: str) -> None:
    result = episode(controller)
    assert result["safety_violations"] == 0, result["violations"]
    assert result["throughput_veh"] > 0.5 * result["due_veh"] > 100
    assert 0.0 < result["delay_s_per_veh"] < 300.0
    assert result["congestion_index"] > 1.0
    assert f"--seed {SEED}" in " ".join(result["sumo_options"])


@pytest.mark.parametrize("rules", RULES)
def test_the_rolling_horizon_keeps_every_set_of_rules(rules: str) -> None:
    result = episode("rolling_horizon", scenario="arterial_5", begin_s=61200.0, end_s=61500.0, rules=rules)
    assert result["safety_violations"] == 0, result["violations"]
    assert result["due_veh"] > 100


def test_the_figures_are_those_of_the_tripinfo_that_stays_where_it_was_asked_for(tmp_path: Path) -> None:
    import xml.etree.ElementTree as ET

    tripinfo = tmp_path / "t.xml"
    result = episode("max_pressure", tripinfo=str(tripinfo), end_s=25500.0)
    rows = ET.parse(tripinfo).getroot().findall("tripinfo")
    lost_s = sum(float(r.get("timeLoss", "nan")) for r in rows if float(r.get("depart", "nan")) >= 0.0)
    waited_s = sum(float(r.get("departDelay", "nan")) for r in rows)
    assert result["due_veh"] == len(rows)
    assert result["delay_s_per_veh"] == pytest.approx((lost_s + waited_s) / len(rows), abs=0.006)
    assert result["throughput_veh"] == sum(float(r.get("arrival", "nan")) >= 0.0 for r in rows)


def test_each_tick_holds_what_was_seen_forecast_and_approved_and_the_lights_obey() -> None:
    one = scenario("arterial_5")
    network = read_network(one.net, RULES["resco"])
    limits = tuple(envelope(s, RULES["resco"]) for s in network.signals)
    monitor, ticks = monitor_for(network, RULES["resco"]), list[Tick]()
    with start(one, SEED) as session:
        link = SumoLink(session.sumo, network)
        loop = ControlLoop(network, limits, link, RollingHorizon(network, limits), Persistence())
        while session.now_s < one.begin_s + 300.0:
            if session.now_s % 10.0 == 0.0:
                ticks.append(loop.tick(session.now_s))
            began_s = session.now_s
            session.advance()
            shown = [session.sumo.trafficlight.getRedYellowGreenState(s.id) for s in network.signals]
            monitor.watch(began_s, shown)
    assert len(ticks) == 30
    assert monitor.violations == []
    assert ticks[-1].forecast is not None
    assert [a.plan.signal for a in ticks[-1].plans] == [s.id for s in network.signals]
    # The planner's wishes are carried out: what leads the approved plan is the green phase of the next observation.
    carried = 0
    for before, after in pairwise(ticks):
        for i, approved in enumerate(before.plans):
            plan = approved.plan
            if not plan.repeats and plan.starts_s == before.now_s and len(plan.stages) == 1:
                assert after.observed.phase[i] == plan.stages[0].phase
                carried += 1
    assert carried > 50


def test_a_simulator_that_dies_ends_the_loop_with_one_error() -> None:
    one = scenario("grid_2x2")
    network = read_network(one.net, RULES["resco"])
    limits = tuple(envelope(s, RULES["resco"]) for s in network.signals)
    with start(one, SEED, None, "traci") as session:
        link = SumoLink(session.sumo, network)
        loop = ControlLoop(network, limits, link, RollingHorizon(network, limits), Persistence())
        loop.tick(session.now_s)
        session.sumo._process.kill()
        with pytest.raises(LinkError, match=r"SUMO does not answer"):
            loop.tick(session.now_s)
