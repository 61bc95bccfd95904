"""One program with the ways from every green to every other: a change of phase is then a single call instead of a whole program.

Each way is the intergreen, the new green, and after it the base plan's cycle: a signal whose controller falls silent is back on its
base plan by itself, as with any program that is pushed.
"""

from __future__ import annotations

from dataclasses import dataclass

from signals.links.program import Cabinet, Program, Segment, following
from signals.types import Stage


@dataclass(frozen=True, slots=True)
class Switchboard:
    """The program, and where in it the way from a phase to a stage begins."""

    program: Program
    ways: dict[tuple[int, int, float], int]
    """(phase that runs, phase that comes, its green [s]) -> first segment"""


class Board:
    """A program in the making: segments that may be followed by any other."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.following: list[int] = []
        self.leads: list[int] = []

    def lay(self, segments: tuple[Segment, ...], then: int, lead: int = -1) -> int:
        """Lay segments one after the other, the last followed by `then`; where they begin: at `then` itself if there are none."""
        start = len(self.segments)
        for segment in segments:
            self.segments.append(segment)
            self.following.append(len(self.segments))
            self.leads.append(lead)
        if segments:
            self.following[-1] = then
        return start if segments else then


def switchboard(cabinet: Cabinet, changes: tuple[tuple[int, Stage], ...]) -> Switchboard:
    """A board with a way for each change (from a phase, to a stage). Its first segment is the base plan's first green."""
    base, board = cabinet.signal.base, Board()
    board.lay(cabinet.cycle(base.stages[0].phase, base.stages, 0), 0)
    turns_green = [k for k, segment in enumerate(board.segments) if segment.green]
    exits: dict[int, int] = {}
    greens: dict[Stage, int] = {}
    ways: dict[tuple[int, int, float], int] = {}
    for before, stage in changes:
        if stage.phase not in exits:
            entry = following(base, stage.phase)
            into = base.stages[entry].phase
            between = cabinet.change(stage.phase, into) if into != stage.phase else ()
            exits[stage.phase] = board.lay(between, turns_green[entry])
        if stage not in greens:
            greens[stage] = board.lay((cabinet.green(stage),), exits[stage.phase], len(board.segments))
        ways[before, stage.phase, stage.green_s] = board.lay(cabinet.change(before, stage.phase), greens[stage], greens[stage])
    return Switchboard(Program(tuple(board.segments), tuple(board.following), tuple(board.leads)), ways)


def like_changes(cabinet: Cabinet, before: int, stage: Stage) -> tuple[tuple[int, Stage], ...]:
    """This change, and those between all other phases that end as long from now: (from a phase, to a stage)."""
    between_s = cabinet.signal.intergreen_s.tolist()
    length_s = between_s[before][stage.phase] + stage.green_s
    phases = range(len(cabinet.signal.phases))
    changes = [(p, Stage(q, length_s - between_s[p][q])) for q in phases for p in phases if p != q and length_s > between_s[p][q]]
    return ((before, stage), *(c for c in changes if c != (before, stage)))
