"""The default: profile, echo and trees mixed with weights that each detector and each hour of the day learns for itself.

departure = (1 + a) echo + (1 + b) trees, where a and b are the sum of what all detectors say at this hour and what this
detector says at all hours; both are least squares on the errors so far, leaning on zero, and go on learning bin by bin.
Where trees cannot be fitted (the extra `boost` is missing) it is the network ridge with such weights.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np

from forecasting import boosted, lessons
from forecasting.base import Arrays, Model, Point
from forecasting.boosted import Boosted, rows
from forecasting.departures import LAGS
from forecasting.history import FlowHistory
from forecasting.interval import HOURS, hour_of
from forecasting.residual import root
from forecasting.ridge import FARTHEST
from forecasting.trees import Forest, Table
from signals.types import Floats

LEAN = 30.0  # an hour's or a detector's weights lean on zero by so much of a sum of squares
HALF_LIFE_S = 14 * 86_400.0
MOST_WEIGHED = 25_000  # detectors whose parts are weighed at one bin


class Said(NamedTuple):
    """The parts of a forecast whose horizon has not ended."""

    echo: Floats
    trees: Floats
    usual: Floats  # NaN where it is not weighed
    departure: Floats
    hour: int


@dataclass(slots=True)
class Mixed:
    """A boosted ridge and the sums that its weights come from."""

    parts: Boosted = field(repr=False)
    by_hour: Floats = field(repr=False)
    """[hour, 5] sums of echo^2, echo trees, trees^2, echo error, trees error"""
    by_detector: Floats = field(repr=False)
    """[detector, 5] the same of what the hours leave over"""
    waiting: deque[Said] = field(default_factory=deque, repr=False)
    window_bins: int = LAGS

    def expect(self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None = None) -> Point:
        """Profile + weighted echo + weighted trees."""
        return self.parts.ridge.point(recent_veh, ends_s, bins, observed, self._correct)

    def _correct(self, inputs: Table, echo: Floats, near: Floats, starts_s: float) -> Floats:
        trees = self.parts.correction(inputs, echo, near, starts_s)
        extra = self.weights(hour_of(starts_s))
        return np.asarray(extra[:, 0] * echo + (1.0 + extra[:, 1]) * trees)

    def weights(self, hour: int) -> Floats:
        """What to add to weights of one [detector, part] at this hour."""
        found: Floats = solved(self.by_hour[hour][None])[0] + solved(self.by_detector)
        return found

    def usual(self, starts_s: float, hour_bins: int) -> Floats:
        """The ridge's."""
        return self.parts.usual(starts_s, hour_bins)

    def learn(self, counts_veh: Floats, starts_s: float) -> None:
        """Weigh the parts by what came, then let the ridge learn."""
        ridge = self.parts.ridge
        near, inputs = ridge.at(starts_s)
        echo = (ridge.echo * inputs).sum(axis=1)
        # In a large city the trees are asked again for some detectors only, others at each bin.
        stride = -(-len(echo) // MOST_WEIGHED)
        chosen = np.arange(round(starts_s / ridge.profile.bin_s) % stride, len(echo), stride)
        trees, usual = np.zeros(len(echo)), np.full(len(echo), np.nan)
        trees[chosen] = self.parts.forest.values(rows(ridge, inputs, echo, near, starts_s)[chosen])
        usual[chosen] = near[1][chosen]
        self.waiting.append(Said(echo, trees, usual, root(counts_veh) - near[1], hour_of(starts_s)))
        if len(self.waiting) == ridge.leads:
            self._weigh()
        ridge.take_in(counts_veh, starts_s, near, inputs)

    def _weigh(self) -> None:
        departure = np.array([one.departure for one in self.waiting]).mean(axis=0)
        said = self.waiting.popleft()
        error = np.clip(departure, -FARTHEST, FARTHEST) - said.echo - said.trees
        known = np.isfinite(error) & np.isfinite(said.usual)
        weight = np.where(known, said.usual, 0.0) / max(float(np.where(known, said.usual, 0.0).mean()), 1e-9)
        error = np.where(known, error, 0.0)
        keep = 0.5 ** (self.parts.ridge.profile.bin_s / HALF_LIFE_S)
        hour = solved(self.by_hour[said.hour][None])[0]
        self.by_hour[said.hour] *= keep**HOURS  # it is asked for one hour of each day only
        self.by_hour[said.hour] += sums(said, weight, error).mean(axis=0) * np.sqrt(len(error))
        left = error - hour[0] * said.echo - hour[1] * said.trees
        self.by_detector *= keep
        self.by_detector += sums(said, weight, left)

    def degraded(self) -> tuple[Model, ...]:
        """Hearing the others only."""
        ridge = replace(self.parts.ridge, deaf=True)
        return (replace(self, parts=replace(self.parts, ridge=ridge)),)

    def arrays(self) -> Arrays:
        """The parts' state and the sums."""
        waiting = [np.column_stack((s.echo, s.trees, s.usual, s.departure, np.full(len(s.echo), float(s.hour)))) for s in self.waiting]
        shape = (len(waiting), len(self.by_detector), 5)
        return {
            **self.parts.arrays(),
            "mix_by_hour": self.by_hour,
            "mix_by_detector": self.by_detector,
            "mix_waiting": np.array(waiting).reshape(shape),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The model again; ValueError where the sums are of other detectors."""
        parts = Boosted.from_arrays(arrays, bin_s)
        by_hour, by_detector = np.array(arrays["mix_by_hour"], np.float64), np.array(arrays["mix_by_detector"], np.float64)
        if by_hour.shape != (HOURS, 5) or by_detector.shape != (len(parts.ridge.echo), 5):
            raise ValueError(f"weights of shapes {by_hour.shape} and {by_detector.shape}")
        waiting = deque(Said(r[:, 0], r[:, 1], r[:, 2], r[:, 3], int(r[0, 4])) for r in arrays["mix_waiting"])
        return cls(parts, by_hour, by_detector, waiting)


def sums(said: Said, weight: Floats, error: Floats) -> Floats:
    """Products [detector, 5] that the weights are solved from."""
    echo, trees = said.echo, said.trees
    return weight[:, None] * np.column_stack((echo * echo, echo * trees, trees * trees, echo * error, trees * error))


def solved(products: Floats) -> Floats:
    """Weights [row, part] that minimise the squared error, leaning on zero."""
    ee, et, tt, ey, ty = products.T
    ee, tt = ee + LEAN, tt + LEAN
    det = ee * tt - et * et
    return np.column_stack(((tt * ey - et * ty) / det, (ee * ty - et * ey) / det))


def fit(history: FlowHistory, leads: int = 1) -> Mixed:
    """The parts from all of the history; the weights begin at one and learn from what comes."""
    parts = boosted.fit(history, leads) if boosted.available() else Boosted(lessons.fit(history, leads), Forest.none())
    return Mixed(parts, np.zeros((HOURS, 5)), np.zeros((len(history.detectors), 5)))
