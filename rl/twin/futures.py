"""The lessons of `rl.futures`, made in the twin: each future is lived in a copy of its arrays, where SUMO needs a fork.

The same rows, costs and neighbourhoods, so that a network is fitted on them alone, or before SUMO's, or beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rl.choice import Choice
from rl.futures import Future, Teaching, lessons_of, neighbourhoods
from rl.lessons import Lesson
from rl.observation import Eyes
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
    return lessons_of(
        simulation,
        choice,
        teaching,
        near,
        rng,
        live=lambda forced: future(simulation, choice, forced, teaching.horizon_s),
        went_on=simulation.lost_s,
    )


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
