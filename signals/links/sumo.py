"""A link to signals in SUMO, by libsumo or TraCI: reads sensors (ideal ones, or those given), pushes whole programs with intergreens.

Every push is a complete program: what is running, the approved stages with their intergreens, and a tail that repeats the
base plan. When the controlling process dies, SUMO goes on with that program by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from signals.errors import LinkError
from signals.links.detectors import Sensors
from signals.links.program import Cabinet, Program, Segment, in_line
from signals.links.sensing import Sensing
from signals.links.switchboard import Switchboard, like_changes, switchboard
from signals.types import ApprovedPlan, Floats, Ints, Network, Observation, Stage

PROGRAM_ID = "citybrain"
MOST_GREENS = 4  # lengths of green for each change on one switchboard: a planner that has more gets a new board now and then


class SumoLink:
    """Lives as long as its connection; `sumo` is libsumo or a traci connection."""

    def __init__(self, sumo: Any, network: Network, sensing_m: float = 250.0, sensors: Sensors | None = None) -> None:
        self._sumo = sumo
        self._lights = sumo.trafficlight
        self._network = network
        self._cabinets = [Cabinet(signal) for signal in network.signals]
        self._names = [signal.id for signal in network.signals]
        self._sensing: Sensors = Sensing(sumo, network, sensing_m) if sensors is None else sensors
        self._programs = [self._read_program(i) for i in range(len(network.signals))]
        n = len(network.signals)
        self._last_segment = [-1] * n
        self._green_since_s = [0.0] * n
        self._due = [False] * n
        self._pushed: list[ApprovedPlan | None] = [None] * n
        self._ways: list[dict[tuple[int, Stage], None]] = [{} for _ in range(n)]
        self._boards: list[Switchboard | None] = [None] * n
        self._logics: list[Any] = [None] * n
        self._now_s = float(sumo.simulation.getTime())

    def observe(self, now_s: float) -> Observation:
        """Phases, and vehicles within the sensing range by the movement they will take."""
        self._now_s = now_s
        try:
            phase, age_s = self._where(now_s)
            return self._sensing.read(now_s, phase, age_s)
        except LinkError:
            raise
        except Exception as error:
            raise LinkError(f"SUMO does not answer at {now_s:.0f} s: {error}") from error

    def _where(self, now_s: float) -> tuple[Ints, Floats]:
        """Phase that is green or coming [signal], and its age; negative while its intergreen runs."""
        phases: list[int] = []
        ages_s: list[float] = []
        last, since_s = self._last_segment, self._green_since_s
        for i, name in enumerate(self._names):
            k, left_s, due = self._standing(i, now_s)
            program = self._programs[i]
            segment = program.segments[k]
            phases.append(segment.phase)
            if not segment.green:
                ages_s.append(-(left_s + program.until_green_s(k)))
            else:
                if due:
                    since_s[i] = now_s
                elif k != last[i]:
                    since_s[i] = now_s - self._lights.getSpentDuration(name)
                ages_s.append(now_s - since_s[i])
            last[i], self._due[i] = k, due
        return np.array(phases, dtype=np.int64), np.array(ages_s)

    def _standing(self, i: int, now_s: float) -> tuple[int, float, bool]:
        """(segment, what is left of it [s], whether SUMO has yet to go over to it).

        SUMO changes lights as the next step begins: an intergreen that ends now is over, though it is still shown. A green that ends
        now can still be held.
        """
        signal, program = self._names[i], self._programs[i]
        k: int = self._lights.getPhase(signal)
        left_s: float = self._lights.getNextSwitch(signal) - now_s
        due = False
        while left_s <= 0.0 and not program.segments[k].green:
            k, due = program.following[k], True
            left_s = program.segments[k].duration_s
        return k, left_s, due

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Put each plan in force and read it back. A plan that only holds the running green longer costs one call."""
        if len(plans) != len(self._programs):
            raise LinkError(f"{len(plans)} plans for {len(self._programs)} signals; expected one each")
        for i, approved in enumerate(plans):
            if not isinstance(approved, ApprovedPlan):
                raise LinkError(f"{self._network.signals[i].id}: {type(approved).__name__} is not an ApprovedPlan")
            before = self._pushed[i]
            # A refused wish comes back as the running plan with an objection: it runs already.
            if before is None or approved.plan is not before.plan:
                try:
                    self._push_one(i, approved)
                except LinkError:
                    raise
                except Exception as error:
                    raise LinkError(f"{self._network.signals[i].id}: SUMO refused the plan: {error}") from error
                self._pushed[i] = approved

    def _push_one(self, i: int, approved: ApprovedPlan) -> None:
        plan, program = approved.plan, self._programs[i]
        if self._last_segment[i] < 0:
            self._last_segment[i], _, self._due[i] = self._standing(i, self._now_s)
        k = self._last_segment[i]
        running, first = program.segments[k], plan.stages[0]
        lone = len(plan.stages) == 1 and not plan.repeats
        if lone and first.phase != running.phase and running.green:
            self._change(i, running.phase, first)
            self._last_segment[i] = -1
            return
        lead = program.leads[k]
        if lone and first.phase == running.phase and lead >= 0:
            if k == lead and not self._due[i]:
                self._lights.setPhaseDuration(self._names[i], first.green_s)
                return
            if program.segments[lead] == self._cabinets[i].green(first):
                return  # it comes by itself
        k, left_s, _ = self._standing(i, self._now_s)
        age_s = self._now_s - self._green_since_s[i] if running.green else 0.0
        following = self._cabinets[i].program(plan, program.from_here(k, left_s), self._now_s, age_s)
        self._install(i, following)
        self._last_segment[i] = 0 if running.green and following.segments[0].phase == running.phase else -1

    def _change(self, i: int, phase: int, stage: Stage) -> None:
        """Leave a green at once: by the way on the switchboard, which is laid out for all changes like the first one."""
        board = self._boards[i]
        start = None if board is None else board.ways.get((phase, stage.phase, stage.green_s))
        if board is None or start is None:
            board = self._laid_out(i, phase, stage)
            start = board.ways[phase, stage.phase, stage.green_s]
        if self._programs[i] is not board.program:
            self._logics[i] = self._logics[i] or self._logic(board.program, 0)
            self._lights.setProgramLogic(self._names[i], self._logics[i])
        self._begin(i, board.program, start)

    def _laid_out(self, i: int, phase: int, stage: Stage) -> Switchboard:
        """A new board with this change and those like it; with all earlier ones too, unless their greens differ too much."""
        cabinet, known = self._cabinets[i], self._ways[i]
        if len(known) > MOST_GREENS * len(cabinet.signal.phases) ** 2:
            known.clear()
        known |= dict.fromkeys(like_changes(cabinet, phase, stage))
        self._boards[i], self._logics[i] = (board := switchboard(cabinet, tuple(known))), None
        return board

    def _install(self, i: int, program: Program) -> None:
        """Push a program and start its first segment now."""
        self._lights.setProgramLogic(self._names[i], self._logic(program, len(program.segments) - 1))
        self._begin(i, program, 0)

    def _begin(self, i: int, program: Program, start: int) -> None:
        """Go to a segment of the program that was pushed, and read both back."""
        signal, lights, lit = self._names[i], self._lights, program.segments[start].lights
        lights.setPhase(signal, start)
        self._programs[i] = program
        shown = lights.getRedYellowGreenState(signal)
        if shown != lit or lights.getProgram(signal) != PROGRAM_ID:
            raise LinkError(f"{signal}: pushed {lit}, but the controller shows {shown}")

    def _logic(self, program: Program, standing: int) -> Any:
        """As SUMO takes it: standing where it will not start, since SUMO shows new lights only when a push then goes elsewhere."""
        make = self._lights.Phase
        phases = []
        for k, (s, after) in enumerate(zip(program.segments, program.following, strict=True)):
            goes_on = after == k + 1
            phases.append(make(s.duration_s, s.lights) if goes_on else make(s.duration_s, s.lights, s.duration_s, s.duration_s, (after,)))
        return self._lights.Logic(PROGRAM_ID, 0, standing, phases)

    def _read_program(self, i: int) -> Program:
        """The program that runs now, as somebody else made it."""
        signal = self._network.signals[i]
        running = self._lights.getProgram(signal.id)
        logic = next((x for x in self._lights.getAllProgramLogics(signal.id) if x.programID == running), None)
        if logic is None:
            raise LinkError(f"{signal.id}: SUMO runs program {running!r} but does not show it")
        index = {p.lights: k for k, p in enumerate(signal.phases)}
        greens = [index.get(p.state, -1) for p in logic.phases]
        if max(greens) < 0:
            raise LinkError(f"{signal.id}: program {running!r} shows none of the {len(index)} phases read from the network")
        segments = []
        for k, phase in enumerate(logic.phases):
            coming = next(g for g in greens[k:] + greens[:k] if g >= 0)
            segments.append(Segment(float(phase.duration), phase.state, coming, greens[k] >= 0))
        return in_line(tuple(segments), 0, -1)

    def release(self) -> None:
        """Let every signal go on with its base plan: through proper intergreens, as a program that needs nobody."""
        try:
            now_s = float(self._sumo.simulation.getTime())
            for i, signal in enumerate(self._network.signals):
                k, left_s, due = self._standing(i, now_s)
                running = self._programs[i].from_here(k, left_s)
                age_s = now_s - self._green_since_s[i] if k == self._last_segment[i] and not due else 0.0
                program = self._cabinets[i].program(signal.base, running, now_s, age_s)
                self._install(i, program)
                self._last_segment[i], self._pushed[i] = -1, None
        except LinkError:
            raise
        except Exception as error:
            raise LinkError(f"SUMO does not answer, its signals go on with what was pushed last: {error}") from error
