"""Lookahead for single signals: play the queues forward for every next phase and price what follows.

Vehicles stand in one queue a lane, each with the movement it will take. A state is where each lane's queue has got to; sequences of
phases are grown epoch by epoch, the best few of every first choice are kept, so each possible next phase gets a price.
"""

import numpy as np
from numba import njit

GAP_S = 3.0
NEVER = 1.0e9


@njit(cache=True)
def arrival_times_s(distance_m, speed_mps, limit_mps, acceleration_mps2):
    """Earliest time at the stop line from a speed, accelerating to the limit: constant-acceleration kinematics [s]."""
    n = distance_m.shape[0]
    out = np.empty(n)
    for i in range(n):
        v, top = speed_mps[i], max(limit_mps[i], 0.1)
        v = min(v, top)
        ramp_m = (top * top - v * v) / (2.0 * acceleration_mps2)
        if distance_m[i] <= ramp_m:
            out[i] = (np.sqrt(v * v + 2.0 * acceleration_mps2 * distance_m[i]) - v) / acceleration_mps2
        else:
            out[i] = (top - v) / acceleration_mps2 + (distance_m[i] - ramp_m) / top
    return out


@njit(cache=True)
def gap(m, t_s, serves, lanes, head, end, arrival_s, ready_s, movement, yields_to):
    """Whether no served stream that movement `m` yields to sends its next vehicle within `GAP_S`."""
    for k in range(lanes):
        h = head[k]
        if h < end[k]:
            foe = movement[h]
            if yields_to[m, foe] and serves[foe] > 0 and max(arrival_s[h], ready_s[k]) < t_s + GAP_S:
                return False
    return True


@njit(cache=True)
def play(
    before, after, t0_s, t1_s, intergreen_s, serves, yields_to, lanes, head, end,
    arrival_s, movement, headway_s, ready_s, standing, weight, startup_s, stop_s, active,
):  # fmt: skip
    """Discharge from `t0_s` to `t1_s` after a change of phase; moves `head` and `ready_s` on, returns delay and stops of who left [s].

    During the intergreen only movements served before and after go on. `active` [lane] is room to work in.
    """
    cost_s = 0.0
    green_s = t0_s + intergreen_s[before, after]
    first_s, n = t1_s, 0
    for k in range(lanes):
        h = head[k]
        if h < end[k]:
            if before != after and serves[before, movement[h]] == 0 and arrival_s[h] <= green_s:
                ready_s[k] = max(ready_s[k], green_s + startup_s)
            leaves_s = max(arrival_s[h], ready_s[k])
            if leaves_s < t1_s:
                active[n] = k
                n += 1
                first_s = min(first_s, leaves_s)
    t_s = t0_s + np.floor(max(first_s - t0_s, 0.0))
    while n > 0 and t_s < t1_s:
        changing = t_s < green_s
        for a in range(n):
            k = active[a]
            while head[k] < end[k]:
                h = head[k]
                leaves_s = max(arrival_s[h], ready_s[k])
                if leaves_s >= t_s + 1.0:
                    break
                leaves_s = max(leaves_s, t_s)
                m = movement[h]
                code = min(serves[before, m], serves[after, m]) if changing else serves[after, m]
                if code == 0 or (
                    code == 1 and not gap(m, leaves_s, serves[after], lanes, head, end, arrival_s, ready_s, movement, yields_to)
                ):
                    break
                waited_s = leaves_s - arrival_s[h]
                cost_s += weight[h] * waited_s
                if waited_s > 2.0 and not standing[h]:
                    cost_s += weight[h] * stop_s
                ready_s[k] = leaves_s + headway_s[k]
                head[k] = h + 1
        t_s += 1.0
    return cost_s


@njit(cache=True)
def waiting_cost(t_s, lanes, head, arrived, weights, arrivals_s, standing_weights, left_s, square_s, stop_s):
    """Delay so far of who has arrived and not left, with the charges for being left over and for the queue's square [s].

    `weights`, `arrivals_s` and `standing_weights` are running sums over the vehicles of weight, weight x arrival, weight if standing.
    """
    cost_s = 0.0
    for k in range(lanes):
        if arrived[k] > head[k]:
            q = weights[arrived[k]] - weights[head[k]]
            cost_s += q * t_s - (arrivals_s[arrived[k]] - arrivals_s[head[k]])
            cost_s += left_s * q + square_s * q * q
            cost_s += stop_s * (q - (standing_weights[arrived[k]] - standing_weights[head[k]]))
    return cost_s


