"""Lookahead for single signals: play the queues forward for every next phase and price what follows.

Vehicles stand in one queue a lane, each with the movement it will take. A state is where each lane's queue has got to; sequences of
phases are grown epoch by epoch, the best few of every first choice are kept, so each possible next phase gets a price.

Throughout: `head` and `ready_s` [lane] say which vehicle of a lane is next and from when it can leave, `end` [lane] where its vehicles
end; `serves` [phase, movement], `intergreen_s` [phase, phase], `yields_to` [movement, movement], `min_green_s` [phase]. (Arrays are handed
on one by one: as named tuples they cost twice the time.)
"""

import numpy as np
from numba import njit

from signals.kernels.neighbours import Coming, Ways, nobody, released
from signals.kernels.outlook import City, Outlook, Seen, Tariff
from signals.kernels.queues import Bools, Floats, Ints, Queues, arrival_times_s, expected, expected_before, queues_of

GAP_S = 3.0
STOPPED_S = 2.0  # of waiting makes a stop
ACCELERATION_MPS2 = 2.6
SETTLED_S = 4.0  # of green, after which who still stands at the line is held up by something else


@njit(cache=True)
def gap(
    m: int, t_s: float, serves: Ints, yields_to: Ints, head: Ints, end: Ints, ready_s: Floats, arrival_s: Floats, movement: Ints
) -> bool:  # fmt: skip
    """Whether no stream that is served [movement] and that movement `m` yields to sends its next vehicle within `GAP_S`."""
    for k in range(head.shape[0]):
        h = head[k]
        if h < end[k]:
            foe = movement[h]
            if yields_to[m, foe] and serves[foe] > 0 and arrival_s[h] < t_s + GAP_S:
                return False
    return True


@njit(cache=True)
def starting(
    before: int, after: int, green_s: float, t1_s: float, serves: Ints, head: Ints, end: Ints, ready_s: Floats,
    arrival_s: Floats, movement: Ints, startup_s: float, active: Ints,
) -> tuple[int, float]:  # fmt: skip
    """Lanes that can discharge before `t1_s`, put into `active` (how many, when the first can); who waited for green starts up."""
    first_s, n = t1_s, 0
    for k in range(head.shape[0]):
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


@njit(cache=True)
def play(
    before: int, after: int, t0_s: float, t1_s: float, serves: Ints, intergreen_s: Floats, yields_to: Ints, head: Ints, end: Ints,
    ready_s: Floats, headway_s: Floats, arrival_s: Floats, movement: Ints, standing: Bools, inside: Bools, weight: Floats, size: Floats,
    startup_s: float, stop_s: float, active: Ints, gone_at_s: Floats,
) -> float:  # fmt: skip
    """Discharge from `t0_s` to `t1_s` after a change of phase; moves `head` and `ready_s` on, returns delay and stops of who left [s].

    During the intergreen only movements served before and after go on. `active` [lane] is room to work in;
    `gone_at_s` [vehicle] takes when each one left.
    """
    cost_s = 0.0
    green_s = t0_s + intergreen_s[before, after]
    n, first_s = starting(before, after, green_s, t1_s, serves, head, end, ready_s, arrival_s, movement, startup_s, active)
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
                if code == 0 or (code == 1 and not gap(m, leaves_s, serves[after], yields_to, head, end, ready_s, arrival_s, movement)):
                    break
                waited_s = leaves_s - arrival_s[h]
                cost_s += weight[h] * waited_s
                if waited_s > STOPPED_S and not standing[h]:
                    cost_s += weight[h] * stop_s
                ready_s[k] = leaves_s + headway_s[k] * size[h]
                head[k] = h + 1
                gone_at_s[h] = leaves_s
        t_s += 1.0
    return cost_s


@njit(cache=True)
def waiting_cost_s(t_s: float, head: Ints, arrived: Ints, sums: Floats, left_s: float, square_s: float, stop_s: float) -> float:
    """Delay so far of who has arrived and not left, with the charges for being left over and for the queue's square [s].

    `sums` [3, vehicle + 1] as `sums_of` makes them.
    """
    cost_s = 0.0
    for k in range(head.shape[0]):
        a, h = arrived[k], head[k]
        if a > h:
            q = sums[0, a] - sums[0, h]
            cost_s += q * t_s - (sums[1, a] - sums[1, h]) + left_s * q + square_s * q * q
            cost_s += stop_s * (q - (sums[2, a] - sums[2, h]))
    return cost_s


