"""What a decision costs: microseconds a signal of planning and vetting, from one signal to a large city.

`python -m benchmarks.kernels [--json FILE]`. Machines differ: compare the ratios to the reference, sorting 1000 numbers, which is
timed in the same run. Batch kernels use every core; a busy machine shows in the 99 % column first.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numba
import numpy as np

from benchmarks.provenance import provenance
from benchmarks.synthetic_city import busy, city, limits_of, real_junctions, tiled, traffic
from rl import features
from rl.policy import load
from signals.batch import City, CityPlans, city_of, city_plans, city_verdicts
from signals.planners.max_pressure import MaxPressure
from signals.planners.rolling_horizon import Lookahead, Pricing
from signals.planners.webster import LONGEST_CYCLE_S, START_UP_S
from signals.safety import adopt, vet
from signals.types import Floats, Intersection, Ints, Network

SIZES = (1, 100, 1000, 15000, 100000)
LARGEST = {"real lookahead": 15000, "real lookahead, 1 Hz": 15000, "max pressure planner": 15000, "vet": 15000}
"""Where Python objects of every signal, or the [movement, movement] arrays of large junctions, would fill the memory."""
PHASES = 8  # of every signal that the policy is timed on
REPLAN_S = 5  # each signal is planned again after so many ticks of 1 Hz
ENOUGH_S = 1.0  # of timing per row
FEWEST, MOST = 5, 1000  # calls per row
TOO_LONG_S = 20.0  # of timing per row: then fewer calls will do
Row = dict[str, float | str]


def flows_veh_h(of: City, rng: np.random.Generator) -> Floats:
    """Flows [signal, movement] by chance: most signals are well under their capacity, one in ten or so is over it."""
    saturation_veh_h = of.loads.saturation_veh_h
    level = rng.uniform(0.5, 2.5, (len(of.stages), 1)) / np.maximum(of.movements, 12)[:, None]
    found: Floats = rng.uniform(0.2, 1.0, saturation_veh_h.shape) * level * saturation_veh_h
    return found


def planned_and_vetted(of: City, rng: np.random.Generator) -> Callable[[], tuple[CityPlans, Ints]]:
    """A call that cuts a Webster plan for every signal and judges each."""
    n, flow_veh_h = len(of.stages), flows_veh_h(of, rng)
    called = np.ones(of.max_red_s.shape, dtype=np.bool_)
    none_s, for_ever_s, other_s = np.zeros(n), np.full(n, np.inf), np.full(of.stage_phase.shape, np.nan)

    def call() -> tuple[CityPlans, Ints]:
        plans = city_plans(of, flow_veh_h, START_UP_S, LONGEST_CYCLE_S)
        return plans, city_verdicts(of, plans, none_s, none_s, for_ever_s, 0.0, other_s, called)

    return call


def priced(network: Network, rng: np.random.Generator) -> Callable[[], object]:
    """A call that prices every next phase of every signal."""
    lookahead, observed = Lookahead(network, limits_of(network), Pricing()), traffic(network, rng)
    return lambda: lookahead.costs_s(observed, None)


def scored(n: int, rng: np.random.Generator) -> Callable[[], object]:
    """A call that has the shipped policy score every phase of `n` signals of eight phases each."""
    rows = rng.random((n, PHASES, features.WIDTH), dtype=np.float32)
    rows[..., features.ALLOWED] = 1.0
    scorer = load().scorer
    return lambda: scorer.scores(rows)


def pressed(network: Network, rng: np.random.Generator) -> dict[str, Callable[[], object]]:
    """Max pressure, and the vetting of its wishes, on Python's objects."""
    limits, observed, base = limits_of(network), busy(network, rng), adopt(network, 0.0)
    planner = MaxPressure(network, limits)
    wish = planner.propose(network, observed, None, base)
    clock_s = count(observed.now_s + 10.0, 10.0)  # it measures flows, and time goes on
    return {
        "max pressure planner": lambda: planner.propose(network, replace(observed, now_s=next(clock_s)), None, base),
        "vet": lambda: vet(wish, base, observed, network, limits),
    }