@njit(cache=True)
def useful_phases(phases, serves, movement, n):
    """Phases worth growing into [phase]: no other serves every movement with a vehicle at least as well (of equals, the first)."""
    width = serves.shape[1]
    present = np.zeros(width, dtype=np.bool_)
    for v in range(n):
        present[movement[v]] = True
    useful = np.ones(phases, dtype=np.bool_)
    for q in range(phases):
        for r in range(phases):
            if r == q or not useful[r]:
                continue
            covered, better = True, False
            for m in range(width):
                if present[m]:
                    if serves[r, m] < serves[q, m]:
                        covered = False
                    elif serves[r, m] > serves[q, m]:
                        better = True
            if covered and (better or r < q):
                useful[q] = False
                break
    return useful


@njit(cache=True)
def phase_costs(
    phase, age_s, min_green_s, phases, lanes, start, end, arrival_s, movement, headway_s, ready0_s, standing, weight,
    serves, intergreen_s, yields_to, first_s, epoch_s, epochs, width, startup_s, stop_s, left_s, square_s,
):  # fmt: skip
    """Price of choosing each phase next, then going on as well as a beam of `width` sequences finds [phase]; NaN where not allowed [s]."""
    out = np.full(phases, np.nan)
    n = end[lanes - 1] if lanes > 0 else 0
    weights, arrivals_s, standing_weights = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        weights[i + 1] = weights[i] + weight[i]
        arrivals_s[i + 1] = arrivals_s[i] + weight[i] * arrival_s[i]
        standing_weights[i + 1] = standing_weights[i] + (weight[i] if standing[i] else 0.0)
    arrived = np.zeros((epochs, lanes), dtype=np.int64)
    for e in range(epochs):
        t_s = first_s + e * epoch_s
        for k in range(lanes):
            a = arrived[e - 1, k] if e > 0 else start[k]
            while a < end[k] and arrival_s[a] < t_s:
                a += 1
            arrived[e, k] = a
    head, ready_s = np.zeros((2, width, lanes), dtype=np.int64), np.zeros((2, width, lanes))
    spent_s, at = np.zeros((2, width)), np.zeros((2, width), dtype=np.int64)
    new_head, new_ready_s = np.zeros(lanes, dtype=np.int64), np.zeros(lanes)
    active = np.zeros(lanes, dtype=np.int64)
    useful = useful_phases(phases, serves, movement, n)
    price_s, green_at_s = np.zeros(width), np.zeros((2, width))
    for first in range(phases):
        if first != phase and age_s < min_green_s[phase]:
            continue
        for k in range(lanes):
            head[0, 0, k], ready_s[0, 0, k] = start[k], ready0_s[k]
        spent_s[0, 0] = play(
            phase, first, 0.0, first_s, intergreen_s, serves, yields_to, lanes, head[0, 0], end,
            arrival_s, movement, headway_s, ready_s[0, 0], standing, weight, startup_s, stop_s, active,
        )  # fmt: skip
        at[0, 0] = first
        green_at_s[0, 0] = -age_s if first == phase else intergreen_s[phase, first]
        price_s[0] = spent_s[0, 0] + waiting_cost(
            first_s, lanes, head[0, 0], arrived[0], weights, arrivals_s, standing_weights, left_s, square_s, stop_s
        )
        count, now = 1, 0
        for e in range(1, epochs):
            t0_s = first_s + (e - 1) * epoch_s
            nxt, found = 1 - now, 0
            for b in range(count):
                for q in range(phases):
                    if not useful[q] and q != at[now, b]:
                        continue
                    if q != at[now, b] and t0_s - green_at_s[now, b] < min_green_s[at[now, b]]:
                        continue
                    for k in range(lanes):
                        new_head[k], new_ready_s[k] = head[now, b, k], ready_s[now, b, k]
                    gone_s = spent_s[now, b] + play(
                        at[now, b], q, t0_s, t0_s + epoch_s, intergreen_s, serves, yields_to, lanes, new_head, end,
                        arrival_s, movement, headway_s, new_ready_s, standing, weight, startup_s, stop_s, active,
                    )  # fmt: skip
                    total_s = gone_s + waiting_cost(
                        t0_s + epoch_s, lanes, new_head, arrived[e], weights, arrivals_s, standing_weights, left_s, square_s, stop_s
                    )  # fmt: skip
                    slot = -1
                    if found < width:
                        slot, found = found, found + 1
                    else:
                        worst = 0
                        for w in range(1, width):
                            if price_s[w] > price_s[worst]:
                                worst = w
                        if total_s < price_s[worst]:
                            slot = worst
                    if slot >= 0:
                        price_s[slot], spent_s[nxt, slot], at[nxt, slot] = total_s, gone_s, q
                        same = q == at[now, b]
                        green_at_s[nxt, slot] = green_at_s[now, b] if same else t0_s + intergreen_s[at[now, b], q]
                        for k in range(lanes):
                            head[nxt, slot, k], ready_s[nxt, slot, k] = new_head[k], new_ready_s[k]
            count, now = found, nxt
        out[first] = price_s[:count].min()
    return out


