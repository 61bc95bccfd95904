"""Claims about the observation that tracked vehicles make."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from signals.layout import lay_out
from signals.links.estimate import Estimate, Seen
from signals.links.turning import Turning
from signals.types import Floats, Ints, Network


@dataclass(frozen=True, slots=True)
class Case:
    """An estimate and what it is made of."""

    turning: Turning
    estimate: Estimate
    lanes: int


@pytest.fixture
def case(four_arm: Network) -> Case:
    """Nothing is blind but the first lane, whose stop line is not counted either."""
    lanes = lay_out(four_arm).lanes
    blind = np.arange(lanes) == 0
    turning = Turning(four_arm)
    return Case(turning, Estimate(four_arm, turning, blind, blind), lanes)


def at(age_s: float) -> tuple[Ints, Floats]:
    """The signal in its first phase for so long."""
    return np.zeros(1, dtype=np.int64), np.full(1, age_s)


def test_vehicles_come_lane_by_lane_nearest_first_and_slow_ones_queue(case: Case, four_arm: Network) -> None:
    seen = [Seen(2, 40.0, 9.0, 0.5, 0.0), Seen(2, 3.0, 0.0, 0.5, 12.0), Seen(1, 8.0, 1.0, 0.5, 0.0)]
    found = case.estimate.observation(100.0, *at(1.0), seen, np.zeros(12))
    assert found.vehicle_lane.tolist() == [1, 2, 2]
    assert found.vehicle_distance_m.tolist() == [8.0, 3.0, 40.0]
    assert np.nansum(found.queue_veh) == 2.0
    assert np.nanmax(found.wait_s) == 12.0


def test_a_lane_without_a_working_detector_is_unknown_not_empty(case: Case) -> None:
    found = case.estimate.observation(100.0, *at(1.0), [], np.zeros(12))
    blind = list(case.turning.movements_of[0])
    assert np.isnan(found.queue_veh[blind]).all()
    assert np.isnan(found.counts_veh[blind]).all()
    seen = [m for m in range(12) if m not in blind]
    assert (found.queue_veh[seen] == 0.0).all()
    assert (found.counts_veh[seen] == 0.0).all()


@pytest.mark.parametrize(("age_s", "revealed"), [(20.0, True), (2.0, False)])
def test_who_stands_at_the_line_at_green_takes_the_movement_that_is_not_let_go(four_arm: Network, age_s: float, revealed: bool) -> None:
    signal, lane = four_arm.signals[0], 0
    turning = Turning(four_arm)
    held, free = turning.movements_of[lane]
    serves = signal.serves.copy()
    serves[0, held] = 0  # as with an arrow for the way through alone
    network = replace(four_arm, signals=(replace(signal, serves=serves),))
    seeing = np.zeros(lay_out(network).lanes, dtype=np.bool_)
    estimate = Estimate(network, turning, seeing, seeing)
    standing = Seen(lane, 2.0, 0.0, turning.draw_for(lane, free), 10.0)
    found = estimate.observation(100.0, *at(age_s), [standing], np.zeros(12))
    assert found.vehicle_movement.tolist() == [held if revealed else free]


def test_red_lasts_since_the_last_green(case: Case, four_arm: Network) -> None:
    served = four_arm.signals[0].serves[0] > 0
    case.estimate.observation(100.0, *at(5.0), [], np.zeros(12))
    found = case.estimate.observation(130.0, *at(35.0), [], np.zeros(12))
    assert set(found.red_s[served].tolist()) == {0.0}
    assert set(found.red_s[~served].tolist()) == {30.0}
