import numpy as np
import pytest

from forecasting.history import FlowHistory
from forecasting.lessons import LONGEST_REGIME_S, fit, hidden_stretches, made_up_regimes, taught, walked_profile, with_after
from signals.errors import ForecastError

HOURS = 24


def city(days: int = 9, detectors: int = 4, seed: int = 1) -> FlowHistory:
    """Hourly counts of a daily shape, from a Monday on."""
    rng = np.random.default_rng(seed)
    hour = np.arange(HOURS)
    day = 20.0 + 100.0 * np.exp(-((hour - 8.0) ** 2) / 8.0)
    mean_veh = np.tile(day, days)[:, None] * rng.uniform(0.5, 2.0, detectors)
    names = tuple(f"d{k}" for k in range(detectors))
    return FlowHistory(np.datetime64("2024-04-01T00:00:00", "s"), 3600.0, names, rng.poisson(mean_veh).astype(np.float64))


def test_the_profile_that_is_walked_knows_nothing_of_the_bin_it_speaks_of() -> None:
    history = city()
    changed = history.counts_veh.copy()
    changed[150:] *= 7.0
    usual, own, _ = walked_profile(history, 1)
    other, other_own, _ = walked_profile(FlowHistory(history.start, 3600.0, history.detectors, changed), 1)
    np.testing.assert_array_equal(usual[:152], other[:152])
    np.testing.assert_array_equal(own[:151], other_own[:151])
    assert not np.array_equal(usual[152:], other[152:], equal_nan=True)


def test_a_quarter_is_hidden_in_stretches_of_six_hours() -> None:
    hidden = hidden_stretches(city(60, 20), np.random.default_rng(1))
    assert hidden.mean() == pytest.approx(0.25, abs=0.02)
    by_stretch = hidden.reshape(-1, 6, 20)
    assert (by_stretch.all(axis=1) | ~by_stretch.any(axis=1)).all()


def test_made_up_regimes_change_counts_only_where_they_say() -> None:
    history = city(60, 20)
    regime_veh, within = made_up_regimes(history, np.random.default_rng(2))
    np.testing.assert_array_equal(regime_veh[~within], history.counts_veh[~within])
    busy = within & (history.counts_veh > 10.0)
    assert (np.abs(regime_veh[busy] / history.counts_veh[busy] - 1.0) > 0.3).mean() > 0.95
    longest = max(len(part) for column in within.T for part in "".join("x" if w else " " for w in column).split())
    assert longest <= 2 * LONGEST_REGIME_S / 3600.0


def test_the_two_bins_after_a_stretch_are_taught_too() -> None:
    within = np.array([[False], [True], [False], [False], [False]])
    np.testing.assert_array_equal(with_after(within)[:, 0], [False, True, True, True, False])


def test_lessons_end_with_the_history_as_it_was() -> None:
    history = city()
    model, course = taught(history, 1)
    last = course.lessons[-1]
    np.testing.assert_array_equal(last.heard, last.truth)
    np.testing.assert_allclose(model.departures.last, last.heard[-4:])
    assert (last.weight[: history.bins // 2] == 0.0).all() and (last.weight[7 * HOURS :] == 1.0).all()
    assert model.profile.edge_s == 2 * 86_400.0


def test_two_fits_to_the_same_counts_are_the_same() -> None:
    one, other = fit(city()).arrays(), fit(city()).arrays()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_too_short_a_history_is_refused() -> None:
    with pytest.raises(ForecastError, match="needs at least 2"):
        fit(city(1))