@njit(cache=True)
def sums_of(arrival_s: Floats, weight: Floats, standing: Bools) -> Floats:
    """Running sums over the vehicles [3, vehicle + 1]: of weight, of weight x arrival, of the weight of who stands."""
    n = arrival_s.shape[0]
    sums = np.zeros((3, n + 1))
    for i in range(n):
        sums[0, i + 1] = sums[0, i] + weight[i]
        sums[1, i + 1] = sums[1, i] + weight[i] * arrival_s[i]
        sums[2, i + 1] = sums[2, i] + (weight[i] if standing[i] else 0.0)
    return sums


@njit(cache=True)
def arrived_by(start: Ints, end: Ints, arrival_s: Floats, first_s: float, epoch_s: float, epochs: int) -> Ints:
    """How far each lane's arrivals have got at the end of every epoch [epoch, lane]."""
    arrived = np.zeros((epochs, start.shape[0]), dtype=np.int64)
    for e in range(epochs):
        t_s = first_s + e * epoch_s
        for k in range(start.shape[0]):
            a = arrived[e - 1, k] if e > 0 else start[k]
            while a < end[k] and arrival_s[a] < t_s:
                a += 1
            arrived[e, k] = a
    return arrived


@njit(cache=True)
def useful_phases(phases: int, serves: Ints, movement: Ints) -> Bools:
    """Phases worth growing into [phase]: no other serves every movement with a vehicle at least as well (of equals, the first)."""
    width = serves.shape[1]
    present = np.zeros(width, dtype=np.bool_)
    for v in range(movement.shape[0]):
        present[movement[v]] = True
    useful = np.ones(phases, dtype=np.bool_)
    for q in range(phases):
        for r in range(phases):
            if r != q and useful[r] and useful[q]:
                covered, better = True, False
                for m in range(width):
                    if present[m]:
                        covered = covered and serves[r, m] >= serves[q, m]
                        better = better or serves[r, m] > serves[q, m]
                useful[q] = not (covered and (better or r < q))
    return useful


@njit(cache=True)
def slot_for(price_s: Floats, found: int, total_s: float) -> int:
    """Where a sequence of this price goes: a free place, the place of the dearest one if it is cheaper, or -1."""
    if found < price_s.shape[0]:
        return found
    dearest = 0
    for w in range(1, price_s.shape[0]):
        if price_s[w] > price_s[dearest]:
            dearest = w
    return dearest if total_s < price_s[dearest] else -1


