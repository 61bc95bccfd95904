"""Detectors on the street: where each stands, which stop lines lie before it, and which of them are silent.

`sumo_nets.sensors` places them; `signals.links.area` and `signals.links.loops` read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from signals.errors import ConfigError
from signals.types import Bools, Floats, Ints, Observation

KINDS = ("ideal", "area", "loops")
FAULTS_STREAM = 7  # keeps the draw of the silent detectors apart from every other use of an episode's seed


@dataclass(frozen=True, slots=True)
class Way:
    """A stop line that traffic of a lane may head for."""

    lane: int  # stop lane, flat over the network
    beyond_m: float  # from the end of the detector's lane to the stop line
    following: str = ""  # the next loop on the way
    weight: float = 1.0  # how likely, before anybody has been counted


@dataclass(frozen=True, slots=True)
class Detector:
    """One loop (start and end are the same) or one area, such as a camera or a radar covers."""

    id: str
    lane: str
    lane_m: float  # length of the lane
    start_m: float  # from the begin of the lane
    end_m: float
    place: str  # "stop", "advance" or "exit": at the stop line, before it, on a receiving lane
    ways: tuple[Way, ...] = ()
    leaks: bool = False  # some of its traffic may turn off before the stop line

    def distance_m(self, way: Way, position_m: float) -> float:
        """From a place on the detector's lane to the stop line of a way."""
        return way.beyond_m + self.lane_m - position_m


class Sensors(Protocol):
    """What a link asks for an observation."""

    def read(self, now_s: float, phase: Ints, age_s: Floats) -> Observation:
        """What is known now; phase and age [signal] come from the controllers."""
        ...


class Listener(Sensors, Protocol):
    """Sensors whose detectors report every second, between the observations too."""

    def listen(self, now_s: float) -> None:
        """Take what the detectors report of the second that ends now."""
        ...


def silent_detectors(detectors: Sequence[Detector], share: float, seed: int) -> Bools:
    """[detector] a random share of them, the same for a seed, which says nothing all run."""
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"sensor faults {share}: expected a share from 0 to 1")
    silent = np.zeros(len(detectors), dtype=np.bool_)
    chosen = np.random.default_rng((seed, FAULTS_STREAM)).permutation(len(detectors))
    silent[chosen[: round(share * len(detectors))]] = True
    return silent
