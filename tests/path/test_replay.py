"""The whole tick path without SUMO: recorded observations in, forecasts, wishes, approved plans and a journal out."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest

from citybrain import assemble
from citybrain.assemble import CONTROLLERS
from citybrain.forecasts import movement_names
from citybrain.journal import Journal
from citybrain.wire import tick_json
from forecasting.online import OnlineForecaster
from signals.errors import LinkError
from signals.loop import ControlLoop
from signals.planners.base import Planner
from signals.rules import RULES, envelope, intergreens
from signals.types import (
    ApprovedPlan,
    FlowForecast,
    Intersection,
    Lane,
    Movement,
    Network,
    Observation,
    Phase,
    SafetyEnvelope,
    Stage,
    Tick,
    TimingPlan,
    Turn,
)

GREEN_S, TICK_S, TICKS = 30.0, 10.0, 60
ARMS = ("n", "s", "e", "w")
LIGHTS = ("GGrr", "rrGG")


def crossroads() -> Network:
    """Two streets that cross, straight on only: the first two movements against the last two."""
    movements = tuple(Movement(a, a, Turn.THROUGH, (f"{a}_0",), (f"{a}_out",), 1800.0, 13.9, 20.0, 40.0) for a in ARMS)
    lanes = tuple(Lane(f"{a}_0", 200.0, 13.9, (), 200.0, 27.0) for a in ARMS)
    serves = np.array([[2 * (aspect == "G") for aspect in lights] for lights in LIGHTS], dtype=np.int64)
    conflicts = np.array([[i // 2 != k // 2 for k in range(4)] for i in range(4)])
    phases = tuple(Phase(str(k + 1), lights) for k, lights in enumerate(LIGHTS))
    nobody, none_s = np.zeros((4, 4), dtype=np.bool_), np.zeros((2, 2))
    base = TimingPlan("A0", (Stage(0, GREEN_S), Stage(1, GREEN_S)), 0.0, inf, True, 2.0 * GREEN_S)
    bare = Intersection(
        "A0",
        0.0,
        0.0,
        lanes,
        movements,
        phases,
        np.eye(4, dtype=np.bool_),
        serves,
        conflicts,
        nobody,
        none_s,
        none_s,
        base,
    )
    yellow_s, all_red_s = intergreens(bare, RULES["resco"])
    cycle_s = 2.0 * GREEN_S + float(yellow_s[0, 1] + yellow_s[1, 0])
    return Network("crossroads", (replace(bare, yellow_s=yellow_s, all_red_s=all_red_s, base=replace(base, cycle_s=cycle_s)),))


def recorded(network: Network) -> list[Observation]:
    """Ten minutes under the base plan: arrivals by chance, half a vehicle a second leaves each green approach."""
    rng, rate_veh_s = np.random.default_rng(101), np.array([0.20, 0.15, 0.08, 0.05])
    signal, queue, passed, red_s, seen = network.signals[0], np.zeros(4), np.zeros(4), np.zeros(4), []
    half_s = GREEN_S + float(signal.yellow_s[0, 1])
    for second in range(int(TICKS * TICK_S)):
        phase, within_s = int(second // half_s) % 2, second % half_s
        if second % TICK_S == 0:
            age_s = within_s if within_s < GREEN_S else within_s - half_s
            coming = phase if within_s < GREEN_S else 1 - phase
            seen.append(observation(float(second), coming, age_s, queue.copy(), passed.copy(), red_s.copy()))
            passed[:] = 0.0
        green = (signal.serves[phase] > 0) & (within_s < GREEN_S)
        queue += rng.poisson(rate_veh_s)
        leaves = np.where(green, np.minimum(queue, 0.5), 0.0)
        queue, passed, red_s = queue - leaves, passed + leaves, np.where(green, 0.0, red_s + 1.0)
    return seen


def observation(now_s: float, phase: int, age_s: float, queue: np.ndarray, passed: np.ndarray, red_s: np.ndarray) -> Observation:
    """Standing vehicles seven metres apart behind each stop line."""
    standing = [(m, 7.0 * k) for m in range(4) for k in range(int(queue[m]))]
    lanes = np.array([m for m, _ in standing], dtype=np.int64)
    return Observation(
        now_s=now_s,
        phase=np.array([phase], dtype=np.int64),
        age_s=np.array([age_s]),
        queue_veh=np.floor(queue),
        counts_veh=passed,
        wait_s=np.where(queue >= 1.0, red_s, 0.0),
        red_s=red_s,
        exit_veh=np.zeros(4),
        vehicle_lane=lanes,
        vehicle_movement=lanes,
        vehicle_distance_m=np.array([distance_m for _, distance_m in standing]),
        vehicle_speed_mps=np.zeros(len(standing)),
    )


class ReplayLink:
    """Plays recorded observations back, and remembers what was pushed: the loop in shadow mode."""

    def __init__(self, observations: list[Observation]) -> None:
        self._by_time = {one.now_s: one for one in observations}
        self.pushed: list[tuple[ApprovedPlan, ...]] = []

    def observe(self, now_s: float) -> Observation:
        """What was recorded at this second."""
        if now_s not in self._by_time:
            raise LinkError(f"the recording has nothing at {now_s:.0f} s")
        return self._by_time[now_s]

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Nobody holds the plans."""
        self.pushed.append(plans)

    def release(self) -> None:
        """Nothing was held."""


Play = Callable[..., list[Tick]]


@pytest.fixture(scope="module")
def network() -> Network:
    """The crossroads."""
    return crossroads()


@pytest.fixture(scope="module")
def limits(network: Network) -> tuple[SafetyEnvelope, ...]:
    """Its limits under the RESCO rules."""
    return (envelope(network.signals[0], RULES["resco"]),)


