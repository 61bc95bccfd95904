import numpy as np
import pytest

from forecasting.week_profile import FEW, WeekProfile, add_squares
from signals.types import Floats

DAY_S, WEEK_S = 86_400.0, 604_800.0


def true_week(bin_s: float, detectors: int, seed: int = 1) -> Floats:
    """Root-scale weeks [bin, detector]: levels, two shared daily shapes, quieter weekends."""
    rng = np.random.default_rng(seed)
    hour = np.arange(round(DAY_S / bin_s)) * bin_s / 3600.0
    shapes = np.stack((np.exp(-((hour - 8.0) ** 2) / 8.0), np.exp(-((hour - 17.5) ** 2) / 10.0)), axis=1)
    day = rng.uniform(3.0, 6.0, detectors) + 3.0 * shapes @ rng.uniform(0.3, 1.7, (2, detectors))
    return np.concatenate([day * (1.0 if weekday < 5 else 0.75) for weekday in range(7)])


def lived(root_veh: Floats, bin_s: float) -> WeekProfile:
    """After these root counts [bin, detector] from a Monday on."""
    profile = WeekProfile.empty(bin_s, root_veh.shape[1], 0.0)
    for i, one in enumerate(root_veh):
        profile.learn(one, i * bin_s % WEEK_S)
    return profile


def noisy(week: Floats, weeks: int, seed: int = 2) -> Floats:
    """So many weeks of counts' noise around it."""
    truth = np.tile(week, (weeks, 1))
    return truth + 0.5 * np.random.default_rng(seed).standard_normal(truth.shape)


@pytest.mark.parametrize("bin_s", [900.0, 3600.0])
def test_after_three_weeks_the_coming_day_is_known_far_better_than_from_a_week_before(bin_s: float) -> None:
    week = true_week(bin_s, 20)
    profile = lived(noisy(week, 3), bin_s)
    found = profile.around(0.0, 0, profile.slots)
    error = np.abs(found - week[: profile.slots]).mean()
    assert error < 0.5 * 0.5 * np.sqrt(2.0 / np.pi)


def test_a_young_detector_is_better_known_with_its_neighbours_than_alone() -> None:
    week = true_week(3600.0, 40)
    root_veh = noisy(week, 3)
    root_veh[:-24, 0] = np.nan
    profile = lived(root_veh, 3600.0)
    assert profile.known_days[0] < 1.01 < profile.known_days[1]
    truth = week[: profile.slots, 0]
    inferred = np.abs(profile.around(0.0, 0, profile.slots)[:, 0] - truth).mean()
    alone = np.abs(profile.own[:, 0] - truth).mean()
    assert inferred < 0.7 * alone


def test_learning_goes_on_bin_by_bin_whatever_was_skipped() -> None:
    week = true_week(3600.0, 5)
    told, untold = lived(noisy(week, 2), 3600.0), lived(noisy(week, 2), 3600.0)
    for i in range(30):
        told.learn(np.full(5, np.nan), i * 3600.0)
    for one in (told, untold):
        one.learn(week[30], 30 * 3600.0)
    assert np.isfinite(untold.around(31 * 3600.0, 4, 12)).all()
    np.testing.assert_allclose(told.around(31 * 3600.0, 0, 12), untold.around(31 * 3600.0, 0, 12), rtol=1e-2)
    np.testing.assert_array_equal(told.memory.seen, untold.memory.seen)


def test_a_clock_that_is_set_back_an_hour_does_not_age_the_week() -> None:
    week = true_week(900.0, 5)
    profile = lived(noisy(week, 2)[:-84], 900.0)  # up to 3:00 on a Sunday
    days, before = profile.days, profile.memory.days(np.arange(5), profile.edge_s)
    profile.learn(week[-88], 6 * DAY_S + 2 * 3600.0)
    assert profile.edge_s == 6 * DAY_S + 2.25 * 3600.0
    assert profile.days - days < 0.02
    np.testing.assert_allclose(profile.memory.days(np.arange(5), profile.edge_s), before, rtol=0.01)


@pytest.mark.parametrize(("detectors", "bin_s"), [(FEW + 88, 14_400.0)])
def test_a_large_citys_week_is_renewed_over_the_day_and_comes_out_whole(detectors: int, bin_s: float) -> None:
    week = true_week(bin_s, detectors)
    profile = lived(noisy(week, 2), bin_s)
    assert FEW == profile.renewed < detectors
    profile.learn(week[0], 0.0)
    assert profile.renewed == detectors
    assert np.abs(profile.around(bin_s, 0, 4)[:, -40:] - week[1:5, -40:]).mean() < 0.4


def test_who_was_never_heard_has_no_profile_and_disturbs_nobody() -> None:
    week = true_week(3600.0, 6)
    root_veh = noisy(week, 2)
    alone = lived(root_veh[:, 1:], 3600.0).around(0.0, 0, 24)
    root_veh[:, 0] = np.nan
    found = lived(root_veh, 3600.0).around(0.0, 0, 24)
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_allclose(found[:, 1:], alone, atol=1e-4)


def test_a_time_between_two_bins_is_a_mix_of_them() -> None:
    profile = lived(noisy(true_week(3600.0, 3), 1), 3600.0)
    rows = profile.around(0.0, 0, 4)
    np.testing.assert_allclose(profile.around(900.0, 0, 2), 0.75 * rows[:2] + 0.25 * rows[1:3], rtol=1e-6)


def test_another_day_of_the_week_can_be_asked_for() -> None:
    week = true_week(3600.0, 5)
    profile = lived(noisy(week, 2), 3600.0)
    saturday = profile.around(5 * DAY_S, 0, 24)
    assert np.abs(saturday - week[120:144]).mean() < np.abs(saturday - week[:24]).mean()


def test_a_saved_state_goes_on_exactly() -> None:
    root_veh = noisy(true_week(3600.0, 5), 2)
    one = lived(root_veh[:-30], 3600.0)
    other = WeekProfile.from_arrays({name: np.array(array) for name, array in one.arrays().items()}, 3600.0)
    for profile in (one, other):
        for i in range(len(root_veh) - 30, len(root_veh)):
            profile.learn(root_veh[i], i * 3600.0 % WEEK_S)
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name], err_msg=name)
    with pytest.raises(ValueError, match="expected"):
        WeekProfile.from_arrays(one.arrays(), 1800.0)


def test_squares_fade_and_gaps_add_none() -> None:
    for kernel in (add_squares, add_squares.py_func):
        variance = np.ones((2, 3))
        kernel(variance, np.array([3.0, np.nan, 9.0]), np.array([1.0, 1.0, 1.0]), 0.5, 4.0)
        np.testing.assert_allclose(variance, [[4.5, 0.5, 16.5], [1.5, 0.5, 1.5]])
