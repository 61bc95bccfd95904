"""Policy improvement by exact futures: rounds of lessons under the policy so far, and a network fitted on all of them.

The first round's policy is the lookahead itself. Every fit is a candidate; validation on other seeds chooses. Killed at any moment, a
run goes on with the lessons that are whole, and ends with the same policy. Same run folder as `rl.train`'s, with lessons/ instead of
checkpoints/.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rl import lessons as stored
from rl.export import commit, copy, export
from rl.fit import Fitting, fitted
from rl.futures import Teaching
from rl.policy import load
from rl.run_folder import ARGS, BEST, CANDIDATES, ORIGIN, POLICY, read_json, write_json
from rl.scorer import PRIOR, Scorer, untrained
from rl.selection import Verdict
from rl.simulation import MakeForecaster, Site, site
from rl.teach import Assignment, Taught, teach
from rl.train_args import FIRST_TRAINING_SEED, SEEDS_A_RUN
from rl.validation import Judge, Verdicts
from signals.errors import ConfigError
from signals.planners.rolling_horizon import Pricing
from sumo_nets.scenario import check, scenario

MAY_CHANGE = ("run", "resume", "jobs")


@dataclass(frozen=True, slots=True)
class Subject:
    """A scenario to learn from: episodes a round, the share of their decisions that is looked into, and demands in turn."""

    scenario: str
    episodes: int = 4
    share: float = 1.0
    demand: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, slots=True)
class ImproveArgs:
    """One run of improvement; the fields are the keys of a preset or a config file."""

    subjects: tuple[Subject, ...]
    run: str
    method: str = "futures"
    seed: int = 0
    resume: bool = False
    rules: str = "resco"
    forecast: str = "residual"  # by name: who calls `improve` makes it, and hands it in
    jobs: int = 1
    prior: float = PRIOR
    rounds: int = 2
    fits: int = 1  # networks fitted in the last round, from different first weights: each is a candidate
    teaching: Teaching = field(default_factory=Teaching)
    fitting: Fitting = field(default_factory=Fitting)
    validate_on: tuple[str, ...] = ()  # empty: the subjects
    validate_seeds: tuple[int, ...] = (101, 102, 103)
    episode_s: float = 0.0  # of validation; 0: the scenario's own hour

    @property
    def first_seed(self) -> int:
        """Of the run's episodes."""
        return FIRST_TRAINING_SEED + SEEDS_A_RUN * self.seed

    @property
    def validated_on(self) -> tuple[str, ...]:
        """Scenarios of the validation."""
        return self.validate_on or tuple(one.scenario for one in self.subjects)


@dataclass(frozen=True, slots=True)
class Step:
    """What has just been done of a run: an episode of lessons, or a candidate's verdict."""

    done: int
    of: int
    taught: Taught | None = None
    verdict: Verdict | None = None
    best: Verdict | None = None


def improve(
    args: ImproveArgs,
    make_forecaster: MakeForecaster | None = None,
    progress: Callable[[Step], None] | None = None,
    command: str = "",
    *,
    judge: Judge | None = None,
) -> Path:
    """Run all rounds, or what is left of them; the folder of the exported policy."""
    run, sites = Path(args.run), checked(args)
    claim(run, args, command)
    verdicts = Verdicts(run, args.validated_on, args.validate_seeds, judge) if judge is not None and args.validate_seeds else None
    if verdicts is not None:
        verdicts.measure()
    of = args.rounds * sum(one.episodes for one in args.subjects)
    done, scorer, folder = 0, untrained(prior=args.prior), run / POLICY
    for number in range(args.rounds):
        assignments = round_of(args, sites, number, scorer, make_forecaster)
        done += sum(one.out.is_file() for one in assignments)
        for taught in teach(assignments, args.jobs):
            done += 1
            tell(progress, Step(done, of, taught))
        for k in range(args.fits if number + 1 == args.rounds else 1):
            made = learned(args, sites, number, k)
            folder = run / CANDIDATES / f"round_{number + 1}_fit_{k + 1}"
            export(made, folder, about(args, run, number, done))
            scorer = made if k == 0 else scorer
            if verdicts is not None:
                verdict = verdicts.judge(folder)
                tell(progress, Step(done, of, None, verdict, verdicts.best))
    return finished(run, folder, verdicts)


def finished(run: Path, last: Path, verdicts: Verdicts | None) -> Path:
    """Copy the best candidate, or the last where nobody judged, to policy/."""
    policy = run / POLICY
    copy(run / BEST if verdicts is not None else last, policy)
    load(policy)
    return policy


