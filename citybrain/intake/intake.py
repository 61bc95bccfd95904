"""The way of everything that sources send: frame checked, written down, judged, heeded; acknowledged when it is on the disk.

The control heeds samples before the disk has them, and when the disk is full: a street must not go blind for want of room. Who has no
acknowledgement sends again, and what came twice is noticed by the gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt

from citybrain.intake import frame, sense_kernels
from citybrain.intake.batch import Batch, Float32s, Float64s, Int32s, IntakeError, Samples, Tracks, no_samples, no_tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.flow_bins import BIN_S, FlowBin, FlowBins
from citybrain.intake.frame import Frame
from citybrain.intake.gate import Gate, Verdict
from citybrain.intake.group_commit import GroupCommit
from citybrain.intake.quality import MINUTE_S, Arrays, Flag, Quality
from citybrain.intake.sample_log import Record
from citybrain.intake.senses import Senses
from signals.types import Floats, Ints, Network, Observation

QUIET_S = 120.0  # who has been silent for so long is not waited for


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one delivery. It is acknowledged when `kept` has a result; None where no log is kept."""

    number: npt.NDArray[np.int64] = field(repr=False)
    """[verdict] of its samples"""
    kept: Future[int] | None = field(repr=False)

    def words(self) -> dict[str, int]:
        """Numbers of samples by verdict, those over zero."""
        return {verdict.name.lower(): int(self.number[verdict]) for verdict in Verdict if self.number[verdict]}


@dataclass(frozen=True, slots=True)
class Kept:
    """Bins of flows between two samples; frames that were on their way just then may be in neither them nor the log behind them."""

    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = field(repr=False)
    position: int


