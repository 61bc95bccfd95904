"""Minutes: nothing is lost between them, and the window holds the newest of them whatever the ring has been through."""

import numpy as np
import pytest

from forecasting.minutes import Minutes
from signals.errors import ForecastError


def counted(minutes: Minutes, until_s: float, step_s: float, per_s: float) -> list[float]:
    """Ends of the minutes that closed on the way."""
    closed: list[float] = []
    while minutes.now_s < until_s:
        closed += minutes.take(minutes.now_s + step_s, np.array([per_s * step_s, np.nan]))
    return closed


@pytest.mark.parametrize("step_s", [1.0, 7.0, 90.0])
def test_minutes_close_on_the_clock_s_minutes_whatever_the_step(step_s: float) -> None:
    minutes = Minutes(2, 10)
    minutes.begin(30.0)
    closed = counted(minutes, 330.0, step_s, 0.5)
    assert closed[:5] == [60.0, 120.0, 180.0, 240.0, 300.0] and minutes.newest_s == closed[-1]
    veh, heard_s = minutes.window(1, 4)
    np.testing.assert_allclose(veh, [[120.0, 0.0]])
    np.testing.assert_allclose(heard_s, [[240.0, 0.0]])


def test_the_window_is_of_the_newest_minutes_oldest_first_after_many_turns_of_the_ring() -> None:
    minutes = Minutes(1, 4)
    minutes.begin(0.0)
    for k in range(1, 12):
        for _ in minutes.take(60.0 * k, np.array([float(k)])):
            pass
    assert minutes.window(4, 1)[0].ravel().tolist() == [8.0, 9.0, 10.0, 11.0]
    assert minutes.window(1, 2)[0].ravel().tolist() == [21.0]
    assert minutes.closed == 11


def test_what_it_has_not_lived_through_is_not_heard() -> None:
    minutes = Minutes(1, 4)
    minutes.begin(0.0)
    list(minutes.take(60.0, np.ones(1)))
    assert minutes.window(4, 1)[1].ravel().tolist() == [0.0, 0.0, 0.0, 60.0]
    with pytest.raises(ForecastError, match="5 recent minutes, of 4"):
        minutes.window(5, 1)


def test_a_model_that_looks_at_no_minute_keeps_none() -> None:
    minutes = Minutes(1, 0)
    minutes.begin(0.0)
    assert list(minutes.take(120.0, np.ones(1))) == [60.0, 120.0]
    assert minutes.window(0, 15)[0].shape == (0, 1)
