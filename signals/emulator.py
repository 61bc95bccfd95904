"""A controller at the kerb, emulated: base plan, lease timer, own look at plans, own monitor of its lamps. Safe alone, whatever it is sent.

Intervals are timed by its own ticks, never by the clock that it is told: a clock that jumps can make an interval longer, not shorter.
The clock serves leases, on arrival, and the offset of the base plan. Lights change in `step` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, inf, nan

from signals.errors import LinkError
from signals.lease import Ack, Lease, Status, content_id
from signals.links.program import Cabinet, Program, Segment, following, in_line
from signals.monitor import GREEN, KINDS, monitor_for
from signals.refusal import Lit, refusal
from signals.rules import Rules, envelope
from signals.site import longest_base_red_s, sites
from signals.types import Intersection, Network, Stage, TimingPlan

STARTING_RED_S = 6.0
FLASH = "o"
PATIENCE = 2.0  # times the maximum red: then the cabinet serves by its base plan who calls and was forgotten by the centre
DWELL_SHARE = 0.2  # of the base cycle: what its first green is lengthened by to get back into step
TINY_S = 1e-6


@dataclass(slots=True)
class Memory:
    """What outlives a power cut: the newest lease heard of, and what was said to it."""

    epoch: int = 0
    seq: int = 0
    ack: Ack | None = None


@dataclass(slots=True)
class Held:
    """A lease in force, and until when by the cabinet's own ticks."""

    plan: TimingPlan
    content_id: str
    until_s: float


def as_driven(lights: str) -> str:
    """Lamps that show what they are told to."""
    return lights


