"""Synthetic cities: as large as asked for, of real junctions where asked for, with traffic that stands in order."""

import numpy as np
import pytest

from benchmarks.synthetic_city import busy, city, junction, lane_traffic, limits_of, real_junctions, repeated, tiled, traffic
from signals.rules import RULES, envelope

REAL = real_junctions()


def test_a_busy_city_has_a_choice_everywhere() -> None:
    network = city(50)
    observed = busy(network, np.random.default_rng(3))
    assert len({signal.id for signal in network.signals}) == 50
    assert (observed.queue_veh.reshape(50, 12).sum(axis=1) > 0.0).all()


def test_the_four_arm_signal_serves_every_movement() -> None:
    assert (junction("x").serves.max(axis=0) > 0).all()


def test_the_real_junctions_are_those_of_both_networks_again_and_again() -> None:
    assert len(REAL) == 8 + 16
    network = tiled(REAL, 50)
    assert [s.id for s in network.signals] == [str(i) for i in range(50)]
    assert network.signals[25].movements == REAL[1].movements == repeated(REAL, 26)[25].movements


def test_limits_are_those_of_each_signal() -> None:
    for limit, signal in zip(limits_of(tiled(REAL, 24)), REAL, strict=True):
        np.testing.assert_array_equal(limit.min_green_s, envelope(signal, RULES["resco"]).min_green_s)


@pytest.mark.parametrize("seed", [1, 2])
def test_traffic_stands_nearest_first_on_lanes_that_its_movement_uses(seed: int) -> None:
    network = tiled(REAL, 30)
    seen = traffic(network, np.random.default_rng(seed))
    assert (np.diff(seen.vehicle_lane) >= 0).all()
    same = np.diff(seen.vehicle_lane) == 0
    assert (np.diff(seen.vehicle_distance_m)[same] >= 0.0).all()
    lane_at = np.cumsum([0] + [len(s.lanes) for s in network.signals])
    movement_at = np.cumsum([0] + [len(s.movements) for s in network.signals])
    for k, m in zip(seen.vehicle_lane.tolist(), seen.vehicle_movement.tolist(), strict=True):
        i = int(np.searchsorted(lane_at, k, side="right")) - 1
        assert network.signals[i].uses[k - lane_at[i], m - movement_at[i]]


def test_some_traffic_stands_and_some_comes() -> None:
    _, _, distance_m, speed_mps = lane_traffic(REAL[0], np.random.default_rng(1))
    assert 0.0 < (speed_mps == 0.0).mean() < 1.0
    assert distance_m.min() >= 2.0
