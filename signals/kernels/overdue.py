"""Who waits at red with a call, in which order they should be served, and where that can no longer be put off."""

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]


@njit(cache=True)
def best_phase(movement: int, red_s: Floats, serves: Codes) -> int:
    """The phase that serves a movement best: a protected one, then the one that helps most of those who wait; -1 if none.

    `red_s` [movement] of one signal, 0 where nobody waits; `serves` [phase, movement].
    """
    best, best_rank = -1, -1
    for p in range(serves.shape[0]):
        if serves[p, movement] > 0:
            helped = 0
            for m in range(red_s.size):
                helped += red_s[m] > 0.0 and serves[p, m] > 0
            rank = serves[p, movement] * (red_s.size + 1) + helped
            if rank > best_rank:
                best, best_rank = p, rank
    return best


@njit(cache=True, nogil=True)
def rescue_order(phase: Ints, called_red_s: Floats, serves: Codes, phases: Ints, movement_start: Ints) -> tuple[Ints, Floats]:
    """Phases that serve all who wait, longest red first, and the red that asks for each [s]; both [signal, phase].

    -1 at the end. `called_red_s` [movement]: red so far of a movement with a call, 0 without one, infinite where unknown.
    """
    order = np.full((serves.shape[0], serves.shape[1]), -1, dtype=np.int64)
    asking_s = np.zeros((serves.shape[0], serves.shape[1]))
    for i in range(serves.shape[0]):
        first = movement_start[i]
        movements = movement_start[i + 1] - first
        served = serves[i, : phases[i], :movements]
        red_s = called_red_s[first : first + movements].copy()
        for m in range(movements):
            if served[phase[i], m] > 0 or served[:, m].max() == 0:
                red_s[m] = 0.0
        for k in range(phases[i]):
            worst = np.argmax(red_s)
            if red_s[worst] <= 0.0:
                break
            order[i, k] = best_phase(worst, red_s, served)
            asking_s[i, k] = red_s[worst]
            for m in range(movements):
                if served[order[i, k], m] > 0:
                    red_s[m] = 0.0
    return order, asking_s


@njit(cache=True, nogil=True)
def forced_phases(
    order: Ints,
    asking_s: Floats,
    phase: Ints,
    age_s: Floats,
    intergreen_s: Floats,
    min_green_s: Floats,
    commit_s: Floats,
    max_green_s: Floats,
    max_red_s: Floats,
) -> Ints:
    """The phase that cannot be put off [signal], or -1: its red, or the running green, would pass its maximum.

    Put off means that the longest decision is carried out first, `commit_s` [signal]; then all who wait are served in
    turn, each for the minimum green.
    """
    forced = np.full(phase.size, -1, dtype=np.int64)
    for i in range(phase.size):
        if order[i, 0] < 0:
            continue
        late = not age_s[i] <= max_green_s[i]
        at_s = commit_s[i]
        before = phase[i]
        for k in range(order.shape[1]):
            p = order[i, k]
            if p < 0:
                break
            at_s += intergreen_s[i, before, p]
            if not asking_s[i, k] + at_s <= max_red_s[i]:
                late = True
            at_s += min_green_s[i, p]
            before = p
        if late:
            forced[i] = order[i, 0]
    return forced
