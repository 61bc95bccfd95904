"""Vehicles that nobody sees: carried on, second by second, from where a detector last noticed them to the stop line.

Each stop lane has its vehicles in order, nearest first: `vehicle` [lane, place, field], of which the first `count` [lane] are
real. `NEXT` is the working advance loop that a vehicle has yet to go over (-1: none), at `NEXT_M` before the stop line; `STUCK` is for
how long a working detector has been missing it [s].
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ACCELERATION_MPS2 = 2.6
DECELERATION_MPS2 = 4.5
REACTION_S = 1.0
SPACE_M = 7.5
PATIENCE_S = 5.0
ROLLING_MPS = 3.0
DISTANCE, SPEED, DRAW, NEXT, NEXT_M, STUCK, STANDING = range(7)
FIELDS = 7


@njit(cache=True)
def safe_speed_mps(gap_m: float, leader_mps: float, speed_mps: float) -> float:
    """Speed that still lets one stop behind the leader: v_l + (g - v_l tau) / ((v + v_l) / (2 b) + tau). Krauss 1998, eq. 4.10."""
    mean_s = (speed_mps + leader_mps) / (2.0 * DECELERATION_MPS2) + REACTION_S
    return max(leader_mps + (gap_m - leader_mps * REACTION_S) / mean_s, 0.0)


@njit(cache=True)
def insert(count: Ints, vehicle: Floats, lane: int, distance_m: float, speed_mps: float, draw: float, loop: int, loop_m: float) -> int:
    """Put a vehicle into its lane in order of distance; its place, -1 where the lane has no room."""
    n = int(count[lane])
    if n >= vehicle.shape[1]:
        return -1
    at = n
    while at > 0 and vehicle[lane, at - 1, DISTANCE] > distance_m:
        vehicle[lane, at] = vehicle[lane, at - 1]
        at -= 1
    vehicle[lane, at, DISTANCE], vehicle[lane, at, SPEED], vehicle[lane, at, DRAW] = distance_m, speed_mps, draw
    vehicle[lane, at, NEXT], vehicle[lane, at, NEXT_M], vehicle[lane, at, STUCK], vehicle[lane, at, STANDING] = loop, loop_m, 0.0, 0.0
    count[lane] = n + 1
    return at


@njit(cache=True)
def remove(count: Ints, vehicle: Floats, lane: int, at: int) -> None:
    """Take the vehicle at a place out of its lane."""
    for i in range(at, count[lane] - 1):
        vehicle[lane, i] = vehicle[lane, i + 1]
    count[lane] -= 1


@njit(cache=True)
def may_pass(draw: float, cumulative: Floats, lit: Bools) -> bool:
    """Whether the movement that the draw means is lit [movement]."""
    for m in range(cumulative.shape[0]):
        if draw < cumulative[m]:
            return bool(lit[m])
    return False


@njit(cache=True)
def advance(
    count: Ints, vehicle: Floats, limit_mps: Floats, cumulative: Floats, lit: Bools, watched: Bools, busy: Bools,
    covered: Bools,
) -> Ints:  # fmt: skip
    """Move every vehicle on by a second; how many left each lane unseen [lane].

    `lit`, `cumulative` [lane, movement]; `watched` [lane]: a working detector at the stop line says who leaves; `busy` [loop]
    somebody stands on it; `covered` [lane]: somebody is on the lane's stop loop.
    """
    left = np.zeros(count.shape[0], dtype=np.int64)
    for k in range(count.shape[0]):
        leader_m, leader_mps = -np.inf, 0.0
        i = 0
        while i < count[k]:
            one = vehicle[k, i]
            before_m, free = one[DISTANCE], may_pass(one[DRAW], cumulative[k], lit[k])
            speed_mps = min(one[SPEED] + ACCELERATION_MPS2, limit_mps[k])
            if leader_m > -np.inf:
                speed_mps = min(speed_mps, safe_speed_mps(before_m - leader_m - SPACE_M, leader_mps, one[SPEED]))
            if not free:
                speed_mps = min(speed_mps, safe_speed_mps(before_m, 0.0, one[SPEED]))
            now_m = before_m - speed_mps
            late = False
            if one[NEXT] >= 0.0 and now_m < one[NEXT_M]:
                now_m, late = one[NEXT_M], not busy[int(one[NEXT])]
            if now_m < 0.0 and (watched[k] or not free):
                now_m = 0.0
            one[SPEED] = max(before_m - now_m, 0.0)
            one[DISTANCE] = now_m
            if late:
                one[SPEED] = max(speed_mps, ROLLING_MPS)  # it has yet to come: it does not stand there
            one[STANDING] = one[STANDING] + 1.0 if one[SPEED] < 0.1 else 0.0
            if not late and watched[k] and leader_m == -np.inf and now_m < 1.0 and not covered[k]:
                late = True
            one[STUCK] = one[STUCK] + 1.0 if late else 0.0
            gone = now_m < 0.0
            if gone or one[STUCK] > PATIENCE_S:
                left[k] += 1 if gone else 0
                remove(count, vehicle, k, i)
                continue
            leader_m, leader_mps = now_m, one[SPEED]
            i += 1
    return left


@njit(cache=True)
def nearest(count: Ints, vehicle: Floats, lanes: Ints, loops: Ints, low_m: float, high_m: float, at_m: float) -> tuple[int, int]:
    """(lane, place) of the vehicle nearest to a distance in these lanes [any], within a range; (-1, -1) where there is none.

    `loops` [any]: only vehicles whose next loop is one of them; empty: any.
    """
    best_lane, best, least_m = -1, -1, np.inf
    for j in range(lanes.shape[0]):
        k = lanes[j]
        for i in range(count[k]):
            d = vehicle[k, i, DISTANCE]
            if low_m <= d <= high_m and abs(d - at_m) < least_m:
                fits = loops.shape[0] == 0
                for held in loops:
                    fits = fits or vehicle[k, i, NEXT] == held
                if fits:
                    best_lane, best, least_m = k, i, abs(d - at_m)
    return best_lane, best


@njit(cache=True)
def fill(count: Ints, vehicle: Floats, lane: int, near_m: float, reach_m: float, share: float, draw: float) -> int:
    """A queue stands from `near_m` as far as `reach_m`: put the vehicles in that it must have and nobody counted; how many."""
    inside = 0
    for i in range(count[lane]):
        inside += near_m <= vehicle[lane, i, DISTANCE] <= reach_m
    missing = int(share * (reach_m - max(near_m, 0.0)) / SPACE_M) - inside
    for j in range(missing):
        insert(count, vehicle, lane, reach_m - j * SPACE_M, 0.0, (draw + 0.618 * j) % 1.0, -1, -np.inf)
    return max(missing, 0)
