"""Vehicles as they were read, one after the other, to what they add up to a movement and to rows lane by lane, nearest first."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NONE = -1


class Lists(NamedTuple):
    """A list of numbers for each key."""

    start: Ints
    """[key + 1]"""
    values: Ints


class Places(NamedTuple):
    """What lanes are to the signals, by a lane's number; the last one stands for all other lanes."""

    stop: Ints
    """[lane] flat stop lane, NONE: no stop line on it"""
    inside: Ints
    """[lane] flat movement whose way through its junction it is part of, or NONE"""
    exits: Lists
    """[lane] flat movements that it receives"""
    lanes_of: Lists
    """[movement] flat stop lanes that it may leave from"""
    behind: Lists
    """[movement] flat movements that its first stop lane receives: who stands inside may have its tail there"""


class Read(NamedTuple):
    """All vehicles of the street, as they were read."""

    movement: Ints
    """[vehicle] flat movement at its next signal; NONE: no signal of ours comes next"""
    distance_m: Floats
    """[vehicle] to that signal's stop line"""
    speed_mps: Floats
    """[vehicle]"""
    lane: Ints
    """[vehicle] number of its lane in `Places`"""
    waited_s: Floats
    """[standing vehicle] in the order of the vehicles"""
    room_veh: Floats
    """[slow vehicle] in the order of the vehicles: how many vehicles' room it takes"""


class Limits(NamedTuple):
    """Up to where who counts as what."""

    sensing_m: float
    slow_mps: float
    standing_mps: float
    clearing_mps: float
    inside_m: float  # "distance" of who is behind the stop line


@njit(cache=True)
def stop_lane(movement: int, lane: int, places: Places) -> int:
    """The stop lane that a vehicle heads for: the one it is on, or the first from which its movement leaves; NONE where there is none."""
    first, last = places.lanes_of.start[movement], places.lanes_of.start[movement + 1]
    if first == last:
        return NONE
    to: int = places.lanes_of.values[first]
    for k in range(first, last):
        if places.lanes_of.values[k] == places.stop[lane]:
            to = places.lanes_of.values[k]
    return to


@njit(cache=True)
def nearest_first(lane: Ints, distance_m: Floats, movement: Ints, speed_mps: Floats, lanes: int) -> Ints:
    """Order of rows by lane, and within a lane by distance, movement and speed."""
    n = lane.shape[0]
    place = np.zeros(lanes + 1, dtype=np.int64)
    for v in range(n):
        place[lane[v] + 1] += 1
    start = np.cumsum(place)
    filled = start[:-1].copy()
    order = np.empty(n, dtype=np.int64)
    for v in range(n):
        k = filled[lane[v]]
        filled[lane[v]] += 1
        while k > start[lane[v]]:
            u = order[k - 1]
            if (distance_m[u], movement[u], speed_mps[u]) <= (distance_m[v], movement[v], speed_mps[v]):
                break
            order[k] = u
            k -= 1
        order[k] = v
    return order


@njit(cache=True)
def sensed(
    read: Read, places: Places, limits: Limits, movements: int, lanes: int
) -> tuple[Floats, Floats, Floats, Ints, Ints, Floats, Floats]:
    """Queue, longest wait and taken exit room [movement]; and stop lane, movement, distance and speed [row] of who is in range.

    A vehicle that is slow within a junction is a row behind its stop line, and one that stands there is in the queue.
    """
    queue_veh, wait_s, exit_veh = np.zeros(movements), np.zeros(movements), np.zeros(movements)
    most = 2 * read.speed_mps.shape[0]
    lane, movement = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    distance_m, speed_mps = np.empty(most), np.empty(most)
    rows, slow, standing = 0, 0, 0
    for v in range(read.speed_mps.shape[0]):
        speed, here = read.speed_mps[v], read.lane[v]
        is_slow, stands = speed < limits.slow_mps, speed < limits.standing_mps
        waited = read.waited_s[standing] if stands else 0.0
        room = read.room_veh[slow] if is_slow else 0.0
        standing, slow = standing + stands, slow + is_slow
        first, last = places.exits.start[here], places.exits.start[here + 1]
        behind = places.inside[here]
        if is_slow and first < last:
            for k in range(first, last):
                exit_veh[places.exits.values[k]] += room
        elif behind != NONE and speed < limits.clearing_mps:
            lane[rows], movement[rows] = places.lanes_of.values[places.lanes_of.start[behind]], behind
            distance_m[rows], speed_mps[rows] = limits.inside_m, speed
            rows += 1
            if stands:
                queue_veh[behind] += 1.0
                wait_s[behind] = max(wait_s[behind], waited)
                for k in range(places.behind.start[behind], places.behind.start[behind + 1]):
                    exit_veh[places.behind.values[k]] += room
        m = read.movement[v]
        if m == NONE or read.distance_m[v] > limits.sensing_m:
            continue
        to = stop_lane(m, here, places)
        if to == NONE:
            continue
        lane[rows], movement[rows], distance_m[rows], speed_mps[rows] = to, m, read.distance_m[v], speed
        rows += 1
        if is_slow:
            queue_veh[m] += 1.0
            if stands:
                wait_s[m] = max(wait_s[m], waited)
    order = nearest_first(lane[:rows], distance_m[:rows], movement[:rows], speed_mps[:rows], lanes)
    return queue_veh, wait_s, exit_veh, lane[order], movement[order], distance_m[order], speed_mps[order]
