"""What the twin knows of a network and never changes: lanes, links and legs as flat arrays.

A leg is an edge together with all of the route that follows it, so that one number says where a vehicle is and where it goes;
routes that end alike share their legs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from signals.layout import Layout, starts
from signals.types import Floats, Ints, Network
from sumo_nets.link_graph import LinkGraph

AHEAD_M = 250.0  # of route for which a lane is chosen: who needs to change lanes later has the time for it
NOWHERE = -1
ROLLING_ROOM = 2  # slots of a lane beside those for who stands on it


class Streets(NamedTuple):
    """Lanes, the links out of them, and legs with the choices that each leaves: `choice` k is a lane and the link taken from it."""

    length_m: Floats  # [lane]
    speed_mps: Floats  # [lane]
    across: Ints  # [lane] place in its edge, from the right
    to_lane: Ints  # [link]
    movement: Ints  # [link] on the flat axis; -1 without a signal
    major: Ints  # [link] 1: without a signal, and need not yield
    inside_m: Floats  # [link]
    inside_mps: Floats  # [link]
    foe_start: Ints  # [link + 1]
    foe: Ints  # [foe] link that has priority
    from_lane: Ints  # [link]
    choice_start: Ints  # [leg + 1]
    choice_lane: Ints  # [choice]
    choice_link: Ints  # [choice] -1 at the end of the route
    next_leg: Ints  # [leg] -1 at the end of the route
    next_movement: Ints  # [leg] the first movement after this edge's own end; -1 where none is in sight
    beyond_m: Floats  # [leg] from this edge's end to that movement's stop line
    slot_start: Ints  # [lane + 1] slots for vehicles, lane by lane
    stop_lane: Ints  # [lane] on the layout's flat lane axis; -1 where no signal stands at its end
    movement_lane: Ints  # [movement] its first stop lane on the flat lane axis; -1 where it has none


class Legs:
    """Numbers the legs of routes; each distinct rest of a route has one."""

    def __init__(self, graph: LinkGraph) -> None:
        self._graph = graph
        self._of: dict[tuple[str, int], int] = {}
        self._reach_m: dict[tuple[int, int], float] = {}
        self.rows: list[tuple[str, int]] = []
        self._lanes: dict[str, list[int]] = {}
        self._out: dict[tuple[int, str], list[int]] = {}
        for k, lane in enumerate(graph.lanes):
            self._lanes.setdefault(lane.edge, []).append(k)
        for k, link in enumerate(graph.links):
            self._out.setdefault((link.from_lane, graph.lanes[link.to_lane].edge), []).append(k)

    def number(self, edges: Sequence[str]) -> int:
        """The leg of a whole route; -1 where its edges do not hang together."""
        leg = NOWHERE
        for edge in reversed(edges):
            if leg >= 0 and not any(self.links(lane, leg) for lane in self.lanes(edge)):
                return NOWHERE
            if not self.lanes(edge):
                return NOWHERE
            key = (edge, leg)
            if key not in self._of:
                self._of[key] = len(self.rows)
                self.rows.append(key)
            leg = self._of[key]
        return leg

    def lanes(self, edge: str) -> list[int]:
        """The lanes of an edge."""
        return self._lanes.get(edge, [])

    def links(self, lane: int, leg: int) -> list[int]:
        """Links from a lane into the edge of a leg."""
        return self._out.get((lane, self.rows[leg][0]), [])

    def reach_m(self, lane: int, leg: int) -> float:
        """How far one gets from the lane's beginning along a leg without a change of lanes, cut at `AHEAD_M` [m]."""
        key = (lane, leg)
        if key not in self._reach_m:
            length_m, after = self._graph.lanes[lane].length_m, self.rows[leg][1]
            if after < 0:
                length_m = AHEAD_M
            elif length_m < AHEAD_M:
                length_m += max((self.reach_m(self._graph.links[k].to_lane, after) for k in self.links(lane, after)), default=-length_m)
            elif not self.links(lane, after):
                length_m = 0.0
            self._reach_m[key] = min(length_m, AHEAD_M)
        return self._reach_m[key]

    def choices(self, leg: int) -> list[tuple[int, int]]:
        """(lane, link) from which the leg goes on with the fewest changes of lanes."""
        edge, after = self.rows[leg]
        if after < 0:
            return [(lane, NOWHERE) for lane in self.lanes(edge)]
        able = [lane for lane in self.lanes(edge) if self.links(lane, after)]
        best_m = max(self.reach_m(lane, leg) for lane in able)
        found = []
        for lane in able:
            if self.reach_m(lane, leg) >= best_m - 1.0:
                found.append((lane, max(self.links(lane, after), key=lambda k: self.reach_m(self._graph.links[k].to_lane, after))))
        return found


