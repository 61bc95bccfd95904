"""What passes between the centre and a controller: leases out, acknowledgements and statuses back, as JSON with hard limits.

A lease lends a controller a plan until the plan's `valid_until_s`, told by the controller's own clock. Epochs fence: who holds the newer
epoch is the centre, and an older one is refused for ever. The content id names what the plan shows, not until when: a renewal keeps it.
Ages and reds in a status count on by themselves until the next one comes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite, nan
from struct import pack
from typing import Any, NoReturn

from signals.errors import LinkError
from signals.types import Stage, TimingPlan

MOST_BYTES = 16_384
MOST_STAGES = 64
MOST_MOVEMENTS = 256
MOST_TEXT = 256
MOST_NUMBER = 2**53 - 1  # beyond it JSON readers disagree
MODES = ("adaptive", "base", "flash")
HEARTBEAT_S = 4.0
"""Of a controller's own time: it tells its status when anything in it has changed but the time that goes by, and at least so often."""
SILENT_S = 2.5 * HEARTBEAT_S
"""A controller of which nothing was heard for so long is silent: one status may be lost on the way, two in a row are too many."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A plan to run until its `valid_until_s`; None: go back to your base plan."""

    signal: str
    epoch: int
    seq: int
    content_id: str
    plan: TimingPlan | None
    sent_s: float


@dataclass(frozen=True, slots=True)
class Ack:
    """What the controller says to a lease: accepted, or why not."""

    signal: str
    epoch: int
    seq: int
    content_id: str
    accepted: bool
    reason: str
    now_s: float


@dataclass(frozen=True, slots=True)
class Status:
    """Where a controller is, and whose plan it runs. `content_id` is empty when no lease is in force."""

    signal: str
    now_s: float
    mode: str  # one of MODES
    phase: int
    age_s: float  # as in `Observation`; NaN while it flashes
    red_s: tuple[float, ...]  # [movement] time since it was last green
    lights: str
    epoch: int
    seq: int
    content_id: str
    latched: bool  # in flash until a person resets it


def content_id(signal: str, plan: TimingPlan | None) -> str:
    """Name of what a plan shows: the same for the same stages, start, cycle and offset, however long it is lent."""
    digest = blake2b(signal.encode(), digest_size=8)
    if plan is not None:
        digest.update(pack("<3d?", plan.starts_s, plan.cycle_s, plan.offset_s, plan.repeats))
        digest.update(b"".join(pack("<qd", int(s.phase), s.green_s) for s in plan.stages))
    return digest.hexdigest()


def lease_of(signal: str, plan: TimingPlan | None, epoch: int, seq: int, sent_s: float) -> Lease:
    """A lease with the content id of its plan."""
    return Lease(signal, epoch, seq, content_id(signal, plan), plan, sent_s)


def encode_lease(lease: Lease) -> bytes:
    """As it is sent; LinkError where the plan holds for ever, which no lease may."""
    plan = lease.plan
    told: dict[str, Any] = {
        "signal": lease.signal, "epoch": lease.epoch, "seq": lease.seq, "content_id": lease.content_id,
        "sent_s": lease.sent_s, "plan": None,
    }  # fmt: skip
    if plan is not None:
        told["plan"] = {
            "stages": [[int(s.phase), float(s.green_s)] for s in plan.stages],
            "starts_s": plan.starts_s, "valid_until_s": plan.valid_until_s,
            "repeats": plan.repeats, "cycle_s": plan.cycle_s, "offset_s": plan.offset_s,
        }  # fmt: skip
    return _encoded(told, f"lease of {lease.signal}")


def encode_ack(ack: Ack) -> bytes:
    """As it is sent."""
    return _encoded(
        {
            "signal": ack.signal, "epoch": ack.epoch, "seq": ack.seq, "content_id": ack.content_id,
            "accepted": ack.accepted, "reason": ack.reason[:MOST_TEXT], "now_s": ack.now_s,
        },
        f"acknowledgement of {ack.signal}",
    )  # fmt: skip


def encode_status(status: Status) -> bytes:
    """As it is sent; an unknown age is null."""
    return _encoded(
        {
            "signal": status.signal, "now_s": status.now_s, "mode": status.mode, "phase": status.phase,
            "age_s": status.age_s if isfinite(status.age_s) else None, "red_s": list(status.red_s), "lights": status.lights,
            "epoch": status.epoch, "seq": status.seq, "content_id": status.content_id, "latched": status.latched,
        },
        f"status of {status.signal}",
    )  # fmt: skip


def decode_lease(payload: bytes) -> Lease:
    """LinkError, in one sentence, for anything but a well-formed lease whose content id is that of its plan."""
    read = _Reader("lease", payload, {"signal", "epoch", "seq", "content_id", "sent_s", "plan"})
    signal, plan = read.text("signal"), read.table["plan"]
    lease = Lease(
        signal, read.whole("epoch"), read.whole("seq"), read.text("content_id"),
        None if plan is None else _plan(signal, plan), read.number("sent_s"),
    )  # fmt: skip
    right = content_id(signal, lease.plan)
    if lease.content_id != right:
        read.refuse("content_id", lease.content_id, f"{right}, that of its plan")
    return lease


