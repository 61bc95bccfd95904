"""The explained planner decides as before, and every new plan, refusal and forced phase gets a sentence with the loop's own numbers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from citybrain.assemble import CONTROLLERS, planner
from citybrain.explainer import Explainer, chosen_phase, values_of
from signals.approach import approach
from signals.errors import ConfigError
from signals.planners.base import Planner
from signals.planners.rolling_horizon import Lookahead, Pricing, RollingHorizon
from signals.rules import RULES, envelope
from signals.safety import adopt, vet
from signals.types import ApprovedPlan, Floats, FlowForecast, Network, Observation, SafetyEnvelope, Stage, Tick, TimingPlan

NOW_S = 1000.0


@pytest.fixture(scope="module")
def limits(grid: Network) -> tuple[SafetyEnvelope, ...]:
    """The grid's, under the RESCO rules."""
    return tuple(envelope(s, RULES["resco"]) for s in grid.signals)


@pytest.fixture
def busy(grid: Network, seen: Observation) -> Observation:
    """Every signal 20 s in its first phase; six vehicles stand before the second signal, on the approach that is red."""
    waiting = np.flatnonzero(grid.signals[1].serves[0] == 0)[0]
    lane = int(np.flatnonzero(grid.signals[1].uses[:, waiting])[0])
    first_lane, flat = len(grid.signals[0].lanes), 16 + int(waiting)
    queue_veh = np.zeros(64)
    queue_veh[flat] = 6.0
    return replace(
        seen, now_s=NOW_S, phase=np.zeros(4, dtype=np.int64), age_s=np.full(4, 20.0), queue_veh=queue_veh, red_s=np.full(64, 20.0),
        vehicle_lane=np.full(6, first_lane + lane), vehicle_movement=np.full(6, flat),
        vehicle_distance_m=np.arange(6, dtype=np.float64) * 7.5 + 1.0, vehicle_speed_mps=np.zeros(6),
    )  # fmt: skip


Tell = Callable[[Planner, Observation], tuple[Tick, Explainer]]


@pytest.fixture
def tell(grid: Network, limits: tuple[SafetyEnvelope, ...]) -> Tell:
    """One pass of the loop with an explained planner, from the base plans."""

    def one_pass(inside: Planner, observed: Observation, forecast: FlowForecast | None = None) -> tuple[Tick, Explainer]:
        explained = Explainer(grid, limits, inside)
        running = adopt(grid, observed.now_s)
        wish = explained.propose(grid, observed, forecast, running)
        plans = vet(approach(wish, running, limits), running, observed, grid, limits)
        tick = Tick(observed.now_s, observed, forecast, plans)
        explained.see(tick)
        return tick, explained

    return one_pass


def test_a_choice_is_told_with_the_lookaheads_own_prices(
    tell: Tell, busy: Observation, grid: Network, limits: tuple[SafetyEnvelope, ...]
) -> None:
    _, explained = tell(planner("rolling_horizon", grid, limits), busy)
    prices = Lookahead(grid, limits, Pricing()).costs_s(busy, None)[1]
    sentence = next(s.sentence for s in explained.sentences if s.signal == grid.signals[1].id)
    best = int(np.nanargmin(prices))
    assert best != 0 and sentence.startswith(f"{grid.signals[1].id}: phase {best + 1} (")
    assert f"6 vehicles waiting, price {prices[best]:.0f} s against {prices[0]:.0f} s for staying in phase 1" in sentence
    rest = [s.sentence for s in explained.sentences if s.signal != grid.signals[1].id]
    assert len(rest) == 3 and all("rests in phase 1" in text for text in rest)