class Intake:
    """Lives as long as the service; any thread may use it. Stands where a link wants `Senses`."""

    def __init__(
        self, network: Network, catalogue: Catalogue, now_s: Callable[[], float], log: GroupCommit | None = None, bin_s: float = BIN_S
    ) -> None:
        """`now_s`: the street's own time; `bin_s`: of the flows that are told."""
        self.catalogue, self.gate = catalogue, Gate(catalogue)
        self.senses, self.quality = Senses(network, catalogue), Quality(network, catalogue)
        self.bins = FlowBins(catalogue, bin_s)
        self.refused: Counter[str] = Counter()
        """By source, or '' where nobody knows it: deliveries that were none, or were of another catalogue."""
        self.flags = np.zeros(len(catalogue), np.uint8)
        """[sensor] `Flag`, as of the last read"""
        self._now_s, self._log, self._lock = now_s, log, Lock()
        self._signals = len(network.signals)

    def take_frame(self, data: bytes) -> Receipt:
        """A delivery as it came off the wire; IntakeError where it is none, or where there is no room to keep it."""
        source = ""
        try:
            found = frame.decode(data)
            source = found.source
            frame.check_key(found, self.catalogue.key)
        except IntakeError:
            self.refused[source if source in self.gate.number else ""] += 1
            raise
        # What is kept says whose numbers it has: the catalogue may be another one when it is read back.
        return self._take(found, data if found.key else None)

    def take_decoded(self, found: Frame, data: bytes) -> Receipt:
        """A delivery that is decoded already, as `take_frame`: what came off the wire is kept as it is."""
        frame.check_key(found, self.catalogue.key)
        return self._take(found, data if found.key else None)

    def take(self, sent: Batch | Frame) -> Receipt:
        """Samples or snapshots, or both of one source, that came in another form."""
        if isinstance(sent, Samples):
            return self._take(Frame(sent, no_tracks(sent.source)), None)
        return self._take(Frame(no_samples(sent.source), sent) if isinstance(sent, Tracks) else sent, None)

    def recall(self, records: Iterable[Record]) -> int:
        """Heed again what a log has kept, as if it were then; the number of samples. What is of another catalogue is passed over."""
        number = 0
        for one in records:
            with suppress(IntakeError):
                found = frame.decode(one.payload)
                frame.check_key(found, self.catalogue.key)
                with self._lock:
                    number += int(self._heed(found, one.now_s).sum())
        return number

    def read(self, now_s: float, phase: Ints, age_s: Floats, red_s: Floats) -> Observation:
        """What is known now; sensors that are not to be believed are NaN."""
        with self._lock:
            self.flags = self.quality.flags(now_s, self.senses.last_s, self.gate.impossible)
            self.senses.doubt(self.flags >= Flag.STUCK)
            return self.senses.read(now_s, phase, age_s, red_s)

    def bins_due(self, now_s: float) -> tuple[FlowBin, ...]:
        """Bins of flows that are to be told by now."""
        with self._lock:
            return self.bins.due(now_s, self.gate.watermark_s(now_s, QUIET_S), self.flags < Flag.STUCK)

    def bins_kept(self, position: Callable[[], int]) -> Kept:
        """The bins as they stand, and where the log stands with them: what comes behind it is not in them."""
        with self._lock:
            return Kept(self.bins.arrays(), position())

    def known(self) -> Arrays:
        """What is usual for each sensor, as it was learned; see `know`."""
        with self._lock:
            return self.quality.arrays()

    def know(self, arrays: Arrays) -> None:
        """Go on from what was known before a restart; IntakeError where it is of other sensors."""
        with self._lock:
            self.quality.restored(arrays)

    def expect(self, flow_veh_h: Floats) -> None:
        """What a forecaster expects of every movement now [movement]."""
        with self._lock:
            self.quality.expect(flow_veh_h)

    def _take(self, found: Frame, data: bytes | None) -> Receipt:
        now_s = self._now_s()
        kept: Future[int] | None = None
        no_room: IntakeError | None = None
        if self._log is not None:
            try:
                payload = frame.encode(found.samples, found.tracks, self.catalogue.key) if data is None else data
                kept = self._log.append(payload, now_s)
            except IntakeError as error:
                no_room = error
        with self._lock:
            number = self._heed(found, now_s)
        if no_room is not None:
            raise no_room
        return Receipt(number, kept)

    def _heed(self, found: Frame, now_s: float) -> npt.NDArray[np.int64]:
        self.quality.close(now_s)  # here rather than in `read`: the minute's judgement must not hold up a tick
        judged = self.gate.samples(found.samples, now_s)
        for samples, late in ((judged.good, False), (judged.late, True)):
            if len(samples):
                self.senses.take(samples, late)
                self.bins.add(samples)
        if len(judged.good):
            self.quality.note(judged.good)
        if len(found.tracks):
            self.senses.take(self.gate.tracks(found.tracks, now_s, self._signals))
        return judged.number


def warm_up(network: Network) -> None:
    """Make all that is compiled ready, so that no first delivery is slow: two minutes of one signal."""
    one = Network(network.name, network.signals[:1])
    catalogue = Catalogue.of(one)
    now_s = 0.0
    intake = Intake(one, catalogue, lambda: now_s)
    n = len(catalogue)
    lights = np.zeros(1, np.int64), np.zeros(1), np.zeros(catalogue.movements)
    for _ in range(4):
        now_s += 0.7 * MINUTE_S
        intake.take(Samples("warm up", np.arange(n, dtype=np.int32), np.full(n, now_s), np.zeros(n, np.float32)))
        intake.take(Tracks("warm up", *_view(now_s)))
        intake.read(now_s, *lights)
        intake.bins_due(now_s)
    sense_kernels.slow_vehicles(np.zeros(1, np.int64), np.zeros(1), 1)  # asked for where no sensor speaks of a queue


def _view(now_s: float) -> tuple[Int32s, Float64s, Int32s, Int32s, Int32s, Float32s, Float32s]:
    none, nought = np.zeros(1, np.int32), np.zeros(1, np.float32)
    return none, np.array([now_s]), np.ones(1, np.int32), none, none, nought, nought
