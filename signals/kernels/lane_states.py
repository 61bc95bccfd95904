"""Lanes one by one: the states that each can be in at the end of an epoch, and what every light makes of them, worked out once.

A sequence of phases is a state per lane. Most sequences share most of their lanes' states, so playing a lane is mostly looking it up.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from signals.kernels.discharge import played_alone
from signals.kernels.lights import LIGHTS
from signals.kernels.outlook import Tariff
from signals.kernels.queues import Codes, Floats, Ints, Queues


class LaneStates(NamedTuple):
    """Room for states; those of one lane at one time are chained from the newest to the oldest."""

    used: Ints  # [1]
    newest: Ints  # [epoch, lane] -1: none
    older: Ints  # [state] -1: none
    head: Ints  # [state] next vehicle of the lane
    ready_s: Floats  # [state] from when it can leave, 0 where that is no matter
    waiting_s: Floats  # [state] what those cost that have arrived by then and not left
    price_s: Floats  # [state, light] of playing on for an epoch: who leaves and who waits at its end; NaN: not known
    paid_s: Floats  # [state, light] of that, for who leaves
    then: Ints  # [state, light] the state that it ends in


class Waiting(NamedTuple):
    """To price who waits: arrivals counted, and running sums over the vehicles."""

    arrived: Ints  # [epoch, lane] the vehicle that comes next at the end of an epoch
    sums: Floats  # [3, vehicle + 1] of weight, of weight x arrival, of the weight of who stands


@njit(cache=True)
def room_for(lanes: int, epochs: int, least: int = 1000) -> LaneStates:
    """Room for signals of up to so many lanes, and for as many states as most of them come to; more is made as it is needed."""
    states = max(lanes, least)
    ints, floats = np.empty((2, states), dtype=np.int64), np.empty((2, states))
    return LaneStates(
        np.zeros(1, dtype=np.int64), np.empty((epochs + 1, lanes), dtype=np.int64), ints[0], ints[1], floats[0], floats[1],
        np.empty((states, LIGHTS)), np.empty((states, LIGHTS)), np.empty((states, LIGHTS), dtype=np.int64),
    )  # fmt: skip


@njit(cache=True)
def with_room(states: LaneStates, more: int) -> LaneStates:
    """The same states, with room for at least so many more."""
    used, newest, older, head, ready_s, waiting, price_s, paid_s, then = states
    n = used[0]
    wide: LaneStates = room_for(newest.shape[1], newest.shape[0] - 1, 2 * n + more)
    wide.older[:n], wide.head[:n], wide.ready_s[:n], wide.waiting_s[:n] = older[:n], head[:n], ready_s[:n], waiting[:n]
    wide.price_s[:n], wide.paid_s[:n], wide.then[:n] = price_s[:n], paid_s[:n], then[:n]
    wide.newest[:], wide.used[0] = newest, n
    return wide


@njit(cache=True, _nrt=False)
def forget(now: Ints, states: LaneStates, waiting: Waiting, queues: Queues, tariff: Tariff) -> None:
    """Begin anew with nothing but how each lane stands, its state put into `now` [lane]."""
    states.used[0] = 0
    for e in range(states.newest.shape[0]):
        for k in range(now.shape[0]):
            states.newest[e, k] = -1
    for k in range(now.shape[0]):
        now[k] = state_of(-1, k, queues.start[k], queues.ready_s[k], states, waiting, queues, tariff)


@njit(cache=True)
def waiting_of(queues: Queues, epochs: int, tariff: Tariff) -> Waiting:
    """Running sums over the vehicles, and how far each lane's arrivals have got at the end of every epoch."""
    n, lanes = queues.arrival_s.shape[0], queues.start.shape[0]
    sums, arrived = np.zeros((3, n + 1)), np.empty((epochs, lanes), dtype=np.int64)
    for i in range(n):
        weight = queues.weight[i]
        sums[0, i + 1] = sums[0, i] + weight
        sums[1, i + 1] = sums[1, i] + weight * queues.arrival_s[i]
        sums[2, i + 1] = sums[2, i] + (weight if queues.standing[i] else 0.0)
    for k in range(lanes):
        a = queues.start[k]
        for e in range(epochs):
            t_s = tariff.first_s + e * tariff.epoch_s
            while a < queues.end[k] and queues.arrival_s[a] < t_s:
                a += 1
            arrived[e, k] = a
    return Waiting(arrived, sums)


@njit(cache=True, _nrt=False)
def waiting_s(e: int, k: int, head: int, waiting: Waiting, tariff: Tariff) -> float:
    """Delay so far of who has arrived and not left, with the charges for being left over and for the queue's square [s]."""
    a, sums, cost_s = waiting.arrived[e, k], waiting.sums, 0.0
    if a > head:
        q = sums[0, a] - sums[0, head]
        t_s = tariff.first_s + e * tariff.epoch_s
        cost_s += q * t_s - (sums[1, a] - sums[1, head]) + tariff.left_s * q + tariff.square_s * q * q
        cost_s += tariff.stop_s * (q - (sums[2, a] - sums[2, head]))
    return cost_s


@njit(cache=True, _nrt=False)
def state_of(e: int, k: int, head: int, ready_s: float, states: LaneStates, waiting: Waiting, queues: Queues, tariff: Tariff) -> int:
    """The number of a state at the end of an epoch (-1: now), a new one where it has not been met."""
    from_s = tariff.first_s + e * tariff.epoch_s if e >= 0 else 0.0
    if head == queues.end[k] or ready_s <= max(from_s, queues.arrival_s[head]):
        ready_s = 0.0  # it is the next vehicle, or the time, that is waited for
    s: int = states.newest[e + 1, k]
    while s >= 0:
        if states.head[s] == head and states.ready_s[s] == ready_s:
            return s
        s = states.older[s]
    s = states.used[0]
    states.used[0] = s + 1
    states.older[s], states.newest[e + 1, k] = states.newest[e + 1, k], s
    states.head[s], states.ready_s[s] = head, ready_s
    states.waiting_s[s] = waiting_s(e, k, head, waiting, tariff) if e >= 0 else 0.0
    for c in range(LIGHTS):
        states.price_s[s, c] = np.nan
    return s


@njit(cache=True, _nrt=False)
def play_on(
    s: int, e: int, k: int, light: int, before: int, after: int, states: LaneStates, serves: Codes, intergreen_s: Floats,
    waiting: Waiting, queues: Queues, tariff: Tariff,
) -> float:  # fmt: skip
    """Play a lane's state through an epoch as if nobody had to yield: the price [s]. Remembered, but for lights not told apart."""
    t1_s = tariff.first_s + e * tariff.epoch_s
    t0_s = t1_s - tariff.epoch_s if e > 0 else 0.0
    head, ready_s, paid_s = played_alone(
        k, states.head[s], states.ready_s[s], before, after, t0_s, t1_s, serves, intergreen_s, queues, tariff.startup_s, tariff.stop_s
    )
    then = state_of(e, k, head, ready_s, states, waiting, queues, tariff)
    states.then[s, light], states.paid_s[s, light] = then, paid_s
    price_s: float = paid_s + states.waiting_s[then]
    if light < LIGHTS - 1:
        states.price_s[s, light] = price_s
    return price_s