def test_the_explained_planner_proposes_what_it_would_alone(busy: Observation, grid: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    running = adopt(grid, NOW_S)
    alone = RollingHorizon(grid, limits).propose(grid, busy, None, running)
    assert Explainer(grid, limits, RollingHorizon(grid, limits)).propose(grid, busy, None, running) == alone


def test_who_waits_too_long_is_told_as_forced(tell: Tell, busy: Observation, grid: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    late = replace(busy, red_s=np.where(busy.queue_veh > 0.0, 290.0, 20.0))
    _, explained = tell(planner("max_pressure", grid, limits), late)
    sentence = next(s.sentence for s in explained.sentences if s.signal == grid.signals[1].id)
    assert "must come" in sentence and "red for 290 s of at most 300 s, 6 vehicles waiting" in sentence


@dataclass
class Wishes:
    """A planner that wants what it is told."""

    wish: Callable[[Network], tuple[TimingPlan, ...]]

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """The wish."""
        return self.wish(network)


def hold(green_s: float) -> Callable[[Network], tuple[TimingPlan, ...]]:
    """The second phase at every signal, for so long."""
    return lambda network: tuple(TimingPlan(s.id, (Stage(1, green_s),), NOW_S, NOW_S + green_s + 3.0) for s in network.signals)


def test_a_refused_wish_is_told_with_the_objection(tell: Tell, busy: Observation, grid: Network) -> None:
    tick, explained = tell(Wishes(hold(2.0)), busy)
    assert all(plan.objections for plan in tick.plans)
    for told, plan in zip(explained.sentences, tick.plans, strict=True):
        assert told.sentence.startswith(f"{told.signal}: wish refused, phase 1 (")
        assert told.sentence.endswith(plan.objections[0].sentence)


def test_a_planner_without_values_is_explained_by_the_queues(tell: Tell, busy: Observation, grid: Network) -> None:
    _, explained = tell(Wishes(hold(30.0)), busy)
    assert values_of(Wishes(hold(30.0))) == ("price", None)
    assert len(explained.sentences) == 4 and all(" now: " in s.sentence and "phase 2" in s.sentence for s in explained.sentences)


def test_a_repeating_plan_is_told_by_the_forecast(grid: Network, limits: tuple[SafetyEnvelope, ...], busy: Observation) -> None:
    flow_veh_h: Floats = np.full((1, 64), 150.0)
    forecast = FlowForecast(NOW_S, NOW_S, 900.0, flow_veh_h, flow_veh_h, flow_veh_h, ("test",) * 64)
    explained = Explainer(grid, limits, planner("webster", grid, limits))
    running = adopt(grid, NOW_S)
    wish = explained.propose(grid, busy, forecast, running)
    plans = vet(approach(wish, running, limits), running, busy, grid, limits)
    told = explained.see(Tick(NOW_S, busy, forecast, plans))
    changed = [p.plan for p, before in zip(plans, running, strict=True) if p.plan is not before.plan]
    assert changed and [s.signal for s in told] == [p.signal for p in changed]
    assert all(f"cycle {p.cycle_s:.0f} s: binding " in s.sentence for s, p in zip(told, changed, strict=True))


def test_a_plan_that_goes_on_is_not_told_again(grid: Network, limits: tuple[SafetyEnvelope, ...], busy: Observation) -> None:
    explained = Explainer(grid, limits, Wishes(lambda network: tuple(s.base for s in network.signals)))
    running = adopt(grid, NOW_S)
    explained.propose(grid, busy, None, running)
    assert explained.see(Tick(NOW_S, busy, None, running)) == []


def test_a_language_without_words_is_one_sentence(grid: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    with pytest.raises(ConfigError, match="language 'fr': no such language; known are en, zh"):
        Explainer(grid, limits, RollingHorizon(grid, limits), "fr")


def test_sentences_are_written_as_json_lines(tell: Tell, busy: Observation, tmp_path: Path) -> None:
    _, explained = tell(Wishes(hold(30.0)), busy)
    explained.write(tmp_path / "why.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "why.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(r["time_s"], r["signal"], r["sentence"]) for r in rows] == [(s.now_s, s.signal, s.sentence) for s in explained.sentences]


@pytest.mark.parametrize(
    ("phases", "running", "forced", "chosen"), [((2,), 0, -1, 2), ((0, 2), 0, 2, 2), ((0, 2), 0, -1, 0), ((0,), 0, 0, 0)]
)
def test_the_chosen_phase_is_the_first_or_the_forced_one(phases: tuple[int, ...], running: int, forced: int, chosen: int) -> None:
    plan = TimingPlan("A0", tuple(Stage(p, 10.0) for p in phases), 0.0, 60.0)
    assert chosen_phase(plan, running, forced) == chosen


@pytest.mark.parametrize("name", [one.name for one in CONTROLLERS.values() if one.make is not None])
def test_every_controller_s_plans_are_explained(
    tell: Tell, grid: Network, limits: tuple[SafetyEnvelope, ...], busy: Observation, name: str
) -> None:
    tick, explained = tell(planner(name, grid, limits), busy)
    assert all(explained.sentence(i, tick).startswith(signal.id) for i, signal in enumerate(grid.signals))
