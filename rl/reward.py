"""What training maximises, as a table of pure parts: vehicles that lose time at a signal, per decision, less is better.

reward [signal] = -sum over parts of weight * part / SCALE_VEH. A vehicle at speed v under limit V loses the share 1 - v / V of each
second (the integral of that over time is its delay), one that cannot enter loses all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from signals.layout import Layout
from signals.types import Floats, Observation

SCALE_VEH = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision led to, one interval later."""

    observed: Observation
    layout: Layout
    entering_veh: Floats
    """[signal] vehicles that wait outside, with their first edge on an approach of the signal"""


@dataclass(frozen=True, slots=True)
class Part:
    """A reward part: [signal], in vehicles, never negative."""

    unit: str
    weight: float
    of: Callable[[Outcome], Floats]


def slowness_veh(outcome: Outcome) -> Floats:
    """Vehicles within sensing range, each by the share of its speed that it lacks: sum of 1 - v / V [signal]."""
    seen, lay = outcome.observed, outcome.layout
    limit_mps = np.maximum(lay.lane_speed_mps[seen.vehicle_lane], 1.0)
    lost = np.clip(1.0 - seen.vehicle_speed_mps / limit_mps, 0.0, 1.0)
    signal = np.searchsorted(lay.lane_start, seen.vehicle_lane, side="right") - 1
    return np.bincount(signal, weights=lost, minlength=len(lay.phases)).astype(np.float64)


def entering_veh(outcome: Outcome) -> Floats:
    """Vehicles that are due and cannot enter [signal]."""
    return outcome.entering_veh


REWARDS: dict[str, Part] = {
    "slowness": Part("veh", 1.0, slowness_veh),
    "entering": Part("veh", 1.0, entering_veh),
}


def reward(outcome: Outcome) -> Floats:
    """The table's sum [signal]."""
    total = np.zeros(len(outcome.layout.phases))
    for part in REWARDS.values():
        total += part.weight * part.of(outcome)
    return -total / SCALE_VEH
