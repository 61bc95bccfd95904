"""How traffic moves in the twin: queues discharge at the stop lines, vehicles roll to the next ones, full streets hold them back.

Vehicles keep their order in each lane. A street holds what fits on it standing, and room that becomes free at its end is felt at its
beginning only when the wave has travelled there (Newell 1993: a simplified theory of kinematic waves). Times count from the beginning of
the run; `lights` [second, movement] are aspects as in `rl.twin.lights`.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False
import numpy as np
from numba import njit

from rl.twin.lights import AMBER, CLOSED, GONE_AMBER, PERMISSIVE
from rl.twin.streets import ROLLING_ROOM

ROLLING_S = 0.5  # behind its earliest time at the line: still rolling freely
BRAKING_MPS2 = 4.5
SHORT_M = 30.0  # streets on which nobody has to stop while the first rolls; those on their way through the junction count as well
CHANGE_M = 60.0  # way that a change of lanes takes: on shorter streets one stays in lane


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def rolling_s(way_m, from_mps, limit_mps, accel_mps2):
    """Time for a way, accelerating to the limit: constant-acceleration kinematics [s]."""
    v = min(from_mps, limit_mps)
    ramp_m = (limit_mps * limit_mps - v * v) / (2.0 * accel_mps2)
    if way_m <= ramp_m:
        return (np.sqrt(v * v + 2.0 * accel_mps2 * way_m) - v) / accel_mps2
    return (limit_mps - v) / accel_mps2 + (way_m - ramp_m) / limit_mps


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def is_free(link, t_s, came_s, gap_s, aspects, streets, traffic):
    """Whether nobody whom the link yields to will come within the gap, for who came to the line at `came_s`.

    Who cannot leave because the street before it is full is not in the way; nor is one that stands, yields itself, and came later.
    """
    for f in range(streets.foe_start[link], streets.foe_start[link + 1]):
        foe = streets.foe[f]
        lane, movement = streets.from_lane[foe], streets.movement[foe]
        if traffic.number[lane] == 0 or traffic.barred[lane]:
            continue
        yields = streets.major[foe] == 0
        if movement >= 0:
            aspect = aspects[movement]
            if aspect in (CLOSED, GONE_AMBER):
                continue
            yields = aspect == PERMISSIVE
        slot = streets.slot_start[lane] + traffic.head[lane]
        comes_s = traffic.arrival_s[slot]
        if yields and traffic.queued[lane] == 0 and comes_s > came_s:
            continue
        if traffic.link[slot] == foe and max(comes_s, traffic.ready_s[lane]) < t_s + gap_s:
            return False
    return True


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def must_yield(link, aspects, streets):
    """Whether who takes a link waits for others, as the lights stand."""
    movement = streets.movement[link]
    if movement >= 0:
        return aspects[movement] == PERMISSIVE
    return streets.major[link] == 0 and streets.foe_start[link] < streets.foe_start[link + 1]


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def may_pass(lane, link, t_s, leaves_s, waited_s, speed_mps, aspects, streets, traffic, driving):
    """Whether light and right of way let the first vehicle of a lane pass the line now."""
    movement, yields = streets.movement[link], must_yield(link, aspects, streets)
    if movement >= 0:
        aspect = aspects[movement]
        if traffic.inside[lane]:
            yields = True
        elif aspect in (CLOSED, GONE_AMBER):
            return False
        elif aspect == AMBER:
            # too close to the line, for its speed, to stop
            return waited_s <= ROLLING_S and leaves_s - t_s < speed_mps / (2.0 * BRAKING_MPS2) - 0.5
    if not yields:
        return True
    gap_s = driving.rolling_gap_s if waited_s <= ROLLING_S else driving.standing_gap_s
    gap_s *= max(1.0 - waited_s / driving.impatience_s, 0.0)
    if is_free(link, leaves_s, leaves_s - waited_s, gap_s, aspects, streets, traffic):
        return True
    if movement >= 0 and waited_s > ROLLING_S:
        traffic.inside[lane] = 1
    return False


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def has_room(lane, t_s, streets, traffic, driving):
    """Whether one more vehicle fits on a lane, and the wave that made room for it has come to the lane's beginning."""
    first, slots = streets.slot_start[lane], streets.slot_start[lane + 1] - streets.slot_start[lane]
    room = slots - ROLLING_ROOM
    if traffic.queued[lane] != 0 and streets.length_m[lane] < SHORT_M:
        return traffic.number[lane] < slots
    if traffic.number[lane] >= room:
        return False
    slot = first + (traffic.head[lane] + traffic.number[lane] + ROLLING_ROOM) % slots  # of the one that was `room` before it
    return traffic.freed_s[slot] + streets.length_m[lane] / driving.wave_mps <= t_s


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def chosen(leg, index, t_s, streets, traffic, driving):
    """The choice of a leg with the fewest vehicles before one, changes of lanes from `index` charged; -1 where all are full."""
    best, least = -1, 1e9
    for c in range(streets.choice_start[leg], streets.choice_start[leg + 1]):
        lane = streets.choice_lane[c]
        cost = traffic.number[lane] + abs(streets.across[lane] - index) * CHANGE_M / streets.length_m[lane]
        if cost < least and has_room(lane, t_s, streets, traffic, driving):
            best, least = c, cost
    return best


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def allowed_mps(trip, limit_mps, trips):
    """What a vehicle may drive under a limit."""
    return min(trips.factor[trip] * limit_mps, trips.max_mps[trip])


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def enter(trip, leg, choice, t_s, way_m, from_mps, streets, trips, traffic, driving):
    """Put a vehicle, that is there at `t_s` with a speed, on a lane of which it has `way_m` before it."""
    lane = streets.choice_lane[choice]
    first, room = streets.slot_start[lane], streets.slot_start[lane + 1] - streets.slot_start[lane]
    slot = first + (traffic.head[lane] + traffic.number[lane]) % room
    limit_mps = allowed_mps(trip, streets.speed_mps[lane], trips)
    cruise_mps = max(limit_mps - trips.dawdle_mps[trip], 1.0)
    arrival_s = t_s + rolling_s(way_m, from_mps, cruise_mps, trips.accel_mps2[trip])
    least_s = traffic.last_arrival_s[lane] + driving.follow_s + trips.space_m[trip] / cruise_mps
    traffic.vehicle[slot], traffic.arrival_s[slot] = trip, max(arrival_s, least_s)
    traffic.link[slot] = streets.choice_link[choice]
    traffic.last_arrival_s[lane], traffic.entered_at_s[lane] = traffic.arrival_s[slot], t_s
    traffic.number[lane] += 1
    traffic.leg_now[trip] = leg
    traffic.free_s[trip] += way_m / limit_mps


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def entry_choice(leg, t_s, streets, traffic, driving):
    """The choice of a first leg with the fewest vehicles before one, on a lane that nobody has just entered; -1: none."""
    best, least = -1, 1e9
    for c in range(streets.choice_start[leg], streets.choice_start[leg + 1]):
        lane = streets.choice_lane[c]
        clear = t_s >= traffic.entered_at_s[lane] + driving.entry_s
        if clear and traffic.number[lane] < least and has_room(lane, t_s, streets, traffic, driving):
            best, least = c, traffic.number[lane]
    return best


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def let_in(t_s, streets, trips, traffic, driving):
    """Vehicles that are due enter from outside, in their order at each edge, at the speed of the street."""
    for e in range(traffic.next_trip.shape[0]):
        trip = traffic.next_trip[e]
        while trip < trips.entry_start[e + 1] and trips.due_s[trip] <= t_s:
            leg = trips.leg[trip]
            choice = entry_choice(leg, t_s, streets, traffic, driving)
            if choice < 0:
                break
            lane = streets.choice_lane[choice]
            way_m = max(streets.length_m[lane] - trips.length_m[trip], 0.1)
            cruise_mps = allowed_mps(trip, streets.speed_mps[lane], trips) - trips.dawdle_mps[trip]
            enter(trip, leg, choice, t_s, way_m, cruise_mps, streets, trips, traffic, driving)
            traffic.entered_s[trip] = t_s
            trip += 1
            traffic.next_trip[e] = trip


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def take_off(lane, leaves_s, streets, traffic):
    """Take the first vehicle off a lane."""
    first, room = streets.slot_start[lane], streets.slot_start[lane + 1] - streets.slot_start[lane]
    traffic.freed_s[first + traffic.head[lane]] = leaves_s
    traffic.head[lane] = (traffic.head[lane] + 1) % room
    traffic.number[lane] -= 1
    traffic.left_s[lane] = leaves_s


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def passing_mps(lane, trip, link, waited_s, yields, streets, trips, traffic, driving):
    """Speed at the line: of who left a standing queue by the way it had to accelerate; not above what a turn, or caution, allows."""
    cruise_mps = max(allowed_mps(trip, streets.speed_mps[lane], trips) - trips.dawdle_mps[trip], 1.0)
    if waited_s > ROLLING_S and traffic.queued[lane] >= 0:
        way_m = traffic.queued[lane] * trips.space_m[trip] + 1.0
        cruise_mps = min(cruise_mps, np.sqrt(2.0 * trips.accel_mps2[trip] * way_m))
    if yields:
        cruise_mps = min(cruise_mps, driving.wary_mps)
    return min(cruise_mps, allowed_mps(trip, streets.inside_mps[link], trips))


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def pass_line(lane, trip, link, choice, leaves_s, waited_s, yields, streets, trips, traffic, driving):
    """Move the first vehicle of a lane over the line, through the junction, and on to its next lane."""
    v_mps = passing_mps(lane, trip, link, waited_s, yields, streets, trips, traffic, driving)
    braking_s = 0.0
    if waited_s <= ROLLING_S:
        cruise_mps = max(allowed_mps(trip, streets.speed_mps[lane], trips) - trips.dawdle_mps[trip], 1.0)
        braking_s = (cruise_mps - v_mps) ** 2 / (2.0 * BRAKING_MPS2 * cruise_mps)
        traffic.queued[lane] = -1
        headway_s = driving.follow_s + trips.space_m[trip] / max(v_mps, 1.0)
    else:
        first = traffic.queued[lane] == 0
        if traffic.queued[lane] >= 0:
            traffic.queued[lane] += 1
        next_mps = passing_mps(lane, trip, link, waited_s, yields, streets, trips, traffic, driving)
        headway_s = driving.reaction_s + trips.space_m[trip] / max(next_mps, 1.0) + (driving.second_s if first else 0.0)
    take_off(lane, leaves_s, streets, traffic)
    traffic.ready_s[lane] = leaves_s + headway_s
    traffic.inside[lane] = 0
    movement = streets.movement[link]
    if movement >= 0:
        traffic.counts_veh[movement] += 1.0
    accel_mps2 = trips.accel_mps2[trip]
    inside_mps = allowed_mps(trip, streets.inside_mps[link], trips)
    inside_s = rolling_s(streets.inside_m[link], v_mps, inside_mps, accel_mps2)
    traffic.free_s[trip] += streets.inside_m[link] / inside_mps
    v_mps = min(np.sqrt(v_mps * v_mps + 2.0 * accel_mps2 * streets.inside_m[link]), inside_mps)
    leg = streets.next_leg[traffic.leg_now[trip]]
    way_m = streets.length_m[streets.choice_lane[choice]]
    enter(trip, leg, choice, leaves_s + braking_s + inside_s, way_m, v_mps, streets, trips, traffic, driving)


