"""Flow of every movement from whatever is counted: approaches, stop-line lanes, exits, and what is thought of the turning shares.

Use `movement_flows` for one bin and `learned` to carry the shares on from bin to bin. Counts that agree are honoured exactly;
counts that do not are reconciled, each giving way in proportion to its Poisson variance, and the misfit is reported. All
junctions of a city are done in one call.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from forecasting.junctions import arm_flows
from forecasting.splits import EXACT, LEAST_SHARE, Belief, Counts, Entering, Junctions, filtered, prior_covariance
from forecasting.turning_priors import BLIND_PULL_SPREAD, PULL_SPREAD, TurningPrior, turning_prior
from signals.types import Floats, Ints
from signals.units import SECONDS_PER_HOUR

EXPECTED_SPREAD = 0.3  # of an expected flow, beside chance
MEMORY_S = 48 * 3600.0
STALE_S = 3600.0  # the last flow of a silent approach stands in for so long


@dataclass(frozen=True, slots=True)
class MovementFlows:
    """Vehicles of one bin; NaN where the counts do not tell."""

    flow_veh: Floats = field(repr=False)
    """[movement] never negative"""
    sd_veh: Floats = field(repr=False)
    """[movement] standard deviation"""
    entering_veh: Floats = field(repr=False)
    """[approach] the sum of its movements"""
    misfit: Counts = field(repr=False)
    """counted less what the movements add up to: what could not be honoured"""


def prior_belief(places: Junctions, entering_veh_h: Floats) -> Belief:
    """What is thought of the shares before they are counted, where so much usually enters [approach]; NaN: unknown."""
    prior = _prior(places, entering_veh_h)
    return Belief(prior.shares, prior_covariance(places, prior.shares, prior.concentration_veh, _pull_spread(places, entering_veh_h)))


def _prior(places: Junctions, entering_veh_h: Floats) -> TurningPrior:
    return turning_prior(places.turn, places.approach, arm_flows(places, entering_veh_h))


def _pull_spread(places: Junctions, entering_veh_h: Floats) -> Floats:
    known = (places.arm >= 0) & np.isfinite(entering_veh_h[places.arm])
    return np.where(known, PULL_SPREAD, BLIND_PULL_SPREAD)


def movement_flows(
    places: Junctions, counts: Counts, belief: Belief, expected_veh: Floats | None = None, noise: float = EXACT
) -> tuple[MovementFlows, Belief]:
    """Flows of one bin, and what is thought of the shares after it.

    Generalised least squares on the counts, with the belief's covariance for the flows (Cascetta 1984); carried on from bin to bin
    it is the Kalman filter of Cremer and Keller 1987. `expected_veh` [approach] stands in where an approach is not
    counted; `noise` is the variance of a count per counted vehicle: with 0.1 the spread stays true where detectors err by 5 %.
    """
    before = _before_counting(places, counts, expected_veh)
    part_veh, variance, shares, covariance = filtered(places, counts, belief, before, max(noise, EXACT))
    flow_veh = _sums(places.part_movement, part_veh, len(places.approach))
    entering_veh = _sums(places.approach, flow_veh, len(counts.approach_veh))
    misfit = Counts(
        counts.approach_veh - entering_veh,
        counts.lane_veh - _sums(places.part_lane, part_veh, len(counts.lane_veh)),
        counts.exit_veh - _sums(places.part_exit, part_veh, len(counts.exit_veh)),
    )
    return MovementFlows(flow_veh, np.sqrt(variance), entering_veh, misfit), Belief(shares, covariance)


def _sums(of: Ints, veh: Floats, n: int) -> Floats:
    """Sums [n] of what belongs to each; -1 belongs to none."""
    kept = of >= 0
    return np.bincount(of[kept], veh[kept], n).astype(np.float64)


def _owner(start: Ints) -> Ints:
    """Junction [...] of what these offsets divide."""
    return np.repeat(np.arange(len(start) - 1), np.diff(start))


class Learning(NamedTuple):
    """What is known of the junctions after some bins; its arrays are all there is to save."""

    shares: Floats
    """[movement]"""
    covariance: Floats
    """[square]"""
    usual_veh_h: Floats
    """[approach] mean flow over the memory, NaN before the first count"""
    seen_s: Floats
    """[approach] how long it has been counted"""
    last_veh_h: Floats
    """[approach] flow of the last bin that was counted"""
    silent_s: Floats
    """[approach] how long ago that was"""


def unlearned(places: Junctions) -> Learning:
    """Before the first count."""
    unknown = np.full(int(places.approach_start[-1]), np.nan)
    return Learning(*prior_belief(places, unknown), unknown, np.zeros_like(unknown), unknown, np.full_like(unknown, np.inf))


def learned(
    places: Junctions, before: Learning, counts: Counts, bin_s: float, expected_veh: Floats | None = None, noise: float = EXACT
) -> tuple[MovementFlows, Learning]:
    """Flows of the next bin, and what is known after it.

    Shares return to the prior with the memory T as s = p + e^(-t/T) (s - p), and their covariance to the prior's: what was learnt holds
    for about two days. Where an approach falls silent, its last flow stands in for a while unless something else is expected.
    """
    hours = bin_s / SECONDS_PER_HOUR
    entering_veh_h = _before_counting(places, counts, None).counted_veh / hours
    usual_veh_h, seen_s = _usual(before, entering_veh_h, bin_s)
    belief = _relaxed(places, before, usual_veh_h, seen_s, bin_s)
    last_veh = np.where(before.silent_s < STALE_S, before.last_veh_h * hours, np.nan)
    stand_in_veh = last_veh if expected_veh is None else np.where(np.isnan(expected_veh), last_veh, expected_veh)
    flows, (shares, covariance) = movement_flows(places, counts, belief, stand_in_veh, noise)
    silent = np.isnan(entering_veh_h)
    return flows, Learning(
        shares,
        covariance,
        usual_veh_h,
        seen_s,
        np.where(silent, before.last_veh_h, entering_veh_h),
        np.where(silent, before.silent_s + bin_s, 0.0),
    )


def _usual(before: Learning, entering_veh_h: Floats, bin_s: float) -> tuple[Floats, Floats]:
    """Mean flow [approach] over at most the memory, and the time it was counted."""
    silent = np.isnan(entering_veh_h)
    seen_s = before.seen_s + np.where(silent, 0.0, bin_s)
    gain = bin_s / np.clip(seen_s, bin_s, max(MEMORY_S, bin_s))
    usual_veh_h = np.where(np.isnan(before.usual_veh_h), entering_veh_h, before.usual_veh_h)
    return np.where(silent, usual_veh_h, usual_veh_h + gain * (entering_veh_h - usual_veh_h)), seen_s


def _relaxed(places: Junctions, before: Learning, usual_veh_h: Floats, seen_s: Floats, bin_s: float) -> Belief:
    """The shares and their covariance as time alone changes them."""
    prior, old = _prior(places, usual_veh_h), _prior(places, before.usual_veh_h)
    kept = np.exp(-bin_s / MEMORY_S)
    shares = np.maximum(prior.shares + kept * (before.shares - old.shares), LEAST_SHARE)
    shares /= _sums(places.approach, shares, len(usual_veh_h))[places.approach]
    at, number = _owner(places.approach_start), len(places.square_start) - 1
    # With a junction's first counts its prior is another one.
    first = (np.bincount(at, before.seen_s, number) == 0.0) & (np.bincount(at, seen_s, number) > 0.0)
    fresh = prior_covariance(places, shares, prior.concentration_veh, _pull_spread(places, usual_veh_h))
    return Belief(shares, fresh + np.where(first[_owner(places.square_start)], 0.0, kept**2) * (before.covariance - fresh))


def _before_counting(places: Junctions, counts: Counts, expected_veh: Floats | None) -> Entering:
    """A centre to count from, with a spread so wide that any count outweighs it; where nothing counts, the expectation."""
    n = len(counts.approach_veh)
    of, lane_veh = places.lane_approach[places.lane_approach >= 0], counts.lane_veh[places.lane_approach >= 0]
    lanes_veh = np.where(np.bincount(of, minlength=n) > 0, np.bincount(of, lane_veh, n), np.nan)
    counted = np.where(np.isnan(counts.approach_veh), lanes_veh, counts.approach_veh)
    known = counted if expected_veh is None else np.where(np.isnan(counted), expected_veh, counted)
    blind = np.isnan(known)
    # Whoever comes from where nobody counts: what leaves and has not come in elsewhere, shared out.
    at, number = _owner(places.approach_start), len(places.movement_start) - 1
    leaving_veh = np.bincount(_owner(places.exit_start), np.nan_to_num(counts.exit_veh), number)
    entering_veh = np.bincount(at, np.nan_to_num(known), number)
    rest_veh = (leaving_veh - entering_veh) / np.maximum(np.bincount(at, blind, number), 1)
    mean_veh = entering_veh / np.maximum(np.bincount(at, ~blind, number), 1)
    partly_veh = np.bincount(of, np.nan_to_num(lane_veh), n)
    guess_veh = np.maximum.reduce((rest_veh[at], 0.2 * mean_veh[at], partly_veh, np.ones(n)))
    veh = np.where(blind, guess_veh, known)
    sd_veh = np.where(blind | ~np.isnan(counted), veh + 1.0, EXPECTED_SPREAD * veh + np.sqrt(veh))
    return Entering(veh, sd_veh, blind, counted)
