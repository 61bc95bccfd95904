"""A look at one signal between two ticks: its newest snapshot, with what the last tick knew of the rest.

For events that cannot wait for the next tick, such as a frame of one junction's camera; the plan follows within milliseconds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from citybrain.intake.senses import STALE_S
from citybrain.intake.snapshots import Snapshots
from citybrain.service.engine import Engine
from signals.types import Observation

SLOW_MPS = 2.0


def glance(engine: Engine, snapshots: Snapshots, i: int, now_s: float) -> Observation:
    """What is known of signal `i` now, as a city of its own. Counts stay with the tick; ages go on from its moment."""
    before = gone_on(engine.glance(i), now_s)
    if not snapshots.at_s[i] > before.now_s - STALE_S:
        return before
    part, chosen = engine.one(i).part, np.zeros(snapshots.at_s.size, dtype=np.bool_)
    chosen[i] = True
    lane, movement, distance_m, speed_mps = snapshots.vehicles(chosen)
    movement = movement - int(part.movement_first[0])
    uses_lanes = part.network.signals[0].uses.any(axis=0)
    seen_veh = np.bincount(movement[speed_mps < SLOW_MPS], minlength=before.queue_veh.size).astype(np.float64)
    return replace(
        before,
        queue_veh=np.where(uses_lanes, seen_veh, before.queue_veh),  # a crossing's call is in no snapshot
        vehicle_lane=lane - int(part.lane_first[0]),
        vehicle_movement=movement,
        vehicle_distance_m=distance_m,
        vehicle_speed_mps=speed_mps,
    )


def gone_on(before: Observation, now_s: float) -> Observation:
    """What was observed, as it stands some moments later; its counts are told already."""
    passed_s = max(now_s - before.now_s, 0.0)
    red_s = np.where(before.red_s > 0.0, before.red_s + passed_s, before.red_s)
    nobody = np.full_like(before.counts_veh, np.nan)
    return replace(before, now_s=before.now_s + passed_s, age_s=before.age_s + passed_s, red_s=red_s, counts_veh=nobody)
