"""The numbers behind an observation, one row a phase, in one pass over movements and vehicles.

The columns are the constants below, in this order; `rl.observation` names their units and scales.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False
import numpy as np
from numba import njit

(
    ALLOWED, RUNNING, EXCESS, EXCESS_FINE, CHEAPEST, QUEUE_PROTECTED, QUEUE_PERMISSIVE, QUEUE_LOST, QUEUE_LEFT, QUEUE_LONGEST,
    QUEUE_LANES, PASSING, ARRIVING_5, ARRIVING_10, ARRIVING_20, ARRIVING_40, ARRIVING_LOST, WAIT_SERVED, WAIT_LEFT, RED_SERVED,
    INTERGREEN, AGE, GREEN_LEFT, EXIT_FULL, EXIT_SHARE, FLOW_SERVED, FLOW_LEFT, FORECAST_KNOWN, PROTECTED_SHARE, SERVED_SHARE,
    IN_RANGE, SILENT, DECISION, LEAST_PRICE, TRAPPED,
) = range(35)  # fmt: skip
WIDTH = 35

NOT, PERMISSIVE, PROTECTED = 0, 1, 2
LARGEST = 10.0  # every feature is clipped to [0, LARGEST] after scaling
EXCESS_S, EXCESS_FINE_S, PRICE_S = 50.0, 5.0, 1000.0
QUEUE_VEH, ARRIVING_VEH, IN_RANGE_VEH, LANES = 10.0, 5.0, 40.0, 4.0
WAIT_S, RED_S, AGE_S, GREEN_S, DECISION_S = 60.0, 120.0, 60.0, 10.0, 10.0
TRAPPED_VEH = 2.0
FLOW_VEH_H = 1800.0
SLOW_MPS = 2.0
PASSING_M = 40.0  # a moving vehicle this close uses the running green
FULL_SHARE = 0.9


@njit(cache=True)
def known(value):
    """The value, 0 where a silent sensor left NaN."""
    return 0.0 if np.isnan(value) else value


@njit(cache=True)
def band(distance_m, limit_mps):
    """Column of the arrival band at free speed, -1 beyond 40 s."""
    time_s = distance_m / max(limit_mps, 1.0)
    if time_s < 5.0:
        return ARRIVING_5
    if time_s < 10.0:
        return ARRIVING_10
    if time_s < 20.0:
        return ARRIVING_20
    return ARRIVING_40 if time_s < 40.0 else -1


@njit(cache=True)
def movement_columns(
    row, code, running_code, m, queue_veh, wait_s, red_s, exit_veh, exit_storage_veh, flow_veh_h, has_forecast
):  # fmt: skip
    """Adds what one movement says about a phase that shows it `code` to the phase's row."""
    queue = known(queue_veh[m])
    flow = known(flow_veh_h[m]) if has_forecast else 0.0
    wait = known(wait_s[m])
    if code == NOT:
        row[QUEUE_LEFT] += queue / QUEUE_VEH
        row[FLOW_LEFT] += flow / FLOW_VEH_H
        row[WAIT_LEFT] = max(row[WAIT_LEFT], wait / WAIT_S)
        if running_code != NOT:
            row[QUEUE_LOST] += queue / QUEUE_VEH
        return
    row[QUEUE_PROTECTED if code == PROTECTED else QUEUE_PERMISSIVE] += queue / QUEUE_VEH
    row[FLOW_SERVED] += flow / FLOW_VEH_H
    row[WAIT_SERVED] = max(row[WAIT_SERVED], wait / WAIT_S)
    if queue > 0.0:
        row[RED_SERVED] = max(row[RED_SERVED], known(red_s[m]) / RED_S)
        share = known(exit_veh[m]) / max(exit_storage_veh[m], 1.0)
        row[EXIT_SHARE] = max(row[EXIT_SHARE], share)
        if share >= FULL_SHARE:
            row[EXIT_FULL] += queue / QUEUE_VEH
    if has_forecast and not np.isnan(flow_veh_h[m]):
        row[FORECAST_KNOWN] = 1.0
    if np.isnan(queue_veh[m]):
        row[SILENT] += 1.0
    row[SERVED_SHARE] += 1.0
    if code == PROTECTED:
        row[PROTECTED_SHARE] += 1.0


