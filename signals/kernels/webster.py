"""Webster's method: critical flow ratios, the cycle of least delay, greens in proportion. Webster 1958, RRTP 39.

Where the critical flows do not fit, greens go where they take most off the queues that grow (`signals.kernels.oversaturation`).
"""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from signals.kernels.oversaturation import least_overflow_greens_s

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

OVERSATURATED = 0.95  # beyond this sum of critical ratios the cycle formula has no meaning: the longest cycle stands in
LEAST_SPARE = 1e-12  # of a share of green: what is less is rounding
CRITICAL_GAP_S = 4.5  # of a permissive left turn, HCM 2000 exhibit 17-5 and ch. 16
FOLLOW_UP_S = 2.5
COMMON_GREEN = 0.4  # share of the cycle, for what of it an opposing queue blocks
SNEAKERS_VEH_H = 90.0  # two vehicles in the change of each cycle of about 80 s, HCM 2000 ch. 16


@njit(cache=True)
def classes_of(serves: Ints) -> tuple[Ints, Bools]:
    """Movements by the phases that serve them: the class of each [movement], -1 for none, and the phases of each [class, phase].

    The phases are those that serve it protected, or permissive ones if it has no other. Classes of fewer phases come first.
    """
    phases, movements = serves.shape
    class_of = np.full(movements, -1)
    within = np.zeros((movements, phases), dtype=np.bool_)
    found = 0
    for choice in range(1, phases + 1):
        for m in range(movements):
            code = serves[:, m].max()
            mine = serves[:, m] == code
            if code == 0 or mine.sum() != choice:
                continue
            for c in range(found):
                if (within[c] == mine).all():
                    class_of[m] = c
            if class_of[m] < 0:
                within[found] = mine
                class_of[m] = found
                found += 1
    return class_of, within[:found].copy()


@njit(cache=True)
def asked_ratios(flow_veh_h: Floats, saturation_veh_h: Floats, class_of: Ints, classes: int) -> Floats:
    """Share of green that the heaviest movement of each class asks for, y = flow / saturation flow [class]; NaN: unknown."""
    asked = np.zeros(classes)
    for m in range(flow_veh_h.size):
        c = class_of[m]
        # No saturation flow: a crossing or a lamp without lanes, which asks for no green of its own.
        if c >= 0 and saturation_veh_h[m] > 0.0:
            ratio = flow_veh_h[m] / saturation_veh_h[m]
            if not (ratio <= asked[c] or np.isnan(asked[c])):
                asked[c] = ratio
    return asked


@njit(cache=True)
def shares_for(asked: Floats, within: Bools) -> Floats:
    """Shares of green [phase] that serve what every class [class] asks of its phases [class, phase], none larger than needed.

    Each class in turn scales the shares of its phases up in proportion, as far as they fall short (in equal parts where they are
    empty); at last each phase gives back what no class needs of it.
    """
    classes, phases = within.shape
    shares = np.zeros(phases)
    for c in range(classes):
        offered, count = 0.0, 0
        for p in range(phases):
            if within[c, p]:
                offered += shares[p]
                count += 1
        if offered >= asked[c]:
            continue
        for p in range(phases):
            if within[c, p]:
                shares[p] = shares[p] * asked[c] / offered if offered > 0.0 else asked[c] / count
    for p in range(phases):
        spare = shares[p]
        for c in range(classes):
            if within[c, p] and spare > LEAST_SPARE:
                offered = -asked[c]
                for q in range(phases):
                    if within[c, q]:
                        offered += shares[q]
                spare = min(spare, offered)
        if spare > LEAST_SPARE:
            shares[p] -= spare
    return shares


@njit(cache=True)
def critical_ratios(flow_veh_h: Floats, saturation_veh_h: Floats, serves: Ints) -> Floats:
    """Shares of green time per phase [phase] that serve every movement, by critical movement analysis.

    A movement asks for y = flow / saturation of its protected phases together, or of its permissive ones if it has no
    other; movements of one phase go first, of which the largest y is critical. NaN flow: NaN. Webster 1958, sec. 3.
    """
    class_of, within = classes_of(serves)
    ratios: Floats = shares_for(asked_ratios(flow_veh_h, saturation_veh_h, class_of, within.shape[0]), within)
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
    total = ratios.sum()
    if np.isnan(total):
        return np.full(n, np.nan)
    greens_s = min_green_s.copy()
    pinned = np.zeros(n, dtype=np.bool_)
    for _ in range(n):
        left_s = green_s
        weight = 0.0
        for p in range(n):
            if pinned[p]:
                left_s -= min_green_s[p]
            else:
                weight += ratios[p] if total > 0.0 else 1.0
        changed = False
        for p in range(n):
            if pinned[p]:
                continue
            part = ratios[p] if total > 0.0 else 1.0
            greens_s[p] = left_s * part / weight if weight > 0.0 else 0.0
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
    total_s = greens_s.sum()
    if np.isnan(total_s):
        return np.full(n, np.nan)
    rounded_s, remainder = np.empty(n), np.empty(n)
    given = 0.0
    for p in range(n):
        exact = greens_s[p] / step_s
        steps = max(np.floor(exact + 1e-9), np.ceil(min_green_s[p] / step_s - 1e-9))
        rounded_s[p], remainder[p] = steps * step_s, exact - steps
        given += steps
    for _ in range(int(np.round(total_s / step_s - given))):
        p = int(np.argmax(remainder))
        rounded_s[p] += step_s
        remainder[p] -= 1.0
    return rounded_s