def subjects(n: int, real: tuple[Intersection, ...], rng: np.random.Generator) -> dict[str, Callable[[], Callable[[], object]]]:
    """Name -> what makes the call for a city of `n` signals. Not all at once: at 100,000 signals each takes its gigabyte."""
    some = np.arange(n)
    network, kinds = city(1), Network("kinds", real)
    tick = -(-n // REPLAN_S)  # the signals whose turn it is
    makers: dict[str, Callable[[], Callable[[], object]]] = {
        "webster plan + check": lambda: planned_and_vetted(city_of(network, limits_of(network)).rows(some * 0), rng),
        "real webster plan + check": lambda: planned_and_vetted(city_of(kinds, limits_of(kinds)).rows(some % len(real)), rng),
        "lookahead": lambda: priced(city(n), rng),
        "lookahead, 1 Hz": lambda: priced(city(tick), rng),
        "real lookahead": lambda: priced(tiled(real, n), rng),
        "real lookahead, 1 Hz": lambda: priced(tiled(real, tick), rng),
        "policy scores": lambda: scored(n, rng),
        "max pressure planner": lambda: pressed(city(n), rng)["max pressure planner"],
        "vet": lambda: pressed(city(n), rng)["vet"],
    }
    return {name: make for name, make in makers.items() if n <= LARGEST.get(name, n)}


def timed_us(call: Callable[[], object], enough_s: float = ENOUGH_S) -> tuple[Floats, Floats]:
    """Durations and processor times of all threads [call], after one call that is not counted, until there is enough [us]."""
    call()
    taken: list[float] = []
    worked: list[float] = []
    while not taken or (sum(taken) < 1e6 * TOO_LONG_S and len(taken) < MOST and (len(taken) < FEWEST or sum(taken) < 1e6 * enough_s)):
        started, began = time.perf_counter(), time.process_time()
        call()
        taken.append(1e6 * (time.perf_counter() - started))
        worked.append(1e6 * (time.process_time() - began))
    return np.array(taken), np.array(worked)


def rows(sizes: tuple[int, ...] = SIZES, enough_s: float = ENOUGH_S, only: str = "") -> list[Row]:
    """What is reported of every subject and size."""
    rng = np.random.default_rng(1)
    numbers = rng.random(1000)
    reference_us = float(np.median(timed_us(lambda: np.sort(numbers), enough_s)[0]))
    real = real_junctions()
    found: list[Row] = []
    for n in sizes:
        for name, make in subjects(n, real, rng).items():
            if only in name:
                found.append(row(name, n, *timed_us(make(), enough_s), reference_us))
    return found


def row(name: str, n: int, taken_us: Floats, worked_us: Floats, reference_us: float) -> Row:
    """Milliseconds a call, microseconds a signal (of the clock and of processors), and the median's ratio to the reference."""
    p50_us, p99_us = np.percentile(taken_us, [50.0, 99.0]).tolist()
    return {
        "subject": name,
        "signals": n,
        "p50_ms": round(p50_us / 1e3, 4),
        "p99_ms": round(p99_us / 1e3, 4),
        "p50_us_per_signal": round(p50_us / n, 3),
        "cpu_us_per_signal": round(float(np.median(worked_us)) / n, 3),
        "signals_per_s": round(n / p50_us * 1e6),
        "calls": taken_us.size,
        "ratio_to_reference": round(p50_us / n / reference_us, 4),
    }


def main(arguments: list[str] | None = None) -> int:
    """Time everything, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    parser.add_argument("--only", default="", help="subjects whose name contains this")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of signals, with commas between")
    chosen = parser.parse_args(arguments)
    found = rows(tuple(int(word) for word in chosen.sizes.split(",")), only=chosen.only)
    line = "{:<28}{:>9}{:>12}{:>12}{:>15}{:>15}{:>12}{:>7}{:>10}\n"
    sys.stdout.write(line.format("subject", "signals", "p50 ms", "p99 ms", "p50 us/signal", "cpu us/signal", "signals/s", "calls", "ratio"))
    for one in found:
        sys.stdout.write(line.format(*one.values()))
    if chosen.json is not None:
        command = " ".join(["python -m benchmarks.kernels", *(arguments if arguments is not None else sys.argv[1:])])
        origin = provenance(datetime.now(UTC).strftime("%Y-%m-%d"), command)
        origin["threads"] = numba.get_num_threads()
        origin["load_average"] = round(os.getloadavg()[1], 1)  # of the last five minutes: who else was at work
        text = json.dumps({"provenance": origin, "replan_s": REPLAN_S, "rows": found}, indent=1)
        chosen.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