def lay_streets(graph: LinkGraph, legs: Legs, network: Network, layout: Layout, space_m: float) -> Streets:
    """All arrays, for vehicles that need `space_m` each where they stand."""
    at = {s.id: int(layout.movement_start[i]) for i, s in enumerate(network.signals)}
    movement = np.array([at[k.signal] + k.lamp if k.signal in at else NOWHERE for k in graph.links], dtype=np.int64)
    choices = [legs.choices(k) for k in range(len(legs.rows))]
    ahead = _ahead(graph, legs, choices, movement)
    stop = {lane.id: int(layout.lane_start[i]) + k for i, s in enumerate(network.signals) for k, lane in enumerate(s.lanes)}
    flat = [pair for some in choices for pair in some]
    room = [max(int(lane.length_m / space_m + 0.5), 1) + ROLLING_ROOM for lane in graph.lanes]
    return Streets(
        length_m=np.array([lane.length_m for lane in graph.lanes]),
        speed_mps=np.array([lane.speed_mps for lane in graph.lanes]),
        across=np.array([lane.index for lane in graph.lanes], dtype=np.int64),
        to_lane=np.array([k.to_lane for k in graph.links], dtype=np.int64),
        movement=movement,
        major=np.array([k.major for k in graph.links], dtype=np.int64),
        inside_m=np.array([k.inside_m for k in graph.links]),
        inside_mps=np.array([k.inside_mps for k in graph.links]),
        foe_start=starts([len(k.yields_to) for k in graph.links]),
        foe=np.array([j for k in graph.links for j in k.yields_to], dtype=np.int64),
        from_lane=np.array([k.from_lane for k in graph.links], dtype=np.int64),
        choice_start=starts([len(some) for some in choices]),
        choice_lane=np.array([lane for lane, _ in flat], dtype=np.int64),
        choice_link=np.array([link for _, link in flat], dtype=np.int64),
        next_leg=np.array([after for _, after in legs.rows], dtype=np.int64),
        next_movement=np.array([m for m, _ in ahead], dtype=np.int64),
        beyond_m=np.array([far_m for _, far_m in ahead]),
        slot_start=starts(room),
        stop_lane=np.array([stop.get(lane.id, NOWHERE) for lane in graph.lanes], dtype=np.int64),
        movement_lane=np.array([stop[m.lanes[0]] if m.lanes else NOWHERE for s in network.signals for m in s.movements], dtype=np.int64),
    )


def _ahead(graph: LinkGraph, legs: Legs, choices: list[list[tuple[int, int]]], movement: Ints) -> list[tuple[int, float]]:
    """(first movement after the end of the leg's own edge, way to its stop line [m]); (-1, 0) where the route has none."""
    found: list[tuple[int, float]] = []
    for leg, (_, after) in enumerate(legs.rows):  # a leg comes after the legs that follow it
        link = choices[leg][0][1]
        if after < 0 or link < 0:
            found.append((NOWHERE, 0.0))
            continue
        lane, following = choices[after][0]
        way_m = graph.links[link].inside_m + graph.lanes[lane].length_m
        if following >= 0 and movement[following] >= 0:
            found.append((int(movement[following]), way_m))
        else:
            found.append((found[after][0], way_m + found[after][1]))
    return found
