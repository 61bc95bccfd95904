"""A link to signals in SUMO, by libsumo or TraCI: reads sensors (ideal ones, or those given), pushes whole programs with intergreens.

Every push is a complete program: what is running, the approved stages with their intergreens, and a tail that repeats the
base plan. When the controlling process dies, SUMO goes on with that program by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from signals.errors import LinkError
from signals.links.detectors import Sensors
from signals.links.program import Cabinet, Program, Segment, loop_start
from signals.links.sensing import Sensing
from signals.types import ApprovedPlan, Floats, Ints, Network, Observation, Stage

PROGRAM_ID = "citybrain"


class SumoLink:
    """Lives as long as its connection; `sumo` is libsumo or a traci connection."""

    def __init__(self, sumo: Any, network: Network, sensing_m: float = 250.0, sensors: Sensors | None = None) -> None:
        self._sumo = sumo
        self._lights = sumo.trafficlight
        self._network = network
        self._cabinets = [Cabinet(signal) for signal in network.signals]
        self._changes: dict[tuple[int, int, tuple[Stage, ...]], tuple[Program, Any]] = {}
        self._sensing: Sensors = Sensing(sumo, network, sensing_m) if sensors is None else sensors
        self._programs = [self._read_program(i) for i in range(len(network.signals))]
        self._last_segment = [-1] * len(network.signals)
        self._green_since_s = np.zeros(len(network.signals))
        self._due = [False] * len(network.signals)
        self._pushed: list[ApprovedPlan | None] = [None] * len(network.signals)
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
        n = len(self._programs)
        phase, age_s = np.zeros(n, dtype=np.int64), np.zeros(n)
        for i, signal in enumerate(self._network.signals):
            program = self._programs[i]
            k, left_s, self._due[i] = self._standing(i, now_s)
            segment = program.segments[k]
            phase[i] = segment.phase
            if not segment.green:
                age_s[i] = -(left_s + program.until_green_s(k))
            else:
                if self._due[i]:
                    self._green_since_s[i] = now_s
                elif k != self._last_segment[i]:
                    self._green_since_s[i] = now_s - self._lights.getSpentDuration(signal.id)
                age_s[i] = now_s - self._green_since_s[i]
            self._last_segment[i] = k
        return phase, age_s

    def _standing(self, i: int, now_s: float) -> tuple[int, float, bool]:
        """(segment, what is left of it [s], whether SUMO has yet to go over to it).

        SUMO changes lights as the next step begins: an intergreen that ends now is over, though it is still shown. A green that ends
        now can still be held.
        """
        signal, program = self._network.signals[i].id, self._programs[i]
        k = self._lights.getPhase(signal)
        left_s = self._lights.getNextSwitch(signal) - now_s
        due = False
        while left_s <= 0.0 and not program.segments[k].green:
            k, due = program.after(k), True
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
        signal, plan, program = self._network.signals[i].id, approved.plan, self._programs[i]
        if self._last_segment[i] < 0:
            self._last_segment[i], _, self._due[i] = self._standing(i, self._now_s)
        k = self._last_segment[i]
        running = program.segments[k]
        lone = not plan.repeats and len(plan.stages) == 1
        if lone and plan.stages[0].phase == running.phase and 0 <= k <= program.lead:
            if k == program.lead and not self._due[i]:
                self._lights.setPhaseDuration(signal, plan.stages[0].green_s)
                return
            if program.segments[program.lead] == self._cabinets[i].green(plan.stages[0]):
                return  # it comes by itself
        if lone and running.green and plan.stages[0].phase != running.phase:
            self._install(i, *self._change(i, running.phase, plan.stages))
        else:
            k, left_s, _ = self._standing(i, self._now_s)
            age_s = self._now_s - self._green_since_s[i] if running.green else 0.0
            following = self._cabinets[i].program(plan, program.from_here(k, left_s), self._now_s, age_s)
            self._install(i, following, self._logic(following))
            self._last_segment[i] = 0 if running.green and following.segments[0].phase == running.phase else -1

    def _change(self, i: int, phase: int, stages: tuple[Stage, ...]) -> tuple[Program, Any]:
        """The program that leaves a green at once, made once for each kind of change."""
        key = (i, phase, stages)
        if key not in self._changes:
            cabinet = self._cabinets[i]
            segments, tail = cabinet.stages(phase, stages), cabinet.base_tail(stages[-1].phase)
            program = Program((*segments, *tail), len(segments) + loop_start(tail), len(segments) - 1)
            self._changes[key] = (program, self._logic(program))
        self._last_segment[i] = -1
        return self._changes[key]

    def _install(self, i: int, program: Program, logic: Any) -> None:
        """Push the program, start its first segment now, and read both back."""
        signal, lights = self._network.signals[i].id, self._lights
        lights.setProgramLogic(signal, logic)
        lights.setPhase(signal, 0)
        self._programs[i] = program
        shown = lights.getRedYellowGreenState(signal)
        if shown != program.segments[0].lights or lights.getProgram(signal) != PROGRAM_ID:
            raise LinkError(f"{signal}: pushed {program.segments[0].lights}, but the controller shows {shown}")

    def _logic(self, program: Program) -> Any:
        """As SUMO takes it: standing at its last phase, since SUMO shows new lights only when the push then goes to the first."""
        make = self._lights.Phase
        phases = [make(s.duration_s, s.lights) for s in program.segments[:-1]]
        last = program.segments[-1]
        phases.append(make(last.duration_s, last.lights, last.duration_s, last.duration_s, (program.loop_to,)))
        return self._lights.Logic(PROGRAM_ID, 0, len(phases) - 1, phases)

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
        return Program(tuple(segments), 0, -1)

    def release(self) -> None:
        """Let every signal go on with its base plan: through proper intergreens, as a program that needs nobody."""
        try:
            now_s = float(self._sumo.simulation.getTime())
            for i, signal in enumerate(self._network.signals):
                k, left_s, due = self._standing(i, now_s)
                running = self._programs[i].from_here(k, left_s)
                age_s = now_s - self._green_since_s[i] if k == self._last_segment[i] and not due else 0.0
                program = self._cabinets[i].program(signal.base, running, now_s, age_s)
                self._install(i, program, self._logic(program))
                self._last_segment[i], self._pushed[i] = -1, None
        except LinkError:
            raise
        except Exception as error:
            raise LinkError(f"SUMO does not answer, its signals go on with what was pushed last: {error}") from error
