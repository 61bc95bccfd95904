"""The project's nouns: frozen, slotted, arrays with named axes. Read this file first; it is the glossary.

Networks, plans and observations speak of *all* signals at once. `[movement]` and `[lane]` axes of network-wide arrays run over all
signals in the order of `Network.signals`; `signals.layout` gives the offsets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from signals.errors import UnsafePlanError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]


class Turn(StrEnum):
    """Which way a movement goes at the junction."""

    LEFT = "left"
    THROUGH = "through"
    RIGHT = "right"
    U_TURN = "u_turn"
    CROSSING = "crossing"  # pedestrians


class Serves:
    """How a phase serves a movement: codes of `Intersection.serves`."""

    NOT = 0
    PERMISSIVE = 1  # green, but yields to conflicting greens
    PROTECTED = 2


@dataclass(frozen=True, slots=True)
class Lane:
    """One approach lane at the stop line, traced upstream to the sensing range."""

    id: str
    length_m: float
    speed_mps: float
    upstream: tuple[str, ...]  # lanes that feed it within the sensing range, nearest first
    sensed_m: float  # how far back from the stop line the trace reaches
    storage_veh: float  # vehicles that fit on the traced length


@dataclass(frozen=True, slots=True)
class Movement:
    """An approach and a turn, lit by one lamp group. Holds what never changes, never live counts."""

    id: str
    approach: str
    turn: Turn
    lanes: tuple[str, ...]  # stop lanes it may leave from; shared with other movements where the markings say so
    exits: tuple[str, ...]  # receiving lanes
    saturation_veh_h: float  # of all its lanes together, as if alone on them
    speed_mps: float
    crossing_m: float  # path length inside the junction
    exit_storage_veh: float  # vehicles that fit on the receiving lanes up to the next junction
    inside: tuple[str, ...] = ()  # lanes of its way through the junction


@dataclass(frozen=True, slots=True)
class Phase:
    """Movements green together. `lights` has one aspect a movement: G protected, g permissive, r red, s right turn on red after a stop."""

    name: str
    lights: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A phase for a time. As the first stage of a sequence, `green_s` is what is left of it from `TimingPlan.starts_s`."""

    phase: int
    green_s: float


@dataclass(frozen=True, slots=True)
class TimingPlan:
    """Stages in order, and how it goes on: never who is green together.

    A repeating plan (`repeats`) is a cycle of stages with their intergreens, aligned to `offset_s`: at times t with (t - offset_s) mod
    cycle_s = 0 the first stage turns green. A sequence starts from what is running and, when its last stage ends or at
    `valid_until_s`, gives way to the signal's base plan.
    """

    signal: str
    stages: tuple[Stage, ...]
    starts_s: float
    valid_until_s: float
    repeats: bool = False
    cycle_s: float = 0.0
    offset_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Intersection:
    """One signal: its movements, phases and conflicts. Nothing in it changes during a run."""

    id: str
    x_m: float
    y_m: float
    lanes: tuple[Lane, ...]
    movements: tuple[Movement, ...]
    phases: tuple[Phase, ...]
    uses: Bools = field(repr=False)
    """[lane, movement] the movement may leave from the lane"""
    serves: Ints = field(repr=False)
    """[phase, movement] codes of `Serves`"""
    conflicts: Bools = field(repr=False)
    """[movement, movement] never both protected green"""
    yields_to: Bools = field(repr=False)
    """[movement, movement] the row's movement, when permissive, waits for the column's"""
    yellow_s: Floats = field(repr=False)
    """[phase, phase] yellow time of the change; 0 where no movement loses its green"""
    all_red_s: Floats = field(repr=False)
    """[phase, phase] red clearance of the change"""
    base: TimingPlan = field(repr=False)  # what the cabinet runs on its own
    exceptions: tuple[tuple[int, int], ...] = ()  # conflicting movements that the site, as built, shows green together

    @property
    def movement_names(self) -> tuple[str, ...]:
        """[movement] their names."""
        return tuple(m.id for m in self.movements)

    @property
    def intergreen_s(self) -> Floats:
        """[phase, phase] yellow and red clearance between two phases."""
        return self.yellow_s + self.all_red_s


