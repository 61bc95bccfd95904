"""Every name in the tables can be built; every other name is one sentence with the nearest."""

from pathlib import Path

import pytest

from citybrain import assemble
from citybrain.assemble import CONTROLLERS, POLICY_PREFIX
from rl.policy import SHIPPED, LearnedPlanner
from signals.errors import ConfigError, PolicyError
from signals.rules import RULES, envelope
from signals.safety import adopt
from signals.types import Network, Observation, SafetyEnvelope


@pytest.fixture(scope="module")
def limits(grid: Network) -> tuple[SafetyEnvelope, ...]:
    """The grid's, under the RESCO rules."""
    return tuple(envelope(s, RULES["resco"]) for s in grid.signals)


PLANNERS = [c.name for c in CONTROLLERS.values() if c.make is not None]


@pytest.mark.parametrize("name", PLANNERS)
def test_every_planner_of_the_table_makes_a_wish_for_every_signal(
    name: str, grid: Network, limits: tuple[SafetyEnvelope, ...], seen: Observation
) -> None:
    wish = assemble.planner(name, grid, limits).propose(grid, seen, None, adopt(grid, 0.0))
    assert [plan.signal for plan in wish] == [s.id for s in grid.signals]


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_controller_has_a_planner_or_a_program_of_sumo_and_a_title(name: str) -> None:
    found = assemble.controller(name)
    assert found.name == name and found.title
    assert (found.make is None) == bool(found.native)


def test_a_policy_of_ones_own_is_the_learned_planner_with_it(grid: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    name = f"{POLICY_PREFIX}{SHIPPED}"
    assert assemble.controller(name).make == CONTROLLERS["learned"].make
    assert isinstance(assemble.planner(name, grid, limits), LearnedPlanner)


def test_a_missing_policy_is_refused_and_not_replaced_by_the_shipped_one(
    grid: Network, limits: tuple[SafetyEnvelope, ...], tmp_path: Path
) -> None:
    with pytest.raises(PolicyError, match=r"card\.json"):
        assemble.planner(f"{POLICY_PREFIX}{tmp_path}", grid, limits)


@pytest.mark.parametrize("name", ["fixed", "actuated"])
def test_a_controller_inside_sumo_has_no_planner(name: str, grid: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    with pytest.raises(ConfigError, match="no planner"):
        assemble.planner(name, grid, limits)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("max_presure", "did you mean 'max_pressure'?"),
        ("zzzz", "known are actuated, coordinated, cyclic_pressure, fixed, gap_out, learned"),
    ],
)
def test_an_unknown_controller_is_refused_with_the_nearest(wrong: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"^controller '{wrong}': no such controller; ") as caught:
        assemble.controller(wrong)
    assert hint in str(caught.value)


def test_unknown_rules_are_refused_with_the_nearest() -> None:
    assert assemble.rules("street") is RULES["street"]
    with pytest.raises(ConfigError, match="did you mean 'street'"):
        assemble.rules("streets")
