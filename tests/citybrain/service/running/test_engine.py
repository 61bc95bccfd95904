"""The engine on a street in SUMO: plans reach only whom they may, people's wishes pass the same safety, shards take turns."""

from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
import pytest

from citybrain import assemble
from citybrain.forecasts import movement_names
from citybrain.service.desk import Mode
from citybrain.service.engine import Engine, Gate, Spoken
from citybrain.service.orders import Orders, Standing
from citybrain.service.shards import AT_ONCE, shard_count, turn_of
from citybrain.service.street import Stepped
from forecasting.online import OnlineForecaster
from signals.monitor import monitor_for
from signals.rules import RULES
from signals.safety import adopt
from signals.types import Network

pytestmark = pytest.mark.sumo
RULE = RULES["resco"]


def engine(street: Stepped, grid: Network, orders: Orders, **more: Any) -> Engine:
    """An engine that plans every second."""
    return Engine(
        grid, replace(RULE, decision_s=1.0), street, assemble.planner, lambda n: OnlineForecaster(movement_names(n), recalls=2), orders,
        now_s=street.now_s, **more,
    )  # fmt: skip


def lights(street: Stepped, grid: Network) -> list[str]:
    """What SUMO shows."""
    return [street.session.sumo.trafficlight.getRedYellowGreenState(s.id) for s in grid.signals]


def drive(one: Engine, street: Stepped, grid: Network, seconds: int) -> list[tuple[int, ...]]:
    """Tick every second, with the lights watched; which phases were seen."""
    watched, phases = monitor_for(grid, RULE), []
    for _ in range(seconds):
        tick = one.tick(street.now_s)
        phases.append(tuple(tick.observed.phase.tolist()))
        street.wait(street.now_s + 1.0, 1.0)
        watched.watch(street.now_s, lights(street, grid))
    assert not watched.violations
    return phases


def test_only_signals_in_automatic_mode_are_steered(simulated: Stepped, grid: Network) -> None:
    one = engine(simulated, grid, Orders("rolling_horizon", Mode.SHADOW, {grid.signals[2].id: Mode.AUTOMATIC}))
    drive(one, simulated, grid, 120)
    programs = [simulated.session.sumo.trafficlight.getProgram(s.id) for s in grid.signals]
    assert [one.plan_of(i).plan is grid.signals[i].base for i in range(4)] == [True, True, False, True]
    assert programs[2] == "citybrain"
    assert all(one.wish_of(i) is not None for i in range(4))


def test_a_signal_that_leaves_automatic_mode_goes_back_to_its_base_plan(simulated: Stepped, grid: Network) -> None:
    one = engine(simulated, grid, Orders("rolling_horizon", Mode.AUTOMATIC))
    drive(one, simulated, grid, 90)
    one.follow(Orders("rolling_horizon", Mode.OBSERVE))
    phases = drive(one, simulated, grid, 240)
    assert all(one.plan_of(i).plan is grid.signals[i].base for i in range(4))
    longest = max(len(set(phases[k][0] for k in range(s, s + 120))) for s in (0, 120))
    assert longest == len({s.phase for s in grid.signals[0].base.stages})  # it cycles through its own stages again


@pytest.mark.parametrize("phase", [0, 1])
def test_a_phase_held_by_hand_is_shown_and_let_go(simulated: Stepped, grid: Network, phase: int) -> None:
    name = grid.signals[0].id
    orders = Orders("rolling_horizon", Mode.SHADOW, standing={name: Standing("Ann", "fair", phase, simulated.now_s + 80.0)})
    one = engine(simulated, grid, orders)
    phases = [p[0] for p in drive(one, simulated, grid, 80)]
    assert set(phases[25:]) == {phase}
    one.follow(Orders("rolling_horizon", Mode.SHADOW))
    assert len({p[0] for p in drive(one, simulated, grid, 150)}) > 1


def test_a_fixed_plan_runs_and_is_renewed(simulated: Stepped, grid: Network) -> None:
    signal = grid.signals[1]
    stages = tuple((s.phase, s.green_s + 6.0) for s in signal.base.stages)
    orders = Orders("rolling_horizon", Mode.SHADOW, standing={signal.id: Standing("Ann", "market", stages=stages, offset_s=3.0)})
    one = engine(simulated, grid, orders)
    drive(one, simulated, grid, 60)
    first = one.plan_of(1).plan
    assert first.repeats and [(s.phase, s.green_s) for s in first.stages] == list(stages) and first.offset_s == 3.0
    drive(one, simulated, grid, 500)
    later = one.plan_of(1).plan
    assert later.stages == first.stages and later.starts_s == first.starts_s and later.valid_until_s > first.valid_until_s


