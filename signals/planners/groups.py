"""Signals too close to decide alone: they share streets that hold a few vehicles, and must never wait for each other in a ring.

Drivers who turn left across oncoming traffic wait in the middle of the junction. Where the oncoming traffic heads for a short street
that is full, they wait for that street to move; if what stands there waits for them, no light undoes it any more. So a joint choice of
phases is safe where every short lane that such drivers depend on drains on its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from signals.layout import lay_out, street_of
from signals.types import Bools, Floats, Ints, Network, Observation, Serves

NEAR_M = 80.0
SLOW_MPS = 2.0
SPARE_VEH = 1.5  # room that a short street must keep, or the tail of its queue stands in the junction behind
TINY_VEH = 3.0  # who comes onto a street that holds fewer will stand there, however fast it is now
FULL_S = 1e5  # price of a full short lane that drains by yielding only
MOST_CHOICES = 5000  # of one group; the last signals of a larger one decide alone


@dataclass(frozen=True, slots=True)
class Group:
    """Signals that decide together."""

    signals: tuple[int, ...]
    choices: Ints = field(repr=False)
    """[choice, signal of the group] the joint phases that cannot lock"""
    lanes: Ints = field(repr=False)
    """[short lane] its place on the network's lane axis"""
    room_veh: Floats = field(repr=False)
    """[short lane] vehicles that fit on it"""
    yielding: Bools = field(repr=False)
    """[choice, short lane] whether somebody leaves from it by yielding"""


@dataclass(frozen=True, slots=True)
class ShortLane:
    """A stop lane on a short street: what may leave from it, at the signal it leads to."""

    signal: int
    place: int
    movements: tuple[int, ...]


def groups_of(network: Network, near_m: float = NEAR_M) -> tuple[Group, ...]:
    """The groups of two signals and more."""
    found = []
    for near in neighbours(network, near_m):
        members = near
        while math.prod(len(network.signals[i].phases) for i in members) > MOST_CHOICES:
            members = members[:-1]
        if len(members) > 1:
            found.append(group_of(network, members, near_m))
    return tuple(found)


def neighbours(network: Network, near_m: float) -> list[tuple[int, ...]]:
    """Signals joined by streets shorter than this, group by group."""
    index = {s.id: i for i, s in enumerate(network.signals)}
    root = list(range(len(network.signals)))

    def top(i: int) -> int:
        while root[i] != i:
            i = root[i]
        return i

    for street in network.streets:
        if street.length_m < near_m:
            root[top(index[street.from_signal])] = top(index[street.to_signal])
    members: dict[int, list[int]] = {}
    for i in range(len(root)):
        members.setdefault(top(i), []).append(i)
    return [tuple(some) for some in members.values() if len(some) > 1]


def short_lanes(network: Network, members: tuple[int, ...], near_m: float) -> tuple[list[ShortLane], dict[tuple[int, int], list[int]]]:
    """The lanes of the short streets inside a group; and which of them (signal, movement) feeds."""
    near = {(s.from_signal, s.to_signal) for s in network.streets if s.length_m < near_m}
    lanes: list[ShortLane] = []
    feeds: dict[tuple[int, int], list[int]] = {}
    for j in members:
        to = network.signals[j]
        for k, lane in enumerate(to.lanes):
            if lane.sensed_m >= near_m:
                continue
            street = street_of(lane.id)  # whoever is on it may change lanes: any of its lanes fills all of them
            reached = {street, *(street_of(one) for one in lane.upstream)}
            feeders = [
                (i, m)
                for i in members
                if (network.signals[i].id, to.id) in near
                for m, movement in enumerate(network.signals[i].movements)
                if reached & {street_of(one) for one in movement.exits}
            ]
            if feeders:
                for feeder in feeders:
                    feeds.setdefault(feeder, []).append(len(lanes))
                lanes.append(ShortLane(j, k, tuple(np.flatnonzero(to.uses[k]).tolist())))
    return lanes, feeds


