"""The nouns of a comparison: what `benchmarks.compare` computes from results, and table, report and summary.json show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric of one controller on one scenario: mean over seeds with its 95 % interval, and the worst seed."""

    mean: float
    low: float  # NaN with a single seed: one run tells nothing of the spread
    high: float
    worst: float
    worst_seed: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A controller minus the baseline on the same seeds, in the metric's unit and in per cent of the baseline's mean."""

    mean: float
    low: float
    high: float
    percent: float
    percent_low: float
    percent_high: float
    pairs: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One controller on one scenario; `figures` and `differences` by the metric's key, the latter empty for the baseline."""

    scenario: str
    controller: str
    seeds: tuple[int, ...]
    figures: dict[str, Estimate]
    differences: dict[str, Difference]
    safety_violations: int
    failures: tuple[str, ...]  # one sentence for each episode that ended with an error


@dataclass(frozen=True, slots=True)
class Change:
    """Geometric mean over scenarios of controller / baseline, as a change in per cent with its 95 % interval."""

    percent: float
    low: float
    high: float
    scenarios: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """All cells, scenario by scenario, and by controller and metric the change over all scenarios."""

    baseline: str
    scenarios: tuple[str, ...]
    controllers: tuple[str, ...]
    cells: tuple[Cell, ...]
    overall: dict[str, dict[str, Change]]

    def cell(self, scenario: str, controller: str) -> Cell | None:
        """The cell of a scenario and a controller; None where nothing was run."""
        return next((c for c in self.cells if c.scenario == scenario and c.controller == controller), None)

    def best(self, scenario: str) -> str | None:
        """The controller, other than the baseline, of the least mean delay; None where there is none."""
        rivals = [c for c in self.cells if c.scenario == scenario and c.controller != self.baseline and c.figures]
        return min(rivals, key=lambda c: c.figures["delay_s_per_veh"].mean).controller if rivals else None
