"""How traffic usually turns, before anybody has counted it: shares of left, through, right and U-turn by kind of approach.

An approach is of a kind by the turns it offers (which arm of the junction is missing). A bigger street draws more: a movement's
share grows with what enters, over the day, from the arm it leads to. What a street draws beyond that, it draws from all sides.

The numbers are maximum-likelihood estimates on manual turning counts at 135 places in Magdeburg, 2012-2020, three quarters of an hour
of each of 271 days (code-for-magdeburg/verkehrszaehlung-magdeburg): Dirichlet-multinomial counts (Mosimann 1962) whose mean
shares carry one log-normal factor an exit. None of the counts is kept here.
"""

from typing import NamedTuple

import numpy as np

from signals.layout import TURN_CODES
from signals.types import Floats, Ints, Turn

THROUGH, RIGHT, LEFT, U_TURN = (TURN_CODES[turn] for turn in (Turn.THROUGH, Turn.RIGHT, Turn.LEFT, Turn.U_TURN))
U_TURN_WEIGHT = 0.001  # so many of all counted vehicles turned round
QUIET_VEH_H = 20.0  # added to what enters from an arm: a quiet street still draws somebody
PULL_SPREAD = 0.47  # standard deviation of the logarithm of what an exit draws beyond what its arm's flow explains
BLIND_PULL_SPREAD = 1.1  # the same where the arm's flow is not known


class Kind(NamedTuple):
    """Prior of the approaches that offer these turns."""

    weights: tuple[float, float, float, float]  # through, right, left, U-turn, between arms of equal flow
    attraction: float  # exponent of the flow that enters from the arm that a movement leads to
    concentration_veh: float  # how many vehicles seen to turn the prior is worth, the exits' pull being known


KINDS: dict[frozenset[int], Kind] = {
    frozenset((THROUGH, RIGHT, LEFT)): Kind((0.532, 0.242, 0.226, U_TURN_WEIGHT), 1.16, 12.6),
    frozenset((THROUGH, RIGHT)): Kind((0.680, 0.320, 0.0, U_TURN_WEIGHT), 1.01, 11.5),
    frozenset((THROUGH, LEFT)): Kind((0.610, 0.0, 0.390, U_TURN_WEIGHT), 1.12, 12.8),
    frozenset((RIGHT, LEFT)): Kind((0.0, 0.553, 0.447, U_TURN_WEIGHT), 1.89, 10.1),
}
ANY = KINDS[frozenset((THROUGH, RIGHT, LEFT))]


class TurningPrior(NamedTuple):
    """What is thought of the turning shares before they are counted."""

    shares: Floats
    """[movement]"""
    concentration_veh: Floats
    """[approach] pseudo-counts of the Dirichlet distribution"""


def turning_prior(turn: Ints, approach: Ints, arm_veh_h: Floats, kinds: dict[frozenset[int], Kind] | None = None) -> TurningPrior:
    """Shares p = w / n (q + q0)^a / sum over the approach, with w, a and the concentration of its kind; n movements make the turn.

    `turn` and `approach` [movement]; `arm_veh_h` [movement] is what enters from the arm that the movement leads to, NaN where
    that is unknown: it then counts as an arm like the others of its approach.
    """
    approaches = int(approach.max()) + 1 if len(approach) else 0
    offered = np.zeros(approaches, dtype=np.int64)
    np.bitwise_or.at(offered, approach, 1 << turn)
    weight, attraction, concentration_veh = _tables(KINDS if kinds is None else kinds)
    size = np.log(arm_veh_h + QUIET_VEH_H)
    known = np.isfinite(size)
    number = np.bincount(approach[known], minlength=approaches)
    mean = np.bincount(approach[known], size[known], approaches) / np.maximum(number, 1)
    beyond = np.where(known, size - mean[approach], 0.0)
    # Lamps of one turn, a lane each, have that turn's weight together.
    alike = np.bincount(approach * len(Turn) + turn)[approach * len(Turn) + turn]
    score = weight[offered[approach], turn] / alike * np.exp(attraction[offered[approach]] * beyond)
    return TurningPrior(score / np.bincount(approach, score, approaches)[approach], concentration_veh[offered])


def _tables(kinds: dict[frozenset[int], Kind]) -> tuple[Floats, Floats, Floats]:
    """Weights [offered, turn], exponents and concentrations [offered]; `offered` has a bit for every turn."""
    straight = (THROUGH, RIGHT, LEFT)
    found = [kinds.get(frozenset(t for t in straight if offered >> t & 1), ANY) for offered in range(1 << (U_TURN + 1))]
    return (
        np.array([kind.weights for kind in found]),
        np.array([kind.attraction for kind in found]),
        np.array([kind.concentration_veh for kind in found]),
    )
