"""Detectors on the street: where each stands, which stop lines lie before it, and which of them are silent.

`sumo_nets.sensors` places them; `signals.links.area` and `signals.links.loops` read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from signals.errors import ConfigError
from signals.types import Bools, Floats, Ints, Network, Observation

KINDS = ("ideal", "area", "loops")
ENTERING_M = 25.0  # behind the junction: who is noticed so near came out of it just now
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
    place: str  # "stop", "head", "advance", "exit" or "inside": at the stop line, under who waits, before it, behind it, between
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

    def expect(self, flow_veh_h: Floats) -> None:
        """Take a forecast of each movement [movement]: it stands in where detectors are silent."""
        ...


def silent_detectors(detectors: Sequence[Detector], share: float, seed: int) -> Bools:
    """[detector] a random share of them, the same for a seed, which says nothing all run."""
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"sensor faults {share}: expected a share from 0 to 1")
    silent = np.zeros(len(detectors), dtype=np.bool_)
    chosen = np.random.default_rng((seed, FAULTS_STREAM)).permutation(len(detectors))
    silent[chosen[: round(share * len(detectors))]] = True
    return silent


def exits_of(network: Network) -> dict[str, list[int]]:
    """Flat movements by receiving lane."""
    found: dict[str, list[int]] = {}
    m = 0
    for s in network.signals:
        for movement in s.movements:
            for lane in movement.exits if movement.lanes else ():
                found.setdefault(lane, []).append(m)
            m += 1
    return found


def dead_exits(detectors: tuple[Detector, ...], silent: Bools, exits: dict[str, list[int]]) -> set[str]:
    """Receiving lanes of which no detector says anything."""
    alive = {d.lane for d, dead in zip(detectors, silent.tolist(), strict=True) if not dead}
    return set(exits) - alive


def heard_exits(detectors: Sequence[Detector], silent: Bools, exits: Mapping[str, Sequence[int]]) -> set[str]:
    """Receiving lanes on which everybody is noticed who comes out of the junction."""
    return {
        d.lane
        for d, dead in zip(detectors, silent.tolist(), strict=True)
        if not dead and d.lane in exits and (d.place == "exit" or d.start_m < d.end_m) and d.start_m <= ENTERING_M
    }
