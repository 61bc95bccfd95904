"""A source is listened to at the disk's pace; a record is told at its own times the speed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future

import numpy as np
import pytest

from citybrain.intake.batch import Batch, IntakeError, Samples
from citybrain.intake.intake import Receipt
from citybrain.intake.source import Pace, listen
from signals.errors import ConfigError

Sampled = Callable[..., Samples]


class Three:
    """Says three samples, and notes when it was asked for the next."""

    name = "three"

    def __init__(self, sampled: Sampled) -> None:
        self.kept: list[int] = []
        self.closed = False
        self._sampled = sampled

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """One sample each."""
        try:
            for k in range(3):
                yield self._sampled([k], float(k), 1.0)
                self.kept.append(k)
        finally:
            self.closed = True


def receipt(error: Exception | None = None) -> Receipt:
    """Of what the disk has, or has not."""
    future: Future[int] = Future()
    if error is None:
        future.set_result(1)
    else:
        future.set_exception(error)
    return Receipt(np.zeros(7, np.int64), future)


async def at_once(seconds: float) -> None:
    """Time flies."""


def test_each_batch_is_kept_before_the_next_one_is_asked_for(sampled: Sampled) -> None:
    source, taken = Three(sampled), []

    def take(batch: Batch) -> Receipt:
        assert isinstance(batch, Samples)
        assert source.kept == taken
        taken.append(int(batch.sensor[0]))
        return receipt()

    assert asyncio.run(listen(source, take)) == 3
    assert (taken, source.kept, source.closed) == ([0, 1, 2], [0, 1, 2], True)


@pytest.mark.parametrize("late", [False, True], ids=["refused at once", "refused by the disk"])
def test_what_finds_no_room_is_offered_again_until_it_does(sampled: Sampled, late: bool) -> None:
    source, tries = Three(sampled), []

    def take(batch: Batch) -> Receipt:
        tries.append(int(batch.sensor[0]) if isinstance(batch, Samples) else -1)
        if tries.count(1) in (1, 2) and tries[-1] == 1:
            if late:
                return receipt(IntakeError("full"))
            raise IntakeError("full")
        return receipt()

    assert asyncio.run(listen(source, take, at_once)) == 3
    assert tries == [0, 1, 1, 1, 2]


def test_any_other_error_ends_the_listening_and_lets_go_of_the_source(sampled: Sampled) -> None:
    source = Three(sampled)

    def take(batch: Batch) -> Receipt:
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        asyncio.run(listen(source, take))
    assert (source.kept, source.closed) == ([], True)


@pytest.mark.parametrize(("speed", "expected_s"), [(1.0, [0.0, 10.0, 0.0, 5.0]), (10.0, [0.0, 1.0, 0.0, 0.5]), (float("inf"), [0.0] * 4)])
def test_a_record_is_told_at_its_times_and_so_much_faster(speed: float, expected_s: list[float]) -> None:
    clock_s, slept_s = [1000.0], []

    async def sleep(seconds: float) -> None:
        slept_s.append(seconds)
        clock_s[0] += seconds

    async def told() -> None:
        pace = Pace(speed, lambda: clock_s[0], sleep)
        for at_s in (500.0, 510.0, 505.0, 515.0):
            await pace.until(at_s)

    asyncio.run(told())
    assert slept_s == pytest.approx(expected_s)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_is_above_zero(speed: float) -> None:
    with pytest.raises(ConfigError, match="expected a number above 0"):
        Pace(speed)
