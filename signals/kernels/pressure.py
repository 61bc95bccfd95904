"""Max pressure: which phase moves most from long queues to short ones. Varaiya 2013, with room on the exits."""

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

SLOW_MPS = 2.0
STANDING_MPS = 0.1
AT_THE_LINE_M = 12.0
FADING_S = 10.0


@njit(cache=True)
def position_weights(vehicle_distance_m: Floats, vehicle_speed_mps: Floats, reach_s: float) -> Floats:
    """What each vehicle counts [vehicle]: 1 in the queue; rolling, the less the later it comes: 1 - d / (v * reach), not under 0.

    Position-weighted backpressure, Li and Jabari 2019, eq. 7, with time to the stop line in place of distance.
    """
    weights = np.ones(vehicle_distance_m.size)
    for v in range(weights.size):
        if vehicle_speed_mps[v] >= SLOW_MPS:
            weights[v] = max(0.0, 1.0 - vehicle_distance_m[v] / (vehicle_speed_mps[v] * reach_s))
    return weights


@njit(cache=True)
def unplaced_veh(queue_veh: Floats, vehicle_movement: Ints, vehicle_speed_mps: Floats) -> Floats:
    """Queue of each movement beyond the vehicles that are seen one by one [movement]; NaN where the queue is unknown."""
    left_veh = queue_veh.copy()
    for v in range(vehicle_movement.size):
        if vehicle_speed_mps[v] < SLOW_MPS:
            left_veh[vehicle_movement[v]] -= 1.0
    found_veh: Floats = np.maximum(left_veh, 0.0)
    return found_veh


@njit(cache=True)
def usable_veh(
    served: Ints, unplaced: Floats, lane: Ints, movement: Ints, weight: Floats, stuck: Bools, full: Bools, yielding_share: float
) -> Floats:
    """Vehicles per movement [movement] that a phase could let go. `served` [movement]: its codes; vehicles nearest first within a lane.

    In a lane those count that no vehicle ahead holds back: one that the phase does not serve, whose exit is full, or that stands
    though it is green. From the first that must yield on, a lane counts for `yielding_share`. Queues that were not seen vehicle
    by vehicle (`unplaced`) count whole.
    """
    found_veh = np.zeros(served.size)
    for m in range(served.size):
        if served[m] > 0:
            found_veh[m] = 0.0 if full[m] else unplaced[m] * (yielding_share if served[m] == 1 else 1.0)
    at, share = -1, 1.0
    for v in range(lane.size):
        if lane[v] != at:
            at, share = lane[v], 1.0
        m = movement[v]
        if served[m] == 0 or full[m] or stuck[v]:
            share = 0.0
        elif served[m] == 1:
            share = min(share, yielding_share)
        found_veh[m] += share * weight[v]
    return found_veh


@njit(cache=True)
def stuck_vehicles(
    vehicle_movement: Ints, vehicle_distance_m: Floats, vehicle_speed_mps: Floats, green_s: Floats, patience_s: float
) -> Bools:
    """Who stands at the line though it has been protected green for `patience_s` [vehicle]: no light can help there.

    `green_s` [movement]: for how long it has been protected green, 0 where it is not.
    """
    stuck = np.zeros(vehicle_movement.size, dtype=np.bool_)
    for v in range(stuck.size):
        stands = vehicle_speed_mps[v] < STANDING_MPS and vehicle_distance_m[v] < AT_THE_LINE_M
        stuck[v] = stands and green_s[vehicle_movement[v]] > patience_s
    return stuck


@njit(cache=True)
def full_exits(exit_veh: Floats, exit_storage_veh: Floats) -> Bools:
    """Where nobody more fits [movement]: the standing vehicles are within one of what the exit holds. Without a sensor there is room."""
    return exit_veh >= np.maximum(1.0, exit_storage_veh - 1.0)


