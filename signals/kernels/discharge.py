"""Discharge: how the queues of a signal's lanes move on while a change of phase and the green after it are played.

Throughout: `serves` [phase, movement], `intergreen_s` [phase, phase], `yields_to` [movement, movement]; `head` and `ready_s` [lane] say
which vehicle of a lane is next and from when it can leave. (Arrays of lanes are handed on one by one: as named tuples they cost time.)
"""

import numpy as np
from numba import njit

from signals.kernels.queues import Codes, Floats, Ints, Queues

GAP_S = 3.0  # in the other stream, for who comes rolling
STANDING_GAP_S = 5.5  # for who has to start from standstill: measured in SUMO, as are the two below
SECOND_S = 1.1  # that the second vehicle of a standing queue takes longer than a saturation headway: the first stands at the line
AMBER_S = 1.05  # before the line at the speed limit, a driver cannot stop any more: half of 13.9 m/s / 4.5 m/s2, less half a step
DELAYED_S = 0.5  # behind others: no longer rolling freely
STOPPED_S = 2.0  # of waiting makes a stop


@njit(cache=True, _nrt=False)
def gap(
    m: int, after: int, t_s: float, gap_s: float, serves: Codes, yields_to: Codes, some: Ints, head: Ints, end: Ints, arrival_s: Floats,
    movement: Ints,
) -> bool:  # fmt: skip
    """Whether no stream of `some` lanes that is served, and that movement `m` yields to, sends its next vehicle within `gap_s`."""
    for k in some:
        h = head[k]
        if h < end[k]:
            foe = movement[h]
            if yields_to[m, foe] and serves[after, foe] > 0 and arrival_s[h] < t_s + gap_s:
                return False
    return True


@njit(cache=True, _nrt=False)
def cannot_stop(h: int, leaves_s: float, t0_s: float, queues: Queues) -> bool:
    """Whether a vehicle that would leave at a time is too close to the line to stop when its light turns yellow at `t0_s`.

    Of who is seen its speed says so; of a later change, whether it comes rolling freely.
    """
    if t0_s == 0.0:
        return bool(queues.passing[h] and leaves_s < 1.0 + DELAYED_S)
    rolls = not queues.standing[h] and queues.arrival_s[h] >= t0_s and leaves_s < queues.arrival_s[h] + DELAYED_S
    return rolls and leaves_s < t0_s + AMBER_S


@njit(cache=True, _nrt=False)
def starting(
    before: int, after: int, green_s: float, t1_s: float, serves: Codes, some: Ints, head: Ints, end: Ints, ready_s: Floats,
    arrival_s: Floats, movement: Ints, startup_s: float, active: Ints,
) -> tuple[int, float]:  # fmt: skip
    """Lanes that can discharge before `t1_s`, put into `active` (how many, when the first can); who waited for green starts up."""
    first_s, n = t1_s, 0
    for k in some:
        h = head[k]
        if h < end[k]:
            if before != after and serves[before, movement[h]] == 0 and arrival_s[h] <= green_s:
                ready_s[k] = max(ready_s[k], green_s + startup_s)
            leaves_s = max(arrival_s[h], ready_s[k])
            if leaves_s < t1_s:
                active[n] = k
                n += 1
                first_s = min(first_s, leaves_s)
    return n, first_s


