"""Gradient boosting on top of the network ridge: what a line cannot say about the coming departure, regression trees do.

Fitted with LightGBM (the extra `boost`) on rows of all detectors together, some of them with inputs hidden and some with
made-up incidents; kept as plain arrays, so that forecasting needs the library no more.
"""

from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.base import Arrays, Model, Point
from forecasting.clock import DAY_S
from forecasting.departures import LAGS, NAMES
from forecasting.history import FlowHistory
from forecasting.interval import ends_s
from forecasting.lessons import Course, taught, walk
from forecasting.ridge import FARTHEST, Ridge
from forecasting.trees import Forest, from_dump
from signals.errors import ForecastError
from signals.types import Floats

Table = npt.NDArray[np.float32]

ALL_INPUTS = (*NAMES, "echo", "profile", "hour", "weekday", "heard_lately", "spread")
MOST_ROWS = 500_000
SEED = 20240419
TREES = 100
OBJECTIVES: tuple[dict[str, Any], ...] = (
    {"objective": "l1", "learning_rate": 0.06},
    {"objective": "l2", "learning_rate": 0.04, "path_smooth": 50.0},
)
PARAMETERS: dict[str, Any] = {
    "num_leaves": 15, "min_data_in_leaf": 400, "feature_fraction": 0.4, "bagging_fraction": 0.6, "bagging_freq": 1,
    "lambda_l2": 5.0, "max_bin": 127, "verbosity": -1, "deterministic": True, "force_row_wise": True, "seed": 7, "num_threads": 1,
}  # fmt: skip


@dataclass(slots=True)
class Boosted:
    """A ridge, and trees that correct its echo."""

    ridge: Ridge = field(repr=False)
    forest: Forest = field(repr=False)
    window_bins: int = LAGS

    def expect(self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None = None) -> Point:
        """Profile + echo + what the trees add."""
        return self.ridge.point(recent_veh, ends_s, bins, observed, self.correction)

    def correction(self, inputs: Table, echo: Floats, near: Floats, starts_s: float) -> Floats:
        """What the trees add to the echo [detector], root scale."""
        return self.forest.values(rows(self.ridge, inputs, echo, near, starts_s))

    def usual(self, starts_s: float, hour_bins: int) -> Floats:
        """The ridge's."""
        return self.ridge.usual(starts_s, hour_bins)

    def learn(self, counts_veh: Floats, starts_s: float) -> None:
        """The ridge learns; the trees stay."""
        self.ridge.learn(counts_veh, starts_s)

    def degraded(self) -> tuple[Model, ...]:
        """Hearing the others only."""
        return (replace(self, ridge=replace(self.ridge, deaf=True)),)

    def arrays(self) -> Arrays:
        """The ridge's state and the trees."""
        return {**self.ridge.arrays(), **self.forest.arrays()}

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The model again."""
        return cls(Ridge.from_arrays(arrays, bin_s), Forest.from_arrays(arrays, len(ALL_INPUTS)))


def rows(ridge: Ridge, inputs: Table, echo: Floats, near: Floats, starts_s: float) -> Table:
    """What ALL_INPUTS lists [detector, input]."""
    out = np.empty((len(echo), len(ALL_INPUTS)), dtype=np.float32)
    k = len(NAMES)
    out[:, :k] = inputs
    out[:, k] = echo
    out[:, k + 1] = near[1]
    out[:, k + 2] = starts_s % DAY_S / 3600.0
    out[:, k + 3] = starts_s // DAY_S
    out[:, k + 4] = ridge.departures.heard_lately()
    out[:, k + 5] = ridge.profile.spread()
    return out


def available() -> bool:
    """Whether the library that fits trees is installed."""
    return find_spec("lightgbm") is not None


def fit(history: FlowHistory, leads: int = 1) -> Boosted:
    """A ridge that has seen all of the history, and trees taught on what it got wrong."""
    if not available():
        raise ForecastError("'boosted' is fitted with LightGBM: install the extra, pip install 'citybrain[boost]'")
    lightgbm = import_module("lightgbm")
    ridge, course = taught(history, leads)
    x, y, weight = taught_rows(ridge, course, history)
    data = lightgbm.Dataset(x, y, weight=weight, params={"max_bin": PARAMETERS["max_bin"], "verbosity": -1}, free_raw_data=False)
    dumps = [lightgbm.train({**PARAMETERS, **one}, data, TREES).dump_model() for one in OBJECTIVES]
    return Boosted(ridge, from_dump(dumps, 1.0 / len(OBJECTIVES)))


def taught_rows(ridge: Ridge, course: Course, history: FlowHistory) -> tuple[Table, Floats, Floats]:
    """Rows [row, input] of the lessons, what the ridge's echo lacked, and their weights; at most MOST_ROWS or so."""
    number = sum(int((one.weight > 0.0).sum()) for one in course.lessons)
    share = min(MOST_ROWS / max(number, 1), 1.0)
    rng = np.random.default_rng(SEED)
    found: list[tuple[Table, Floats, Floats]] = []
    for one in course.lessons:
        for near, i in walk(ridge, history, course, one):
            starts_s = ends_s(history, i)
            inputs = ridge.inputs(ridge.departures.last, near, course.own[i], starts_s)
            echo = (ridge.echo * inputs).sum(axis=1)
            ahead = one.truth[i : i + ridge.leads].mean(axis=0)
            lacks = np.clip(ahead, -FARTHEST, FARTHEST) - echo
            gain = np.where(np.isfinite(lacks) & np.isfinite(near[1]), near[1], 0.0) * one.weight[i]
            kept = np.flatnonzero((gain > 0.0) & (rng.random(len(gain)) < share))
            if len(kept):
                found.append((rows(ridge, inputs, echo, near, starts_s)[kept], lacks[kept], gain[kept]))
            ridge.departures.learn(one.heard[i], starts_s)
    x, y, weight = (np.concatenate(part) for part in zip(*found, strict=True))
    return x, y, weight
