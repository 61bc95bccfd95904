"""Delay at a signal in closed form: HCM control delay, Webster's formula, the M/D/1 queue, and the level of service.

Queues in vehicles, such as the back of queue, are in `signals.kernels.queue_length`.
"""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


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
def unserved_h(initial_veh: float, capacity_veh_h: float, degree: float, period_h: float) -> float:
    """Time in the period until the queue left from before has gone, t = min(T, Q_b / (c (1 - min(1, X)))) [h].

    HCM 2000, eq. F16-2.
    """
    if not (capacity_veh_h > 0.0 and period_h > 0.0 and initial_veh >= 0.0) or np.isnan(degree):
        return np.nan
    if initial_veh == 0.0:
        return 0.0
    spare_veh_h = capacity_veh_h * (1.0 - min(1.0, degree))
    return period_h if spare_veh_h * period_h <= initial_veh else initial_veh / spare_veh_h


@njit(cache=True)
def initial_queue_delay_s(initial_veh: float, capacity_veh_h: float, degree: float, period_h: float) -> float:
    """Delay by a queue left from before, d3 = 1800 Q_b (1 + u) t / (c T), t as `unserved_h` [s/veh]. HCM 2000, eq. F16-1.

    u = 0 if the queue goes within the period, else 1 - c T (1 - min(1, X)) / Q_b (F16-3): of an oversaturated group 1.
    """
    served_h: float = unserved_h(initial_veh, capacity_veh_h, degree, period_h)
    if np.isnan(served_h) or initial_veh == 0.0:
        return 0.0 * served_h
    lasting = max(0.0, 1.0 - capacity_veh_h * period_h * (1.0 - min(1.0, degree)) / initial_veh)
    return 1800.0 * initial_veh * (1.0 + lasting) * served_h / (capacity_veh_h * period_h)


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
    initial_veh: float = 0.0,
) -> float:
    """Control delay d = d1 PF + d2 + d3 [s/veh]. HCM 2000, eq. 16-9.

    While a queue from before lasts, t of the period T, the uniform part is that of a saturated group, without progression:
    d1 PF becomes (d1(X = 1) t + d1(X) PF (T - t)) / T (eq. F16-4).
    """
    degree = saturation_degree(flow_veh_h, saturation_veh_h, green_s, cycle_s)
    capacity_veh_h = saturation_veh_h * green_s / cycle_s if cycle_s > 0.0 else np.nan
    uniform_s: float = uniform_delay_s(cycle_s, green_s, degree) * progression
    if initial_veh > 0.0:
        share = unserved_h(initial_veh, capacity_veh_h, degree, period_h) / period_h
        uniform_s = uniform_delay_s(cycle_s, green_s, 1.0) * share + uniform_s * (1.0 - share)
    incremental_s: float = incremental_delay_s(degree, capacity_veh_h, period_h, k, upstream)
    initial_s: float = initial_queue_delay_s(initial_veh, capacity_veh_h, degree, period_h)
    return uniform_s + incremental_s + initial_s


@njit(cache=True)
def mean_control_delay_s(
    flow_veh_h: Floats, saturation_veh_h: Floats, class_of: Ints, within: Bools, counted: Bools, greens_s: Floats, cycle_s: float,
    period_h: float,
) -> float:  # fmt: skip
    """Control delay over all vehicles of the `counted` movements under effective greens [phase] [s/veh]. HCM 2000, eq. 16-14.

    A movement has the greens of the phases of its class, see `signals.kernels.webster.classes_of`. Nobody: 0; NaN flow: NaN.
    """
    total_veh_h, total = 0.0, 0.0
    for m in range(flow_veh_h.size):
        if not counted[m] or class_of[m] < 0 or flow_veh_h[m] == 0.0:
            continue
        green_s = 0.0
        for p in range(greens_s.size):
            if within[class_of[m], p]:
                green_s += greens_s[p]
        delay_s = control_delay_s(flow_veh_h[m], saturation_veh_h[m], min(green_s, cycle_s), cycle_s, period_h)
        total += flow_veh_h[m] * delay_s
        total_veh_h += flow_veh_h[m]
    return total / total_veh_h if total_veh_h != 0.0 else 0.0


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
