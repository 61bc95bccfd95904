"""Which sensors and signals a sender may speak for, as a key names them; a delivery that holds others is not taken at all.

A pattern (`*` and `?` stand for anything) that fits signals means all sensors of those signals and their snapshots; one that fits none
means sensors by their names, such as `*/count/*`.
"""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from fnmatch import translate

import numpy as np
import numpy.typing as npt
from numba import njit

from citybrain.intake.batch import Int32s, IntakeError
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import Frame
from signals.layout import lay_out
from signals.types import Network

EVERYTHING = "*"
MOST_KEPT = 64
Bits = npt.NDArray[np.uint8]
Patterns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What patterns mean in one network."""

    patterns: Patterns
    sensors: Bits = field(repr=False)
    """[sensor / 8] a bit each"""
    signals: Bits = field(repr=False)
    """[signal / 8] a bit each"""


class Scopes:
    """Lives as long as the service; what patterns mean is worked out when they are first met. Any thread may use it."""

    def __init__(self, network: Network, catalogue: Catalogue) -> None:
        self._network, self._catalogue = network, catalogue
        self._known: OrderedDict[Patterns, Scope] = OrderedDict()
        self._guard = threading.Lock()

    def check(self, found: Frame, patterns: Patterns) -> None:
        """IntakeError where a delivery holds what the patterns do not name; numbers of no sensor or signal are the gate's to judge."""
        if EVERYTHING in patterns:
            return
        scope = self._of(patterns)
        allowed = ", ".join(patterns) or "none"
        at = first_outside(found.samples.sensor, scope.sensors, len(self._catalogue))
        if at >= 0:
            name = self._catalogue.names[int(found.samples.sensor[at])]
            raise IntakeError(f"data of sensor {name}, and this key speaks for {allowed} only; nothing of it was taken")
        at = first_outside(found.tracks.signal, scope.signals, len(self._network.signals))
        if at >= 0:
            name = self._network.signals[int(found.tracks.signal[at])].id
            raise IntakeError(f"a snapshot of signal {name}, and this key speaks for {allowed} only; nothing of it was taken")

    def _of(self, patterns: Patterns) -> Scope:
        with self._guard:
            if patterns not in self._known:
                self._known[patterns] = scope_of(patterns, self._network, self._catalogue)
            self._known.move_to_end(patterns)
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
            return self._known[patterns]


def scope_of(patterns: Patterns, network: Network, catalogue: Catalogue) -> Scope:
    """What the patterns mean."""
    signals = np.zeros(len(network.signals), dtype=np.bool_)
    names: list[str] = []
    for pattern in patterns:
        fits = re.compile(translate(pattern)).match
        own = np.fromiter((fits(s.id) is not None for s in network.signals), np.bool_, len(network.signals))
        signals |= own
        if not own.any():
            names.append(translate(pattern))
    start = lay_out(network).movement_start
    at = np.repeat(signals, np.diff(start))  # [movement]
    # A sensor that watches movements of several signals is within only where all of them are.
    linked, foreign = (np.zeros(len(catalogue), dtype=np.bool_) for _ in range(2))
    linked[catalogue.link_sensor] = True
    foreign[catalogue.link_sensor[~at[catalogue.link_movement]]] = True
    sensors = linked & ~foreign
    if names:
        named = re.compile("|".join(names)).match
        sensors |= np.fromiter((named(catalogue.names[k]) is not None for k in range(len(catalogue))), np.bool_, len(catalogue))
    return Scope(patterns, np.packbits(sensors, bitorder="little"), np.packbits(signals, bitorder="little"))


@njit(cache=True, nogil=True)
def first_outside(number: Int32s, bits: Bits, size: int) -> int:
    """Place of the first number [row] whose bit is not set, of those under `size`; -1 where there is none."""
    for k in range(number.shape[0]):
        n = number[k]
        if 0 <= n < size and not (bits[n >> 3] >> (n & 7)) & 1:
            return k
    return -1
