"""Kernels that split counts into movements: generalised least squares and a Kalman filter, junction by junction.

A part is what a movement sends over one lane to one exit; every count is a sum of parts.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from signals.types import Bools, Floats, Ints

EXACT = 1e-8  # variance per counted vehicle that stands for none
WAY_CONCENTRATION_VEH = 2.3  # how evenly a movement spreads over its lanes and exits: maximum likelihood of 160 two-lane movements there
TOLD = 0.5  # counts tell of an approach that nobody counts if they take away half of the guess's variance
LEAST_SHARE, LEAST_VARIANCE, CLOSE_VEH = 1e-3, 1e-12, 1e-6
SWEEPS = 400


class Junctions(NamedTuple):
    """Movements, counted places and who passes where, of many junctions one after the other; `*_start` [junction + 1] are offsets."""

    movement_start: Ints
    approach_start: Ints
    lane_start: Ints
    exit_start: Ints
    part_start: Ints
    square_start: Ints  # into covariances, n x n of each junction's n movements
    approach: Ints  # [movement]
    turn: Ints  # [movement] codes of `signals.layout.TURN_CODES`
    part_movement: Ints  # [part] a part: vehicles of a movement that use one lane and one exit
    part_lane: Ints  # [part] -1: on no lane that is known
    part_exit: Ints  # [part] -1: to no exit that is known
    lane_approach: Ints  # [lane] -1: of none
    arm: Ints  # [exit] approach of the same street, -1 where there is none


class Counts(NamedTuple):
    """Vehicles in one bin; NaN where nobody counts or the detector is dead."""

    approach_veh: Floats
    lane_veh: Floats
    exit_veh: Floats


class Entering(NamedTuple):
    """What each approach [approach] may let in, before the counts are weighed."""

    veh: Floats
    sd_veh: Floats
    blind: Bools  # neither counted nor expected: a guess of the right order, to be thrown away where counts elsewhere do not tell
    counted_veh: Floats  # by its own detector or by all of its lanes; NaN where neither is whole


class Belief(NamedTuple):
    """Turning shares and how sure they are."""

    shares: Floats
    """[movement]"""
    covariance: Floats
    """[square] n x n of each junction, flat"""


@njit(cache=True)
def prior_covariance(places: Junctions, shares: Floats, concentration_veh: Floats, pull_spread: Floats) -> Floats:
    """Covariance [square] of shares [movement]: (diag p - p p') / (1 + k) on each approach, plus sum over exits of v g g'.

    Every exit draws from all approaches by one factor exp(u); u has the variance v, `pull_spread`^2 [exit], and g = dp / du.
    Movements of one approach and turn (a lamp for each lane) split their sum with a concentration of their own.
    """
    covariance = np.zeros(places.square_start[-1])
    for j in range(places.movement_start.size - 1):
        first, n = places.movement_start[j], places.movement_start[j + 1] - places.movement_start[j]
        own, approach, turn = shares[first : first + n], places.approach[first : first + n], places.turn[first : first + n]
        drawn = _drawn(j, places, own, pull_spread)
        for m in range(n):
            alike = 0.0
            for k in range(n):
                if approach[k] == approach[m] and turn[k] == turn[m]:
                    alike += own[k]
            for k in range(n):
                spread = 0.0
                for e in range(drawn.shape[1]):
                    spread += drawn[m, e] * drawn[k, e]
                if approach[k] == approach[m]:
                    both = own[m] * own[k]
                    spread += ((own[m] if m == k else 0.0) - both) / (1.0 + concentration_veh[approach[m]])
                    if turn[k] == turn[m]:
                        spread += ((own[m] * alike if m == k else 0.0) - both) / (1.0 + WAY_CONCENTRATION_VEH)
                covariance[places.square_start[j] + m * n + k] = spread
    return covariance


@njit(cache=True)
def _drawn(j: int, places: Junctions, shares: Floats, pull_spread: Floats) -> Floats:
    """How a junction's shares [movement, exit] move when an exit draws more by one standard deviation: sd p_m ([m to e] - P_ae)."""
    first, first_exit = places.movement_start[j], places.exit_start[j]
    exits = places.exit_start[j + 1] - first_exit
    goes, ways = np.zeros((shares.size, exits)), np.zeros(shares.size)
    for p in range(places.part_start[j], places.part_start[j + 1]):
        ways[places.part_movement[p] - first] += 1.0
        if places.part_exit[p] >= 0:
            goes[places.part_movement[p] - first, places.part_exit[p] - first_exit] += 1.0
    total = np.zeros((places.approach_start[j + 1] - places.approach_start[j], exits))
    for m in range(shares.size):
        goes[m] *= shares[m] / ways[m]
        total[places.approach[first + m] - places.approach_start[j]] += goes[m]
    for m in range(shares.size):
        goes[m] -= shares[m] * total[places.approach[first + m] - places.approach_start[j]]
        goes[m] *= pull_spread[first_exit : first_exit + exits]
    return goes


@njit(cache=True)
def filtered(places: Junctions, counts: Counts, belief: Belief, before: Entering, noise: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Flow [part], its variance [movement], shares [movement] and their covariance [square] after the counts, junction by junction."""
    part_veh = np.full(places.part_movement.size, np.nan)
    variance = np.full(places.approach.size, np.nan)
    shares, covariance = belief.shares.copy(), belief.covariance.copy()
    for j in range(places.movement_start.size - 1):
        here = slice(places.approach_start[j], places.approach_start[j + 1])
        entering_veh, blind = before.veh[here].copy(), before.blind[here]
        mean, cov = _expectation(j, places, belief, entering_veh, before.sd_veh[here])
        _weigh(j, places, counts, noise, mean, cov)
        if blind.any():
            # The spread of an uncounted approach grows with its flow: once more, with the flow that was found.
            found_veh, _ = _approach_totals(j, places, mean, cov)
            for a in range(blind.size):
                if blind[a]:
                    entering_veh[a] = max(found_veh[a], 1.0)
            mean, cov = _expectation(j, places, belief, entering_veh, before.sd_veh[here])
            _weigh(j, places, counts, noise, mean, cov)
        _, total_variance = _approach_totals(j, places, mean, cov)
        told = ~blind | (total_variance < TOLD * before.sd_veh[here] ** 2)
        _report(j, places, mean, cov, told, part_veh, variance)
        _hand_on(j, places, mean, cov, shares, covariance)
    return part_veh, variance, shares, covariance


@njit(cache=True)
def _expectation(j: int, places: Junctions, belief: Belief, entering_veh: Floats, sd_veh: Floats) -> tuple[Floats, Floats]:
    """Mean and covariance of a junction's parts and then its shares, before any count.

    cov(x_m, x_n) = T_a T_b C_mn + [a = b] (T_a (s_m [m = n] - s_m s_n) + s_m s_n var T_a): unsure shares, chance, unsure totals.
    """
    first, first_part, first_approach = places.movement_start[j], places.part_start[j], places.approach_start[j]
    n, parts = places.movement_start[j + 1] - first, places.part_start[j + 1] - first_part
    square = belief.covariance[places.square_start[j] : places.square_start[j + 1]].reshape(n, n)
    ways = np.zeros(n)
    for p in range(parts):
        ways[places.part_movement[first_part + p] - first] += 1.0
    mean, cov = np.empty(parts + n), np.empty((parts + n, parts + n))
    mean[parts:] = belief.shares[first : first + n]
    cov[parts:, parts:] = square
    for p in range(parts):
        m = places.part_movement[first_part + p] - first
        a = places.approach[first + m] - first_approach
        flow_veh = entering_veh[a] * belief.shares[first + m]
        mean[p] = flow_veh / ways[m]
        for k in range(n):
            cov[p, parts + k] = cov[parts + k, p] = entering_veh[a] * square[m, k] / ways[m]
        for r in range(parts):
            k = places.part_movement[first_part + r] - first
            b = places.approach[first + k] - first_approach
            both = entering_veh[a] * entering_veh[b] * square[m, k]
            if a == b:
                share = belief.shares[first + k]
                both += flow_veh * ((1.0 if m == k else 0.0) - share) + belief.shares[first + m] * share * sd_veh[a] ** 2
            cov[p, r] = both / (ways[m] * ways[k])
            if m == k:
                spread = ((1.0 if p == r else 0.0) - 1.0 / ways[m]) / ways[m]
                cov[p, r] += spread * flow_veh * (flow_veh + WAY_CONCENTRATION_VEH) / (1.0 + WAY_CONCENTRATION_VEH)
    return mean, cov


@njit(cache=True)
def _weigh(j: int, places: Junctions, counts: Counts, noise: float, mean: Floats, cov: Floats) -> None:
    """Take in every count of a junction, then see that no part is negative; mean and cov become those after it."""
    first, parts = places.part_start[j], places.part_start[j + 1] - places.part_start[j]
    approach = places.approach[places.part_movement[first : first + parts]]
    lane, exits = places.part_lane[first : first + parts], places.part_exit[first : first + parts]
    for a in range(places.approach_start[j], places.approach_start[j + 1]):
        observe(approach == a, counts.approach_veh[a], noise, mean, cov)
    for k in range(places.lane_start[j], places.lane_start[j + 1]):
        observe(lane == k, counts.lane_veh[k], noise, mean, cov)
    for e in range(places.exit_start[j], places.exit_start[j + 1]):
        observe(exits == e, counts.exit_veh[e], noise, mean, cov)
    keep_positive(parts, mean, cov)


@njit(cache=True)
def observe(on: Bools, count_veh: float, noise: float, mean: Floats, cov: Floats) -> None:
    """One count of the parts [part] it is the sum of: gain = P h / (h' P h + r), in place. Kalman 1960."""
    if np.isnan(count_veh) or not on.any():
        return
    reach = np.zeros(mean.size)
    known_veh, spread = 0.0, 0.0
    for p in range(on.size):
        if on[p]:
            reach += cov[p]
            known_veh += mean[p]
    for p in range(on.size):
        if on[p]:
            spread += reach[p]
    spread = max(spread, 0.0) + noise * max(count_veh, 1.0)
    mean += reach * ((count_veh - known_veh) / spread)
    for i in range(mean.size):
        part = reach[i] / spread
        for k in range(mean.size):
            cov[i, k] -= part * reach[k]


@njit(cache=True)
def keep_positive(parts: int, mean: Floats, cov: Floats) -> None:
    """The nearest mean in the metric of its covariance that has no negative part, in place. Hildreth 1957."""
    pushed = np.zeros(parts)
    for _ in range(SWEEPS):
        worst = 0.0
        for p in range(parts):
            if cov[p, p] > LEAST_VARIANCE and (mean[p] < 0.0 or pushed[p] > 0.0):
                push = max(-pushed[p], -mean[p] / cov[p, p])
                pushed[p] += push
                mean += push * cov[p]
                worst = max(worst, abs(push * cov[p, p]))
        if worst < CLOSE_VEH:
            break
    for p in range(parts):
        mean[p] = max(mean[p], 0.0)


@njit(cache=True)
def _approach_totals(j: int, places: Junctions, mean: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """Vehicles of each approach of a junction, and the variance of that."""
    first, parts = places.part_start[j], places.part_start[j + 1] - places.part_start[j]
    n = places.approach_start[j + 1] - places.approach_start[j]
    total, variance = np.zeros(n), np.zeros(n)
    approach = places.approach[places.part_movement[first : first + parts]] - places.approach_start[j]
    for p in range(parts):
        total[approach[p]] += mean[p]
        for r in range(parts):
            if approach[p] == approach[r]:
                variance[approach[p]] += cov[p, r]
    return total, variance


@njit(cache=True)
def _report(j: int, places: Junctions, mean: Floats, cov: Floats, told: Bools, part_veh: Floats, variance: Floats) -> None:
    """Write a junction's flows [part] and variances [movement] of the approaches that the counts told of."""
    first, parts = places.part_start[j], places.part_start[j + 1] - places.part_start[j]
    for p in range(parts):
        m = places.part_movement[first + p]
        if told[places.approach[m] - places.approach_start[j]]:
            part_veh[first + p] = mean[p]
            if np.isnan(variance[m]):
                variance[m] = 0.0
            for r in range(parts):
                if places.part_movement[first + r] == m:
                    variance[m] += max(cov[p, r], 0.0) if p == r else cov[p, r]


@njit(cache=True)
def _hand_on(j: int, places: Junctions, mean: Floats, cov: Floats, shares: Floats, covariance: Floats) -> None:
    """Write a junction's shares, positive and adding up to one on each approach, and their covariance."""
    first, n = places.movement_start[j], places.movement_start[j + 1] - places.movement_start[j]
    parts = places.part_start[j + 1] - places.part_start[j]
    total = np.zeros(places.approach_start[j + 1] - places.approach_start[j])
    for m in range(n):
        shares[first + m] = max(mean[parts + m], LEAST_SHARE)
        total[places.approach[first + m] - places.approach_start[j]] += shares[first + m]
    for m in range(n):
        shares[first + m] /= total[places.approach[first + m] - places.approach_start[j]]
        for k in range(n):
            covariance[places.square_start[j] + m * n + k] = cov[parts + m, parts + k]
