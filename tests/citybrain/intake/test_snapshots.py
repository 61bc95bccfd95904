"""A snapshot replaces its signal's last one; rows come out by lane, nearest first; memory stays with what is in view."""

from collections.abc import Callable

import numpy as np
import pytest

from citybrain.intake.batch import Tracks
from citybrain.intake.snapshots import FIRST_ROWS, Snapshots
from signals.layout import Layout, lay_out
from signals.types import Bools, Network

Tracked = Callable[..., Tracks]


@pytest.fixture
def layout(grid: Network) -> Layout:
    """Of the grid: four signals."""
    return lay_out(grid)


def everybody(layout: Layout) -> Bools:
    """All signals."""
    return np.ones(len(layout.lane_start) - 1, np.bool_)


def test_a_newer_snapshot_replaces_the_last_one_and_an_older_does_not(layout: Layout, tracked: Tracked) -> None:
    snapshots = Snapshots(layout)
    for at_s, speed_mps in ((5.0, 1.0), (6.0, 2.0), (6.0, 3.0), (4.0, 4.0)):
        snapshots.take(tracked(at_s, {1: [(int(layout.lane_start[1]), int(layout.movement_start[1]), 9.0, speed_mps)]}))
    assert snapshots.vehicles(everybody(layout))[3].tolist() == [2.0]
    assert snapshots.at_s.tolist() == [-np.inf, 6.0, -np.inf, -np.inf]


def test_rows_come_by_lane_and_nearest_first_whatever_the_order_they_came_in(layout: Layout, tracked: Tracked) -> None:
    rng = np.random.default_rng(5)
    rows = {}
    for i in (2, 0, 1):
        lanes = rng.integers(layout.lane_start[i], layout.lane_start[i + 1], 20).tolist()
        rows[i] = [(lane, int(layout.movement_start[i]), float(d), 5.0) for lane, d in zip(lanes, rng.permutation(20), strict=True)]
    snapshots = Snapshots(layout)
    snapshots.take(tracked(1.0, rows))
    lane, _, distance_m, _ = snapshots.vehicles(everybody(layout))
    expected = sorted((row[0], row[2]) for one in rows.values() for row in one)
    assert list(zip(lane.tolist(), distance_m.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    "row",
    [
        (-1, 0, 5.0, 1.0), (10**6, 0, 5.0, 1.0), (0, -1, 5.0, 1.0), (0, 10**6, 5.0, 1.0), (0, 0, np.nan, 1.0), (0, 0, 5.0, np.inf),
        (0, 0, 5.0, -1.0),
    ],
    ids=["no lane", "lane of another", "no movement", "movement of another", "no distance", "no speed", "backward"],
)  # fmt: skip
def test_a_vehicle_that_cannot_be_is_dropped_and_counted(layout: Layout, tracked: Tracked, row: tuple[int, int, float, float]) -> None:
    snapshots = Snapshots(layout)
    snapshots.take(tracked(1.0, {0: [row, (0, 0, 7.0, 1.0)]}))
    assert (snapshots.dropped, snapshots.vehicles(everybody(layout))[2].tolist()) == (1, [7.0])


@pytest.mark.parametrize("signal", [-1, 4, 2**31 - 1])
def test_a_snapshot_of_no_signal_is_passed_over(layout: Layout, tracked: Tracked, signal: int) -> None:
    snapshots = Snapshots(layout)
    snapshots.take(tracked(1.0, {signal: [(0, 0, 7.0, 1.0)], 0: [(0, 0, 8.0, 1.0)]}))
    assert snapshots.vehicles(everybody(layout))[2].tolist() == [8.0]


def test_an_hour_of_snapshots_that_grow_and_shrink_takes_the_room_of_a_few(layout: Layout, tracked: Tracked) -> None:
    snapshots, rng = Snapshots(layout), np.random.default_rng(2)
    for second in range(600):
        rows = {}
        for i in range(4):
            lane, movement = int(layout.lane_start[i]), int(layout.movement_start[i])
            rows[i] = [(lane, movement, float(k), float(i)) for k in range(int(rng.integers(0, 120)))]
        snapshots.take(tracked(float(second), rows))
        _, _, distance_m, speed_mps = snapshots.vehicles(everybody(layout))
        for i, one in rows.items():
            assert distance_m[speed_mps == i].tolist() == [row[2] for row in one]
    assert snapshots.room <= 2 * FIRST_ROWS


def test_only_the_asked_signals_are_told_and_forgotten_ones_are_gone(layout: Layout, tracked: Tracked) -> None:
    snapshots = Snapshots(layout)
    snapshots.take(tracked(1.0, {i: [(int(layout.lane_start[i]), int(layout.movement_start[i]), 5.0, float(i))] for i in range(4)}))
    asked = np.array([True, False, True, False])
    assert snapshots.vehicles(asked)[3].tolist() == [0.0, 2.0]
    snapshots.forget(asked)
    assert snapshots.vehicles(everybody(layout))[3].tolist() == [1.0, 3.0]
