"""Which stop line the vehicles of a detector head for, learned by following them: some change lanes, some turn off before the signal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from signals.links.detectors import Detector, Way

MEMORY_VEH = 40.0  # vehicles of a detector after which an old one hardly counts
PRIOR_VEH = 5.0
SPREAD = 7.0  # a draw's later digits, so that the movement on the lane is dealt independently


class Heading:
    """Shares of each detector's ways; the last share is of those who turn off."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._ways = {d.id: d.ways for d in detectors if d.ways}
        self._weights: dict[str, list[float]] = {}
        self._cumulative: dict[str, list[float]] = {}
        for d in detectors:
            if d.ways:
                total = sum(w.weight for w in d.ways)
                self._weights[d.id] = [PRIOR_VEH * w.weight / total for w in d.ways] + [0.0]
                self._sum(d.id)

    def way(self, detector: str, draw: float) -> Way | None:
        """Where a vehicle with this draw heads for; None where it turns off."""
        ways, at = self._ways[detector], draw * SPREAD % 1.0
        for way, until in zip(ways, self._cumulative[detector], strict=False):
            if at < until:
                return way
        return None

    def arrived(self, detectors: Sequence[str], lane: int | None) -> None:
        """A vehicle that these detectors saw passed the stop line of a lane; None: it turned off before."""
        for one in detectors:
            weights = self._weights[one]
            for i, way in enumerate(self._ways[one]):
                weights[i] += ((way.lane == lane) - weights[i] / MEMORY_VEH) if lane is not None else -weights[i] / MEMORY_VEH
            weights[-1] += (lane is None) - weights[-1] / MEMORY_VEH
            self._sum(one)

    def _sum(self, detector: str) -> None:
        weights = np.array(self._weights[detector])
        self._cumulative[detector] = (np.cumsum(weights) / weights.sum()).tolist()
