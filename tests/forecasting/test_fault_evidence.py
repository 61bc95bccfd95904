import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forecasting import fault_evidence
from signals.types import Floats, Ints

Kernel = Callable[..., Any]
SINGLE = np.float32


def both(name: str) -> list[Kernel]:
    """A kernel compiled and as it is written."""
    kernel = getattr(fault_evidence, name)
    return [kernel, kernel.py_func]


def column(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)[:, None]


def nobody(detectors: int) -> Ints:
    return np.full((detectors, 2), -1, dtype=np.int64)


@pytest.mark.parametrize(("mean_veh", "size"), [(0.3, 2.0), (4.0, 5.0), (60.0, 20.0)])
def test_probabilities_of_all_counts_add_up_to_one_with_the_right_mean_and_variance(mean_veh: float, size: float) -> None:
    for log_probability in both("log_probability"):
        p = np.exp([log_probability(float(x), mean_veh, size) for x in range(1500)])
        x = np.arange(1500)
        assert p.sum() == pytest.approx(1.0, abs=1e-6)
        assert p @ x == pytest.approx(mean_veh, rel=1e-4)
        assert p @ (x - mean_veh) ** 2 == pytest.approx(mean_veh + mean_veh**2 / size, rel=1e-3)


def test_zero_is_certain_where_nothing_is_due_and_poisson_for_a_large_size() -> None:
    for log_probability in both("log_probability"):
        assert log_probability(0.0, 0.0, 5.0) == 0.0
        assert log_probability(1.0, 0.0, 5.0) < -100.0
        assert log_probability(3.0, 2.0, 1e9) == pytest.approx(-2.0 + 3.0 * math.log(2.0) - math.log(6.0), abs=1e-5)


def test_a_repeat_is_judged_at_the_kindest_flow_an_event_may_bring() -> None:
    for log_repeat, log_probability in zip(both("log_repeat"), both("log_probability"), strict=True):
        assert log_repeat(0.0, 30.0, 10.0, 0.9) == pytest.approx(log_probability(0.0, 10.0, 10.0))
        assert log_repeat(20.0, 30.0, 10.0, 0.0) == pytest.approx(log_probability(20.0, 20.0, 10.0))
        # Who repeats himself anyway, as rounded counts do, says little by it.
        assert log_repeat(20.0, 30.0, 10.0, 0.9) == pytest.approx(math.log(0.5))


def test_a_few_vehicles_where_nobody_usually_comes_are_no_fault() -> None:
    for stuck in both("stuck_stretches"):
        assert not stuck(column(0, 1, 1, 1, 1, 1, 0), np.zeros((7, 1), SINGLE), np.array([20.0]), np.zeros(1), False).any()


def test_the_share_of_repeats_counts_what_is_over_zero() -> None:
    counts_veh = np.stack((np.arange(1.0, 102.0), np.full(101, 4.0), np.zeros(101)), axis=1)
    for repeat_share in both("repeat_share"):
        np.testing.assert_allclose(repeat_share(counts_veh), [0.0, 100 / 101, 0.0])


def test_zeros_are_stuck_where_they_were_not_due_and_their_quiet_ends_are_believed() -> None:
    usual_veh = column(*[0.1] * 10, *[50.0] * 6, *[0.1] * 10).astype(SINGLE)
    for stuck in both("stuck_stretches"):
        found = stuck(np.zeros((26, 1)), usual_veh, np.array([20.0]), np.zeros(1), True)[:, 0]
        assert found.tolist() == [False] * 10 + [True] * 6 + [False] * 10
        assert not stuck(np.zeros((26, 1)), np.full((26, 1), 0.05, SINGLE), np.array([20.0]), np.zeros(1), True).any()
        assert not stuck(np.zeros((26, 1)), usual_veh, np.array([20.0]), np.zeros(1), False).any()


def test_a_gap_neither_ends_a_stretch_nor_belongs_to_it() -> None:
    counts_veh = column(5, 9, 9, 9, np.nan, *[9] * 12, 4)
    for stuck in both("stuck_stretches"):
        found = stuck(counts_veh, np.full((18, 1), 20.0, SINGLE), np.array([5.0]), np.zeros(1), False)[:, 0]
        assert found.tolist() == [False, True, True, True, False, *[True] * 12, False]


def test_a_low_stretch_is_shared_only_by_living_peers() -> None:
    usual_veh = np.full((8, 3), 20.0, SINGLE)
    found = np.zeros((8, 3), dtype=np.bool_)
    found[2:6, 0] = True
    peers = np.array([[1, 2], [-1, -1], [-1, -1]], dtype=np.int64)
    for unshared in both("unshared_lows"):
        for others_veh, alone in ((20.0, True), (6.0, False), (0.0, True)):
            counts_veh = np.full((8, 3), others_veh)
            counts_veh[2:6, 0] = 0.0
            np.testing.assert_array_equal(unshared(found, counts_veh, usual_veh, peers), found & alone)
            assert unshared(found, counts_veh, usual_veh, nobody(3)).sum() == 4


