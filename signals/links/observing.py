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
        self._green_at_s: Floats | None = None
        starts = layout.movement_start.tolist()
        self._greens = [
            [start + np.flatnonzero(serves[p, : end - start] > 0) for p in range(phases)]
            for serves, phases, start, end in zip(layout.serves, layout.phases.tolist(), starts, starts[1:], strict=False)
        ]
        """[signal][phase] its green movements, flat"""

    def observation(
        self, now_s: float, phase: Ints, age_s: Floats, rows: Sequence[Row],
        *, queue_veh: Floats, counts_veh: Floats, wait_s: Floats, exit_veh: Floats,
    ) -> Observation:  # fmt: skip
        """`phase`, `age_s` [signal]; `rows` by lane, nearest first; the rest [movement]. Call it once an observation."""
        lane, distance_m, movement, speed_mps = zip(*rows, strict=True) if rows else ((), (), (), ())
        return self.of_columns(
            now_s, phase, age_s, np.array(lane, dtype=np.int64), np.array(movement, dtype=np.int64),
            np.array(distance_m, dtype=np.float64), np.array(speed_mps, dtype=np.float64),
            queue_veh=queue_veh, counts_veh=counts_veh, wait_s=wait_s, exit_veh=exit_veh,
        )  # fmt: skip

    def of_columns(
        self, now_s: float, phase: Ints, age_s: Floats, lane: Ints, movement: Ints, distance_m: Floats, speed_mps: Floats,
        *, queue_veh: Floats, counts_veh: Floats, wait_s: Floats, exit_veh: Floats,
    ) -> Observation:  # fmt: skip
        """The same from the columns of the rows: stop lane, movement, distance and speed [vehicle]."""
        return Observation(
            now_s=now_s,
            phase=phase,
            age_s=age_s,
            queue_veh=queue_veh,
            counts_veh=counts_veh,
            wait_s=wait_s,
            red_s=self._red_s(now_s, phase, age_s),
            exit_veh=exit_veh,
            vehicle_lane=lane,
            vehicle_movement=movement,
            vehicle_distance_m=distance_m,
            vehicle_speed_mps=speed_mps,
        )

    def _red_s(self, now_s: float, phase: Ints, age_s: Floats) -> Floats:
        """Time since each movement was last seen green [movement]; the first observation counts as green."""
        if self._green_at_s is None:
            self._green_at_s = np.full(self._layout.movements, now_s)
        for greens, p, age in zip(self._greens, phase.tolist(), age_s.tolist(), strict=True):
            if age >= 0.0:
                self._green_at_s[greens[p]] = now_s
        return now_s - self._green_at_s
