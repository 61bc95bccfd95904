"""Queues at a signal in closed form: what green leaves over, how far back the queue reaches, and its percentiles.

`degree` is the degree of saturation X, `capacity_veh_h` what the green lets through. All in vehicles of the whole lane group.
"""

import math

import numpy as np
from numba import njit

SECONDS_PER_HOUR = 3600.0
PERCENTILES = ((70.0, 1.2, 0.1), (85.0, 1.4, 0.3), (90.0, 1.5, 0.5), (95.0, 1.6, 1.0), (98.0, 1.7, 1.5))
"""(percent, p1, p2), fixed time; p3 is 5 vehicles."""


@njit(cache=True)
def overflow_queue_veh(degree: float, capacity_veh_h: float, cycle_s: float, period_h: float) -> float:
    """Mean queue left over when green ends, over a period that began without one [veh]. Akcelik 1981, ARR 123.

    N_o = c T / 4 (X - 1 + sqrt((X - 1)^2 + 12 (X - X_o) / (c T))) for X > X_o = 0.67 + s g / 600, else 0; s g the vehicles of a
    full green, c T those of the period.
    """
    if np.isnan(degree) or not (capacity_veh_h > 0.0 and cycle_s > 0.0 and period_h > 0.0):
        return np.nan
    threshold = 0.67 + capacity_veh_h * cycle_s / SECONDS_PER_HOUR / 600.0
    if degree <= threshold:
        return 0.0
    served_veh = capacity_veh_h * period_h
    over = degree - 1.0
    return 0.25 * served_veh * (over + math.sqrt(over * over + 12.0 * (degree - threshold) / served_veh))


@njit(cache=True)
def akcelik_back_veh(flow_veh_h: float, saturation_veh_h: float, green_s: float, cycle_s: float, period_h: float) -> float:
    """Mean back of queue, N_m = q r / (1 - y) + N_o, r the effective red and y = q / s [veh]. Akcelik 1981, ARR 123.

    Past saturation the overflow carries the growth: y counts no more than green serves, g / C.
    """
    if not (0.0 < green_s <= cycle_s and saturation_veh_h > 0.0 and flow_veh_h >= 0.0):
        return np.nan
    share = green_s / cycle_s
    capacity_veh_h = saturation_veh_h * share
    overflow_veh: float = overflow_queue_veh(flow_veh_h / capacity_veh_h, capacity_veh_h, cycle_s, period_h)
    if share == 1.0:
        return overflow_veh
    served_veh_s = min(flow_veh_h, capacity_veh_h) / SECONDS_PER_HOUR
    return served_veh_s * (cycle_s - green_s) / (1.0 - min(flow_veh_h / saturation_veh_h, share)) + overflow_veh


@njit(cache=True)
def first_term_veh(flow_veh_h: float, saturation_veh_h: float, green_s: float, cycle_s: float) -> float:
    """Back of queue of an even flow, Q_1 = (v C / 3600) (1 - g/C) / (1 - min(1, X) g/C) [veh]. HCM 2000, ch. 16 app. G."""
    if not (0.0 < green_s <= cycle_s and saturation_veh_h > 0.0 and flow_veh_h >= 0.0):
        return np.nan
    share = green_s / cycle_s
    if share == 1.0:
        return 0.0
    degree = flow_veh_h / (saturation_veh_h * share)
    return flow_veh_h * cycle_s / SECONDS_PER_HOUR * (1.0 - share) / (1.0 - min(1.0, degree) * share)


@njit(cache=True)
def second_term_veh(
    degree: float, capacity_veh_h: float, cycle_s: float, period_h: float, initial_veh: float, upstream: float, actuated: bool
) -> float:
    """Part of the back of queue by chance, overflow and a queue from before [veh]. HCM 2000, ch. 16 app. G.

    Q_2 = 0.25 c T (X - 1 + sqrt((X - 1)^2 + 8 k_B X / (c T) + 16 k_B Q_b / (c T)^2)), k_B = 0.12 I (s g / 3600)^0.7 at fixed time,
    0.10 I (s g / 3600)^0.6 actuated; s g / 3600 = c C / 3600, the vehicles of a full green.
    """
    if np.isnan(degree) or not (capacity_veh_h > 0.0 and cycle_s > 0.0 and period_h > 0.0 and initial_veh >= 0.0):
        return np.nan
    full_green_veh = capacity_veh_h * cycle_s / SECONDS_PER_HOUR
    spread = upstream * (0.10 * full_green_veh**0.6 if actuated else 0.12 * full_green_veh**0.7)
    served_veh = capacity_veh_h * period_h
    over = degree - 1.0
    root = math.sqrt(over * over + 8.0 * spread * degree / served_veh + 16.0 * spread * initial_veh / served_veh**2)
    return 0.25 * served_veh * (over + root)


@njit(cache=True)
def back_of_queue_veh(
    flow_veh_h: float,
    saturation_veh_h: float,
    green_s: float,
    cycle_s: float,
    period_h: float = 0.25,
    initial_veh: float = 0.0,
    upstream: float = 1.0,
    actuated: bool = False,
) -> float:
    """Mean of the farthest reach of the queue in each cycle, Q = Q_1 + Q_2, of random arrivals [veh]. HCM 2000, ch. 16 app. G."""
    even_veh: float = first_term_veh(flow_veh_h, saturation_veh_h, green_s, cycle_s)
    if np.isnan(even_veh):
        return np.nan
    capacity_veh_h = saturation_veh_h * green_s / cycle_s
    degree = flow_veh_h / capacity_veh_h
    chance_veh: float = second_term_veh(degree, capacity_veh_h, cycle_s, period_h, initial_veh, upstream, actuated)
    return even_veh + chance_veh


@njit(cache=True)
def percentile_factor(mean_veh: float, percent: float) -> float:
    """Percentile of the back of queue over its mean, f_B = p1 + p2 exp(-Q / p3), at fixed time. HCM 2000, ch. 16 app. G.

    Known for 70, 85, 90, 95 and 98 %; NaN for others.
    """
    decay = math.exp(-mean_veh / 5.0)
    for known, base, more in PERCENTILES:
        if percent == known:
            return base + more * decay
    return np.nan


@njit(cache=True)
def storage_ratio(back_veh: float, storage_veh: float) -> float:
    """Queue storage ratio R_Q: back of queue over what fits; above 1 it spills back. HCM 2000, ch. 16 app. G."""
    return back_veh / storage_veh if storage_veh > 0.0 else np.nan
