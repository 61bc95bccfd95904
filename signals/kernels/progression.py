"""Progression along an arterial: the band that a set of offsets leaves, and the offsets of the widest bands at a given cycle, exactly.

All times lie on one clock [s], greens are one a signal and direction, and travel times count from the first signal: outbound is the
order of the arrays, inbound runs against it. The widest bands are those of MAXBAND. Morgan and Little 1964, Operations Research 12(6);
Little, Kelson and Gartner 1981, Transportation Research Record 795.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EPSILON_S = 1e-9
TIE_S = 1e-6  # of two sums as large, the one with the more equal bands is taken


class Bands(NamedTuple):
    """Widths of the two bands [s], and when the outbound green of each signal starts [signal, s]."""

    out_s: float
    back_s: float
    start_s: Floats


@njit(cache=True)
def band(start_s: Floats, green_s: Floats, travel_s: Floats, cycle_s: float) -> tuple[float, float]:
    """(first departure, width) of the widest band through greens that start at `start_s` [signal], leaving a point where travel is 0 [s].

    Each green, moved back by the travel time to it, is an arc of the clock; the band is the longest arc in all of them, and begins
    where one of them begins. Width 0 where nobody passes every signal on green. Little 1966, Operations Research 14(4).
    """
    best_s, width_s = 0.0, 0.0
    for i in range(start_s.shape[0]):
        begin_s = (start_s[i] - travel_s[i]) % cycle_s
        room_s = cycle_s
        for j in range(start_s.shape[0]):
            if green_s[j] >= cycle_s:
                continue
            into_s = (begin_s - start_s[j] + travel_s[j]) % cycle_s
            into_s = 0.0 if cycle_s - into_s < EPSILON_S else into_s
            room_s = min(room_s, max(0.0, green_s[j] - into_s))
        if room_s > width_s:
            best_s, width_s = begin_s, room_s
    return best_s, width_s


@njit(cache=True)
def arrives_s(departure_s: float, travel_s: Floats, cycle_s: float) -> Floats:
    """When the front of a band passes each signal, on the clock [signal, s]: a line of the time-space diagram."""
    found: Floats = (departure_s + travel_s) % cycle_s
    return found


@njit(cache=True)
def widths_at(shift_s: float, closes_s: Floats, green_s: Floats, back_green_s: Floats, cycle_s: float, ratio: float) -> tuple[float, float]:
    """(outbound band, inbound band) [s], the widest for one meeting time of the two bands.

    With w the time from the start of green to a band's front, w_back - w = d (mod C) at each signal, d = shift - closes. Both bands
    pass if w_back - w = d is in reach, so back <= G_back - d, or if d - C is, so out <= G - C + d. Of the two the signals with the smallest
    inbound limits take the second: every such choice is tried. `ratio`: inbound at least that part of outbound.
    """
    n = closes_s.shape[0]
    away_s = (shift_s - closes_s) % cycle_s
    for i in range(n):
        if cycle_s - away_s[i] < EPSILON_S:
            away_s[i] = 0.0
    least_out_s, least_back_s = green_s.min(), back_green_s.min()
    best_out_s, best_back_s, best = 0.0, 0.0, -1.0
    for choice in range(n + 1):
        limit_s = least_back_s if choice == n else min(least_back_s, back_green_s[choice] - away_s[choice])
        if limit_s < 0.0:
            continue
        out_s = least_out_s
        for j in range(n):
            if back_green_s[j] - away_s[j] < limit_s - EPSILON_S:
                out_s = min(out_s, green_s[j] - cycle_s + away_s[j])
        if out_s < 0.0:
            continue
        out_s = min(out_s, limit_s / ratio) if ratio > 0.0 else out_s
        if out_s + limit_s > best:
            best_out_s, best_back_s, best = out_s, limit_s, out_s + limit_s
    return best_out_s, best_back_s


@njit(cache=True)
def meeting_times_s(closes_s: Floats, green_s: Floats, back_green_s: Floats, cycle_s: float, ratio: float) -> Floats:
    """Times at which one of them gives the widest bands [candidate]: where a limit appears, vanishes, or meets another.

    The sum of the bands is piecewise linear in the meeting time, its corners are where d = 0, where a signal's limit equals the
    smallest green or 0, and, under a ratio, where two signals' limits stand in that ratio.
    """
    n = closes_s.shape[0]
    least_out_s, least_back_s = green_s.min(), back_green_s.min()
    found = np.empty(5 * n + 2 * n * (n + 1)) if ratio > 0.0 else np.empty(5 * n)
    k = 0
    for i in range(n):
        lost_s = cycle_s - green_s[i]
        for away_s in (0.0, back_green_s[i] - least_back_s, back_green_s[i], lost_s + least_out_s, lost_s):
            found[k] = closes_s[i] + away_s
            k += 1
    if ratio > 0.0:
        for i in range(n):
            found[k] = closes_s[i] + back_green_s[i] - ratio * least_out_s
            found[k + 1] = closes_s[i] + cycle_s - green_s[i] + least_back_s / ratio
            k += 2
            for j in range(n):
                # Where G_back_i - d_i = ratio (G_j - C + d_j), with d_j = d_i + apart, or that less a cycle.
                apart_s = (closes_s[i] - closes_s[j]) % cycle_s
                for turn_s in (0.0, cycle_s):
                    other_s = green_s[j] - cycle_s + apart_s - turn_s
                    found[k] = closes_s[i] + (back_green_s[i] - ratio * other_s) / (1.0 + ratio)
                    k += 1
    return found


@njit(cache=True)
def widest(
    green_s: Floats, back_green_s: Floats, back_after_s: Floats, travel_s: Floats, back_s: Floats, cycle_s: float, ratio: float
) -> Bands:
    """Offsets of the largest sum of two bands at one cycle: MAXBAND without branching, `ratio` from 0 (none) to 1 (inbound no narrower).

    `back_after_s` [signal]: from the start of the outbound green to that of the inbound green; `travel_s` outbound from the first signal,
    `back_s` inbound to the first signal. Bands 0 and NaN starts where a green is longer than the cycle.
    """
    n = green_s.shape[0]
    start_s = np.full(n, np.nan)
    if not (green_s.max() <= cycle_s and back_green_s.max() <= cycle_s and cycle_s > 0.0):
        return Bands(0.0, 0.0, start_s)
    # The inbound front is `shift` ahead of the outbound one at the first signal: at signal i, w_back - w = shift - closes_i.
    closes_s = travel_s + back_s + back_after_s
    out_s = inbound_s = shift_s = 0.0
    best = -1.0
    for one_s in meeting_times_s(closes_s, green_s, back_green_s, cycle_s, ratio):
        # A limit that holds up to d = C but not at 0 counts from just before the corner as well.
        for just_s in (0.0, -10.0 * EPSILON_S):
            o, b = widths_at(one_s + just_s, closes_s, green_s, back_green_s, cycle_s, ratio)
            more = o + b - best
            if more > TIE_S or (more > -TIE_S and min(o, b) > min(out_s, inbound_s) + TIE_S):
                best, out_s, inbound_s, shift_s = o + b, o, b, one_s + just_s
    for i in range(n):
        away_s = (shift_s - closes_s[i]) % cycle_s
        away_s = 0.0 if cycle_s - away_s < EPSILON_S else away_s
        if back_green_s[i] - away_s < inbound_s - EPSILON_S:
            away_s -= cycle_s
        wait_s = min(max(0.0, -away_s), green_s[i] - out_s)  # from the start of the outbound green to the band
        start_s[i] = (travel_s[i] - wait_s) % cycle_s
    return Bands(out_s, inbound_s, start_s)


@njit(cache=True)
def widest_of_cycles(
    green_share: Floats, back_green_share: Floats, back_after_share: Floats, travel_s: Floats, back_s: Floats,
    cycles_s: Floats, ratio: float,
) -> tuple[float, Bands]:  # fmt: skip
    """(cycle, its bands) with the largest sum of bands as a share of the cycle; greens are shares of the cycle [signal]."""
    cycle_s = cycles_s[0]
    best = widest(green_share * cycle_s, back_green_share * cycle_s, back_after_share * cycle_s, travel_s, back_s, cycle_s, ratio)
    for one_s in cycles_s[1:]:
        found = widest(green_share * one_s, back_green_share * one_s, back_after_share * one_s, travel_s, back_s, one_s, ratio)
        if (found.out_s + found.back_s) / one_s > (best.out_s + best.back_s) / cycle_s + EPSILON_S:
            cycle_s, best = one_s, found
    return cycle_s, best


@njit(cache=True)
def widest_of_many(
    signals: Ints, green_share: Floats, back_green_share: Floats, back_after_share: Floats, travel_s: Floats, back_s: Floats,
    cycles_s: Floats, ratio: float,
) -> Floats:  # fmt: skip
    """Cycle, outbound and inbound band of many arterials [arterial, 3], then the starts [signal]; arrays padded [arterial, signal]."""
    found = np.full((signals.shape[0], 3 + green_share.shape[1]), np.nan)
    for a in range(signals.shape[0]):
        n = signals[a]
        cycle_s, bands = widest_of_cycles(
            green_share[a, :n], back_green_share[a, :n], back_after_share[a, :n], travel_s[a, :n], back_s[a, :n], cycles_s, ratio
        )
        found[a, 0], found[a, 1], found[a, 2] = cycle_s, bands.out_s, bands.back_s
        found[a, 3 : 3 + n] = bands.start_s
    return found
