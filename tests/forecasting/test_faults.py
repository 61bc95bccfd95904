"""Faults put into counts that are known to be healthy: what is found, and what is left alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from forecasting import faults, odot
from forecasting.faults import FAULTS, Faults, case_of, find
from forecasting.history import FlowHistory
from signals.errors import ForecastError
from signals.types import Bools, Floats

START = np.datetime64("2024-04-01T00:00:00", "s")  # a Monday
SEEDS = (1, 2, 3)


def city(seed: int, detectors: int = 20, days: int = 28, bin_s: float = 900.0) -> FlowHistory:
    """Counts of a made-up city: two peaks of their own time and size a detector, weekends, a common drift, over-dispersion."""
    rng = np.random.default_rng(seed)
    slots = round(86_400 / bin_s)
    hour = (np.arange(slots) + 0.5)[:, None] * 24.0 / slots
    morning, evening = 8.0 + 0.5 * rng.standard_normal(detectors), 17.3 + 0.5 * rng.standard_normal(detectors)
    shape = 0.02 + np.exp(-((hour - morning) ** 2) / 4) + np.exp(-((hour - evening) ** 2) / 5) + 0.35 * np.exp(-((hour - 13) ** 2) / 30)
    level_veh = np.geomspace(4.0, 120.0, detectors) * bin_s / 900.0
    weekday = np.repeat(np.arange(days) % 7, slots)[:, None]
    mean_veh = np.tile(shape * level_veh, (days, 1)) * np.where(weekday == 5, 0.75, np.where(weekday == 6, 0.55, 1.0))
    common = np.exp(0.05 * np.repeat(rng.standard_normal(days * 24), slots // 24))[:, None]
    noise = rng.gamma(60.0, 1.0 / 60.0, mean_veh.shape)
    names = tuple(f"d{i}" for i in range(detectors))
    return FlowHistory(START, bin_s, names, rng.poisson(mean_veh * common * noise).astype(np.float64))


def changed(history: FlowHistory, where: Bools, counts_veh: Floats) -> FlowHistory:
    return replace(history, counts_veh=np.where(where, counts_veh, history.counts_veh))


def stretch(history: FlowHistory, detectors: list[int], first_hour: float, hours: float) -> Bools:
    """These bins of these detectors."""
    out = np.zeros(history.counts_veh.shape, dtype=np.bool_)
    per_hour = 3600.0 / history.bin_s
    out[round(first_hour * per_hour) : round((first_hour + hours) * per_hour), detectors] = True
    return out


def at_zero(history: FlowHistory, seed: int) -> tuple[FlowHistory, Bools]:
    where = stretch(history, [7, 12, 18], 24 * (15 + seed) + 9, 12)
    return changed(history, where, np.zeros_like(history.counts_veh)), where


def at_a_value(history: FlowHistory, seed: int) -> tuple[FlowHistory, Bools]:
    where = stretch(history, [7, 12, 18], 24 * (15 + seed) + 9, 20)
    return changed(history, where, np.full_like(history.counts_veh, 11.0)), where


def chattering(history: FlowHistory, seed: int) -> tuple[FlowHistory, Bools]:
    rng = np.random.default_rng(seed)
    where = stretch(history, [7, 12, 18], 24 * 15, 24) & (rng.random(history.counts_veh.shape) < 0.3)
    wild = history.counts_veh * rng.uniform(5, 20, history.counts_veh.shape) + 2400 * history.bin_s / 3600
    return changed(history, where, wild), where


def an_hour_off(history: FlowHistory, seed: int) -> tuple[FlowHistory, Bools]:
    where = stretch(history, [12, 15, 18], 24 * (14 + seed), 24 * 40)
    bins = round(3600 / history.bin_s) * (-1) ** seed
    return changed(history, where, np.roll(history.counts_veh, bins, axis=0)), where


def all_an_hour_off(history: FlowHistory, seed: int) -> tuple[FlowHistory, Bools]:
    where = stretch(history, list(range(20)), 24 * (14 + seed), 24 * 40)
    return changed(history, where, np.roll(history.counts_veh, round(3600 / history.bin_s), axis=0)), where


def rescaled(history: FlowHistory, seed: int) -> tuple[FlowHistory, Bools]:
    where = stretch(history, [7, 12, 18], 24 * (14 + seed), 24 * 40)
    return changed(history, where, np.round(history.counts_veh * (0.5, 0.6, 1.7)[seed % 3])), where


INJECTED: dict[str, tuple[str, Callable[[FlowHistory, int], tuple[FlowHistory, Bools]]]] = {
    "at zero": ("stuck_zero", at_zero),
    "at a value": ("stuck_value", at_a_value),
    "chattering": ("chatter", chattering),
    "an hour off": ("shifted", an_hour_off),
    "all an hour off": ("shifted", all_an_hour_off),
    "rescaled": ("drift", rescaled),
}


def test_every_fault_of_the_table_is_injected_here() -> None:
    assert {reason for reason, _ in INJECTED.values()} == set(FAULTS)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bin_s", [300.0, 900.0, 3600.0])
def test_healthy_counts_are_believed(seed: int, bin_s: float) -> None:
    history = city(seed, bin_s=bin_s)
    found = find(history)
    assert (found.reason > 0).mean() < 0.0005
    assert not found.reason[history.counts_veh == 0.0].any()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bin_s", [300.0, 900.0, 3600.0])
@pytest.mark.parametrize("name", INJECTED)
def test_an_injected_fault_is_found_with_its_reason_and_little_else(name: str, bin_s: float, seed: int) -> None:
    reason, inject = INJECTED[name]
    history = city(seed, bin_s=bin_s)
    faulty, where = inject(history, seed)
    found = find(faulty)
    busy = where & (case_of(history).usual_veh >= 2.0)
    assert (found.reason[busy] == 1 + list(FAULTS).index(reason)).mean() > 0.9
    assert (found.reason[~where] > 0).mean() < 0.005


@pytest.mark.parametrize("seed", SEEDS)
def test_real_counts_with_faults_in_them_lose_the_faults_and_nearly_nothing_else(seed: int) -> None:
    history = odot.load()
    rng = np.random.default_rng(seed)
    busiest = np.argsort(-np.nanmean(history.counts_veh, axis=0))[:8]
    stuck, shifted = rng.choice(busiest, 2, replace=False)
    where = stretch(history, [int(stuck)], 24 * 16 + 9, 10)
    later = stretch(history, [int(shifted)], 24 * 17, 24 * 40)
    faulty = changed(changed(history, where, np.zeros_like(history.counts_veh)), later, np.roll(history.counts_veh, 4, axis=0))
    found = find(faulty).reason
    assert (found[where] == 1).mean() > 0.9
    assert (found[later] == 4).mean() > 0.9
    assert (found[~where & ~later] > 0).mean() < 0.005


def test_of_the_real_counts_as_they_are_nearly_all_are_believed() -> None:
    history = odot.load()
    found = find(history)
    assert (found.reason > 0).mean() < 0.005
    assert (found.reason[history.counts_veh == 0.0] == 1).mean() < 0.001


def all_halve(history: FlowHistory, rng: np.random.Generator) -> tuple[Bools, float]:
    return stretch(history, list(range(20)), 24 * 15, 24), 0.5


def nearly_nobody_anywhere(history: FlowHistory, rng: np.random.Generator) -> tuple[Bools, float]:
    return stretch(history, list(range(20)), 24 * 15 + 8, 5), 0.05


def nobody_anywhere(history: FlowHistory, rng: np.random.Generator) -> tuple[Bools, float]:
    return stretch(history, list(range(20)), 24 * 15 + 8, 3), 0.0


def half_the_town_for_a_week(history: FlowHistory, rng: np.random.Generator) -> tuple[Bools, float]:
    return stretch(history, list(range(0, 20, 2)), 24 * 15, 24 * 7), 0.5


def one_quiet_day_of_one(history: FlowHistory, rng: np.random.Generator) -> tuple[Bools, float]:
    return stretch(history, [12], 24 * 16, 24), 0.4


EVENTS = (all_halve, nearly_nobody_anywhere, nobody_anywhere, half_the_town_for_a_week, one_quiet_day_of_one)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_traffic(event: Callable[[FlowHistory, np.random.Generator], tuple[Bools, float]], seed: int) -> None:
    history = city(seed)
    rng = np.random.default_rng(seed)
    where, share = event(history, rng)
    thinned = rng.binomial(history.counts_veh.astype(np.int64), share).astype(np.float64)
    assert (find(changed(history, where, thinned)).reason[where] > 0).mean() < 0.002


def neighbours(seed: int) -> FlowHistory:
    """A city in which detectors 3, 8, 13 and 18 stand on one road and share what happens on it."""
    history = city(seed)
    rng = np.random.default_rng(seed + 100)
    shared = np.exp(0.25 * np.repeat(rng.standard_normal(28 * 24), 4))[:, None]
    on_road = np.isin(np.arange(20), (3, 8, 13, 18))
    return replace(history, counts_veh=np.where(on_road, np.round(history.counts_veh * shared), history.counts_veh))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_closed_road_is_told_from_a_dead_detector_by_its_neighbours(seed: int) -> None:
    history = neighbours(seed)
    rng = np.random.default_rng(seed)
    closed = stretch(history, [3, 8, 13, 18], 24 * 16 + 9, 6)
    thinned = rng.binomial(history.counts_veh.astype(np.int64), 0.1).astype(np.float64)
    thinned[:, 18] = 0.0
    # One of the road counts nothing, the others a tenth; then it alone counts nothing.
    assert not find(changed(history, closed, thinned)).reason[closed].any()
    alone = stretch(history, [18], 24 * 16 + 9, 6)
    assert (find(changed(history, alone, thinned)).reason[alone] == 1).mean() > 0.9


def test_a_weak_street_may_sleep_all_night_and_is_still_missed_by_day() -> None:
    history = city(4)
    weak = history.counts_veh[:, 0]
    slot = np.arange(len(weak)) % 96
    weak[(slot < 22) | (slot > 88)] = 0.0
    night = np.zeros(history.counts_veh.shape, dtype=np.bool_)
    night[:, 0] = (slot < 22) | (slot > 88)
    assert not find(history).reason[night].any()
    dead = stretch(history, [0], 24 * 16, 36)
    found = find(changed(history, dead, np.zeros_like(history.counts_veh))).reason
    by_day = dead & ~night
    assert (found[by_day] == 1).mean() > 0.7
    assert not found[night & ~dead].any()


def test_a_detector_that_was_dead_for_a_third_of_the_time_is_found_by_the_rest() -> None:
    history = city(5)
    dead = stretch(history, [16], 24 * 2, 24 * 9)
    found = find(changed(history, dead, np.zeros_like(history.counts_veh))).reason
    assert (found[dead & (case_of(history).usual_veh > 5)] == 1).mean() > 0.95
    assert (found[~dead] > 0).mean() < 0.001


def test_a_street_that_is_mostly_empty_is_not_dead() -> None:
    history = city(6)
    market = history.counts_veh[:, 10] * (np.arange(history.bins) // 96 % 7 == 5)
    history.counts_veh[:, 10] = market
    assert not find(history).reason[:, 10].any()


def test_the_hour_that_a_clock_skipped_is_not_an_hour_of_zeros() -> None:
    history = city(7)
    skipped = stretch(history, list(range(20)), 24 * 20 + 2, 1)
    history.counts_veh[:] += np.random.default_rng(7).poisson(6.0, history.counts_veh.shape)  # busy enough at night to be missed
    found = find(changed(history, skipped, np.zeros_like(history.counts_veh))).reason
    assert (found[skipped] == 1).all()
    assert (found[~skipped] > 0).mean() < 0.001


@pytest.mark.parametrize("days", [2, 3, 9])
@pytest.mark.parametrize("detectors", [1, 2, 20])
def test_few_days_and_few_detectors_are_enough_to_miss_a_busy_one(days: int, detectors: int) -> None:
    history = city(8, detectors=detectors, days=days)
    history.counts_veh[:] *= 3.0
    assert (find(history).reason > 0).mean() < 0.001
    dead = stretch(history, [detectors - 1], 24 * (days - 1) + 9, 8)
    assert (find(changed(history, dead, np.zeros_like(history.counts_veh))).reason[dead] == 1).mean() > 0.8


def test_gaps_are_no_faults_and_a_table_of_gaps_has_none() -> None:
    history = city(9, detectors=4, days=7)
    history.counts_veh[100:300, 2] = np.nan
    history.counts_veh[:, 3] = np.nan
    found = find(history)
    assert not found.reason[np.isnan(history.counts_veh)].any()
    empty = replace(history, counts_veh=np.full_like(history.counts_veh, np.nan))
    assert not find(empty).reason.any()


def test_a_level_that_stays_becomes_the_usual_one() -> None:
    history = city(10, days=98)
    built = stretch(history, [12], 24 * 28, 24 * 100)
    found = find(changed(history, built, np.round(0.5 * history.counts_veh))).reason[:, 12].reshape(98, 96)
    assert (found[29:42] == 5).mean() > 0.9
    assert (found[84:] == 0).all()


def test_masked_counts_are_gaps_and_the_rest_is_untouched() -> None:
    history = city(1)
    faulty, where = at_zero(history, 1)
    found = find(faulty)
    believed = found.believed(faulty)
    np.testing.assert_array_equal(np.isnan(believed.counts_veh), found.reason > 0)
    np.testing.assert_array_equal(believed.counts_veh[found.reason == 0], faulty.counts_veh[found.reason == 0])
    np.testing.assert_array_equal(found.believed(faulty, but=("stuck_zero",)).counts_veh[where], 0.0)
    with pytest.raises(ForecastError, match="another history"):
        found.believed(history.between(0, 96))


def test_the_summary_names_detector_reason_and_span() -> None:
    reason = np.zeros((96, 2), dtype=np.int8)
    reason[8:12, 1] = 1
    reason[14:16, 1] = 1
    reason[40, 1] = 3
    found = Faults(START, 900.0, ("A", "B"), reason)
    assert list(found.lines()) == [
        "B: stuck zero from 2024-04-01 02:00 to 2024-04-01 04:00 (6 counts)",
        "B: chatter from 2024-04-01 10:00 to 2024-04-01 10:15 (1 counts)",
    ]
    assert found.share()["stuck_zero"] == pytest.approx(6 / 192)


@pytest.mark.parametrize("name", FAULTS)
def test_a_rule_finds_nothing_among_gaps(name: str) -> None:
    history = city(2, detectors=5, days=4)
    case = replace(case_of(history), counts_veh=np.full_like(history.counts_veh, np.nan))
    assert not FAULTS[name](case).any()


def test_bins_of_several_hours_have_no_clock_to_be_off_by() -> None:
    history = city(3, detectors=5, days=21, bin_s=3600.0)
    coarse = FlowHistory(START, 7200.0, history.detectors, history.counts_veh.reshape(-1, 2, 5).sum(axis=1))
    assert not faults.shifted(case_of(coarse)).any()
    assert (find(coarse).reason > 0).mean() < 0.001
