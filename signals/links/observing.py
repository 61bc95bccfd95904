"""From rows of vehicles and sums a movement to an observation; remembers when each movement was last green."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from signals.layout import Layout
from signals.types import Floats, Ints, Observation

INSIDE_M = -1.0  # "distance" of who is behind the stop line
CLEARING_MPS = 6.0  # inside the junction: who is faster will be out of it before the lights can change
Row = tuple[int, float, int, float]
"""A vehicle: (stop lane, distance [m], movement, speed [m/s])."""


class Observing:
    """Lives as long as the sensing that it assembles observations for."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._green_at_s = np.full(layout.movements, np.nan)

    def observation(
        self, now_s: float, phase: Ints, age_s: Floats, rows: Sequence[Row],
        *, queue_veh: Floats, counts_veh: Floats, wait_s: Floats, exit_veh: Floats,
    ) -> Observation:  # fmt: skip
        """`phase`, `age_s` [signal]; `rows` by lane, nearest first; the rest [movement]. Call it once an observation."""
        table = np.array(rows) if rows else np.zeros((0, 4))
        return Observation(
            now_s=now_s,
            phase=phase,
            age_s=age_s,
            queue_veh=queue_veh,
            counts_veh=counts_veh,
            wait_s=wait_s,
            red_s=self._red_s(now_s, phase, age_s),
            exit_veh=exit_veh,
            vehicle_lane=table[:, 0].astype(np.int64),
            vehicle_movement=table[:, 2].astype(np.int64),
            vehicle_distance_m=np.ascontiguousarray(table[:, 1]),
            vehicle_speed_mps=np.ascontiguousarray(table[:, 3]),
        )

    def _red_s(self, now_s: float, phase: Ints, age_s: Floats) -> Floats:
        """Time since each movement was last seen green [movement]; the first observation counts as green."""
        self._green_at_s[self._layout.codes_now(phase, age_s) > 0] = now_s
        self._green_at_s[np.isnan(self._green_at_s)] = now_s
        return now_s - self._green_at_s
