"""Delay at a signal in closed form: HCM control delay, Webster's formula, the M/D/1 queue, and the level of service."""

import math

import numpy as np
from numba import njit


@njit(cache=True)
def saturation_degree(flow_veh_h: float, saturation_veh_h: float, green_s: float, cycle_s: float) -> float:
    """Degree of saturation X = v C / (s g): flow over capacity; NaN without capacity. HCM 2000, eq. 16-7."""
    capacity_veh_h = saturation_veh_h * green_s / cycle_s if cycle_s > 0.0 else np.nan
    return flow_veh_h / capacity_veh_h if capacity_veh_h > 0.0 else np.nan


@njit(cache=True)
def uniform_delay_s(cycle_s: float, green_s: float, degree: float) -> float:
    """Delay of an even flow d1 = 0.5 C (1 - g/C)^2 / (1 - min(1, X) g/C) [s/veh]. HCM 2000, eq. 16-11."""
    if not 0.0 < green_s <= cycle_s:
        return np.nan
    share = green_s / cycle_s
    if share == 1.0:
        return 0.0
    return 0.5 * cycle_s * (1.0 - share) ** 2 / (1.0 - min(1.0, degree) * share)


@njit(cache=True)
def incremental_delay_s(degree: float, capacity_veh_h: float, period_h: float, k: float, upstream: float) -> float:
    """Delay by chance and overflow d2 = 900 T [(X-1) + sqrt((X-1)^2 + 8 k I X / (c T))] [s/veh]. HCM 2000, eq. 16-12.

    k: 0.5 for fixed time, less for actuated control; upstream I: 1 for an isolated signal.
    """
    if not (capacity_veh_h > 0.0 and period_h > 0.0):
        return np.nan
    over = degree - 1.0
    return 900.0 * period_h * (over + math.sqrt(over * over + 8.0 * k * upstream * degree / (capacity_veh_h * period_h)))


@njit(cache=True)
def control_delay_s(
    flow_veh_h: float,
    saturation_veh_h: float,
    green_s: float,
    cycle_s: float,
    period_h: float = 0.25,
    k: float = 0.5,
    upstream: float = 1.0,
    progression: float = 1.0,
) -> float:
    """Control delay d = d1 PF + d2, without an initial queue [s/veh]. HCM 2000, eq. 16-9."""
    degree = saturation_degree(flow_veh_h, saturation_veh_h, green_s, cycle_s)
    capacity_veh_h = saturation_veh_h * green_s / cycle_s if cycle_s > 0.0 else np.nan
    uniform_s: float = uniform_delay_s(cycle_s, green_s, degree)
    incremental_s: float = incremental_delay_s(degree, capacity_veh_h, period_h, k, upstream)
    return uniform_s * progression + incremental_s


@njit(cache=True)
def level_of_service(delay_s: float, degree: float) -> int:
    """Level of service 0..5 for A..F, up to 10, 20, 35, 55, 80 s/veh; F if X > 1; -1 unknown. HCM 2010, exh. 18-4."""
    if np.isnan(delay_s) or np.isnan(degree):
        return -1
    if degree > 1.0:
        return 5
    grade = 0
    for bound_s in (10.0, 20.0, 35.0, 55.0, 80.0):
        if delay_s > bound_s:
            grade += 1
    return grade


@njit(cache=True)
def md1_wait_s(flow_veh_h: float, capacity_veh_h: float) -> float:
    """Mean wait in an M/D/1 queue, rho / (2 mu (1 - rho)) [s/veh]; NaN from saturation on. Pollaczek 1930."""
    rho = flow_veh_h / capacity_veh_h if capacity_veh_h > 0.0 else np.nan
    if not 0.0 <= rho < 1.0:
        return np.nan
    return 3600.0 * rho / (2.0 * capacity_veh_h * (1.0 - rho))


@njit(cache=True)
def webster_delay_s(flow_veh_h: float, saturation_veh_h: float, green_s: float, cycle_s: float) -> float:
    """Mean delay of random arrivals at a fixed signal [s/veh]; NaN from saturation on. Webster 1958, eq. 1.

    d = C (1-u)^2 / (2 (1 - u x)) + x^2 / (2 q (1-x)) - 0.65 (C/q^2)^(1/3) x^(2+5u), u = g/C, q in veh/s; the second
    term is the M/D/1 wait for a service at the capacity.
    """
    degree: float = saturation_degree(flow_veh_h, saturation_veh_h, green_s, cycle_s)
    uniform_s: float = uniform_delay_s(cycle_s, green_s, degree)
    if not 0.0 <= degree < 1.0:
        return np.nan
    if flow_veh_h == 0.0:
        return uniform_s
    share = green_s / cycle_s
    flow_veh_s = flow_veh_h / 3600.0
    random_s: float = md1_wait_s(flow_veh_h, saturation_veh_h * share)
    correction_s = 0.65 * math.pow(cycle_s / flow_veh_s**2, 1.0 / 3.0) * math.pow(degree, 2.0 + 5.0 * share)
    return uniform_s + random_s - correction_s
