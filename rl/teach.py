"""Episodes of lessons, several at a time: each in a fork of a process that has started no simulation, and each kept as a file.

So a lesson depends on the network, the seed, the demand and the policy it was made under, and on nothing that ran before.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rl import lessons as stored
from rl.choice import Choice
from rl.futures import Teaching, lessons
from rl.observation import Eyes
from rl.scorer import Scorer
from rl.simulation import MakeForecaster, NoForecast, Simulation, Site
from signals.errors import PolicyError
from sumo_nets.demand import scaled_scenario
from sumo_nets.fork import in_fork
from sumo_nets.session import preload


@dataclass(frozen=True, slots=True)
class Assignment:
    """One episode to learn from, and the file its lessons go to."""

    where: Site = field(repr=False)
    seed: int
    demand: float
    teaching: Teaching
    scorer: Scorer = field(repr=False)
    make_forecaster: MakeForecaster | None
    out: Path


@dataclass(frozen=True, slots=True)
class Taught:
    """An episode that is done."""

    scenario: str
    seed: int
    demand: float
    lessons: int


def teach(assignments: Sequence[Assignment], jobs: int) -> Iterator[Taught]:
    """Make what is not there yet, `jobs` episodes at a time, and tell of each as it ends."""
    missing = [one for one in assignments if not whole(one.out)]
    if not missing:
        return
    with ProcessPoolExecutor(min(jobs, len(missing)), multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(taught, one) for one in missing]
        try:
            for done in as_completed(running):
                yield done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def whole(path: Path) -> bool:
    """Whether lessons can be read from there."""
    if not path.is_file():
        return False
    try:
        stored.read(path)
    except PolicyError:
        return False
    return True


def taught(one: Assignment) -> Taught:
    """Run one episode in a fork of this process, which never starts a simulation itself."""
    preload()
    make, scenario = one.make_forecaster, one.where.scenario
    # Of the scenario itself, and before the fork: its earlier days are fitted once a process.
    forecaster = NoForecast() if make is None else make(scenario, one.where.network)

    def episode() -> bytes:
        with tempfile.TemporaryDirectory(prefix="citybrain-") as folder:
            where = one.where
            if one.demand != 1.0:
                where = replace(where, scenario=scaled_scenario(scenario, one.demand, one.seed, Path(folder)))
            simulation = Simulation(where, Eyes(where.network, where.limits), one.seed, forecaster)
            rng = np.random.default_rng(one.seed)
            found = list(lessons(simulation, Choice(where.network, one.scorer), one.teaching, rng))
            simulation.close()
            stored.write(stored.together(found), one.out)
            return str(len(found)).encode()

    count = int(in_fork(episode, f"{scenario.name}, seed {one.seed}: an episode of lessons"))
    return Taught(scenario.name, one.seed, one.demand, count)
