"""A scenario as a twin: read once (`twin_of`), then run as often as wanted, each run with its own seed (`Twin.run`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rl.simulation import Site
from rl.twin import flow
from rl.twin.state import Driving, Traffic, Trips, empty
from rl.twin.streets import Legs, Streets, lay_streets
from signals.errors import ScenarioError
from signals.layout import Layout, lay_out, starts
from signals.types import Floats, Ints
from sumo_nets.link_graph import LinkGraph, read_links
from sumo_nets.routes_read import Journey, read_journeys

FACTOR_RANGE = (0.2, 2.0)  # of a driver's factor on speed limits, as in SUMO


@dataclass(frozen=True, slots=True)
class Twin:
    """What all runs of a scenario share."""

    site: Site
    layout: Layout
    streets: Streets
    journeys: tuple[Journey, ...]
    leg: Ints
    """[journey]"""
    exit_start: Ints
    """[movement + 1]"""
    exit_lane: Ints
    """receiving lanes of each movement, one after the other"""
    driving: Driving

    @property
    def begin_s(self) -> float:
        """When a run begins, on the scenario's clock."""
        return self.site.scenario.begin_s

    @property
    def span_s(self) -> float:
        """Length of a run."""
        return self.site.scenario.end_s - self.site.scenario.begin_s

    @property
    def entries(self) -> tuple[str, ...]:
        """[entry] the edges on which journeys begin."""
        return tuple(dict.fromkeys(j.edges[0] for j in self.journeys))

    def trips(self, seed: int, demand: float = 1.0) -> Trips:
        """The demand of one run: drivers differ by chance; with `demand` times as many vehicles, chosen and shifted by chance."""
        rng = np.random.default_rng(seed)
        times = np.floor(demand + rng.random(len(self.journeys))).astype(np.int64) if demand != 1.0 else 1
        who = np.repeat(np.arange(len(self.journeys)), times)
        again = np.concatenate(([False], who[1:] == who[:-1])) if who.size else np.zeros(0, dtype=bool)
        due_s = np.array([self.journeys[k].due_s for k in who]) - self.begin_s
        due_s = np.where(again, np.clip(due_s + rng.uniform(-60.0, 60.0, who.size), 0.0, self.span_s), due_s)
        number = {edge: k for k, edge in enumerate(self.entries)}
        entry = np.array([number[self.journeys[k].edges[0]] for k in who], dtype=np.int64)
        order = np.lexsort((due_s, entry))
        kinds = [self.journeys[k].kind for k in who[order]]
        spread = np.array([k.speed_dev for k in kinds])
        accel_mps2 = np.array([k.accel_mps2 for k in kinds])
        dawdling = np.array([k.dawdling for k in kinds])
        return Trips(
            entry_start=starts(np.bincount(entry, minlength=len(number)).tolist()),
            due_s=due_s[order],
            leg=self.leg[who[order]],
            factor=np.clip(rng.normal(1.0, np.maximum(spread, 1e-12)), *FACTOR_RANGE),
            max_mps=np.array([k.max_mps for k in kinds]),
            accel_mps2=accel_mps2 * (1.0 - 0.5 * dawdling),
            dawdle_mps=0.5 * dawdling * accel_mps2,
            space_m=np.array([k.length_m + k.gap_m for k in kinds]),
            length_m=np.array([k.length_m for k in kinds]),
        )

    def run(self, seed: int, demand: float = 1.0) -> Run:
        """A run at its beginning."""
        trips = self.trips(seed, demand)
        return Run(self, trips, empty(self.streets, trips, self.layout.movements))


@dataclass(slots=True)
class Run:
    """One run of a twin: its traffic, and how far it is."""

    twin: Twin
    trips: Trips
    traffic: Traffic
    now_s: float = 0.0
    """since the beginning"""

    def advance(self, lights: Ints) -> None:
        """Go on under these aspects [second, movement]."""
        flow.advance(self.now_s, lights.shape[0], lights, self.twin.streets, self.trips, self.traffic, self.twin.driving)
        self.now_s += lights.shape[0]

    def waiting_veh(self) -> Floats:
        """Who is due and waits outside [entry]."""
        first, trips = self.traffic.next_trip, self.trips
        return np.array(
            [np.searchsorted(trips.due_s[k:end], self.now_s) for k, end in zip(first, trips.entry_start[1:], strict=True)],
            dtype=np.float64,
        )

    def delays_s(self) -> Floats:
        """Delay so far of every trip due so far [trip]."""
        found: Floats = flow.delays_s(self.now_s, self.twin.streets, self.trips, self.traffic)
        return found[~np.isnan(found)]

    def delay_s_per_veh(self) -> float:
        """Mean over all trips due, let in or not: the twin's figure beside `delay_s_per_veh` of a SUMO run."""
        found = self.delays_s()
        return float(found.mean()) if found.size else 0.0


def twin_of(site: Site, driving: Driving | None = None) -> Twin:
    """Read a scenario's streets and demand; ScenarioError where no route of it hangs together."""
    graph = read_links(site.scenario.net)
    journeys, legs, leg = _routed(read_journeys(site.scenario), graph)
    if not journeys:
        raise ScenarioError(f"{site.scenario.name}: no vehicle of its demand has a route through its net")
    layout = lay_out(site.network)
    space_m = float(np.mean([j.kind.length_m + j.kind.gap_m for j in journeys]))
    streets = lay_streets(graph, legs, site.network, layout, space_m)
    place = {lane.id: k for k, lane in enumerate(graph.lanes)}
    exits = [[place[e] for e in m.exits if e in place] for s in site.network.signals for m in s.movements]
    return Twin(
        site=site,
        layout=layout,
        streets=streets,
        journeys=journeys,
        leg=leg,
        exit_start=starts([len(some) for some in exits]),
        exit_lane=np.array([lane for some in exits for lane in some], dtype=np.int64),
        driving=driving or Driving(),
    )


def _routed(journeys: Sequence[Journey], graph: LinkGraph) -> tuple[tuple[Journey, ...], Legs, Ints]:
    """The journeys whose edges hang together, and the leg that each begins with [journey]."""
    legs = Legs(graph)
    numbers = {edges: legs.number(edges) for edges in dict.fromkeys(j.edges for j in journeys)}
    kept = tuple(j for j in journeys if numbers[j.edges] >= 0)
    return kept, legs, np.array([numbers[j.edges] for j in kept], dtype=np.int64)
