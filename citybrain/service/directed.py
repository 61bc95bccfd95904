"""A planner under orders: it proposes what the planner inside proposes, but for signals that a person has put on something.

A phase held by hand and a fixed plan are wishes like any other: they pass through the same safety check.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from citybrain.service.orders import Orders, Standing, repeating
from citybrain.service.shards import Part, axes_of, part_of
from signals.layout import Layout, lay_out
from signals.planners.base import Planner
from signals.planners.sequence import sequences
from signals.types import ApprovedPlan, FlowForecast, Network, Observation, SafetyEnvelope, TimingPlan

LEASE_S = 900.0  # a fixed plan is said for so long, and said anew when half of it is over


@dataclass(frozen=True, slots=True)
class Held:
    """A signal of the network as one of its own, for a wish that concerns it alone."""

    part: Part = field(repr=False)
    layout: Layout = field(repr=False)


class Directed:
    """Lives as long as its shard; `follow` tells it the orders that stand."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...], planner: Planner) -> None:
        self.planner = planner
        self._network, self._limits = network, limits
        self._axes = axes_of(network)
        self._index = {s.id: i for i, s in enumerate(network.signals)}
        self._standing: dict[int, Standing] = {}
        self._held: dict[int, Held] = {}

    def follow(self, orders: Orders) -> None:
        """Go by these orders from now on."""
        self._standing = {self._index[name]: one for name, one in orders.standing.items() if name in self._index}

    def stands(self, i: int) -> bool:
        """Whether a person has put a signal on something."""
        return i in self._standing

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """The planner's wish, with people's wishes in place of it where they gave any."""
        wish = self.planner.propose(network, observed, forecast, running)
        if not self._standing:
            return wish
        plans = list(wish)
        for i, one in self._standing.items():
            if one.until_s > observed.now_s:
                plans[i] = self._by_hand(i, one, observed, running) if one.by_hand else self._fixed(i, one, observed.now_s, running[i])
        return tuple(plans)

    def _by_hand(self, i: int, one: Standing, observed: Observation, running: tuple[ApprovedPlan, ...]) -> TimingPlan:
        """Towards the phase that is held, and no longer than it is; who waits too long is served between."""
        if i not in self._held:
            part = part_of(self._network, self._axes, np.array([i]))
            self._held[i] = Held(part, lay_out(part.network))
        held = self._held[i]
        seen, limits = held.part.observed(observed), (self._limits[i],)
        return sequences(held.part.network, held.layout, seen, limits, np.array([one.phase]), (running[i],))[0]

    def _fixed(self, i: int, one: Standing, now_s: float, running: ApprovedPlan) -> TimingPlan:
        """The repeating plan; the very one that runs, lent for longer when half of its time is over."""
        now, signal = running.plan, self._network.signals[i]
        plan = repeating(signal, one.stages, one.offset_s, now_s, now_s + LEASE_S)
        if plan.stages == signal.base.stages and plan.offset_s == signal.base.offset_s:
            return signal.base
        if not (now.repeats and now.stages == plan.stages and now.offset_s == plan.offset_s):
            return plan
        return now if now.valid_until_s - now_s > 0.5 * LEASE_S else replace(now, valid_until_s=now_s + LEASE_S)
