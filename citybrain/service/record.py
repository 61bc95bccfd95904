"""A tick of a shard as bytes for the journal, and back: what was seen, decided and pushed at every signal, in about ten bytes each."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from signals.errors import ConfigError
from signals.types import Bools, Floats, Ints, Tick

LAYOUT = 1
LARGEST_BYTES = 1 << 26
AGE_STEP_S = 0.5
MOST = 254  # queue in a byte; 255: silent
COLUMNS = (("phase", "u1"), ("age", "<i2"), ("queue", "u1"), ("target", "u1"), ("green", "<u2"), ("kind", "u1"))
REPEATS, PUSHED, REFUSED = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Record:
    """A tick as it was: phases from 0; the plan's first stage, and what became of it [signal]."""

    now_s: float
    shard: int
    phase: Ints = field(repr=False)
    age_s: Floats = field(repr=False)
    queue_veh: Floats = field(repr=False)
    """NaN where no sensor spoke"""
    target: Ints = field(repr=False)
    green_s: Floats = field(repr=False)
    repeats: Bools = field(repr=False)
    pushed: Bools = field(repr=False)
    refused: Bools = field(repr=False)
    objections: tuple[str, ...] = ()


def encoded(tick: Tick, shard: int, queue_veh: Floats, pushed: Bools) -> bytes:
    """The record of a tick; `queue_veh` [signal], `pushed` [signal]."""
    plans = [approved.plan for approved in tick.plans]
    refused = [bool(approved.objections) for approved in tick.plans]
    sentences = [o.sentence for approved in tick.plans for o in approved.objections]
    head = {"layout": LAYOUT, "now_s": tick.now_s, "shard": shard, "signals": len(plans), "objections": sentences}
    kind = REPEATS * np.array([p.repeats for p in plans]) + PUSHED * pushed + REFUSED * np.array(refused)
    columns = {
        "phase": tick.observed.phase,
        "age": np.clip(np.nan_to_num(tick.observed.age_s / AGE_STEP_S, nan=-32768.0), -32768, 32767),
        "queue": np.where(np.isnan(queue_veh), MOST + 1, np.minimum(np.nan_to_num(queue_veh), MOST)),
        "target": [p.stages[0].phase for p in plans],
        "green": np.minimum([p.stages[0].green_s * 10.0 for p in plans], 65535),
        "kind": kind,
    }
    text = json.dumps(head, ensure_ascii=False).encode()
    body = b"".join(np.asarray(columns[name]).astype(kind_of).tobytes() for name, kind_of in COLUMNS)
    return zlib.compress(len(text).to_bytes(4, "little") + text + body, 1)


def decoded(blob: bytes) -> Record:
    """What `encoded` wrote; ConfigError for anything else."""
    try:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(blob, LARGEST_BYTES)
        if not unpacker.eof:
            raise ConfigError(f"journal: a record that is cut off, or of over {LARGEST_BYTES} bytes")
        size = int.from_bytes(raw[:4], "little")
        head: dict[str, Any] = json.loads(raw[4 : 4 + size])
        if head["layout"] != LAYOUT:
            raise ConfigError(f"journal: a record of layout {head['layout']}; expected {LAYOUT}")
        values, at, n = {}, 4 + size, int(head["signals"])
        for name, kind_of in COLUMNS:
            width = np.dtype(kind_of).itemsize
            values[name] = np.frombuffer(raw[at : at + n * width], dtype=kind_of)
            at += n * width
        if at != len(raw) or any(column.size != n for column in values.values()):
            raise ConfigError(f"journal: a record of {len(raw)} bytes; expected {at}")
        flags = values["kind"].astype(np.int64)
        age = values["age"].astype(np.float64)
        queue = values["queue"].astype(np.float64)
        return Record(
            float(head["now_s"]),
            int(head["shard"]),
            values["phase"].astype(np.int64),
            np.where(age == -32768, np.nan, age * AGE_STEP_S),
            np.where(queue > MOST, np.nan, queue),
            values["target"].astype(np.int64),
            values["green"] / 10.0,
            (flags & REPEATS) > 0,
            (flags & PUSHED) > 0,
            (flags & REFUSED) > 0,
            tuple(head["objections"]),
        )
    except (zlib.error, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ConfigError(f"journal: a record that cannot be read ({error})") from error
