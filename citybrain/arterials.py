"""Arterials of a network: chains of signals that the heaviest straight-on flows run through, with the movements they take there.

Read the network with a sensing range as long as its streets: which lanes one signal feeds is told by the lanes' upstream traces.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isnan

import numpy as np

from signals.errors import ConfigError
from signals.layout import lay_out
from signals.types import Bools, Floats, Intersection, Network, Street, Turn

LEAST_SIGNALS = 2
LONGEST_M = 1000.0  # a platoon that drives farther has dispersed: half a mile to a mile, MUTCD 2009, sec. 4D.01
DETOUR = 1.6  # a street so much longer than the straight line leads round a block


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of an arterial: at each signal the movements that go along it, and how long it takes from the one before."""

    signals: tuple[int, ...]  # in the order of travel
    movements: tuple[Bools, ...]
    """at each signal [movement] those that run along the arterial"""
    distance_m: Floats
    """[signal] from the first stop line"""
    travel_s: Floats
    """[signal] from the first stop line, at the streets' speeds"""
    flow_veh_h: Floats
    """[signal] along the arterial"""


@dataclass(frozen=True, slots=True)
class Arterial:
    """Signals along a street, and its directions: `forward` in their order, `back` against it; None where there is no way."""

    signals: tuple[str, ...]
    forward: Way | None
    back: Way | None

    @property
    def ways(self) -> tuple[Way, ...]:
        """The directions there are."""
        return tuple(way for way in (self.forward, self.back) if way is not None)


class Links:
    """Which movement of a signal leads into which lanes of the next: looked up once per network."""

    def __init__(self, network: Network, flow_veh_h: Floats) -> None:
        self.network = network
        self.flows = np.split(flow_veh_h, lay_out(network).movement_start[1:-1])
        self.index = {s.id: i for i, s in enumerate(network.signals)}
        self.streets = {(self.index[s.from_signal], self.index[s.to_signal]): s for s in network.streets}
        self.direct = [ends for ends, street in self.streets.items() if is_direct(network, ends, street)]
        self._fed: dict[tuple[int, int], tuple[Bools, Bools]] = {}

    def fed(self, a: int, b: int) -> tuple[Bools, Bools]:
        """(movements of `a` [movement] that lead to `b`, movements of `b` [movement] that they reach)."""
        if (a, b) not in self._fed:
            self._fed[a, b] = fed(self.network.signals[a], self.network.signals[b])
        return self._fed[a, b]

    def along(self, before: int | None, here: int, after: int | None) -> Bools:
        """[movement] those that come from `before` and lead to `after`; straight on, unless only turns do."""
        signal = self.network.signals[here]
        found = np.array([bool(m.lanes) for m in signal.movements])
        if before is not None:
            found &= self.fed(before, here)[1]
        if after is not None:
            found &= self.fed(here, after)[0]
        straight = found & np.array([m.turn is Turn.THROUGH for m in signal.movements])
        found = straight if straight.any() else found
        return one_approach(signal, found, self.flows[here]) if before is None else found

    def straight(self, before: int, here: int, after: int) -> float:
        """Flow straight on from `before` to `after` [veh/h]; NaN where no lane leads so."""
        signal = self.network.signals[here]
        through = np.array([m.turn is Turn.THROUGH for m in signal.movements])
        found = self.fed(before, here)[1] & self.fed(here, after)[0] & through
        return float(self.flows[here][found].sum()) if found.any() else float("nan")


def is_direct(network: Network, ends: tuple[int, int], street: Street) -> bool:
    """Whether a street is short and straight enough for a platoon to hold together."""
    a, b = (network.signals[i] for i in ends)
    apart_m = float(np.hypot(a.x_m - b.x_m, a.y_m - b.y_m))
    return street.length_m <= min(LONGEST_M, max(DETOUR * apart_m, apart_m + 50.0))


def fed(a: Intersection, b: Intersection) -> tuple[Bools, Bools]:
    """Movements of `a` that lead into lanes of `b`, and the movements of `b` that leave from those lanes."""
    exits = {lane for m in a.movements for lane in m.exits}
    reached = [exits & {lane.id, *lane.upstream} for lane in b.lanes]
    entered: set[str] = set().union(*reached)
    leads = np.array([bool(entered & set(m.exits)) for m in a.movements])
    movements: Bools = np.asarray(b.uses[[bool(some) for some in reached]].any(axis=0), dtype=np.bool_)
    return leads, movements


def one_approach(signal: Intersection, found: Bools, flow_veh_h: Floats) -> Bools:
    """Those of the found movements that come from the approach with the most flow."""
    approaches = [m.approach for m in signal.movements]
    flows = {a: sum(flow_veh_h[m] for m in np.flatnonzero(found) if approaches[m] == a) for a in dict.fromkeys(approaches)}
    lit = {approaches[m] for m in np.flatnonzero(found)}
    best = max(lit, key=lambda a: flows[a], default="")
    of_best: Bools = found & np.array([a == best for a in approaches])
    return of_best


