"""What a street observes, sent as batches and sensed again, is what it observed."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from citybrain.intake import frame
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.observed import batches_of, tracks_of
from citybrain.intake.senses import Senses
from signals.layout import lay_out
from signals.types import Network, Observation


@pytest.fixture(scope="module")
def busy(grid: Network, seen: Observation) -> Observation:
    """An observation with vehicles, and gaps."""
    layout, rng = lay_out(grid), np.random.default_rng(3)
    n = layout.movements
    start, place = layout.lane_start, rng.integers(0, layout.lanes, 50)
    lane = np.sort(place)
    signal = layout.signal_of_lane[lane]
    movement = layout.movement_start[signal] + rng.integers(0, 3, 50)
    distance_m = rng.uniform(-1.0, 200.0, 50)
    order = np.lexsort((distance_m, lane))
    assert start[-1] == layout.lanes
    return replace(
        seen, now_s=100.0, queue_veh=np.where(np.arange(n) == 5, np.nan, rng.integers(0, 9, n)), counts_veh=rng.integers(0, 2, n) * 1.0,
        wait_s=rng.integers(0, 90, n) * 1.0, exit_veh=rng.integers(0, 5, n) * 1.0, red_s=rng.integers(0, 90, n) * 1.0,
        vehicle_lane=lane[order], vehicle_movement=movement[order], vehicle_distance_m=distance_m[order],
        vehicle_speed_mps=rng.uniform(0.0, 14.0, 50)[order],
    )  # fmt: skip


def test_an_observation_that_went_over_the_wire_is_the_same(grid: Network, catalogue: Catalogue, busy: Observation) -> None:
    layout, senses = lay_out(grid), Senses(grid, catalogue)
    for observed in (replace(busy, now_s=99.0), busy):
        sent = frame.decode(frame.encode(*batches_of(observed, catalogue, layout, "street"), catalogue.key))
        senses.take(sent.samples)
        senses.take(sent.tracks)
        found = senses.read(observed.now_s, busy.phase, busy.age_s, busy.red_s)
    for name in (one.name for one in fields(Observation)):
        mine: Any = getattr(found, name)
        np.testing.assert_allclose(mine, getattr(busy, name), rtol=1e-6, err_msg=name)


def test_a_signal_with_nobody_in_view_has_a_snapshot_too(grid: Network, seen: Observation) -> None:
    found = tracks_of(seen, lay_out(grid), "street")
    assert (found.vehicles.tolist(), len(found.lane)) == ([0] * len(grid.signals), 0)


def test_what_is_not_known_is_not_said(grid: Network, catalogue: Catalogue, busy: Observation) -> None:
    samples, _ = batches_of(busy, catalogue, lay_out(grid), "street")
    assert int(catalogue.sole[1, 5]) not in samples.sensor.tolist()
    assert len(samples) == len(catalogue) - 1
