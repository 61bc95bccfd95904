"""The nouns of a leaderboard: what `benchmarks.leaderboard` computes from results, and the page and leaderboard.json show."""

from __future__ import annotations

from dataclasses import dataclass

from citybrain.comparison import Cell, Change, Comparison, Difference
from citybrain.conditions import Condition

NOT_WORSE_PERCENT = 3.0
"""A controller may be so much worse than the baseline on any network under any condition, and still count as never worse."""


@dataclass(frozen=True, slots=True)
class Field:
    """All networks and controllers under one condition, compared with each baseline that ran under it."""

    condition: Condition
    figures: Comparison | None  # None: nobody can run under it
    against: dict[str, Comparison]
    absent: dict[str, str]  # controller: why it has no figures here
    incidents: dict[str, Incidence]  # by scenario, where one was

    def cells(self) -> tuple[Cell, ...]:
        """Every network and controller that ran."""
        return self.figures.cells if self.figures is not None else ()

    def difference(self, baseline: str, scenario: str, controller: str, key: str) -> Difference | None:
        """A metric of a controller beside the baseline's on the same seeds; None where one of them did not run."""
        cell = self.against[baseline].cell(scenario, controller) if baseline in self.against else None
        return cell.differences.get(key) if cell is not None else None


@dataclass(frozen=True, slots=True)
class Incidence:
    """The incident of a network: which lane, where and when, and how late traffic let its vehicle in."""

    lane: str
    at_m: float
    begin_s: float
    end_s: float
    lanes: int
    trips_veh: int
    latest_s: float | None  # after the begin, in the run where it came in last; None: in none
    kept_out: tuple[str, ...]  # runs in which it never came in


@dataclass(frozen=True, slots=True)
class Standing:
    """One controller over all networks and conditions, by delay against one baseline."""

    overall: Change  # geometric mean over networks and conditions
    worst: Difference
    worst_scenario: str
    worst_condition: str
    worse: int  # cells worse than the baseline by more than NOT_WORSE_PERCENT
    cells: int


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Everything, condition by condition, and the standings against each baseline."""

    baselines: tuple[str, ...]
    controllers: tuple[str, ...]
    fields: tuple[Field, ...]
    standings: dict[str, dict[str, Standing]]
