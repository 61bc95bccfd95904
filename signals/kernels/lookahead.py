"""Lookahead for single signals: play the queues forward for every next phase and price what follows.

Vehicles stand in one queue a lane, each with the movement it will take. Sequences of phases are grown epoch by epoch (`beam`), the best
few of every first choice are kept, so each possible next phase gets a price. `lane_states` remembers what becomes of each lane.

Throughout: `serves` [phase, movement], `intergreen_s` [phase, phase], `yields_to` [movement, movement].
"""

import numpy as np
from numba import njit

from signals.kernels.beam import Site, decided, empty_beam, grow, scratch_for, stand
from signals.kernels.discharge import play
from signals.kernels.lane_states import LaneStates, forget, room_for, waiting_of, with_room
from signals.kernels.lights import no_lights
from signals.kernels.neighbours import Coming, Ways, nobody, released
from signals.kernels.outlook import City, Outlook, Seen, Tariff
from signals.kernels.queues import Bools, Codes, Floats, Ints, Queues, arrival_times_s, expected, expected_before, present, queues_of

ACCELERATION_MPS2 = 2.6
SETTLED_S = 4.0  # of green, after which who still stands at the line is held up by something else


@njit(cache=True)
def useful_phases(phases: int, serves: Codes, movement: Ints) -> Bools:
    """Phases worth growing into [phase]: no other serves every movement with a vehicle at least as well (of equals, the first)."""
    present = np.zeros(serves.shape[1], dtype=np.bool_)
    for v in range(movement.shape[0]):
        present[movement[v]] = True
    useful, some = np.ones(phases, dtype=np.bool_), np.flatnonzero(present)
    for q in range(phases):
        for r in range(phases):
            if r != q and useful[r] and useful[q]:
                useful[q] = not outdone(serves[q], serves[r], some, r < q)
    return useful


@njit(cache=True, _nrt=False)
def outdone(serves: Codes, other: Ints, some: Ints, first: bool) -> bool:
    """Whether another phase serves each of `some` movements at least as well [movement], and comes `first` or serves one better."""
    better = first
    for m in some:
        if other[m] < serves[m]:
            return False
        better = better or other[m] > serves[m]
    return better


@njit(cache=True)
def phase_costs_s(phase: int, age_s: float, site: Site, queues: Queues, states: LaneStates, tariff: Tariff) -> tuple[Floats, Ints]:
    """Price of choosing each phase next, then going on as well as a beam of sequences finds [phase]; NaN where not allowed [s].

    And the sequence of phases found after each first choice [phase, epoch]. `states` is room to work in.
    """
    queues = present(queues)
    epochs = tariff.epochs if queues.arrival_s.shape[0] > 0 else 1  # nobody comes: nothing to grow for
    out, found_path = np.full(site.phases, np.nan), np.zeros((site.phases, epochs), dtype=np.int64)
    lanes, vehicles = queues.start.shape[0], queues.arrival_s.shape[0]
    useful, lights = useful_phases(site.phases, site.serves, queues.movement), no_lights(site.phases, queues)
    waiting, beam, scratch = waiting_of(queues, epochs, tariff), empty_beam(tariff.width, lanes, epochs), scratch_for(lanes, vehicles)
    now = np.empty(lanes, dtype=np.int64)
    forget(now, states, waiting, queues, tariff)
    for first in range(site.phases):
        if first != phase and not age_s >= site.min_green_s[phase]:  # of an unknown age it may not change
            continue
        stand(beam, now, -age_s)
        count, best, e = 1, -1, 0
        while best < 0:
            width = 1 if e == epochs - 1 else tariff.width
            new = lanes * (count * site.phases + width)  # states at most that an epoch brings
            if states.used[0] + new > states.head.shape[0]:
                states = with_room(states, new)
            count = grow(e, e % 2, count, phase, first, width, useful, beam, scratch, lights, states, site, waiting, queues, tariff)
            e += 1
            best = decided(e % 2, count, e == epochs, beam)
        out[first], found_path[first, :e] = beam.price_s[best], beam.path[e % 2, best, :e]
        found_path[first, e:] = found_path[first, e - 1]
    return out, found_path


