import numpy as np
import pytest

from forecasting.patterns import Patterns, found_in, most_probable_week
from signals.types import Floats

SLOTS = 24
CELLS = 7 * SLOTS


def city(detectors: int, seed: int) -> tuple[Floats, Floats]:
    """True weeks [cell, detector] of a level and two patterns, and the same with noise."""
    rng = np.random.default_rng(seed)
    clock = 2.0 * np.pi * np.arange(CELLS) / SLOTS
    shapes = np.stack((np.cos(clock), np.sin(2.0 * clock)), axis=1)
    truth = 6.0 + rng.standard_normal(detectors) + shapes @ (rng.standard_normal((2, detectors)) * np.array([[1.5], [0.8]]))
    return truth, truth + 0.5 * rng.standard_normal(truth.shape)


@pytest.mark.parametrize("detectors", [30, 300])
def test_a_truth_of_two_patterns_is_cleaned_of_most_of_its_noise(detectors: int) -> None:
    truth, seen = city(detectors, 1)
    cleaned = found_in(seen.astype(np.float32)).shrunk(seen.astype(np.float32))
    assert np.sqrt(((cleaned - truth) ** 2).mean()) < 0.6 * np.sqrt(((seen - truth) ** 2).mean())


def test_unknown_cells_are_filled_from_the_rest() -> None:
    truth, seen = city(200, 2)
    patterns = found_in(seen.astype(np.float32))
    seen[40:60, 3] = np.nan
    filled = patterns.shrunk(seen.astype(np.float32))
    assert np.abs(filled[40:60, 3] - truth[40:60, 3]).mean() < 0.6
    seen[:, 4] = np.nan
    assert np.isnan(patterns.shrunk(seen.astype(np.float32))[:, 4]).all()


def test_a_young_detectors_week_is_better_inferred_than_by_its_own_mean() -> None:
    truth, _ = city(220, 3)
    rng = np.random.default_rng(4)
    patterns = found_in((truth[:, :200] + 0.5 * rng.standard_normal((CELLS, 200))).astype(np.float32))
    young = truth[:, 200:]
    weight = np.zeros(young.shape, dtype=np.float32)
    weight[: SLOTS // 2] = 1.0  # half a day
    total = (weight * (young + 0.5 * rng.standard_normal(young.shape))).astype(np.float32)
    own_mean = total.sum(axis=0) / weight.sum(axis=0)
    error = np.abs(most_probable_week(patterns, total, weight) - young).mean()
    assert error < 0.5 * np.abs(own_mean - young).mean()
    assert error < 0.8 * np.abs(patterns.mean[:, None] + (own_mean - patterns.mean[: SLOTS // 2].mean()) - young).mean()


def test_the_most_probable_week_solves_its_normal_equations() -> None:
    truth, seen = city(60, 5)
    patterns = found_in(seen.astype(np.float32))
    rng = np.random.default_rng(6)
    weight = (rng.random((CELLS, 2)) < 0.1).astype(np.float32)
    week = most_probable_week(patterns, (weight * truth[:, :2]).astype(np.float32), weight)
    number = min(12, len(patterns.gain))
    basis = np.column_stack((np.ones(CELLS), patterns.shape[:, :number]))
    precision = np.concatenate(([0.01], 1.0 / np.maximum(patterns.variance[:number], 1e-9)))
    for d in range(2):
        n = weight[:, d].astype(np.float64)
        left = basis.T @ (n[:, None] * basis) + np.diag(precision)
        right = basis.T @ (n * (truth[:, d] - patterns.mean))
        np.testing.assert_allclose(week[:, d], patterns.mean + basis @ np.linalg.solve(left, right), atol=1e-4)


def test_who_has_shown_nothing_gets_no_week() -> None:
    patterns = found_in(city(30, 7)[1].astype(np.float32))
    nothing = np.zeros((CELLS, 1), dtype=np.float32)
    assert np.isnan(most_probable_week(patterns, nothing, nothing)).all()


@pytest.mark.parametrize("detectors", [1, 2])
def test_patterns_of_a_lonely_detector_leave_its_week_about_as_it_is(detectors: int) -> None:
    truth = city(detectors, 8)[0].astype(np.float32)
    np.testing.assert_allclose(found_in(truth).shrunk(truth), truth, atol=2.0)


def test_patterns_are_stored_and_others_are_refused() -> None:
    patterns = found_in(city(30, 9)[1].astype(np.float32))
    again = Patterns.from_arrays(patterns.arrays(), SLOTS)
    np.testing.assert_array_equal(again.shape, patterns.shape)
    assert not Patterns.none(SLOTS).found and again.found
    with pytest.raises(ValueError, match="patterns of shapes"):
        Patterns.from_arrays(patterns.arrays(), SLOTS + 1)
