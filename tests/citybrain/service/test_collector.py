"""Garbage is collected between ticks, and the interpreter has its own ways back afterwards."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from citybrain.service.collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.stop()


class Ring:
    """Holds itself: only the collector can free it."""

    def __init__(self) -> None:
        self.me = self


def test_nothing_is_collected_by_itself_and_new_rings_go_after_a_tick(collector: Collector) -> None:
    assert not gc.isenabled()
    collector.after_tick()
    ring = weakref.ref(Ring())
    assert ring() is not None
    collector.after_tick()
    assert ring() is None


def test_what_was_there_at_the_first_tick_is_not_looked_through_again(collector: Collector) -> None:
    collector.after_tick()
    assert gc.get_freeze_count() > 1000
    collector.stop()
    assert gc.get_freeze_count() == 0 and gc.isenabled()


def test_who_had_switched_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        one = Collector()
        one.after_tick()
        one.stop()
        assert not gc.isenabled()
    finally:
        gc.enable()
