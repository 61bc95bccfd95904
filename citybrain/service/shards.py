"""A city cut into shards that are planned in turn: each a network of its own, with its part of every observation.

A shard holds whole groups of signals that must decide together (`signals.planners.groups`), and signals that lie near each other, so
that few streets lead from one shard to another; what crosses there is seen once it is in sensing range, but not foreseen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from signals.layout import LARGE, blocks, lay_out, remembered, starts
from signals.layout import part_of as part_of_layout
from signals.planners.groups import NEAR_M, neighbours
from signals.types import Floats, Ints, Network, Observation

LARGEST_SHARD = 1600  # signals: two of these are planned within a tenth of a second on two cores
LONGEST_TURN_S = 5.0  # every signal is planned at least this often
AT_ONCE = 2  # shards that are planned side by side: while one is in the interpreter's hands, the other's kernels run


@dataclass(frozen=True, slots=True)
class Axes:
    """Offsets of a network's flat axes."""

    movement_start: Ints
    """[signal + 1]"""
    lane_start: Ints
    """[signal + 1]"""


@dataclass(frozen=True, slots=True)
class Part:
    """Some signals of a network as a network of their own, and where their values stand on the whole one's axes."""

    network: Network
    signals: Ints = field(repr=False)
    """[signal of the part] its place in the whole network"""
    movements: Ints = field(repr=False)
    """[movement of the part]"""
    own: Axes = field(repr=False)
    lane_first: Ints = field(repr=False)
    """[signal of the part] first and last + 1 of its lanes on the whole one's axis"""
    lane_last: Ints = field(repr=False)
    movement_first: Ints = field(repr=False)
    whole: bool

    def observed(self, seen: Observation, counts_veh: Floats | None = None) -> Observation:
        """The part's share of an observation; `counts_veh` [movement of the part]: gathered for longer than the observation's."""
        if self.whole:
            return seen if counts_veh is None else replace(seen, counts_veh=counts_veh)
        m = self.movements
        lane, movement, place = self._vehicles(seen)
        return Observation(
            now_s=seen.now_s,
            phase=seen.phase[self.signals],
            age_s=seen.age_s[self.signals],
            queue_veh=seen.queue_veh[m],
            counts_veh=seen.counts_veh[m] if counts_veh is None else counts_veh,
            wait_s=seen.wait_s[m],
            red_s=seen.red_s[m],
            exit_veh=seen.exit_veh[m],
            vehicle_lane=lane,
            vehicle_movement=movement,
            vehicle_distance_m=seen.vehicle_distance_m[place],
            vehicle_speed_mps=seen.vehicle_speed_mps[place],
        )

    def _vehicles(self, seen: Observation) -> tuple[Ints, Ints, Ints]:
        """Lane and movement [vehicle of the part] on the part's own axes, and the vehicle's place among all."""
        first = np.searchsorted(seen.vehicle_lane, self.lane_first)  # vehicles lie by lane
        number = np.searchsorted(seen.vehicle_lane, self.lane_last) - first
        ends = np.cumsum(number)
        place = np.arange(ends[-1] if ends.size else 0) + np.repeat(first - ends + number, number)
        lane = seen.vehicle_lane[place] + np.repeat(self.own.lane_start[:-1] - self.lane_first, number)
        return lane, seen.vehicle_movement[place] + np.repeat(self.own.movement_start[:-1] - self.movement_first, number), place


def axes_of(network: Network) -> Axes:
    """The flat axes of a network."""
    layout = lay_out(network)
    return Axes(layout.movement_start, layout.lane_start)


def part_of(network: Network, axes: Axes, members: Ints) -> Part:
    """The network of these signals, in this order, with the streets between them."""
    signals = tuple(network.signals[i] for i in members.tolist())
    whole = len(members) == len(network.signals)
    names = set() if whole else {s.id for s in signals}
    streets = tuple(s for s in network.streets if s.from_signal in names and s.to_signal in names) if len(names) > 1 else ()
    lanes, movements = axes.lane_start, axes.movement_start
    sizes = np.diff(lanes)[members], np.diff(movements)[members]
    own = network if whole else Network(network.name, signals, streets)
    if LARGE <= len(members) < len(network.signals):
        remembered(part_of_layout(lay_out(network), own, members))
    return Part(
        network=own,
        signals=members,
        movements=blocks(movements, members),
        own=Axes(*(starts(size.tolist()) for size in reversed(sizes))),
        lane_first=lanes[members],
        lane_last=lanes[members + 1],
        movement_first=movements[members],
        whole=whole,
    )


def shards_of(network: Network, largest: int = LARGEST_SHARD) -> tuple[Part, ...]:
    """The network in parts of about equal size, at most `largest` signals each where its groups allow."""
    n, axes = len(network.signals), axes_of(network)
    count = shard_count(n, largest)
    if count == 1:
        return (part_of(network, axes, np.arange(n)),)
    order = in_space(network)
    cuts = np.array_split(np.arange(len(order)), count)
    members = [np.sort(np.concatenate([order[k] for k in cut.tolist()])) for cut in cuts]
    return tuple(part_of(network, axes, one) for one in members)


def shard_count(signals: int, largest: int) -> int:
    """How many shards; of more than a turn has seconds, so many that every second has as many to plan."""
    count, turn = max(-(-signals // largest), 1), round(LONGEST_TURN_S)
    return count if count <= turn * AT_ONCE else -(-count // turn) * turn


def turn_of(shards: int) -> float:
    """Seconds in which every shard is planned once."""
    return min(float(-(-shards // AT_ONCE)), LONGEST_TURN_S)


def in_space(network: Network) -> list[Ints]:
    """Groups of signals (most of one signal) along the longer side of the city."""
    grouped = [np.array(sorted(some), dtype=np.int64) for some in neighbours(network, NEAR_M)]
    alone = np.setdiff1d(np.arange(len(network.signals)), np.concatenate(grouped) if grouped else np.zeros(0, dtype=np.int64))
    groups = [*grouped, *np.split(alone, len(alone))] if alone.size else grouped
    sizes = [len(g) for g in groups]
    x_m = np.array([s.x_m for s in network.signals])
    y_m = np.array([s.y_m for s in network.signals])
    along_m = x_m if np.ptp(x_m) >= np.ptp(y_m) else y_m
    means_m = np.add.reduceat(along_m[np.concatenate(groups)], starts(sizes)[:-1]) / sizes
    return [groups[k] for k in np.argsort(means_m, kind="stable").tolist()]
