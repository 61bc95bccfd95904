"""Max pressure: which phase moves most from long queues to short ones. Varaiya 2013, with room on the exits."""

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SLOW_MPS = 2.0


@njit(cache=True)
def in_reach_veh(
    queue_veh: Floats, vehicle_movement: Ints, vehicle_distance_m: Floats, vehicle_speed_mps: Floats, reach_s: float
) -> Floats:
    """Vehicles per movement [movement]: the queue, and those that roll and reach the stop line within `reach_s` at their speed.

    A store-and-forward link holds every vehicle that could leave in the coming green; a queue alone forgets a platoon that rolls.
    """
    found_veh = queue_veh.copy()
    for v in range(vehicle_movement.size):
        if vehicle_speed_mps[v] >= SLOW_MPS and vehicle_distance_m[v] <= vehicle_speed_mps[v] * reach_s:
            found_veh[vehicle_movement[v]] += 1.0
    return found_veh


@njit(cache=True)
def movement_weights(queue_veh: Floats, exit_veh: Floats, exit_lanes: Floats, exit_storage_veh: Floats, saturation_veh_h: Floats) -> Floats:
    """Vehicles that one second of green is worth, times the difference of queues, per movement [movement].

    w = max(0, x - x_exit / lanes_exit) * s / 3600; zero where the exit is full, to within one vehicle of its storage.
    NaN queue: NaN. NaN exit: no sensor there, so only the queue speaks. Varaiya 2013, sec. 3, non-negative.
    """
    weights = np.empty(queue_veh.size)
    for m in range(queue_veh.size):
        ahead_veh = 0.0 if np.isnan(exit_veh[m]) else exit_veh[m]
        if ahead_veh >= max(1.0, exit_storage_veh[m] - 1.0):
            weights[m] = 0.0
            continue
        difference_veh = queue_veh[m] - ahead_veh / max(1.0, exit_lanes[m])
        weights[m] = 0.0 if difference_veh < 0.0 else difference_veh * saturation_veh_h[m] / 3600.0
    return weights


@njit(cache=True)
def phase_pressures(weights: Floats, serves: Ints, phases: Ints, movement_start: Ints) -> Floats:
    """Sum of the weights that each phase serves, permissive or protected [signal, phase]; NaN past the last phase."""
    pressures = np.full((serves.shape[0], serves.shape[1]), np.nan)
    for i in range(serves.shape[0]):
        first = movement_start[i]
        for p in range(phases[i]):
            total = 0.0
            for m in range(movement_start[i + 1] - first):
                if serves[i, p, m] > 0:
                    total += weights[first + m]
            pressures[i, p] = total
    return pressures


@njit(cache=True)
def strongest_phases(pressures: Floats, phases: Ints, running: Ints) -> Ints:
    """The phase of most pressure per signal [signal]; a tie keeps the running one; -1 where a pressure is unknown."""
    chosen = running.copy()
    for i in range(pressures.shape[0]):
        best = pressures[i, running[i]]
        for p in range(phases[i]):
            if np.isnan(pressures[i, p]):
                chosen[i] = -1
                break
            if pressures[i, p] > best:
                best = pressures[i, p]
                chosen[i] = p
    return chosen
