"""How far the street's clock went astray while nobody was there to see it jump: what is held by hand is to last as long as was asked.

A hold ends at a moment of the street's clock. When orders are written down, three clocks are noted beside them: the street's, the
calendar's, and the machine's since it was switched on. A service that begins again compares: a clock that two others outvote is wrong.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

SLACK_S = 2.0  # so far clocks may be apart, read one after the other
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Uptime:
    """The machine's own clock, which nobody sets: seconds since it was switched on, and a name of that moment (empty: not known)."""

    boot: str
    up_s: float


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment by three clocks."""

    field_s: float
    wall_s: float
    boot: str
    up_s: float

    def as_json(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self)


def uptime() -> Uptime:
    """This machine's, time asleep included."""
    boot = ""
    with suppress(OSError):
        boot = BOOT_ID.read_text(encoding="ascii").strip()
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return Uptime(boot, time.monotonic()) if clock is None else Uptime(boot, time.clock_gettime(clock))


def moment_from(stored: dict[str, Any] | None) -> Moment | None:
    """What `as_json` wrote."""
    return None if stored is None else Moment(**stored)


def jumped_s(last: Moment, now: Moment, *, any_speed: bool) -> float:
    """By how much the street's clock is ahead of the time that has gone by since `last`; 0 where it may have gone on by itself.

    `any_speed`: a simulation's, which is believed unless it has gone back. Where the machine was switched off meanwhile,
    the longer of two spans counts: then a hold ends early rather than late.
    """
    field_s, wall_s = now.field_s - last.field_s, now.wall_s - last.wall_s
    same = last.boot == now.boot != ""
    if any_speed:
        gone_s = field_s if field_s >= 0.0 else now.up_s - last.up_s if same else wall_s
    else:
        gone_s = median((field_s, wall_s, now.up_s - last.up_s)) if same else max(field_s, wall_s)
    by_s = field_s - max(gone_s, 0.0)
    return by_s if abs(by_s) > SLACK_S else 0.0