@njit(cache=True)
def vehicle_columns(
    rows, phases, serves, phase, first, last, movement_start, vehicle_lane, vehicle_movement, vehicle_distance_m, vehicle_speed_mps,
    lane_speed_mps, lane_start, lane_queue_veh,
):  # fmt: skip
    """Adds the vehicles `first` to `last` of one signal: who arrives when, who is passing, and the longest lane queue served."""
    for p in range(phases):
        lane_queue_veh[:] = 0.0
        for v in range(first, last):
            m = vehicle_movement[v] - movement_start
            lane = vehicle_lane[v]
            served = serves[p, m] != NOT
            if vehicle_speed_mps[v] < SLOW_MPS:
                if served:
                    lane_queue_veh[lane - lane_start] += 1.0
                continue
            if not served:
                if serves[phase, m] != NOT and vehicle_distance_m[v] < 10.0 * max(lane_speed_mps[lane], 1.0):
                    rows[p, ARRIVING_LOST] += 1.0 / ARRIVING_VEH
                continue
            column = band(vehicle_distance_m[v], lane_speed_mps[lane])
            if column >= 0:
                rows[p, column] += 1.0 / ARRIVING_VEH
            if p == phase and vehicle_distance_m[v] < PASSING_M:
                rows[p, PASSING] += 1.0 / ARRIVING_VEH
        rows[p, QUEUE_LONGEST] = lane_queue_veh.max() / QUEUE_VEH
        rows[p, QUEUE_LANES] = (lane_queue_veh > 0.0).sum() / LANES
        rows[p, IN_RANGE] = (last - first) / IN_RANGE_VEH


@njit(cache=True)
def price_columns(rows, phases, costs_s, phase, age_s):
    """What may be chosen and how much dearer than the cheapest it is; where nothing is priced only the running phase may go on."""
    least_s = np.inf
    for p in range(phases):
        least_s = min(least_s, costs_s[p])
    for p in range(phases):
        priced = not np.isnan(costs_s[p])
        if priced or p == phase:
            rows[p, ALLOWED] = 1.0
        if priced:
            excess_s = costs_s[p] - least_s
            rows[p, EXCESS] = excess_s / EXCESS_S
            rows[p, EXCESS_FINE] = np.tanh(excess_s / EXCESS_FINE_S)
            rows[p, CHEAPEST] = 1.0 if excess_s <= 1e-6 else 0.0
        if least_s < np.inf:
            rows[p, LEAST_PRICE] = least_s / PRICE_S


@njit(cache=True, nogil=True)
def phase_features(
    costs_s, phase, age_s, min_green_s, phases, movement_start, lane_start, serves, intergreen_s, trapped_veh, queue_veh, wait_s, red_s,
    exit_veh, exit_storage_veh, flow_veh_h, has_forecast, vehicle_lane, vehicle_movement, vehicle_distance_m, vehicle_speed_mps,
    lane_speed_mps, decision_s,
):  # fmt: skip
    """Scaled features [signal, phase, column]; rows of phases that a signal does not have are zero."""
    signals = phases.shape[0]
    out = np.zeros((signals, serves.shape[1], WIDTH), dtype=np.float32)
    at = 0
    for i in range(signals):
        first = at
        while at < vehicle_lane.shape[0] and vehicle_lane[at] < lane_start[i + 1]:
            at += 1
        movements = movement_start[i + 1] - movement_start[i]
        rows = np.zeros((phases[i], WIDTH))
        price_columns(rows, phases[i], costs_s[i], phase[i], age_s[i])
        vehicle_columns(
            rows, phases[i], serves[i], phase[i], first, at, movement_start[i], vehicle_lane, vehicle_movement, vehicle_distance_m,
            vehicle_speed_mps, lane_speed_mps, lane_start[i], np.zeros(lane_start[i + 1] - lane_start[i]),
        )  # fmt: skip
        for p in range(phases[i]):
            row = rows[p]
            for m in range(movements):
                movement_columns(
                    row, serves[i, p, m], serves[i, phase[i], m], movement_start[i] + m, queue_veh, wait_s, red_s, exit_veh,
                    exit_storage_veh, flow_veh_h, has_forecast,
                )  # fmt: skip
            served = max(row[SERVED_SHARE], 1.0)
            row[PROTECTED_SHARE] /= served
            row[SILENT] /= served
            row[SERVED_SHARE] /= max(movements, 1)
            row[RUNNING] = 1.0 if p == phase[i] else 0.0
            row[INTERGREEN] = intergreen_s[i, phase[i], p] / GREEN_S
            row[AGE] = max(known(age_s[i]), 0.0) / AGE_S
            row[GREEN_LEFT] = max(min_green_s[i, phase[i]] - known(age_s[i]), 0.0) / GREEN_S
            row[DECISION] = decision_s / DECISION_S
            row[TRAPPED] = trapped_veh[i, p] / TRAPPED_VEH
            for k in range(WIDTH):
                out[i, p, k] = min(max(row[k], 0.0), LARGEST)
    return out
