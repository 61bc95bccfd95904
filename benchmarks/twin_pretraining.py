"""What lessons from the twin are worth: policies fitted on them, on SUMO's lessons, and on both, and their delays in SUMO.

`python -m benchmarks.twin_pretraining --work FOLDER [--json FILE] [--only SCENARIO ...] [--episodes 1 2] [--seeds 101 102]`. A policy
is fitted for all subjects together: on k SUMO episodes of each, with or without the twin's. Lessons, policies and delays are kept in the
folder, so that a run that was cut off goes on. Speeds are processor time, children included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from citybrain.assemble import POLICY_PREFIX
from citybrain.forecasts import forecaster_for
from citybrain.judge import EpisodeJudge
from citybrain.worker import warm_up
from rl import futures
from rl import lessons as stored
from rl.choice import Choice
from rl.export import export
from rl.fit import Fitting, fitted
from rl.futures import Teaching
from rl.observation import Eyes
from rl.policy import CARD, load
from rl.scorer import PRIOR, untrained
from rl.simulation import NoForecast, Simulation, Site, site
from rl.teach import Assignment, teach
from rl.twin.futures import lessons, practice_on
from sumo_nets.fork import in_fork
from sumo_nets.scenario import scenario

FORECAST = "residual"
REFERENCE = "rolling_horizon"
SEEDS = (101, 102, 103, 104, 105, 106)
EPISODES = (1, 2, 3)
TWIN_FIRST_SEED, TWIN_EPISODES = 300_000, 4
TIMED_S = 600.0
STEPS = 300  # of every fit: few lessons must not mean a short training, nor a long one that learns them by heart
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """A network: the seed of its first SUMO episode, and the demands that its seeds take in turn."""

    scenario: str
    first_seed: int
    demand: tuple[float, ...]

    def demand_of(self, seed: int) -> float:
        """Share of the scenario's own demand."""
        return self.demand[seed % len(self.demand)]

    def file(self, folder: Path, seed: int) -> Path:
        """Where an episode's lessons are kept."""
        return folder / f"{self.scenario.replace('/', '_')}_{seed}.npz"


SUBJECTS = (
    Subject("resco/grid4x4", 101_002, (1.0, 1.5)),
    Subject("resco/ingolstadt7", 101_006, (1.0, 1.15, 0.85)),
    Subject("resco/cologne8", 101_011, (1.0, 1.15, 0.85)),
    Subject("resco/cologne1", 101_016, (1.0, 1.15, 0.85)),
)


