"""The sets of rules a run can be held to: how often a planner speaks, and what every change of lights must keep."""

from dataclasses import dataclass, replace

import numpy as np

from signals.types import Floats, Intersection, SafetyEnvelope, Turn

PERCEPTION_S = 1.0
DECELERATION_MPS2 = 3.05
VEHICLE_LENGTH_M = 6.0
WALK_S = 5.0
WALKING_MPS = 1.2


@dataclass(frozen=True, slots=True)
class Rules:
    """`yellow_s` None: from the approach speed; `clearance`: all-red from the crossing length; `pedestrians`: walk plus clearance."""

    name: str
    decision_s: float
    min_green_s: float
    yellow_s: float | None
    clearance: bool
    pedestrians: bool
    max_green_s: float
    max_red_s: float


RULES = {
    "resco": Rules("resco", 10.0, 7.0, 3.0, False, False, max_green_s=300.0, max_red_s=300.0),
    "free": Rules("free", 1.0, 5.0, 3.0, False, False, max_green_s=300.0, max_red_s=300.0),
    "street": Rules("street", 1.0, 7.0, None, True, True, max_green_s=120.0, max_red_s=150.0),
}


def with_timing(rules: Rules, decision_s: float | None, yellow_s: float | None) -> Rules:
    """The rules with a scenario's own decision interval and yellow, as RESCO has them; `street` is never changed."""
    if rules.yellow_s is None:
        return rules
    yellow_s = yellow_s or rules.yellow_s
    if rules.name != "resco":
        return replace(rules, yellow_s=yellow_s)
    decision_s = decision_s or rules.decision_s
    return replace(rules, decision_s=decision_s, yellow_s=yellow_s, min_green_s=decision_s - yellow_s)


def yellow_time_s(speed_mps: float) -> float:
    """Yellow change interval t + v / (2 a), at least 3 s, in whole seconds [s]. ITE 2020, with t = 1 s and a = 3.05 m/s2."""
    return float(np.ceil(max(3.0, PERCEPTION_S + speed_mps / (2.0 * DECELERATION_MPS2)) - 1e-9))


def all_red_time_s(crossing_m: float, speed_mps: float) -> float:
    """Red clearance (W + L) / v, in whole seconds [s]. ITE 2020, with a vehicle of 6 m."""
    return float(np.ceil((crossing_m + VEHICLE_LENGTH_M) / max(speed_mps, 5.0) - 1e-9))


def intergreens(signal: Intersection, rules: Rules) -> tuple[Floats, Floats]:
    """Yellow and red clearance [phase, phase] of every change: the longest that a movement losing its green asks for [s]."""
    n = len(signal.phases)
    yellow_s, all_red_s = np.zeros((n, n)), np.zeros((n, n))
    for p in range(n):
        for q in range(n):
            loses = np.flatnonzero((signal.serves[p] > 0) & (signal.serves[q] == 0))
            gains = np.flatnonzero((signal.serves[p] == 0) & (signal.serves[q] > 0))
            for m in loses:
                movement = signal.movements[m]
                wanted = rules.yellow_s if rules.yellow_s is not None else yellow_time_s(movement.speed_mps)
                yellow_s[p, q] = max(yellow_s[p, q], wanted)
                if rules.clearance and signal.conflicts[m, gains].any():
                    speed_mps = WALKING_MPS * 5 if movement.turn is Turn.CROSSING else movement.speed_mps
                    all_red_s[p, q] = max(all_red_s[p, q], all_red_time_s(movement.crossing_m, speed_mps))
    return yellow_s, all_red_s


def envelope(signal: Intersection, rules: Rules, step_s: float = 1.0) -> SafetyEnvelope:
    """The safety envelope of a signal under these rules."""
    min_green_s = np.full(len(signal.phases), rules.min_green_s)
    if rules.pedestrians:
        for p in range(len(signal.phases)):
            for m in np.flatnonzero(signal.serves[p] > 0):
                if signal.movements[m].turn is Turn.CROSSING:
                    walk_s = WALK_S + signal.movements[m].crossing_m / WALKING_MPS
                    min_green_s[p] = max(min_green_s[p], np.ceil(walk_s))
    return SafetyEnvelope(
        step_s=step_s,
        decision_s=rules.decision_s,
        min_green_s=min_green_s,
        max_green_s=rules.max_green_s,
        max_red_s=rules.max_red_s,
        min_cycle_s=20.0,
        max_cycle_s=300.0,
        max_green_change_s=15.0,
        max_lease_s=max(60.0, 6.0 * rules.decision_s),
    )