@njit(cache=True, _nrt=False, forceinline=True, error_model="numpy")
def discharge(lane, t_s, aspects, streets, trips, traffic, driving):
    """Let those pass the line of a lane who can within this second."""
    while traffic.number[lane] > 0:
        slot = streets.slot_start[lane] + traffic.head[lane]
        leaves_s = max(traffic.arrival_s[slot], traffic.ready_s[lane])
        if leaves_s >= t_s + 1.0:
            return
        leaves_s = max(leaves_s, t_s)
        trip, link = traffic.vehicle[slot], traffic.link[slot]
        if link < 0:
            take_off(lane, leaves_s, streets, traffic)
            traffic.gone_s[trip], traffic.leg_now[trip] = leaves_s, -1
            continue
        waited_s = leaves_s - traffic.arrival_s[slot]
        if traffic.queued[lane] == 0:
            leaves_s = max(leaves_s, t_s + driving.startup_s)
        yields = must_yield(link, aspects, streets)
        speed_mps = passing_mps(lane, trip, link, waited_s, yields, streets, trips, traffic, driving)
        traffic.barred[lane] = 0
        if not may_pass(lane, link, t_s, leaves_s, waited_s, speed_mps, aspects, streets, traffic, driving):
            traffic.queued[lane] = 0
            return
        leg = streets.next_leg[traffic.leg_now[trip]]
        choice = chosen(leg, streets.across[streets.to_lane[link]], t_s, streets, traffic, driving)
        if choice < 0:
            traffic.queued[lane], traffic.barred[lane] = 0, 1
            return
        pass_line(lane, trip, link, choice, leaves_s, waited_s, yields, streets, trips, traffic, driving)


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def advance(from_s, seconds, lights, streets, trips, traffic, driving):
    """Go on by whole seconds under these lights [second, movement]."""
    for k in range(seconds):
        t_s = from_s + k
        let_in(t_s, streets, trips, traffic, driving)
        aspects = lights[k]
        for lane in range(streets.length_m.shape[0]):
            if traffic.number[lane] > 0:
                slot = streets.slot_start[lane] + traffic.head[lane]
                if traffic.arrival_s[slot] < t_s + 1.0 and traffic.ready_s[lane] < t_s + 1.0:
                    discharge(lane, t_s, aspects, streets, trips, traffic, driving)


