"""What all environments share, where it is not seen through them."""

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")
pytest.importorskip("gymnasium", reason="needs the sumo extra")

from rl.reward import Outcome
from rl.simulation import site
from rl.surface import Parts, Surface, drawn_seed, found
from signals.errors import ConfigError, ScenarioError
from signals.types import Floats
from sumo_nets.scenario import Scenario

pytestmark = pytest.mark.sumo


@pytest.fixture
def kept() -> Iterator[list[Outcome]]:
    yield []


def test_a_reward_of_one_s_own_is_given_both_moments_and_the_lanes(small: Scenario, kept: list[Outcome]) -> None:
    def own(outcome: Outcome) -> Floats:
        kept.append(outcome)
        return np.arange(4.0)

    surface = Surface(site(small), Parts(reward=own))
    surface.begin(3)
    gained = surface.go(surface.wanted([0, 0, 0, 0]))
    surface.close()
    assert gained.tolist() == [0.0, 1.0, 2.0, 3.0]
    outcome = kept[0]
    assert outcome.before is not None
    assert outcome.observed.now_s - outcome.before.now_s == 10.0
    assert outcome.lanes is not None
    assert outcome.lanes_before is not None


def test_what_nobody_asked_for_is_not_read(small: Scenario) -> None:
    surface = Surface(site(small), Parts(observation="phase"))
    surface.begin(3)
    assert surface.moment.rows is None
    assert surface.moment.lanes is None
    assert surface.metrics() == {}
    assert surface.moment_with_rows().rows is not None
    surface.close()


def test_with_nothing_said_the_network_s_own_program_goes_on(small: Scenario) -> None:
    surface = Surface(site(small), Parts(observation="phase"))
    surface.begin(3)
    for _ in range(3):
        surface.go(None)
    assert {surface.simulation.sumo.trafficlight.getProgram(name) for name in surface.signals} == {"0"}
    surface.go(surface.wanted([0, 0, 0, 0]))
    assert {surface.simulation.sumo.trafficlight.getProgram(name) for name in surface.signals} == {"citybrain"}
    surface.close()


def test_a_choice_that_is_not_open_is_not_carried_out(small: Scenario) -> None:
    surface = Surface(site(small), Parts(observation="phase"))
    surface.begin(3)
    running = surface.moment.observed.phase
    assert not surface.moment.may[np.arange(4), (running + 1) % 4].any()
    surface.go(surface.wanted((running + 1) % 4))
    assert surface.moment.observed.phase.tolist() == running.tolist()
    surface.close()


def test_a_surface_that_has_not_begun_or_is_closed_says_so(small: Scenario) -> None:
    surface = Surface(site(small), Parts())
    for _ in range(2):
        with pytest.raises(ConfigError, match="reset before step"):
            surface.wanted([0, 0, 0, 0])
        with pytest.raises(ConfigError, match="reset before step"):
            surface.metrics() if surface.parts.metrics else surface.simulation
        surface.begin(1)
        surface.close()
        surface.close()


def test_a_scenario_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'grid_2x2'"):
        found("grid_2x3", "resco")


def test_seeds_are_drawn_from_the_generator() -> None:
    assert drawn_seed(np.random.default_rng(1)) == drawn_seed(np.random.default_rng(1)) != drawn_seed(np.random.default_rng(2))