def arterials(network: Network, flow_veh_h: Floats, most: int = 6) -> tuple[Arterial, ...]:
    """The heaviest arterials: every street goes on where most of its straight flow goes; parts of others drop out.

    Two signals make an arterial only where no three do.
    """
    links = Links(network, flow_veh_h)
    chains = [c for c in straight_chains(links) if len(c) >= LEAST_SIGNALS]
    chains = [c for k, c in enumerate(chains) if not any(covers(other, c, k < j) for j, other in enumerate(chains) if j != k)]
    longer = [c for c in chains if len(c) > LEAST_SIGNALS] or chains
    heaviest = sorted(longer, key=lambda c: -chain_weight(links, c))[:most]
    return tuple(arterial_of(links, c) for c in heaviest)


def straight_chains(links: Links) -> list[tuple[int, ...]]:
    """Maximal chains of signals: a street is followed by the one that takes most of its straight flow, and by one street only."""
    after: dict[tuple[int, int], tuple[int, int]] = {}
    taken: dict[tuple[int, int], float] = {}
    for a, b in links.direct:
        ways = {c: links.straight(a, b, c) for x, c in links.direct if x == b and c != a}
        ways = {c: flow for c, flow in ways.items() if not isnan(flow)}
        if not ways:
            continue
        c = max(ways, key=lambda one: ways[one])
        if ways[c] > taken.get((b, c), -1.0):
            for old in [street for street, following in after.items() if following == (b, c)]:
                del after[old]
            after[a, b], taken[b, c] = (b, c), ways[c]
    followers = set(after.values())
    chains = []
    for street in links.direct:
        if street in followers:
            continue
        chain, now = [*street], street
        while now in after and after[now][1] not in chain:
            now = after[now]
            chain.append(now[1])
        chains.append(tuple(chain))
    return chains


def chain_weight(links: Links, chain: tuple[int, ...]) -> float:
    """Vehicles that pass its signals along it, both directions together [veh/h]."""
    return sum(float(way.flow_veh_h.sum()) for way in arterial_of(links, chain).ways)


def covers(other: tuple[int, ...], chain: tuple[int, ...], first: bool) -> bool:
    """Whether a chain is part of another in either direction; of two that are the same, the later one is (`first`: not this one)."""
    n = len(chain)
    if n == len(other) and first:
        return False
    parts = {other[k : k + n] for k in range(len(other) - n + 1)}
    return chain in parts or chain[::-1] in parts


def named_arterial(network: Network, flow_veh_h: Floats, names: list[str]) -> Arterial:
    """The arterial through these signals in this order; ConfigError where one is unknown or no street joins two of them."""
    links = Links(network, flow_veh_h)
    unknown = [name for name in names if name not in links.index]
    if unknown:
        raise ConfigError(f"no signal {unknown[0]!r} in this network; there are {', '.join(sorted(links.index)[:12])}")
    found = arterial_of(links, tuple(links.index[name] for name in names), roundabout=True)
    if len(names) < LEAST_SIGNALS or not found.ways:
        raise ConfigError(f"{','.join(names)}: no street leads through these signals in this order or back")
    return found


def arterial_of(links: Links, chain: tuple[int, ...], roundabout: bool = False) -> Arterial:
    """The arterial along a chain of signals, with the directions that its streets allow; `roundabout`: a long way back counts too."""
    names = tuple(links.network.signals[i].id for i in chain)
    back = way_along(links, chain[::-1])
    straight = all(ends in links.direct for ends in pairwise(chain[::-1]))
    return Arterial(names, way_along(links, chain), back if straight or roundabout else None)


def way_along(links: Links, chain: tuple[int, ...]) -> Way | None:
    """One direction; None where a street or a movement is missing."""
    ends = [None, *chain, None]
    movements = tuple(links.along(ends[k], here, ends[k + 2]) for k, here in enumerate(chain))
    streets: list[Street | None] = [links.streets.get((a, b)) for a, b in pairwise(chain)]
    if not all(m.any() for m in movements) or any(s is None for s in streets):
        return None
    step_m, step_s = [0.0], [0.0]
    for here, lit, street in zip(chain, movements, streets, strict=False):
        if street is not None:
            inside_m = min(links.network.signals[here].movements[m].crossing_m for m in np.flatnonzero(lit))
            step_m.append(inside_m + street.length_m)
            step_s.append((inside_m + street.length_m) / street.speed_mps)
    flows = np.array([links.flows[here][lit].sum() for here, lit in zip(chain, movements, strict=True)])
    return Way(chain, movements, np.cumsum(step_m), np.cumsum(step_s), flows)
