"""The engine: observes the city, plans its shards in turn through the same five statements as everywhere, and pushes what modes allow.

One tick: observe all signals; plan the shards that are due; push. What is in force at a signal that no plan may be pushed to is its own
base plan: what was worked out for it stays aside, to be looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from citybrain.service.counted import Counted
from citybrain.service.desk import Mode
from citybrain.service.directed import Directed
from citybrain.service.orders import Orders
from citybrain.service.shards import AT_ONCE, LARGEST_SHARD, Part, axes_of, part_of, shards_of, turn_of
from signals.layout import TURN_CODES, lay_out
from signals.links.base import ControllerLink
from signals.loop import ControlLoop, Forecaster
from signals.planners.base import Planner
from signals.rules import Rules, envelope
from signals.safety import adopt
from signals.types import ApprovedPlan, Bools, Floats, FlowForecast, Network, Observation, SafetyEnvelope, Tick, Turn

MakePlanner = Callable[[str, Network, tuple[SafetyEnvelope, ...]], Planner]
MakeForecaster = Callable[[Network], Forecaster]


class Gate(ControllerLink):
    """The wire of a shard: hands on the observation that was made for all, and lets through the plans that may be pushed."""

    def __init__(self, base: tuple[ApprovedPlan, ...]) -> None:
        self.base = base
        self.observed: Observation | None = None
        self.open: Bools = np.zeros(len(base), dtype=np.bool_)
        self.admitted = base

    def observe(self, now_s: float) -> Observation:
        """What was observed for the whole city at this moment."""
        if self.observed is None:
            raise RuntimeError("a gate was asked before it was given an observation")
        return self.observed

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Keep what may pass; the base plan stands in for the rest."""
        states = zip(plans, self.base, self.open.tolist(), strict=True)
        self.admitted = plans if self.open.all() else tuple(plan if passes else base for plan, base, passes in states)

    def release(self) -> None:
        """Back to the base plans."""
        self.admitted = self.base


@dataclass(slots=True)
class Shard:
    """A part of the city with its own loop; `last` is its newest tick, plans not pushed included."""

    part: Part
    limits: tuple[SafetyEnvelope, ...]
    loop: ControlLoop
    gate: Gate
    directed: Directed
    due_s: float = -math.inf
    last: Tick | None = None
    before: tuple[ApprovedPlan, ...] = ()  # what was in force when it was made


@dataclass(frozen=True, slots=True)
class CityTick:
    """What one pass did: the city observed, the shards that were planned, and what is in force everywhere."""

    now_s: float
    observed: Observation = field(repr=False)
    planned: tuple[int, ...]
    plans: tuple[ApprovedPlan, ...] = field(repr=False)


