import numpy as np
import pytest

from forecasting import usual
from forecasting.history import FlowHistory
from signals.types import Floats, Ints

START = np.datetime64("2024-04-01T00:00:00", "s")  # a Monday
TYPES = np.array([0, 0, 0, 0, 0, 1, 2] * 4, dtype=np.int64)
MOST = np.array([20, 4, 4], dtype=np.int64)


def days_of(levels_veh: Floats, slots: int = 24) -> Floats:
    """Flat days [day, slot] at these levels."""
    return np.repeat(np.asarray(levels_veh, dtype=np.float64)[:, None], slots, axis=1)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_mean_over_the_hour_passes_over_gaps(compiled: bool) -> None:
    smoothed = usual.smoothed if compiled else usual.smoothed.py_func
    counts_veh = np.array([1.0, 2.0, 3.0, np.nan, np.nan, np.nan, 7.0])
    np.testing.assert_allclose(smoothed(counts_veh, 1), [1.5, 2.0, 2.5, np.nan, np.nan, np.nan, 7.0])
    np.testing.assert_array_equal(smoothed(counts_veh, 0), counts_veh)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_median_day_is_not_moved_by_a_faulty_one(compiled: bool) -> None:
    median_day = usual.median_day if compiled else usual.median_day.py_func
    chosen = np.array([True, True, True, False])
    np.testing.assert_array_equal(median_day(days_of(np.array([5.0, 6.0, 900.0, 1.0]), 2), chosen), [6.0, 6.0])
    assert np.isnan(median_day(days_of(np.array([np.nan, np.nan, np.nan, 1.0]), 2), chosen)).all()


@pytest.mark.parametrize("compiled", [True, False])
def test_dead_days_are_passed_over_unless_most_are(compiled: bool) -> None:
    alive_days = usual.alive_days if compiled else usual.alive_days.py_func
    assert alive_days(np.array([10.0, 0.0, 12.0, 0.0, np.nan])).tolist() == [True, False, True, False, False]
    assert alive_days(np.array([10.0, 0.0, 0.0, 0.0, 0.0])).tolist() == [True] * 5
    assert not alive_days(np.full(3, np.nan)).any()


@pytest.mark.parametrize("compiled", [True, False])
def test_weekends_have_their_level_against_the_weekdays_around_them(compiled: bool) -> None:
    first_usual = usual.first_usual if compiled else usual.first_usual.py_func
    weekly = np.where(TYPES == 1, 0.5, np.where(TYPES == 2, 0.25, 1.0))
    steps = np.repeat([100.0, 100.0, 100.0, 300.0], 7)  # the last week at another scale
    np.testing.assert_allclose(first_usual(days_of(weekly * steps), TYPES, MOST)[:, 0], [100.0, 50.0, 25.0], rtol=1e-3)


@pytest.mark.parametrize("compiled", [True, False])
def test_later_days_lead_the_usual_along_but_not_far(compiled: bool) -> None:
    followed = usual.followed if compiled else usual.followed.py_func
    types, most = np.zeros(200, dtype=np.int64), np.array([5, 2, 2], dtype=np.int64)
    table = days_of(np.array([100.0, 100.0, 100.0]))
    led = followed(days_of(np.r_[np.full(10, 100.0), np.full(190, 50.0)]), types, table, most)[:, 0]
    assert led[10] == 100.0
    assert 90.0 < led[17] < 100.0  # a faulty week moves it by a few per cent
    assert led[60] < 65.0  # what stays becomes usual
    assert led[-1] == pytest.approx(50.0, abs=0.5)


@pytest.mark.parametrize("size", [3.0, 10.0, 40.0])
def test_the_size_is_found_by_medians_even_where_a_tenth_is_faulty(size: float) -> None:
    rng = np.random.default_rng(11)
    usual_veh = np.full(20_000, 80.0)
    counts_veh = rng.poisson(usual_veh * rng.gamma(size, 1.0 / size, len(usual_veh))).astype(np.float64)
    counts_veh[::10] = 0.0
    for kernel in (usual.size_of, usual.size_of.py_func):
        assert kernel(counts_veh, usual_veh) == pytest.approx(size, rel=0.35)


@pytest.mark.parametrize("counts", [np.full(50, np.nan), np.zeros(50), np.full(4, 9.0)])
def test_where_nothing_can_be_told_the_scatter_is_taken_for_wide(counts: Floats) -> None:
    for kernel in (usual.size_of, usual.size_of.py_func):
        assert kernel(counts, np.where(np.isnan(counts), np.nan, 0.1 * counts)) == usual.LEAST_SIZE


def weeks(number: int, seed: int = 3) -> tuple[FlowHistory, Floats]:
    rng = np.random.default_rng(seed)
    hour = np.arange(96) / 4.0
    shape = 2.0 + 40.0 * np.exp(-((hour - 8.0) ** 2) / 4.0)
    weekday: Ints = np.repeat(np.arange(7 * number) % 7, 96)
    mean_veh = (np.tile(shape, 7 * number) * np.where(weekday > 4, 0.5, 1.0))[:, None]
    return FlowHistory(START, 900.0, ("A",), rng.poisson(mean_veh).astype(np.float64)), mean_veh


@pytest.mark.parametrize("number", [1, 2, 4, 12])
def test_the_usual_counts_are_near_the_truth(number: int) -> None:
    history, mean_veh = weeks(number)
    fitted = usual.fit(history)
    assert np.abs(fitted.count_veh - mean_veh).sum() / mean_veh.sum() < 0.11
    assert fitted.size[0] > 15.0


def test_a_history_that_begins_at_noon_is_cut_at_midnight() -> None:
    history, _ = weeks(4)
    part = history.between(48, history.bins)
    whole, cut = usual.fit(history).count_veh, usual.fit(part).count_veh
    assert np.abs(cut[96:] - whole[144:]).mean() < 0.5


def test_later_days_may_be_followed_in_another_table() -> None:
    history, _ = weeks(8)
    doubled = FlowHistory(history.start, 900.0, history.detectors, 2.0 * history.counts_veh)
    led = usual.fit(history, usual.FIRST_MONTH, later=doubled).count_veh
    assert led[: 28 * 96].sum() == pytest.approx(usual.fit(history).count_veh[: 28 * 96].sum())
    assert led[-7 * 96 :].sum() > 1.3 * led[: 7 * 96].sum()
