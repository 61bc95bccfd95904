"""What changes in a run of the twin: one copy's traffic as arrays, and the trips that feed it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rl.twin.streets import Streets
from signals.types import Floats, Ints

NEVER_S = -1e6


class Driving(NamedTuple):
    """How vehicles move and discharge: measured of queues in SUMO (seed 101), one setting for all networks."""

    startup_s: float = 0.5  # from green until the first of a standing queue passes the line
    second_s: float = 0.55  # that the second takes longer than those behind it
    reaction_s: float = 1.35  # headway tau + space / v of a discharging queue, v being the follower's speed at the line
    follow_s: float = 1.1  # the same of traffic that rolls
    rolling_gap_s: float = 3.0  # in a stream with priority, for who comes rolling
    standing_gap_s: float = 5.5  # for who starts from standstill
    impatience_s: float = 180.0  # of waiting until any gap is taken
    wary_mps: float = 6.4  # with which a yielding approach is taken
    wave_mps: float = 5.0  # room that became free at the line travels upstream so fast
    entry_s: float = 2.0  # after another vehicle, until one is let in from outside on the same lane


class Trips(NamedTuple):
    """Who is due when, sorted by the edge of entry and then by time; times count from the beginning of the run."""

    entry_start: Ints  # [entry + 1]
    due_s: Floats  # [trip]
    leg: Ints  # [trip]
    factor: Floats  # [trip] of every speed limit
    max_mps: Floats  # [trip]
    accel_mps2: Floats  # [trip] on the average, dawdling included
    dawdle_mps: Floats  # [trip] below the allowed speed, on the average
    space_m: Floats  # [trip] where it stands
    length_m: Floats  # [trip]


class Traffic(NamedTuple):
    """One copy's state. Vehicles are numbered like trips; each lane keeps its own in a ring of slots, in order of entry."""

    head: Ints  # [lane] slot of the first vehicle, counted from the lane's first slot
    number: Ints  # [lane] vehicles on it
    ready_s: Floats  # [lane] from when its next vehicle can pass the line
    queued: Ints  # [lane] how many left a queue since it stood; -1: traffic flows freely
    inside: Ints  # [lane] 1: its first vehicle stands past the line and waits for a gap
    barred: Ints  # [lane] 1: its first vehicle waits for room in the street before it
    last_arrival_s: Floats  # [lane] at the line, of the last one that entered
    entered_at_s: Floats  # [lane] when somebody last came onto it
    left_s: Floats  # [lane] when somebody last passed the line
    vehicle: Ints  # [slot]
    arrival_s: Floats  # [slot] earliest time at the line
    link: Ints  # [slot] way it will take there
    freed_s: Floats  # [slot] when it last became free
    leg_now: Ints  # [trip] -1: not let in or gone
    entered_s: Floats  # [trip] NaN: not yet
    gone_s: Floats  # [trip] NaN: not yet
    free_s: Floats  # [trip] time that its way up to the end of the present edge takes at the allowed speed
    next_trip: Ints  # [entry]
    counts_veh: Floats  # [movement] passed since last asked
    green_s: Floats  # [movement] when last seen green


def empty(streets: Streets, trips: Trips, movements: int) -> Traffic:
    """Nobody in the streets yet."""
    lanes, slots, n = streets.length_m.size, int(streets.slot_start[-1]), trips.due_s.size
    return Traffic(
        head=np.zeros(lanes, dtype=np.int64),
        number=np.zeros(lanes, dtype=np.int64),
        ready_s=np.zeros(lanes),
        queued=np.full(lanes, -1, dtype=np.int64),
        inside=np.zeros(lanes, dtype=np.int64),
        barred=np.zeros(lanes, dtype=np.int64),
        last_arrival_s=np.full(lanes, NEVER_S),
        entered_at_s=np.full(lanes, NEVER_S),
        left_s=np.full(lanes, NEVER_S),
        vehicle=np.zeros(slots, dtype=np.int64),
        arrival_s=np.zeros(slots),
        link=np.full(slots, -1, dtype=np.int64),
        freed_s=np.full(slots, NEVER_S),
        leg_now=np.full(n, -1, dtype=np.int64),
        entered_s=np.full(n, np.nan),
        gone_s=np.full(n, np.nan),
        free_s=np.zeros(n),
        next_trip=trips.entry_start[:-1].copy(),
        counts_veh=np.zeros(movements),
        green_s=np.zeros(movements),
    )
