"""A back-test's result by hand: two days of hourly counts, three detectors, and models that are off by a known share."""

from collections.abc import Callable

import numpy as np
import pytest

from forecasting.backtest import BacktestResult, Rolled
from forecasting.scores import poisson_floor_wape, scores

FRIDAY = np.datetime64("2024-05-10T00:00", "s")
OFF = {"last": 0.4, "week": 0.3, "profile": 0.2, "residual": 0.1}
"""By how much of the count each model is too low at every detector; at the second, twice as much."""

Result = Callable[..., BacktestResult]


def hand_result(names: tuple[str, ...] = ("north", "south", "lane"), default: str = "residual", silent: bool = False) -> BacktestResult:
    """Counts 100, 50 and 2 an hour by day, a tenth of that before six; intervals hold all but the fourth hour's counts."""
    origins = FRIDAY + np.arange(48) * np.timedelta64(3600, "s")
    level = np.where(np.arange(48) % 24 < 6, 0.1, 1.0)
    truth_veh = level[:, None] * np.array([100.0, 50.0, 2.0])
    hidden = np.zeros(truth_veh.shape, dtype=np.bool_)
    hidden[10:16, 0] = silent
    rolled = {}
    for model, off in OFF.items():
        count_veh = truth_veh * (1.0 - off * np.array([1.0, 2.0, 1.0]))
        high_veh = np.where((np.arange(48) % 24 == 4)[:, None], 0.5 * truth_veh, 1.5 * truth_veh)
        rolled[model] = Rolled(count_veh, 0.0 * truth_veh, high_veh, 0.001, 0.0005)
    rows = []
    for model, one in rolled.items():
        row: dict[str, float | str] = {"model": model, "title": f"the {model} one"}
        row |= scores(truth_veh, one.count_veh, one.low_veh, one.high_veh)
        rows.append(row | {"fit_s": 1.25, "predict_s": 0.001, "update_s": 0.0005, "skill_vs_profile": 0.5})
    return BacktestResult(
        rows=tuple(rows),
        spans={"fit": "then to now", "calibrate": "now to soon", "test": "soon to late"},
        names=names,
        bin_s=3600.0,
        horizon_s=3600.0,
        blank=0.15 if silent else 0.0,
        seed=3,
        poisson_floor_wape=poisson_floor_wape(truth_veh),
        poisson_floor_wape_of_forecast=7.0,
        origins=origins,
        truth_veh=truth_veh,
        silent=hidden,
        rolled=rolled,
        default=default,
    )


@pytest.fixture(scope="session")
def result() -> Result:
    """The maker of results."""
    return hand_result
