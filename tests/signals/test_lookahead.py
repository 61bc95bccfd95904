"""Claims about the lookahead: small cases worked by hand, on a four-arm junction with 10 s decisions, compiled and not."""

from collections.abc import Callable
from dataclasses import replace
from math import nan, sqrt

import numpy as np
import pytest

import signals.kernels.lookahead as kernels
import signals.planners.rolling_horizon as planner
from signals.kernels.queues import arrival_times_s
from signals.planners.rolling_horizon import Lookahead, Pricing
from signals.types import Floats, FlowForecast, Network, Observation, SafetyEnvelope

NS, NS_LEFT, EW, EW_LEFT = range(4)
N_THROUGH, N_LEFT, E_THROUGH, S_THROUGH = 1, 2, 4, 7
LANES = {N_THROUGH: 0, N_LEFT: 1, E_THROUGH: 2, S_THROUGH: 4}
LIMIT_MPS = 50.0 / 3.6
Waiting = tuple[int, float, float]  # movement, distance [m], speed [m/s]
Price = Callable[..., Floats]


@pytest.fixture(params=["compiled", "py_func"])
def price(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    four_arm: Network,
    limits_of: Callable[..., tuple[SafetyEnvelope, ...]],
    observe: Callable[..., Observation],
) -> Price:
    """`price([(E_THROUGH, 5.0, 0.0)], phase=NS, age_s=20.0)`: the price of each phase [phase]."""
    if request.param == "py_func":
        for name, function in list(vars(kernels).items()):
            if hasattr(function, "py_func"):
                monkeypatch.setattr(kernels, name, function.py_func)
                if hasattr(planner, name):
                    monkeypatch.setattr(planner, name, function.py_func)
    limits = limits_of(four_arm)

    def priced(
        vehicles: list[Waiting],
        phase: int = NS,
        age_s: float = 20.0,
        forecast: FlowForecast | None = None,
        full: tuple[int, ...] = (),
        pricing: Pricing | None = None,
        sensed_m: float = 200.0,
    ) -> Floats:
        lanes = tuple(replace(lane, sensed_m=sensed_m) for lane in four_arm.signals[0].lanes)
        network = replace(four_arm, signals=(replace(four_arm.signals[0], lanes=lanes),))
        rows = sorted((LANES[m], distance_m, m, speed_mps) for m, distance_m, speed_mps in vehicles)
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        exit_veh = np.zeros(12)
        exit_veh[list(full)] = 24.0
        seen = replace(
            observe(four_arm, phase=phase, age_s=age_s),
            exit_veh=exit_veh,
            vehicle_lane=table[:, 0].astype(np.int64),
            vehicle_distance_m=np.ascontiguousarray(table[:, 1]),
            vehicle_movement=table[:, 2].astype(np.int64),
            vehicle_speed_mps=np.ascontiguousarray(table[:, 3]),
        )
        costs_s = Lookahead(network, limits, pricing or Pricing()).costs_s(seen, forecast)
        assert costs_s.shape == (1, 4)
        row: Floats = costs_s[0]
        return row

    return priced


def flow(movement: int, flow_veh_h: float) -> FlowForecast:
    table = np.full((1, 12), nan)
    table[0, movement] = flow_veh_h
    return FlowForecast(1000.0, 1000.0, 900.0, table, table, table, ("test",) * 12)


@pytest.mark.parametrize("function", [arrival_times_s, arrival_times_s.py_func], ids=["compiled", "py_func"])
def test_arrival_is_uniform_acceleration_up_to_the_limit(function: Callable[..., Floats]) -> None:
    a = 2.6
    top_ramp_m = 14.0**2 / (2.0 * a)
    cases = [
        # distance, speed, limit, seconds
        (140.0, 14.0, 14.0, 10.0),
        (5.2, 0.0, 14.0, 2.0),  # a t^2 / 2
        (top_ramp_m, 0.0, 14.0, 14.0 / a),
        (top_ramp_m + 28.0, 0.0, 14.0, 14.0 / a + 2.0),
        (20.0, 6.0, 14.0, (sqrt(36.0 + 2.0 * a * 20.0) - 6.0) / a),
        (140.0, 20.0, 14.0, 10.0),  # who is too fast is taken at the limit
        (0.0, 0.0, 14.0, 0.0),
    ]
    columns = np.array(cases)
    found = function(columns[:, 0], columns[:, 1], columns[:, 2], a)
    assert found.tolist() == pytest.approx(columns[:, 3].tolist())


@pytest.mark.parametrize("phase", [NS, NS_LEFT, EW, EW_LEFT])
def test_an_empty_junction_gives_no_reason_to_change(price: Price, phase: int) -> None:
    costs_s = price([], phase)
    assert costs_s[phase] <= costs_s.min()
    assert np.isfinite(costs_s).all()


