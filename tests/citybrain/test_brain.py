"""The city brain's API: the concept in five lines on a real street, and scenarios as plug-ins."""

from pathlib import Path

import numpy as np
import pytest

from citybrain.brain import CityBrain, Decision, Dispatched, Event, traffic_light_optimization
from citybrain.forecasts import movement_names
from forecasting.history import FlowHistory, write
from signals.errors import ConfigError
from signals.links.sumo import SumoLink
from signals.rules import RULES
from signals.types import Network, Observation, Stage, TimingPlan
from sumo_nets.network import read_network
from sumo_nets.scenario import check, scenario
from sumo_nets.session import Session, start

pytestmark = pytest.mark.sumo


class Street:
    """A street in SUMO as a data source."""

    def __init__(self, session: Session, link: SumoLink, name: str = "street") -> None:
        self.session, self.link, self.name = session, link, name

    def read(self) -> Observation | None:
        """What its sensors say now."""
        return self.link.observe(self.session.now_s)


def network() -> Network:
    """Four signals."""
    return read_network(scenario("grid_2x2").net, RULES["resco"])


def history(of: Network) -> FlowHistory:
    """Ten days of counts by chance, with a morning and an evening."""
    rng, bins = np.random.default_rng(1), 96
    shape = 20.0 + 15.0 * np.sin(np.arange(bins) / bins * 2.0 * np.pi) ** 2
    counts = rng.poisson(np.tile(shape, 10)[:, None], (10 * bins, len(movement_names(of)))).astype(np.float64)
    return FlowHistory(np.datetime64("2024-01-01T00:00:00", "s"), 900.0, movement_names(of), counts)


def test_the_concept_reads_in_five_lines_and_changes_the_lights() -> None:
    of = network()
    with start(check(scenario("grid_2x2")), 101) as session:
        for _ in range(30):
            session.advance()
        link = SumoLink(session.sumo, of)
        brain = CityBrain(of, link=link, rules="resco", controller="rolling_horizon", model="residual")
        done = traffic_light_optimization(brain, Street(session, link), history(of))
        assert done and all(one.accepted for one in done)
        programs = {session.sumo.trafficlight.getProgram(s.id) for s in of.signals}
        assert "citybrain" in programs


def test_the_brain_goes_on_from_what_it_has_dispatched() -> None:
    of = network()
    with start(check(scenario("grid_2x2")), 101) as session:
        link = SumoLink(session.sumo, of)
        brain = CityBrain(of, link=link, rules="resco", controller="max_pressure")
        brain.add_data_source(Street(session, link))
        chosen: set[int] = set()
        for _ in range(12):
            for event in brain.predict("traffic").events:
                assert brain.dispatch(event).accepted
                if event.plan is not None:
                    chosen.add(event.plan.stages[0].phase)
            for _ in range(10):
                session.advance()
        assert len(chosen) > 1


def test_an_unsafe_plan_is_not_dispatched() -> None:
    of = network()
    with start(check(scenario("grid_2x2")), 101) as session:
        link = SumoLink(session.sumo, of)
        brain = CityBrain(of, link=link, rules="resco", controller="max_pressure")
        brain.add_data_source(Street(session, link))
        brain.predict("traffic")
        plan = TimingPlan(of.signals[0].id, (Stage(0, 1.0), Stage(1, 1.0)), session.now_s, session.now_s + 30.0)
        told = brain.dispatch(Event("traffic", "plan", session.now_s, plan.signal, plan))
        assert not told.accepted and plan.signal in told.sentence


class Parade:
    """A scenario of somebody's own."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def train(self, data: object) -> object:
        """Nothing to learn."""
        return data

    def predict(self, realtime: Observation) -> Decision:
        """It comes."""
        return Decision("parade", realtime.now_s, None, (Event("parade", "close", realtime.now_s),))

    def dispatch(self, event: Event) -> Dispatched:
        """The road is closed."""
        return Dispatched(True, event.kind)


def test_a_scenario_of_one_s_own_is_a_plug_in() -> None:
    brain = CityBrain(network())
    brain.register("parade", Parade)
    none, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
    seen = Observation(5.0, whole, none, none, none, none, none, none, whole, whole, none, none)
    decision = brain.predict("parade", seen)
    assert [brain.dispatch(e).sentence for e in decision.events] == ["close"]


def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path) -> None:
    of = network()
    brain = CityBrain(of)
    with pytest.raises(ConfigError, match="did you mean 'traffic'"):
        brain.train_model("trafic", None)
    with pytest.raises(ConfigError, match="no data from 0 sources"):
        brain.realtime()
    with start(check(scenario("grid_2x2")), 101) as session:
        link = SumoLink(session.sumo, of)
        street = Street(session, link)
        brain.add_data_source(street)
        with pytest.raises(ConfigError, match="one of that name already"):
            brain.add_data_source(street)
        traffic = CityBrain(of, link=link, rules="resco", controller="max_pressure")
        with pytest.raises(ConfigError, match="before anything was observed"):
            plan = of.signals[0].base
            traffic.dispatch(Event("traffic", "plan", 0.0, plan.signal, plan))
        with pytest.raises(ConfigError, match="expected a plan"):
            traffic.dispatch(Event("traffic", "dance", 0.0))
        path = tmp_path / "counts.csv"
        write(FlowHistory(np.datetime64("2024-01-01", "s"), 900.0, ("a",), np.ones((200, 1))), path)
        with pytest.raises(ConfigError, match="a history of 1 detectors"):
            traffic.train_model("traffic", path)
