"""The congestion index: Little's delay over the free-flow time, and what the forecast's flows do to it."""

from dataclasses import replace

import numpy as np
import pytest

from citybrain.service.congestion import HIGHEST_INDEX, LEAST_FREE_S, Congestion, forecast_of, free_s
from signals.layout import lay_out
from signals.types import FlowForecast, Network, Observation


def steady(network: Network, queue_veh: float, counts_veh: float, seconds: int = 1200) -> Congestion:
    """After the same queue and count a movement and second for a while; every signal changes its phase every 20 s."""
    lay = lay_out(network)
    n, m = len(network.signals), lay.movements
    found, none = Congestion(network), np.zeros(0)
    for k in range(seconds):
        phase = np.full(n, k // 20 % len(network.signals[0].phases), dtype=np.int64)
        found.see(Observation(
            float(k), phase, np.full(n, k % 20.0), np.full(m, queue_veh), np.full(m, counts_veh), np.zeros(m), np.zeros(m), np.zeros(m),
            none.astype(np.int64), none.astype(np.int64), none, none,
        ))  # fmt: skip
    return found


def test_delay_is_queue_over_flow(grid: Network) -> None:
    found = steady(grid, 2.0, 0.1).indices(None)
    assert found.delay_s == pytest.approx(np.full(4, 20.0), rel=0.02)
    free = free_s(lay_out(grid))
    assert found.now == pytest.approx(1.0 + 20.0 / free, rel=0.02)


def test_an_empty_city_has_index_one(grid: Network) -> None:
    found = steady(grid, 0.0, 0.0).indices(None)
    assert (found.now == 1.0).all() and (found.soon == 1.0).all()


def test_a_lock_has_the_highest_index(grid: Network) -> None:
    assert (steady(grid, 20.0, 0.0).indices(None).now == HIGHEST_INDEX).all()


@pytest.mark.parametrize(("factor", "sign"), [(1.6, 1), (1.0, 0), (0.5, -1)])
def test_more_traffic_to_come_means_more_congestion(grid: Network, factor: float, sign: int) -> None:
    flow_veh_s = 0.08
    congestion = steady(grid, 1.0, flow_veh_s)
    found = congestion.indices(np.full(lay_out(grid).movements, factor * flow_veh_s * 3600.0))
    change = found.soon - found.now
    assert (np.sign(np.round(change, 3)) == sign).all()


def test_without_a_forecast_it_stays_as_it_is(grid: Network) -> None:
    congestion = steady(grid, 1.0, 0.05)
    blind = congestion.indices(np.full(lay_out(grid).movements, np.nan))
    assert np.array_equal(blind.now, blind.soon)


def test_a_signal_without_any_sensor_has_no_index(grid: Network) -> None:
    congestion = steady(grid, 1.0, 0.05)
    m = lay_out(grid).movements
    none, queue_veh = np.zeros(0), np.ones(m)
    queue_veh[lay_out(grid).signal_of == 2] = np.nan
    congestion.see(Observation(
        1200.0, np.zeros(4, dtype=np.int64), np.ones(4), queue_veh, np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(m),
        none.astype(np.int64), none.astype(np.int64), none, none,
    ))  # fmt: skip
    assert np.isnan(congestion.indices(None).now).tolist() == [False, False, True, False]


def test_the_first_minute_is_waited_for_and_counts_as_much_as_later_ones(grid: Network) -> None:
    early, late = steady(grid, 2.0, 0.1, 61).indices(None), steady(grid, 2.0, 0.1).indices(None)
    assert early.delay_s == pytest.approx(late.delay_s, rel=0.05)
    assert np.isnan(steady(grid, 2.0, 0.1, 60).indices(None).now).all()


@pytest.mark.parametrize(
    ("sensed_m", "speed_mps", "expected_s"),
    [([100.0, 300.0], [10.0, 10.0], 20.0), ([1.0, 1.0], [10.0, 10.0], LEAST_FREE_S), ([100.0, 1.0], [10.0, 0.0], 10.0)],
)
def test_free_flow_time_is_that_of_the_lanes(grid: Network, sensed_m: list[float], speed_mps: list[float], expected_s: float) -> None:
    layout = lay_out(grid)
    first = layout.signal_of_lane == 0
    lanes = np.resize(np.array(sensed_m), first.sum()), np.resize(np.array(speed_mps), first.sum())
    other = replace(layout, lane_sensed_m=layout.lane_sensed_m.copy(), lane_speed_mps=layout.lane_speed_mps.copy())
    other.lane_sensed_m[first], other.lane_speed_mps[first] = lanes
    assert free_s(other)[0] == pytest.approx(expected_s) and np.array_equal(free_s(other)[1:], free_s(layout)[1:])


def test_a_signal_without_lanes_has_the_least_free_flow_time(grid: Network) -> None:
    layout = lay_out(grid)
    none = replace(layout, lane_speed_mps=np.zeros(layout.lanes))
    assert (free_s(none) == LEAST_FREE_S).all()


def test_the_shards_forecasts_stand_on_the_whole_axis() -> None:
    flow = np.array([[1.0, 2.0], [9.0, 9.0]])
    one = FlowForecast(0.0, 0.0, 900.0, flow, flow, flow, ("a", "b"))
    found = forecast_of([(np.array([3, 1]), one), (np.array([0]), None)], 4)
    assert np.array_equal(found, [np.nan, 2.0, np.nan, 1.0], equal_nan=True)
