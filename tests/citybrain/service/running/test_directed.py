"""People's wishes in place of the planner's, and only where they gave any."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from citybrain.service.desk import Mode
from citybrain.service.directed import LEASE_S, Directed
from citybrain.service.orders import Orders, Standing
from signals.planners.rolling_horizon import RollingHorizon
from signals.rules import RULES, envelope
from signals.safety import adopt, approach, vet
from signals.types import ApprovedPlan, Network, Observation, TimingPlan

Look = Callable[[Network, float, int], Observation]


@pytest.fixture
def directed(grid: Network) -> Directed:
    """Over the lookahead."""
    limits = tuple(envelope(s, RULES["resco"]) for s in grid.signals)
    return Directed(grid, limits, RollingHorizon(grid, limits))


def wish(directed: Directed, grid: Network, seen: Observation, running: tuple[ApprovedPlan, ...]) -> tuple[TimingPlan, ...]:
    """What it proposes."""
    return directed.propose(grid, seen, None, running)


def test_without_orders_it_is_the_planner_s_wish(directed: Directed, grid: Network, look: Look) -> None:
    seen, running = look(grid, 10.0, 1), adopt(grid, 0.0)
    assert wish(directed, grid, seen, running) == directed.planner.propose(grid, seen, None, running)


def test_only_the_signal_in_hand_differs(directed: Directed, grid: Network, look: Look) -> None:
    seen, running = replace(look(grid, 10.0, 1), age_s=np.full(4, 20.0)), adopt(grid, 0.0)
    other = 1 - int(seen.phase[2])
    directed.follow(Orders("x", Mode.SHADOW, standing={grid.signals[2].id: Standing("Ann", "fair", other, 60.0)}))
    own = directed.planner.propose(grid, seen, None, running)
    plans = wish(directed, grid, seen, running)
    assert [a == b for a, b in zip(plans, own, strict=True)].count(False) <= 1
    assert plans[2].stages[0].phase == other and directed.stands(2) and not directed.stands(0)
    limits = tuple(envelope(s, RULES["resco"]) for s in grid.signals)
    assert not vet(approach(plans, running, limits), running, seen, grid, limits)[2].objections


def test_a_hold_that_is_over_is_no_wish_any_more(directed: Directed, grid: Network, look: Look) -> None:
    seen, running = look(grid, 60.0, 1), adopt(grid, 0.0)
    directed.follow(Orders("x", Mode.SHADOW, standing={grid.signals[2].id: Standing("Ann", "fair", 1, 60.0)}))
    assert wish(directed, grid, seen, running) == directed.planner.propose(grid, seen, None, running)


def test_a_fixed_plan_is_the_same_object_until_half_its_lease_is_over(directed: Directed, grid: Network, look: Look) -> None:
    signal, running = grid.signals[0], adopt(grid, 0.0)
    limits = tuple(envelope(s, RULES["resco"]) for s in grid.signals)
    stages = tuple((s.phase, s.green_s + 5.0) for s in signal.base.stages)
    directed.follow(Orders("x", Mode.SHADOW, standing={signal.id: Standing("Ann", "fair", stages=stages)}))
    seen = look(grid, 10.0, 1)
    first = vet(wish(directed, grid, seen, running), running, seen, grid, limits)
    assert first[0].plan.repeats and not first[0].objections
    early = wish(directed, grid, replace(seen, now_s=10.0 + 0.4 * LEASE_S), first)[0]
    late = wish(directed, grid, replace(seen, now_s=10.0 + 0.6 * LEASE_S), first)[0]
    assert early is first[0].plan
    assert late is not early and late.starts_s == early.starts_s and late.valid_until_s > early.valid_until_s


def test_the_base_plan_as_a_fixed_plan_is_the_base_plan_itself(directed: Directed, grid: Network, look: Look) -> None:
    base = grid.signals[1].base
    stages = tuple((s.phase, s.green_s) for s in base.stages)
    directed.follow(Orders("x", Mode.SHADOW, standing={grid.signals[1].id: Standing("Ann", "back", stages=stages, offset_s=base.offset_s)}))
    assert wish(directed, grid, look(grid, 10.0, 1), adopt(grid, 0.0))[1] is base
