"""Claims about the rolling horizon: what it wishes follows from its prices, and safety has nothing against it."""

from collections.abc import Callable
from dataclasses import replace
from math import nan

import numpy as np
import pytest

from signals.layout import lay_out
from signals.planners.rolling_horizon import SHARES, Lookahead, Pricing, RollingHorizon, cheapest, lane_spread, ways_between
from signals.safety import adopt, approach, vet
from signals.types import FlowForecast, Network, Observation, SafetyEnvelope

Limits = Callable[..., tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]
NOW_S = 1000.0


def with_vehicles(network: Network, seen: Observation, rng: np.random.Generator, count: int) -> Observation:
    """So many vehicles at random: lane, a movement that uses it, distance and speed; queues counted from them."""
    layout = lay_out(network)
    rows = []
    for _ in range(count):
        i = int(rng.integers(len(network.signals)))
        lane = int(rng.integers(len(network.signals[i].lanes)))
        movement = int(rng.choice(np.flatnonzero(network.signals[i].uses[lane])))
        speed_mps = float(rng.choice([0.0, 6.0, 13.0]))
        at = (int(layout.lane_start[i]) + lane, float(rng.uniform(2.0, 200.0)))
        rows.append((*at, int(layout.movement_start[i]) + movement, speed_mps))
    table = np.array(sorted(rows)).reshape(-1, 4)
    queue_veh = np.zeros(layout.movements)
    standing = table[table[:, 3] < 2.0]
    np.add.at(queue_veh, standing[:, 2].astype(np.int64), 1.0)
    return replace(
        seen,
        queue_veh=queue_veh,
        vehicle_lane=table[:, 0].astype(np.int64),
        vehicle_distance_m=np.ascontiguousarray(table[:, 1]),
        vehicle_movement=table[:, 2].astype(np.int64),
        vehicle_speed_mps=np.ascontiguousarray(table[:, 3]),
    )


@pytest.mark.parametrize("phase", range(4))
def test_in_an_empty_network_every_signal_keeps_its_phase(pair: Network, limits_of: Limits, observe: Observe, phase: int) -> None:
    planner = RollingHorizon(pair, limits_of(pair))
    plans = planner.propose(pair, observe(pair, phase=phase, age_s=30.0), None, adopt(pair, NOW_S))
    assert [p.signal for p in plans] == ["W", "E"]
    assert all([s.phase for s in p.stages] == [phase] for p in plans)
    assert not any(p.repeats for p in plans)


def test_the_wish_is_the_cheapest_phase_at_each_signal_by_itself(pair: Network, limits_of: Limits, observe: Observe) -> None:
    # In the west somebody waits on the eastern approach; the east has nobody.
    seen = replace(
        observe(pair, phase=0, age_s=30.0),
        vehicle_lane=np.array([2]),
        vehicle_movement=np.array([4]),
        vehicle_distance_m=np.array([4.0]),
        vehicle_speed_mps=np.array([0.0]),
    )
    plans = RollingHorizon(pair, limits_of(pair)).propose(pair, seen, None, adopt(pair, NOW_S))
    assert [p.stages[0].phase for p in plans] == [2, 0]


@pytest.mark.parametrize("rules", ["resco", "free", "street"])
@pytest.mark.parametrize("network", ["pair", "with_crossing"])
def test_safety_has_no_objection_to_what_it_wishes(
    network: str, rules: str, limits_of: Limits, observe: Observe, request: pytest.FixtureRequest
) -> None:
    here: Network = request.getfixturevalue(network)
    limits, rng = limits_of(here, rules), np.random.default_rng(102)
    planner, running = RollingHorizon(here, limits), adopt(here, NOW_S)
    phases = []
    for _ in range(40):
        phase, age_s = int(rng.integers(4)), float(rng.integers(1, 60))
        seen = with_vehicles(here, observe(here, phase=phase, age_s=age_s, now_s=NOW_S), rng, 25)
        red_s = np.concatenate([np.where(s.serves[phase] > 0, 0.0, 40.0) for s in here.signals])
        seen = replace(seen, red_s=red_s)
        wishes = planner.propose(here, seen, None, running)
        verdicts = vet(approach(wishes, running, limits), running, seen, here, limits)
        assert [o.sentence for v in verdicts for o in v.objections] == []
        phases += [w.stages[0].phase for w in wishes]
    assert set(phases) == {0, 1, 2, 3}


