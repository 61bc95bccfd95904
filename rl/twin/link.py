"""A controller link to the twin: the same plans, cabinets and observations as `signals.links.sumo`, so that any planner can run on it."""

from __future__ import annotations

import numpy as np

from rl.twin import view
from rl.twin.lights import AMBER, CLOSED, GONE_AMBER, PERMISSIVE, PROTECTED, remember_green
from rl.twin.twin import Run
from signals.errors import LinkError
from signals.links.program import Cabinet, Program, in_line
from signals.types import ApprovedPlan, Floats, Intersection, Ints, Observation, Turn

ASPECTS = {"G": PROTECTED, "g": PERMISSIVE, "s": PERMISSIVE, "y": GONE_AMBER, "Y": GONE_AMBER}
"""Everything else is closed."""


class TwinLink:
    """Runs the cabinets of all signals second by second; lives as long as its run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        network = run.twin.site.network
        self._signals = network.signals
        self._start = run.twin.layout.movement_start
        self._cabinets = [Cabinet(s) for s in network.signals]
        standing = [base_program(s, cabinet, self.now_s) for s, cabinet in zip(network.signals, self._cabinets, strict=True)]
        self._programs = [program for program, _, _ in standing]
        self._segment = [k for _, k, _ in standing]
        self._left_s = [left_s for _, _, left_s in standing]
        self._age_s = [p.segments[k].duration_s - left_s for p, k, left_s in standing]
        self._pushed: list[ApprovedPlan | None] = [None] * len(network.signals)
        self._rows: dict[tuple[int, str], Ints] = {}
        self._silent = np.array([m.turn is Turn.CROSSING for s in network.signals for m in s.movements])

    @property
    def now_s(self) -> float:
        """The time on the scenario's clock."""
        return self._run.twin.begin_s + self._run.now_s

    def advance(self, seconds: int) -> None:
        """Let the cabinets and the traffic go on."""
        lights = self.aspects(seconds)
        remember_green(lights, self._run.now_s, self._run.traffic.green_s)
        self._run.advance(lights)

    def aspects(self, seconds: int) -> Ints:
        """Let the cabinets go on, and tell what they show [second, movement]."""
        lights = np.zeros((seconds, int(self._start[-1])), dtype=np.int64)
        for i in range(len(self._signals)):
            at = slice(self._start[i], self._start[i + 1])
            for t in range(seconds):
                if self._left_s[i] <= 0.0:
                    self._go_over(i)
                segment = self._programs[i].segments[self._segment[i]]
                row = self._aspects(i, segment.lights)
                begins = self._age_s[i] <= 0.0 and not segment.green
                lights[t, at] = np.where(row == GONE_AMBER, AMBER, row) if begins else row
                self._left_s[i] -= 1.0
                self._age_s[i] += 1.0
        return lights

    def _go_over(self, i: int) -> None:
        """On to the next segment of a signal's program."""
        before = self._programs[i].segments[self._segment[i]]
        self._segment[i] = self._programs[i].following[self._segment[i]]
        now = self._programs[i].segments[self._segment[i]]
        self._left_s[i] += now.duration_s
        if not (before.green and now.green and before.phase == now.phase):
            self._age_s[i] = 0.0

    def _aspects(self, i: int, lights: str) -> Ints:
        """Aspects of a signal's movements under steady lights."""
        if (i, lights) not in self._rows:
            self._rows[i, lights] = np.array([ASPECTS.get(c, CLOSED) for c in lights], dtype=np.int64)
        return self._rows[i, lights]

    def observe(self, now_s: float) -> Observation:
        """What ideal sensors see now."""
        if now_s != self.now_s:
            raise LinkError(f"the twin stands at {self.now_s:g} s; asked for {now_s:g} s")
        phase, age_s = self._where()
        run, twin = self._run, self._run.twin
        sight = view.look(run.now_s, twin.streets, run.trips, run.traffic, twin.exit_start, twin.exit_lane)
        return view.observation(now_s, run.now_s, phase, age_s, sight, run.traffic, twin.layout, self._silent)

    def _where(self) -> tuple[Ints, Floats]:
        """Phase that is green or coming [signal], and its age; an intergreen that ends now is over."""
        phase, age_s = np.zeros(len(self._signals), dtype=np.int64), np.zeros(len(self._signals))
        for i, program in enumerate(self._programs):
            while self._left_s[i] <= 0.0 and not program.segments[self._segment[i]].green:
                self._go_over(i)
            segment = program.segments[self._segment[i]]
            phase[i] = segment.phase
            age_s[i] = self._age_s[i] if segment.green else -(self._left_s[i] + program.until_green_s(self._segment[i]))
        return phase, age_s

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Put each plan in force."""
        if len(plans) != len(self._signals):
            raise LinkError(f"{len(plans)} plans for {len(self._signals)} signals; expected one each")
        for i, approved in enumerate(plans):
            if not isinstance(approved, ApprovedPlan):
                raise LinkError(f"{self._signals[i].id}: {type(approved).__name__} is not an ApprovedPlan")
            before = self._pushed[i]
            if before is None or approved.plan is not before.plan:
                self._install(i, approved)
                self._pushed[i] = approved

    def _install(self, i: int, approved: ApprovedPlan) -> None:
        program, k = self._programs[i], self._segment[i]
        running = program.segments[k]
        age_s = self._age_s[i] if running.green else 0.0
        following = self._cabinets[i].program(approved.plan, program.from_here(k, self._left_s[i]), self.now_s, age_s)
        first = following.segments[0]
        self._programs[i], self._segment[i], self._left_s[i] = following, 0, first.duration_s
        if not ((first.green and running.green and first.phase == running.phase) or first.lights == running.lights):
            self._age_s[i] = 0.0

    def release(self) -> None:
        """Nothing is held: a program ends in the base plan by itself."""


def base_program(signal: Intersection, cabinet: Cabinet, now_s: float) -> tuple[Program, int, float]:
    """A signal's base plan as it stands at a time: the program, its segment, and what is left of that [s]."""
    base = signal.base
    segments = cabinet.cycle(base.stages[0].phase, base.stages, 0)
    position_s = (now_s - base.offset_s) % base.cycle_s
    for k, segment in enumerate(segments):
        if position_s < segment.duration_s:
            return in_line(segments, 0, -1), k, segment.duration_s - position_s
        position_s -= segment.duration_s
    return in_line(segments, 0, -1), 0, segments[0].duration_s
