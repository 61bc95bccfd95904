"""From samples and snapshots to what the loop observes. A silent or doubted sensor is NaN, never a guess.

A count is told as NaN once more after a silence: nobody knows what passed in it. What comes late then goes to its bin
(`flow_bins.py`), not to the tick in which it happens to arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np

from citybrain.intake import sense_kernels
from citybrain.intake.batch import Batch, Samples
from citybrain.intake.catalogue import KINDS, Catalogue, Kind
from citybrain.intake.frame import Frame
from citybrain.intake.snapshots import Snapshots
from signals.layout import TURN_CODES, lay_out
from signals.types import Bools, Floats, Ints, Network, Observation, Turn

STALE_PERIODS = 3.0  # a sensor that has missed so many reports is silent
STALE_S = 3.0  # at least, whatever its period: networks have hiccups
AHEAD_S = 5.0  # a time further ahead of the street's is of another time
MANY = 20_000  # movements, from which on a second thread is worth its while
Asked = tuple[Kind, sense_kernels.Float32s, Bools]


class Senses:
    """Lives as long as the service; one caller at a time."""

    def __init__(self, network: Network, catalogue: Catalogue) -> None:
        self._layout = lay_out(network)
        n = len(catalogue)
        self.last_s = np.full(n, -np.inf)
        """[sensor] field time of its newest sample"""
        self.snapshots = Snapshots(self._layout)
        self._value, self._pending = np.zeros(n, np.float32), np.zeros(n, np.float32)
        self._stale_s = np.maximum(STALE_PERIODS * catalogue.period_s, STALE_S).astype(np.float64)
        self._links = {kind: catalogue.links(kind) for kind in KINDS}
        self._whole = np.zeros(n, np.bool_)  # heard of since the read before the last
        self._doubted = np.zeros(n, np.bool_)
        self._crossing = self._layout.movement_turn == TURN_CODES[Turn.CROSSING]
        self._queue_unwatched = ~self._crossing
        """[movement] no sensor speaks of its queue: it is seen in the snapshots, if anywhere"""
        self._queue_unwatched[self._links[Kind.QUEUE][1]] = False

    def take(self, batch: Batch, late: bool = False) -> None:
        """Newest values of sensors, or snapshots. `late`: samples older than their sensor's newest, that were not known yet."""
        if isinstance(batch, Samples):
            sense_kernels.take_samples(batch.sensor, batch.at_s, batch.value, late, self.last_s, self._value, self._pending)
        else:
            self.snapshots.take(batch)

    def hear(self, found: Frame, data: bytes) -> None:
        """All that a frame says."""
        for batch in (found.samples, found.tracks):
            if len(batch):
                self.take(batch)

    def doubt(self, doubted: Bools) -> None:
        """Sensors [sensor] that are not believed from now on; all others are again."""
        self._doubted = doubted.copy()

    def read(self, now_s: float, phase: Ints, age_s: Floats, red_s: Floats) -> Observation:
        """What is known now, counts since the last read. The controllers say `phase`, `age_s` [signal] and `red_s` [movement]."""
        self._forget_what_is_to_come(now_s)
        counted = sense_kernels.heard(now_s, now_s + AHEAD_S, self.last_s, self._stale_s, self._doubted, self._whole)
        fresh = now_s - self.snapshots.at_s <= STALE_S
        # Half of it beside the other half: of a large city this is a tenth of the tick.
        with ThreadPoolExecutor(1) if self._layout.movements >= MANY else nullcontext() as beside:
            asked = (self._told, ((Kind.COUNT, self._pending, counted), (Kind.QUEUE, self._value, self._whole)))
            other = None if beside is None else beside.submit(told_all, *asked)
            wait_s, exit_veh = (self._told(kind, self._value, self._whole) for kind in (Kind.WAIT, Kind.EXIT))
            lane, movement, distance_m, speed_mps = self.snapshots.vehicles(fresh)
            counts_veh, queue_veh = told_all(*asked) if other is None else other.result()
        exit_veh[self._crossing] = 0.0  # it has no receiving lanes
        self._pending[:] = 0.0
        seen = self._queue_unwatched & fresh[self._layout.signal_of]
        if seen.any():
            queue_veh[seen] = sense_kernels.slow_vehicles(movement, speed_mps, self._layout.movements)[seen]
        return Observation(
            now_s, phase, age_s, queue_veh, counts_veh, wait_s, red_s, exit_veh, lane, movement, distance_m, speed_mps
        )  # fmt: skip

    def _forget_what_is_to_come(self, now_s: float) -> None:
        """The street's clock went back: snapshots of before are of another time."""
        views = self.snapshots.at_s > now_s + AHEAD_S
        if views.any():
            self.snapshots.forget(views)

    def _told(self, kind: Kind, value: sense_kernels.Float32s, known: Bools) -> Floats:
        found: Floats = sense_kernels.told(kind is Kind.WAIT, *self._links[kind], value, known, self._layout.movements)
        return found


def told_all(told: Callable[[Kind, sense_kernels.Float32s, Bools], Floats], asked: Iterable[Asked]) -> list[Floats]:
    """What each of several kinds says."""
    return [told(*one) for one in asked]
