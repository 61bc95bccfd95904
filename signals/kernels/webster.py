"""Webster's method: critical flow ratios, the cycle of least delay, greens in proportion. Webster 1958, RRTP 39."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OVERSATURATED = 0.95  # beyond this sum of critical ratios the cycle formula has no meaning: the longest cycle stands in
CRITICAL_GAP_S = 4.5  # of a permissive left turn, HCM 2000 exhibit 17-5 and ch. 16
FOLLOW_UP_S = 2.5
COMMON_GREEN = 0.4  # share of the cycle, for what of it an opposing queue blocks
SNEAKERS_VEH_H = 90.0  # two vehicles in the change of each cycle of about 80 s, HCM 2000 ch. 16


@njit(cache=True)
def critical_ratios(flow_veh_h: Floats, saturation_veh_h: Floats, serves: Ints) -> Floats:
    """Smallest shares of green time per phase [phase] that serve every movement, by critical movement analysis.

    A movement asks for y = flow / saturation of its protected phases together, or of its permissive ones if it has no
    other. Movements of one phase go first: the largest y is critical. One of several phases then scales those up in
    proportion, as far as they fall short (in equal parts where they are empty). NaN flow: NaN. Webster 1958, sec. 3.
    """
    phases, movements = serves.shape
    ratios = np.zeros(phases)
    for choice in range(1, phases + 1):
        for m in range(movements):
            code = serves[:, m].max()
            count = 0
            offered = 0.0
            for p in range(phases):
                if code > 0 and serves[p, m] == code:
                    count += 1
                    offered += ratios[p]
            if count != choice:
                continue
            # No saturation flow: a crossing or a lamp without lanes, which asks for no green of its own.
            asked = flow_veh_h[m] / saturation_veh_h[m] if saturation_veh_h[m] > 0.0 else 0.0
            if offered >= asked:
                continue
            for p in range(phases):
                if serves[p, m] == code:
                    ratios[p] = ratios[p] * asked / offered if offered > 0.0 else asked / count
    return ratios


@njit(cache=True)
def optimal_cycle_s(lost_s: float, critical_sum: float, min_cycle_s: float, max_cycle_s: float) -> float:
    """Delay-minimising cycle C = (1.5 L + 5) / (1 - Y), within bounds; oversaturated: the longest [s]. Webster 1958."""
    if np.isnan(critical_sum) or critical_sum < 0.0:
        return np.nan
    if critical_sum >= OVERSATURATED:
        return max_cycle_s
    return min(max((1.5 * lost_s + 5.0) / (1.0 - critical_sum), min_cycle_s), max_cycle_s)


@njit(cache=True)
def cycle_with_minimums_s(cycle_s: float, lost_s: float, ratios: Floats, min_green_s: Floats, max_cycle_s: float) -> float:
    """The cycle, longer where minimum greens take more than their share, up to the longest [s].

    Webster's cycle gives every phase the degree of saturation x = Y C / (C - L). A phase at its minimum is time lost to the
    others; they keep x if C = (L + sum of such minimums) / (1 - sum of the other y / x).
    """
    degree = ratios.sum() * cycle_s / (cycle_s - lost_s)
    if not degree > 0.0:
        return min(max(cycle_s, lost_s + min_green_s.sum()), max_cycle_s) if degree == 0.0 else np.nan
    for _ in range(ratios.size):
        bound_s = lost_s
        share = 0.0
        for p in range(ratios.size):
            if ratios[p] * cycle_s / degree < min_green_s[p]:
                bound_s += min_green_s[p]
            else:
                share += ratios[p] / degree
        longer_s = bound_s / (1.0 - share) if share < 1.0 else max_cycle_s
        if longer_s <= cycle_s:
            break
        cycle_s = longer_s
    return min(cycle_s, max_cycle_s)


@njit(cache=True)
def proportional_greens_s(ratios: Floats, green_s: float, min_green_s: Floats) -> Floats:
    """Share `green_s` out in proportion to the ratios, no phase below its minimum [phase]; their sum may be more.

    g_i = max(min_i, y_i / Y * G), phases at their minimum taken out of G and Y until it fits. Webster 1958.
    """
    n = ratios.size
    greens_s = min_green_s.copy()
    if np.isnan(ratios).any():
        return np.full(n, np.nan)
    share = ratios.copy()
    if share.sum() <= 0.0:
        share[:] = 1.0
    pinned = np.zeros(n, dtype=np.bool_)
    for _ in range(n):
        left_s = green_s
        weight = 0.0
        for p in range(n):
            if pinned[p]:
                left_s -= min_green_s[p]
            else:
                weight += share[p]
        changed = False
        for p in range(n):
            if pinned[p]:
                continue
            greens_s[p] = left_s * share[p] / weight if weight > 0.0 else 0.0
            if greens_s[p] < min_green_s[p]:
                greens_s[p] = min_green_s[p]
                pinned[p] = True
                changed = True
        if not changed:
            break
    return greens_s


@njit(cache=True)
def on_grid_s(greens_s: Floats, min_green_s: Floats, step_s: float) -> Floats:
    """Greens on the step grid [phase], their sum kept to half a step: minimums up, the rest by largest remainder."""
    n = greens_s.size
    if np.isnan(greens_s).any():
        return np.full(n, np.nan)
    steps = np.floor(greens_s / step_s + 1e-9)
    for p in range(n):
        steps[p] = max(steps[p], np.ceil(min_green_s[p] / step_s - 1e-9))
    missing = int(np.round(greens_s.sum() / step_s - steps.sum()))
    remainder = greens_s / step_s - steps
    for _ in range(missing):
        p = int(np.argmax(remainder))
        steps[p] += 1.0
        remainder[p] -= 1.0
    rounded_s: Floats = steps * step_s
    return rounded_s


@njit(cache=True)
def plan_s(
    flow_veh_h: Floats,
    saturation_veh_h: Floats,
    serves: Ints,
    lost_s: float,
    min_green_s: Floats,
    min_cycle_s: float,
    max_cycle_s: float,
    step_s: float,
) -> Floats:
    """Greens of one signal's Webster plan [phase]; the cycle is their sum plus the lost time. NaN: unknown flow."""
    ratios = critical_ratios(flow_veh_h, saturation_veh_h, serves)
    cycle_s = optimal_cycle_s(lost_s, ratios.sum(), min_cycle_s, max_cycle_s)
    cycle_s = cycle_with_minimums_s(cycle_s, lost_s, ratios, min_green_s, max_cycle_s)
    greens_s: Floats = proportional_greens_s(ratios, cycle_s - lost_s, min_green_s)
    rounded_s: Floats = on_grid_s(greens_s, min_green_s, step_s)
    return rounded_s


