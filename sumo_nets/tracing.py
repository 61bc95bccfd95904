"""Walks along lanes: upstream from a stop line to the sensing range, downstream to the next signal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

VEHICLE_SPACE_M = 7.5
LONGEST_STREET_M = 3000.0


def trace_upstream(lane: Any, sensing_m: float) -> tuple[tuple[str, ...], float, float]:
    """Feeding lanes nearest first, how far the trace reaches [m], and the lane metres in it.

    The queue may stand behind a stop lane two metres long, so the walk goes on through plain junctions until it meets a signal.
    """
    seen = {lane.getID(): lane.getLength()}
    reach_m, total_m = min(lane.getLength(), sensing_m), min(lane.getLength(), sensing_m)
    frontier = [(lane, lane.getLength())]
    while frontier:
        current, far_m = frontier.pop(0)
        if far_m >= sensing_m:
            continue
        for link in current.getIncomingConnections():
            before = link.getFromLane()
            plain = not link.getTLSID() and before.getEdge().getFunction() == ""
            if plain and before.getID() not in seen:
                seen[before.getID()] = far_m + before.getLength()
                reach_m = max(reach_m, min(far_m + before.getLength(), sensing_m))
                total_m += min(before.getLength(), sensing_m - far_m)
                frontier.append((before, far_m + before.getLength()))
    return tuple(seen)[1:], reach_m, total_m


def downstream_storage_m(net: Any, lane_id: str, limit_m: float) -> float:
    """Lane metres that can hold vehicles behind a signal, up to the next signal or `limit_m`, along one way [m]."""
    lane, total_m = net.getLane(lane_id), 0.0
    seen: set[str] = set()
    while lane is not None and total_m < limit_m and lane.getID() not in seen:
        seen.add(lane.getID())
        total_m += lane.getLength()
        ways = [link for link in lane.getOutgoing() if not link.getTLSID()]
        lane = ways[0].getToLane() if len(ways) == 1 else None
    return float(min(total_m, limit_m))


def streets_from(net: Any, exits: list[str], lane_signal: dict[str, str]) -> Iterator[tuple[str, float, float, int]]:
    """(next signal, length [m], speed [m/s], lanes) for every signal reached from these lanes without passing another."""
    found: dict[str, list[tuple[float, float]]] = {}
    for exit_id in exits:
        frontier, seen = [(net.getLane(exit_id), 0.0)], {exit_id}
        while frontier:
            lane, far_m = frontier.pop(0)
            far_m += lane.getLength()
            if lane.getID() in lane_signal:
                found.setdefault(lane_signal[lane.getID()], []).append((far_m, lane.getSpeed()))
                continue
            if far_m > LONGEST_STREET_M:
                continue
            for link in lane.getOutgoing():
                after = link.getToLane()
                if after.getID() not in seen and after.getEdge().getFunction() == "":
                    seen.add(after.getID())
                    frontier.append((after, far_m))
    for signal, ways in found.items():
        length_m, speed_mps = min(ways)
        yield signal, length_m, speed_mps, len(ways)
