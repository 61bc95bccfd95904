"""What the neighbours' plans will release: departures of one signal as arrivals at the next, split by turning shares."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Ways(NamedTuple):
    """Ways from the movements of one signal to the stop lanes of the next: those of movement m from `start[m]` to `start[m + 1]` - 1."""

    start: Ints  # [movement + 1]
    lane: Ints  # [way] on the network's lane axis
    movement: Ints  # [way] of the signal that it leads to
    travel_s: Floats  # [way] from stop line to stop line
    share: Floats  # [way] of who leaves by the movement


class Coming(NamedTuple):
    """Vehicles on their way from the neighbours, in order of arrival: those of lane k from `start[k]` to `start[k + 1]` - 1."""

    start: Ints  # [lane + 1]
    movement: Ints  # [vehicle] of the lane's signal
    arrival_s: Floats  # [vehicle] earliest time at the stop line
    weight: Floats  # [vehicle] vehicles that it stands for


@njit(cache=True)
def nobody(lanes: int) -> Coming:
    """No vehicle on its way to any of so many lanes."""
    return Coming(np.zeros(lanes + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))


@njit(cache=True)
def released(movement: Ints, departure_s: Floats, weight: Floats, ways: Ways, lanes: int, horizon_s: float) -> Coming:
    """Arrivals before the horizon of vehicles that leave by a movement [vehicle] at a time, infinite where they do not."""
    start = np.zeros(lanes + 1, dtype=np.int64)
    for v in range(movement.shape[0]):
        for w in range(ways.start[movement[v]], ways.start[movement[v] + 1]):
            if ways.share[w] > 0.0 and departure_s[v] + ways.travel_s[w] < horizon_s:
                start[ways.lane[w] + 1] += 1
    for k in range(lanes):
        start[k + 1] += start[k]
    last = start.copy()
    n = start[lanes]
    heads_for, arrival_s, counts = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n)
    for v in range(movement.shape[0]):
        for w in range(ways.start[movement[v]], ways.start[movement[v] + 1]):
            at_s = departure_s[v] + ways.travel_s[w]
            if ways.share[w] > 0.0 and at_s < horizon_s:
                k = ways.lane[w]
                i = last[k]
                while i > start[k] and arrival_s[i - 1] > at_s:
                    heads_for[i], arrival_s[i], counts[i] = heads_for[i - 1], arrival_s[i - 1], counts[i - 1]
                    i -= 1
                heads_for[i], arrival_s[i], counts[i] = ways.movement[w], at_s, weight[v] * ways.share[w]
                last[k] += 1
    return Coming(start, heads_for, arrival_s, counts)
