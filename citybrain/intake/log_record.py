"""How one record of the sample log looks on the disk, and how records are found again in what a crash has left.

A segment is `SEGMENT_HEAD` and records: magic, length, CRC-32, number, time, payload. The check sum begins with the segment's own
salt: nothing that a source sends, and nothing that another file has left on the disk, can pass for a record.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

SEGMENT_MAGIC, MAGIC = b"CBlog\x00\x00\x01", b"CBr\xf5"
SEGMENT_HEAD = struct.Struct("<8sI4x")
HEAD = struct.Struct("<4sIIQd")
SUMMED = struct.Struct("<IQd")


class Bytes(Protocol):
    """What records are read from: bytes, or a mapped file."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...

    def find(self, part: bytes, start: int, /) -> int:
        """The first place from `start` on, -1 where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A sound record in a segment."""

    number: int
    now_s: float
    start: int  # of the record
    payload: int  # where that begins
    end: int


def segment_head() -> tuple[bytes, int]:
    """The first bytes of a new segment, and its salt."""
    salt = int.from_bytes(os.urandom(4), "little")
    return SEGMENT_HEAD.pack(SEGMENT_MAGIC, salt), salt


def salt_of(data: Bytes) -> int | None:
    """The salt of a segment; None where not even its head is whole."""
    if len(data) < SEGMENT_HEAD.size:
        return None
    magic, salt = SEGMENT_HEAD.unpack(data[: SEGMENT_HEAD.size])
    return int(salt) if magic == SEGMENT_MAGIC else None


def head_of(number: int, now_s: float, payload: bytes, salt: int) -> bytes:
    """What stands before a payload."""
    crc = zlib.crc32(payload, zlib.crc32(SUMMED.pack(len(payload), number, now_s), salt))
    return HEAD.pack(MAGIC, len(payload), crc, number, now_s)


def found(data: Bytes, salt: int) -> Iterator[Found]:
    """All sound records in order; what is damaged between them is passed over."""
    at, after = SEGMENT_HEAD.size, -1
    while at >= 0:
        one = _at(data, at, salt)
        if one is not None and one.number > after:
            yield one
            at, after = one.end, one.number
        else:
            at = data.find(MAGIC, at + 1)


def _at(data: Bytes, at: int, salt: int) -> Found | None:
    """The record that begins here, if a sound one does."""
    payload = at + HEAD.size
    if payload > len(data):
        return None
    magic, length, crc, number, now_s = HEAD.unpack(data[at:payload])
    end = payload + length
    if magic != MAGIC or end > len(data):
        return None
    if zlib.crc32(data[payload:end], zlib.crc32(SUMMED.pack(length, number, now_s), salt)) != crc:
        return None
    return Found(number, now_s, at, payload, end)