@njit(cache=True)
def delays_s(now_s, streets, trips, traffic):
    """Time lost so far by every trip due [trip], outside and inside: against driving at the allowed speed; NaN for who is not due yet."""
    out = np.full(trips.due_s.shape[0], np.nan)
    for v in range(out.shape[0]):
        if trips.due_s[v] >= now_s:
            continue
        if np.isnan(traffic.entered_s[v]):
            out[v] = now_s - trips.due_s[v]
        elif not np.isnan(traffic.gone_s[v]):
            out[v] = traffic.gone_s[v] - trips.due_s[v] - traffic.free_s[v]
    for lane in range(streets.length_m.shape[0]):
        first, room = streets.slot_start[lane], streets.slot_start[lane + 1] - streets.slot_start[lane]
        for j in range(traffic.number[lane]):
            slot = first + (traffic.head[lane] + j) % room
            v = traffic.vehicle[slot]
            left_m = max(traffic.arrival_s[slot] - now_s, 0.0) * max(streets.speed_mps[lane], 1.0)
            not_yet_s = min(left_m, streets.length_m[lane]) / max(allowed_mps(v, streets.speed_mps[lane], trips), 1.0)
            out[v] = max(now_s - trips.due_s[v] - (traffic.free_s[v] - not_yet_s), 0.0)
    return out
