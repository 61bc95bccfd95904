"""From tracked vehicles to an observation: dealt to movements, queues counted, silent movements marked NaN."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from signals.layout import lay_out
from signals.links.observing import INSIDE_M, Observing, Row
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
    inside: bool = False  # the junction, behind the stop line


class Estimate:
    """Knows which lanes nobody sees."""

    def __init__(self, network: Network, turning: Turning, blind: Bools, uncounted: Bools) -> None:
        """`blind`, `uncounted` [lane]: no working detector sees its queue, or its stop line."""
        self.layout, self._turning = lay_out(network), turning
        movements = [m for s in network.signals for m in s.movements]
        unseen = np.array([m.turn is Turn.CROSSING for m in movements])
        self._blind, self._uncounted = unseen.copy(), unseen.copy()
        for lane, ms in enumerate(turning.movements_of):
            self._blind[list(ms)] |= blind[lane]
            self._uncounted[list(ms)] |= uncounted[lane]
        self._observing = Observing(self.layout)

    def observation(self, now_s: float, phase: Ints, age_s: Floats, seen: list[Seen], exit_veh: Floats) -> Observation:
        """The vehicles, sorted by lane and distance, and what follows from them."""
        n = self.layout.movements
        queue_veh, wait_s = np.zeros(n), np.zeros(n)
        rows: list[Row] = []
        before = -1
        for one in sorted(seen, key=lambda s: (s.lane, s.distance_m)):
            if one.lane != before and not one.inside:
                self._reveal(one, phase, age_s)
                before = one.lane
            m = self._turning.movement(one.lane, one.draw)
            rows.append((one.lane, INSIDE_M if one.inside else max(one.distance_m, 0.0), m, one.speed_mps))
            if one.speed_mps < (STANDING_MPS if one.inside else SLOW_MPS):
                queue_veh[m] += 1.0
                wait_s[m] = max(wait_s[m], one.standing_s)
        queue_veh[self._blind] = wait_s[self._blind] = np.nan
        counts_veh = self._turning.take_counts()
        counts_veh[self._uncounted] = np.nan
        return self._observing.observation(
            now_s, phase, age_s, rows, queue_veh=queue_veh, counts_veh=counts_veh, wait_s=wait_s, exit_veh=exit_veh
        )

    def _reveal(self, head: Seen, phase: Ints, age_s: Floats) -> None:
        """The first vehicle of a lane stands though a movement of the lane is green: it takes one that is less so."""
        i = self.layout.signal_of_lane[head.lane]
        ms = self._turning.movements_of[head.lane]
        if len(ms) < 2 or head.standing_s < 2.0 or head.distance_m > HEAD_M or age_s[i] < REVEALED_S:
            return
        shown = self.layout.codes_in(phase)
        codes = {m: int(shown[m]) for m in ms}
        best = codes[self._turning.movement(head.lane, head.draw)]
        least = min(codes.values())
        if best > least:
            held = [m for m in ms if codes[m] == least]
            head.draw = self._turning.draw_for(head.lane, max(held, key=lambda m: self._turning.share(head.lane, m)))
