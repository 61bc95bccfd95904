"""A made-up site whose truth is known: four detectors, three weeks, Poisson counts around a daily shape."""

from collections.abc import Iterator

import numpy as np
import pytest

from forecasting import boosted
from forecasting.history import FlowHistory
from signals.types import Floats

FEW_TREES = 8  # tests are of what is done with trees, not of how many it takes

LEVELS_VEH = np.array([60.0, 30.0, 12.0, 3.0])


@pytest.fixture(scope="session", autouse=True)
def few_trees() -> Iterator[None]:
    """Boosting fits in a moment."""
    patch = pytest.MonkeyPatch()
    patch.setattr(boosted, "TREES", FEW_TREES)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def true_day() -> Floats:
    """Expected counts [slot, detector] of every day of the made-up site."""
    hour = np.arange(96) / 4.0
    shape = 0.15 + np.exp(-((hour - 8.0) ** 2) / 4.0) + 0.8 * np.exp(-((hour - 17.5) ** 2) / 6.0)
    return np.asarray(shape[:, None] * LEVELS_VEH)


@pytest.fixture(scope="session")
def site(true_day: Floats) -> FlowHistory:
    """21 days from a Monday on, with slow common drifts that an echo can follow."""
    rng = np.random.default_rng(5)
    bins = 21 * 96
    drift = np.zeros(bins)
    for t in range(1, bins):
        drift[t] = 0.9 * drift[t - 1] + 0.08 * rng.standard_normal()
    mean_veh = np.tile(true_day, (21, 1)) * np.exp(drift)[:, None]
    start = np.datetime64("2024-04-01T00:00:00", "s")
    return FlowHistory(start, 900.0, ("A", "B", "C", "D"), rng.poisson(mean_veh).astype(np.float64))
