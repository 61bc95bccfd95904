"""Greens where demand is over capacity: every second of green goes where it takes most off the queues that grow.

Least sum of squared left-over queues, as in store-and-forward control (Aboudolas, Papageorgiou and Kosmatopoulos 2009): the square
keeps any one queue from growing alone, its slope s * left favours the heaviest discharge.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SECONDS_PER_HOUR = 3600.0


@njit(cache=True)
def left_over_veh(flow_veh_h: Floats, saturation_veh_h: Floats, class_of: Ints, within: Bools, greens_s: Floats, cycle_s: float) -> Floats:
    """Vehicles that a cycle brings and its greens [phase] do not discharge, q C - s g, at least 0 [movement].

    g is the green of the phases [class, phase] of the movement's class, see `signals.kernels.webster.classes_of`.
    """
    left_veh = np.zeros(flow_veh_h.size)
    for m in range(flow_veh_h.size):
        if class_of[m] >= 0 and saturation_veh_h[m] > 0.0:
            green_s = 0.0
            for p in range(greens_s.size):
                if within[class_of[m], p]:
                    green_s += greens_s[p]
            left_veh[m] = (flow_veh_h[m] * cycle_s - saturation_veh_h[m] * green_s) / SECONDS_PER_HOUR
            left_veh[m] = np.maximum(left_veh[m], 0.0)  # unlike max, it lets a NaN pass
    return left_veh


@njit(cache=True)
def least_overflow_greens_s(
    flow_veh_h: Floats, saturation_veh_h: Floats, class_of: Ints, within: Bools, counted: Bools, cycle_s: float, lost_s: float,
    min_green_s: Floats, step_s: float,
) -> Floats:  # fmt: skip
    """Greens [phase] on the step grid, none under its minimum, that leave the least sum of squared queues of `counted` movements.

    Beginning with the minimums, each step goes to the phase that gains most by it: exact for phases that share no movement,
    as the gain of a phase falls with its green (Fox 1966). Steps that nobody needs are not given. NaN flow: NaN.
    """
    classes, phases = within.shape
    greens_s = np.ceil(min_green_s / step_s - 1e-9) * step_s
    left_veh = left_over_veh(flow_veh_h, saturation_veh_h, class_of, within, greens_s, cycle_s)
    if np.isnan(left_veh).any():
        return np.full(phases, np.nan)
    steps = int(np.floor((cycle_s - lost_s - greens_s.sum()) / step_s + 1e-9))
    waiting = np.flatnonzero(counted & (left_veh > 0.0))
    gains, stale = np.zeros(classes), np.ones(classes, dtype=np.bool_)
    for _ in range(steps):
        gains[stale] = 0.0
        for m in waiting:
            if stale[class_of[m]]:
                after_veh = max(0.0, left_veh[m] - saturation_veh_h[m] * step_s / SECONDS_PER_HOUR)
                gains[class_of[m]] += left_veh[m] ** 2 - after_veh**2
        best, most = 0, 0.0
        for p in range(phases):
            gain = 0.0
            for c in range(classes):
                if within[c, p]:
                    gain += gains[c]
            if gain > most:
                best, most = p, gain
        if most == 0.0:
            break
        greens_s[best] += step_s
        stale[:] = within[:, best]
        for m in waiting:
            if stale[class_of[m]]:
                left_veh[m] = max(0.0, left_veh[m] - saturation_veh_h[m] * step_s / SECONDS_PER_HOUR)
    return greens_s
