"""Which weights of a training run ship: every candidate is judged on validation scenarios and seeds, against a reference.

The delay of a policy wanders between checkpoints, so a candidate is the mean of some consecutive ones, and the last is not always
the best. Who judges is handed in: an episode in a fresh process belongs to the layer above.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rl import checkpoint
from rl.export import export
from rl.network_torch import scorer_of
from rl.policy import CARD, load
from rl.scorer import mean_of
from signals.errors import ConfigError

CANDIDATES = "candidates"

Delays = Mapping[str, Sequence[float]]
"""Scenario -> delay of each validation seed [s/veh]."""

Judge = Callable[[Path], Delays]
"""Delays of the policy in a folder."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A candidate's delays, and how they compare: less is better, 1 is level with the reference."""

    folder: Path
    delays_s: Delays
    score: float


def score(delays_s: Delays, reference_s: Delays) -> float:
    """Mean ratio of the scenarios' mean delays, plus what the worst scenario is above the reference."""
    ratios = [statistics.fmean(delays_s[name]) / statistics.fmean(reference_s[name]) for name in reference_s]
    return statistics.fmean(ratios) + max(0.0, max(ratios) - 1.0)


def candidates(run: Path, average: int = 1) -> list[Path]:
    """Means of `average` consecutive checkpoints, exported as policies under `run`; oldest first, the last one up to the end."""
    if average < 1:
        raise ConfigError(f"average is {average}; expected at least 1 checkpoint")
    files = checkpoint.files(run)
    if len(files) < average:
        raise ConfigError(f"{run}: holds {len(files)} checkpoints; expected a training run with at least {average}")
    about = load(run / "policy").card
    found = []
    for end in range(len(files), average - 1, -average):
        states = [checkpoint.load(path) for path in files[end - average : end]]
        scorer = mean_of([scorer_of(state.content["policy"], float(about["prior"])) for state in states])
        folder = run / CANDIDATES / f"{files[end - 1].stem}_mean_of_{average}"
        steps = [int(state.content["steps"]) for state in states]
        kept = {name: about[name] for name in ("trained_on", "training_seeds", "command", "pricing", "args")}
        export(
            scorer,
            folder,
            {**kept, "steps": steps[-1], "episodes": states[-1].episode, "mean_of_checkpoints_at_steps": steps},
        )
        found.append(folder)
    return found[::-1]


def select(among: Sequence[Path], judge: Judge, reference_s: Delays) -> list[Verdict]:
    """All verdicts, best first."""
    verdicts = []
    for folder in among:
        delays_s = judge(folder)
        verdicts.append(Verdict(folder, delays_s, score(delays_s, reference_s)))
    return sorted(verdicts, key=lambda verdict: verdict.score)


def ship(verdict: Verdict, folder: Path, reference: str, reference_s: Delays, seeds: str) -> None:
    """Export the chosen candidate to `folder`, with its validation on the card beside how it was trained."""
    policy = load(verdict.folder)
    fixed = json.loads((verdict.folder / CARD).read_text(encoding="utf-8"))
    about: dict[str, Any] = {name: value for name, value in fixed.items() if name != "layout"}
    about["validation"] = {
        "seeds": seeds,
        "unit": "delay s/veh, mean and worst seed; simulated",
        "chosen_by": "mean ratio to the reference, plus what the worst scenario is above it",
        "score": round(verdict.score, 4),
        "policy": table(verdict.delays_s),
        reference: table(reference_s),
    }
    export(policy.scorer, folder, about)


def table(delays_s: Delays) -> dict[str, dict[str, float]]:
    """Mean and worst delay of every scenario [s/veh]."""
    return {name: {"mean": round(statistics.fmean(of), 2), "worst": round(max(of), 2)} for name, of in delays_s.items()}