@njit(cache=True)
def departures_s(path: Ints, phase: int, serves: Codes, intergreen_s: Floats, yields_to: Codes, queues: Queues, tariff: Tariff) -> Floats:
    """When each vehicle leaves if the phases follow one another as in `path` [epoch]; infinite: not before the horizon [vehicle] [s]."""
    gone_at_s, lanes = np.full(queues.arrival_s.shape[0], np.inf), queues.start.shape[0]
    head, ready_s, paid_s = queues.start.copy(), queues.ready_s.copy(), np.zeros(lanes)
    every, active = np.arange(lanes), np.zeros(lanes, dtype=np.int64)
    before, t_s = phase, 0.0
    for e in range(path.shape[0]):
        until_s = tariff.first_s + e * tariff.epoch_s
        play(
            before, path[e], t_s, until_s, serves, intergreen_s, yields_to, queues, tariff.startup_s, tariff.stop_s, every, head, ready_s,
            paid_s, active, gone_at_s,
        )  # fmt: skip
        before, t_s = path[e], until_s
    return gone_at_s


@njit(cache=True)
def signal_costs(
    i: int, city: City, now: Seen, arrive_s: Floats, seen: slice, flow_veh_h: Floats, coming: Coming, rules: Outlook, tariff: Tariff,
    states: LaneStates,
) -> tuple[Floats, Ints, Queues]:  # fmt: skip
    """`phase_costs_s` of one signal, and the queues that it was played with."""
    lanes, movements = slice(city.lane_start[i], city.lane_start[i + 1]), slice(city.movement_start[i], city.movement_start[i + 1])
    phase, serves = now.phase[i], city.serves[i]
    protected = serves[phase] == 2 if now.age_s[i] >= SETTLED_S else np.zeros(serves.shape[1], dtype=np.bool_)
    movement = now.movement[seen] - city.movement_start[i]
    queues = queues_of(
        now.lane[seen] - city.lane_start[i], movement, arrive_s[seen], now.distance_m[seen],
        now.speed_mps[seen], protected, now.exit_full[movements], now.wait_s[movements], city.headway_s[lanes], flow_veh_h[lanes],
        city.sensed_m[lanes] / city.speed_mps[lanes], rules.horizon_s, rules.blocked_s, rules.expected_weight, rules.patience_s,
        coming, city.lane_start[i],
    )  # fmt: skip
    site = Site(city.phases[i], city.min_green_s[i], serves, city.intergreen_s[i], city.yields_to[i])
    costs_s, paths = phase_costs_s(phase, now.age_s[i], site, queues, states, tariff)
    for p in range(costs_s.shape[0]):
        if p != phase:
            costs_s[p] += rules.trapped_s * max(trapped(serves[p], city.yields_to[i], movement, now.distance_m[seen]) - 1, 0)
    return costs_s, paths, queues


@njit(cache=True)
def trapped(serves: Codes, yields_to: Codes, movement: Ints, distance_m: Floats) -> int:
    """Vehicles inside the junction that are not out of it yet, and whose way crosses that of others whom a phase serves [movement].

    Who goes straight on may be held up there as well, behind somebody who turns: then each waits for the other, and nobody gets out.
    """
    count = 0
    for v in range(movement.shape[0]):
        m = movement[v]
        if distance_m[v] < 0.0 and serves[m] < 2:
            for foe in range(serves.shape[0]):
                if (yields_to[m, foe] or yields_to[foe, m]) and serves[foe] > 0:
                    count += 1
                    break
    return count


@njit(cache=True, nogil=True)
def trapped_by_phase(city: City, phase: Ints, lane: Ints, movement: Ints, distance_m: Floats) -> Ints:
    """`trapped` of every phase that might follow [signal, phase]; the running one leaves nobody."""
    found = np.zeros((city.phases.shape[0], city.serves.shape[1]), dtype=np.int64)
    start = np.searchsorted(lane, city.lane_start)
    for i in range(city.phases.shape[0]):
        seen = slice(start[i], start[i + 1])
        for p in range(city.phases[i]):
            if p != phase[i]:
                found[i, p] = trapped(city.serves[i, p], city.yields_to[i], movement[seen] - city.movement_start[i], distance_m[seen])
    return found