def tell(progress: Callable[[Step], None] | None, step: Step) -> None:
    """Say what has been done, where somebody listens."""
    if progress is not None:
        progress(step)


def checked(args: ImproveArgs) -> tuple[Site, ...]:
    """The subjects' sites; ConfigError where the arguments cannot be trained with."""
    if not args.subjects:
        raise ConfigError("train: no subjects; expected at least one scenario to learn from")
    for name in ("rounds", "fits", "jobs", "prior"):
        if not getattr(args, name) > 0:
            raise ConfigError(f"train: {name} is {getattr(args, name)!r}; expected more than 0")
    for one in args.subjects:
        if not (one.episodes > 0 and 0.0 < one.share <= 1.0 and one.demand and min(one.demand) > 0.0):
            raise ConfigError(f"train: {one}; expected at least one episode, a share in (0, 1], demands above 0")
    if any(seed >= FIRST_TRAINING_SEED for seed in args.validate_seeds):
        raise ConfigError(f"train: validate_seeds {list(args.validate_seeds)}; expected seeds below {FIRST_TRAINING_SEED}, not trained on")
    for name in args.validate_on:
        check(scenario(name))
    return tuple(site(check(scenario(one.scenario)), args.rules) for one in args.subjects)


def claim(run: Path, args: ImproveArgs, command: str) -> None:
    """Make the run folder this run's; ConfigError where it is another's."""
    given = json.loads(json.dumps(asdict(args)))
    try:
        if (run / ARGS).is_file():
            if not args.resume:
                raise ConfigError(f"{run}: already holds a run; resume it or name another folder")
            before = read_json(run / ARGS)
            for name, value in given.items():
                if name not in MAY_CHANGE and before.get(name) != value:
                    raise ConfigError(f"{run}: was started with {name} {before.get(name)!r}; it cannot go on with {value!r}")
        else:
            (run / stored.FOLDER).mkdir(parents=True, exist_ok=True)
            write_json(run / ORIGIN, {"command": command, "commit": commit()})
        write_json(run / ARGS, given)
    except OSError as error:
        raise ConfigError(f"{run}: the run folder cannot be written: {error}") from error


def round_of(
    args: ImproveArgs, sites: tuple[Site, ...], number: int, scorer: Scorer, make_forecaster: MakeForecaster | None
) -> list[Assignment]:
    """The episodes of a round, its longest scenarios first; every episode of the run has a seed of its own."""
    found = []
    for k, seed, out in episodes(args, number):
        one = args.subjects[k]
        teaching = replace(args.teaching, share=one.share * args.teaching.share)
        demand = one.demand[seed % len(one.demand)]
        found.append(Assignment(sites[k], seed, demand, teaching, scorer, make_forecaster, out))
    return found


def episodes(args: ImproveArgs, number: int) -> Iterator[tuple[int, int, Path]]:
    """(subject, seed, file) of each episode of a round."""
    seed = args.first_seed + number * sum(one.episodes for one in args.subjects)
    for k, one in enumerate(args.subjects):
        for _ in range(one.episodes):
            name = one.scenario.replace("/", "_")
            yield k, seed, Path(args.run) / stored.FOLDER / f"round_{number + 1}" / f"{name}_{seed}.npz"
            seed += 1


def learned(args: ImproveArgs, sites: tuple[Site, ...], number: int, k: int) -> Scorer:
    """The scorer fitted on the lessons of all rounds so far, scenario by scenario."""
    parts: list[list[stored.Lessons]] = [[] for _ in sites]
    for earlier in range(number + 1):
        for subject, _, path in episodes(args, earlier):
            parts[subject].append(stored.read(path))
    return fitted([stored.joined(part) for part in parts], args.fitting, args.prior, args.seed + k)


def about(args: ImproveArgs, run: Path, number: int, done: int) -> dict[str, Any]:
    """What a candidate's card tells of its training."""
    lessons_of = {one.scenario: 0 for one in args.subjects}
    for earlier in range(number + 1):
        for subject, _, path in episodes(args, earlier):
            lessons_of[args.subjects[subject].scenario] += len(stored.read(path))
    return {
        "trained_on": [one.scenario for one in args.subjects],
        "training_seeds": f"{args.first_seed} to {args.first_seed + done - 1}, one an episode",
        "round": number + 1,
        "lessons": lessons_of,
        **read_json(run / ORIGIN),
        "pricing": asdict(Pricing()),
        "args": {name: value for name, value in asdict(args).items() if name not in ("run", "resume", "jobs")},
    }
