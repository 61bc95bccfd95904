"""Example networks by hand: a four-arm junction, two of them on a street, and one with a pedestrian crossing.

Arms are numbered clockwise from the north; traffic keeps right. Movements 3 a, 3 a + 1 and 3 a + 2 are the right turn,
the way through and the left turn from arm a. Which paths cross or merge follows from the geometry, see `_foes`.
"""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Protocol

import numpy as np
import pytest

from signals.rules import RULES, Rules, envelope, intergreens
from signals.types import (
    Bools,
    Intersection,
    Lane,
    Movement,
    Network,
    Observation,
    Phase,
    SafetyEnvelope,
    Stage,
    Street,
    TimingPlan,
    Turn,
)

ARMS = "nesw"
TURNS = (Turn.RIGHT, Turn.THROUGH, Turn.LEFT)
SPEED_MPS = 50.0 / 3.6
PHASES = (  # movements of n, e, s, w: right, through, left each
    Phase("NS", "GGgrrrGGgrrr"),
    Phase("NS left", "rrGsrrrrGsrr"),
    Phase("EW", "rrrGGgrrrGGg"),
    Phase("EW left", "rrrrrGrrrrrG"),
)
GREENS_S = (30.0, 10.0, 25.0, 10.0)
CROSSING = 12  # index of the pedestrians over the eastern arm, in the junction that has them