def test_shards_take_turns_and_every_signal_is_planned_each_turn(simulated: Stepped, grid: Network) -> None:
    one = engine(simulated, grid, Orders("rolling_horizon", Mode.AUTOMATIC), largest=1)
    assert len(one.shards) == 4 and one.turn_s == 2.0
    planned: list[tuple[int, ...]] = []
    for _ in range(40):
        planned.append(one.tick(simulated.now_s).planned)
        simulated.wait(simulated.now_s + 1.0, 1.0)
    assert all(len(p) == AT_ONCE for p in planned)
    for k in range(0, 40, 2):
        assert sorted(planned[k] + planned[k + 1]) == [0, 1, 2, 3]


def test_what_fails_in_one_of_the_shards_that_are_planned_side_by_side_is_told(simulated: Stepped, grid: Network) -> None:
    one = engine(simulated, grid, Orders("rolling_horizon", Mode.AUTOMATIC), largest=1)
    one.shards[1].loop.planner = Broken()
    with pytest.raises(ZeroDivisionError, match="of this shard"):
        drive(one, simulated, grid, 2)


@pytest.mark.parametrize(("shards", "turn_s"), [(1, 1.0), (2, 1.0), (3, 2.0), (7, 4.0), (10, 5.0), (15, 5.0), (100, 5.0)])
def test_a_turn_is_as_short_as_shards_allow_and_never_over_five_seconds(shards: int, turn_s: float) -> None:
    assert turn_of(shards) == turn_s
    assert shard_count(shards * 10, 10) >= shards and shard_count(shards * 10, 10) <= max(shards, AT_ONCE * 5) + 4


class Broken:
    """A planner with a fault."""

    def propose(self, *_: object) -> NoReturn:
        """Fails."""
        raise ZeroDivisionError("of this shard")


def test_a_signal_is_planned_at_once_when_it_is_asked_for(simulated: Stepped, grid: Network) -> None:
    one = engine(simulated, grid, Orders("rolling_horizon", Mode.SHADOW))
    drive(one, simulated, grid, 30)
    name = grid.signals[3].id
    other = 1 - int(one.observed.phase[3]) if one.observed is not None else 0
    one.follow(Orders("rolling_horizon", Mode.SHADOW, standing={name: Standing("Ann", "now", other, simulated.now_s + 60.0)}))
    plan = one.react(3)
    assert plan.plan.stages[-1].phase == other or plan.plan.stages[0].phase == other or one.observed is None
    assert one.plan_of(3) is plan and one.plan_of(0).plan is grid.signals[0].base


def test_an_unfit_signal_is_left_to_itself(simulated: Stepped, grid: Network) -> None:
    one = engine(simulated, grid, Orders("rolling_horizon", Mode.AUTOMATIC))
    drive(one, simulated, grid, 60)
    one.fit = np.array([True, False, True, True])
    one.open_gates()
    drive(one, simulated, grid, 20)
    assert [one.plan_of(i).plan is grid.signals[i].base for i in range(4)] == [False, True, False, False]


def test_another_controller_takes_over_within_a_tick(simulated: Stepped, grid: Network) -> None:
    one = engine(simulated, grid, Orders("rolling_horizon", Mode.AUTOMATIC))
    drive(one, simulated, grid, 60)
    one.follow(replace(one.orders, controller="webster"))
    drive(one, simulated, grid, 180)
    assert all(one.plan_of(i).plan.repeats for i in range(4))


def test_a_gate_lets_nothing_through_until_it_is_opened(grid: Network) -> None:
    base = adopt(grid, 0.0)
    gate = Gate(base)
    wish = adopt(grid, 0.0)
    gate.push(wish)
    assert all(a is b for a, b in zip(gate.admitted, base, strict=True))
    gate.open = np.array([False, True, False, False])
    gate.push(wish)
    assert [a is w for a, w in zip(gate.admitted, wish, strict=True)] == [False, True, False, False]
    gate.release()
    assert gate.admitted is base
    assert Spoken(None).update(0.0, np.zeros(1)) is None
