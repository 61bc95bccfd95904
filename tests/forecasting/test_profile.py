import numpy as np
import pytest

from forecasting import profile
from forecasting.clock import DAY_S
from forecasting.history import FlowHistory
from forecasting.profile import Profile, fit_days
from signals.errors import ForecastError
from signals.types import Floats

BIN_S = 900.0


def constant_days(levels_veh: list[float]) -> Floats:
    """Whole days [day, slot, detector] of one detector, each at its level."""
    return np.asarray(np.array(levels_veh)[:, None, None] * np.ones((1, 96, 1)))


def test_the_profile_of_many_days_is_near_the_truth(site: FlowHistory, true_day: Floats) -> None:
    fitted = profile.fit(site).count_veh[0]
    error = np.abs(fitted - true_day).sum() / true_day.sum()
    assert error < 0.08


def test_weekend_levels_are_told_from_weekdays() -> None:
    types = np.array([0, 0, 0, 0, 0, 1, 2])
    fitted = fit_days(constant_days([20.0] * 5 + [10.0, 5.0]), types, BIN_S)
    np.testing.assert_allclose(fitted.count_veh[:, 0, 0], [20.0, 10.0, 5.0], rtol=0.01)


def test_a_day_type_never_seen_takes_the_pooled_shape() -> None:
    fitted = fit_days(constant_days([20.0, 20.0]), np.array([0, 0]), BIN_S)
    assert np.isfinite(fitted.count_veh).all()
    # With no day of its type, the level cannot be told either: the pooled one stands.
    np.testing.assert_allclose(fitted.count_veh[2], fitted.count_veh[1])


def test_a_slot_never_observed_is_not_a_number_unless_its_neighbour_was() -> None:
    days = np.full((3, 96, 1), np.nan)
    days[:, 28:32] = 8.0
    fitted = fit_days(days, np.zeros(3, dtype=np.int64), BIN_S).count_veh[0, :, 0]
    np.testing.assert_allclose(fitted[27:33], 8.0, rtol=0.05)
    assert np.isnan(np.delete(fitted, np.arange(27, 33))).all()


def test_a_gap_does_not_pull_the_mean_down() -> None:
    days = constant_days([10.0, 10.0, 10.0])
    days[1, 40] = np.nan
    np.testing.assert_allclose(fit_days(days, np.zeros(3, dtype=np.int64), BIN_S).count_veh[0], 10.0, rtol=1e-9)


def ramp() -> Profile:
    """Slot k of a weekday expects k, of a Saturday 100 + k, of a Sunday 200 + k."""
    table = np.arange(96.0)[None, :, None] + 100.0 * np.arange(3.0)[:, None, None]
    return Profile(BIN_S, table, table[:, :, 0])


@pytest.mark.parametrize(
    ("start_s", "expected"),
    [
        (0.0, 0.0),
        (8 * 900.0, 8.0),
        (8 * 900.0 + 300.0, 8.0 + 1 / 3),
        (5 * DAY_S, 100.0),
        (6 * DAY_S + 900.0, 201.0),
        (7 * DAY_S, 0.0),
        (4 * DAY_S + 95.5 * 900.0, (95.0 + 100.0) / 2),  # half Friday, half Saturday
        (-900.0, 295.0),
    ],
)
def test_a_window_between_two_slots_takes_its_share_of_both(start_s: float, expected: float) -> None:
    assert ramp().at(np.array([start_s]))[0, 0] == pytest.approx(expected)
    assert ramp().shape_at(np.array([start_s]))[0] == pytest.approx(expected)


def test_the_profile_speaks_whatever_was_seen() -> None:
    point = ramp().expect(np.zeros((0, 1)), 900.0, 2)
    np.testing.assert_array_equal(point.count_veh, [[1.0], [2.0]])
    assert point.rung == ("profile",)
    assert ramp().degraded() == ()


def test_arrays_make_it_again_and_odd_ones_do_not(site: FlowHistory) -> None:
    fitted = profile.fit(site)
    again = Profile.from_arrays(fitted.arrays(), BIN_S)
    np.testing.assert_array_equal(again.count_veh, fitted.count_veh)
    with pytest.raises(ValueError, match="profile of shape"):
        Profile.from_arrays(fitted.arrays(), 300.0)


def test_one_day_makes_no_profile(site: FlowHistory) -> None:
    with pytest.raises(ForecastError, match="needs at least 2"):
        profile.fit(site.between(0, 90))