@njit(cache=True)
def fits(ratios: Floats, cycle_s: float, lost_s: float, min_green_s: Floats) -> bool:
    """Whether the greens that the ratios ask for, or the minimums where those are longer, fit into the cycle."""
    needed_s = lost_s
    for p in range(ratios.size):
        needed_s += max(ratios[p] * cycle_s, min_green_s[p])
    return needed_s <= cycle_s


@njit(cache=True)
def class_plan_s(
    flow_veh_h: Floats, saturation_veh_h: Floats, class_of: Ints, within: Bools, counted: Bools, lost_s: float, min_green_s: Floats,
    min_cycle_s: float, max_cycle_s: float, step_s: float,
) -> Floats:  # fmt: skip
    """`plan_s` with the classes of `classes_of` worked out before: they do not change with the flows."""
    ratios = shares_for(asked_ratios(flow_veh_h, saturation_veh_h, class_of, within.shape[0]), within)
    cycle_s = optimal_cycle_s(lost_s, ratios.sum(), min_cycle_s, max_cycle_s)
    cycle_s = cycle_with_minimums_s(cycle_s, lost_s, ratios, min_green_s, max_cycle_s)
    if cycle_s >= max_cycle_s and not fits(ratios, cycle_s, lost_s, min_green_s):
        shared_s: Floats = least_overflow_greens_s(
            flow_veh_h, saturation_veh_h, class_of, within, counted, cycle_s, lost_s, min_green_s, step_s
        )
        return shared_s
    greens_s: Floats = proportional_greens_s(ratios, cycle_s - lost_s, min_green_s)
    rounded_s: Floats = on_grid_s(greens_s, min_green_s, step_s)
    return rounded_s


@njit(cache=True)
def plan_s(
    flow_veh_h: Floats, saturation_veh_h: Floats, serves: Ints, counted: Bools, lost_s: float, min_green_s: Floats,
    min_cycle_s: float, max_cycle_s: float, step_s: float,
) -> Floats:  # fmt: skip
    """Greens of one signal's Webster plan [phase]; the cycle is their sum plus the lost time. NaN: unknown flow.

    `counted` [movement]: whose left-over vehicles count where not all fit; movements that also stand in a lane group do not.
    """
    class_of, within = classes_of(serves)
    found_s: Floats = class_plan_s(
        flow_veh_h, saturation_veh_h, class_of, within, counted, lost_s, min_green_s, min_cycle_s, max_cycle_s, step_s
    )
    return found_s


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


@njit(cache=True)
def foe_lists(opposed_by: Bools) -> tuple[Ints, Ints]:
    """Whom each movement waits for: foes one after the other, and where each movement's end [movement]."""
    movements = opposed_by.shape[0]
    ends = np.zeros(movements, dtype=np.int64)
    foes = np.zeros(opposed_by.sum(), dtype=np.int64)
    n = 0
    for m in range(movements):
        for k in range(movements):
            if opposed_by[m, k]:
                foes[n] = k
                n += 1
        ends[m] = n
    return foes, ends


@njit(cache=True)
def loads(
    flow_veh_h: Floats, saturation_veh_h: Floats, foes: Ints, foe_end: Ints, group_of: Ints, lanes: Floats, group_lanes: Floats
) -> tuple[Floats, Floats]:
    """Flow and saturation flow of movements and lane groups [movement + group]. HCM 2000, ch. 16 and its app. C.

    A movement that yields (to its foes, as `foe_lists` gives them) has what the gaps leave it. A group (that of each movement in
    `group_of`, -1 for none) has the mix of its movements, s = lanes * v / sum (v_m / s_m), s_m of one lane. A movement without
    saturation flow has no flow.
    """
    n, groups = flow_veh_h.size, group_lanes.size
    flows, saturations = np.zeros(n + groups), np.zeros(n + groups)
    needed, members = np.zeros(groups), np.zeros(groups)
    at = 0
    for m in range(n):
        first, at = at, foe_end[m]
        if not saturation_veh_h[m] > 0.0:
            continue
        flows[m], saturations[m] = flow_veh_h[m], saturation_veh_h[m]
        if at > first:
            opposing_veh_h, ratio = 0.0, 0.0
            for f in range(first, at):
                k = foes[f]
                if saturation_veh_h[k] > 0.0:
                    opposing_veh_h += flow_veh_h[k]
                    ratio = max(ratio, flow_veh_h[k] / saturation_veh_h[k])
            saturations[m] = permissive_saturation_veh_h(opposing_veh_h, ratio, saturation_veh_h[m])
        if group_of[m] >= 0:
            g = group_of[m]
            per_lane_veh_h = saturations[m] / lanes[m] if lanes[m] > 0.0 else 0.0
            flows[n + g] += flows[m]
            needed[g] += flows[m] / max(per_lane_veh_h, 1.0)
            saturations[n + g] += per_lane_veh_h
            members[g] += 1.0
    for g in range(groups):
        mix_veh_h = flows[n + g] / needed[g] if needed[g] > 0.0 else saturations[n + g] / max(members[g], 1.0)
        saturations[n + g] = group_lanes[g] * mix_veh_h
    return flows, saturations
