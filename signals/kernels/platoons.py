"""Platoons through a network as cyclic flow profiles: who arrives, queues, stops and leaves in each second of a common cycle.

The model of TRANSYT: what leaves a stop line disperses on its way to the next one, the rest arrives evenly; queues are worked out in
one typical cycle, chance and overload are added in closed form. Robertson 1969, RRL report LR 253.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from signals.kernels.delay import incremental_delay_s

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ALPHA = 0.35  # dispersion, Robertson 1969
BETA = 0.8  # the head of a platoon travels in this part of the mean travel time
START_UP_S = 2  # of each green is lost
CRITICAL_GAP_S = 4.5  # of a permissive left turn, HCM 2000, exhibit 17-5 and ch. 16
FOLLOW_UP_S = 2.5
SNEAKERS_VEH = 2.0  # wait inside the junction and leave as the green ends
FULL = 0.999  # of the capacity that arrivals may fill in the typical cycle; the rest is overflow
PERIOD_H = 0.25
FIXED_TIME_K = 0.5


class Links(NamedTuple):
    """Streams at stop lines, each of movements that share lanes and greens. Padded [link, stage] where a signal has fewer stages."""

    signal: Ints  # [link]
    flow_veh_s: Floats  # [link]
    saturation_veh_s: Floats  # [link, stage] while that stage is green, if nobody opposes; 0 where it does not serve
    yielding: Floats  # [link, stage] share of its vehicles that wait for gaps in the opposing links
    foe_start: Ints  # [link + 1] offsets into the `foe` axis
    foe: Ints  # [foe] opposing links, of the same signal
    storage_veh: Floats  # [link] room up to the signal upstream; inf where there is none
    source_start: Ints  # [link + 1] offsets into the `source` axis
    source: Ints  # [source] link that feeds it
    source_flow_veh_s: Floats  # [source] part of the link's flow that comes from there
    source_travel_s: Floats  # [source]
    member_start: Ints  # [signal + 1] offsets into the `member` axis
    member: Ints  # [member] links of a signal, then those that they feed directly at other signals


class Timing(NamedTuple):
    """Plans of all signals in whole seconds; stages beyond a signal's own are 0."""

    stages: Ints  # [signal] number of stages
    green_s: Ints  # [signal, stage]
    between_s: Ints  # [signal, stage] intergreen after the stage
    offset_s: Ints  # [signal] when the first stage turns green
    double: Ints  # [signal] 2 where it runs twice in a common cycle, else 1


class Costs(NamedTuple):
    """What else counts beside delay."""

    stop_s: float  # of delay that one stop is worth
    spill: float  # standing vehicles that one vehicle too many for its street, at the longest queue, is worth


@njit(cache=True)
def dispersion(travel_s: float) -> float:
    """Smoothing factor F = 1 / (1 + alpha beta T) of a platoon on its way, T in steps of a second. Robertson 1969."""
    return 1.0 / (1.0 + ALPHA * BETA * travel_s)


@njit(cache=True)
def dispersed(leaving: Floats, travel_s: float) -> Floats:
    """Arrivals of a cyclic flow [second] after a journey: q'(t + beta T) = F q(t) + (1 - F) q'(t + beta T - 1). Robertson 1969.

    The recursion is closed over the cycle exactly: what a pass from an empty road ends with, summed over all cycles before.
    """
    n = leaving.shape[0]
    keep = 1.0 - dispersion(travel_s)
    last = 0.0
    for t in range(n):
        last = (1.0 - keep) * leaving[t] + keep * last
    last /= 1.0 - keep**n
    lag = round(BETA * travel_s)
    arriving = np.empty(n)
    for t in range(n):
        last = (1.0 - keep) * leaving[t] + keep * last
        arriving[(t + lag) % n] = last
    return arriving


@njit(cache=True)
def through_gaps_veh_s(opposing_veh_s: float) -> float:
    """Vehicles that find gaps in an opposing flow q, q exp(-q t_c) / (1 - exp(-q t_f)), 1 / t_f without one [veh/s]. HCM 2000, ch. 16."""
    if opposing_veh_s < 1e-6:
        return 1.0 / FOLLOW_UP_S
    return opposing_veh_s * math.exp(-opposing_veh_s * CRITICAL_GAP_S) / (1.0 - math.exp(-opposing_veh_s * FOLLOW_UP_S))


@njit(cache=True)
def opposed_veh_s(full_veh_s: float, yielding: float, opposing_veh_s: float) -> float:
    """Saturation flow of lanes in which a share of the vehicles waits for gaps: 1 / s = (1 - p) / s_full + p / s_gaps [veh/s]."""
    if full_veh_s <= 0.0 or yielding <= 0.0:
        return full_veh_s
    mixed_veh_s: float = 1.0 / ((1.0 - yielding) / full_veh_s + yielding / through_gaps_veh_s(opposing_veh_s))
    return min(full_veh_s, mixed_veh_s)


