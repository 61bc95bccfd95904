"""One tick: observe, forecast, propose, vet, push; on a link that replays observations and keeps what it is given."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from signals.errors import LinkError, UnsafePlanError
from signals.loop import ControlLoop
from signals.types import (
    ApprovedPlan,
    Floats,
    FlowForecast,
    Network,
    Observation,
    SafetyEnvelope,
    Stage,
    TimingPlan,
)

LimitsOf = Callable[[Network, str], tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]


@dataclass
class Replay:
    """Gives back recorded observations, and remembers what was pushed."""

    recorded: dict[float, Observation]
    pushed: list[tuple[ApprovedPlan, ...]] = field(default_factory=list)

    def observe(self, now_s: float) -> Observation:
        if now_s not in self.recorded:
            raise LinkError(f"nothing was recorded at {now_s} s")
        return self.recorded[now_s]

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        self.pushed.append(plans)

    def release(self) -> None:
        self.pushed.append(())


@dataclass
class Wishes:
    """Proposes the same stages for every signal at every tick; None: leave what runs."""

    stages: tuple[Stage, ...] | None
    asked_with: list[FlowForecast | None] = field(default_factory=list)

    def propose(
        self,
        network: Network,
        observed: Observation,
        forecast: FlowForecast | None,
        running: tuple[ApprovedPlan, ...],
    ) -> tuple[TimingPlan, ...]:
        self.asked_with.append(forecast)
        if self.stages is None:
            return tuple(approved.plan for approved in running)
        now_s = observed.now_s
        return tuple(TimingPlan(s.id, self.stages, now_s, now_s + 900.0) for s in network.signals)


@dataclass
class Echo:
    """Forecasts the counts that it was shown last."""

    seen_veh: list[Floats] = field(default_factory=list)

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        self.seen_veh.append(counts_veh)
        flow = counts_veh[None, :]
        return FlowForecast(now_s, now_s, 900.0, flow, flow, flow, ("last",) * len(counts_veh))


@pytest.fixture
def recorded(pair: Network, observe: Observe) -> dict[float, Observation]:
    """Phase 0, green for 20 s at the first tick, 10 s apart."""
    times_s = (1000.0, 1010.0, 1020.0)
    return {t: replace(observe(pair, now_s=t, age_s=20.0 + t - 1000.0), counts_veh=np.full(24, t / 1000.0)) for t in times_s}


def looped(
    pair: Network, limits_of: LimitsOf, recorded: dict[float, Observation], stages: tuple[Stage, ...] | None
) -> tuple[ControlLoop, Replay, Wishes, Echo]:
    link, planner, forecaster = Replay(recorded), Wishes(stages), Echo()
    return ControlLoop(pair, limits_of(pair, "resco"), link, planner, forecaster), link, planner, forecaster


def test_before_the_first_wish_the_base_plans_run(pair: Network, limits_of: LimitsOf, recorded: dict[float, Observation]) -> None:
    loop, link, _, _ = looped(pair, limits_of, recorded, None)
    tick = loop.tick(1000.0)
    assert [approved.plan for approved in tick.plans] == [s.base for s in pair.signals]
    assert link.pushed == [tick.plans]


def test_a_safe_wish_is_limited_approved_pushed_and_told(pair: Network, limits_of: LimitsOf, recorded: dict[float, Observation]) -> None:
    loop, link, planner, forecaster = looped(pair, limits_of, recorded, (Stage(2, 12.3),))
    tick = loop.tick(1000.0)
    assert tick.now_s == 1000.0 and tick.observed is recorded[1000.0]
    assert [approved.objections for approved in tick.plans] == [(), ()]
    assert [approved.plan.stages for approved in tick.plans] == [(Stage(2, 12.0),)] * 2, "on the step grid"
    assert [approved.plan.valid_until_s for approved in tick.plans] == [1060.0] * 2, "the lease is cut"
    assert link.pushed[0] is loop.running is tick.plans
    assert forecaster.seen_veh[0] is recorded[1000.0].counts_veh
    assert planner.asked_with == [tick.forecast]


def test_an_unsafe_wish_is_told_but_not_pushed(pair: Network, limits_of: LimitsOf, recorded: dict[float, Observation]) -> None:
    loop, link, _, _ = looped(pair, limits_of, recorded, (Stage(2, 3.0),))
    tick = loop.tick(1000.0)
    assert [[o.rule for o in approved.objections] for approved in tick.plans] == [["min green"]] * 2
    assert [approved.plan for approved in link.pushed[0]] == [s.base for s in pair.signals]


def test_what_was_approved_is_what_runs_at_the_next_tick(pair: Network, limits_of: LimitsOf, recorded: dict[float, Observation]) -> None:
    loop, link, planner, _ = looped(pair, limits_of, recorded, (Stage(0, 30.0),))
    first = loop.tick(1000.0)
    planner.stages = None
    second = loop.tick(1010.0)
    assert all(a is b for a, b in zip(first.plans, second.plans, strict=True))
    planner.stages = (Stage(0, 3.5), Stage(2, 1.0))
    third = loop.tick(1020.0)
    assert [approved.plan for approved in third.plans] == [approved.plan for approved in first.plans]
    assert all(approved.objections for approved in third.plans)
    assert len(link.pushed) == 3


def test_a_link_that_does_not_answer_stops_the_tick(pair: Network, limits_of: LimitsOf, recorded: dict[float, Observation]) -> None:
    loop, link, planner, _ = looped(pair, limits_of, recorded, None)
    with pytest.raises(LinkError, match="nothing was recorded at 5000"):
        loop.tick(5000.0)
    assert link.pushed == [] and planner.asked_with == []


def test_a_malformed_wish_stops_the_tick_before_anything_is_pushed(
    pair: Network, limits_of: LimitsOf, recorded: dict[float, Observation]
) -> None:
    loop, link, _, _ = looped(pair, limits_of, recorded, (Stage(2, float("nan")),))
    with pytest.raises(UnsafePlanError, match="W: stage 0: green nan s"):
        loop.tick(1000.0)
    assert link.pushed == []
