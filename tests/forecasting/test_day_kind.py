import numpy as np
import pytest

from forecasting.day_kind import DayKind
from forecasting.kernels import misfits
from signals.types import Floats

BIN_S = 900.0
HOUR = np.arange(96) / 4.0
WEEKDAY = 3.0 + 4.0 * np.exp(-((HOUR - 8.0) ** 2) / 2.0) + 3.0 * np.exp(-((HOUR - 17.0) ** 2) / 4.0)
SATURDAY = 3.0 + 2.0 * np.exp(-((HOUR - 14.0) ** 2) / 12.0)
SUNDAY = 2.5 + 2.5 * np.exp(-((HOUR - 15.0) ** 2) / 10.0)
TYPES = np.stack((WEEKDAY, SATURDAY, SUNDAY))


def lived(day: Floats, detectors: int, seed: int, days: int = 1) -> tuple[DayKind, Floats, Floats]:
    """A city of these detectors lives days of this true shape [slot] where a weekday is due.

    Returns P(ordinary) [bin] and by how much what is then expected differs from the profile [bin], too.
    """
    rng = np.random.default_rng(seed)
    kind, ordinary, astray = DayKind.usual(BIN_S), [], []
    for slot in np.tile(np.arange(96), days):
        kind.step(slot == 0, 0, BIN_S)
        candidates = np.concatenate((WEEKDAY[(slot - kind.lags) % 96], TYPES[:, slot]))
        root_veh = day[slot] + 0.5 * rng.standard_normal(detectors)
        kind.weigh(root_veh, np.repeat(candidates[:, None], detectors, axis=1), np.full(detectors, 0.25))
        ordinary.append(kind.ordinary)
        astray.append(float(kind.probability @ candidates - WEEKDAY[slot]))
    return kind, np.array(ordinary), np.abs(astray)


@pytest.mark.parametrize("bins", [4, -4])
def test_a_clock_that_is_an_hour_off_is_found_before_the_morning_peak_is_over(bins: int) -> None:
    ordinary = lived(np.roll(WEEKDAY, bins), 30, 1)[1]
    assert (ordinary[36:] < 0.5).all()


def test_the_lag_that_is_found_is_the_true_one() -> None:
    kind = lived(np.roll(WEEKDAY, 4), 30, 2)[0]
    assert kind.lags[int(kind.probability[: len(kind.lags)].argmax())] == 4


def test_a_holiday_that_runs_as_a_sunday_is_told_by_the_morning_peak() -> None:
    kind, ordinary, _ = lived(SUNDAY, 30, 3)
    assert (ordinary[34:] < 0.2).all()
    assert kind.probability[-1] > 0.8


@pytest.mark.parametrize("detectors", [3, 30, 1000])
def test_ordinary_days_raise_no_alarm(detectors: int) -> None:
    # At night every lag fits as well, and it does not matter which is believed.
    _, ordinary, astray = lived(WEEKDAY, detectors, 4, days=10)
    busy = np.tile((HOUR > 7.5) & (HOUR < 20.0), 10)
    assert (ordinary[busy] < 0.5).mean() < 0.02
    assert astray.mean() < 0.05 and np.quantile(astray, 0.99) < 0.4


def test_a_new_day_is_ordinary_again() -> None:
    kind = lived(SUNDAY, 30, 5)[0]
    kind.step(True, 1, BIN_S)
    assert kind.probability[-3:] == pytest.approx([0.01, 0.0, 0.01], abs=1e-3)


def test_few_voices_are_not_listened_to() -> None:
    kind = DayKind.usual(BIN_S)
    kind.step(False, 0, BIN_S)
    before = kind.probability.copy()
    root_veh = np.full(20, np.nan)
    root_veh[:2] = 0.0
    kind.weigh(root_veh, np.full((len(before), 20), 9.0), np.ones(20))
    np.testing.assert_array_equal(kind.probability, before)


@pytest.mark.parametrize(("bin_s", "lags"), [(300.0, 9), (900.0, 9), (3600.0, 3)])
def test_any_bin_has_lags_of_up_to_an_hour(bin_s: float, lags: int) -> None:
    kind = DayKind.usual(bin_s)
    assert len(kind.lags) == lags and kind.reach * bin_s == 3600.0
    again = DayKind.from_arrays(kind.arrays(), bin_s)
    np.testing.assert_array_equal(again.probability, kind.probability)


def test_the_mix_of_hypotheses_is_their_mean() -> None:
    kind = DayKind.usual(3600.0)
    kind.probability = np.array([0.2, 0.5, 0.1, 0.0, 0.0, 0.2])
    rows = np.array([[1.0], [2.0], [4.0]])
    found = kind.mixed(rows, np.full((3, 1, 1), 10.0))
    assert found[0, 0] == pytest.approx(0.2 * rows[2, 0] + 0.5 * rows[1, 0] + 0.1 * rows[0, 0] + 2.0)


def test_misfits_leave_out_who_is_unknown_compiled_or_not() -> None:
    root_veh, candidates = np.array([1.0, np.nan, 5.0, 2.0]), np.array([[2.0, 1.0, 1.0, np.nan], [1.0, 1.0, 4.0, 1.0]])
    for kernel in (misfits, misfits.py_func):
        total, number = kernel(root_veh, candidates, np.full(4, 0.5), 2.5)
        assert number == 2
        np.testing.assert_allclose(total, [(1.0 + 2.5**2) / 0.5, (0.0 + 1.0) / 0.5])
