"""What a change of phase means to each lane of a signal: lanes see few different lights, and few of them wait for one another.

Two changes (before, after) are the same light to a lane if they let the same of its vehicles go, from the same time on.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from signals.kernels.queues import Bools, Codes, Floats, Ints, Queues

LIGHTS = 16  # told apart of a lane; any others share the last number, and nothing is remembered of it
RED = 0  # the light that lets nobody go
YIELDS, IS_WAITED_FOR = 1, 2
SAME, OPENS, CLOSES = 1, 2, 3  # to a movement; 0: red all the time


class Lights(NamedTuple):
    """Of each change of phase (before x phases + after), filled in as changes are asked for."""

    known: Bools  # [change]
    light: Codes  # [change, lane]
    role: Codes  # [change, lane] whether somebody in it yields, or is waited for, or both
    tied: Bools  # [change] whether some lane has to wait for another
    crowded: Bools  # [change] whether some lane's light is not told apart
    pattern: Ints  # [lane, light] how it serves the lane's movements
    green_s: Floats  # [lane, light] intergreen before it, -1 where nobody waits for its end
    told_apart: Ints  # [lane]
    crossed: Bools  # [lane] somebody stands inside the junction
    turn: Ints  # [vehicle] the movements of each lane, from the place of its first vehicle on
    turns: Ints  # [lane]


@njit(cache=True)
def no_lights(phases: int, queues: Queues) -> Lights:
    """Nothing known yet."""
    lanes, changes, vehicles = queues.start.shape[0], phases * phases, queues.movement.shape[0]
    flags, bytes_, turns = (
        np.zeros((3, changes), dtype=np.bool_),
        np.empty((2, changes, lanes), dtype=np.int8),
        np.zeros(lanes, dtype=np.int64),
    )
    turn, crossed = np.empty(vehicles, dtype=np.int64), np.zeros(lanes, dtype=np.bool_)
    sort_out(queues, crossed, turn, turns)
    return Lights(
        flags[0], bytes_[0], bytes_[1], flags[1], flags[2], np.empty((lanes, LIGHTS), dtype=np.int64), np.empty((lanes, LIGHTS)),
        np.full(lanes, RED + 1), crossed, turn, turns,
    )  # fmt: skip


@njit(cache=True, _nrt=False)
def sort_out(queues: Queues, crossed: Bools, turn: Ints, turns: Ints) -> None:
    """Find the movements that each lane's vehicles take, and whether some of them are past the line."""
    for k in range(queues.start.shape[0]):
        first = queues.start[k]
        for v in range(first, queues.end[k]):
            crossed[k] |= queues.inside[v]
            t = 0
            while t < turns[k] and turn[first + t] != queues.movement[v]:
                t += 1
            if t == turns[k]:
                turn[first + t] = queues.movement[v]
                turns[k] += 1


@njit(cache=True, _nrt=False)
def learn(
    before: int, after: int, phases: int, lights: Lights, serves: Codes, intergreen_s: Floats, yields_to: Codes, queues: Queues,
    settled_s: float,
) -> None:  # fmt: skip
    """Work out one change. After an intergreen of more than `settled_s`, starting up reaches beyond the shortest stretch played."""
    change = before * phases + after
    lights.known[change] = True
    green_s = intergreen_s[before, after] if before != after else -1.0
    was, will = serves[before], serves[after]
    lanes = queues.start.shape[0]
    for k in range(lanes):
        lights.role[change, k] = 0
    for k in range(lanes):
        first, crossed = queues.start[k], lights.crossed[k]
        exact, pattern, waits = green_s > settled_s or crossed, 0, False
        for t in range(first, first + lights.turns[k]):
            m = lights.turn[t]
            seen = (SAME if was[m] > 0 else OPENS) if will[m] > 0 else (CLOSES if was[m] > 0 else 0)
            pattern, waits = 4 * pattern + seen, waits or seen == OPENS
            if crossed or will[m] == 1 or (will[m] == 2 and was[m] == 1):
                waited_for(m, k, change, will, lights, yields_to, queues)
        light = told_apart(k, pattern, green_s if waits or exact else -1.0, lights)
        lights.light[change, k] = light
        lights.crowded[change] |= light == LIGHTS - 1


@njit(cache=True, _nrt=False)
def waited_for(m: int, k: int, change: int, served: Ints, lights: Lights, yields_to: Codes, queues: Queues) -> None:
    """Mark the lanes that send streams which are `served` [movement] after a change and which movement `m` from lane `k` yields to."""
    for other in range(queues.start.shape[0]):
        first = queues.start[other]
        for t in range(first, first + lights.turns[other]):
            if yields_to[m, lights.turn[t]] and served[lights.turn[t]] > 0:
                lights.role[change, k] |= YIELDS
                lights.role[change, other] |= IS_WAITED_FOR
                lights.tied[change] = True


@njit(cache=True, _nrt=False)
def told_apart(k: int, pattern: int, green_s: float, lights: Lights) -> int:
    """The number of a light among those of lane `k`, a new one where it has not been seen."""
    if pattern == 0 and green_s < 0.0:
        return RED
    patterns, greens_s = lights.pattern[k], lights.green_s[k]
    n: int = lights.told_apart[k]
    for c in range(RED + 1, n):
        if patterns[c] == pattern and greens_s[c] == green_s:
            return c
    if n == LIGHTS - 1:
        return n
    patterns[n], greens_s[n] = pattern, green_s
    lights.told_apart[k] = n + 1
    return n