class EmulatedController:
    """Lives as long as the cabinet. `step` it every `tick_s`; `lamps` may show something else than they are driven to."""

    def __init__(
        self,
        signal: Intersection,
        rules: Rules,
        now_s: float,
        *,
        tick_s: float = 1.0,
        memory: Memory | None = None,
        lamps: Callable[[str], str] = as_driven,
    ) -> None:
        self.signal, self.memory, self.lamps = signal, memory or Memory(), lamps
        self._alone, self._rules, self._tick_s = Network(signal.id, (signal,)), rules, tick_s
        self._cabinet = Cabinet(signal)
        self._site = sites(self._alone, (envelope(signal, rules),))[0]
        self._patience_s = PATIENCE * max(self._site.max_red_s, default=inf)
        self._dwell_s = _dwell_most_s(signal, self._site.min_green_s, self._site.limits.max_red_s)
        self._base_serves = frozenset().union(*(self._site.serves[s.phase] for s in signal.base.stages))
        self._called, self._call_s = (True,) * len(signal.movements), [-inf] * len(signal.movements)
        self._now_s, self._ran_s = now_s, 0.0
        self.violations: list[str] = []
        self.latched = False
        self._program: Program
        self._k, self._ends_s, self._green_since_s, self._oldest_s = 0, 0.0, inf, inf
        self._first, self._first_seen = -1, False
        self._start()

    def _start(self) -> None:
        """Power is on: all red, then the base plan's first green. No lease is known."""
        base, names = self.signal.base.stages, self.signal.movements
        longest_s = float(self.signal.intergreen_s.max(initial=0.0))
        red = Segment(max(STARTING_RED_S, ceil(longest_s)), "r" * len(names), base[0].phase, False)
        self._monitor = monitor_for(self._alone, self._rules)
        self._held: Held | None = None
        self._rescue = False
        self._lights, self._oldest_s, self._began_s = red.lights, self._ran_s, self._ran_s
        self._green_end_s = [self._ran_s] * len(names)
        self._run(_behind(red, self._base_program(base[0].phase, again=True)), self._ran_s + red.duration_s)

    def step(self, now_s: float) -> str:
        """The lights from `now_s` until the next step."""
        self._ran_s, self._now_s = self._ran_at(now_s), now_s
        if self.latched:
            return self._lights
        self._mind_starvation()
        while self._is_over():
            self._go_on()
        shown = self.lamps(self._program.segments[self._k].lights)
        self._monitor.watch(self._ran_s, [shown])
        if self._monitor.latched:
            self.violations += [v.sentence for v in self._monitor.violations]
            self.latched, self._held = True, None
            shown = FLASH * len(self.signal.movements)
        if shown != self._lights:
            self._shows(shown)
        return shown

    def receive(self, lease: Lease, now_s: float) -> Ack:
        """Take a lease, or say why not. A duplicate gets the same answer again."""
        memory, last = self.memory, self.memory.ack
        order = (lease.epoch, lease.seq)
        if last is not None and order == (memory.epoch, memory.seq) and lease.content_id == last.content_id:
            return replace(last, now_s=now_s)
        reason = self._disorder(lease)
        if not reason:
            memory.epoch, memory.seq = order
            reason = self._refusal(lease, now_s)
        ack = Ack(self.signal.id, lease.epoch, lease.seq, lease.content_id, not reason, reason, now_s)
        if order == (memory.epoch, memory.seq):
            memory.ack = ack
        return ack

    def status(self, now_s: float) -> Status:
        """Where the cabinet is, and whose plan it runs."""
        at_s, held = self._ran_at(now_s), self._held
        lit = self._lit(now_s)
        lights = self._lights
        red_s = tuple(0.0 if KINDS[a] == GREEN else at_s - end_s for a, end_s in zip(lights, self._green_end_s, strict=True))
        return Status(
            self.signal.id, now_s, "flash" if self.latched else "base" if held is None else "adaptive", lit.phase,
            nan if self.latched else lit.age_s, red_s, lights, self.memory.epoch, self.memory.seq,
            "" if held is None else held.content_id, self.latched,
        )  # fmt: skip

    def news(self, now_s: float) -> tuple[object, ...]:
        """What a status says, but for what only counts on with the time: where it changes, there is something to tell."""
        lit, held = self._lit(now_s), self._held
        turned_s = 0.0 if self.latched else round(now_s - lit.age_s, 2)
        held_id = "" if held is None else held.content_id
        begun = self._ran_at(now_s) > self._began_s  # until then it says a red of 0 s, as if it were green
        return self._lights, self.latched, held_id, lit.phase, turned_s, self.memory.epoch, self.memory.seq, begun

    def where(self, now_s: float) -> tuple[int, float]:
        """The phase that is green or coming, and its age; NaN while it flashes."""
        lit = self._lit(now_s)
        return lit.phase, nan if self.latched else lit.age_s

    def hear_calls(self, called: tuple[bool, ...]) -> None:
        """What the cabinet's own detectors say: whether somebody waits, of each movement. Without detectors somebody always does."""
        if called != self._called:
            new = (now and not before for now, before in zip(called, self._called, strict=True))
            self._call_s = [self._ran_s if begins else since_s for begins, since_s in zip(new, self._call_s, strict=True)]
            self._called = called
            self._find_oldest()

    def restart(self, now_s: float) -> None:
        """Power was off: all red, then the base plan. Flash, epoch and sequence are remembered, the lease is not."""
        self._now_s = now_s
        self._start()
        if self.latched:
            self._lights = FLASH * len(self.signal.movements)

    def reset(self, now_s: float, by: str) -> None:
        """A person has looked at the cabinet and lets it go on; nothing that comes by wire can."""
        if not by.strip():
            raise LinkError(f"{self.signal.id}: a reset by nobody; expected the name of who looked at the cabinet")
        if self.latched:
            self.latched = False
            self.restart(now_s)

    def _ran_at(self, now_s: float) -> float:
        """The cabinet's own time: it runs on by a tick at most between two steps, however its clock jumps."""
        return self._ran_s + min(max(now_s - self._now_s, 0.0), self._tick_s)

    def _shows(self, shown: str) -> None:
        for m, aspect in enumerate(self._lights):
            if KINDS[aspect] == GREEN:
                self._green_end_s[m] = self._ran_s
        self._lights = shown
        self._find_oldest()

    def _find_oldest(self) -> None:
        """Since when whoever waits for longest has called and been red."""
        lights, called = self._lights, self._called
        dark = [max(self._green_end_s[m], self._call_s[m]) for m in self._base_serves if called[m] and KINDS[lights[m]] != GREEN]
        self._oldest_s = min(dark, default=inf)

    def _mind_starvation(self) -> None:
        """Whoever calls and has been red for far too long is served by the base plan, whatever the centre wants."""
        self._rescue = self._ran_s - self._oldest_s > self._patience_s
        if self._rescue and self._held is not None:
            self._held.until_s = min(self._held.until_s, self._ran_s)

    def _is_over(self) -> bool:
        segment, held = self._program.segments[self._k], self._held
        over = self._ran_s >= self._ends_s - TINY_S
        if not segment.green:
            return over
        if held is not None and self._ran_s >= held.until_s - TINY_S and (self._rescue or not held.plan.repeats):
            over = True  # the lease, and with it its stage; a repeating plan may end the stage that it is in
        return over and self._ran_s - self._green_since_s >= self._site.min_green_s[segment.phase] - TINY_S

    def _go_on(self) -> None:
        """The next segment begins now."""
        before, held = self._program.segments[self._k], self._held
        if held is not None and before.green and self._ran_s >= held.until_s - TINY_S:
            self._held = None
            self._program, self._k = _behind(before, self._base_program(before.phase)), 0
        self._k = self._program.following[self._k]
        if self._held is not None and not self._held.plan.repeats and self._program.leads[self._k] < 0:
            self._held = None
            self._program, self._k = _behind(before, self._base_program(before.phase)), 1
        segment = self._program.segments[self._k]
        self._ends_s = self._ran_s + segment.duration_s
        if segment.green and not (before.green and before.phase == segment.phase):
            self._green_since_s = self._ran_s
        if self._held is None and self._k == self._first:
            self._ends_s += self._lag_s()
            self._first_seen = True

    def _base_program(self, phase: int, again: bool = False) -> Program:
        """The base plan's cycle, left from a phase's green, or (`again`) begun with its first stage."""
        stages = self.signal.base.stages
        first = 0 if again else following(self.signal.base, phase)
        tail = self._cabinet.cycle(phase, stages, first)
        greens = [k for k, segment in enumerate(tail) if segment.green]
        self._first, self._first_seen = 1 + greens[-first % len(stages)], False
        return in_line(tail, greens[0], -1)

    def _lag_s(self) -> float:
        """How much longer the base plan's first green is shown, so that it gets back into step; the first time round it is not."""
        base = self.signal.base
        if not self._first_seen or base.cycle_s <= 0.0:
            return 0.0
        missing_s = (base.offset_s - self._now_s) % base.cycle_s
        return min(missing_s, self._dwell_s) if missing_s > TINY_S else 0.0

    def _lit(self, now_s: float) -> Lit:
        """The phase that is green or coming, and its age; an intergreen that ends now is over."""
        at_s, k = self._ran_at(now_s), self._k
        segment, left_s = self._program.segments[k], self._ends_s - at_s
        if segment.green:
            return Lit(now_s, segment.phase, at_s - self._green_since_s)
        return Lit(now_s, segment.phase, -max(left_s + self._program.until_green_s(k), 0.0))

    def _disorder(self, lease: Lease) -> str:
        """Why the message itself does not count: another's, garbled, or older than one that was heard."""
        memory = self.memory
        if lease.signal != self.signal.id:
            return f"is for {lease.signal}; this is {self.signal.id}"
        if lease.content_id != content_id(self.signal.id, lease.plan):
            return f"content id {lease.content_id} is not that of its plan"
        if lease.epoch < memory.epoch:
            return f"epoch {lease.epoch} is over; epoch {memory.epoch} is the centre"
        if lease.epoch == memory.epoch and lease.seq <= memory.seq and memory.ack is not None:
            return f"sequence {lease.seq} is not newer than {memory.seq}"
        return ""

    def _refusal(self, lease: Lease, now_s: float) -> str:
        """Why the plan is refused; empty: it is in force from now on."""
        plan, held, at_s = lease.plan, self._held, self._ran_at(now_s)
        if self.latched:
            return "in flash until a person resets it"
        if plan is None:
            if held is not None:
                held.until_s = min(held.until_s, at_s)
            return ""
        if self._rescue:
            return f"somebody has waited for {at_s - self._oldest_s:.0f} s; the base plan comes first"
        lit = self._lit(now_s)
        renewed = held is not None and held.content_id == lease.content_id
        said = refusal(plan, self._site, lit, renewed)
        if said:
            return said
        until_s = at_s + plan.valid_until_s - now_s
        if renewed and held is not None:
            held.until_s = until_s
        else:
            self._held = Held(plan, lease.content_id, until_s)
            self._install(plan, lit, at_s)
        return ""

    def _install(self, plan: TimingPlan, lit: Lit, at_s: float) -> None:
        """From what is lit now: a first green that runs already has lost what the message took to come."""
        current, ends_s, late_s = self._program.segments[self._k], self._ends_s, lit.now_s - plan.starts_s
        first = plan.stages[0]
        if not plan.repeats and first.phase == lit.phase and late_s > 0.0:
            plan = replace(plan, stages=(Stage(first.phase, max(first.green_s - late_s, 0.0)), *plan.stages[1:]))
        running = self._program.from_here(self._k, ends_s - at_s)
        if not current.green:  # it may be over now, with the green that it leads to still to be lit
            running = (replace(running[0], duration_s=max(ends_s - at_s, 0.0)), *running[1:])
        program = self._cabinet.program(plan, running, lit.now_s, max(lit.age_s, 0.0))
        if not current.green:
            self._run(program, ends_s)
        elif program.segments[0].green and program.segments[0].phase == current.phase:
            self._run(program, at_s + program.segments[0].duration_s)
        else:
            self._run(_behind(current, program), at_s)
        self._first = -1

    def _run(self, program: Program, ends_s: float) -> None:
        """Stand on a program's first segment, which is lit already and ends then."""
        if not program.segments[0].green:
            self._green_since_s = inf
        self._program, self._k, self._ends_s = program, 0, ends_s


def _behind(current: Segment, program: Program) -> Program:
    """The program with what is lit now before it; that belongs to the lease if the program's begin does."""
    leads = tuple(k + 1 if k >= 0 else -1 for k in program.leads)
    return Program((current, *program.segments), (1, *(k + 1 for k in program.following)), (leads[0], *leads))


def _dwell_most_s(signal: Intersection, min_green_s: tuple[float, ...], max_red_s: float) -> float:
    """What the base plan's first green may be lengthened by in a cycle [s]; nothing where its minimum greens already break its cycle."""
    base = signal.base
    if any(stage.green_s < min_green_s[stage.phase] for stage in base.stages):
        return 0.0
    spare_s = max_red_s - float(longest_base_red_s(signal).max(initial=0.0))
    return max(min(DWELL_SHARE * base.cycle_s, spare_s), 0.0)