@njit(cache=True)
def plans(
    flow_veh_h: Floats,
    saturation_veh_h: Floats,
    serves: Ints,
    phases: Ints,
    movements: Ints,
    lost_s: Floats,
    min_green_s: Floats,
    min_cycle_s: Floats,
    max_cycle_s: Floats,
    step_s: Floats,
) -> Floats:
    """Greens of many signals at once [signal, phase]: `plan_s` on padded arrays; NaN past the last phase."""
    greens_s = np.full(min_green_s.shape, np.nan)
    for i in range(phases.size):
        p, m = phases[i], movements[i]
        greens_s[i, :p] = plan_s(
            flow_veh_h[i, :m],
            saturation_veh_h[i, :m],
            serves[i, :p, :m],
            lost_s[i],
            min_green_s[i, :p],
            min_cycle_s[i],
            max_cycle_s[i],
            step_s[i],
        )
    return greens_s


@njit(cache=True)
def permissive_saturation_veh_h(opposing_veh_h: float, opposing_ratio: float, saturation_veh_h: float) -> float:
    """Saturation flow of a movement that yields, over its whole green: gaps, once the opposing queue is gone [veh/h].

    s = q exp(-q t_c / 3600) / (1 - exp(-q t_f / 3600)) * (1 - y / u) / (1 - y), at least the sneakers; q and y the
    opposing flow and ratio, u the share of the cycle that the common green is taken to have. HCM 2000, ch. 16 app. C.
    """
    if np.isnan(opposing_veh_h):
        return np.nan
    if opposing_veh_h <= 0.0:
        return saturation_veh_h
    gaps_veh_h = opposing_veh_h * math.exp(-opposing_veh_h * CRITICAL_GAP_S / 3600.0)
    gaps_veh_h /= 1.0 - math.exp(-opposing_veh_h * FOLLOW_UP_S / 3600.0)
    open_share = max(0.0, 1.0 - opposing_ratio / COMMON_GREEN) / max(1e-9, 1.0 - opposing_ratio)
    return min(saturation_veh_h, max(SNEAKERS_VEH_H, gaps_veh_h * open_share))