def _exit_arm(m: int) -> int:
    return (m // 3 + (3, 2, 1)[m % 3]) % 4


def _foes(m: int, k: int) -> bool:
    """Two paths from different arms that merge, or cross: chords of a circle with entries and exits in turn."""
    if m // 3 == k // 3:
        return False
    if _exit_arm(m) == _exit_arm(k):
        return True
    start, end = 2 * (m // 3), 2 * _exit_arm(m) + 1
    inside = [(x - start) % 8 < (end - start) % 8 for x in (2 * (k // 3), 2 * _exit_arm(k) + 1)]
    return inside[0] != inside[1]


def _walked_over(m: int) -> bool:
    """The path enters or leaves by the eastern arm, where the crossing is."""
    return m // 3 == 1 or _exit_arm(m) == 1


def _movement(m: int) -> Movement:
    arm, turn = ARMS[m // 3], TURNS[m % 3]
    return Movement(
        id=f"{arm}_{turn}",
        approach=arm,
        turn=turn,
        lanes=(f"{arm}_in_{int(turn is Turn.LEFT)}",),
        exits=(f"{ARMS[_exit_arm(m)]}_out_0",),
        saturation_veh_h=1800.0 if turn is Turn.THROUGH else 1600.0,
        speed_mps=SPEED_MPS if turn is Turn.THROUGH else 8.0,
        crossing_m=(12.0, 24.0, 20.0)[m % 3],
        exit_storage_veh=25.0,
    )


def _pedestrians() -> Movement:
    return Movement("e_crossing", "e", Turn.CROSSING, ("e_kerb",), ("e_kerb",), 1800.0, 1.4, 12.0, inf)


def _matrices(n: int) -> tuple[Bools, Bools]:
    """(conflicts, yields_to) of the twelve vehicle movements, and of the crossing where there is a thirteenth."""
    conflicts, yields_to = np.zeros((n, n), dtype=np.bool_), np.zeros((n, n), dtype=np.bool_)
    for m in range(12):
        for k in range(12):
            conflicts[m, k] = _foes(m, k)
            # A permissive left turn waits for what comes from opposite, its left turn apart: that passes beside it.
            yields_to[m, k] = m % 3 == 2 and (m // 3 + 2) % 4 == k // 3 and k % 3 != 2
    for m in range(12):
        if n > CROSSING and _walked_over(m):
            conflicts[m, CROSSING] = conflicts[CROSSING, m] = True
            yields_to[m, CROSSING] = m % 3 != 1
    return conflicts, yields_to


def junction(name: str, rules: Rules, crossing: bool = False) -> Intersection:
    """A four-arm junction with protected-permissive left turns; base plan of 30, 10, 25 and 10 s of green."""
    movements = tuple(_movement(m) for m in range(12)) + ((_pedestrians(),) if crossing else ())
    phases: tuple[Phase, ...] = PHASES
    if crossing:  # With the pedestrians, the right turn from the south into the eastern arm is permissive.
        phases = tuple(Phase(p.name, p.lights + "r") for p in PHASES)
        phases = (Phase("NS and walk", "GGgrrrgGgrrrG"), *phases[1:])
    lanes = tuple(Lane(f"{arm}_in_{k}", 200.0, SPEED_MPS, (), 200.0, 200.0 / 7.5) for arm in ARMS for k in range(2)) + (
        (Lane("e_kerb", 3.0, 1.4, (), 3.0, 20.0),) if crossing else ()
    )
    conflicts, yields_to = _matrices(len(movements))
    none_s = np.zeros((len(phases), len(phases)))
    bare = Intersection(
        id=name,
        x_m=0.0,
        y_m=0.0,
        lanes=lanes,
        movements=movements,
        phases=phases,
        uses=np.array([[lane.id in m.lanes for m in movements] for lane in lanes]),
        serves=np.array([["_gG".find(x) if x in "gG" else 0 for x in p.lights] for p in phases], dtype=np.int64),
        conflicts=conflicts,
        yields_to=yields_to,
        yellow_s=none_s,
        all_red_s=none_s,
        base=TimingPlan(name, tuple(Stage(p, g) for p, g in enumerate(GREENS_S)), 0.0, inf, repeats=True),
    )
    yellow_s, all_red_s = intergreens(bare, rules)
    lost_s = sum(float((yellow_s + all_red_s)[p, (p + 1) % len(phases)]) for p in range(len(phases)))
    base = replace(bare.base, cycle_s=sum(GREENS_S) + lost_s)
    return replace(bare, yellow_s=yellow_s, all_red_s=all_red_s, base=base)


class Observe(Protocol):
    """Makes an observation of a network: every signal in one phase, the same queue and red everywhere."""

    def __call__(
        self,
        network: Network,
        *,
        now_s: float = ...,
        phase: int = ...,
        age_s: float = ...,
        queue_veh: float = ...,
        red_s: float = ...,
    ) -> Observation: ...


@pytest.fixture(scope="session")
def four_arm() -> Network:
    """One signal, `A0`, with 12 movements and 4 phases, timed by the RESCO rules (yellow 3 s, no all-red)."""
    return Network("four_arm", (junction("A0", RULES["resco"]),))


@pytest.fixture(scope="session")
def pair() -> Network:
    """Two four-arm signals, `W` and `E`, 300 m apart."""
    signals = (junction("W", RULES["resco"]), junction("E", RULES["resco"]))
    streets = (Street("W", "E", 300.0, SPEED_MPS, 2), Street("E", "W", 300.0, SPEED_MPS, 2))
    return Network("pair", signals, streets)


@pytest.fixture(scope="session")
def with_crossing() -> Network:
    """One signal, `P0`, with pedestrians over its eastern arm, timed by the street rules (all-red, walking times)."""
    return Network("with_crossing", (junction("P0", RULES["street"], crossing=True),))


@pytest.fixture(scope="session")
def limits_of() -> Callable[[Network, str], tuple[SafetyEnvelope, ...]]:
    """Envelopes of a network's signals under the rules of that name."""

    def limits(network: Network, rules: str = "resco") -> tuple[SafetyEnvelope, ...]:
        return tuple(envelope(signal, RULES[rules]) for signal in network.signals)

    return limits


@pytest.fixture(scope="session")
def observe() -> Observe:
    """`observe(network, phase=1, age_s=12.0, queue_veh=0.0)`: nobody calls unless asked for."""

    def observed(
        network: Network,
        *,
        now_s: float = 1000.0,
        phase: int = 0,
        age_s: float = 20.0,
        queue_veh: float = 0.0,
        red_s: float = 0.0,
    ) -> Observation:
        n, m = len(network.signals), sum(len(s.movements) for s in network.signals)
        nothing = np.zeros(0)
        return Observation(
            now_s=now_s,
            phase=np.full(n, phase, dtype=np.int64),
            age_s=np.full(n, age_s),
            queue_veh=np.full(m, queue_veh),
            counts_veh=np.zeros(m),
            wait_s=np.zeros(m),
            red_s=np.full(m, red_s),
            exit_veh=np.zeros(m),
            vehicle_lane=np.zeros(0, dtype=np.int64),
            vehicle_movement=np.zeros(0, dtype=np.int64),
            vehicle_distance_m=nothing,
            vehicle_speed_mps=nothing,
        )

    return observed
