import numpy as np
import pytest

from forecasting.clock import DAY_S, day_types, week_clock_s


@pytest.mark.parametrize(
    ("day_s", "weekday", "clock_s"),
    [(0.0, 0, 0.0), (28_800.0, 2, 201_600.0), (90_000.0, 6, 3_600.0), (90_000.0, 4, 435_600.0)],
)
def test_a_time_after_midnight_belongs_to_the_next_weekday(day_s: float, weekday: int, clock_s: float) -> None:
    assert week_clock_s(day_s, weekday) == clock_s


def test_monday_to_friday_are_one_type_and_the_weekend_two() -> None:
    assert day_types(np.arange(8.0) * DAY_S).tolist() == [0, 0, 0, 0, 0, 1, 2, 0]
