"""Standing orders: what each command leaves behind, and every command that cannot be."""

import math
from dataclasses import replace

import pytest

from citybrain.service.desk import (
    COMMANDS,
    Approve,
    Command,
    Fault,
    Lift,
    Mode,
    Override,
    Propose,
    Reject,
    Role,
    RollBack,
    SetController,
    SetMode,
)  # fmt: skip
from citybrain.service.orders import (
    JUDGES,
    LONGEST_OVERRIDE_S,
    Orders,
    Scene,
    moved_holds,
    ordered,
    orders_from,
    orders_json,
    repeating,
    without_past,
)
from signals.errors import ConfigError
from signals.types import Network


def base_stages(grid: Network) -> tuple[tuple[int, float], ...]:
    """The base plan of the first signal, phases from 1."""
    return tuple((s.phase + 1, s.green_s) for s in grid.signals[0].base.stages)


def test_every_command_has_a_judge_and_a_role() -> None:
    assert set(JUDGES) == {noun for noun, _ in COMMANDS.values()}
    assert all(role is not Role.VIEWER for _, role in COMMANDS.values())


def test_a_mode_is_of_the_signals_named_or_of_all(orders: Orders, scene: Scene) -> None:
    names = list(scene.sites)
    one = ordered(orders, SetMode(Mode.AUTOMATIC, (names[1],)), scene).orders
    assert [one.mode_of(n) for n in names] == [Mode.SHADOW, Mode.AUTOMATIC, Mode.SHADOW, Mode.SHADOW]
    everyone = ordered(one, SetMode(Mode.OBSERVE), scene).orders
    assert {everyone.mode_of(n) for n in names} == {Mode.OBSERVE} and not everyone.modes


def test_holds_move_with_a_clock_that_jumps_and_end_no_later_than_can_be_asked(orders: Orders, scene: Scene, grid: Network) -> None:
    names, stages = [s.id for s in grid.signals], tuple((s.phase + 1, s.green_s) for s in grid.signals[1].base.stages)
    held = ordered(orders, Override(names[0], 2, 60.0, "fair"), scene).orders
    number = held.next_proposal
    held = ordered(held, Propose(names[1], stages, 0.0, "as built"), scene).orders
    held = ordered(held, Approve(number), scene).orders
    moved, signals = moved_holds(held, -90.0, 10.0)
    assert signals == [names[0]] and moved.standing[names[0]].until_s == 70.0
    assert moved.standing[names[1]] == held.standing[names[1]], "a plan stands until it is lifted"
    assert moved_holds(held, 9e9, 500.0)[0].standing[names[0]].until_s == 500.0 + LONGEST_OVERRIDE_S
    assert moved_holds(held, 0.0, 110.0) == (held, [])


def test_an_override_ends_by_itself(orders: Orders, scene: Scene) -> None:
    name = next(iter(scene.sites))
    after = ordered(orders, Override(name, 2, 60.0, "fair"), scene).orders
    assert after.standing[name].phase == 1 and after.standing[name].owner == "Ann"
    assert without_past(after, 159.0) == (after, [])
    assert without_past(after, 160.0)[1] == [name] and not without_past(after, 160.0)[0].standing


def test_nobody_takes_an_override_over_silently(orders: Orders, scene: Scene) -> None:
    name = next(iter(scene.sites))
    after = ordered(orders, Override(name, 1, 60.0, "fair"), scene).orders
    with pytest.raises(ConfigError, match="Ann holds phase 1 by hand"):
        ordered(after, Override(name, 2, 60.0, "mine"), replace(scene, who="Ben"))
    assert ordered(after, Override(name, 2, 60.0, "still mine"), scene).orders.standing[name].phase == 1
    late = replace(scene, who="Ben", now_s=161.0)
    assert ordered(after, Override(name, 2, 60.0, "free now"), late).orders.standing[name].owner == "Ben"


