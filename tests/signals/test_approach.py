"""The step towards a wish: no larger than allowed, on the grid, in the cycle range, and it arrives."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.approach import approach, same_phases
from signals.safety import adopt, vet
from signals.types import ApprovedPlan, Network, Observation, SafetyEnvelope, Stage, TimingPlan

LimitsOf = Callable[[Network, str], tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]
LOST_S = 12.0  # four intergreens of 3 s
BASE_S = (30.0, 10.0, 25.0, 10.0)


def cycle(*green_s: float, offset_s: float = 0.0, phases: tuple[int, ...] = (0, 1, 2, 3)) -> TimingPlan:
    stages = tuple(Stage(p, g) for p, g in zip(phases, green_s, strict=True))
    return TimingPlan("A0", stages, 0.0, inf, repeats=True, cycle_s=sum(green_s) + LOST_S, offset_s=offset_s)


def greens(plan: TimingPlan) -> tuple[float, ...]:
    return tuple(stage.green_s for stage in plan.stages)


def sequence(*green_s: float, lease_s: float = 30.0) -> TimingPlan:
    return TimingPlan("A0", tuple(Stage(p, g) for p, g in enumerate(green_s)), 1000.0, 1000.0 + lease_s)


@pytest.fixture
def base(four_arm: Network) -> tuple[ApprovedPlan, ...]:
    return adopt(four_arm, 0.0)


@pytest.fixture
def limits(four_arm: Network, limits_of: LimitsOf) -> tuple[SafetyEnvelope, ...]:
    return limits_of(four_arm, "resco")


@pytest.mark.parametrize(
    "plan",
    [sequence(10.0, 7.0), sequence(12.0, lease_s=60.0), cycle(*BASE_S), cycle(40.0, 12.0, 20.0, 8.0, offset_s=7.0)],
)
def test_what_needs_no_limit_is_handed_on_as_the_same_object(
    plan: TimingPlan, base: tuple[ApprovedPlan, ...], limits: tuple[SafetyEnvelope, ...]
) -> None:
    wish = (plan,)
    assert approach(wish, base, limits) is wish


def test_the_running_plan_is_handed_on_even_if_it_is_off_the_grid(limits: tuple[SafetyEnvelope, ...], four_arm: Network) -> None:
    signal = four_arm.signals[0]
    odd = replace(four_arm, signals=(replace(signal, base=cycle(30.3, 10.0, 25.0, 10.0)),))
    running = adopt(odd, 0.0)
    wish = (running[0].plan,)
    assert approach(wish, running, limits) is wish


@pytest.mark.parametrize(
    ("wished", "stepped"),
    [
        ((60.0, 10.0, 25.0, 10.0), (45.0, 10.0, 25.0, 10.0)),
        ((60.0, 20.0, 25.0, 10.0), (45.0, 15.0, 25.0, 10.0)),  # all on the straight line
        ((30.0, 10.0, 55.0, 40.0), (30.0, 10.0, 40.0, 25.0)),
        ((60.0, 10.0, 10.0, 10.0), (45.0, 10.0, 18.0, 10.0)),  # half a step is given away once, not per stage
        ((30.4, 10.0, 25.0, 10.0), (30.0, 10.0, 25.0, 10.0)),
    ],
)
def test_a_large_change_is_taken_in_steps_along_the_straight_line(
    wished: tuple[float, ...],
    stepped: tuple[float, ...],
    base: tuple[ApprovedPlan, ...],
    limits: tuple[SafetyEnvelope, ...],
) -> None:
    (plan,) = approach((cycle(*wished),), base, limits)
    assert greens(plan) == stepped
    assert plan.cycle_s == pytest.approx(sum(stepped) + LOST_S)


@pytest.mark.parametrize(("wished", "cycle_s"), [((200.0, 50.0, 200.0, 50.0), 300.0), ((7.0, 7.0, 7.0, 7.0), 60.0)], ids=["long", "short"])
def test_a_cycle_out_of_its_range_is_brought_to_the_bound_without_breaking_a_minimum(
    wished: tuple[float, ...], cycle_s: float, base: tuple[ApprovedPlan, ...], limits: tuple[SafetyEnvelope, ...]
) -> None:
    within = (replace(limits[0], min_cycle_s=60.0, max_green_change_s=1000.0),)
    wish = cycle(*wished[:3], wished[3] + 4.0, offset_s=50.0)
    (plan,) = approach((wish,), base, within)
    assert plan.cycle_s == cycle_s == sum(greens(plan)) + LOST_S
    assert min(greens(plan)) >= 7.0
    assert 0.0 <= plan.offset_s < plan.cycle_s


def test_the_offset_stays_within_a_shorter_cycle(base: tuple[ApprovedPlan, ...], limits: tuple[SafetyEnvelope, ...]) -> None:
    (plan,) = approach((cycle(60.0, 10.0, 25.0, 10.0, offset_s=110.0),), base, limits)
    assert plan.cycle_s == 102.0 and plan.offset_s == 8.0


def test_other_phases_have_no_step_between_them(base: tuple[ApprovedPlan, ...], limits: tuple[SafetyEnvelope, ...]) -> None:
    wish = (cycle(60.0, 60.0, phases=(0, 2)),)
    assert approach(wish, base, limits) is wish
    assert not same_phases(wish[0], base[0].plan)
    assert not same_phases(cycle(30.0, 10.0, 25.0, 10.0, phases=(0, 1, 3, 2)), base[0].plan)
    assert not same_phases(replace(base[0].plan, repeats=False), base[0].plan)
    assert same_phases(cycle(9.0, 9.0, 9.0, 9.0), base[0].plan)


@pytest.mark.parametrize(("green_s", "snapped_s"), [(12.3, 12.0), (12.5, 13.0), (12.7, 13.0), (0.2, 0.0)])
def test_a_sequence_is_put_on_the_step_grid(
    green_s: float, snapped_s: float, base: tuple[ApprovedPlan, ...], limits: tuple[SafetyEnvelope, ...]
) -> None:
    (plan,) = approach((sequence(8.0, green_s),), base, limits)
    assert greens(plan) == (8.0, snapped_s)
    assert plan.valid_until_s == 1030.0


@pytest.mark.parametrize(("lease_s", "left_s"), [(61.0, 60.0), (inf, 60.0), (59.0, 59.0)])
def test_a_sequence_gets_no_longer_lease_than_the_envelope_gives(
    lease_s: float, left_s: float, base: tuple[ApprovedPlan, ...], limits: tuple[SafetyEnvelope, ...]
) -> None:
    (plan,) = approach((sequence(8.0, lease_s=lease_s),), base, limits)
    assert plan.valid_until_s == 1000.0 + left_s


@pytest.mark.parametrize(
    "broken",
    [
        sequence(nan),
        sequence(inf, 7.5),
        cycle(nan, 10.0, 25.0, 10.0),
        replace(cycle(*BASE_S), offset_s=nan),
        replace(sequence(8.0), stages=()),
    ],
)
def test_what_is_malformed_goes_on_to_vet_as_it_is(
    broken: TimingPlan, base: tuple[ApprovedPlan, ...], limits: tuple[SafetyEnvelope, ...]
) -> None:
    wish = (broken,)
    assert approach(wish, base, limits) is wish
    assert approach((), base, limits) == ()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(wished=st.tuples(*(st.integers(7, 70).map(float) for _ in range(4))), offset_s=st.integers(0, 40).map(float))
def test_an_ambitious_wish_is_never_refused_and_arrives_in_a_few_steps(
    wished: tuple[float, ...],
    offset_s: float,
    four_arm: Network,
    limits_of: LimitsOf,
    observe: Observe,
) -> None:
    limits, running = limits_of(four_arm, "resco"), adopt(four_arm, 0.0)
    wish = (cycle(*wished, offset_s=offset_s),)
    for _ in range(5):  # at most 60 s of change, 15 s a step
        before = greens(running[0].plan)
        running = vet(approach(wish, running, limits), running, observe(four_arm), four_arm, limits)
        assert running[0].objections == ()
        assert max(abs(a - b) for a, b in zip(before, greens(running[0].plan), strict=True)) <= 15.0
    assert running[0].plan == wish[0]
