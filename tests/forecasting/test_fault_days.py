import numpy as np
import pytest

from forecasting import fault_days
from signals.types import Bools, Floats, Ints


def gains(*days: float) -> Floats:
    """Gains [state, day, detector] of one detector, for one hour earlier; one hour later never fits."""
    return np.stack((np.array(days)[:, None], np.full((len(days), 1), -30.0)))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((-30, -30, -30), (0, 0, 0)),
        ((-30, 15, -30), (0, 0, 0)),  # one day must say more than it costs to begin and to end
        ((-30, 25, -30), (0, 1, 0)),
        ((-30, 9, 9, 9), (0, 1, 1, 1)),
        ((-30, 20, 0, 20, -30), (0, 1, 1, 1, 0)),  # a day that says nothing lies between two that do
        ((20, 20, -30), (1, 1, 0)),
    ],
)
def test_the_most_probable_days_are_shifted(days: tuple[float, ...], expected: tuple[int, ...]) -> None:
    assert fault_days.most_probable(gains(*days))[:, 0].tolist() == list(expected)


def test_a_table_is_shifted_where_its_detectors_say_so_together() -> None:
    weak = np.concatenate([gains(-30, 4, 4, -30)] * 12, axis=2)
    assert not (fault_days.most_probable(weak) > 0).any()
    assert fault_days.shifted_days(weak, weak)[:, 0].tolist() == [False, True, True, False]
    divided = np.concatenate([gains(-30, 4, 4, -30)] * 4 + [gains(-30, -9, -9, -30)] * 8, axis=2)
    assert not fault_days.shifted_days(divided, divided).any()


def test_a_shift_counts_only_where_it_makes_a_usual_day() -> None:
    slots = 96
    number: Ints = np.full((5, 1), slots)
    deviance = np.full((3, 5, 1), 1.0 * slots)
    deviance[0, 2], deviance[2, 2] = 3.0 * slots, 9.0 * slots
    found = fault_days.shift_gains(deviance, number, slots)
    assert found[0, 2, 0] == fault_days.LARGEST_GAIN
    assert found[1, 2, 0] == -fault_days.LARGEST_GAIN
    deviance[1, 2] = 2.5 * slots  # better than unshifted, yet no usual day: something else happened
    assert fault_days.shift_gains(deviance, number, slots)[0, 2, 0] == 0.0
    assert not fault_days.shift_gains(deviance, number // 2, slots).any()


def level_of(*days: float) -> Floats:
    """Levels [day, detector]: these days of the first detector, steady others."""
    out = np.zeros((len(days), 12))
    out[:, 0] = days
    return out


def drifted(*days: float, peers: Ints | None = None) -> list[bool]:
    level = level_of(*days)
    found: Bools = fault_days.drifted_days(level, np.full((12, 2), -1, dtype=np.int64) if peers is None else peers)
    assert not found[:, 1:].any()
    return [bool(day) for day in found[:, 0]]


def test_a_level_that_leaves_its_past_for_days_has_drifted_and_a_day_or_two_are_an_event() -> None:
    assert drifted(*[0.0] * 9, *[-0.6] * 4, *[0.0] * 3) == [False] * 9 + [True] * 4 + [False] * 3
    assert not any(drifted(*[0.0] * 9, -0.6, -0.6, *[0.0] * 5))
    assert not any(drifted(*[0.0] * 9, *[-0.2] * 7))


def test_an_unknown_day_neither_counts_nor_breaks_a_drift() -> None:
    assert drifted(*[0.0] * 9, -0.6, np.nan, -0.6, -0.6) == [False] * 9 + [True, False, True, True]


def test_a_bad_beginning_is_told_from_the_days_after_it() -> None:
    assert drifted(*[0.7] * 3, *[0.0] * 12) == [True] * 3 + [False] * 12


def test_a_restless_detector_must_leave_further() -> None:
    restless = np.tile([0.25, -0.25], 8)
    assert not any(drifted(*restless, *(restless[:4] + 0.4)))


def test_peers_that_left_too_excuse_a_detector() -> None:
    level = level_of(*[0.0] * 9, *[-0.6] * 5)
    level[9:, 1:3] = -0.5
    peers = np.full((12, 2), -1, dtype=np.int64)
    peers[0] = (1, 2)
    assert not fault_days.drifted_days(level, peers)[:, 0].any()
    assert fault_days.drifted_days(level, np.full((12, 2), -1, dtype=np.int64))[9:, 0].all()


def test_levels_are_against_all_and_need_others() -> None:
    seen_veh = np.array([[50.0, 50.0, 50.0, 50.0, 100.0]])
    found = fault_days.levels(seen_veh, np.full((1, 5), 100.0), np.full((1, 5), 96), 96)
    np.testing.assert_allclose(found[0], [0, 0, 0, 0, np.log(101 / 51)])
    few = fault_days.levels(seen_veh[:, 2:], np.full((1, 3), 100.0), np.full((1, 3), 96), 96)
    assert np.isnan(few).all()
    assert np.isnan(fault_days.levels(seen_veh, np.full((1, 5), 100.0), np.full((1, 5), 40), 96)).all()


def test_a_past_takes_in_days_that_stayed_and_is_replaced_by_a_level_that_stays_off() -> None:
    past = np.array([[np.nan, np.nan], [1.0, 1.0], [2.0, 2.0]])
    newest = np.array([[7.0, 7.0], [8.0, 8.0]])
    taken = fault_days.with_day(past, newest, np.array([0.0, 1.0]))
    np.testing.assert_array_equal(taken, [[1.0, np.nan], [2.0, 1.0], [8.0, 2.0]])
    replaced = fault_days.with_day(past, newest, np.array([0.0, -float(fault_days.ADOPT_DAYS)]))
    np.testing.assert_array_equal(replaced[:, 1], [np.nan, 7.0, 8.0])


def test_days_off_are_counted_by_side() -> None:
    off = np.zeros(1)
    for known, sign, expected in ((True, 1, 1), (True, 1, 2), (False, 0, 2), (True, -1, -1), (True, 0, 0)):
        off = fault_days.days_off(off, np.array([known]), np.array([float(sign)]))
        assert off[0] == expected


@pytest.mark.parametrize("compiled", [True, False])
def test_medians_are_of_what_is_known(compiled: bool) -> None:
    row_medians = fault_days.row_medians if compiled else fault_days.row_medians.py_func
    np.testing.assert_array_equal(row_medians(np.array([[1.0, np.nan, 3.0, 9.0], [np.nan] * 4])), [3.0, np.nan])
    np.testing.assert_array_equal(fault_days.known_median(np.array([[1.0, 2.0], [3.0, np.nan]])), [2.0, 2.0])
