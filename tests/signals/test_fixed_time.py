"""Fixed time: the base plan, and nothing else."""

from collections.abc import Callable
from dataclasses import replace

from signals.planners.fixed_time import FixedTime
from signals.safety import adopt, vet
from signals.types import Network, Observation, SafetyEnvelope, Stage, TimingPlan


def test_a_running_base_plan_is_left_as_it_is(
    pair: Network, limits_of: Callable[..., tuple[SafetyEnvelope, ...]], observe: Callable[..., Observation]
) -> None:
    running = adopt(pair, 0.0)
    wish = FixedTime(pair, limits_of(pair)).propose(pair, observe(pair), None, running)
    assert all(plan is one.plan for plan, one in zip(wish, running, strict=True))


def test_whatever_runs_else_gives_way_to_the_base_plan(
    four_arm: Network, limits_of: Callable[..., tuple[SafetyEnvelope, ...]], observe: Callable[..., Observation]
) -> None:
    limits, observed = limits_of(four_arm), observe(four_arm)
    other = (TimingPlan("A0", (Stage(2, 30.0),), observed.now_s, observed.now_s + 33.0),)
    running = vet(other, adopt(four_arm, 0.0), observed, four_arm, limits)
    assert running[0].plan is other[0]
    later = replace(observed, now_s=observed.now_s + 20.0)
    wish = FixedTime(four_arm, limits).propose(four_arm, later, None, running)
    assert wish[0] is four_arm.signals[0].base
