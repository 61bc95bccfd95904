"""Claims about clocks that were set while nobody looked: two outvote one, and where there are but two, a hold ends early, not late."""

import pytest

from citybrain.service.outage import Moment, jumped_s, moment_from, uptime

UNIX_S = 1_800_000_000.0
LEFT = Moment(UNIX_S, UNIX_S + 3.0, "boot-1", 5000.0)


def after(field_s: float, wall_s: float, up_s: float, boot: str = "boot-1") -> Moment:
    """So much later by each of the clocks."""
    return Moment(LEFT.field_s + field_s, LEFT.wall_s + wall_s, boot, LEFT.up_s + up_s)


@pytest.mark.parametrize(
    ("now", "by_s"),
    [
        (after(600.0, 600.0, 600.0), 0.0),
        (after(601.5, 600.0, 600.2), 0.0),  # read one after the other
        (after(-3000.0, 600.0, 600.0), -3600.0),  # the street's was put back
        (after(100.0, 600.0, 600.0), -500.0),  # by less than the outage
        (after(4200.0, 600.0, 600.0), 3600.0),  # put ahead
        (after(600.0, -3000.0, 600.0), 0.0),  # the calendar was put back, or ahead
        (after(600.0, 9000.0, 600.0), 0.0),
        (after(600.0, 600.0, 20.0), 0.0),  # the machine slept, and its own clock did not know
        (after(600.0, 600.0, -4900.0, "boot-2"), 0.0),  # switched off meanwhile
        (after(-3000.0, 600.0, -4900.0, "boot-2"), -3600.0),
        (after(600.0, -3000.0, -4900.0, "boot-2"), 0.0),
        (after(600.0, 9000.0, -4900.0, "boot-2"), -8400.0),  # one of two is wrong: the hold ends early
        (after(-3000.0, -3000.0, -4900.0, "boot-2"), -3000.0),  # no time is known to have gone by
        (after(-3000.0, 600.0, 600.0, ""), -3600.0),
    ],
)
def test_the_clock_that_is_outvoted_has_jumped(now: Moment, by_s: float) -> None:
    assert jumped_s(LEFT, now, any_speed=False) == pytest.approx(by_s)


@pytest.mark.parametrize(
    ("now", "by_s"),
    [
        (after(6000.0, 600.0, 600.0), 0.0),  # at ten times the speed
        (after(60.0, 600.0, 600.0), 0.0),
        (after(-UNIX_S, 600.0, 600.0), -UNIX_S - 600.0),  # begun anew at 0
        (after(-UNIX_S, 600.0, -4900.0, "boot-2"), -UNIX_S - 600.0),
        (after(-UNIX_S, -600.0, -4900.0, "boot-2"), -UNIX_S),
    ],
)
def test_a_simulation_s_clock_is_believed_unless_it_has_gone_back(now: Moment, by_s: float) -> None:
    assert jumped_s(LEFT, now, any_speed=True) == pytest.approx(by_s)


def test_a_moment_comes_back_as_it_was_written() -> None:
    assert moment_from(LEFT.as_json()) == LEFT and moment_from(None) is None


def test_the_machine_s_own_clock_goes_on_and_its_start_has_a_name() -> None:
    first, second = uptime(), uptime()
    assert second.up_s >= first.up_s > 0.0 and first.boot == second.boot