@njit(cache=True)
def served(link: int, links: Links, timing: Timing, leaving: Floats) -> Floats:
    """Saturation flow of a link in each second of the common cycle [veh/s]; a green's first seconds are lost unless it goes on.

    A link that yields gets, second by second, what the vehicles leaving the opposing links let through, and its sneakers.
    """
    cycle_s = leaving.shape[1]
    flow, opposing = np.zeros(cycle_s), np.zeros(cycle_s)
    for f in range(links.foe_start[link], links.foe_start[link + 1]):
        opposing += leaving[links.foe[f]]
    i = links.signal[link]
    n = timing.stages[i]
    for again in range(timing.double[i]):
        t = timing.offset_s[i] + again * (cycle_s // timing.double[i])
        for k in range(n):
            here, next_veh_s = links.saturation_veh_s[link, k], links.saturation_veh_s[link, (k + 1) % n]
            waits = links.yielding[link, k]
            lost = START_UP_S if links.saturation_veh_s[link, (k - 1) % n] <= 0.0 else 0
            for s in range(lost, timing.green_s[i, k]):
                at = (t + s) % cycle_s
                flow[at] = opposed_veh_s(here, waits, opposing[at])
            t += timing.green_s[i, k]
            if waits > 0.0 and links.yielding[link, (k + 1) % n] <= 0.0:
                flow[(t - 1) % cycle_s] += SNEAKERS_VEH * waits
            for s in range(timing.between_s[i, k]):
                at = (t + s) % cycle_s
                flow[at] = opposed_veh_s(min(here, next_veh_s), waits, opposing[at])
            t += timing.between_s[i, k]
    return flow


@njit(cache=True)
def queued(arriving: Floats, capacity: Floats, leaving: Floats) -> tuple[float, float, float]:
    """(mean queue [veh], stops [veh/cycle], longest queue [veh]) of cyclic arrivals that a cyclic capacity serves [veh/s each].

    Vertical queue q(t+1) = max(0, q(t) + a(t) - c(t)), in the cycle that repeats; writes who leaves [second]. A vehicle stops if it
    cannot leave in the second in which it comes.
    """
    n = arriving.shape[0]
    load = arriving.sum()
    fits = min(1.0, FULL * capacity.sum() / load) if load > 0.0 else 1.0
    queue = 0.0
    for t in range(n):
        queue = max(0.0, queue + fits * arriving[t] - capacity[t])
    total = stops = longest = 0.0
    for t in range(n):
        coming = fits * arriving[t]
        left = max(0.0, queue + coming - capacity[t])
        leaving[t] = queue + coming - left
        stops += min(coming, left)
        total += left
        longest = max(longest, left)
        queue = left
    return total / n, stops / fits, longest


@njit(cache=True)
def arrivals(link: int, links: Links, leaving: Floats) -> Floats:
    """Flow at the stop line of a link in each second [veh/s], from what its sources let go [link, second] and evenly for the rest."""
    n = leaving.shape[1]
    found = np.zeros(n)
    even = links.flow_veh_s[link]
    for k in range(links.source_start[link], links.source_start[link + 1]):
        before = links.source[k]
        total = leaving[before].sum()
        if total <= 0.0:
            continue
        coming = dispersed(leaving[before], links.source_travel_s[k])
        part = links.source_flow_veh_s[k] * n / total
        even -= links.source_flow_veh_s[k]
        for t in range(n):
            found[t] += part * coming[t]
    total_veh_s: Floats = found + max(0.0, even)
    return total_veh_s


@njit(cache=True)
def link_cost(link: int, links: Links, timing: Timing, costs: Costs, leaving: Floats) -> tuple[float, float, float]:
    """(delay [veh s / s], stops [veh/s], cost [veh s / s]) of a link; renews who leaves it [link, second]."""
    n = leaving.shape[1]
    flow = links.flow_veh_s[link]
    if flow <= 0.0:
        leaving[link] = 0.0
        return 0.0, 0.0, 0.0
    arriving = arrivals(link, links, leaving)
    capacity = served(link, links, timing, leaving)
    capacity_veh_s = capacity.sum() / n
    if capacity_veh_s <= 0.0:  # Turns on red, or a lamp that no stage serves: it does not wait for us.
        leaving[link] = arriving
        return 0.0, 0.0, 0.0
    standing_veh, stops, longest_veh = queued(arriving, capacity, leaving[link])
    by_chance_s = incremental_delay_s(flow / capacity_veh_s, 3600.0 * capacity_veh_s, PERIOD_H, FIXED_TIME_K, 1.0)
    delay = standing_veh + flow * by_chance_s
    over_veh = max(0.0, longest_veh - links.storage_veh[link])
    return delay, stops / n, delay + costs.stop_s * stops / n + costs.spill * over_veh


@njit(cache=True)
def sweep(links: Links, timing: Timing, costs: Costs, sweeps: int, leaving: Floats) -> Floats:
    """(delay, stops, cost) of every link [link, 3], after some sweeps through the network that carry platoons on from link to link."""
    n = links.signal.shape[0]
    found = np.zeros((n, 3))
    for _ in range(sweeps):
        for link in range(n):
            delay, stops, cost = link_cost(link, links, timing, costs, leaving)
            found[link, 0], found[link, 1], found[link, 2] = delay, stops, cost
    return found


@njit(cache=True)
def around(signal: int, links: Links, timing: Timing, costs: Costs, leaving: Floats) -> float:
    """Cost of a signal's links and of those that they feed: what a change of its timing changes first [veh s / s]."""
    cost = 0.0
    for k in range(links.member_start[signal], links.member_start[signal + 1]):
        cost += link_cost(links.member[k], links, timing, costs, leaving)[2]
    return cost


@njit(cache=True)
def tried(signal: int, links: Links, timing: Timing, costs: Costs, leaving: Floats, best: float, kept: Floats) -> float:
    """Cost around a signal with its timing as it now stands; where it is not better, the profiles are put back [member, second]."""
    start, end = links.member_start[signal], links.member_start[signal + 1]
    for k in range(start, end):
        kept[k - start] = leaving[links.member[k]]
    cost: float = around(signal, links, timing, costs, leaving)
    if not cost < best - 1e-9:
        for k in range(start, end):
            leaving[links.member[k]] = kept[k - start]
    return cost


@njit(cache=True)
def climb_offset(signal: int, links: Links, timing: Timing, costs: Costs, leaving: Floats, steps_s: Ints, kept: Floats) -> float:
    """Move a signal's offset by each of the steps, both ways, as long as the cost around it falls; what was saved [veh s / s]."""
    n = leaving.shape[1]
    first = best = around(signal, links, timing, costs, leaving)
    for step_s in steps_s:
        for way in (1, -1):
            while True:
                before_s = timing.offset_s[signal]
                timing.offset_s[signal] = (before_s + way * step_s) % n
                cost = tried(signal, links, timing, costs, leaving, best, kept)
                if not cost < best - 1e-9:
                    timing.offset_s[signal] = before_s
                    break
                best = cost
    saved: float = first - best
    return saved


@njit(cache=True)
def climb_greens(
    signal: int, links: Links, timing: Timing, costs: Costs, leaving: Floats, steps_s: Ints, least_s: Ints, kept: Floats
) -> float:
    """Move green from one stage of a signal to another, minimums [stage] kept, as long as the cost falls; what was saved."""
    first = best = around(signal, links, timing, costs, leaving)
    for step_s in steps_s:
        for a in range(timing.stages[signal]):
            for b in range(timing.stages[signal]):
                while a != b and timing.green_s[signal, a] - step_s >= least_s[a]:
                    timing.green_s[signal, a] -= step_s
                    timing.green_s[signal, b] += step_s
                    cost = tried(signal, links, timing, costs, leaving, best, kept)
                    if not cost < best - 1e-9:
                        timing.green_s[signal, a] += step_s
                        timing.green_s[signal, b] -= step_s
                        break
                    best = cost
    saved: float = first - best
    return saved


@njit(cache=True)
def climbed(
    links: Links, timing: Timing, costs: Costs, least_s: Ints, offset_steps_s: Ints, green_steps_s: Ints, rounds: int, leaving: Floats
) -> float:
    """Hill climbing through all signals in turn, offsets and greens; changes `timing`, returns the cost [veh s / s]. Robertson 1969.

    Each signal is moved while the links around it gain; a round ends with the platoons carried through the network. It stops when a
    round gains less than a thousandth, and keeps the best timing that a whole sweep has seen.
    """
    most = 0
    for i in range(timing.stages.shape[0]):
        most = max(most, links.member_start[i + 1] - links.member_start[i])
    kept = np.empty((most, leaving.shape[1]))
    best = sweep(links, timing, costs, 3, leaving)[:, 2].sum()
    green_s, offset_s = timing.green_s.copy(), timing.offset_s.copy()
    for _ in range(rounds):
        for i in range(timing.stages.shape[0]):
            if offset_steps_s.shape[0] > 0:
                climb_offset(i, links, timing, costs, leaving, offset_steps_s, kept)
            if green_steps_s.shape[0] > 0:
                climb_greens(i, links, timing, costs, leaving, green_steps_s, least_s[i], kept)
        cost = sweep(links, timing, costs, 2, leaving)[:, 2].sum()
        if not cost < best:
            break
        gained = best - cost
        best = cost
        green_s[:], offset_s[:] = timing.green_s, timing.offset_s
        if gained < 1e-3 * best:
            break
    timing.green_s[:], timing.offset_s[:] = green_s, offset_s
    return math.inf if np.isnan(best) else best
