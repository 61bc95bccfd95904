"""Which sensors there are: what each measures and the movements that it speaks of. A sensor's number is its place here.

`Catalogue.of(network)` is the default, one sensor a kind and movement; a city writes its own (`catalogue_file.py`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np

from citybrain.intake.batch import Float32s, Int32s
from citybrain.intake.names import NONE, Names, Regular
from signals.layout import TURN_CODES, Layout, lay_out
from signals.types import Floats, Network, Turn


class Kind(StrEnum):
    """What a sensor measures."""

    COUNT = "count"  # vehicles that passed the stop line since its last sample
    QUEUE = "queue"  # vehicles standing or crawling towards the stop line
    WAIT = "wait"  # longest current standing time on the approach [s]
    EXIT = "exit"  # vehicles standing on the receiving lanes


KINDS = tuple(Kind)
CODE = {kind: k for k, kind in enumerate(KINDS)}
PERIOD_S = 1.0
LARGEST_WAIT_S = 7200.0
LARGEST_FLOW_VEH_S = 1.0  # of a lane


@dataclass(frozen=True)
class Catalogue:
    """Sensors in order, and what each tells of which movement: a share of its value, so that one sensor may watch a shared lane."""

    names: Names = field(repr=False)
    kind: Int32s = field(repr=False)
    """[sensor] index into KINDS"""
    period_s: Float32s = field(repr=False)
    """[sensor] it reports about this often"""
    largest: Float32s = field(repr=False)
    """[sensor] a larger sample (for a count: of one period) is no traffic"""
    link_sensor: Int32s = field(repr=False)
    """[link]"""
    link_movement: Int32s = field(repr=False)
    """[link] flat movement that the sensor speaks of"""
    link_share: Float32s = field(repr=False)
    """[link] of the sensor's value, for the movement"""
    movements: int  # of the whole network

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def key(self) -> int:
        """64 bits that say which catalogue a frame's numbers are of; never 0."""
        digest = hashlib.sha256(self.names.digest())
        for column in (self.kind, self.link_sensor, self.link_movement):
            digest.update(column.astype("<i4").tobytes())
        return int.from_bytes(digest.digest()[:8], "little") | 1

    @cached_property
    def sole(self) -> Int32s:
        """[kind, movement] the sensor that alone speaks of it, and of it alone, else NONE."""
        found = np.full((len(KINDS), self.movements), NONE, np.int32)
        speakers = np.zeros(found.shape, np.int64)
        kind = self.kind[self.link_sensor]
        np.add.at(speakers, (kind, self.link_movement), 1)
        own = np.bincount(self.link_sensor, minlength=len(self))[self.link_sensor] == 1
        own &= speakers[kind, self.link_movement] == 1
        found[kind[own], self.link_movement[own]] = self.link_sensor[own]
        return found

    def links(self, kind: Kind) -> tuple[Int32s, Int32s, Float32s]:
        """(sensor, movement, share) [link] of the sensors of a kind; not to be written to."""
        return self._links[CODE[kind]]

    @cached_property
    def _links(self) -> list[tuple[Int32s, Int32s, Float32s]]:
        of = self.kind[self.link_sensor]
        own = [np.flatnonzero(of == code) for code in range(len(KINDS))]
        return [(self.link_sensor[some], self.link_movement[some], self.link_share[some]) for some in own]

    @classmethod
    def of(cls, network: Network, period_s: float = PERIOD_S) -> Catalogue:
        """One sensor a kind and movement, named signal/kind/place, such as `A0/queue/3`; crossings have none."""
        layout = lay_out(network)
        watched = np.flatnonzero(layout.movement_turn != TURN_CODES[Turn.CROSSING])
        most = largest_of(layout, period_s)[watched]
        n = len(watched) * len(KINDS)
        return cls(
            names=Regular(network, tuple(str(kind) for kind in KINDS), layout.movement_start, watched),
            kind=np.tile(np.arange(len(KINDS), dtype=np.int32), len(watched)),
            period_s=np.full(n, period_s, np.float32),
            largest=most.ravel(),
            link_sensor=np.arange(n, dtype=np.int32),
            link_movement=np.repeat(watched, len(KINDS)).astype(np.int32),
            link_share=np.ones(n, np.float32),
            movements=layout.movements,
        )


def largest_of(layout: Layout, period_s: float) -> Float32s:
    """`largest` of every movement [movement, kind]."""
    lane, place = np.nonzero(layout.uses[layout.signal_of_lane, np.arange(layout.lanes) - layout.lane_start[layout.signal_of_lane]])
    movement = layout.movement_start[layout.signal_of_lane[lane]] + place
    lanes = np.bincount(movement, minlength=layout.movements).astype(np.float64)
    storage_veh = np.bincount(movement, layout.lane_storage_veh[lane], layout.movements).astype(np.float64)
    found = [largest(kind, lanes, storage_veh, layout.movement_exit_storage_veh, period_s) for kind in KINDS]
    return np.stack(found, axis=1).astype(np.float32)


def largest(kind: Kind, lanes: Floats, storage_veh: Floats, exit_storage_veh: Floats, period_s: float) -> Floats:
    """More than this is no traffic, of movements with so many stop lanes and so much room. Generous: a wrong refusal blinds a signal."""
    if kind is Kind.COUNT:
        return np.asarray(np.ceil(LARGEST_FLOW_VEH_S * np.maximum(lanes, 1.0) * period_s) + 2.0)
    if kind is Kind.QUEUE:
        return 2.0 * storage_veh + 10.0
    if kind is Kind.EXIT:
        return 2.0 * exit_storage_veh + 20.0
    return np.full_like(lanes, LARGEST_WAIT_S)
