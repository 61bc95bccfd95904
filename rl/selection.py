"""Which weights of a training run ship: every candidate is judged on validation scenarios and seeds, against a reference.

The delay of a policy wanders between checkpoints, so a candidate is the mean of some consecutive ones, and the last is not always
the best. Seeds matter, so the worst one counts first. Who judges is handed in: an episode in a fresh process belongs to the layer above.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rl import checkpoint
from rl.export import export
from rl.policy import load
from rl.run_folder import CANDIDATES, export_mean
from signals.errors import ConfigError

Delays = Mapping[str, Sequence[float]]
"""Scenario -> delay of each validation seed [s/veh]."""

Judge = Callable[[Path], Delays]
"""Delays of the policy in a folder."""

CHOSEN_BY = "the least worst-seed delay, relative to the reference's, in whichever scenario it is greatest; then the mean ratio"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A candidate's delays, and how they compare: less is better, 1 is level with the reference."""

    folder: Path
    delays_s: Delays
    worst: float  # the scenarios' greatest ratio of worst-seed delays
    mean: float  # the scenarios' mean ratio of mean delays

    @property
    def rank(self) -> tuple[float, float]:
        """What candidates are sorted by."""
        return self.worst, self.mean


def judged(folder: Path, delays_s: Delays, reference_s: Delays) -> Verdict:
    """The verdict on these delays."""
    return Verdict(folder, delays_s, worst_ratio(delays_s, reference_s), statistics.fmean(mean_ratios(delays_s, reference_s)))


def mean_ratios(delays_s: Delays, reference_s: Delays) -> list[float]:
    """Mean delay over the reference's, each scenario."""
    return [statistics.fmean(delays_s[name]) / statistics.fmean(reference_s[name]) for name in reference_s]


def worst_ratio(delays_s: Delays, reference_s: Delays) -> float:
    """Worst seed's delay over the reference's worst, of the scenario where that is greatest."""
    return max(max(delays_s[name]) / max(reference_s[name]) for name in reference_s)


def score(delays_s: Delays, reference_s: Delays) -> float:
    """Mean ratio of the scenarios' mean delays, plus what the worst scenario is above the reference."""
    ratios = mean_ratios(delays_s, reference_s)
    return statistics.fmean(ratios) + max(0.0, max(ratios) - 1.0)


def candidates(run: Path, average: int = 1) -> list[Path]:
    """Means of `average` consecutive checkpoints, exported as policies under `run`; oldest first, the last one up to the end."""
    if average < 1:
        raise ConfigError(f"average is {average}; expected at least 1 checkpoint")
    files = checkpoint.files(run)
    if len(files) < average:
        raise ConfigError(f"{run}: holds {len(files)} checkpoints; expected a training run with at least {average}")
    found = [candidate(run, files[end - average : end], average) for end in range(len(files), average - 1, -average)]
    return found[::-1]


def candidate(run: Path, of: Sequence[Path], average: int) -> Path:
    """The mean of these checkpoints as a policy under `run`."""
    return export_mean(run, of, candidate_folder(run, of, average))


def candidate_folder(run: Path, of: Sequence[Path], average: int) -> Path:
    """Where the mean of these checkpoints goes."""
    return run / CANDIDATES / f"{of[-1].stem}_mean_of_{average}"


def select(among: Sequence[Path], judge: Judge, reference_s: Delays) -> list[Verdict]:
    """All verdicts, best first."""
    return sorted((judged(folder, judge(folder), reference_s) for folder in among), key=lambda verdict: verdict.rank)


def ship(verdict: Verdict, folder: Path, reference: str, reference_s: Delays, seeds: str) -> None:
    """Export the chosen candidate to `folder`, with its validation on the card beside how it was trained."""
    policy = load(verdict.folder)
    about: dict[str, Any] = dict(policy.card)
    about["validation"] = {
        "seeds": seeds,
        "unit": "delay s/veh, mean and worst seed; simulated",
        "chosen_by": CHOSEN_BY,
        "worst": round(verdict.worst, 4),
        "mean": round(verdict.mean, 4),
        "policy": table(verdict.delays_s),
        reference: table(reference_s),
    }
    export(policy.scorer, folder, about)


def table(delays_s: Delays) -> dict[str, dict[str, float]]:
    """Mean and worst delay of every scenario [s/veh]."""
    return {name: {"mean": round(statistics.fmean(of), 2), "worst": round(max(of), 2)} for name, of in delays_s.items()}