class Engine:
    """Lives as long as the service; `tick` is called once a second by one thread."""

    def __init__(
        self,
        network: Network,
        rules: Rules,
        link: ControllerLink,
        make_planner: MakePlanner,
        make_forecaster: MakeForecaster,
        orders: Orders,
        *,
        now_s: float,
        largest: int = LARGEST_SHARD,
    ) -> None:
        self.network, self.link, self.orders = network, link, orders
        parts = shards_of(network, largest)
        self.turn_s = max(rules.decision_s, turn_of(len(parts)))
        self.rules = replace(rules, decision_s=self.turn_s)
        self._make_planner, self._make_forecaster = make_planner, make_forecaster
        self.limits = envelopes(network, self.rules)
        self.base = adopt(network, now_s)
        self._index = {s.id: i for i, s in enumerate(network.signals)}
        self.shards = tuple(self._shard(part, make_forecaster) for part in parts)
        self.shard_of = np.zeros(len(network.signals), dtype=np.int64)
        self.place_of = np.zeros(len(network.signals), dtype=np.int64)
        for k, shard in enumerate(self.shards):
            self.shard_of[shard.part.signals] = k
            self.place_of[shard.part.signals] = np.arange(shard.part.signals.size)
        self._axes = axes_of(network)
        self._plans = list(self.base)
        self._counted = Counted(int(self._axes.movement_start[-1]))
        self.fit = np.ones(len(network.signals), dtype=np.bool_)
        self.observed: Observation | None = None
        self._ones: dict[int, Shard] = {}
        self.follow(orders)

    def _shard(self, part: Part, make_forecaster: MakeForecaster) -> Shard:
        limits = tuple(self.limits[i] for i in part.signals.tolist())
        base = tuple(self.base[i] for i in part.signals.tolist())
        directed = Directed(part.network, limits, self._make_planner(self.orders.controller, part.network, limits))
        gate = Gate(base)
        loop = ControlLoop(part.network, limits, gate, directed, make_forecaster(part.network), base)
        return Shard(part, limits, loop, gate, directed)

    def follow(self, orders: Orders) -> None:
        """Go by these orders from the next tick on; another controller is built at once, before it is needed."""
        if orders.controller != self.orders.controller:
            planners = [self._make_planner(orders.controller, shard.part.network, shard.limits) for shard in self.shards]
            for shard, planner in zip(self.shards, planners, strict=True):
                shard.directed.planner = planner
            self._ones.clear()
        self.orders = orders
        for shard in self.shards:
            shard.directed.follow(orders)
        self.open_gates()

    def open_gates(self) -> None:
        """Let plans pass to signals in automatic mode that are fit for it, and to those that a person put on something."""
        orders, n = self.orders, len(self.network.signals)
        automatic = np.full(n, orders.mode is Mode.AUTOMATIC)
        by_person = np.zeros(n, dtype=np.bool_)
        for name, mode in orders.modes.items():
            if name in self._index:
                automatic[self._index[name]] = mode is Mode.AUTOMATIC
        for name in orders.standing:
            if name in self._index:
                by_person[self._index[name]] = True
        passes = (automatic & self.fit) | by_person
        for shard in self.shards:
            shard.gate.open = passes[shard.part.signals]

    def due(self, now_s: float) -> list[int]:
        """The shards to be planned now: at most one share of the turn at once, the longest overdue first."""
        count = len(self.shards)
        if count == 1:
            return [0] if now_s >= self.shards[0].due_s - 1e-6 else []
        share = math.ceil(count / self.turn_s)
        late = [k for k in range(count) if now_s >= self.shards[k].due_s - 1e-6]
        return sorted(late, key=lambda k: self.shards[k].due_s)[:share]

    def tick(self, now_s: float) -> CityTick:
        """Observe the city, plan the shards that are due, push."""
        observed = self.link.observe(now_s)
        self.observed = observed
        self._counted.add(observed.counts_veh)
        planned = self.due(now_s)
        self._plan_all(planned, observed)
        self.push()
        return CityTick(now_s, observed, tuple(planned), tuple(self._plans))

    def forget(self) -> None:
        """The street's clock has jumped: forecasters begin anew, plans of another time give way to base plans, all is due now."""
        for shard in self.shards:
            shard.loop.forecaster = self._make_forecaster(shard.part.network)
            shard.due_s, shard.last = -math.inf, None
            shard.loop.running = shard.gate.base
        self._plans = list(self.base)
        self._counted.taken()
        self._ones.clear()

    def _plan_all(self, planned: list[int], observed: Observation) -> None:
        """Several shards side by side: they share nothing that is written."""
        if len(planned) < 2:
            for k in planned:
                self._plan(k, observed)
            return
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(lambda k: self._plan(k, observed), planned))

    def _plan(self, k: int, observed: Observation) -> None:
        shard = self.shards[k]
        shard.gate.observed = shard.part.observed(observed, self._counted.taken(shard.part.movements))
        shard.before = shard.loop.running
        shard.last = shard.loop.tick(observed.now_s)
        shard.loop.running = shard.gate.admitted
        shard.due_s = observed.now_s + self.turn_s
        if shard.part.whole:
            self._plans = list(shard.gate.admitted)
            return
        for i, plan in zip(shard.part.signals.tolist(), shard.gate.admitted, strict=True):
            self._plans[i] = plan

    def push(self) -> None:
        """Hand all plans in force to the link, which sends what is new."""
        self.link.push(tuple(self._plans))

    def react(self, i: int, glance: Observation | None = None) -> ApprovedPlan:
        """Plan one signal at once, from the newest observation of the city or from a glance at this signal alone, and push it."""
        if glance is None and self.observed is None:
            return self._plans[i]
        one, shard, place = self.one(i), self.shards[int(self.shard_of[i])], int(self.place_of[i])
        one.gate.open = shard.gate.open[place : place + 1]
        one.gate.observed = self.glance(i) if glance is None else glance
        one.directed.follow(self.orders)
        one.loop.running = (shard.loop.running[place],)
        one.loop.forecaster = Spoken(self.forecast(i))
        one.last = one.loop.tick(one.gate.observed.now_s)
        plan = one.gate.admitted[0]
        if plan is not shard.loop.running[place]:
            shard.loop.running = (*shard.loop.running[:place], plan, *shard.loop.running[place + 1 :])
        if plan is not self._plans[i]:
            self._plans[i] = plan
            self.push()
        return plan

    def glance(self, i: int) -> Observation:
        """A signal's share of the newest observation; RuntimeError before the first."""
        if self.observed is None:
            raise RuntimeError("a glance was asked for before the first observation")
        return self.one(i).part.observed(self.observed)

    def one(self, i: int) -> Shard:
        """The signal as a city of its own, made when it is first asked for."""
        if i not in self._ones:
            if len(self._ones) >= MOST_ONES:
                self._ones.pop(next(iter(self._ones)))
            self._ones[i] = self._shard(part_of(self.network, self._axes, np.array([i])), lambda network: Spoken(None))
        return self._ones[i]

    def forecast(self, i: int) -> FlowForecast | None:
        """What its shard last expected at a signal."""
        shard, place = self.shards[int(self.shard_of[i])], int(self.place_of[i])
        if shard.last is None or shard.last.forecast is None:
            return None
        start = shard.part.own.movement_start
        return columns(shard.last.forecast, int(start[place]), int(start[place + 1]))

    def plan_of(self, i: int) -> ApprovedPlan:
        """What is in force at a signal."""
        return self._plans[i]

    def wish_of(self, i: int) -> ApprovedPlan | None:
        """What was worked out for a signal last, pushed or not."""
        shard = self.shards[int(self.shard_of[i])]
        return None if shard.last is None else shard.last.plans[int(self.place_of[i])]

    def release(self) -> None:
        """Give every signal back to its base plan."""
        self.link.release()


