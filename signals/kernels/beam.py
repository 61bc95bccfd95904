"""A beam of sequences of phases: the cheapest few so far, grown epoch by epoch into every phase that may follow.

Prices are those of playing every lane of every sequence; lanes that wait for nobody are looked up, and a sequence is given up as soon as
it is dearer than the dearest that would be kept.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from signals.kernels.discharge import play
from signals.kernels.lane_states import LaneStates, Waiting, play_on, state_of, waiting_s
from signals.kernels.lights import IS_WAITED_FOR, YIELDS, Lights, learn
from signals.kernels.outlook import Tariff
from signals.kernels.queues import Bools, Codes, Floats, Ints, Queues

ROUNDING_S = 1e-6  # prices that differ by less are compared as they were summed


class Beam(NamedTuple):
    """The kept sequences, this epoch's and the next one's by turns [2, sequence, ...]."""

    lanes: Ints  # [2, sequence] how many lanes have vehicles left
    lane: Ints  # [2, sequence, place] which
    state: Ints  # [2, sequence, place] their states
    spent_s: Floats  # [2, sequence] delay and stops of who has left
    green_at_s: Floats  # [2, sequence] when its last phase turned green
    path: Ints  # [2, sequence, epoch] its phases
    price_s: Floats  # [sequence] of the newer ones
    parent: Ints  # [sequence] which of the older ones it goes on from
    after: Ints  # [sequence] into which phase
    tied: Bools  # [sequence] whether lanes waited for one another


class Scratch(NamedTuple):
    """Room to play lanes in that wait for one another."""

    some: Ints  # [lane]
    active: Ints  # [lane]
    head: Ints  # [lane]
    ready_s: Floats  # [lane]
    paid_s: Floats  # [lane]
    gone_at_s: Floats  # [vehicle]


class Site(NamedTuple):
    """What of one signal never changes."""

    phases: int
    min_green_s: Floats  # [phase]
    serves: Codes  # [phase, movement]
    intergreen_s: Floats  # [phase, phase]
    yields_to: Codes  # [movement, movement]


@njit(cache=True)
def empty_beam(width: int, lanes: int, epochs: int) -> Beam:
    """Room for the sequences of one signal."""
    places = np.empty((2, 2, width, lanes), dtype=np.int64)
    return Beam(
        np.zeros((2, width), dtype=np.int64), places[0], places[1], np.empty((2, width)), np.empty((2, width)),
        np.zeros((2, width, epochs), dtype=np.int64), np.empty(width), np.empty(width, dtype=np.int64), np.empty(width, dtype=np.int64),
        np.empty(width, dtype=np.bool_),
    )  # fmt: skip


@njit(cache=True)
def scratch_for(lanes: int, vehicles: int) -> Scratch:
    """Room for so many lanes and vehicles."""
    ints, floats = np.empty((3, lanes), dtype=np.int64), np.empty((2, lanes))
    return Scratch(ints[0], ints[1], ints[2], floats[0], floats[1], np.empty(vehicles))


@njit(cache=True, _nrt=False)
def stand(beam: Beam, state: Ints, green_at_s: float) -> None:
    """Begin with the one sequence of what stands now, a state [lane] each."""
    for k in range(state.shape[0]):
        beam.lane[0, 0, k], beam.state[0, 0, k] = k, state[k]
    beam.lanes[0, 0], beam.spent_s[0, 0], beam.green_at_s[0, 0] = state.shape[0], 0.0, green_at_s


@njit(cache=True, _nrt=False)
def decided(now: int, count: int, over: bool, beam: Beam) -> int:
    """The sequence that is the cheapest of `count` and will be so, whatever follows; -1 where that is open unless it is all `over`.

    It will be when nobody is left in it, and who has left in the others cost as much already.
    """
    best = 0
    for w in range(1, count):
        if beam.price_s[w] < beam.price_s[best]:
            best = w
    if not over:
        if beam.lanes[now, best] > 0:
            return -1
        for w in range(count):
            if beam.spent_s[now, w] < beam.price_s[best]:
                return -1
    return best


@njit(cache=True, _nrt=False)
def dearest(price_s: Floats, width: int) -> int:
    """The place of the highest of so many prices."""
    found = 0
    for w in range(1, width):
        if price_s[w] > price_s[found]:
            found = w
    return found


@njit(cache=True, _nrt=False)
def tied_price_s(
    e: int, b: int, now: int, before: int, after: int, beam: Beam, scratch: Scratch, lights: Lights, states: LaneStates, site: Site,
    waiting: Waiting, queues: Queues, tariff: Tariff,
) -> float:  # fmt: skip
    """What a sequence costs if its lanes wait for one another in an epoch, played into `scratch`; -1 where no two of them meet [s]."""
    change = before * site.phases + after
    n, yielding, foes = 0, 0, 0
    for j in range(beam.lanes[now, b]):
        k = beam.lane[now, b, j]
        role = lights.role[change, k]
        if role:
            s = beam.state[now, b, j]
            scratch.some[n], scratch.head[k], scratch.ready_s[k], scratch.paid_s[k] = k, states.head[s], states.ready_s[s], 0.0
            n, yielding, foes = n + 1, yielding + (role & YIELDS), foes + (role & IS_WAITED_FOR)
    if yielding == 0 or foes == 0:
        return -1.0
    t1_s = tariff.first_s + e * tariff.epoch_s
    t0_s = t1_s - tariff.epoch_s if e > 0 else 0.0
    play(
        before, after, t0_s, t1_s, site.serves, site.intergreen_s, site.yields_to, queues, tariff.startup_s, tariff.stop_s,
        scratch.some[:n], scratch.head, scratch.ready_s, scratch.paid_s, scratch.active, scratch.gone_at_s,
    )  # fmt: skip
    total_s: float = beam.spent_s[now, b]
    for j in range(beam.lanes[now, b]):
        k = beam.lane[now, b, j]
        if lights.role[change, k] & YIELDS:
            total_s += scratch.paid_s[k] + waiting_s(e, k, scratch.head[k], waiting, tariff)
        else:  # as `price_of` has just noted
            s, light = beam.state[now, b, j], lights.light[change, k]
            total_s += states.paid_s[s, light] + states.waiting_s[states.then[s, light]]
    return total_s


@njit(cache=True, _nrt=False)
def keep(
    slot: int, e: int, b: int, now: int, before: int, after: int, tied: bool, beam: Beam, scratch: Scratch, lights: Lights,
    states: LaneStates, site: Site, waiting: Waiting, queues: Queues, tariff: Tariff,
) -> None:  # fmt: skip
    """Put a sequence's continuation into a place among the newer ones."""
    nxt, change, n, spent_s = 1 - now, before * site.phases + after, 0, beam.spent_s[now, b]
    lane, state, lane_next, state_next = beam.lane[now, b], beam.state[now, b], beam.lane[nxt, slot], beam.state[nxt, slot]
    t0_s = tariff.first_s + (e - 1) * tariff.epoch_s if e > 0 else 0.0
    for j in range(beam.lanes[now, b]):
        k, s = lane[j], state[j]
        light = lights.light[change, k]
        if tied and lights.role[change, k] & YIELDS:
            spent_s += scratch.paid_s[k]
            then = state_of(e, k, scratch.head[k], scratch.ready_s[k], states, waiting, queues, tariff)
        else:
            spent_s += states.paid_s[s, light]
            then = states.then[s, light]
        if states.head[then] < queues.end[k]:
            lane_next[n], state_next[n] = k, then
            n += 1
    beam.lanes[nxt, slot], beam.spent_s[nxt, slot] = n, spent_s
    beam.green_at_s[nxt, slot] = beam.green_at_s[now, b] if before == after else t0_s + site.intergreen_s[before, after]
    for i in range(e):
        beam.path[nxt, slot, i] = beam.path[now, b, i]
    beam.path[nxt, slot, e] = after