@njit(cache=True)
def phase_costs_s(
    phase: int, age_s: float, phases: int, min_green_s: Floats, serves: Ints, intergreen_s: Floats, yields_to: Ints,
    start: Ints, end: Ints, ready0_s: Floats, headway_s: Floats, arrival_s: Floats, movement: Ints, standing: Bools, inside: Bools,
    weight: Floats, size: Floats,
    tariff: Tariff,
) -> tuple[Floats, Ints]:  # fmt: skip
    """Price of choosing each phase next, then going on as well as a beam of sequences finds [phase]; NaN where not allowed [s].

    And the sequence of phases found after each first choice [phase, epoch].
    """
    out = np.full(phases, np.nan)
    startup_s, stop_s, left_s, square_s, first_s, epoch_s, epochs, width = tariff
    epochs = epochs if arrival_s.shape[0] > 0 else 1  # nobody comes: nothing to grow for
    lanes = start.shape[0]
    sums, useful = sums_of(arrival_s, weight, standing), useful_phases(phases, serves, movement)
    arrived = arrived_by(start, end, arrival_s, first_s, epoch_s, epochs)
    # The kept sequences, this epoch's and the next one's by turns [2, sequence, ...].
    head, ready_s = np.zeros((2, width, lanes), dtype=np.int64), np.zeros((2, width, lanes))
    spent_s, green_at_s, at = np.zeros((2, width)), np.zeros((2, width)), np.zeros((2, width), dtype=np.int64)
    price_s, active, gone_at_s = np.zeros(width), np.zeros(lanes, dtype=np.int64), np.zeros(arrival_s.shape[0])
    path, found_path = np.zeros((2, width, epochs), dtype=np.int64), np.zeros((phases, epochs), dtype=np.int64)
    new_head, new_ready_s = np.zeros(lanes, dtype=np.int64), np.zeros(lanes)
    for first in range(phases):
        if first != phase and not age_s >= min_green_s[phase]:  # of an unknown age it may not change
            continue
        for k in range(lanes):
            head[0, 0, k], ready_s[0, 0, k] = start[k], ready0_s[k]
        spent_s[0, 0] = play(
            phase, first, 0.0, first_s, serves, intergreen_s, yields_to, head[0, 0], end, ready_s[0, 0], headway_s,
            arrival_s, movement, standing, inside, weight, size, startup_s, stop_s, active, gone_at_s,
        )  # fmt: skip
        path[0, 0, 0] = first
        at[0, 0], green_at_s[0, 0] = first, (-age_s if first == phase else intergreen_s[phase, first])
        price_s[0] = spent_s[0, 0] + waiting_cost_s(first_s, head[0, 0], arrived[0], sums, left_s, square_s, stop_s)
        count, now = 1, 0
        for e in range(1, epochs):
            t0_s, nxt, found = first_s + (e - 1) * epoch_s, 1 - now, 0
            for b in range(count):
                before = at[now, b]
                held = t0_s - green_at_s[now, b] < min_green_s[before]
                for q in range(phases):
                    if q != before and (held or not useful[q]):
                        continue
                    for k in range(lanes):
                        new_head[k], new_ready_s[k] = head[now, b, k], ready_s[now, b, k]
                    gone_s = spent_s[now, b] + play(
                        before, q, t0_s, t0_s + epoch_s, serves, intergreen_s, yields_to, new_head, end, new_ready_s, headway_s,
                        arrival_s, movement, standing, inside, weight, size, startup_s, stop_s, active, gone_at_s,
                    )  # fmt: skip
                    total_s = gone_s + waiting_cost_s(t0_s + epoch_s, new_head, arrived[e], sums, left_s, square_s, stop_s)
                    slot = slot_for(price_s, found, total_s)
                    if slot >= 0:
                        found = max(found, slot + 1)
                        price_s[slot], spent_s[nxt, slot], at[nxt, slot] = total_s, gone_s, q
                        green_at_s[nxt, slot] = green_at_s[now, b] if q == before else t0_s + intergreen_s[before, q]
                        for k in range(lanes):
                            head[nxt, slot, k], ready_s[nxt, slot, k] = new_head[k], new_ready_s[k]
                        path[nxt, slot, :e] = path[now, b, :e]
                        path[nxt, slot, e] = q
            count, now = found, nxt
        best = price_s[:count].argmin()
        out[first], found_path[first] = price_s[best], path[now, best]
    return out, found_path


@njit(cache=True)
def departures_s(path: Ints, phase: int, serves: Ints, intergreen_s: Floats, yields_to: Ints, queues: Queues, tariff: Tariff) -> Floats:
    """When each vehicle leaves if the phases follow one another as in `path` [epoch]; infinite: not before the horizon [vehicle] [s]."""
    gone_at_s = np.full(queues.arrival_s.shape[0], np.inf)
    head, ready_s, active = queues.start.copy(), queues.ready_s.copy(), np.zeros(queues.start.shape[0], dtype=np.int64)
    before, t_s = phase, 0.0
    for e in range(path.shape[0]):
        until_s = tariff.first_s + e * tariff.epoch_s
        play(
            before, path[e], t_s, until_s, serves, intergreen_s, yields_to, head, queues.end, ready_s, queues.headway_s,
            queues.arrival_s, queues.movement, queues.standing, queues.inside, queues.weight, queues.size,
            tariff.startup_s, tariff.stop_s, active, gone_at_s,
        )  # fmt: skip
        before, t_s = path[e], until_s
    return gone_at_s


@njit(cache=True)
def signal_costs(
    i: int, city: City, now: Seen, arrive_s: Floats, seen: slice, flow_veh_h: Floats, coming: Coming, rules: Outlook, tariff: Tariff
) -> tuple[Floats, Ints, Queues]:  # fmt: skip
    """`phase_costs_s` of one signal, and the queues that it was played with."""
    lanes, movements = slice(city.lane_start[i], city.lane_start[i + 1]), slice(city.movement_start[i], city.movement_start[i + 1])
    phase, serves = now.phase[i], city.serves[i]
    protected = serves[phase] == 2 if now.age_s[i] >= SETTLED_S else np.zeros(serves.shape[1], dtype=np.bool_)
    queues = queues_of(
        now.lane[seen] - city.lane_start[i], now.movement[seen] - city.movement_start[i], arrive_s[seen], now.distance_m[seen],
        now.speed_mps[seen], protected, now.exit_full[movements], now.wait_s[movements], city.headway_s[lanes], flow_veh_h[lanes],
        city.sensed_m[lanes] / city.speed_mps[lanes], rules.horizon_s, rules.blocked_s, rules.expected_weight, rules.patience_s,
        coming, city.lane_start[i],
    )  # fmt: skip
    costs_s, paths = phase_costs_s(
        phase, now.age_s[i], city.phases[i], city.min_green_s[i], serves, city.intergreen_s[i], city.yields_to[i], queues.start,
        queues.end, queues.ready_s, queues.headway_s, queues.arrival_s, queues.movement, queues.standing, queues.inside, queues.weight,
        queues.size, tariff,
    )  # fmt: skip
    for p in range(costs_s.shape[0]):
        if p != phase:
            costs_s[p] += rules.trapped_s * max(trapped(serves[p], city.yields_to[i], queues) - 1, 0)
    return costs_s, paths, queues