def test_one_who_waits_at_red_with_nobody_else_makes_the_change_cheaper(price: Price) -> None:
    costs_s = price([(E_THROUGH, 5.0, 0.0)])
    assert costs_s.argmin() == EW
    # It leaves after 3 s of yellow and the start-up, and could have been at the stop line in sqrt(2 s / a).
    assert costs_s[EW] == pytest.approx(3.0 + Pricing().startup_s - sqrt(2.0 * 5.0 / 2.6))
    assert costs_s[NS] - costs_s[EW] > 5.0


def test_who_is_about_to_pass_on_green_is_let_through_first(price: Price) -> None:
    platoon = [(N_THROUGH, 20.0 + 25.0 * k, LIMIT_MPS) for k in range(6)]
    costs_s = price([(E_THROUGH, 5.0, 0.0), *platoon])
    assert costs_s.argmin() == NS


def test_the_longer_queue_is_the_dearer_one(price: Price) -> None:
    queues = [[(E_THROUGH, 5.0 + 7.5 * k, 0.0) for k in range(n)] for n in (1, 3, 6)]
    stay_s = [price(queue)[NS] for queue in queues]
    assert stay_s == sorted(stay_s)
    assert stay_s[2] > 5.0 * stay_s[0]


def test_a_phase_under_its_minimum_green_is_the_only_one_with_a_price(price: Price) -> None:
    young = price([(E_THROUGH, 5.0, 0.0)], NS, age_s=6.0)
    assert np.isfinite(young).tolist() == [True, False, False, False]
    assert np.isfinite(price([(E_THROUGH, 5.0, 0.0)], NS, age_s=7.0)).all()


def test_in_an_intergreen_there_is_nothing_to_choose(price: Price) -> None:
    assert np.isnan(price([(E_THROUGH, 5.0, 0.0)], NS, age_s=-2.0)).all()


def test_a_permissive_left_turn_waits_for_a_gap_in_what_comes(price: Price) -> None:
    waits = [(N_LEFT, 5.0, 0.0)]
    coming = [(S_THROUGH, 10.0 + 25.0 * k, LIMIT_MPS) for k in range(8)]
    alone = price(waits, NS, age_s=20.0)
    opposed = price([*waits, *coming], NS, age_s=20.0)
    # The stream itself passes on green at no cost, so what is added is the wait of the left turn.
    assert alone[NS] == pytest.approx(0.0, abs=6.0)
    assert opposed[NS] - price(coming, NS)[NS] - alone[NS] > 8.0


def test_a_protected_left_turn_waits_for_nobody(price: Price) -> None:
    coming = [(S_THROUGH, 10.0 + 25.0 * k, LIMIT_MPS) for k in range(8)]
    costs_s = price([(N_LEFT, 5.0, 0.0), *coming], NS_LEFT, age_s=3.0)
    assert costs_s[NS_LEFT] == pytest.approx(price(coming, NS_LEFT, age_s=3.0)[NS_LEFT], abs=1.0)


def test_who_still_stands_well_into_a_protected_green_is_taken_for_blocked(price: Price) -> None:
    waits = [(N_LEFT, 5.0, 0.0)]
    assert price(waits, NS_LEFT, age_s=3.0)[NS_LEFT] == pytest.approx(0.0)
    assert price(waits, NS_LEFT, age_s=7.0)[NS_LEFT] == pytest.approx(Pricing().blocked_s - sqrt(2.0 * 5.0 / 2.6))


def test_into_a_full_exit_nobody_is_served(price: Price) -> None:
    queue = [(E_THROUGH, 5.0 + 7.5 * k, 0.0) for k in range(4)]
    free, blocked = price(queue), price(queue, full=(E_THROUGH,))
    assert blocked[EW] > free[EW] + 4 * 8.0
    # An exit that is full for others changes nothing for them.
    assert price(queue, full=(N_THROUGH,)).tolist() == free.tolist()


def test_an_expected_flow_makes_phases_dearer_that_let_it_wait(price: Price) -> None:
    # It comes from beyond 30 m: the first within the next ten seconds.
    added = price([], NS, forecast=flow(E_THROUGH, 1200.0), sensed_m=30.0) - price([], NS, sensed_m=30.0)
    assert added.argmin() == EW
    assert added[NS] > added[EW] + 5.0
    # On green it passes for nothing.
    on_green = price([], EW, forecast=flow(E_THROUGH, 1200.0), sensed_m=30.0)
    assert on_green[EW] == pytest.approx(0.0, abs=1.0)
    assert on_green[NS] > 5.0


def test_an_expected_flow_from_beyond_the_sensed_range_comes_late_enough_to_change_for(price: Price) -> None:
    # From beyond 200 m it takes 14 s: there is time for ten seconds of the running phase and a change.
    assert price([], NS, forecast=flow(E_THROUGH, 1200.0))[NS] == pytest.approx(0.0, abs=1.0)