@njit(cache=True)
def idle(i: int, city: City, seen: slice, flow_veh_h: Floats, coming: Coming, until_s: float) -> bool:
    """Whether nobody is near a signal, and nobody is expected before a time."""
    first, last = city.lane_start[i], city.lane_start[i + 1]
    if seen.start < seen.stop or coming.start[last] > coming.start[first]:
        return False
    return not expected_before(until_s, city.sensed_m[first:last] / city.speed_mps[first:last], flow_veh_h[first:last])


@njit(cache=True)
def widest(city: City) -> int:
    """Lanes of the signal that has most."""
    lanes = 0
    for i in range(city.phases.shape[0]):
        lanes = max(lanes, city.lane_start[i + 1] - city.lane_start[i])
    return lanes


@njit(cache=True)
def releases(
    city: City, now: Seen, start: Ints, arrive_s: Floats, flow_veh_h: Floats, ways: Ways, rules: Outlook, tariff: Tariff, states: LaneStates
) -> Coming:
    """Who reaches each lane from the neighbours within the horizon, if every signal does what looks best to it alone."""
    lanes = city.speed_mps.shape[0]
    alone = nobody(lanes)
    room = now.lane.shape[0] + expected(flow_veh_h, rules.horizon_s)
    by, at_s, weight, n = np.zeros(room, dtype=np.int64), np.zeros(room), np.zeros(room), 0
    for i in range(city.phases.shape[0]):
        seen = slice(start[i], start[i + 1])
        if not idle(i, city, seen, flow_veh_h, alone, tariff.first_s):
            costs_s, paths, queues = signal_costs(i, city, now, arrive_s, seen, flow_veh_h, alone, rules, tariff, states)
            best = now.phase[i]
            for p in range(city.phases[i]):
                if costs_s[p] < costs_s[best]:
                    best = p
            last = n + queues.movement.shape[0]
            by[n:last] = queues.movement + city.movement_start[i]
            at_s[n:last] = departures_s(paths[best], now.phase[i], city.serves[i], city.intergreen_s[i], city.yields_to[i], queues, tariff)
            weight[n:last] = queues.weight
            n = last
    coming: Coming = released(by[:n], at_s[:n], weight[:n], ways, lanes, rules.horizon_s)
    return coming


@njit(cache=True, nogil=True)
def network_costs(
    first: int, last: int, city: City, now: Seen, flow_veh_h: Floats, relayed_flow_veh_h: Floats, ways: Ways, rules: Outlook, tariff: Tariff
) -> Floats:  # fmt: skip
    """`phase_costs_s` of the signals from `first` to `last` - 1 [signal, phase], NaN where a phase may not be chosen now, all 0 where
    nobody comes.

    `flow_veh_h` [lane, movement of the signal]: flow expected from beyond the sensed range, laid out as evenly spaced vehicles. Where
    there are `ways`, plans are made twice: the second time with what the neighbours' first plans release, and `relayed_flow_veh_h`.
    """
    out = np.full((last - first, city.serves.shape[1]), np.nan)
    everybody = ways.lane.shape[0] > 0
    start = np.searchsorted(now.lane, city.lane_start if everybody else city.lane_start[first : last + 1])
    arrive_s, near = np.empty(now.lane.shape[0]), slice(start[0], start[-1])
    arrive_s[near] = arrival_times_s(now.distance_m[near], now.speed_mps[near], city.speed_mps[now.lane[near]], ACCELERATION_MPS2)
    coming, states = nobody(city.speed_mps.shape[0]), room_for(widest(city), tariff.epochs)
    if everybody:
        coming = releases(city, now, start, arrive_s, flow_veh_h, ways, rules, tariff, states)
        flow_veh_h, start = relayed_flow_veh_h, start[first:]
    for i in range(first, last):
        if now.age_s[i] < 0.0:
            continue
        seen = slice(start[i - first], start[i - first + 1])
        if idle(i, city, seen, flow_veh_h, coming, tariff.first_s):
            for p in range(city.phases[i]):  # nobody comes before the next decision: every phase is as good, and the lights may rest
                if p == now.phase[i] or now.age_s[i] >= city.min_green_s[i, now.phase[i]]:
                    out[i - first, p] = 0.0
            continue
        costs_s, _, _ = signal_costs(i, city, now, arrive_s, seen, flow_veh_h, coming, rules, tariff, states)
        out[i - first, : city.phases[i]] = costs_s
    return out
