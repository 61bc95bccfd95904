import numpy as np
import numpy.typing as npt

from forecasting.smooth_week import Smoothing, smooth_week

BY = Smoothing(type_sigma_min=8.0, power=0.6, day_sigma_min=30.0, shrinkage_days=0.4)
HOUR = np.arange(96) / 4.0
DAY = 3.0 + 4.0 * np.exp(-((HOUR - 8.0) ** 2) / 8.0)
Table = npt.NDArray[np.float32]


def of_days(root_veh: npt.NDArray[np.float64], days: npt.NDArray[np.float64]) -> tuple[Table, Table]:
    """Sums and weights of a week [weekday, slot] that was seen on so many days [weekday]."""
    weight = np.repeat(days[:, None, None], 96, axis=1)
    return (weight * root_veh[..., None]).astype(np.float32), weight.astype(np.float32)


def test_a_smooth_week_comes_back_as_it_is() -> None:
    week = np.tile(DAY, (7, 1)) - np.array([0, 0, 0, 0, 0, 1.0, 1.5])[:, None]
    found = smooth_week(*of_days(week, np.full(7, 4.0)), 15.0, BY)
    assert np.abs(found.reshape(7, 96) - week).max() < 0.2


def test_a_weekday_of_its_own_is_learned_and_the_more_the_more_days_it_has() -> None:
    week = np.tile(DAY, (7, 1))
    week[4] += 1.0
    error = [abs(float(smooth_week(*of_days(week, np.full(7, d)), 15.0, BY).reshape(7, 96)[4].mean() - week[4].mean())) for d in (1.0, 4.0)]
    assert error[1] < error[0] < 0.5


def test_a_day_type_that_was_never_seen_takes_the_shape_of_the_others() -> None:
    found = smooth_week(*of_days(np.tile(DAY, (7, 1)), np.array([3.0] * 5 + [0.0, 0.0])), 15.0, BY).reshape(7, 96)
    np.testing.assert_allclose(found[5], found[0], atol=0.3)


def test_few_days_are_smoothed_more() -> None:
    noise = np.random.default_rng(1).standard_normal((7, 96))
    rough = [np.abs(np.diff(smooth_week(*of_days(noise, np.full(7, d)), 15.0, BY).reshape(7, 96)[0])).mean() for d in (0.2, 8.0)]
    assert rough[0] < 0.7 * rough[1]


def test_asking_for_some_weekdays_gives_just_their_part() -> None:
    sums = of_days(np.random.default_rng(2).random((7, 96)) + 3.0, np.full(7, 2.0))
    whole = smooth_week(*sums, 15.0, BY).reshape(7, 96)
    np.testing.assert_array_equal(smooth_week(*sums, 15.0, BY, (6, 0)).reshape(2, 96), whole[[6, 0]])


def test_who_was_never_seen_has_no_week() -> None:
    total, weight = (np.repeat(table, 2, axis=2) for table in of_days(np.tile(DAY, (7, 1)), np.full(7, 2.0)))
    total[..., 1], weight[..., 1] = 0.0, 0.0
    found = smooth_week(total, weight, 15.0, BY)
    assert np.isfinite(found[:, 0]).all() and np.isnan(found[:, 1]).all()
    assert found.shape == (672, 2) and found.dtype == np.float32