def test_no_flow_an_unknown_flow_and_an_unused_forecast_change_nothing(price: Price) -> None:
    vehicles = [(E_THROUGH, 5.0, 0.0), (N_THROUGH, 60.0, 10.0)]
    plain = price(vehicles).tolist()
    assert price(vehicles, forecast=flow(E_THROUGH, 0.0)).tolist() == plain
    assert price(vehicles, forecast=flow(E_THROUGH, nan)).tolist() == plain
    unused = Pricing(use_forecast=False)
    assert price(vehicles, forecast=flow(E_THROUGH, 1200.0), pricing=unused).tolist() == plain


def test_compiled_and_plain_prices_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
    pair: Network,
    limits_of: Callable[..., tuple[SafetyEnvelope, ...]],
    observe: Callable[..., Observation],
) -> None:
    limits = limits_of(pair)
    rng = np.random.default_rng(101)
    lanes = np.sort(rng.integers(0, 16, 60))
    movement = np.array([12 * (lane // 8) + 3 * (lane % 8 // 2) + (2 if lane % 2 else rng.integers(2)) for lane in lanes])
    distance_m = rng.uniform(1.0, 200.0, 60)
    order = np.lexsort((distance_m, lanes))
    seen = replace(
        observe(pair, phase=2, age_s=12.0),
        vehicle_lane=lanes[order],
        vehicle_movement=movement[order],
        vehicle_distance_m=distance_m[order],
        vehicle_speed_mps=rng.choice([0.0, 5.0, 13.0], 60),
    )
    compiled = Lookahead(pair, limits, Pricing()).costs_s(seen, None)
    for name, function in list(vars(kernels).items()):
        if hasattr(function, "py_func"):
            monkeypatch.setattr(kernels, name, function.py_func)
            if hasattr(planner, name):
                monkeypatch.setattr(planner, name, function.py_func)
    plain = Lookahead(pair, limits, Pricing()).costs_s(seen, None)
    assert np.isfinite(compiled).all()
    np.testing.assert_allclose(compiled, plain, rtol=1e-9)


def test_signals_priced_in_shares_have_the_prices_of_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
    pair: Network,
    limits_of: Callable[..., tuple[SafetyEnvelope, ...]],
    observe: Callable[..., Observation],
) -> None:
    seen = replace(
        observe(pair, phase=0, age_s=30.0),
        vehicle_lane=np.array([2, 8, 10]),
        vehicle_movement=np.array([4, 12, 16]),
        vehicle_distance_m=np.array([4.0, 30.0, 6.0]),
        vehicle_speed_mps=np.array([0.0, 10.0, 0.0]),
    )
    lookahead = Lookahead(pair, limits_of(pair), Pricing())
    at_once = lookahead.costs_s(seen, None)
    monkeypatch.setattr(planner, "in_shares", lambda work, n: np.concatenate([work(i, i + 1) for i in range(n)]))
    np.testing.assert_array_equal(lookahead.costs_s(seen, None), at_once)
    assert (np.nanmax(at_once, axis=1) > 10.0).all()


def test_with_nobody_in_sight_every_phase_costs_the_same_until_somebody_is_due_before_the_next_decision(price: Price) -> None:
    assert set(price([], NS, forecast=flow(E_THROUGH, 1200.0)).tolist()) == {0.0}
    assert set(price([], NS, forecast=flow(E_THROUGH, 1200.0), sensed_m=30.0).tolist()) != {0.0}


def test_a_change_that_leaves_left_turners_standing_inside_before_oncoming_traffic_is_dearer(price: Price) -> None:
    inside = [(N_LEFT, -1.0, 0.0), (N_LEFT, -1.0, 0.0)]
    waiting = [(E_THROUGH, 5.0, 0.0)]
    free = price([*inside, *waiting], phase=EW, pricing=Pricing(trapped_s=0.0))
    charged = price([*inside, *waiting], phase=EW, pricing=Pricing(trapped_s=30.0))
    dearer_s = charged - free
    assert dearer_s[EW] == 0.0  # no change
    assert dearer_s[NS] == pytest.approx(30.0)  # one of the two stays before the oncoming through traffic
    assert dearer_s[NS_LEFT] == 0.0  # their own protected green


@pytest.mark.parametrize("function", [kernels.trapped, kernels.trapped.py_func], ids=["compiled", "py_func"])
@pytest.mark.parametrize(("serves", "count"), [
    ([0, 0, 2], 2),  # the cross street goes: both are in its way, whoever would have to yield
    ([2, 1, 0], 1),  # the left turn waits for who goes straight on
    ([0, 2, 0], 1), ([0, 0, 0], 0),
])  # fmt: skip
def test_trapped_is_who_is_inside_on_a_way_that_crosses_served_ones(function: Callable[..., int], serves: list[int], count: int) -> None:
    through, left = 0, 1
    yields_to = np.array([[0, 0, 0], [1, 0, 1], [1, 0, 0]])  # the left turn to both, the cross street to who goes straight on
    assert function(np.array(serves), yields_to, np.array([left, through, 2]), np.array([-1.0, -1.0, 3.0])) == count
