"""Is one forecaster truly better than another on the same days? The relative gain in loss, with an interval that days decide.

All detectors of a day share its weather and its events, so a day is one observation, however many detectors it has. Some
days bring a large gain and others a small one: the interval asks for gains that agree in sign, not in size.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from signals.types import Floats

CONFIDENCE = 0.95
LEAST_DAYS = 6  # of fewer, no agreement is rarer than chance: 2^-5 is above 2.5 %
MOST_BLOCKS = 10  # of more days, neighbouring ones that may resemble each other are taken together


class Gain(NamedTuple):
    """Share of the loss that is saved, and the bounds of its interval; NaN where nothing was lost, without bounds on few days."""

    share: float
    low: float
    high: float


def gain(old: Floats, new: Floats) -> Gain:
    """Gain g = 1 - sum new / sum old of the losses [day], consecutive days, with its two-sided interval.

    The bounds are quantiles of the gains on all subsets of the days (typical values, Hartigan 1969). They hold the g that a
    test of Fisher's (1935) does not reject: if g is the true gain, old - new - g old is as likely to be negative on any
    day, so that all 2^n signs are equally likely, however much larger some days are.
    """
    if not float(old.sum()) > 0.0:
        return Gain(math.nan, math.nan, math.nan)
    share = 1.0 - float(new.sum() / old.sum())
    blocks = in_blocks(np.stack((old, new)))
    subsets = np.arange(1, 2 ** blocks.shape[1])[:, None] >> np.arange(blocks.shape[1]) & 1
    lost = subsets @ blocks.T
    gains = np.sort(1.0 - lost[:, 1] / np.maximum(lost[:, 0], 1e-12))
    # The empty subset is one of those that are as extreme as what was seen.
    rank = math.floor(0.5 * (1.0 - CONFIDENCE) * (len(gains) + 1)) - 1
    if rank < 0:
        return Gain(share, -math.inf, math.inf)
    return Gain(share, float(gains[rank]), float(gains[len(gains) - 1 - rank]))


def in_blocks(losses: Floats) -> Floats:
    """Sums [loss, block] over equal numbers of neighbouring days, MOST_BLOCKS of them or fewer; days [loss, day] if they are few."""
    days = losses.shape[1]
    blocks = min(days, MOST_BLOCKS)
    edges = [round(k * days / max(blocks, 1)) for k in range(blocks + 1)]
    return np.array([losses[:, first:last].sum(axis=1) for first, last in pairwise(edges)]).T
