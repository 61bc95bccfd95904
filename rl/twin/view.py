"""What ideal sensors would see of the twin's traffic: queues stacked up from the stop line, who rolls towards them, and how fast."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False
from typing import NamedTuple

import numpy as np
from numba import njit

from rl.twin.flow import allowed_mps
from rl.twin.state import Traffic
from signals.layout import Layout
from signals.types import Bools, Floats, Ints, Observation

SENSED_M = 250.0
SLOW_MPS = 2.0
STANDING_MPS = 0.1
INSIDE_M = -1.0
WAVE_S = 1.2  # from one vehicle of a queue to the next, until it starts
SPACE_M = 7.5


class Sight(NamedTuple):
    """The arrays of an observation that depend on traffic; vehicles [vehicle] by stop lane, nearest first."""

    queue_veh: Floats  # [movement]
    wait_s: Floats  # [movement]
    exit_veh: Floats  # [movement]
    lane: Ints  # [vehicle]
    movement: Ints  # [vehicle]
    distance_m: Floats  # [vehicle]
    speed_mps: Floats  # [vehicle]


@njit(cache=True, _nrt=False, forceinline=True)
def place(lane, j, before_m, before_mps, now_s, streets, trips, traffic):
    """(distance to the line [m], speed [m/s]) of the lane's vehicle j, given the one before it (NaN: none)."""
    first, room = streets.slot_start[lane], streets.slot_start[lane + 1] - streets.slot_start[lane]
    slot = first + (traffic.head[lane] + j) % room
    trip = traffic.vehicle[slot]
    cruise_mps = max(allowed_mps(trip, streets.speed_mps[lane], trips) - trips.dawdle_mps[trip], 1.0)
    free_m = min(max(traffic.arrival_s[slot] - now_s, 0.0) * cruise_mps, streets.length_m[lane])
    least_m = 0.5 if np.isnan(before_m) else before_m + trips.space_m[trip]
    if free_m > least_m:
        return free_m, cruise_mps
    left = traffic.queued[lane]
    if left > 0:  # the queue discharges: a wave of starting vehicles runs through it
        moving_s = now_s - traffic.left_s[lane] + 2.0 * left - WAVE_S * (left + j)
        if moving_s > 0.0:
            return least_m, min(cruise_mps, trips.accel_mps2[trip] * moving_s)
        return least_m, 0.0
    if left < 0:
        return least_m, cruise_mps if np.isnan(before_m) else min(cruise_mps, before_mps)
    return least_m, 0.0 if np.isnan(before_m) or before_mps < SLOW_MPS else before_mps


@njit(cache=True)
def look(now_s, streets, trips, traffic, exit_start, exit_lane):
    """What stands and comes within sight of every signal."""
    movements = exit_start.shape[0] - 1
    queue_veh, wait_s, exit_veh = np.zeros(movements), np.zeros(movements), np.zeros(movements)
    n = traffic.number.sum()
    rows, keys = np.empty((n, 4)), np.empty(n)
    slow_veh = np.zeros(traffic.number.shape[0])
    seen = 0
    for lane in range(traffic.number.shape[0]):
        first, room = streets.slot_start[lane], streets.slot_start[lane + 1] - streets.slot_start[lane]
        at_m, speed_mps = np.nan, np.nan
        for j in range(traffic.number[lane]):
            at_m, speed_mps = place(lane, j, at_m, speed_mps, now_s, streets, trips, traffic)
            slot = first + (traffic.head[lane] + j) % room
            trip, link = traffic.vehicle[slot], traffic.link[slot]
            slow = speed_mps < SLOW_MPS
            if slow:
                slow_veh[lane] += trips.space_m[trip] / SPACE_M
            if link < 0:
                continue
            leg, movement, far_m = traffic.leg_now[trip], streets.movement[link], at_m
            stop_lane = streets.stop_lane[lane]
            if movement < 0:
                movement, far_m = streets.next_movement[leg], at_m + streets.beyond_m[leg]
                stop_lane = streets.movement_lane[movement] if movement >= 0 else -1
            if movement < 0 or far_m > SENSED_M or stop_lane < 0:
                continue
            if j == 0 and traffic.inside[lane]:
                stop_lane, far_m, speed_mps = streets.movement_lane[movement], INSIDE_M, 0.0
            if slow:
                queue_veh[movement] += 1.0
                if speed_mps < STANDING_MPS:
                    since_s = max(traffic.arrival_s[slot], traffic.left_s[lane] + WAVE_S * j)
                    wait_s[movement] = max(wait_s[movement], now_s - since_s)
            rows[seen, 0], rows[seen, 1], rows[seen, 2], rows[seen, 3] = stop_lane, movement, far_m, speed_mps
            keys[seen] = stop_lane * 1000.0 + far_m
            seen += 1
    for m in range(movements):
        for k in range(exit_start[m], exit_start[m + 1]):
            exit_veh[m] += slow_veh[exit_lane[k]]
    table = rows[np.argsort(keys[:seen], kind="mergesort")]
    return Sight(
        queue_veh, wait_s, exit_veh, table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].copy(), table[:, 3].copy()
    )


def observation(
    now_s: float, since_s: float, phase: Ints, age_s: Floats, sight: Sight, traffic: Traffic, layout: Layout, silent: Bools
) -> Observation:
    """What ideal sensors say at `now_s`, which is `since_s` from the beginning; nobody counts on the `silent` movements [movement].

    Takes the counts: the next observation starts at zero.
    """
    counts_veh = traffic.counts_veh.copy()
    traffic.counts_veh[:] = 0.0
    sight.queue_veh[silent] = np.nan
    counts_veh[silent] = np.nan
    lit = layout.codes_now(phase, age_s) > 0
    return Observation(
        now_s=now_s,
        phase=phase,
        age_s=age_s,
        queue_veh=sight.queue_veh,
        counts_veh=counts_veh,
        wait_s=sight.wait_s,
        red_s=np.where(lit, 0.0, since_s - traffic.green_s),
        exit_veh=sight.exit_veh,
        vehicle_lane=sight.lane,
        vehicle_movement=sight.movement,
        vehicle_distance_m=sight.distance_m,
        vehicle_speed_mps=sight.speed_mps,
    )
