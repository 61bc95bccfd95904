"""Which sensors an episode has: ideal ones, areas or loops, some of them silent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citybrain.assemble import nearest
from signals.errors import ConfigError
from signals.links.area import AreaSensing
from signals.links.detectors import KINDS, Detector, Listener, silent_detectors
from signals.links.loops import LoopSensing
from signals.types import Bools, Network
from sumo_nets.sensors import place_detectors


@dataclass(frozen=True, slots=True)
class Detected:
    """The detectors of a run and which of them are silent."""

    kind: str
    detectors: tuple[Detector, ...]
    silent: Bools

    def listener(self, sumo: Any, network: Network) -> Listener:
        """The sensing that reads them; SUMO must have been started with their additional file."""
        make = AreaSensing if self.kind == "area" else LoopSensing
        return make(sumo, network, self.detectors, self.silent)


def check_sensing(kind: str, faults: float) -> None:
    """ConfigError unless there is such a sensing and the share of silent detectors fits it."""
    if kind not in KINDS:
        raise ConfigError(f"sensing {kind!r}: no such sensing; {nearest(kind, KINDS)}")
    if not 0.0 <= faults <= 1.0:
        raise ConfigError(f"sensor faults {faults}: expected a share from 0 to 1")
    if faults > 0.0 and kind == "ideal":
        raise ConfigError("sensor faults: ideal sensing has no detectors that could fail; expected --sensing area or loops")


def detected(kind: str, faults: float, seed: int, network: Network, net_file: Path) -> Detected | None:
    """The detectors of a kind, a share of them silent by the seed; None for ideal sensing."""
    if kind == "ideal":
        return None
    detectors = place_detectors(network, net_file, kind)
    return Detected(kind, detectors, silent_detectors(detectors, faults, seed))