def test_a_city_at_zero_is_a_dead_line_and_a_village_is_not() -> None:
    for dead_bins in both("dead_bins"):
        for detectors, expected in ((50, True), (20, False)):
            counts_veh = np.full((10, detectors), 5.0)
            counts_veh[4:6] = 0.0
            dead = dead_bins(counts_veh, np.full((10, detectors), 5.0, SINGLE), 40, 96)
            assert dead.tolist() == [False] * 4 + [expected] * 2 + [False] * 4


@pytest.mark.parametrize(("first", "hours", "expected"), [(8, 1, True), (9, 1, False), (8, 2, False), (40, 1, False)])
def test_the_hour_a_clock_skips_is_one_whole_hour_of_the_night(first: int, hours: int, expected: bool) -> None:
    counts_veh = np.full((96, 5), 6.0)
    counts_veh[first : first + 4 * hours] = 0.0
    for dead_bins in both("dead_bins"):
        dead = dead_bins(counts_veh, np.full((96, 5), 6.0, SINGLE), 0, 96)
        assert dead[first : first + 4].all() == expected
        assert dead.sum() == 4 * expected


def test_the_common_departure_is_the_median_and_needs_company() -> None:
    for common in both("common_departure"):
        counts_veh = np.full((6, 5), 10.0)
        counts_veh[:, 0] = 0.0
        np.testing.assert_allclose(common(counts_veh, np.full((6, 5), 20.0, SINGLE), 1), 0.5)
        np.testing.assert_allclose(common(counts_veh[:, :4], np.full((6, 4), 20.0, SINGLE), 1), 1.0)


def test_noise_has_a_roughness_of_one_and_chatter_a_multiple() -> None:
    rng = np.random.default_rng(2)
    usual_veh = np.full(4000, 40.0, SINGLE)
    noise = rng.poisson(40.0 * rng.gamma(20.0, 1 / 20.0, 4000)).astype(np.float64)
    for roughness in both("roughness"):
        found = [roughness(noise, usual_veh, 20.0, t, 16, 0.0) for t in range(16, 4000, 8)]
        assert np.median(found) == pytest.approx(1.0, abs=0.25)
        steps = np.where(np.arange(4000) % 2, 0.0, 150.0)
        assert roughness(steps, usual_veh, 20.0, 100, 16, 8.0) > 8.0
        assert roughness(np.full(4000, np.nan), usual_veh, 20.0, 100, 16, 8.0) == 0.0
    for rough_counts in both("rough_counts"):
        counts_veh = noise[None, :300].copy()
        counts_veh[0, 100:150] = steps[100:150]
        found = rough_counts(counts_veh, usual_veh[None, :300], np.array([20.0]), 16, 8.0)[0]
        assert found[104:146].all()
        assert not found[:96].any()
        assert not found[154:].any()


def test_a_wild_count_is_one_that_its_peers_do_not_share() -> None:
    usual_veh = np.full((10, 3), 20.0, SINGLE)
    peers = np.array([[1, 2], [0, 2], [0, 1]], dtype=np.int64)
    for wild_counts in both("wild_counts"):
        counts_veh = np.full((10, 3), 20.0)
        counts_veh[4, 0] = 400.0
        found = wild_counts(counts_veh, usual_veh, np.full(3, 20.0), peers, 75.0)
        assert np.argwhere(found).tolist() == [[4, 0]]
        counts_veh[4] = 400.0
        assert not wild_counts(counts_veh, usual_veh, np.full(3, 20.0), peers, 75.0).any()
        assert not wild_counts(counts_veh, usual_veh, np.full(3, 20.0), peers, 500.0).any()


def test_a_day_one_hour_late_fits_the_usual_of_one_hour_earlier() -> None:
    slot = np.arange(5 * 24)
    usual_veh = (30.0 + 25.0 * np.sin(slot * math.pi / 12.0))[:, None].astype(SINGLE)
    counts_veh = np.roll(usual_veh, 1, axis=0).astype(np.float64) * 0.7  # another level is no shift
    days = slot // 24
    for shift_deviances in both("shift_deviances"):
        deviance, number = shift_deviances(counts_veh, usual_veh, np.array([50.0]), days, 1)
        assert number[:, 0].tolist() == [23, 24, 24, 24, 23]
        assert (deviance[1, 1:4] < 0.01).all()
        assert (deviance[0, 1:4] > 5.0).all()
        assert (deviance[2, 1:4] > deviance[0, 1:4]).all()


def test_a_day_is_summed_where_both_are_known() -> None:
    counts_veh, expected_veh = column(1, 2, np.nan, 4), column(1, np.nan, 3, 8).astype(SINGLE)
    for daily_totals in both("daily_totals"):
        seen_veh, due_veh, number = daily_totals(counts_veh, expected_veh, np.array([0, 0, 1, 1]))
        assert (seen_veh[:, 0].tolist(), due_veh[:, 0].tolist(), number[:, 0].tolist()) == ([1, 4], [1, 8], [1, 1])
