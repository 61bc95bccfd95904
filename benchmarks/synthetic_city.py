"""Cities to time kernels on: equal four-arm signals, or the junctions of real networks laid side by side, with queues by chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from signals.rules import RULES, envelope, intergreens
from signals.types import (
    Floats,
    Intersection,
    Ints,
    Lane,
    Movement,
    Network,
    Observation,
    Phase,
    SafetyEnvelope,
    Stage,
    TimingPlan,
    Turn,
)
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

REAL = ("resco/cologne8", "resco/grid4x4")
SEEN_VEH_PER_LANE = 2.0
SPACE_M = 7.5  # of a standing vehicle
CRUISE_MPS = 10.0
LIGHTS = {"NS": "GGgrrrGGgrrr", "NS left": "rrGrrrrrGrrr", "EW": "rrrGGgrrrGGg", "EW left": "rrrrrGrrrrrG"}


def junction(name: str) -> Intersection:
    """A four-arm signal of 12 movements and 4 phases, timed by the RESCO rules."""
    turns = (Turn.RIGHT, Turn.THROUGH, Turn.LEFT)
    movements = tuple(
        Movement(f"{name}/{k}", str(k // 3), turns[k % 3], (f"{name}_{k}",), (f"{name}_x{k}",), 1800.0, 13.9, 20.0, 25.0) for k in range(12)
    )
    lanes = tuple(Lane(m.lanes[0], 200.0, 13.9, (), 200.0, 25.0) for m in movements)
    phases = tuple(Phase(n, lights) for n, lights in LIGHTS.items())
    none, zero_s = np.zeros((12, 12), dtype=np.bool_), np.zeros((4, 4))
    base = TimingPlan(name, tuple(Stage(p, 20.0) for p in range(4)), 0.0, float("inf"), True, 92.0, 0.0)
    serves = np.array([["_gG".find(c) if c in "gG" else 0 for c in p.lights] for p in phases], dtype=np.int64)
    uses = np.eye(12, dtype=np.bool_)
    bare = Intersection(name, 0.0, 0.0, lanes, movements, phases, uses, serves, none, none, zero_s, zero_s, base)
    yellow_s, all_red_s = intergreens(bare, RULES["resco"])
    return replace(bare, yellow_s=yellow_s, all_red_s=all_red_s)


def city(n: int) -> Network:
    """A network of `n` such signals."""
    one = junction("0")
    signals = tuple(replace(one, id=str(i), base=replace(one.base, signal=str(i))) for i in range(n))
    return Network(f"{n} signals", signals)


def busy(network: Network, rng: np.random.Generator) -> Observation:
    """An observation in which every signal has a choice to make."""
    n = len(network.signals)
    m = 12 * n
    return Observation(
        now_s=1000.0,
        phase=rng.integers(0, 4, n),
        age_s=np.full(n, 20.0),
        queue_veh=rng.poisson(3.0, m).astype(np.float64),
        counts_veh=np.zeros(m),
        wait_s=np.zeros(m),
        red_s=rng.uniform(0.0, 90.0, m),
        exit_veh=rng.poisson(2.0, m).astype(np.float64),
        vehicle_lane=np.zeros(0, dtype=np.int64),
        vehicle_movement=np.zeros(0, dtype=np.int64),
        vehicle_distance_m=np.zeros(0),
        vehicle_speed_mps=np.zeros(0),
    )


def real_junctions(names: tuple[str, ...] = REAL) -> tuple[Intersection, ...]:
    """Every signal of these scenarios, under the RESCO rules."""
    nets = [read_network(scenario(name).net, RULES["resco"]) for name in names]
    return tuple(signal for net in nets for signal in net.signals)


def tiled(junctions: tuple[Intersection, ...], n: int) -> Network:
    """A network of `n` signals: the junctions again and again, without streets between them."""
    signals = tuple(replace(one, id=str(i), base=replace(one.base, signal=str(i))) for i, one in enumerate(repeated(junctions, n)))
    return Network(f"{n} real signals", signals)


def repeated(junctions: tuple[Intersection, ...], n: int) -> tuple[Intersection, ...]:
    """`n` junctions, from the first to the last and over again."""
    return tuple(junctions[i % len(junctions)] for i in range(n))


def limits_of(network: Network) -> tuple[SafetyEnvelope, ...]:
    """The envelopes of the RESCO rules; equal for equal minimum greens, so that a large city stays small."""
    known: dict[int, SafetyEnvelope] = {}
    return tuple(known.setdefault(len(s.phases), envelope(s, RULES["resco"])) for s in network.signals)


def lane_traffic(signal: Intersection, rng: np.random.Generator) -> tuple[Ints, Ints, Floats, Floats]:
    """Vehicles by chance on a signal's lanes, nearest first: lane, movement, distance and speed [vehicle]."""
    lane: list[int] = []
    movement: list[int] = []
    distance_m: list[float] = []
    speed_mps: list[float] = []
    for k, one in enumerate(signal.lanes):
        turns = np.flatnonzero(signal.uses[k])
        count = int(rng.poisson(SEEN_VEH_PER_LANE)) if turns.size else 0
        standing = int(rng.integers(0, count + 1))
        queue_m = 2.0 + SPACE_M * np.arange(standing)
        coming_m = queue_m.size * SPACE_M + np.sort(rng.uniform(0.0, max(one.sensed_m, 20.0), count - standing))
        lane += [k] * count
        movement += rng.choice(turns, count).tolist() if count else []
        distance_m += [*queue_m.tolist(), *coming_m.tolist()]
        speed_mps += [0.0] * standing + [CRUISE_MPS] * (count - standing)
    return np.array(lane, dtype=np.int64), np.array(movement, dtype=np.int64), np.array(distance_m), np.array(speed_mps)


def traffic(network: Network, rng: np.random.Generator, patterns: int = 5) -> Observation:
    """An observation of a network with vehicles on every lane; of each kind of signal there are a few patterns of them."""
    made: dict[tuple[int, int], tuple[Ints, Ints, Floats, Floats]] = {}
    parts, lane_at, movement_at = [], 0, 0
    for signal in network.signals:
        # Tiled junctions share their lanes: the same object is the same kind.
        key = (id(signal.lanes), int(rng.integers(0, patterns)))
        if key not in made:
            made[key] = lane_traffic(signal, rng)
        lane, movement, distance_m, speed_mps = made[key]
        parts.append((lane + lane_at, movement + movement_at, distance_m, speed_mps))
        lane_at, movement_at = lane_at + len(signal.lanes), movement_at + len(signal.movements)
    lanes, movements, distances_m, speeds_mps = (np.concatenate(one) for one in zip(*parts, strict=True))
    n, none = len(network.signals), np.zeros(movement_at)
    return Observation(
        now_s=1000.0,
        phase=np.array([int(rng.integers(0, len(s.phases))) for s in network.signals], dtype=np.int64),
        age_s=np.full(n, 20.0),
        queue_veh=none,
        counts_veh=none,
        wait_s=none,
        red_s=none,
        exit_veh=none,
        vehicle_lane=lanes,
        vehicle_movement=movements,
        vehicle_distance_m=distances_m,
        vehicle_speed_mps=speeds_mps,
    )
