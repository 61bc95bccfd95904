"""The columnar binary frame: samples and snapshots of one source as little-endian columns, with a check sum.

Layout: `HEAD` (magic, version, bytes of the source's name, key of the catalogue, numbers of samples, snapshots and vehicles, CRC-32 of
all the rest), the name filled up to eight bytes with zeros, then the columns of `columns_of`, each as long as its number
says. A key of 0 says nothing; any other has to be the taker's own, or numbers would mean other sensors.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from citybrain.intake.batch import LARGEST_SOURCE_BYTES, IntakeError, Samples, Tracks, no_samples, no_tracks

MAGIC, VERSION = b"CBFr", 1
HEAD = struct.Struct("<4sHHQIIII")  # 32 bytes
LARGEST_SAMPLES, LARGEST_SNAPSHOTS, LARGEST_VEHICLES = 2**20, 2**17, 2**20
ROW_BYTES = 16  # of a sample, of a snapshot, of a vehicle
WIRE = ("<f8", "<f8", "<i4", "<f4", "<i4", "<i4", "<i4", "<i4", "<f4", "<f4")
LARGEST_FRAME_BYTES = HEAD.size + LARGEST_SOURCE_BYTES + ROW_BYTES * (LARGEST_SAMPLES + LARGEST_SNAPSHOTS + LARGEST_VEHICLES)


@dataclass(frozen=True, slots=True)
class Frame:
    """What one frame says."""

    samples: Samples
    tracks: Tracks
    key: int = 0  # of the catalogue that its numbers are of; 0: not said

    @property
    def source(self) -> str:
        """Who sent it."""
        return self.samples.source


def encode(samples: Samples, tracks: Tracks | None = None, key: int = 0) -> bytes:
    """The frame; IntakeError where it would be larger than a taker allows, or of two sources."""
    source = samples.source
    tracks = no_tracks(source) if tracks is None else tracks
    if tracks.source != source:
        raise IntakeError(f"one frame of two sources, {source} and {tracks.source}")
    _check_caps(len(samples), len(tracks), len(tracks.lane))
    name = source.encode()
    columns = [column.astype(kind, copy=False).tobytes() for column, kind in zip(columns_of(samples, tracks), WIRE, strict=True)]
    body = b"".join((name.ljust(_padded_bytes(len(name)), b"\0"), *columns))
    head = HEAD.pack(MAGIC, VERSION, len(name), key, len(samples), len(tracks), len(tracks.lane), 0)
    crc = zlib.crc32(body, zlib.crc32(head))
    return HEAD.pack(MAGIC, VERSION, len(name), key, len(samples), len(tracks), len(tracks.lane), crc) + body


def encode_tracks(tracks: Tracks, key: int = 0) -> bytes:
    """The frame of snapshots alone."""
    return encode(no_samples(tracks.source), tracks, key)


def columns_of(samples: Samples, tracks: Tracks) -> tuple[npt.NDArray[np.generic], ...]:
    """The columns in the order of the frame, the widest first."""
    return (
        samples.at_s, tracks.at_s, samples.sensor, samples.value, tracks.signal, tracks.vehicles,
        tracks.lane, tracks.movement, tracks.distance_m, tracks.speed_mps,
    )  # fmt: skip


def decode(data: bytes | bytearray | memoryview) -> Frame:
    """What a frame says, in arrays of its own; IntakeError, and nothing else, where it is none."""
    n, k, v, key, name_bytes = _checked(data)
    start = HEAD.size
    try:
        source = bytes(data[start : start + name_bytes]).decode()
    except UnicodeDecodeError as error:
        raise IntakeError(f"frame: the source's name is no UTF-8 ({error.reason} at byte {error.start})") from error
    at = start + _padded_bytes(name_bytes)
    found = []
    for kind, rows in zip(WIRE, (n, k, n, n, k, k, v, v, v, v), strict=True):
        column = np.frombuffer(data, kind, rows, at)
        at += column.nbytes
        found.append(column.astype(column.dtype.newbyteorder("=")))
    at_s, view_s, sensor, value, signal, vehicles, lane, movement, distance_m, speed_mps = found
    return Frame(Samples(source, sensor, at_s, value), Tracks(source, signal, view_s, vehicles, lane, movement, distance_m, speed_mps), key)


def check_key(found: Frame, key: int) -> None:
    """IntakeError where a frame's numbers are of another catalogue than the one of this key."""
    if found.key not in (0, key):
        raise IntakeError(f"frame of {found.source}: its numbers are of catalogue {found.key:016x}; expected {key:016x}")


def _checked(data: bytes | bytearray | memoryview) -> tuple[int, int, int, int, int]:
    """(samples, snapshots, vehicles, key, bytes of the name) of a whole and sound frame."""
    if len(data) < HEAD.size:
        raise IntakeError(f"frame of {len(data)} bytes; expected at least the {HEAD.size} of its head")
    magic, version, name_bytes, key, n, k, v, crc = HEAD.unpack_from(data)
    if magic != MAGIC:
        raise IntakeError(f"frame begins with {magic!r}; expected {MAGIC!r}")
    if version != VERSION:
        raise IntakeError(f"frame of version {version}; expected {VERSION}")
    if not 0 < name_bytes <= LARGEST_SOURCE_BYTES:
        raise IntakeError(f"frame: source's name of {name_bytes} bytes; expected 1 to {LARGEST_SOURCE_BYTES}")
    _check_caps(n, k, v)
    whole = HEAD.size + _padded_bytes(name_bytes) + ROW_BYTES * (n + k + v)
    if len(data) != whole:
        raise IntakeError(f"frame of {len(data)} bytes; expected {whole} for {n} samples, {k} snapshots and {v} vehicles")
    head = HEAD.pack(magic, version, name_bytes, key, n, k, v, 0)
    found = zlib.crc32(memoryview(data)[HEAD.size :], zlib.crc32(head))
    if found != crc:
        raise IntakeError(f"frame: check sum {found:08x}; expected {crc:08x}: it was damaged on its way")
    return n, k, v, key, name_bytes


def _check_caps(samples: int, snapshots: int, vehicles: int) -> None:
    for number, most, name in (
        (samples, LARGEST_SAMPLES, "samples"),
        (snapshots, LARGEST_SNAPSHOTS, "snapshots"),
        (vehicles, LARGEST_VEHICLES, "vehicles"),
    ):
        if number > most:
            raise IntakeError(f"frame of {number} {name}; expected at most {most}")


def _padded_bytes(name_bytes: int) -> int:
    return -(-name_bytes // 8) * 8
