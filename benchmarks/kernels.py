"""What a decision costs: microseconds a signal of planning and vetting, from one signal to a large city.

`python -m benchmarks.kernels [--json FILE]`. Machines differ: compare the ratios to the reference, sorting 1000 numbers, which is
timed in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from signals.kernels import pressure, webster
from signals.layout import lay_out
from signals.planners.max_pressure import MaxPressure
from signals.rules import RULES, envelope, intergreens
from signals.safety import adopt, vet
from signals.types import (
    Floats,
    Intersection,
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

SIZES = (1, 100, 1000, 15000)
ENOUGH_S = 1.0  # of timing per row
FEWEST, MOST = 5, 1000  # calls per row
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


def subjects(network: Network, rng: np.random.Generator) -> dict[str, Callable[[], object]]:
    """Name -> one call for the whole network."""
    limits: tuple[SafetyEnvelope, ...] = (envelope(network.signals[0], RULES["resco"]),) * len(network.signals)
    n, layout, observed, base = len(network.signals), lay_out(network), busy(network, rng), adopt(network, 0.0)
    flow_veh_h: Floats = rng.uniform(50.0, 300.0, (n, 12))
    saturation_veh_h, least_s = np.full((n, 12), 1800.0), np.full((n, 4), 7.0)
    size, movements, lost_s = np.full(n, 4), np.full(n, 12), np.full(n, 12.0)
    shortest_s, longest_s, step_s = np.full(n, 20.0), np.full(n, 120.0), np.ones(n)
    exits = np.ones(12 * n)
    planner = MaxPressure(network, limits)
    wish = planner.propose(network, observed, None, base)

    def pressures() -> object:
        weights = pressure.movement_weights(
            observed.queue_veh,
            observed.exit_veh,
            exits,
            layout.movement_exit_storage_veh,
            layout.movement_saturation_veh_h,
        )
        found = pressure.phase_pressures(weights, layout.serves, layout.phases, layout.movement_start)
        return pressure.strongest_phases(found, layout.phases, observed.phase)

    return {
        "webster plan (kernel)": lambda: webster.plans(
            flow_veh_h,
            saturation_veh_h,
            layout.serves,
            size,
            movements,
            lost_s,
            least_s,
            shortest_s,
            longest_s,
            step_s,
        ),
        "max pressure (kernel)": pressures,
        "max pressure (planner)": lambda: planner.propose(network, observed, None, base),
        "vet": lambda: vet(wish, base, observed, network, limits),
    }


def timed_us(call: Callable[[], object], enough_s: float = ENOUGH_S) -> Floats:
    """Durations [call] after one call that is not counted, until there is enough [us]."""
    call()
    taken: list[float] = []
    while len(taken) < MOST and (len(taken) < FEWEST or sum(taken) < 1e6 * enough_s):
        started = time.perf_counter()
        call()
        taken.append(1e6 * (time.perf_counter() - started))
    return np.array(taken)


def rows(sizes: tuple[int, ...] = SIZES, enough_s: float = ENOUGH_S) -> list[dict[str, float | str]]:
    """Microseconds a signal, median and 99 %, and the median's ratio to the reference, of every subject and size."""
    rng = np.random.default_rng(1)
    numbers = rng.random(1000)
    reference_us = float(np.median(timed_us(lambda: np.sort(numbers), enough_s)))
    found: list[dict[str, float | str]] = []
    for n in sizes:
        for name, call in subjects(city(n), rng).items():
            p50, p99 = np.percentile(timed_us(call, enough_s), [50.0, 99.0]) / n
            found.append(
                {
                    "subject": name,
                    "signals": n,
                    "p50_us_per_signal": round(float(p50), 3),
                    "p99_us_per_signal": round(float(p99), 3),
                    "ratio_to_reference": round(float(p50) / reference_us, 4),
                }
            )
    return found


def main(arguments: list[str] | None = None) -> int:
    """Time everything, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    chosen = parser.parse_args(arguments)
    found = rows()
    line = "{:<26}{:>9}{:>16}{:>16}{:>12}\n"
    sys.stdout.write(line.format("subject", "signals", "p50 us/signal", "p99 us/signal", "ratio"))
    for row in found:
        sys.stdout.write(line.format(*row.values()))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps({"rows": found}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
