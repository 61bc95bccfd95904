"""In which order vehicles come over the working loops of a way, and which loops lie side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from signals.layout import street_of
from signals.links.detectors import Detector
from signals.types import Bools, Ints

SIDE_BY_SIDE_M = 10.0


class LoopOrder:
    """Loops are known by their place in the list of all detectors; silent ones are passed over."""

    def __init__(self, detectors: Sequence[Detector], silent: Bools) -> None:
        self.index = {d.id: i for i, d in enumerate(detectors)}
        self.following: dict[tuple[str, int], tuple[int, float]] = {}
        """(loop, stop lane) -> next working loop on the way there, and its distance from the stop line [m]"""
        ways = {(d.id, w.lane): (d, w) for d in detectors for w in d.ways}
        for loop, lane in ways:
            after = ways[loop, lane][1].following
            while after and silent[self.index[after]] and (after, lane) in ways:
                after = ways[after, lane][1].following
            if after and not silent[self.index[after]] and (after, lane) in ways:
                one, way = ways[after, lane]
                self.following[loop, lane] = (self.index[after], one.distance_m(way, one.start_m))
        advance = [d for d in detectors if d.place == "advance"]
        streets: dict[str, list[Detector]] = {}
        for d in advance:
            streets.setdefault(street_of(d.lane), []).append(d)
        self.beside: dict[str, Ints] = {}
        """loop -> itself and the loops on the lanes beside"""
        for some in streets.values():
            for d in some:
                near = [self.index[o.id] for o in some if abs((o.lane_m - o.start_m) - (d.lane_m - d.start_m)) < SIDE_BY_SIDE_M]
                self.beside[d.id] = np.array(near, dtype=np.int64)
