import numpy as np
import pytest

from forecasting.recording import Recording, history_of, scaled_up
from signals.errors import ForecastError


def hour(weekday: int, level_veh: float, start_s: float = 25_200.0) -> Recording:
    """Four bins of one detector."""
    return Recording(weekday, start_s, 900.0, ("m",), np.full((4, 1), level_veh))


def test_a_part_is_scaled_up_and_too_small_a_part_is_a_gap() -> None:
    found = scaled_up(np.array([6.0, 6.0, 6.0]), np.array([1.0, 0.5, 0.4]), 0.5)
    np.testing.assert_array_equal(found, [6.0, 12.0, np.nan])


def test_each_recording_is_put_on_the_next_day_of_its_weekday() -> None:
    history = history_of([hour(0, 5.0), hour(1, 6.0), hour(1, 7.0), hour(6, 8.0)])
    days, weekday = history.by_day()
    seen = np.isfinite(days).any(axis=(1, 2))
    assert weekday[seen].tolist() == [0, 1, 1, 6]
    np.testing.assert_array_equal(days[seen][:, 28:32, 0].mean(axis=1), [5.0, 6.0, 7.0, 8.0])
    assert np.isnan(days[seen][:, :28]).all()


def test_a_run_over_midnight_reaches_into_the_next_day() -> None:
    history = history_of([hour(4, 5.0, start_s=86_400.0 - 1800.0), hour(4, 6.0, start_s=86_400.0 - 1800.0)])
    days, weekday = history.by_day()
    seen = np.flatnonzero(np.isfinite(days).any(axis=(1, 2)))
    assert weekday[seen].tolist() == [4, 5, 4, 5]
    np.testing.assert_array_equal(days[seen[1], :2, 0], [5.0, 5.0])


def test_recordings_of_other_detectors_do_not_mix() -> None:
    other = Recording(0, 0.0, 900.0, ("x",), np.zeros((4, 1)))
    with pytest.raises(ForecastError, match="do not mix"):
        history_of([hour(0, 5.0), other])
    with pytest.raises(ForecastError, match="no recorded day"):
        history_of([])
