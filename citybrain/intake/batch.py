"""What sources send, in columns: samples of sensors, and snapshots of the vehicles around signals.

A sensor is its number in the `Catalogue`; signals, lanes and movements are numbers in the network, flat as in `Observation`. Numbers
may be of nothing: who takes a batch checks them (`gate.py`). Shapes and types are certain: kernels rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from signals.errors import SignalsError

Int32s = npt.NDArray[np.int32]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

LARGEST_SOURCE_BYTES = 64


class IntakeError(SignalsError):
    """What a source sent cannot be taken, or not be kept: it is told so, and nothing of it counts as acknowledged."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Readings of sensors; those of one sensor best in the order of their times, or a long lot of them is taken for too late."""

    source: str
    sensor: Int32s = field(repr=False)
    """[sample] number in the catalogue"""
    at_s: Float64s = field(repr=False)
    """[sample] field time of the reading"""
    value: Float32s = field(repr=False)
    """[sample] in the unit of the sensor's kind"""

    def __post_init__(self) -> None:
        check_source(self.source)
        columns = (self.sensor, np.int32), (self.at_s, np.float64), (self.value, np.float32)
        check_columns(f"samples of {self.source}", len(self.sensor), columns)

    def __len__(self) -> int:
        return len(self.sensor)


@dataclass(frozen=True, slots=True)
class Tracks:
    """Snapshots: all vehicles in view around each of some signals. A snapshot replaces its signal's last one."""

    source: str
    signal: Int32s = field(repr=False)
    """[snapshot]"""
    at_s: Float64s = field(repr=False)
    """[snapshot] field time of the view"""
    vehicles: Int32s = field(repr=False)
    """[snapshot] how many of the rows below are its own, in order"""
    lane: Int32s = field(repr=False)
    """[vehicle] stop lane it heads for, flat over the network"""
    movement: Int32s = field(repr=False)
    """[vehicle] movement it will take, flat over the network"""
    distance_m: Float32s = field(repr=False)
    """[vehicle] to the stop line; negative: behind it, inside the junction, and slow"""
    speed_mps: Float32s = field(repr=False)
    """[vehicle]"""

    def __post_init__(self) -> None:
        check_source(self.source)
        name, rows = f"snapshots of {self.source}", len(self.lane)
        views = (self.signal, np.int32), (self.at_s, np.float64), (self.vehicles, np.int32)
        check_columns(name, len(self.signal), views)
        columns = (self.lane, np.int32), (self.movement, np.int32), (self.distance_m, np.float32), (self.speed_mps, np.float32)
        check_columns(name, rows, columns)
        if int(self.vehicles.min(initial=0)) < 0 or int(self.vehicles.sum(dtype=np.int64)) != rows:
            raise IntakeError(f"{name}: numbers of vehicles that do not add up to the {rows} rows of vehicles")

    def __len__(self) -> int:
        return len(self.signal)


Batch = Samples | Tracks


def no_samples(source: str) -> Samples:
    """Samples of nothing."""
    return Samples(source, np.empty(0, np.int32), np.empty(0), np.empty(0, np.float32))


def no_tracks(source: str) -> Tracks:
    """A view of no signal."""
    none, few = np.empty(0, np.int32), np.empty(0, np.float32)
    return Tracks(source, none, np.empty(0), none, none, none, few, few)


def check_source(source: str) -> None:
    """IntakeError unless it is a short, printable name."""
    if not 0 < len(source) <= LARGEST_SOURCE_BYTES or not source.isprintable() or not _fits(source):
        raise IntakeError(f"source {source[:80]!r}: expected a printable name of 1 to {LARGEST_SOURCE_BYTES} bytes")


def _fits(source: str) -> bool:
    # isprintable is False for lone surrogates, so this encodes.
    return len(source.encode()) <= LARGEST_SOURCE_BYTES


def check_columns(name: str, rows: int, columns: tuple[tuple[npt.NDArray[np.generic], type[np.generic]], ...]) -> None:
    """IntakeError unless every column has one axis of so many rows, and its type."""
    for column, kind in columns:
        if column.ndim != 1 or len(column) != rows or column.dtype != kind or not column.flags.c_contiguous:
            raise IntakeError(f"{name}: a column of {column.shape} {column.dtype}, expected {rows} {np.dtype(kind)} in a row")