@pytest.fixture(scope="module")
def play(network: Network, limits: tuple[SafetyEnvelope, ...]) -> Play:
    """`play(planner, observations)`: every tick of the recording, with a forecaster that learns from it alone."""

    def played(planner: Planner, observations: list[Observation]) -> list[Tick]:
        link = ReplayLink(observations)
        loop = ControlLoop(network, limits, link, planner, OnlineForecaster(movement_names(network)))
        ticks = [loop.tick(one.now_s) for one in observations]
        assert link.pushed == [tick.plans for tick in ticks]
        return ticks

    return played


PLANNERS = [name for name, one in CONTROLLERS.items() if one.make is not None]


@pytest.mark.parametrize("name", PLANNERS)
def test_every_planner_plans_ten_recorded_minutes_the_same_way_twice(
    name: str, play: Play, network: Network, limits: tuple[SafetyEnvelope, ...]
) -> None:
    runs = [play(assemble.planner(name, network, limits), recorded(network)) for _ in range(2)]
    said = [[tick_json(tick, network) for tick in run] for run in runs]
    assert len(runs[0]) == TICKS and said[0] == said[1]
    assert all(isinstance(plan, ApprovedPlan) for tick in runs[0] for plan in tick.plans)
    assert len({str(tick["plans"]) for tick in said[0]}) > 1, "the planner never said anything"


@pytest.mark.parametrize("name", ["max_pressure", "rolling_horizon", "learned"])
def test_the_street_with_the_queue_is_asked_to_be_green(
    name: str, play: Play, network: Network, limits: tuple[SafetyEnvelope, ...]
) -> None:
    """All traffic comes from north and south: where a change is free to be made, it is made towards them, never away."""
    one_sided = [without_cross_traffic(one) for one in recorded(network)]
    ticks = play(assemble.planner(name, network, limits), one_sided)
    free = [t for t in ticks if t.observed.age_s[0] >= limits[0].min_green_s[0] and t.observed.queue_veh.sum() >= 3.0]
    chosen = [tick.plans[0].plan.stages[0].phase for tick in free]
    assert len(free) > 10 and chosen.count(0) / len(chosen) > 0.9


def without_cross_traffic(one: Observation) -> Observation:
    """The observation with nobody on the arms of the second phase."""
    kept = one.vehicle_movement < 2
    aside = np.array([True, True, False, False])
    return replace(
        one,
        queue_veh=np.where(aside, one.queue_veh, 0.0),
        wait_s=np.where(aside, one.wait_s, 0.0),
        vehicle_lane=one.vehicle_lane[kept],
        vehicle_movement=one.vehicle_movement[kept],
        vehicle_distance_m=one.vehicle_distance_m[kept],
        vehicle_speed_mps=one.vehicle_speed_mps[kept],
    )


@pytest.mark.parametrize("name", PLANNERS)
def test_a_sensor_that_falls_silent_does_not_stop_the_loop(
    name: str, play: Play, network: Network, limits: tuple[SafetyEnvelope, ...], tmp_path: Path
) -> None:
    silent = [
        replace(one, queue_veh=hidden(one.queue_veh), counts_veh=hidden(one.counts_veh)) if k > 20 else one
        for k, one in enumerate(recorded(network))
    ]
    ticks = play(assemble.planner(name, network, limits), silent)
    with Journal(tmp_path / "j.sqlite", network) as journal:
        for tick in ticks:
            journal.append(tick)
        read = list(journal.between(0.0, 1e9))
    assert [row["queue_veh"][0] for row in read[21:]] == [None] * (TICKS - 21)
    assert all(row["forecast"]["flow_veh_h"][0][1] is not None for row in read[21:])


def hidden(values: np.ndarray) -> np.ndarray:
    """The values with the first movement's unknown."""
    return np.where(np.arange(values.size) == 0, np.nan, values)


def test_the_forecast_comes_to_the_flow_that_was_counted(play: Play, network: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    observations = recorded(network)
    last = play(assemble.planner("max_pressure", network, limits), observations)[-1].forecast
    assert last is not None
    counted_veh_h = sum(one.counts_veh for one in observations) * 3600.0 / (TICKS * TICK_S)
    np.testing.assert_allclose(last.flow_veh_h[0], counted_veh_h, rtol=0.2)


class Reckless:
    """Wishes a green of one second, at every tick."""

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """A switch to the other phase, at once and for a second."""
        other = 1 - int(observed.phase[0])
        return (TimingPlan("A0", (Stage(other, 1.0),), observed.now_s, observed.now_s + 5.0),)


def test_an_unsafe_wish_leaves_the_running_plan_in_force_and_the_journal_says_why(play: Play, network: Network, tmp_path: Path) -> None:
    ticks = play(Reckless(), recorded(network))
    assert {tick.plans[0].plan for tick in ticks} == {ticks[0].plans[0].plan}
    assert ticks[0].plans[0].plan.stages == network.signals[0].base.stages
    with Journal(tmp_path / "j.sqlite", network) as journal:
        journal.append(ticks[5])
        objections = next(journal.between(0.0, 1e9))["plans"][0]["objections"]
    assert any("1.0 s" in objection["sentence"] and "7.0 s" in objection["sentence"] for objection in objections)


def test_a_link_that_falls_silent_stops_the_tick_with_one_sentence(network: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    link = ReplayLink(recorded(network)[:1])
    loop = ControlLoop(network, limits, link, Reckless(), OnlineForecaster(movement_names(network)))
    loop.tick(0.0)
    with pytest.raises(LinkError, match="nothing at 10 s"):
        loop.tick(10.0)
    assert len(link.pushed) == 1