@njit(cache=True)
def trapped(serves: Ints, yields_to: Ints, queues: Queues) -> int:
    """Vehicles that stand inside the junction and would have to wait there for others that a phase serves [movement]."""
    count = 0
    for v in range(queues.movement.shape[0]):
        m = queues.movement[v]
        if queues.inside[v] and serves[m] < 2:
            for foe in range(serves.shape[0]):
                if yields_to[m, foe] and serves[foe] > 0:
                    count += 1
                    break
    return count


@njit(cache=True)
def idle(i: int, city: City, seen: slice, flow_veh_h: Floats, coming: Coming, until_s: float) -> bool:
    """Whether nobody is near a signal, and nobody is expected before a time."""
    first, last = city.lane_start[i], city.lane_start[i + 1]
    if seen.start < seen.stop or coming.start[last] > coming.start[first]:
        return False
    return not expected_before(until_s, city.sensed_m[first:last] / city.speed_mps[first:last], flow_veh_h[first:last])


@njit(cache=True)
def releases(city: City, now: Seen, arrive_s: Floats, flow_veh_h: Floats, ways: Ways, rules: Outlook, tariff: Tariff) -> Coming:
    """Who reaches each lane from the neighbours within the horizon, if every signal does what looks best to it alone."""
    lanes = city.speed_mps.shape[0]
    alone = nobody(lanes)
    room = now.lane.shape[0] + expected(flow_veh_h, rules.horizon_s)
    by, at_s, weight, n = np.zeros(room, dtype=np.int64), np.zeros(room), np.zeros(room), 0
    start = np.searchsorted(now.lane, city.lane_start)
    for i in range(city.phases.shape[0]):
        seen = slice(start[i], start[i + 1])
        if not idle(i, city, seen, flow_veh_h, alone, tariff.first_s):
            costs_s, paths, queues = signal_costs(i, city, now, arrive_s, seen, flow_veh_h, alone, rules, tariff)
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


@njit(cache=True)
def network_costs(
    city: City, now: Seen, flow_veh_h: Floats, relayed_flow_veh_h: Floats, ways: Ways, rules: Outlook, tariff: Tariff
) -> Floats:  # fmt: skip
    """`phase_costs_s` of every signal [signal, phase], NaN where a phase may not be chosen now, all 0 where nobody comes.

    `flow_veh_h` [lane, movement of the signal]: flow expected from beyond the sensed range, laid out as evenly spaced vehicles. Where
    there are `ways`, plans are made twice: the second time with what the neighbours' first plans release, and `relayed_flow_veh_h`.
    """
    signals = city.phases.shape[0]
    out = np.full((signals, city.serves.shape[1]), np.nan)
    arrive_s = arrival_times_s(now.distance_m, now.speed_mps, city.speed_mps[now.lane], ACCELERATION_MPS2)
    start = np.searchsorted(now.lane, city.lane_start)
    coming = nobody(city.speed_mps.shape[0])
    if ways.lane.shape[0] > 0:
        coming = releases(city, now, arrive_s, flow_veh_h, ways, rules, tariff)
        flow_veh_h = relayed_flow_veh_h
    for i in range(signals):
        if now.age_s[i] < 0.0:
            continue
        seen = slice(start[i], start[i + 1])
        if idle(i, city, seen, flow_veh_h, coming, tariff.first_s):
            for p in range(city.phases[i]):  # nobody comes before the next decision: every phase is as good, and the lights may rest
                if p == now.phase[i] or now.age_s[i] >= city.min_green_s[i, now.phase[i]]:
                    out[i, p] = 0.0
            continue
        costs_s, _, _ = signal_costs(i, city, now, arrive_s, seen, flow_veh_h, coming, rules, tariff)
        out[i, : city.phases[i]] = costs_s
    return out
