"""What the lamps of every movement show, second by second, as numbers that the twin's traffic obeys."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False
import numpy as np
from numba import njit

CLOSED, PERMISSIVE, PROTECTED, AMBER, GONE_AMBER = 0, 1, 2, 3, 4
"""AMBER is the first second of yellow, in which who is too close to stop drives on; GONE_AMBER the rest of it."""


@njit(cache=True)
def towards(wanted, seconds, phase, before, age_s, min_green_s, serves, intergreen_s, movement_start):
    """Aspects [second, movement] on the way to the wanted phases [signal]; moves `phase`, `before` and `age_s` [signal] on.

    A signal leaves its phase at once, if that has been green for its minimum; an age under 0 is the time until `phase` turns green.
    In an intergreen those who lose their green see yellow, the others what they saw before.
    """
    lights = np.zeros((seconds, movement_start[-1]), dtype=np.int64)
    for i in range(phase.shape[0]):
        now, first = phase[i], movement_start[i]
        if wanted[i] != now and age_s[i] >= min_green_s[i, now]:
            before[i], phase[i], age_s[i] = now, wanted[i], -intergreen_s[i, now, wanted[i]]
        for t in range(seconds):
            changing = age_s[i] < 0.0
            begins = age_s[i] == -intergreen_s[i, before[i], phase[i]]
            for m in range(movement_start[i + 1] - first):
                shown = serves[i, before[i] if changing else phase[i], m]
                if changing and shown != CLOSED and serves[i, phase[i], m] == CLOSED:
                    shown = AMBER if begins else GONE_AMBER
                lights[t, first + m] = shown
            age_s[i] += 1.0
    return lights


@njit(cache=True)
def remember_green(lights, from_s, green_s):
    """Note the end of the last second in which each movement was green, of lights [second, movement], in `green_s` [movement]."""
    for t in range(lights.shape[0]):
        for m in range(lights.shape[1]):
            if lights[t, m] == PERMISSIVE or lights[t, m] == PROTECTED:
                green_s[m] = from_s + t + 1.0