def cpu_s() -> float:
    """Processor time of this process and of its children that have ended."""
    return sum(u.ru_utime + u.ru_stime for u in (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def from_sumo(one: Subject, where: Site, episodes: int, folder: Path, jobs: int) -> list[stored.Lessons]:
    """Lessons of the first SUMO episodes, made where they are not there yet."""
    seeds = range(one.first_seed, one.first_seed + episodes)
    make = partial(forecaster_for, FORECAST)
    wanted = [
        Assignment(where, seed, one.demand_of(seed), Teaching(), untrained(), make, one.file(folder / "sumo", seed)) for seed in seeds
    ]
    for _ in teach(wanted, jobs):
        pass
    return [stored.read(each.out) for each in wanted]


def from_twin(one: Subject, where: Site, folder: Path) -> list[stored.Lessons]:
    """Lessons of the twin's episodes, made where they are not there yet."""
    practice, found = None, []
    for seed in range(TWIN_FIRST_SEED, TWIN_FIRST_SEED + TWIN_EPISODES):
        path = one.file(folder / "twin", seed)
        if not path.is_file():
            practice = practice or practice_on(where)
            forecaster = forecaster_for(FORECAST, where.scenario, where.network)
            simulation = practice.begun(seed, one.demand_of(seed), forecaster)
            choice, rng = Choice(where.network, untrained()), np.random.default_rng(seed)
            stored.write(stored.together(list(lessons(simulation, choice, Teaching(), practice.near, rng))), path)
        found.append(stored.read(path))
    return found


def speeds(where: Site) -> Row:
    """Lessons a second of processor time from both, of ten minutes of the same network."""
    brief = replace(where, scenario=replace(where.scenario, end_s=where.scenario.begin_s + TIMED_S))
    practice, choice = practice_on(brief), Choice(where.network, untrained())

    def in_twin(seed: int) -> int:
        return len(list(lessons(practice.begun(seed), choice, Teaching(), practice.near, np.random.default_rng(seed))))

    in_twin(TWIN_FIRST_SEED)  # compiled
    began_s = cpu_s()
    twin_per_s = in_twin(TWIN_FIRST_SEED + 1) / (cpu_s() - began_s)

    def in_sumo() -> bytes:
        simulation = Simulation(brief, Eyes(where.network, where.limits), SEEDS[0], NoForecast())
        found = list(futures.lessons(simulation, choice, Teaching(), np.random.default_rng(0)))
        simulation.close()
        return str(len(found)).encode()

    began_s = cpu_s()
    sumo_per_s = int(in_fork(in_sumo, "ten minutes of SUMO's lessons")) / (cpu_s() - began_s)
    return {
        "scenario": where.scenario.name,
        "twin_lessons_per_cpu_s": round(twin_per_s, 1),
        "sumo_lessons_per_cpu_s": round(sumo_per_s, 2),
        "ratio": round(twin_per_s / sumo_per_s, 1),
    }


def policy_of(name: str, parts: Sequence[Sequence[stored.Lessons]], folder: Path) -> Path:
    """The folder of the policy fitted on these lessons; each part is a network's in SUMO or in the twin."""
    out = folder / "policies" / name
    if not (out / CARD).is_file():
        joined = [stored.joined(part) for part in parts if part]
        export(fitted(joined, fitting_of(sum(len(part) for part in joined)), PRIOR, 0), out, {"trained_on": name})
    return out


def fitting_of(lessons: int) -> Fitting:
    """The usual fit, with as many epochs as make `STEPS` steps of so many lessons."""
    usual = Fitting()
    return replace(usual, epochs=max(1, round(STEPS / max(1, lessons // usual.batch))))


def gained_s(policy: Path, taught: stored.Lessons, largest_s: float) -> float:
    """Vehicle seconds that a policy's choice among the phases tried saves a decision beside the lookahead's, by lessons unknown to it."""
    scores = np.where(np.isfinite(taught.cost_s), load(policy).scorer.scores(taught.rows), -np.inf)
    costs_s = np.clip(np.nan_to_num(taught.cost_s), -largest_s, largest_s)
    return float(-costs_s[np.arange(len(taught)), scores.argmax(axis=1)].mean())


class Delays:
    """Delays of episodes in SUMO, kept in a file from run to run."""

    def __init__(self, path: Path, seeds: Sequence[int], jobs: int) -> None:
        self._path, self._seeds, self._jobs = path, tuple(seeds), jobs
        self._found: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def measure(self, name: str, controllers: Mapping[str, str]) -> dict[str, list[float]]:
        """Label -> delay of each seed of a scenario [s/veh], under what the judge calls each controller."""
        missing = [label for label in controllers if not all(self._key(label, name, seed) in self._found for seed in self._seeds)]
        if missing:
            with EpisodeJudge([name], self._seeds, forecast=FORECAST, jobs=self._jobs) as judge:
                for label in missing:
                    delays_s = judge.controller(controllers[label])[name]
                    self._found |= {self._key(label, name, seed): d for seed, d in zip(self._seeds, delays_s, strict=True)}
                    self._path.write_text(json.dumps(self._found, indent=1) + "\n", encoding="utf-8")
        return {label: [self._found[self._key(label, name, seed)] for seed in self._seeds] for label in controllers}

    def _key(self, label: str, name: str, seed: int) -> str:
        return f"{label} {name} {seed}"


@dataclass(frozen=True, slots=True)
class Learner:
    """A policy of the comparison: how many SUMO episodes of each network it learned from, and whether from the twin as well."""

    episodes: int
    with_twin: bool

    @property
    def name(self) -> str:
        """As its folder and its row are called."""
        return f"{'twin_' if self.with_twin else ''}sumo_{self.episodes}"


def learners(episodes: Sequence[int]) -> tuple[Learner, ...]:
    """The twin's lessons alone, and each number of SUMO's episodes without and with them."""
    return (Learner(0, True), *(Learner(k, also) for k in episodes for also in (False, True)))


def halved(rows: Sequence[Row]) -> list[Row]:
    """Beside each policy from SUMO alone: the one that had the twin's lessons, and half of SUMO's episodes."""
    by_name = {row["policy"]: row for row in rows}
    pairs = []
    for row in rows:
        k = row["sumo_episodes_per_network"]
        half = Learner(k // 2, True).name
        if not row["with_twin"] and k > 0 and k % 2 == 0 and half in by_name:
            other = by_name[half]
            ratio = other["of_rolling_horizon"] / row["of_rolling_horizon"]
            pairs.append({"sumo_alone": row["policy"], "half_after_twin": half, "delay_ratio": round(ratio, 4)})
    return pairs


def row_of(name: str, who: Learner, delays_s: dict[str, list[float]], reference_s: dict[str, list[float]], gain_s: dict[str, float]) -> Row:
    """One policy: what it learned from, its delays, also as the mean ratio to the lookahead's, and what its choices gain."""
    ratios = [statistics.mean(delays_s[one]) / statistics.mean(reference_s[one]) for one in delays_s]
    return {
        "policy": name,
        "sumo_episodes_per_network": who.episodes,
        "with_twin": who.with_twin,
        "of_rolling_horizon": round(statistics.mean(ratios), 4),
        "gained_s_per_decision": {one: round(s, 3) for one, s in gain_s.items()},
        "delay_s_per_veh": {one: [round(d, 2) for d in some] for one, some in delays_s.items()},
    }


def figures(subjects: Sequence[Subject], work: Path, episodes: Sequence[int], seeds: Sequence[int], jobs: int) -> Row:
    """Teach, fit and judge: everything but the speeds."""
    sites = {one.scenario: site(scenario(one.scenario)) for one in subjects}
    twin = {one.scenario: from_twin(one, sites[one.scenario], work) for one in subjects}
    # One episode more than is learned from: what it teaches is unknown to all.
    sumo = {one.scenario: from_sumo(one, sites[one.scenario], max(episodes) + 1, work, jobs) for one in subjects}
    policies = {}
    for who in learners(episodes):
        parts = [part[: who.episodes] for part in sumo.values()] + (list(twin.values()) if who.with_twin else [])
        policies[who] = policy_of(who.name, parts, work)
    delays = Delays(work / "delays.json", seeds, jobs)
    controllers = {REFERENCE: REFERENCE} | {who.name: f"{POLICY_PREFIX}{path.resolve()}" for who, path in policies.items()}
    found = {name: delays.measure(name, controllers) for name in sites}
    of = {label: {name: found[name][label] for name in sites} for label in controllers}
    gains = {who.name: {n: gained_s(path, sumo[n][-1], Fitting().largest_s) for n in sites} for who, path in policies.items()}
    rows = [row_of(REFERENCE, Learner(0, False), of[REFERENCE], of[REFERENCE], dict.fromkeys(sites, 0.0))]
    rows += [row_of(who.name, who, of[who.name], of[REFERENCE], gains[who.name]) for who in policies]
    lessons_of = {n: {"twin": [len(part) for part in twin[n]], "sumo": [len(part) for part in sumo[n]]} for n in sites}
    return {"seeds": list(seeds), "lessons": lessons_of, "policies": rows, "halved": halved(rows)}


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description="policies from the twin's lessons, from SUMO's, and from both, judged in SUMO")
    parser.add_argument("--work", type=Path, required=True, help="folder of lessons, policies and delays")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--only", nargs="+", default=[one.scenario for one in SUBJECTS], help="scenarios")
    parser.add_argument("--episodes", type=int, nargs="+", default=list(EPISODES), help="of SUMO and network, to fit on")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--speed", action="store_true", help="the speeds alone")
    chosen = parser.parse_args(arguments)
    warm_up()
    subjects = [one for one in SUBJECTS if one.scenario in chosen.only]
    if chosen.speed:
        found: Row = {"speed": [speeds(site(scenario(one.scenario))) for one in subjects]}
    else:
        found = figures(subjects, chosen.work, chosen.episodes, chosen.seeds, chosen.jobs)
    sys.stdout.write(json.dumps(found) + "\n")
    if chosen.json:
        before = json.loads(chosen.json.read_text(encoding="utf-8")) if chosen.json.is_file() else {}
        chosen.json.write_text(json.dumps(before | found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
