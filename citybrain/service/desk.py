"""What people may ask of the service: one frozen noun a command, each with the role it needs. Phases are counted from 1, as engineers do.

The engine answers a command with a `Receipt` once it is judged and on disk; a command that is refused changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Who somebody is; every role may do what those before it may."""

    VIEWER = "viewer"
    ENGINEER = "engineer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Mode(StrEnum):
    """What becomes of the plans that are worked out for a signal."""

    OBSERVE = "observe"  # none is worked out: the controller runs its own
    SHADOW = "shadow"  # computed and scored beside the running one, not pushed
    ADVISE = "advise"  # held until an engineer approves
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class SetMode:
    """Put signals (none named: all) into a mode."""

    mode: Mode
    signals: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """Hold a phase (from 1) by hand for a while, as far as safety allows; the owner is whoever asks."""

    signal: str
    phase: int
    for_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Lift:
    """End a signal's override, or its fixed plan, before its time."""

    signal: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Propose:
    """A repeating plan of somebody's own: (phase, green) in order, the cycle's offset. It waits for approval."""

    signal: str
    stages: tuple[tuple[int, float], ...]
    offset_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Approve:
    """Put a proposal in force."""

    proposal: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """Turn a proposal down."""

    proposal: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RollBack:
    """Put a signal back on a plan that it ran before, by that plan's number in the store; it stays until lifted."""

    signal: str
    plan: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SetController:
    """Plan with another controller from now on, by its name (`citybrain controllers`)."""

    controller: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Only where the street is a simulated one of our own: break something, to see that the street stays safe."""

    kind: str  # of citybrain.field.faults
    share: float = 0.0
    signal: str = ""


Command = SetMode | Override | Lift | Propose | Approve | Reject | RollBack | SetController | Fault

COMMANDS: dict[str, tuple[type[Any], Role]] = {
    "set_mode": (SetMode, Role.OPERATOR),
    "override": (Override, Role.OPERATOR),
    "lift": (Lift, Role.OPERATOR),
    "propose": (Propose, Role.ENGINEER),
    "approve": (Approve, Role.ENGINEER),
    "reject": (Reject, Role.ENGINEER),
    "roll_back": (RollBack, Role.OPERATOR),
    "set_controller": (SetController, Role.OPERATOR),
    "fault": (Fault, Role.ADMIN),
}
"""Name -> (noun, role needed): routes, the command line and the page are made from this table."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a command: on disk under this number, and whether it was taken."""

    number: int
    accepted: bool
    sentence: str
    found: dict[str, Any] = field(default_factory=dict)  # such as the number of the proposal that was made