@dataclass(frozen=True, slots=True)
class Street:
    """A way from one signal's exit to the next signal's approach, without a signal between."""

    from_signal: str
    to_signal: str
    length_m: float
    speed_mps: float
    lanes: int


@dataclass(frozen=True, slots=True)
class Network:
    """All signals, and the streets between them."""

    name: str
    signals: tuple[Intersection, ...]
    streets: tuple[Street, ...] = ()

    def index(self, signal: str) -> int:
        """Position of a signal; KeyError where there is none of that name."""
        for i, one in enumerate(self.signals):
            if one.id == signal:
                return i
        raise KeyError(signal)


@dataclass(frozen=True, slots=True)
class Observation:
    """What the sensors say now. A silent sensor is NaN, never a guess."""

    now_s: float
    phase: Ints
    """[signal] phase that is green, or that the running intergreen leads to"""
    age_s: Floats
    """[signal] time since that phase turned green; negative: time until it will"""
    queue_veh: Floats
    """[movement] vehicles standing or crawling (under 2 m/s) towards the stop line"""
    counts_veh: Floats
    """[movement] vehicles that passed the stop line since the last observation"""
    wait_s: Floats
    """[movement] longest current standing time of a vehicle on the approach"""
    red_s: Floats
    """[movement] time since it was last green"""
    exit_veh: Floats
    """[movement] vehicles standing on its receiving lanes"""
    vehicle_lane: Ints
    """[vehicle] stop lane it heads for, nearest vehicle first within each lane"""
    vehicle_movement: Ints
    """[vehicle] the movement it will take"""
    vehicle_distance_m: Floats
    """[vehicle] to the stop line, along its route; negative: it is behind it, inside the junction, and slow"""
    vehicle_speed_mps: Floats
    """[vehicle]"""


@dataclass(frozen=True, slots=True)
class FlowForecast:
    """Flow per detector for the coming bins, with an 80 % interval. In the loop a detector is a movement."""

    made_at_s: float
    start_s: float
    bin_s: float
    flow_veh_h: Floats
    """[bin, detector]"""
    low_veh_h: Floats
    """[bin, detector] 10 % quantile"""
    high_veh_h: Floats
    """[bin, detector] 90 % quantile"""
    rung: tuple[str, ...]  # [detector] which step of the fallback ladder spoke


@dataclass(frozen=True, slots=True)
class SafetyEnvelope:
    """The site's limits. Nothing computed, nothing live."""

    step_s: float  # plans lie on this grid
    decision_s: float  # the planner may speak this often
    min_green_s: Floats
    """[phase] includes the pedestrian minimum where the phase serves a crossing"""
    max_green_s: float
    max_red_s: float  # for a movement with a call
    min_cycle_s: float
    max_cycle_s: float
    max_green_change_s: float  # per stage, from one repeating plan to the next
    max_lease_s: float  # a sequence may hold a signal this long without renewal


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a wish was refused: the rule, and one sentence with its numbers."""

    rule: str
    signal: str
    sentence: str


_SEAL = object()


class Seal:
    """What `signals.safety` puts under the one plan it vetted; it fits no other plan."""

    __slots__ = ("plan",)

    def __init__(self, plan: TimingPlan, key: object) -> None:
        if key is not _SEAL:
            raise UnsafePlanError(f"{plan.signal}: only signals.safety can seal a plan")
        self.plan = plan


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """A plan that safety let pass (perhaps the running one, with objections to the wish). A link accepts nothing else."""

    plan: TimingPlan
    seal: Seal = field(repr=False)
    objections: tuple[Objection, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.seal, Seal) or self.seal.plan is not self.plan:
            raise UnsafePlanError(f"{self.plan.signal}: the seal is of another plan; only signals.safety approves")


@dataclass(frozen=True, slots=True)
class Tick:
    """Everything of one pass: input to journal, board and report."""

    now_s: float
    observed: Observation
    forecast: FlowForecast | None
    plans: tuple[ApprovedPlan, ...]
