"""From tracked vehicles to an observation: dealt to movements, queues counted, silent movements marked NaN."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from signals.layout import lay_out
from signals.links.turning import Turning
from signals.types import Bools, Floats, Ints, Network, Observation, Turn

SLOW_MPS = 2.0
STANDING_MPS = 0.1
HEAD_M = 8.0  # of the stop line: who stands there and is not let go by a green takes another movement
REVEALED_S = 6.0


@dataclass(slots=True)
class Seen:
    """One vehicle as known now."""

    lane: int
    distance_m: float
    speed_mps: float
    draw: float
    standing_s: float
    comes: bool = True  # to the signal, as far as one can tell


class Estimate:
    """Remembers when each movement was last green."""

    def __init__(self, network: Network, turning: Turning, blind: Bools, uncounted: Bools) -> None:
        """`blind`, `uncounted` [lane]: no working detector sees its queue, or its stop line."""
        self.layout, self._turning = lay_out(network), turning
        movements = [m for s in network.signals for m in s.movements]
        starts = self.layout.movement_start
        self._signal_of = np.repeat(np.arange(len(network.signals)), np.diff(starts))
        self._place_of = np.arange(self.layout.movements) - starts[self._signal_of]
        self._signal_of_lane = np.repeat(np.arange(len(network.signals)), np.diff(self.layout.lane_start))
        unseen = np.array([m.turn is Turn.CROSSING for m in movements])
        self._blind, self._uncounted = unseen.copy(), unseen.copy()
        for lane, ms in enumerate(turning.movements_of):
            self._blind[list(ms)] |= blind[lane]
            self._uncounted[list(ms)] |= uncounted[lane]
        self._green_at_s = np.full(self.layout.movements, np.nan)

    def observation(self, now_s: float, phase: Ints, age_s: Floats, seen: list[Seen], exit_veh: Floats) -> Observation:
        """The vehicles, sorted by lane and distance, and what follows from them."""
        n = self.layout.movements
        queue_veh, wait_s = np.zeros(n), np.zeros(n)
        rows: list[tuple[int, float, int, float]] = []
        before = -1
        for one in sorted(seen, key=lambda s: (s.lane, s.distance_m)):
            if one.lane != before:
                self._reveal(one, phase, age_s)
                before = one.lane
            m = self._turning.movement(one.lane, one.draw)
            rows.append((one.lane, max(one.distance_m, 0.0), m, one.speed_mps))
            if one.speed_mps < SLOW_MPS:
                queue_veh[m] += 1.0
                wait_s[m] = max(wait_s[m], one.standing_s)
        queue_veh[self._blind] = wait_s[self._blind] = np.nan
        counts_veh = self._turning.take_counts()
        counts_veh[self._uncounted] = np.nan
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

    def _reveal(self, head: Seen, phase: Ints, age_s: Floats) -> None:
        """The first vehicle of a lane stands though a movement of the lane is green: it takes one that is less so."""
        i = self._signal_of_lane[head.lane]
        ms = self._turning.movements_of[head.lane]
        if len(ms) < 2 or head.standing_s < 2.0 or head.distance_m > HEAD_M or age_s[i] < REVEALED_S:
            return
        codes = {m: int(self.layout.serves[i, phase[i], self._place_of[m]]) for m in ms}
        best = codes[self._turning.movement(head.lane, head.draw)]
        least = min(codes.values())
        if best > least:
            held = [m for m in ms if codes[m] == least]
            head.draw = self._turning.draw_for(head.lane, max(held, key=lambda m: self._turning.share(head.lane, m)))

    def _red_s(self, now_s: float, phase: Ints, age_s: Floats) -> Floats:
        """Time since each movement was last seen green [movement]; the first observation counts as green."""
        at = self._signal_of
        green = (age_s[at] >= 0.0) & (self.layout.serves[at, phase[at], self._place_of] > 0)
        self._green_at_s[green] = now_s
        self._green_at_s[np.isnan(self._green_at_s)] = now_s
        return now_s - self._green_at_s
