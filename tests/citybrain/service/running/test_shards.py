"""Shards: every signal in one of them, groups whole, and each part sees exactly its own."""

from collections.abc import Callable

import numpy as np
import pytest

from citybrain.service.shards import LARGEST_SHARD, axes_of, in_space, part_of, shards_of
from signals.layout import lay_out
from signals.planners.groups import NEAR_M, neighbours
from signals.rules import RULES
from signals.types import Network, Observation
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

Look = Callable[[Network, float, int], Observation]


@pytest.mark.parametrize("largest", [1, 2, 3, LARGEST_SHARD])
def test_every_signal_is_in_exactly_one_shard(line: Network, largest: int) -> None:
    shards = shards_of(line, largest)
    assert sorted(np.concatenate([s.signals for s in shards]).tolist()) == list(range(len(line.signals)))
    assert all(s.signals.size <= max(largest, 2) for s in shards)


def test_signals_that_decide_together_stay_together() -> None:
    network = read_network(scenario("resco/ingolstadt21").net, RULES["resco"])
    of = {int(i): k for k, shard in enumerate(shards_of(network, 4)) for i in shard.signals}
    for group in neighbours(network, NEAR_M):
        assert len({of[i] for i in group}) == 1


def test_a_city_of_one_shard_is_the_network_itself(grid: Network) -> None:
    (whole,) = shards_of(grid)
    assert whole.whole and whole.network is grid


def test_a_shard_keeps_the_streets_within_it(line: Network) -> None:
    for shard in shards_of(line, 2):
        names = {s.id for s in shard.network.signals}
        within = {(s.from_signal, s.to_signal) for s in line.streets if {s.from_signal, s.to_signal} <= names}
        assert {(s.from_signal, s.to_signal) for s in shard.network.streets} == within


def test_parts_of_an_observation_put_together_are_the_observation(line: Network, look: Look) -> None:
    whole, axes = look(line, 50.0, 3), axes_of(line)
    lay = lay_out(line)
    lane = np.repeat(np.arange(lay.lanes), 2)
    movement = np.zeros(lane.size, dtype=np.int64)
    for i in range(len(line.signals)):
        own = lay.signal_of_lane[lane] == i
        movement[own] = lay.movement_start[i]
    seen = Observation(
        *(getattr(whole, name) for name in Observation.__slots__[:8]), lane, movement, np.arange(lane.size, dtype=float), np.ones(lane.size)
    )
    found, vehicles = np.full(lay.movements, np.nan), 0
    for k in (2, 0):
        members = np.array([k, k + 1])
        part = part_of(line, axes, members)
        share = part.observed(seen)
        found[part.movements] = share.queue_veh
        vehicles += share.vehicle_lane.size
        inner = lay_out(part.network)
        # Each vehicle is still at its own signal, on its own lane.
        signal = inner.signal_of_lane[share.vehicle_lane]
        assert (inner.signal_of[share.vehicle_movement] == signal).all()
        names = [lane.id for s in part.network.signals for lane in s.lanes]
        all_names = [lane.id for s in line.signals for lane in s.lanes]
        kept = np.isin(lay.signal_of_lane[seen.vehicle_lane], members)
        assert [names[x] for x in share.vehicle_lane] == [all_names[x] for x in seen.vehicle_lane[kept]]
        assert (share.phase == seen.phase[members]).all()
    assert vehicles == (lay.signal_of_lane[lane] < 4).sum()
    assert np.array_equal(found[~np.isnan(found)], seen.queue_veh[~np.isnan(found)])


@pytest.mark.parametrize("members", [[1, 3], [0, 1, 2, 3]])
def test_counts_gathered_for_longer_stand_in_for_the_last_second_s(grid: Network, look: Look, members: list[int]) -> None:
    part = part_of(grid, axes_of(grid), np.array(members))
    gathered = np.arange(part.movements.size, dtype=float)
    assert np.array_equal(part.observed(look(grid, 1.0, 1), gathered).counts_veh, gathered)


def test_signals_lie_along_the_longer_side(line: Network) -> None:
    order = [int(g[0]) for g in in_space(line)]
    x_m = [line.signals[i].x_m for i in order]
    assert x_m == sorted(x_m)
