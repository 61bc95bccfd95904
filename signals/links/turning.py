"""Who turns where, without asking anybody's route: stop line crossings matched with arrivals on the receiving lanes.

Each vehicle carries a draw from 0 to 1; the shares of its lane's movements make a movement of it. Draws follow the golden ratio, so
that movements are dealt in proportion, not by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from signals.layout import lay_out
from signals.types import Bools, Floats, Ints, Network, Turn

GOLDEN = 0.6180339887498949
PRIOR_VEH = {Turn.THROUGH: 3.0, Turn.LEFT: 1.0, Turn.RIGHT: 1.0, Turn.U_TURN: 0.05, Turn.CROSSING: 0.0}
MEMORY_VEH = 60.0  # vehicles of a lane after which an old one hardly counts
SLOWEST_YIELDING_S = 60.0  # of who may have to wait inside the junction
LEAST_FIT, WAITING_FIT = 0.011, 0.02  # of one who is three spreads early or late; of one who may have waited
SLOWEST_S, START_S, TURNING_MPS = 12.0, 1.0, 7.0
CROSSING_S = 12.0  # who comes out of a junction was let in at most so long ago
SPREAD_S = 2.0  # of the time from stop line to receiving lane


@dataclass(slots=True)
class Crossing:
    """A vehicle between its stop line and its receiving lane."""

    at_s: float
    lane: int
    movements: tuple[int, ...]  # that were lit
    guess: Floats  # how it was counted: shares of them


class Turning:
    """Shares of each lane's movements and flow over each stop line, learned in the run."""

    def __init__(self, network: Network) -> None:
        layout = lay_out(network)
        self.movements_of: list[tuple[int, ...]] = []
        self._way_s = np.zeros(layout.movements)
        self._pending: dict[str, list[Crossing]] = {}
        self._yields = np.zeros(layout.movements, dtype=np.bool_)
        exits: dict[int, tuple[str, ...]] = {}
        for i, s in enumerate(network.signals):
            first = int(layout.movement_start[i])
            self.movements_of += [tuple(first + m for m in np.flatnonzero(row).tolist()) for row in s.uses]
            for m, movement in enumerate(s.movements):
                exits[first + m] = movement.exits
                self._yields[first + m] = s.yields_to[m].any()
                self._way_s[first + m] = START_S + movement.crossing_m / TURNING_MPS
        turns = [m.turn for s in network.signals for m in s.movements]
        self._exits_of = [tuple(dict.fromkeys(e for m in ms for e in exits[m])) for ms in self.movements_of]
        self._movement_exits = exits
        self._weights = [np.array([PRIOR_VEH[turns[m]] + 1e-3 for m in ms]) for ms in self.movements_of]
        self._first = layout.movement_start[layout.signal_of_lane]
        self.cumulative = np.ones((layout.lanes, layout.serves.shape[2]))
        """[lane, movement of its signal] running sum of the shares"""
        self.passed_veh = np.zeros(layout.movements)
        """[movement] over the stop line since somebody last took them"""
        self._flow_veh_s, self._flow_at_s = np.zeros(layout.lanes), np.full(layout.lanes, np.nan)
        self._dealt = 0.5
        for lane in range(layout.lanes):
            self._sum(lane)

    def draw(self) -> float:
        """The next vehicle's."""
        self._dealt = (self._dealt + GOLDEN) % 1.0
        return self._dealt

    def movement(self, lane: int, draw: float) -> int:
        """What the draw means on this stop lane, flat."""
        return int(self._first[lane] + np.searchsorted(self.cumulative[lane], draw, side="right"))

    def draw_for(self, lane: int, movement: int) -> float:
        """A draw that means this movement."""
        m = int(movement - self._first[lane])
        below = self.cumulative[lane, m - 1] if m > 0 else 0.0
        return float(0.5 * (below + self.cumulative[lane, m]))

    def share(self, lane: int, movement: int) -> float:
        """Of the lane's vehicles that take the movement."""
        ms = self.movements_of[lane]
        weights = self._weights[lane]
        return float(weights[ms.index(movement)] / weights.sum())

    def crossed(self, lane: int, now_s: float, lit: Bools) -> None:
        """Somebody passed the stop line of a lane; `lit` [movement] green or just ended."""
        ms = self.movements_of[lane]
        candidates = tuple(m for m in ms if lit[m]) or ms
        weights = np.array([self.share(lane, m) for m in candidates])
        guess = weights / weights.sum()
        self.passed_veh[list(candidates)] += guess
        crossing = Crossing(now_s, lane, candidates, guess)
        for exit_lane in self._exits_of[lane]:
            if any(exit_lane in self._movement_exits[m] for m in candidates):
                self._pending.setdefault(exit_lane, []).append(crossing)

    def entered(self, exit_lane: str, now_s: float) -> bool:
        """Somebody came onto a receiving lane: of those who may have, the one whose time and usual turn fit best did; False: nobody."""
        waiting = [c for c in self._pending.get(exit_lane, ()) if now_s - c.at_s <= self._slowest_s(c)]
        self._pending[exit_lane] = waiting
        best, most, taken = None, 0.0, -1
        for crossing in waiting:
            for m in crossing.movements:
                if exit_lane in self._movement_exits[m]:
                    away = (now_s - crossing.at_s - self._way_s[m]) / SPREAD_S
                    fit = float(np.exp(-0.5 * away * away))
                    if away > 0.0 and self._yields[m]:
                        fit = max(fit, WAITING_FIT)
                    if fit > LEAST_FIT and self.share(crossing.lane, m) * fit > most:
                        best, most, taken = crossing, self.share(crossing.lane, m) * fit, m
        if best is None:
            return False
        for other in self._exits_of[best.lane]:
            self._pending[other] = [c for c in self._pending.get(other, ()) if c is not best]
        if now_s - best.at_s <= SLOWEST_S:  # of a later one it is not sure enough who it was
            self.took(best.lane, taken)
        # What was shared out at the stop line is now known.
        if len(best.movements) > 1:
            self._settle(best, taken)
        return True

    def _slowest_s(self, crossing: Crossing) -> float:
        return SLOWEST_YIELDING_S if any(self._yields[m] for m in crossing.movements) else SLOWEST_S

    def took(self, lane: int, movement: int) -> None:
        """Somebody from a stop lane is known to have taken a movement."""
        ms, weights = self.movements_of[lane], self._weights[lane]
        if len(ms) > 1:
            weights *= 1.0 - 1.0 / MEMORY_VEH
            weights[ms.index(movement)] += 1.0
            self._sum(lane)

    def _settle(self, crossing: Crossing, taken: int) -> None:
        at = list(crossing.movements)
        if (self.passed_veh[at] < crossing.guess - 1e-9).any():
            return  # it has been handed on already
        self.passed_veh[at] -= crossing.guess
        self.passed_veh[taken] += 1.0

    def take_counts(self) -> Floats:
        """Vehicles over each stop line since the last call [movement]."""
        counts_veh, self.passed_veh = self.passed_veh, np.zeros_like(self.passed_veh)
        return counts_veh

    def _sum(self, lane: int) -> None:
        ms = self.movements_of[lane]
        row = np.zeros(self.cumulative.shape[1])
        if ms:
            row[[m - int(self._first[lane]) for m in ms]] = self._weights[lane] / self._weights[lane].sum()
        self.cumulative[lane] = np.cumsum(row)
        self.cumulative[lane, (max(ms) - int(self._first[lane])) if ms else 0 :] = 1.0


def lit_movements(lights: list[str], starts: Ints, green: str = "Gg") -> Bools:
    """[movement] green now, by the aspects of every signal; `green`: the aspects that count."""
    lit = np.zeros(int(starts[-1]), dtype=np.bool_)
    for i, shown in enumerate(lights):
        for m, aspect in enumerate(shown):
            lit[starts[i] + m] = aspect in green
    return lit