def test_who_is_red_for_too_long_goes_first_whatever_it_costs(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    limits = limits_of(four_arm)
    seen = with_vehicles(four_arm, observe(four_arm, phase=0, age_s=30.0), np.random.default_rng(1), 0)
    queue_veh, red_s = np.zeros(12), np.zeros(12)
    queue_veh[5], red_s[5] = 1.0, limits[0].max_red_s - 30.0  # the left turn from the east
    busy = replace(
        seen,
        queue_veh=queue_veh,
        red_s=red_s,
        vehicle_lane=np.zeros(20, dtype=np.int64),
        vehicle_movement=np.ones(20, dtype=np.int64),
        vehicle_distance_m=np.linspace(10.0, 200.0, 20),
        vehicle_speed_mps=np.full(20, 13.0),
    )
    planner, running = RollingHorizon(four_arm, limits), adopt(four_arm, NOW_S)
    wish = planner.propose(four_arm, busy, None, running)[0]
    assert four_arm.signals[0].serves[wish.stages[0].phase, 5] > 0
    calm = replace(busy, red_s=np.where(red_s > 0.0, 5.0, 0.0))
    assert planner.propose(four_arm, calm, None, running)[0].stages[0].phase == 0


def test_the_running_phase_stays_where_another_is_only_as_good_or_nothing_is_known() -> None:
    costs_s = np.array([[3.0, 1.0, 1.0], [nan, nan, nan], [2.0, 5.0, nan], [1.0, 1.0, 0.5]])
    assert cheapest(costs_s, np.array([2, 1, 1, 0])).tolist() == [2, 1, 0, 2]


def test_a_movements_flow_is_shared_evenly_by_its_lanes(four_arm: Network) -> None:
    s = four_arm.signals[0]
    uses = s.uses.copy()
    uses[1, 1] = True  # the way through from the north may use the left lane as well
    network = replace(four_arm, signals=(replace(s, uses=uses),))
    shares = SHARES[lane_spread(lay_out(network))]
    assert shares[:2, 1].tolist() == [0.5, 0.5]
    assert shares.sum(axis=0).tolist() == [1.0] * 12


def test_the_prices_of_a_network_are_those_of_its_signals_one_by_one(
    pair: Network, four_arm: Network, limits_of: Limits, observe: Observe
) -> None:
    rng = np.random.default_rng(103)
    seen = with_vehicles(pair, observe(pair, phase=0, age_s=20.0), rng, 30)
    together = Lookahead(pair, limits_of(pair), Pricing()).costs_s(seen, None)
    alone = Lookahead(four_arm, limits_of(four_arm), Pricing())
    for i in range(2):
        here = (seen.vehicle_lane >= 8 * i) & (seen.vehicle_lane < 8 * (i + 1))
        part = replace(
            observe(four_arm, phase=0, age_s=20.0),
            vehicle_lane=seen.vehicle_lane[here] - 8 * i,
            vehicle_movement=seen.vehicle_movement[here] - 12 * i,
            vehicle_distance_m=seen.vehicle_distance_m[here],
            vehicle_speed_mps=seen.vehicle_speed_mps[here],
        )
        assert alone.costs_s(part, None)[0].tolist() == pytest.approx(together[i].tolist())


def test_a_forecast_reaches_the_prices(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    near = tuple(replace(lane, sensed_m=30.0) for lane in four_arm.signals[0].lanes)
    network = replace(four_arm, signals=(replace(four_arm.signals[0], lanes=near),))
    flow_veh_h = np.zeros((1, 12))
    flow_veh_h[0, 4] = 1500.0
    forecast = FlowForecast(NOW_S, NOW_S, 900.0, flow_veh_h, flow_veh_h, flow_veh_h, ("test",) * 12)
    planner, running = RollingHorizon(network, limits_of(network)), adopt(network, NOW_S)
    seen = observe(network, phase=0, age_s=30.0)
    assert planner.propose(network, seen, None, running)[0].stages[0].phase == 0
    assert planner.propose(network, seen, forecast, running)[0].stages[0].phase == 2


@pytest.fixture
def street(pair: Network) -> Network:
    """The pair with a street: who leaves `W` by its eastern arm comes to the western lanes of `E` (14 and 15 on the network's axis)."""
    west, east = pair.signals
    fed = tuple(replace(lane, upstream=("e_out_0",)) if lane.id.startswith("w_in") else lane for lane in east.lanes)
    return replace(pair, signals=(west, replace(east, lanes=fed)))


def test_ways_lead_from_who_leaves_by_a_street_to_every_movement_of_the_lanes_that_it_feeds(street: Network) -> None:
    layout = lay_out(street)
    ways, leads_to = ways_between(street, layout, lane_spread(layout), 80.0)
    # The left turn from the north (2), the right turn from the south (6) and the way through from the west (10) leave for the east.
    assert np.diff(ways.start).tolist() == [0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0] + [0] * 12
    assert ways.lane.tolist() == [14, 14, 15] * 3
    assert ways.movement.tolist() == [9, 10, 11] * 3
    assert leads_to.tolist() == [21, 22, 23] * 3
    assert ways.share.tolist() == [1.0] * 9


def test_a_way_takes_the_crossing_of_the_junction_and_the_street_at_its_speed(street: Network) -> None:
    layout = lay_out(street)
    ways, _ = ways_between(street, layout, lane_spread(layout), 80.0)
    # 300 m at 50 km/h after 20 m (left), 12 m (right) and 24 m (through) of junction: 320, 312 and 324 m at 13.89 m/s.
    assert ways.travel_s.tolist() == pytest.approx([23.04] * 3 + [22.464] * 3 + [23.328] * 3)


def test_a_movement_of_two_lanes_is_met_on_each_by_its_share(street: Network) -> None:
    west, east = street.signals
    uses = east.uses.copy()
    uses[7, 10] = True  # the way through from the west may use the left lane as well
    network = replace(street, signals=(west, replace(east, uses=uses)))
    layout = lay_out(network)
    ways, _ = ways_between(network, layout, lane_spread(layout), 80.0)
    found = list(zip(ways.lane.tolist(), ways.movement.tolist(), ways.share.tolist(), strict=True))
    assert found[:4] == [(14, 9, 1.0), (14, 10, 0.5), (15, 10, 0.5), (15, 11, 1.0)]


@pytest.mark.parametrize(("least_m", "ways_count"), [(299.0, 9), (300.0, 9), (301.0, 0), (float("inf"), 0)])
def test_over_streets_that_are_too_short_there_are_no_ways(street: Network, least_m: float, ways_count: int) -> None:
    layout = lay_out(street)
    ways, leads_to = ways_between(street, layout, lane_spread(layout), least_m)
    assert (ways.lane.size, leads_to.size, int(ways.start[-1])) == (ways_count,) * 3
    assert ways.start.size == layout.movements + 1


def test_there_are_no_ways_where_no_lane_is_fed(pair: Network) -> None:
    layout = lay_out(pair)
    ways, _ = ways_between(pair, layout, lane_spread(layout), 0.0)
    assert ways.lane.size == 0
    assert not ways.start.any()
