"""What a data source is, how one is listened to, and at which pace recorded ones speak."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

from citybrain.intake.batch import Batch, IntakeError
from citybrain.intake.intake import Receipt
from signals.errors import ConfigError

Take = Callable[[Batch], Receipt]
"""Such as `Intake.take`."""
NO_ROOM_PAUSE_S = 1.0


class DataSource(Protocol):
    """Somewhere that batches come from. It reconnects by itself; it ends when there is nothing more to come."""

    @property
    def name(self) -> str:
        """How samples, counters and log lines call it."""
        ...

    def batches(self) -> AsyncGenerator[Batch, None]:
        """Batches as they come. When the next one is asked for, the last one is on the disk: then a source may acknowledge it."""
        ...


async def listen(source: DataSource, take: Take, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> int:
    """Take in all that a source sends, each batch kept before the next; the number of batches.

    What the disk has no room for is offered to it again until it has: the source waits meanwhile.
    """
    number = 0
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            while not await _kept(batch, take):
                await sleep(NO_ROOM_PAUSE_S)
            number += 1
    return number


async def _kept(batch: Batch, take: Take) -> bool:
    try:
        receipt = take(batch)
        if receipt.kept is not None:
            await asyncio.wrap_future(receipt.kept)
    except IntakeError:
        return False
    return True


class Pace:
    """Recorded time at `speed` times the wall's; infinite: nobody waits."""

    def __init__(
        self,
        speed: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not speed > 0.0:
            raise ConfigError(f"speed {speed}: expected a number above 0, of recorded seconds a second")
        self._speed, self._clock, self._sleep = speed, clock, sleep
        self._first_s, self._began_s = math.nan, 0.0

    async def until(self, at_s: float) -> None:
        """Return when a recorded moment has come; the first one has. Others get their turn in any case."""
        if math.isnan(self._first_s):
            self._first_s, self._began_s = at_s, self._clock()
        due_s = self._began_s + (at_s - self._first_s) / self._speed
        await self._sleep(max(due_s - self._clock(), 0.0))
