"""The streams of a network for the platoon model: what shares lanes and greens at a stop line, and who feeds whom.

Which lanes one signal's exits lead into is known as far as approaches are traced upstream; a platoon that comes from farther has
dispersed, and arrives evenly. Turning shares are the flows' own: what enters an approach leaves it in proportion to its movements.
"""

from dataclasses import dataclass

import numpy as np

from signals.kernels.platoons import Links
from signals.lane_groups import lane_groups
from signals.types import Bools, Floats, Intersection, Ints, Network, Serves
from signals.units import SECONDS_PER_HOUR

VEHICLE_SPACE_M = 7.5
TURN_ON_RED = "s"
AFTER_STOPPING = 0.5  # of the saturation flow is left where every vehicle stops at the line
Stages = tuple[tuple[int, ...], ...]
"""[signal] the phases of its plan in order"""


@dataclass(frozen=True, slots=True)
class Stream:
    """Movements of one signal (places on its own axis) that queue in the same lanes and leave in the same stages."""

    signal: int
    movements: tuple[int, ...]
    flow_veh_h: float
    saturation_veh_h: Floats
    """[stage] if nobody opposes"""
    yielding: Floats
    """[stage] share of its flow that waits for gaps"""
    lanes: int


@dataclass(frozen=True, slots=True)
class Feed:
    """Part of a stream's flow that leaves another stream's stop line, and how far it drives."""

    before: int
    after: int
    flow_veh_h: float
    length_m: float
    travel_s: float


def links_of(network: Network, stages: Stages, flow_veh_h: Floats) -> Links:
    """The platoon model of a network under plans of these stages, for these flows [movement]."""
    streams: list[Stream] = []
    index: dict[tuple[int, int], int] = {}
    flows = flows_by_signal(network, flow_veh_h)
    for i, signal in enumerate(network.signals):
        for stream in streams_of(i, signal, stages[i], flows[i]):
            index.update({(i, m): len(streams) for m in stream.movements})
            streams.append(stream)
    return packed(len(network.signals), streams, feeds_of(network, flows, index), foes_of(network, streams))


def flows_by_signal(network: Network, flow_veh_h: Floats) -> list[Floats]:
    """Flows [movement] of each signal; what no lane carries is none."""
    cuts = np.cumsum([len(s.movements) for s in network.signals])[:-1]
    carried = np.array([bool(m.lanes) and m.saturation_veh_h > 0.0 for s in network.signals for m in s.movements])
    return np.split(np.where(carried, flow_veh_h, 0.0), cuts)


def streams_of(i: int, signal: Intersection, phases: tuple[int, ...], flow_veh_h: Floats) -> list[Stream]:
    """The streams of a signal under these stages."""
    serves = signal.serves[list(phases)]
    on_red = np.array([[aspect == TURN_ON_RED for aspect in signal.phases[p].lights] for p in phases])
    groups = [tuple(np.flatnonzero(g).tolist()) for g in lane_groups(signal.uses, serves)]
    grouped = {m for g in groups for m in g}
    alone = [(m,) for m, one in enumerate(signal.movements) if one.lanes and m not in grouped and one.saturation_veh_h > 0.0]
    full_veh_h = np.array([m.saturation_veh_h / max(len(m.lanes), 1) for m in signal.movements])
    lane_veh_h = np.where(on_red, full_veh_h * AFTER_STOPPING, np.where(serves > Serves.NOT, full_veh_h, 0.0))
    opposed = (on_red | (serves == Serves.PERMISSIVE)) & signal.yields_to.any(axis=1)
    found = []
    for movements in (*groups, *alone):
        some = list(movements)
        lanes = int(signal.uses[:, some].any(axis=1).sum())
        weight = flow_veh_h[some] + 1e-3  # an empty lane has the mean of its movements
        yielding = (opposed[:, some] * weight).sum(axis=1) / weight.sum()
        full = mixed(lane_veh_h[:, some], weight, lanes)
        found.append(Stream(i, movements, float(flow_veh_h[some].sum()), full, yielding, lanes))
    return sorted(found, key=lambda s: float(s.yielding.max()))  # who yields is worked out after whom it waits for


def mixed(lane_veh_h: Floats, weight: Floats, lanes: int) -> Floats:
    """Saturation flow [stage] of lanes that movements share, s = lanes * v / sum (v_m / s_m). HCM 2000, ch. 16."""
    takes_h = (weight / np.maximum(lane_veh_h, 1.0)).sum(axis=1)
    found: Floats = np.where((lane_veh_h > 0.0).any(axis=1), lanes * weight.sum() / takes_h, 0.0)
    return found