def group_of(network: Network, members: tuple[int, ...], near_m: float) -> Group:
    """A group, with the joint phases in which nobody on a short street yields to traffic whose way may stay blocked."""
    lanes, feeds = short_lanes(network, members, near_m)
    every = list(product(*(range(len(network.signals[i].phases)) for i in members)))
    safe = [c for c in every if cannot_lock(network, dict(zip(members, c, strict=True)), lanes, feeds)] or every
    codes = [[leaving(network, dict(zip(members, c, strict=True)), lane) for lane in lanes] for c in safe]
    lane_start = lay_out(network).lane_start
    return Group(
        members,
        np.array(safe, dtype=np.int64),
        np.array([lane_start[lane.signal] + lane.place for lane in lanes], dtype=np.int64),
        np.array([network.signals[lane.signal].lanes[lane.place].storage_veh for lane in lanes]),
        np.array([[Serves.PERMISSIVE in one for one in row] for row in codes], dtype=bool).reshape(len(safe), len(lanes)),
    )


def leaving(network: Network, phase: dict[int, int], lane: ShortLane) -> tuple[int, ...]:
    """How a joint phase serves each of the movements from a short lane."""
    return tuple(int(network.signals[lane.signal].serves[phase[lane.signal], m]) for m in lane.movements)


def cannot_lock(network: Network, phase: dict[int, int], lanes: list[ShortLane], feeds: dict[tuple[int, int], list[int]]) -> bool:
    """Whether all short lanes from which somebody leaves by yielding drain on their own, from those with protected green on."""
    needs: list[list[int] | None] = []  # of each lane, the lanes that must drain first; None: it stands at red
    for lane in lanes:
        signal, now = network.signals[lane.signal], phase[lane.signal]
        yielding = [m for m in lane.movements if signal.serves[now, m] == Serves.PERMISSIVE]
        foes = {f for m in yielding for f in np.flatnonzero(signal.yields_to[m] & (signal.serves[now] > 0)).tolist()}
        green = any(signal.serves[now, m] > 0 for m in lane.movements)
        needs.append(sorted({k for f in foes for k in feeds.get((lane.signal, f), [])}) if green else None)
    drains: Bools = np.zeros(len(lanes), dtype=bool)
    for _ in lanes:
        drains = np.array([need is not None and all(drains[k] for k in need) for need in needs], dtype=bool)
    return all(need is None or bool(drains[k]) for k, need in enumerate(needs))


def settle(groups: tuple[Group, ...], costs_s: Floats, wanted: Ints, observed: Observation) -> Ints:
    """The wanted phases [signal]; in each group the cheapest joint choice that cannot lock. Costs [signal, phase], NaN: not now."""
    if not groups:
        return wanted
    known = np.where(np.isnan(costs_s), np.inf, costs_s)
    frozen = np.flatnonzero(np.isinf(known).all(axis=1))
    known[frozen, observed.phase[frozen]] = 0.0
    settled = wanted.copy()
    for group in groups:
        members = np.array(group.signals)
        totals_s = known[members[None, :], group.choices].sum(axis=1) + FULL_S * yielding_with_a_queue(group, observed)
        best = int(totals_s.argmin())
        if np.isfinite(totals_s[best]):
            settled[members] = group.choices[best]
    return settled


def yielding_with_a_queue(group: Group, observed: Observation) -> Ints:
    """Short lanes out of which each joint choice lets a queue leave by yielding, though its tail stands in the junction behind [choice]."""
    on = observed.vehicle_lane[:, None] == group.lanes[None, :]
    stands = (observed.vehicle_speed_mps < SLOW_MPS)[:, None] | (group.room_veh < TINY_VEH)[None, :]
    full = (on & stands).sum(axis=0) >= group.room_veh - SPARE_VEH
    count: Ints = (group.yielding & full).sum(axis=1)
    return count
