"""What time it is in the field, from the clocks of many controllers: of which one may be wrong, and all may jump together.

The field's time is that of the controllers who agree. Whoever is apart from it by more than a delay can explain gets its leases in its
own time: `offset_s` is its clock less the field's.
"""

from __future__ import annotations

from collections import deque
from math import inf

import numpy as np

from signals.types import Floats

AHEAD_S = 2.0  # further ahead than the field's newest time, a clock is wrong or the field has jumped
BEHIND_S = 10.0  # a status may be so late; what is older is of another time
AGREE_S = 5.0
AT_LEAST = 3  # words of a wrong clock before its leases are told in its own time
ENOUGH = 5  # controllers that say the same other time, while nobody says the field's
MANY_WORDS = 20  # of one that is alone, and says another time


class FieldClock:
    """Lives as long as the link. Clocks of controllers by their index."""

    def __init__(self, controllers: int) -> None:
        self.now_s = -inf
        self.offset_s: Floats = np.zeros(controllers)
        """[controller]"""
        self.jumps = 0
        self._enough = min(ENOUGH, controllers)
        self._odd: dict[int, deque[float]] = {}  # how far apart a controller's last words were
        self._apart: dict[int, float] = {}  # who has said another time since anybody agreed
        self._words = 0

    def hear(self, i: int, time_s: float) -> None:
        """A controller says what time it is."""
        if self.now_s == -inf:
            self.now_s = time_s
        apart_s = time_s - self.now_s
        if -BEHIND_S <= apart_s <= AHEAD_S:
            self.now_s = max(self.now_s, time_s)
            self._words = 0
            if self._apart:
                self._apart.clear()
            if self._odd and self._odd.pop(i, None) is not None:
                self.offset_s[i] = 0.0
            return
        words = self._odd.setdefault(i, deque(maxlen=AT_LEAST))
        words.append(apart_s)
        if len(words) == AT_LEAST:
            self.offset_s[i] = min(words)  # who speaks first in a second is compared with the field's last one
        self._apart[i] = time_s
        self._words += 1
        self._follow(time_s)

    def time_of(self, i: int, time_s: float) -> float:
        """A time told by a controller's clock, in the field's."""
        return time_s - float(self.offset_s[i])

    def _follow(self, time_s: float) -> None:
        """Nobody has said the field's time for a while: have enough said the same other one? It goes on, so it is theirs."""
        agreeing = [i for i, said_s in self._apart.items() if abs(said_s - time_s) <= AGREE_S]
        if len(agreeing) >= self._enough or self._words >= MANY_WORDS:
            self.now_s = max(self._apart[i] for i in agreeing)
            self.offset_s[agreeing] = 0.0
            for i in agreeing:
                self._odd.pop(i, None)
            self._apart.clear()
            self._words, self.jumps = 0, self.jumps + 1