@njit(cache=True)
def network_costs(
    phase, age_s, min_green_s, phases, lane_start, movement_start, serves, intergreen_s, yields_to,
    vehicle_lane, vehicle_movement, vehicle_distance_m, vehicle_speed_mps, lane_speed_mps, lane_sensed_m, lane_flow_veh_h,
    exit_full, first_s, epoch_s, epochs, width, headway_s, startup_s, stop_s, left_s, square_s, blocked_s, expected_weight,
):  # fmt: skip
    """`phase_costs` of every signal [signal, phase], NaN where a phase may not be chosen now.

    `lane_flow_veh_h` [lane, movement of the signal]: flow expected from beyond the sensed range, laid out as evenly spaced vehicles.
    """
    signals, widest = phases.shape[0], serves.shape[1]
    out = np.full((signals, widest), np.nan)
    limit_mps = np.empty(vehicle_lane.shape[0])
    for v in range(vehicle_lane.shape[0]):
        limit_mps[v] = lane_speed_mps[vehicle_lane[v]]
    arrive_s = arrival_times_s(vehicle_distance_m, vehicle_speed_mps, limit_mps, 2.6)
    horizon_s = first_s + (epochs - 1) * epoch_s
    at = 0
    for i in range(signals):
        lanes = lane_start[i + 1] - lane_start[i]
        first_vehicle = at
        while at < vehicle_lane.shape[0] and vehicle_lane[at] < lane_start[i + 1]:
            at += 1
        if age_s[i] < 0.0:
            continue
        room = at - first_vehicle + expected(lane_flow_veh_h, lane_start[i], lane_start[i + 1], horizon_s)
        arrival_s, movement = np.empty(room), np.empty(room, dtype=np.int64)
        standing, weight = np.zeros(room, dtype=np.bool_), np.ones(room)
        start, end = np.zeros(lanes, dtype=np.int64), np.zeros(lanes, dtype=np.int64)
        ready_s, lane_headway_s = np.zeros(lanes), np.empty(lanes)
        n, v = 0, first_vehicle
        for k in range(lanes):
            lane = lane_start[i] + k
            lane_headway_s[k] = headway_s[lane]
            start[k] = n
            while v < at and vehicle_lane[v] == lane:
                arrival_s[n] = arrive_s[v]
                if n > start[k] and arrival_s[n] < arrival_s[n - 1]:
                    arrival_s[n] = arrival_s[n - 1]
                movement[n] = vehicle_movement[v] - movement_start[i]
                standing[n] = vehicle_speed_mps[v] < 2.0
                if n == start[k]:
                    code = serves[i, phase[i], movement[n]]
                    stuck = (
                        code == 2 and age_s[i] >= 4.0 and vehicle_speed_mps[v] < 0.1 and vehicle_distance_m[v] < 12.0
                    )
                    if stuck or exit_full[vehicle_movement[v]]:
                        ready_s[k] = blocked_s
                n += 1
                v += 1
            known = n
            n = append_expected(
                lane_flow_veh_h[lane],
                lane_sensed_m[lane] / lane_speed_mps[lane],
                horizon_s,
                start[k],
                n,
                arrival_s,
                movement,
            )
            weight[known:n] = expected_weight
            end[k] = n
        if n == 0:
            for p in range(phases[i]):
                if p == phase[i] or age_s[i] >= min_green_s[i, phase[i]]:
                    out[i, p] = 0.0
            continue
        costs = phase_costs(
            phase[i], age_s[i], min_green_s[i], phases[i], lanes, start, end, arrival_s, movement, lane_headway_s, ready_s, standing, weight,
            serves[i], intergreen_s[i], yields_to[i], first_s, epoch_s, epochs, width, startup_s, stop_s, left_s, square_s,
        )  # fmt: skip
        out[i, : phases[i]] = costs
    return out


@njit(cache=True)
def expected(lane_flow_veh_h, first_lane, last_lane, horizon_s):
    """Room for the vehicles that the flows bring within the horizon, rounded up per lane and movement."""
    total = 0
    for lane in range(first_lane, last_lane):
        for m in range(lane_flow_veh_h.shape[1]):
            if lane_flow_veh_h[lane, m] > 0.0:
                total += int(lane_flow_veh_h[lane, m] * horizon_s / 3600.0) + 1
    return total


@njit(cache=True)
def append_expected(flow_veh_h, from_s, horizon_s, start, n, arrival_s, movement):
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
