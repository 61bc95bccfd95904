"""An observation as the batches that a street's sensors would send: what a simulated street, or a replayed run, tells the service."""

from __future__ import annotations

import numpy as np

from citybrain.intake.batch import Int32s, Samples, Tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.names import NONE
from signals.layout import Layout
from signals.types import Observation


def batches_of(observed: Observation, catalogue: Catalogue, layout: Layout, source: str) -> tuple[Samples, Tracks]:
    """A sample of every sensor that alone speaks of a movement, and a snapshot of every signal. What is NaN is not said.

    `counts_veh` has to be of the time since the batches before.
    """
    values = np.stack([observed.counts_veh, observed.queue_veh, observed.wait_s, observed.exit_veh])
    sensor = catalogue.sole
    said = (sensor != NONE) & np.isfinite(values)
    number = int(said.sum())
    samples = Samples(source, sensor[said], np.full(number, observed.now_s), values[said].astype(np.float32))
    return samples, tracks_of(observed, layout, source)


def tracks_of(observed: Observation, layout: Layout, source: str) -> Tracks:
    """A snapshot of every signal, of one with nobody in view too."""
    signals = len(layout.movement_start) - 1
    per_signal = np.bincount(layout.signal_of_lane[observed.vehicle_lane], minlength=signals)
    return Tracks(
        source=source,
        signal=np.arange(signals, dtype=np.int32),
        at_s=np.full(signals, observed.now_s),
        vehicles=per_signal.astype(np.int32),
        lane=_int32(observed.vehicle_lane),
        movement=_int32(observed.vehicle_movement),
        distance_m=observed.vehicle_distance_m.astype(np.float32),
        speed_mps=observed.vehicle_speed_mps.astype(np.float32),
    )


def _int32(column: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Int32s:
    return column.astype(np.int32)