@njit(cache=True, _nrt=False)
def play(
    before: int, after: int, t0_s: float, t1_s: float, serves: Codes, intergreen_s: Floats, yields_to: Codes, queues: Queues,
    startup_s: float, stop_s: float, some: Ints, head: Ints, ready_s: Floats, paid_s: Floats, active: Ints, gone_at_s: Floats,
) -> None:  # fmt: skip
    """Discharge `some` lanes from `t0_s` to `t1_s` after a change of phase, who yields waiting for gaps in the others of them.

    Moves `head` and `ready_s` [lane] on and adds delay and stops of who left to `paid_s` [lane] [s]. During the intergreen only
    movements served before and after go on. `active` [lane] is room to work in; `gone_at_s` [vehicle] takes when each one left.
    """
    _, end, headway_s, _, arrival_s, movement, standing, _, inside, weight, size = queues
    green_s = t0_s + intergreen_s[before, after]
    n, first_s = starting(before, after, green_s, t1_s, serves, some, head, end, ready_s, arrival_s, movement, startup_s, active)
    t_s = t0_s + np.floor(max(first_s - t0_s, 0.0))
    while n > 0 and t_s < t1_s:
        changing = t_s < green_s
        for a in range(n):
            k = active[a]
            while head[k] < end[k]:
                h = head[k]
                leaves_s = max(arrival_s[h], ready_s[k])
                if leaves_s >= t_s + 1.0:
                    break
                leaves_s = max(leaves_s, t_s)
                m = movement[h]
                code = min(serves[before, m], serves[after, m]) if changing else serves[after, m]
                if inside[h] and code == 0:  # the light is behind it: it waits for the others only
                    code = 1
                elif code == 0 and changing and serves[before, m] > 0 and cannot_stop(h, leaves_s, t0_s, queues):
                    code = 2
                waited_s = leaves_s - arrival_s[h]
                gap_s = GAP_S if waited_s <= DELAYED_S and not standing[h] else STANDING_GAP_S
                if code == 0 or (code == 1 and not gap(m, after, leaves_s, gap_s, serves, yields_to, some, head, end, arrival_s, movement)):
                    break
                paid_s[k] += weight[h] * waited_s
                if waited_s > STOPPED_S and not standing[h]:
                    paid_s[k] += weight[h] * stop_s
                ready_s[k] = leaves_s + headway_s[k] * size[h]
                if before != after and serves[before, m] == 0 and waited_s > 0.0 and leaves_s < green_s + startup_s + 1.0:
                    ready_s[k] += SECOND_S
                head[k] = h + 1
                gone_at_s[h] = leaves_s
        t_s += 1.0


@njit(cache=True, _nrt=False)
def played_alone(
    k: int, h: int, ready_s: float, before: int, after: int, t0_s: float, t1_s: float, serves: Codes, intergreen_s: Floats, queues: Queues,
    startup_s: float, stop_s: float,
) -> tuple[int, float, float]:  # fmt: skip
    """The same for one lane in which nobody has to yield: its next vehicle, from when that can leave, delay and stops of who left [s]."""
    _, ends, headway_s, _, arrival_s, movement, standing, _, inside, weight, size = queues
    green_s, end, paid_s, t_s = t0_s + intergreen_s[before, after], ends[k], 0.0, t0_s
    if before != after and serves[before, movement[h]] == 0 and arrival_s[h] <= green_s:
        ready_s = max(ready_s, green_s + startup_s)
    while h < end:
        leaves_s, m = max(arrival_s[h], ready_s), movement[h]
        if leaves_s >= t_s + 1.0:  # on to the second in which it is due
            t_s = t0_s + np.floor(leaves_s - t0_s)
        if t_s < green_s and not inside[h] and serves[before, m] == 0 and serves[after, m] > 0:
            t_s = max(t_s, t0_s + np.ceil(green_s - t0_s))
        goes = inside[h] or serves[after, m] > 0
        if not goes and t_s < green_s and serves[before, m] > 0:
            goes = cannot_stop(h, max(leaves_s, t_s), t0_s, queues)
        if t_s >= t1_s or not goes:
            break
        leaves_s = max(leaves_s, t_s)
        waited_s = leaves_s - arrival_s[h]
        paid_s += weight[h] * waited_s
        if waited_s > STOPPED_S and not standing[h]:
            paid_s += weight[h] * stop_s
        ready_s = leaves_s + headway_s[k] * size[h]
        if before != after and serves[before, m] == 0 and waited_s > 0.0 and leaves_s < green_s + startup_s + 1.0:
            ready_s += SECOND_S
        h += 1
    return h, ready_s, paid_s
