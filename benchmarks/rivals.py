"""Ten controllers of every quality, from chance to the shipped policy: what a model of traffic must be able to rank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from citybrain import assemble
from rl.action import Wish
from signals.layout import lay_out
from signals.planners.base import Planner
from signals.types import ApprovedPlan, Floats, FlowForecast, Ints, Network, Observation, SafetyEnvelope, TimingPlan

CHANCE_SEED = 20240418
TURN_S = 30.0

Choice = Callable[[Observation, np.random.Generator], Ints]


@dataclass(slots=True)
class Simple:
    """A planner that needs only a choice of phases [signal] from what is seen now."""

    wish: Wish
    choose: Choice
    rng: np.random.Generator

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """One plan a signal towards the chosen phase."""
        self.wish.wanted = self.choose(observed, self.rng)
        return self.wish.propose(network, observed, forecast, running)


def chance(network: Network, limits: tuple[SafetyEnvelope, ...]) -> Planner:
    """Any phase, at every decision."""
    lay = lay_out(network)
    return Simple(Wish(lay, limits), lambda seen, rng: rng.integers(0, lay.phases), np.random.default_rng(CHANCE_SEED))


def in_turn(network: Network, limits: tuple[SafetyEnvelope, ...]) -> Planner:
    """All phases one after the other, half a minute each."""
    lay = lay_out(network)

    def choose(seen: Observation, rng: np.random.Generator) -> Ints:
        return np.where(seen.age_s >= TURN_S - limits[0].decision_s, (seen.phase + 1) % lay.phases, seen.phase)

    return Simple(Wish(lay, limits), choose, np.random.default_rng(CHANCE_SEED))


def longest_queue(network: Network, limits: tuple[SafetyEnvelope, ...]) -> Planner:
    """The phase that serves most of who stand in the queues now; the running one where it is as good."""
    lay = lay_out(network)
    at = np.arange(len(lay.phases))

    def choose(seen: Observation, rng: np.random.Generator) -> Ints:
        queue_veh: Floats = np.zeros((len(lay.phases), lay.serves.shape[2]))
        queue_veh[lay.signal_of, lay.place_of] = np.nan_to_num(seen.queue_veh)
        served_veh = ((lay.serves > 0) * queue_veh[:, None, :]).sum(axis=2)
        best: Ints = served_veh.argmax(axis=1)
        return np.where(served_veh[at, seen.phase] >= served_veh[at, best], seen.phase, best)

    return Simple(Wish(lay, limits), choose, np.random.default_rng(CHANCE_SEED))


OWN: dict[str, Callable[[Network, tuple[SafetyEnvelope, ...]], Planner]] = {
    "chance": chance,
    "in_turn": in_turn,
    "longest_queue": longest_queue,
}
FIXED = "fixed"
RIVALS = (
    FIXED,
    *OWN,
    "gap_out",
    "webster",
    "cyclic_pressure",
    "max_pressure",
    "rolling_horizon",
    "learned",
)
"""`fixed` has no planner: the cabinets run their base plans."""


def rival(name: str, network: Network, limits: tuple[SafetyEnvelope, ...]) -> Planner:
    """The planner of a rival's name; ConfigError for `fixed`, which has none."""
    return OWN[name](network, limits) if name in OWN else assemble.planner(name, network, limits)
