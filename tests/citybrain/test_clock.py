"""Who waits for a tick: nobody in simulated time, the wall's seconds in the street."""

import pytest

from citybrain import clock
from citybrain.clock import SimClock, WallClock


class Wall:
    """A wall clock that only moves when somebody sleeps or works."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.slept_s: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, span_s: float) -> None:
        self.slept_s.append(span_s)
        self.now_s += span_s


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """Stands in for the module `time` of the clock."""
    made = Wall()
    monkeypatch.setattr(clock, "time", made)
    return made


@pytest.mark.parametrize(("speed", "expected_s"), [(1.0, 10.0), (4.0, 2.5), (0.5, 20.0)])
def test_the_wall_clock_waits_the_simulated_time_over_the_speed(wall: Wall, speed: float, expected_s: float) -> None:
    WallClock(25200.0, speed).wait_until(25210.0)
    assert wall.now_s - 50.0 == pytest.approx(expected_s)


def test_work_between_two_steps_shortens_the_wait(wall: Wall) -> None:
    paced = WallClock(0.0)
    wall.now_s += 0.3
    paced.wait_until(1.0)
    assert wall.slept_s == [pytest.approx(0.7)]


def test_a_late_loop_does_not_sleep_and_catches_up(wall: Wall) -> None:
    paced = WallClock(0.0)
    wall.now_s += 2.5
    for second in (1.0, 2.0, 3.0):
        paced.wait_until(second)
    assert wall.slept_s == [0.0, 0.0, pytest.approx(0.5)]


def test_simulated_time_waits_for_nobody(wall: Wall) -> None:
    SimClock().wait_until(1e9)
    assert wall.slept_s == []
