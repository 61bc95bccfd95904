"""The queues of one signal as arrays: who stands or comes in each lane, seen or expected, in the order of arrival."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from signals.kernels.neighbours import Coming

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]

SLOW_MPS = 2.0
STANDING_MPS = 0.1
AT_THE_LINE_M = 60.0  # further off, something else may hold up the first of a lane
BRAKING_MPS2 = 4.5  # of SUMO's passenger cars; comfortable braking elsewhere is gentler
STEP_S = 1.0


class Queues(NamedTuple):
    """Vehicles lane by lane: of lane k those from `start` to `end` - 1."""

    start: Ints  # [lane]
    end: Ints  # [lane]
    headway_s: Floats  # [lane] between two vehicles of a discharging queue
    ready_s: Floats  # [lane] earliest time at which its first vehicle can leave
    arrival_s: Floats  # [vehicle] earliest time at the stop line
    movement: Ints  # [vehicle]
    standing: Bools  # [vehicle]
    passing: Bools  # [vehicle] too close to the line, for its speed, to stop
    inside: Bools  # [vehicle] standing past the stop line: its own light does not matter any more
    weight: Floats  # [vehicle] 1 where it is seen
    size: Floats  # [vehicle] share of a headway that it takes


@njit(cache=True)
def arrival_times_s(distance_m: Floats, speed_mps: Floats, limit_mps: Floats, acceleration_mps2: float) -> Floats:
    """Earliest time at the stop line from a speed, accelerating to the limit: constant-acceleration kinematics [s]."""
    n = distance_m.shape[0]
    out = np.empty(n)
    for i in range(n):
        top = max(limit_mps[i], 0.1)
        v = min(speed_mps[i], top)
        ramp_m = (top * top - v * v) / (2.0 * acceleration_mps2)
        if distance_m[i] <= 0.0:
            out[i] = 0.0
        elif distance_m[i] <= ramp_m:
            out[i] = (np.sqrt(v * v + 2.0 * acceleration_mps2 * distance_m[i]) - v) / acceleration_mps2
        else:
            out[i] = (top - v) / acceleration_mps2 + (distance_m[i] - ramp_m) / top
    return out


@njit(cache=True)
def braking_m(speed_mps: float) -> float:
    """Way in which a vehicle stops that brakes by b T in each step T, as in SUMO: the sum of what is left, v^2 / 2b - v T / 2 [m]."""
    return speed_mps * speed_mps / (2.0 * BRAKING_MPS2) - 0.5 * speed_mps * STEP_S


@njit(cache=True)
def queues_of(
    lane: Ints, movement: Ints, arrive_s: Floats, distance_m: Floats, speed_mps: Floats, protected: Bools, exit_full: Bools,
    wait_s: Floats, headway_s: Floats, flow_veh_h: Floats, sight_s: Floats, horizon_s: float, blocked_s: float, expected_weight: float,
    patience_s: float, coming: Coming, first_lane: int,
) -> Queues:  # fmt: skip
    """Seen vehicles [vehicle], nearest first within each lane, and behind them those that the flows [lane, movement] bring.

    A lane whose first vehicle stands at the line though it is `protected` [movement] green, or whose exit is full, stays blocked for
    `blocked_s`. `sight_s` [lane]: how long a vehicle from the edge of the sensed range needs.
    """
    lanes = headway_s.shape[0]
    room = lane.shape[0] + expected(flow_veh_h, horizon_s) + coming.start[first_lane + lanes] - coming.start[first_lane]
    start, end, ready_s = np.zeros(lanes, dtype=np.int64), np.zeros(lanes, dtype=np.int64), np.zeros(lanes)
    arrival_s, heads_for = np.empty(room), np.empty(room, dtype=np.int64)
    standing, inside, weight = np.zeros(room, dtype=np.bool_), np.zeros(room, dtype=np.bool_), np.ones(room)
    passing = np.zeros(room, dtype=np.bool_)
    size = np.ones(room)
    n, v = 0, 0
    for k in range(lanes):
        start[k] = n
        while v < lane.shape[0] and lane[v] == k:
            m = movement[v]
            if distance_m[v] < 0.0 and speed_mps[v] >= STANDING_MPS:  # on its way out: it holds up nobody behind it
                v += 1
                continue
            arrival_s[n] = arrive_s[v] if n == start[k] else max(arrive_s[v], arrival_s[n - 1])
            heads_for[n], standing[n] = m, speed_mps[v] < SLOW_MPS
            inside[n], passing[n] = distance_m[v] < 0.0, distance_m[v] < braking_m(speed_mps[v])
            stuck = protected[m] and not inside[n] and speed_mps[v] < STANDING_MPS and distance_m[v] < AT_THE_LINE_M
            if n == start[k] and not inside[n] and (stuck or exit_full[m]):
                ready_s[k] = blocked_s
            if inside[n]:
                weight[n] = 1.0 + wait_s[m] / patience_s
            n += 1
            v += 1
        end[k] = append_expected(flow_veh_h[k], sight_s[k], horizon_s, start[k], n, arrival_s, heads_for)
        weight[n : end[k]] = expected_weight
        n = end[k]
        for c in range(coming.start[first_lane + k], coming.start[first_lane + k + 1]):
            arrival_s[n] = coming.arrival_s[c] if n == start[k] else max(coming.arrival_s[c], arrival_s[n - 1])
            heads_for[n], weight[n], size[n] = coming.movement[c], coming.weight[c], coming.weight[c]
            n += 1
        end[k] = n
    return Queues(start, end, headway_s, ready_s, arrival_s[:n], heads_for[:n], standing[:n], passing[:n], inside[:n], weight[:n], size[:n])


@njit(cache=True)
def present(queues: Queues) -> Queues:
    """The same without the lanes that nobody is in."""
    some = np.flatnonzero(queues.start < queues.end)
    start, end, headway_s, ready_s, arrival_s, movement, standing, passing, inside, weight, size = queues
    return Queues(start[some], end[some], headway_s[some], ready_s[some], arrival_s, movement, standing, passing, inside, weight, size)


@njit(cache=True)
def expected(flow_veh_h: Floats, horizon_s: float) -> int:
    """Room for the vehicles that flows [lane, movement] bring within the horizon, rounded up one by one."""
    total = 0
    for flow in flow_veh_h.flat:
        if flow > 0.0:
            total += int(flow * horizon_s / 3600.0) + 1
    return total


@njit(cache=True)
def expected_before(until_s: float, sight_s: Floats, flow_veh_h: Floats) -> bool:
    """Whether the flows [lane, movement] bring a first vehicle from beyond what is in sight [lane] before a time."""
    for k in range(flow_veh_h.shape[0]):
        for m in range(flow_veh_h.shape[1]):
            if flow_veh_h[k, m] > 0.0 and sight_s[k] + 1800.0 / flow_veh_h[k, m] < until_s:
                return True
    return False


@njit(cache=True)
def append_expected(flow_veh_h: Floats, from_s: float, horizon_s: float, start: int, n: int, arrival_s: Floats, movement: Ints) -> int:
    """Lay the expected vehicles of one lane behind the seen ones, in order of arrival; the new end of the lane's queue."""
    first = n
    for m in range(flow_veh_h.shape[0]):
        if flow_veh_h[m] > 0.0:
            gap_s = 3600.0 / flow_veh_h[m]
            t_s = from_s + 0.5 * gap_s
            while t_s < horizon_s:
                k = n
                while k > first and arrival_s[k - 1] > t_s:
                    arrival_s[k], movement[k] = arrival_s[k - 1], movement[k - 1]
                    k -= 1
                arrival_s[k], movement[k] = t_s, m
                n += 1
                t_s += gap_s
    for k in range(max(first, start + 1), n):
        arrival_s[k] = max(arrival_s[k], arrival_s[k - 1])
    return n
