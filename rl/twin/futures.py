"""The lessons of `rl.futures`, made in the twin: each future is lived in a copy of its arrays, where SUMO needs a fork.

The same rows, costs and neighbourhoods, so that a network is fitted on them alone, or before SUMO's, or beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rl.choice import Choice
from rl.futures import Future, Teaching, alternatives, apart, neighbourhoods
from rl.lessons import Lesson
from rl.observation import Eyes, Rows
from rl.simulation import Site
from rl.twin.branching import Branching, signals_ahead
from rl.twin.twin import Twin, twin_of
from signals.loop import Forecaster
from signals.types import Ints


@dataclass(frozen=True, slots=True)
class Practice:
    """What all episodes of a network's twin share."""

    twin: Twin
    eyes: Eyes
    lane_signal: Ints
    near: list[frozenset[int]]

    def begun(self, seed: int, demand: float = 1.0, forecaster: Forecaster | None = None) -> Branching:
        """An episode at its beginning."""
        return Branching(self.twin, self.eyes, seed, self.lane_signal, demand, forecaster)


def practice_on(site: Site) -> Practice:
    """Read a site's streets and demand."""
    twin = twin_of(site)
    return Practice(twin, Eyes(site.network, site.limits), signals_ahead(twin), neighbourhoods(site.network))


def lessons(
    simulation: Branching, choice: Choice, teaching: Teaching, near: list[frozenset[int]], rng: np.random.Generator
) -> Iterator[Lesson]:
    """Run the episode under the policy, and yield what the futures of its decisions teach."""
    while not simulation.over:
        rows, observed = simulation.rows(), simulation.observed()
        wanted = choice.wanted(rows, observed)
        others = alternatives(rows, wanted, teaching)
        open_to_choice = [i for i, phases in enumerate(others) if phases.size and observed.age_s[i] >= 0.0]
        if open_to_choice and rng.random() < teaching.share:
            picked = apart(rng.permutation(open_to_choice), near)
            yield from taught(simulation, choice, teaching.horizon_s, rows, wanted, {i: others[i] for i in picked}, near)
        strays = {i: int(rng.choice(others[i])) for i in open_to_choice if rng.random() < teaching.wander}
        simulation.decide(choice.wanted(rows, observed, strays) if strays else wanted)
        simulation.lost_s()


def taught(
    simulation: Branching,
    choice: Choice,
    horizon_s: float,
    rows: Rows,
    wanted: Ints,
    others: Mapping[int, Ints],
    near: list[frozenset[int]],
) -> Iterator[Lesson]:
    """One lesson a signal. Signals whose neighbourhoods are apart try their alternatives in the same branch."""
    base = future(simulation, choice, {i: int(wanted[i]) for i in others}, horizon_s)
    costs_s = {i: np.full(rows.shape[1], np.nan) for i in others}
    for k in range(max(len(phases) for phases in others.values())):
        tried = {i: int(phases[k]) for i, phases in others.items() if k < len(phases)}
        what_if = future(simulation, choice, tried, horizon_s)
        for i, phase in tried.items():
            if what_if.taken[i] == phase:  # its group may have found no way to take it
                around = list(near[i])
                costs_s[i][phase] = what_if.lost_s[around].sum() - base.lost_s[around].sum()
    for i in others:
        if base.taken[i] == wanted[i] and np.isfinite(costs_s[i]).any():
            costs_s[i][wanted[i]] = 0.0
            yield Lesson(rows[i].copy(), int(wanted[i]), costs_s[i])


def future(simulation: Branching, choice: Choice, forced: dict[int, int], horizon_s: float) -> Future:
    """Live on in a branch with some signals' next phases given, to the horizon or the end of the run."""
    branch = simulation.branch()
    until_s = branch.now_s + horizon_s - 1e-6
    taken = wanted = choice.wanted(branch.rows(), branch.observed(), forced)
    lost_s = np.zeros(len(taken))
    while True:
        branch.decide(wanted)
        lost_s += branch.lost_s()
        if branch.over or branch.now_s >= until_s:
            return Future(taken, lost_s)
        wanted = choice.wanted(branch.rows(), branch.observed())
