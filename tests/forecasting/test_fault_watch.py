"""Faults as they arrive: how soon they are said, how soon unsaid, and that nothing is lost by a restart."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting import usual
from forecasting.base import Arrays
from forecasting.clock import DAY_S, TYPE_OF_WEEKDAY, WEEK_S
from forecasting.fault_watch import REASON, FaultWatch, Usually, Watched, forward
from forecasting.history import FlowHistory
from signals.errors import ForecastError
from signals.types import Floats, Ints

START = np.datetime64("2024-04-01T00:00:00", "s")  # a Monday
BIN_S = 900.0
PAST = 21 * 96
DETECTORS = 16


def city(seed: int, detectors: int = DETECTORS, days: int = 35) -> FlowHistory:
    """Counts of a made-up city, 15-minute bins; the last detectors are the busiest."""
    rng = np.random.default_rng(seed)
    hour = (np.arange(96) + 0.5)[:, None] / 4.0
    shape = 0.05 + np.exp(-((hour - 8.0) ** 2) / 4) + np.exp(-((hour - 17.3) ** 2) / 5) + 0.35 * np.exp(-((hour - 13) ** 2) / 30)
    mean_veh = np.tile(shape * np.geomspace(6.0, 120.0, detectors), (days, 1))
    weekend = (np.repeat(np.arange(days) % 7, 96) > 4)[:, None]
    noise = rng.gamma(60.0, 1.0 / 60.0, mean_veh.shape)
    names = tuple(f"d{i}" for i in range(detectors))
    return FlowHistory(START, BIN_S, names, rng.poisson(mean_veh * np.where(weekend, 0.6, 1.0) * noise).astype(np.float64))


def usual_week(history: FlowHistory) -> Floats:
    """Usual counts [bin of the week, detector] of the first three weeks."""
    days = usual.fit(history.between(0, PAST)).count_veh[-7 * 96 :].astype(np.float64).reshape(7, 96, -1)
    by_type = {int(TYPE_OF_WEEKDAY[k]): days[k] for k in range(7)}
    return np.concatenate([by_type[int(kind)] for kind in TYPE_OF_WEEKDAY])


def step(watch: FaultWatch, history: FlowHistory, week_veh: Floats, t: int) -> Watched:
    k = t % len(week_veh)
    usually = Usually(week_veh[k], week_veh[k - 4], week_veh[(k + 4) % len(week_veh)])
    return watch.update((t + 1) * BIN_S % WEEK_S, history.counts_veh[t], usually)


def watched(history: FlowHistory, healthy: FlowHistory) -> Ints:
    """Reasons [bin, detector] from the fourth week on, 0 before."""
    watch, week_veh = FaultWatch.after(healthy.between(0, PAST)), usual_week(healthy)
    out = np.zeros(history.counts_veh.shape, dtype=np.int64)
    for t in range(PAST, history.bins):
        out[t] = step(watch, history, week_veh, t).reason
    return out


def with_counts(history: FlowHistory, first: int, until: int, detector: int, counts_veh: Floats | float) -> FlowHistory:
    changed = history.counts_veh.copy()
    changed[first:until, detector] = counts_veh
    return replace(history, counts_veh=changed)


@pytest.mark.parametrize("seed", [1, 2])
def test_healthy_counts_are_believed(seed: int) -> None:
    history = city(seed)
    assert (watched(history, history) > 0).mean() < 0.001


@pytest.mark.parametrize("detector", [8, 12, 15])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_detector_that_dies_at_a_busy_time_is_caught_within_few_bins_and_forgiven_at_once(seed: int, detector: int) -> None:
    history = city(seed)
    dies, lives = PAST + 2 * 96 + 32, PAST + 3 * 96 + 50
    reason = watched(with_counts(history, dies, lives, detector, 0.0), history)[:, detector]
    busy = usual_week(history)[dies % 672, detector]
    caught = int(np.flatnonzero(reason[dies:lives])[0])
    assert caught <= (5 if busy < 40.0 else 2)
    assert (reason[dies + caught : lives] == REASON["stuck_zero"]).all()
    assert not reason[lives : lives + 8].any()


def test_a_stuck_value_is_caught_and_forgiven_with_the_first_other_count() -> None:
    history = city(3)
    first, last = PAST + 96 + 40, PAST + 96 + 80
    reason = watched(with_counts(history, first, last, 12, 37.0), history)[:, 12]
    assert (reason[first + 10 : last] == REASON["stuck_value"]).all()
    assert not reason[last + 1 : last + 8].any()


def test_a_wild_count_is_not_believed_and_the_next_one_is() -> None:
    history = city(3)
    at = PAST + 96 + 40
    reason = watched(with_counts(history, at, at + 1, 12, 900.0), history)[:, 12]
    assert reason[at] == REASON["chatter"]
    assert not reason[at + 1 : at + 8].any()


def test_a_clock_one_hour_off_is_known_after_two_days_and_a_whole_table_after_one() -> None:
    history = city(4)
    first = PAST + 2 * 96
    late = np.roll(history.counts_veh, 4, axis=0)
    one = watched(with_counts(history, first, history.bins, 14, late[first:, 14]), history)
    assert (one[first + 2 * 96 :, 14] == REASON["shifted"]).mean() > 0.95
    assert (np.delete(one, 14, axis=1) > 0).mean() < 0.002
    table = watched(replace(history, counts_veh=np.where(np.arange(history.bins)[:, None] >= first, late, history.counts_veh)), history)
    assert (table[first + 96 :] == REASON["shifted"]).mean() > 0.95


def test_a_scale_that_jumps_is_known_after_three_days_and_forgiven_a_day_after_it_is_mended() -> None:
    history = city(5)
    first, mended = PAST + 2 * 96, PAST + 9 * 96
    reason = watched(with_counts(history, first, mended, 13, np.round(0.55 * history.counts_veh[first:mended, 13])), history)[:, 13]
    assert not reason[first : first + 3 * 96].any()
    assert (reason[first + 3 * 96 : mended] == REASON["drift"]).all()
    assert not reason[mended + 96 :].any()


@pytest.mark.parametrize("share", [0.5, 0.1, 0.0])
def test_what_halves_everywhere_is_traffic(share: float) -> None:
    history = city(6)
    thinned = history.counts_veh.copy()
    event = slice(PAST + 96 + 32, PAST + 96 + 56)
    thinned[event] = np.round(share * thinned[event])
    assert (watched(replace(history, counts_veh=thinned), history) > 0).mean() < 0.001


def test_a_city_at_zero_is_a_dead_line_and_its_gaps_are_no_faults() -> None:
    history = city(7, detectors=45)
    dead = history.counts_veh.copy()
    dead[PAST + 40 : PAST + 44] = 0.0
    dead[PAST + 60 : PAST + 64] = np.nan
    reason = watched(replace(history, counts_veh=dead), history)
    assert (reason[PAST + 40 : PAST + 44] == REASON["stuck_zero"]).all()
    assert not reason[PAST + 44 : PAST + 96].any()


def test_neighbours_that_are_low_too_excuse_a_detector_at_zero() -> None:
    history = city(8)
    low = history.counts_veh.copy()
    road, event = [6, 9, 12], slice(PAST + 96 + 36, PAST + 96 + 60)
    low[event, 6:13:3] = np.round(0.2 * low[event, 6:13:3])
    low[event, 9] = 0.0
    closed = replace(history, counts_veh=low)
    assert (watched(closed, history)[event, 9] == REASON["stuck_zero"]).mean() > 0.8
    knowing = FaultWatch.after(history.between(0, PAST)).arrays()
    knowing["peers"][9, :2] = [road[0], road[2]]
    watch, week_veh = FaultWatch.from_arrays(knowing, BIN_S), usual_week(history)
    for t in range(PAST, event.stop):
        assert step(watch, closed, week_veh, t).reason[9] == 0


def test_what_is_not_believed_is_a_gap_and_the_rest_is_as_it_came() -> None:
    history = with_counts(city(3), PAST + 40, PAST + 50, 12, 0.0)
    watch, week_veh = FaultWatch.after(city(3).between(0, PAST)), usual_week(city(3))
    for t in range(PAST, PAST + 50):
        told = step(watch, history, week_veh, t)
        expected = np.where(told.reason > 0, np.nan, history.counts_veh[t])
        np.testing.assert_array_equal(told.believed_veh, expected)
    assert np.isnan(told.believed_veh[12])


def test_a_restored_watch_says_the_same_for_ever() -> None:
    history = city(9)
    history.counts_veh[PAST + 90 : PAST + 130, 11] = 0.0
    history.counts_veh[PAST + 96 :, 13] *= 0.5
    week_veh = usual_week(city(9))
    whole = FaultWatch.after(history.between(0, PAST))
    for t in range(PAST, PAST + 100):
        step(whole, history, week_veh, t)
    again = FaultWatch.from_arrays(copied(whole.arrays()), BIN_S)
    said = 0
    for t in range(PAST + 100, history.bins):
        first, second = step(whole, history, week_veh, t), step(again, history, week_veh, t)
        np.testing.assert_array_equal(first.reason, second.reason)
        said += int((first.reason > 0).sum())
    assert said > 500
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])


def copied(arrays: Arrays) -> Arrays:
    return {name: array.copy() for name, array in arrays.items()}


def test_arrays_of_another_watch_are_refused() -> None:
    arrays = FaultWatch.after(city(1).between(0, PAST)).arrays()
    with pytest.raises(ValueError, match="day of shape"):
        FaultWatch.from_arrays({**arrays, "day": arrays["day"][:, :3]}, BIN_S)
    with pytest.raises(KeyError):
        FaultWatch.from_arrays({name: array for name, array in arrays.items() if name != "phi"}, BIN_S)
    watch = FaultWatch.from_arrays(arrays, BIN_S)
    with pytest.raises(ForecastError, match="expected"):
        watch.update(DAY_S, np.zeros(3), Usually(np.zeros(3), np.zeros(3), np.zeros(3)))
    with pytest.raises(ForecastError, match="a watch of"):
        FaultWatch(BIN_S, np.ones(3), np.ones(2), np.ones(3), np.zeros((3, 2), dtype=np.int64))


def test_days_of_gain_add_up_to_a_shift_and_days_against_end_it() -> None:
    score = np.array([[0.0], [-16.0], [-16.0]])
    for gain, expected in ((10.0, 0), (10.0, 1), (10.0, 1), (-4.0, 1), (-30.0, 0)):
        score = forward(score, np.array([[gain], [-30.0]]))
        assert int(score[:, 0].argmax()) == expected
        assert score.max() == 0.0