def columns(of: FlowForecast, first: int, last: int) -> FlowForecast:
    """The forecast of the movements from `first` to `last` - 1."""
    own = slice(first, last)
    flows = of.flow_veh_h[:, own], of.low_veh_h[:, own], of.high_veh_h[:, own]
    return FlowForecast(of.made_at_s, of.start_s, of.bin_s, *flows, of.rung[own])


MOST_ONES = 256  # signals that are kept ready to be planned alone


@dataclass(frozen=True, slots=True)
class Spoken:
    """A forecaster that repeats what another one has said."""

    forecast: FlowForecast | None

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        """What was said."""
        return self.forecast


def envelopes(network: Network, rules: Rules) -> tuple[SafetyEnvelope, ...]:
    """[signal] the envelopes under these rules; signals that rules cannot tell apart share one, so that a large city stays small."""
    known: dict[tuple[int, tuple[tuple[int, float], ...], bytes], SafetyEnvelope] = {}
    found = []
    layout = lay_out(network)
    crossed = set(layout.signal_of[layout.movement_turn == TURN_CODES[Turn.CROSSING]].tolist())
    for i, signal in enumerate(network.signals):
        listed = enumerate(signal.movements) if i in crossed else ()
        crossings = tuple((m, one.crossing_m) for m, one in listed if one.turn is Turn.CROSSING)
        key = (len(signal.phases), crossings, signal.serves.tobytes() if crossings else b"")
        if key not in known:
            known[key] = envelope(signal, rules)
        found.append(known[key])
    return tuple(found)
