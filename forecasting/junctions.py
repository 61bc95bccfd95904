"""Junctions as the movement estimate sees them: who passes which lane, where to, and which exit belongs to which approach.

`junction_of` reads a signal of the network; a junction of another source is a `Junction` of four arrays. `junctions` lays any number
of them out flat.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forecasting.splits import Junctions
from signals.layout import TURN_CODES, starts, street_of
from signals.types import Bools, Floats, Intersection, Ints, Turn


class Junction(NamedTuple):
    """One junction's description, in its own numbers from 0."""

    approach: Ints  # [movement]
    turn: Ints  # [movement]
    leads_to: Bools  # [exit, movement]
    uses: Bools  # [lane, movement]


def junction_of(signal: Intersection) -> Junction:
    """A signal's vehicle movements in their order; approaches and exits (streets) in order of appearance."""
    movements = [m for m in signal.movements if m.turn is not Turn.CROSSING]
    kept = [m.turn is not Turn.CROSSING for m in signal.movements]
    approaches = list(dict.fromkeys(m.approach for m in movements))
    streets = [{street_of(lane) for lane in m.exits} for m in movements]
    exits = list(dict.fromkeys(street_of(lane) for m in movements for lane in m.exits))
    return Junction(
        np.array([approaches.index(m.approach) for m in movements], dtype=np.int64),
        np.array([TURN_CODES[m.turn] for m in movements], dtype=np.int64),
        np.array([[e in s for s in streets] for e in exits], dtype=np.bool_).reshape(len(exits), len(movements)),
        signal.uses.reshape(len(signal.lanes), len(signal.movements))[:, kept],
    )


def vehicle_movements(signals: Sequence[Intersection]) -> Ints:
    """Places [movement] of vehicle movements among all of a network: an estimate leaves out who walks."""
    return np.flatnonzero([m.turn is not Turn.CROSSING for signal in signals for m in signal.movements])


def junctions(described: Sequence[Junction]) -> Junctions:
    """All of them as flat arrays."""
    parts = [_parts(j) for j in described]
    movement = starts([len(j.approach) for j in described])
    approach = starts([int(j.approach.max(initial=-1)) + 1 for j in described])
    lane = starts([len(j.uses) for j in described])
    exits = starts([len(j.leads_to) for j in described])
    return Junctions(
        movement,
        approach,
        lane,
        exits,
        starts([len(p) for p in parts]),
        starts([len(j.approach) ** 2 for j in described]),
        np.concatenate([j.approach + approach[i] for i, j in enumerate(described)]),
        np.concatenate([j.turn for j in described]),
        np.concatenate([p[:, 0] + movement[i] for i, p in enumerate(parts)]),
        np.concatenate([_moved(p[:, 1], lane[i]) for i, p in enumerate(parts)]),
        np.concatenate([_moved(p[:, 2], exits[i]) for i, p in enumerate(parts)]),
        np.concatenate([_moved(_lane_approaches(j), approach[i]) for i, j in enumerate(described)]),
        np.concatenate([_moved(_arms(j), approach[i]) for i, j in enumerate(described)]),
    )


def _moved(numbers: Ints, offset: int) -> Ints:
    """A junction's numbers among everybody's; -1 stays."""
    return np.where(numbers < 0, -1, numbers + offset)


def _parts(junction: Junction) -> Ints:
    """(movement, lane, exit) [part, 3]; -1 for a lane or exit that is not known."""
    lanes = np.vstack((junction.uses, ~np.asarray(junction.uses.any(axis=0))))
    exits = np.vstack((junction.leads_to, ~np.asarray(junction.leads_to.any(axis=0))))
    parts = np.argwhere(lanes.T[:, :, None] & exits.T[:, None, :])
    parts[parts[:, 1] == len(junction.uses), 1] = -1
    parts[parts[:, 2] == len(junction.leads_to), 2] = -1
    return parts


def _lane_approaches(junction: Junction) -> Ints:
    """Approach [lane]; -1 where no vehicle movement uses it."""
    return np.array([junction.approach[row.argmax()] if row.any() else -1 for row in junction.uses], dtype=np.int64)


def _arms(junction: Junction) -> Ints:
    """Approach [exit] of the same arm: where its U-turn leads, else the one exit that it alone does not serve; -1 where that is unclear."""
    exits, approaches = len(junction.leads_to), int(junction.approach.max(initial=-1)) + 1
    back = junction.turn == TURN_CODES[Turn.U_TURN]
    may = np.empty((approaches, exits), dtype=np.bool_)
    for a in range(approaches):
        own = junction.approach == a
        may[a] = ~junction.leads_to[:, own & ~back].any(axis=1)
        if (own & back).any():
            may[a] &= junction.leads_to[:, own & back].any(axis=1)
    arm = np.full(exits, -1)
    for _ in range(approaches):
        sure = np.flatnonzero(may.sum(axis=1) == 1)
        for alone in sure.tolist():
            e = int(may[alone].argmax())
            if may[alone, e]:
                arm[e] = alone
                may[:, e] = False
    return arm


def arm_flows(places: Junctions, entering_veh_h: Floats) -> Floats:
    """What enters [veh/h] from the arm that each movement leads to [movement]; NaN where that is unknown."""
    arm = np.append(places.arm, -1)[places.part_exit]
    flow_veh_h = np.full(len(places.approach), np.nan)
    flow_veh_h[places.part_movement] = np.where(arm < 0, np.nan, entering_veh_h[arm])
    return flow_veh_h