def foes_of(network: Network, streams: list[Stream]) -> list[list[int]]:
    """For each stream the streams of its signal that some of its movements yield to."""
    at: dict[int, list[int]] = {}
    for k, one in enumerate(streams):
        at.setdefault(one.signal, []).append(k)
    found = []
    for one in streams:
        waits_for: Bools = network.signals[one.signal].yields_to[np.array(one.movements)].any(axis=0)
        others = [k for k in at[one.signal] if streams[k] is not one and waits_for[list(streams[k].movements)].any()]
        found.append(others if one.yielding.any() else [])
    return found


def feeds_of(network: Network, flows: list[Floats], index: dict[tuple[int, int], int]) -> list[Feed]:
    """Who feeds whom, stream by stream (`index` of (signal, movement)); no stream is fed more than it carries."""
    parts = movement_feeds(network, flows)
    fed: dict[tuple[int, int], float] = {}
    for (_, _, b, v), (part, _, _) in parts.items():
        fed[b, v] = fed.get((b, v), 0.0) + part
    found: dict[tuple[int, int], Feed] = {}
    for (a, u, b, v), (part, length_m, speed_mps) in parts.items():
        if (a, u) in index and (b, v) in index:
            key = index[a, u], index[b, v]
            before = found[key].flow_veh_h if key in found else 0.0
            flow = before + part * min(1.0, flows[b][v] / fed[b, v])
            found[key] = Feed(*key, flow, length_m, length_m / speed_mps)
    return list(found.values())


def movement_feeds(network: Network, flows: list[Floats]) -> dict[tuple[int, int, int, int], tuple[float, float, float]]:
    """(from signal, movement, to signal, movement) -> (flow [veh/h], length [m], speed [m/s]) for all that carries something."""
    leads: dict[str, list[tuple[int, int]]] = {}
    for b, signal in enumerate(network.signals):
        for k, lane in enumerate(signal.lanes):
            for name in (lane.id, *lane.upstream):
                leads.setdefault(name, []).append((b, k))
    places = {s.id: i for i, s in enumerate(network.signals)}
    streets = {(places[s.from_signal], places[s.to_signal]): s for s in network.streets}
    found = {}
    for a, signal in enumerate(network.signals):
        for u, movement in enumerate(signal.movements):
            reached = {at for name in movement.exits for at in leads.get(name, ()) if at[0] != a}
            for b in {b for b, _ in reached}:
                street = streets.get((a, b))
                lanes = [k for at, k in reached if at == b]
                moves = np.flatnonzero(network.signals[b].uses[lanes].any(axis=0))
                total = float(flows[b][moves].sum())
                if street is None or total <= 0.0 or flows[a][u] <= 0.0:
                    continue
                for v in moves[flows[b][moves] > 0.0].tolist():
                    part = float(flows[a][u] * flows[b][v]) / total
                    found[a, u, b, v] = (part, street.length_m + movement.crossing_m, street.speed_mps)
    return found


def packed(signals: int, streams: list[Stream], feeds: list[Feed], foes: list[list[int]]) -> Links:
    """Streams, feeds and foes as the kernel's arrays."""
    n = len(streams)
    widest = max((s.saturation_veh_h.size for s in streams), default=1)
    saturation, yielding, storage_veh = np.zeros((n, widest)), np.zeros((n, widest)), np.full(n, np.inf)
    by_after: list[list[Feed]] = [[] for _ in range(n)]
    members: list[list[int]] = [[k for k, s in enumerate(streams) if s.signal == i] for i in range(signals)]
    for k, stream in enumerate(streams):
        saturation[k, : stream.saturation_veh_h.size] = stream.saturation_veh_h / SECONDS_PER_HOUR
        yielding[k, : stream.yielding.size] = stream.yielding
    for feed in feeds:
        by_after[feed.after].append(feed)
        room_veh = feed.length_m / VEHICLE_SPACE_M * streams[feed.after].lanes
        storage_veh[feed.after] = min(storage_veh[feed.after], room_veh)
        one = members[streams[feed.before].signal]
        if feed.after not in one:
            one.append(feed.after)
    flat = [feed for some in by_after for feed in some]
    return Links(
        signal=np.array([s.signal for s in streams], dtype=np.int64),
        flow_veh_s=np.array([s.flow_veh_h for s in streams]) / SECONDS_PER_HOUR,
        saturation_veh_s=saturation,
        yielding=yielding,
        foe_start=offsets([len(some) for some in foes]),
        foe=np.array([k for some in foes for k in some], dtype=np.int64),
        storage_veh=storage_veh,
        source_start=offsets([len(some) for some in by_after]),
        source=np.array([feed.before for feed in flat], dtype=np.int64),
        source_flow_veh_s=np.array([feed.flow_veh_h for feed in flat]) / SECONDS_PER_HOUR,
        source_travel_s=np.array([feed.travel_s for feed in flat]),
        member_start=offsets([len(some) for some in members]),
        member=np.array([k for some in members for k in some], dtype=np.int64),
    )


def offsets(sizes: list[int]) -> Ints:
    """Offsets [n + 1] of consecutive blocks of these sizes."""
    found: Ints = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    return found
