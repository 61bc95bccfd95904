"""Which checkpoint of a training run ships: every candidate is judged on validation scenarios and seeds, against a reference.

The delay of a policy wanders between checkpoints, so the last one is not the best one. Who judges is handed in: an episode in a fresh
process belongs to the layer above.
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
from rl.policy import CARD
from signals.errors import ConfigError

CANDIDATES = "candidates"

Delays = Mapping[str, Sequence[float]]
"""Scenario -> delay of each validation seed [s/veh]."""

Judge = Callable[[Path], Delays]
"""Delays of the policy in a folder."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A candidate's delays, and how they compare: less is better, 1 is level with the reference."""

    steps: int
    folder: Path
    delays_s: Delays
    score: float


def score(delays_s: Delays, reference_s: Delays) -> float:
    """Mean ratio of the scenarios' mean delays, plus what the worst scenario is above the reference."""
    ratios = [statistics.fmean(delays_s[name]) / statistics.fmean(reference_s[name]) for name in reference_s]
    return statistics.fmean(ratios) + max(0.0, max(ratios) - 1.0)


def candidates(run: Path, prior: float, every: int = 1) -> list[tuple[int, Path]]:
    """Every `every`-th checkpoint, the last one included, exported as a policy: (steps, folder), oldest first."""
    files = sorted((run / checkpoint.FOLDER).glob("*.pt"))
    if not files:
        raise ConfigError(f"{run}: holds no checkpoint; expected a training run")
    found = []
    for path in files[::-1][::every][::-1]:
        state = checkpoint.load(path)
        steps, folder = int(state.content["steps"]), run / CANDIDATES / path.stem
        about = {"steps": steps, "episodes": state.episode, "from": f"checkpoint {path.name}"}
        export(scorer_of(state.content["policy"], prior), folder, about)
        found.append((steps, folder))
    return found


def select(among: Sequence[tuple[int, Path]], judge: Judge, reference_s: Delays) -> list[Verdict]:
    """All verdicts, best first."""
    verdicts = []
    for steps, folder in among:
        delays_s = judge(folder)
        verdicts.append(Verdict(steps, folder, delays_s, score(delays_s, reference_s)))
    return sorted(verdicts, key=lambda verdict: verdict.score)


def ship(
    verdict: Verdict, run: Path, folder: Path, reference: str, reference_s: Delays, seeds: str, command: str
) -> None:
    """Export the chosen checkpoint to `folder`, its validation on the card beside how it was trained."""
    from_run: dict[str, Any] = json.loads((run / "policy" / CARD).read_text(encoding="utf-8"))
    state = checkpoint.load(run / checkpoint.FOLDER / f"{verdict.steps:010d}.pt")
    kept = {name: from_run[name] for name in ("trained_on", "training_seeds", "args")}
    about = {
        **kept,
        "steps": verdict.steps,
        "episodes": state.episode,
        "command": command or from_run["command"],
        "validation": {
            "seeds": seeds,
            "unit": "delay s/veh, mean and worst seed; simulated",
            "chosen_by": "mean ratio to the reference, plus what the worst scenario is above it",
            "score": round(verdict.score, 4),
            "policy": table(verdict.delays_s),
            reference: table(reference_s),
        },
    }
    export(scorer_of(state.content["policy"], float(from_run["prior"])), folder, about)


def table(delays_s: Delays) -> dict[str, dict[str, float]]:
    """Mean and worst delay of every scenario [s/veh]."""
    return {name: {"mean": round(statistics.fmean(of), 2), "worst": round(max(of), 2)} for name, of in delays_s.items()}
