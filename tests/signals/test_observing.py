"""Claims about how an observation is put together."""

import numpy as np
import pytest

from signals.layout import lay_out
from signals.links.observing import Observing, Row
from signals.types import Network, Observation

ROWS: list[Row] = [(0, 3.0, 1, 0.0), (0, 40.0, 0, 9.0), (2, 8.0, 4, 1.0)]


def made(observing: Observing, now_s: float, phase: int, age_s: float, rows: list[Row]) -> Observation:
    """The observation of a signal with twelve movements."""
    queue_veh, counts_veh, wait_s, exit_veh = (np.full(12, value) for value in (1.0, 2.0, 3.0, 4.0))
    return observing.observation(
        now_s,
        np.full(1, phase, dtype=np.int64),
        np.full(1, age_s),
        rows,
        queue_veh=queue_veh,
        counts_veh=counts_veh,
        wait_s=wait_s,
        exit_veh=exit_veh,
    )


def test_rows_become_columns_in_their_order(four_arm: Network) -> None:
    found = made(Observing(lay_out(four_arm)), 100.0, 0, 5.0, ROWS)
    columns = (found.vehicle_lane, found.vehicle_distance_m, found.vehicle_movement, found.vehicle_speed_mps)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == ROWS
    assert [column.dtype.kind for column in columns] == ["i", "f", "i", "f"]
    assert all(column.flags.c_contiguous for column in columns)


def test_nobody_in_range_leaves_empty_columns_and_the_sums_as_they_are(four_arm: Network) -> None:
    found = made(Observing(lay_out(four_arm)), 100.0, 0, 5.0, [])
    assert found.vehicle_lane.shape == found.vehicle_distance_m.shape == (0,)
    sums = (found.queue_veh, found.counts_veh, found.wait_s, found.exit_veh)
    assert [set(one.tolist()) for one in sums] == [{1.0}, {2.0}, {3.0}, {4.0}]


@pytest.mark.parametrize(("phase", "age_s", "served"), [(0, 35.0, True), (0, -2.0, False), (2, 10.0, False)])
def test_red_lasts_since_the_last_green_and_an_intergreen_is_none(four_arm: Network, phase: int, age_s: float, served: bool) -> None:
    observing = Observing(lay_out(four_arm))
    through_ns = four_arm.signals[0].serves[0] > 0
    made(observing, 100.0, 0, 5.0, [])
    found = made(observing, 130.0, phase, age_s, [])
    assert set(found.red_s[through_ns].tolist()) == {0.0 if served else 30.0}


def test_before_any_green_was_seen_red_counts_from_the_first_observation(four_arm: Network) -> None:
    observing = Observing(lay_out(four_arm))
    assert set(made(observing, 100.0, 0, -3.0, []).red_s.tolist()) == {0.0}
    assert set(made(observing, 112.0, 0, -3.0, []).red_s.tolist()) == {12.0}