def test_a_proposal_waits_is_approved_and_lifted(orders: Orders, scene: Scene, grid: Network) -> None:
    name = grid.signals[0].id
    stages = tuple((phase, green_s + 4.0) for phase, green_s in base_stages(grid))
    put = ordered(orders, Propose(name, stages, 5.0, "longer"), scene)
    assert put.found == {"proposal": 1} and not put.orders.standing
    again = ordered(put.orders, Propose(name, stages, 6.0), scene).orders
    assert list(again.proposals) == [2]  # the same owner's earlier one has gone
    force = ordered(again, Approve(2), scene).orders
    assert force.standing[name].offset_s == 6.0 and not force.proposals
    assert not ordered(force, Lift(name), scene).orders.standing
    assert not ordered(again, Reject(2), scene).orders.proposals


def test_a_roll_back_stays_until_it_is_lifted(orders: Orders, scene: Scene, grid: Network) -> None:
    name, other = grid.signals[0].id, grid.signals[1].id
    stages = tuple((s.phase, s.green_s) for s in grid.signals[0].base.stages)
    archived = replace(scene, archived={7: (name, stages, 3.0)})
    one = ordered(orders, RollBack(name, 7), archived).orders.standing[name]
    assert (one.stages, one.offset_s, one.plan, one.until_s) == (stages, 3.0, 7, math.inf)
    with pytest.raises(ConfigError, match=f"plan 7 is of {name}"):
        ordered(orders, RollBack(other, 7), archived)


def test_another_controller_plans_from_now_on(orders: Orders, scene: Scene) -> None:
    assert ordered(orders, SetController("webster"), scene).orders.controller == "webster"


IMPOSSIBLE: list[tuple[Command, str]] = [
    (SetMode(Mode.AUTOMATIC, ("nowhere",)), "there is none of that name"),
    (Override("A0", 99, 10.0, "x"), "expected 1 to"),
    (Override("A0", 0, 10.0, "x"), "expected 1 to"),
    (Override("A0", 1, math.nan, "x"), "expected over 0"),
    (Override("A0", 1, 1e9, "x"), "at most 3600"),
    (Override("A0", 1, 10.0, "  "), "needs a reason"),
    (Lift("A0"), "nothing stands"),
    (Propose("A0", ()), "expected at least one"),
    (Propose("A0", ((1, math.nan),)), "greens over 0"),
    (Propose("A0", ((1, 30.0),)), "would be refused (every movement)"),
    (Approve(5), "none of that number"),
    (Reject(5), "none of that number"),
    (RollBack("A0", 5), "none of that number in the archive"),
    (SetController("actuated"), "runs inside SUMO"),
    (SetController("lerned"), "did you mean 'learned'"),
    (Fault("dead", 0.3), "in a simulated street"),
]


@pytest.mark.parametrize(("command", "words"), IMPOSSIBLE, ids=lambda x: str(x)[:40])
def test_what_cannot_be_is_said_in_a_sentence(orders: Orders, scene: Scene, grid: Network, command: Command, words: str) -> None:
    first = grid.signals[0].id
    if getattr(command, "signal", "") == "A0":
        command = replace(command, signal=first)  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as caught:
        ordered(orders, command, scene)
    assert words in str(caught.value)


def test_a_plan_below_its_minimum_greens_is_never_put_forward(orders: Orders, scene: Scene, grid: Network) -> None:
    with pytest.raises(ConfigError, match="min green"):
        ordered(orders, Propose(grid.signals[0].id, tuple((phase, 2.0) for phase, _ in base_stages(grid))), scene)


def test_what_stands_survives_the_store(orders: Orders, scene: Scene, grid: Network) -> None:
    name = grid.signals[0].id
    after = ordered(orders, SetMode(Mode.ADVISE, (name,)), scene).orders
    after = ordered(after, Override(grid.signals[1].id, 1, 60.0, "fair"), scene).orders
    after = ordered(after, Propose(name, base_stages(grid), 1.0, "as built"), scene).orders
    assert orders_from(orders_json(after), grid) == after


def test_a_repeating_plan_s_cycle_is_its_greens_and_intergreens(grid: Network) -> None:
    signal = grid.signals[0]
    plan = repeating(signal, tuple((s.phase, s.green_s) for s in signal.base.stages), 0.0, 0.0, math.inf)
    assert plan.cycle_s == pytest.approx(signal.base.cycle_s)