def decode_ack(payload: bytes) -> Ack:
    """LinkError, in one sentence, for anything but a well-formed acknowledgement."""
    read = _Reader("ack", payload, {"signal", "epoch", "seq", "content_id", "accepted", "reason", "now_s"})
    return Ack(
        read.text("signal"), read.whole("epoch"), read.whole("seq"), read.text("content_id"),
        read.truth("accepted"), read.text("reason"), read.number("now_s"),
    )  # fmt: skip


STATUS_KEYS = {"signal", "now_s", "mode", "phase", "age_s", "red_s", "lights", "epoch", "seq", "content_id", "latched"}


def decode_status(payload: bytes) -> Status:
    """LinkError, in one sentence, for anything but a well-formed status."""
    read = _Reader("status", payload, STATUS_KEYS)
    mode, red_s = read.text("mode"), read.table["red_s"]
    if mode not in MODES:
        read.refuse("mode", mode, f"one of {', '.join(MODES)}")
    if type(red_s) is not list or len(red_s) > MOST_MOVEMENTS:
        read.refuse("red_s", red_s, f"a list of at most {MOST_MOVEMENTS} times")
    return Status(
        read.text("signal"), read.number("now_s"), mode, read.whole("phase"),
        nan if read.table["age_s"] is None else read.number("age_s"),
        tuple([_number("status: red_s", one) for one in red_s]), read.text("lights"),
        read.whole("epoch"), read.whole("seq"), read.text("content_id"), read.truth("latched"),
    )  # fmt: skip


class _Reader:
    """One JSON object with exactly the keys that it should have."""

    def __init__(self, kind: str, payload: bytes, keys: set[str]) -> None:
        self.kind = kind
        if len(payload) > MOST_BYTES:
            raise LinkError(f"{kind}: {len(payload)} bytes; expected at most {MOST_BYTES}")
        try:
            table = json.loads(payload, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise LinkError(f"{kind}: not readable as JSON ({str(error)[:80]})") from error
        self.table = _object(kind, table, keys)

    def text(self, key: str) -> str:
        value = self.table[key]
        if type(value) is not str or len(value) > MOST_TEXT:
            self.refuse(key, value, f"a text of at most {MOST_TEXT} characters")
        return str(value)

    def whole(self, key: str) -> int:
        value = self.table[key]
        if type(value) is not int or not 0 <= value <= MOST_NUMBER:
            self.refuse(key, value, f"a whole number from 0 to {MOST_NUMBER}")
        return int(value)

    def truth(self, key: str) -> bool:
        value = self.table[key]
        if type(value) is not bool:
            self.refuse(key, value, "true or false")
        return bool(value)

    def number(self, key: str) -> float:
        return _number(f"{self.kind}: {key}", self.table[key])

    def refuse(self, key: str, value: object, expected: str) -> NoReturn:
        raise LinkError(f"{self.kind}: {key} is {_short(value)}; expected {expected}")


def _plan(signal: str, told: object) -> TimingPlan:
    table = _object("lease: plan", told, {"stages", "starts_s", "valid_until_s", "repeats", "cycle_s", "offset_s"})
    stages, repeats = table["stages"], table["repeats"]
    if type(stages) is not list or not 1 <= len(stages) <= MOST_STAGES:
        raise LinkError(f"lease: stages are {_short(stages)}; expected a list of 1 to {MOST_STAGES}")
    if type(repeats) is not bool:
        raise LinkError(f"lease: repeats is {_short(repeats)}; expected true or false")
    times_s = {key: _number(f"lease: {key}", table[key]) for key in ("starts_s", "valid_until_s", "cycle_s", "offset_s")}
    return TimingPlan(signal, tuple(_stage(one) for one in stages), repeats=repeats, **times_s)


def _stage(told: object) -> Stage:
    if type(told) is not list or len(told) != 2 or type(told[0]) is not int or not 0 <= told[0] <= MOST_TEXT:
        raise LinkError(f"lease: stage {_short(told)}; expected [phase, green in seconds]")
    return Stage(told[0], _number("lease: green", told[1]))


def _object(where: str, value: object, keys: set[str]) -> Mapping[str, Any]:
    if type(value) is not dict:
        raise LinkError(f"{where}: {_short(value)}; expected an object")
    if value.keys() != keys:
        wrong = sorted(value.keys() - keys) or sorted(keys - value.keys())
        raise LinkError(
            f"{where}: key {_short(wrong[0])} is {'unknown' if wrong[0] in value else 'missing'}; expected {', '.join(sorted(keys))}"
        )
    return value


def _number(where: str, value: object) -> float:
    if type(value) is float and isfinite(value):
        return value
    if type(value) is int and -MOST_NUMBER <= value <= MOST_NUMBER:
        return float(value)
    raise LinkError(f"{where} is {_short(value)}; expected a finite number")


def _encoded(told: dict[str, Any], where: str) -> bytes:
    try:
        payload = json.dumps(told, separators=(",", ":"), allow_nan=False).encode()
    except ValueError as error:
        raise LinkError(f"{where}: a time in it is not finite; expected finite times") from error
    if len(payload) > MOST_BYTES:
        raise LinkError(f"{where}: {len(payload)} bytes; expected at most {MOST_BYTES}")
    return payload


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _short(value: object) -> str:
    try:
        said = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a list a thousand deep
        said = f"a {type(value).__name__}"
    return said if len(said) <= 60 else said[:57] + "..."
