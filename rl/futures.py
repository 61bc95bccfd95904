"""What other choices would have led to: exact futures of a running SUMO simulation, each played in a fork of this process.

A fork of a libsumo process is an exact copy, random numbers and vehicles yet to depart included. So the same minute can be lived once for
each phase that a signal might choose next, everybody else following the policy, and the seconds lost in it compared. That knows
what no sensor knows: it teaches (`rl.lessons`), it never decides. Policy improvement by rollouts: Tesauro and Galperin 1996.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rl import features
from rl.choice import Choice, eligible
from rl.lessons import Lesson
from rl.observation import Rows
from rl.simulation import Simulation
from rl.time_loss import TimeLoss
from signals.types import Floats, Ints, Network, Observation
from sumo_nets.fork import in_fork


@dataclass(frozen=True, slots=True)
class Teaching:
    """How futures are played, and of which decisions."""

    horizon_s: float = 90.0
    alternatives: int = 2  # phases tried beside the policy's own choice, by the lookahead's price
    within_s: float = 80.0  # only phases at most so much dearer than the cheapest
    share: float = 1.0  # of the decisions
    wander: float = 0.03  # of the other decisions, taken at random: states off the policy's path are known as well


@dataclass(frozen=True, slots=True)
class Future:
    """What became of one joint choice."""

    taken: Ints
    """[signal] phases that were wished for, after groups settled"""
    lost_s: Floats
    """[signal] vehicle seconds lost until the horizon, by the signal ahead"""


Live = Callable[[dict[int, int]], Future]
"""What becomes of a run if these signals take these phases next."""


class Run(Protocol):
    """A run that is decided about: SUMO's or the twin's."""

    @property
    def over(self) -> bool:
        """Whether the hour has passed."""
        ...

    def rows(self) -> Rows:
        """What the policy sees now."""
        ...

    def observed(self) -> Observation:
        """What the sensors say now."""
        ...

    def decide(self, wanted: Ints) -> Floats:
        """Go on to the next decision."""
        ...


def lessons(simulation: Simulation, choice: Choice, teaching: Teaching, rng: np.random.Generator) -> Iterator[Lesson]:
    """Run the episode under the policy, and yield what the futures of its decisions teach."""
    network = simulation.where.network
    losses = TimeLoss(simulation.sumo, network)
    return lessons_of(
        simulation,
        choice,
        teaching,
        neighbourhoods(network),
        rng,
        live=lambda forced: future(simulation, choice, losses, forced, teaching.horizon_s),
        went_on=lambda: losses.since_last(simulation),
    )


def lessons_of(
    simulation: Run, choice: Choice, teaching: Teaching, near: list[frozenset[int]], rng: np.random.Generator, live: Live,
    went_on: Callable[[], object],
) -> Iterator[Lesson]:  # fmt: skip
    """The lessons of any run whose futures can be lived; `went_on` is called after each decision of the run itself."""
    while not simulation.over:
        rows, observed = simulation.rows(), simulation.observed()
        wanted = choice.wanted(rows, observed)
        others = alternatives(rows, wanted, teaching)
        open_to_choice = [i for i, phases in enumerate(others) if phases.size and observed.age_s[i] >= 0.0]
        if open_to_choice and rng.random() < teaching.share:
            picked = apart(rng.permutation(open_to_choice), near)
            yield from taught(live, rows, wanted, {i: others[i] for i in picked}, near)
        strays = {i: int(rng.choice(others[i])) for i in open_to_choice if rng.random() < teaching.wander}
        simulation.decide(choice.wanted(rows, observed, strays) if strays else wanted)
        went_on()


def taught(live: Live, rows: Rows, wanted: Ints, others: Mapping[int, Ints], near: list[frozenset[int]]) -> Iterator[Lesson]:
    """One lesson a signal. Signals whose neighbourhoods are apart try their alternatives in the same future."""
    base = live({i: int(wanted[i]) for i in others})
    costs_s = {i: np.full(rows.shape[1], np.nan) for i in others}
    for k in range(max(len(phases) for phases in others.values())):
        tried = {i: int(phases[k]) for i, phases in others.items() if k < len(phases)}
        what_if = live(tried)
        for i, phase in tried.items():
            if what_if.taken[i] == phase:  # its group may have found no way to take it
                around = list(near[i])
                costs_s[i][phase] = what_if.lost_s[around].sum() - base.lost_s[around].sum()
    for i in others:
        if base.taken[i] == wanted[i] and np.isfinite(costs_s[i]).any():
            costs_s[i][wanted[i]] = 0.0
            yield Lesson(rows[i].copy(), int(wanted[i]), costs_s[i])


def future(simulation: Simulation, choice: Choice, losses: TimeLoss, forced: dict[int, int], horizon_s: float) -> Future:
    """Live on in a fork with some signals' next phases given; LinkError where the fork failed."""
    n = len(simulation.where.network.signals)

    def play() -> bytes:
        gc.disable()  # a collection would touch, and so copy, every page
        return np.concatenate(lived(simulation, choice, losses, forced, horizon_s)).tobytes()

    numbers = np.frombuffer(in_fork(play, f"{simulation.where.scenario.name}: a future of {simulation.now_s:g} s"))
    return Future(numbers[:n].astype(np.int64), numbers[n:].copy())


def lived(
    simulation: Simulation, choice: Choice, losses: TimeLoss, forced: dict[int, int], horizon_s: float
) -> tuple[Floats, Floats]:  # fmt: skip
    """(phases wished for first [signal], seconds lost [signal]) on the way to the horizon or the end of the run."""
    until_s = simulation.now_s + horizon_s - 1e-6
    wanted = choice.wanted(simulation.rows(), simulation.observed(), forced)
    taken, lost_s = wanted.astype(np.float64), np.zeros(len(wanted))
    while True:
        simulation.decide(wanted)
        lost_s += losses.since_last(simulation)
        if simulation.over or simulation.now_s >= until_s:
            return taken, lost_s
        wanted = choice.wanted(simulation.rows(), simulation.observed())


def alternatives(rows: Rows, wanted: Ints, teaching: Teaching) -> list[Ints]:
    """Phases worth trying instead of the wanted one, cheapest first [signal]; none where the lookahead sees nobody."""
    excess_s = np.where(eligible(rows), rows[..., features.EXCESS] * features.EXCESS_S, np.inf)
    found = []
    for i, phase in enumerate(wanted):
        order = np.argsort(excess_s[i], kind="stable")
        near = order[(excess_s[i, order] < teaching.within_s) & (order != phase)]
        someone = np.where(np.isfinite(excess_s[i]), excess_s[i], 0.0).max() > 0.0
        found.append(near[: teaching.alternatives] if someone else near[:0])
    return found


def neighbourhoods(network: Network) -> list[frozenset[int]]:
    """Each signal with those one street away [signal]."""
    index = {s.id: i for i, s in enumerate(network.signals)}
    near = [{i} for i in range(len(index))]
    for street in network.streets:
        a, b = index[street.from_signal], index[street.to_signal]
        near[a].add(b)
        near[b].add(a)
    return [frozenset(one) for one in near]


def apart(order: Ints, near: list[frozenset[int]]) -> list[int]:
    """As many of these signals, in this order, as have neighbourhoods that do not meet."""
    picked: list[int] = []
    taken: set[int] = set()
    for i in order.tolist():
        if not near[i] & taken:
            picked.append(i)
            taken |= near[i]
    return picked
