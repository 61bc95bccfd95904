"""Lane groups: shared lanes carry the sum of their movements, yielding ones weigh more."""

from dataclasses import replace

import numpy as np
import pytest

from signals.kernels import webster
from signals.lane_groups import demand_of, lane_groups
from signals.types import Intersection, Network


@pytest.fixture
def signal(four_arm: Network) -> Intersection:
    """The four-arm junction: right and through share a lane, the left turn has its own."""
    return four_arm.signals[0]


def test_movements_of_one_lane_and_the_same_stages_form_a_group(signal: Intersection) -> None:
    groups = [np.flatnonzero(g).tolist() for g in lane_groups(signal.uses, signal.serves)]
    assert groups == [[0, 1], [3, 4], [6, 7], [9, 10]]


def test_movements_of_one_lane_in_different_stages_stay_alone() -> None:
    uses = np.ones((1, 2), dtype=np.bool_)
    assert lane_groups(uses, np.array([[2, 0], [0, 2]])) == []


def test_a_shared_lane_carries_the_sum_of_its_movements(signal: Intersection) -> None:
    flow_veh_h = np.zeros(12)
    flow_veh_h[[0, 1]] = [160.0, 540.0]  # on 1600 and 1800 veh/h: 0.1 and 0.3
    demand = demand_of(signal)
    ratios = webster.critical_ratios(*demand.loads(flow_veh_h), demand.serves)
    np.testing.assert_allclose(ratios, [0.4, 0.0, 0.0, 0.0])


def test_a_left_turn_with_its_own_phase_is_counted_there(signal: Intersection) -> None:
    flow_veh_h = np.zeros(12)
    flow_veh_h[2] = 160.0
    demand = demand_of(signal)
    np.testing.assert_allclose(webster.critical_ratios(*demand.loads(flow_veh_h), demand.serves), [0.0, 0.1, 0.0, 0.0])


def test_a_left_turn_that_only_yields_needs_more_green_the_more_comes_towards_it(signal: Intersection) -> None:
    two_stages = replace(signal, base=replace(signal.base, stages=(signal.base.stages[0], signal.base.stages[2])))
    demand = demand_of(two_stages)
    needs = []
    for opposing_veh_h in (0.0, 200.0, 500.0):
        flow_veh_h = np.zeros(12)
        flow_veh_h[[2, 7]] = [120.0, opposing_veh_h]  # left from the north, through from the south
        flows, saturations = demand.loads(flow_veh_h)
        needs.append(flows[2] / saturations[2])
    assert needs[0] == pytest.approx(120.0 / 1600.0)
    assert needs[0] < needs[1] < needs[2]


def test_a_crossing_loads_nothing(with_crossing: Network) -> None:
    demand = demand_of(with_crossing.signals[0])
    flow_veh_h = np.full(13, 100.0)
    flow_veh_h[12] = float("nan")
    ratios = webster.critical_ratios(*demand.loads(flow_veh_h), demand.serves)
    assert np.isfinite(ratios).all() and ratios.min() > 0.0
