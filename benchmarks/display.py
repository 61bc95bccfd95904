"""What a bench shows in the terminal: bars while it runs, tables when it is done."""

from __future__ import annotations

from math import isnan
from types import TracebackType
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from citybrain.comparison import Cell, Change, Comparison, Difference, Estimate
from citybrain.episode import EpisodeSpec
from citybrain.standings import Leaderboard
from citybrain.wording import UNKNOWN, number, shortened
from signals.metrics import METRICS

SHOWN = {"throughput_veh_h": 0, "delay_s_per_veh": 2, "congestion_index": 3}
"""Metrics of the tables, with their digits."""
JUDGED_BY = "delay_s_per_veh"


class EpisodeBars:
    """A bar for the matrix with count and time left, and one for each episode under way."""

    def __init__(self, console: Console, episodes: int) -> None:
        self.finished = 0
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._all = self._bars.add_task("episodes", total=episodes)
        self._running: dict[EpisodeSpec, TaskID] = {}

    def tell(self, spec: EpisodeSpec, share: float) -> None:
        """How far an episode is; 1 ends it."""
        if share >= 1.0:
            self.finished += 1
            self._bars.update(self._all, completed=self.finished)
            task = self._running.pop(spec, None)
            if task is not None:
                self._bars.remove_task(task)
            return
        if spec not in self._running:
            name = escape(f"  {spec.scenario} {spec.controller} seed {spec.seed}")
            self._running[spec] = self._bars.add_task(name, total=100)
        self._bars.update(self._running[spec], completed=round(100 * share))

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()


def with_interval(figure: Estimate, digits: int) -> str:
    """Mean, and below it the interval."""
    known = not (isnan(figure.low) or isnan(figure.high))
    return number(figure.mean, digits) + (f"\n{figure.low:.{digits}f}–{figure.high:.{digits}f}" if known else "")


def change_lines(change: Difference | Change | None) -> str:
    """A change in per cent, and below it the interval."""
    if change is None or isnan(change.percent):
        return UNKNOWN
    low, high = (change.percent_low, change.percent_high) if isinstance(change, Difference) else (change.low, change.high)
    return f"{change.percent:+.1f} %" + ("" if isnan(low) or isnan(high) else f"\n{low:+.1f} to {high:+.1f}")


def result_tables(comparison: Comparison) -> list[Table]:
    """One table a scenario, and the change over all of them where there are several; as wide as a terminal of 80 columns."""
    tables = [_scenario_table(comparison, scenario) for scenario in comparison.scenarios]
    if len(comparison.scenarios) > 1 and comparison.overall:
        tables.append(_overall_table(comparison))
    return tables


def _table(title: str, first: str, headings: list[str]) -> Table:
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False, min_width=len(title))
    table.add_column(first, overflow="fold")
    for heading in headings:
        table.add_column(escape(heading), justify="right", no_wrap=True)
    return table


def _scenario_table(comparison: Comparison, scenario: str) -> Table:
    cells = [cell for cell in comparison.cells if cell.scenario == scenario]
    seeds = max(len(cell.seeds) + len(cell.failures) for cell in cells)
    metrics = [METRICS[key] for key in SHOWN]
    headings = [m.title.replace(" ", "\n") + (f"\n[{m.unit}]" if m.unit else "") for m in metrics]
    headings += ["worst\ndelay\n(seed)", f"delay against\n{shortened(comparison.baseline, 13)}", "safety\nviol."]
    table = _table(
        f"{scenario}, simulated: mean over {seeds} {'seed' if seeds == 1 else 'seeds'}, 95 % interval",
        "controller",
        headings,
    )
    for cell in cells:
        name = cell.controller + (f"\n{len(cell.seeds)} of {seeds} seeds" if len(cell.seeds) < seeds else "")
        table.add_row(escape(name), *_words(cell))
    return table


def _words(cell: Cell) -> list[str]:
    if not cell.figures:
        return [UNKNOWN] * (len(SHOWN) + 3)
    figures = [with_interval(cell.figures[key], digits) for key, digits in SHOWN.items()]
    delay = cell.figures[JUDGED_BY]
    worst = f"{number(delay.worst, SHOWN[JUDGED_BY])}\n({delay.worst_seed})"
    return [*figures, worst, change_lines(cell.differences.get(JUDGED_BY)), str(cell.safety_violations)]


def _overall_table(comparison: Comparison) -> Table:
    title = f"all scenarios, simulated: change against {comparison.baseline}, geometric mean, 95 % interval"
    table = _table(title, "controller", [*(METRICS[key].title for key in SHOWN), "scenarios"])
    for controller, changes in comparison.overall.items():
        shown = [changes.get(key) for key in SHOWN]
        scenarios = str(max((c.scenarios for c in shown if c), default=0))
        table.add_row(escape(controller), *[change_lines(c) for c in shown], scenarios)
    return table


def standings_table(board: Leaderboard, baseline: str) -> Table:
    """Delay against the baseline over all networks, condition by condition, and over everything with its interval and worst cell."""
    fields = [one for one in board.fields if baseline in one.against]
    title = f"delay against {baseline} [%], simulated: geometric mean over networks"
    table = _table(title, "controller", [*(one.condition.name.replace("_", "\n") for one in fields), "all\n95 % interval"])
    for controller, standing in board.standings[baseline].items():
        changes = [one.against[baseline].overall.get(controller, {}).get(JUDGED_BY) for one in fields]
        words = [UNKNOWN if change is None or isnan(change.percent) else f"{change.percent:+.1f}" for change in changes]
        table.add_row(escape(controller), *words, f"{change_lines(standing.overall)}\nworst {standing.worst.percent:+.0f}")
    return table