@njit(cache=True)
def phase_pressures(
    unplaced: Floats, vehicle_lane: Ints, vehicle_movement: Ints, weight: Floats, stuck: Bools, full: Bools, ahead_veh: Floats,
    saturation_veh_h: Floats, serves: Codes, phases: Ints, movement_start: Ints, lane_start: Ints, yielding_share: float,
) -> Floats:  # fmt: skip
    """Pressure of each phase [signal, phase]: sum of max(0, x - x_ahead) * s / 3600 over what it can let go; NaN past the last phase.

    `ahead_veh` [movement]: queue that its vehicles will join. Varaiya 2013, sec. 3, non-negative.
    """
    pressures = np.full((serves.shape[0], serves.shape[1]), np.nan)
    last = 0
    for i in range(serves.shape[0]):
        first = last
        while last < vehicle_lane.size and vehicle_lane[last] < lane_start[i + 1]:
            last += 1
        here = slice(movement_start[i], movement_start[i + 1])
        movements = movement_start[i + 1] - movement_start[i]
        for p in range(phases[i]):
            found_veh = usable_veh(
                serves[i, p, :movements], unplaced[here], vehicle_lane[first:last], vehicle_movement[first:last] - movement_start[i],
                weight[first:last], stuck[first:last], full[here], yielding_share,
            )  # fmt: skip
            total = 0.0
            for m in range(movements):
                gain_veh = found_veh[m] - ahead_veh[here][m]
                if serves[i, p, m] > 0 and not gain_veh <= 0.0:
                    total += gain_veh * saturation_veh_h[here][m] / 3600.0
            pressures[i, p] = total
    return pressures


@njit(cache=True)
def logit_shares(needed: Floats, pressures: Floats, sharpness: float) -> Floats:
    """Shares of green [stage]: y * exp(eta * w) / their sum, w = pressure / sum of pressures; NaN where a pressure is unknown.

    With even `needed` [stage] the splits of Le et al. 2015, eq. 4; without any pressure Webster's, in proportion to the critical ratios.
    """
    total = pressures.sum()
    relative = pressures / total if not total <= 0.0 else np.zeros(pressures.size)
    grown = needed * np.exp(sharpness * relative)
    if not grown.sum() > 0.0:
        grown = np.exp(sharpness * relative)
    shares: Floats = grown / grown.sum()
    return shares


@njit(cache=True)
def strongest_phases(pressures: Floats, phases: Ints, running: Ints, worth: Floats) -> Ints:
    """The phase of most pressure per signal [signal]; a tie keeps the running one; -1 where a pressure is unknown.

    `worth` [signal, phase]: what is left of a phase's pressure when it must first be changed to, 1 for the running one.
    """
    chosen = running.copy()
    for i in range(pressures.shape[0]):
        best = pressures[i, running[i]]
        for p in range(phases[i]):
            if np.isnan(pressures[i, p]):
                chosen[i] = -1
                break
            if pressures[i, p] * worth[i, p] > best:
                best = pressures[i, p] * worth[i, p]
                chosen[i] = p
    return chosen


@njit(cache=True)
def inside_veh(before_veh: Floats, counts_veh: Floats, codes: Ints, elapsed_s: float) -> Floats:
    """Who passed the stop line under a green that yields and may still wait inside the junction [movement].

    `before_veh` fades with exp(-elapsed / FADING_S); a protected green (`codes` [movement] 2) lets everybody out. Where the next phase
    does not let them out, they and the traffic it starts can lock each other for ever.
    """
    kept = np.exp(-elapsed_s / FADING_S)
    found_veh = np.zeros(before_veh.size)
    for m in range(before_veh.size):
        if codes[m] != 2:
            entered_veh = counts_veh[m] if codes[m] == 1 and counts_veh[m] > 0.0 else 0.0
            found_veh[m] = before_veh[m] * kept + entered_veh
    return found_veh


@njit(cache=True)
def clearing_phases(
    wanted: Ints, running: Ints, inside: Floats, serves: Codes, phases: Ints, movement_start: Ints, least_veh: float
) -> Ints:
    """The phases wanted [signal], or before them the one that lets out who turned into a gap and still stands inside the junction.

    Asked where the change would take the permissive green from at least `least_veh` of them and another phase protects most of them.
    """
    chosen = wanted.copy()
    for i in range(wanted.size):
        if wanted[i] == running[i] or wanted[i] < 0:
            continue
        most_veh = 0.0
        for q in range(phases[i]):
            out_veh = 0.0
            for m in range(movement_start[i + 1] - movement_start[i]):
                if serves[i, running[i], m] == 1 and serves[i, wanted[i], m] == 0 and serves[i, q, m] == 2:
                    out_veh += inside[movement_start[i] + m]
            if out_veh >= least_veh and out_veh > most_veh:
                most_veh, chosen[i] = out_veh, q
    return chosen
