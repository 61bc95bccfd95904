"""Vehicle actuation, the rules of a gap-out controller: who calls a phase, who extends it, which comes next.

A phase in green goes on while in one of its lanes the next vehicle is nearer than the passage time (else it gaps out), until its maximum
green (it maxes out), if somebody calls elsewhere; then comes the next phase in order that has a call. Signal Timing Manual, 2nd ed.
(NCHRP 812, 2015), chapter 6.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

STANDING_MPS = 0.1
AT_THE_LINE_M = 12.0


@njit(cache=True)
def calling(queue_veh: Floats, vehicle_movement: Ints, vehicle_distance_m: Floats, zone_m: float) -> Bools:
    """Whether somebody asks for green [movement]: stands in a queue, or is on the last `zone_m`. A silent sensor asks always."""
    called = ~(queue_veh <= 0.0)
    for v in range(vehicle_movement.size):
        if vehicle_distance_m[v] <= zone_m:
            called[vehicle_movement[v]] = True
    return called


@njit(cache=True)
def lane_gaps_s(
    lanes: int, vehicle_lane: Ints, vehicle_movement: Ints, vehicle_distance_m: Floats, vehicle_speed_mps: Floats, arrival_s: Floats,
    codes: Ints, green_s: Floats, patience_s: float,
) -> Floats:  # fmt: skip
    """Time until the next vehicle of each lane reaches the stop line [lane]; infinite where nobody can use the running green.

    `codes` [movement]: how the running phase serves it; `green_s` [movement]: for how long its signal has been green. Vehicles come
    nearest first within each lane; whoever is first but not served, or stands at the line after `patience_s` of green, holds back the rest.
    """
    gap_s = np.full(lanes, np.inf)
    for v in range(vehicle_lane.size - 1, -1, -1):
        m = vehicle_movement[v]
        stands = vehicle_speed_mps[v] < STANDING_MPS and vehicle_distance_m[v] < AT_THE_LINE_M
        blocked = codes[m] == 0 or (stands and green_s[m] > patience_s)
        gap_s[vehicle_lane[v]] = np.inf if blocked else arrival_s[v]
    return gap_s


@njit(cache=True)
def shortest_gaps_s(gap_s: Floats, lane_start: Ints) -> Floats:
    """The least gap of each signal's lanes [signal]: of lanes that are in green together, the last to gap out ends the phase."""
    found_s = np.full(lane_start.size - 1, np.inf)
    for i in range(lane_start.size - 1):
        for k in range(lane_start[i], lane_start[i + 1]):
            found_s[i] = min(found_s[i], gap_s[k])
    return found_s


@njit(cache=True)
def stage_reached(stage: Ints, phase: Ints, ring: Ints, ring_size: Ints) -> Ints:
    """Stage of the ring [signal, stage] that shows the running phase [signal]: from the last known one on; as before where none does."""
    reached = stage.copy()
    for i in range(stage.size):
        for step in range(ring_size[i]):
            k = (stage[i] + step) % ring_size[i]
            if ring[i, k] == phase[i]:
                reached[i] = k
                break
    return reached


@njit(cache=True)
def next_called(i: int, stage: int, phase: int, called: Bools, ring: Ints, ring_size: Ints, serves: Codes) -> int:
    """The next phase in order that serves a call better than the running one does; the running phase where nobody calls.

    `called` [movement] of the signal. A left turn that yields calls the phase that protects it.
    """
    for step in range(1, ring_size[i] + 1):
        q = ring[i, (stage + step) % ring_size[i]]
        if q != phase:
            for m in range(called.size):
                if called[m] and serves[i, q, m] > serves[i, phase, m]:
                    return int(q)
    return phase


@njit(cache=True)
def actuated_phases(
    phase: Ints, age_s: Floats, stage: Ints, gap_s: Floats, called: Bools, passage_s: float, max_green_s: Floats, recall_s: Floats,
    ring: Ints, ring_size: Ints, serves: Codes, movement_start: Ints,
) -> Ints:  # fmt: skip
    """Wanted phase [signal]: the running one until it gaps out or maxes out, then the next with a call.

    `gap_s` [signal] as `shortest_gaps_s` finds it; `recall_s` [signal]: a green goes on at least so long, whoever comes.
    """
    wanted = phase.copy()
    for i in range(phase.size):
        extends = age_s[i] < recall_s[i] or gap_s[i] <= passage_s
        if extends and age_s[i] < max_green_s[i]:
            continue
        at = called[movement_start[i] : movement_start[i + 1]]
        wanted[i] = next_called(i, stage[i], phase[i], at, ring, ring_size, serves)
    return wanted