@njit(cache=True, _nrt=False)
def price_of(
    e: int, b: int, now: int, before: int, after: int, enough_s: float, beam: Beam, lights: Lights, states: LaneStates, site: Site,
    waiting: Waiting, queues: Queues, tariff: Tariff,
) -> float:  # fmt: skip
    """What a sequence costs that goes on into a phase if no lane waits for another; given up where it comes to more than enough [s]."""
    price_s = states.price_s
    total_s: float = beam.spent_s[now, b]
    lane, state, lights_now = beam.lane[now, b], beam.state[now, b], lights.light[before * site.phases + after]
    for j in range(beam.lanes[now, b]):
        k, s = lane[j], state[j]
        lane_s = price_s[s, lights_now[k]]
        if np.isnan(lane_s):
            lane_s = play_on(s, e, k, lights_now[k], before, after, states, site.serves, site.intergreen_s, waiting, queues, tariff)
        total_s += lane_s
        if total_s > enough_s:
            break
    return total_s


@njit(cache=True, _nrt=False)
def grow(
    e: int, now: int, count: int, phase: int, only: int, width: int, useful: Bools, beam: Beam, scratch: Scratch, lights: Lights,
    states: LaneStates, site: Site, waiting: Waiting, queues: Queues, tariff: Tariff,
) -> int:  # fmt: skip
    """Grow `count` sequences by an epoch, at its start into the phase `only`, later into any useful one; how many are kept."""
    found, worst, enough_s = 0, 0, np.inf
    t0_s = tariff.first_s + (e - 1) * tariff.epoch_s
    settled_s = min(tariff.first_s, tariff.epoch_s) - tariff.startup_s
    for b in range(count):
        before = beam.path[now, b, e - 1] if e > 0 else phase
        held = t0_s - beam.green_at_s[now, b] < site.min_green_s[before]
        for q in range(site.phases):
            if (e == 0 and q != only) or (e > 0 and q != before and (held or not useful[q])):
                continue
            change = before * site.phases + q
            if not lights.known[change]:
                learn(before, q, site.phases, lights, site.serves, site.intergreen_s, site.yields_to, queues, settled_s)
            total_s = price_of(e, b, now, before, q, enough_s, beam, lights, states, site, waiting, queues, tariff)
            if total_s > enough_s:
                continue
            tied_s = -1.0
            if lights.tied[change]:
                tied_s = tied_price_s(e, b, now, before, q, beam, scratch, lights, states, site, waiting, queues, tariff)
                total_s = tied_s if tied_s >= 0.0 else total_s
            if found < width or total_s < beam.price_s[worst]:
                place = found if found < width else worst
                beam.price_s[place], beam.parent[place], beam.after[place], beam.tied[place] = total_s, b, q, tied_s >= 0.0
                found = max(found, place + 1)
                if found == width:
                    worst = dearest(beam.price_s, width)
                    enough_s = beam.price_s[worst] + ROUNDING_S
    for w in range(found):
        b = beam.parent[w]
        before = beam.path[now, b, e - 1] if e > 0 else phase
        if lights.crowded[before * site.phases + beam.after[w]]:  # another change may have been noted in its place
            price_of(e, b, now, before, beam.after[w], np.inf, beam, lights, states, site, waiting, queues, tariff)
        if beam.tied[w]:
            tied_price_s(e, b, now, before, beam.after[w], beam, scratch, lights, states, site, waiting, queues, tariff)
        keep(w, e, b, now, before, beam.after[w], beam.tied[w], beam, scratch, lights, states, site, waiting, queues, tariff)
    return found
