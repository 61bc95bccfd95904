"""The twin beside SUMO: does it rank ten controllers alike, how near are its delays, and how much faster is it?

`python -m benchmarks.twin [--json FILE] [--kept FILE] [--only SCENARIO] [--seeds 101 102]`. Both run the same planners with the same
forecasts; every SUMO episode has a fresh process. Speeds are processor time of an hour under the network's own program, SUMO only
stepping, pair by pair in one run; a batch is many copies on all cores by the wall clock.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rivals import FIXED, RIVALS, rival
from benchmarks.twin_truth import prepared, sumo_delay
from citybrain.forecasts import forecaster_for
from citybrain.worker import warm_up
from forecasting.models import QUICK
from rl.simulation import Site
from rl.twin.link import TwinLink
from rl.twin.twin import Twin, twin_of
from signals.loop import ControlLoop
from signals.types import Ints

SUBJECTS = ("resco/cologne1", "resco/cologne3", "resco/cologne8", "resco/ingolstadt7", "resco/grid4x4", "arterial_5")
SEEDS = (101, 102)
PAIRS = 3
COPIES = 64
Row = dict[str, Any]


def twin_delay(twin: Twin, controller: str, seed: int) -> float:
    """Delay of one run in the twin [s/veh]."""
    where, run = twin.site, twin.run(seed)
    link, loop = TwinLink(run), None
    if controller != FIXED:
        forecaster = forecaster_for(QUICK, where.scenario, where.network)
        loop = ControlLoop(where.network, where.limits, link, rival(controller, where.network, where.limits), forecaster)
    while run.now_s < twin.span_s:
        if loop is not None:
            loop.tick(link.now_s)
        link.advance(round(min(where.decision_s, twin.span_s - run.now_s)))
    return run.delay_s_per_veh()


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Correlation of ranks. Spearman 1904; no ties are expected among measured delays."""
    ranks = np.array([np.argsort(np.argsort(values)) for values in (one, other)], dtype=np.float64)
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


class Kept:
    """SUMO's episodes, kept in a file of JSON lines, so that a run that was cut off, or one with a changed twin, need not repeat them."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path is not None and path.is_file() else []
        rows = [json.loads(line) for line in lines]
        self._found = {(row["scenario"], row["controller"], row["seed"]): float(row["delay_s_per_veh"]) for row in rows}

    def delay(self, where: Site, controller: str, seed: int) -> float:
        """Delay of one episode in SUMO, run now or before [s/veh]."""
        key = (where.scenario.name, controller, seed)
        if key not in self._found:
            row = {"scenario": key[0], "controller": controller, "seed": seed, **sumo_delay(where, controller, seed)}
            self._found[key] = float(row["delay_s_per_veh"])
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
        return self._found[key]


def ranked(where: Site, twin: Twin, seeds: Sequence[int], kept: Kept) -> Row:
    """Delays of the ten controllers in both, means over the seeds, and how well the ranks agree."""
    sumo_s: dict[str, list[float]] = {}
    twin_s: dict[str, list[float]] = {}
    for controller in RIVALS:
        sumo_s[controller] = [kept.delay(where, controller, seed) for seed in seeds]
        twin_s[controller] = [twin_delay(twin, controller, seed) for seed in seeds]
    means = [[statistics.mean(found[c]) for c in RIVALS] for found in (sumo_s, twin_s)]
    ratios = sorted(t / s for s, t in zip(*means, strict=True))
    return {
        "spearman": round(spearman(*means), 3),
        "delay_ratio_median": round(statistics.median(ratios), 3),
        "delay_s_per_veh": {c: {"sumo": [round(d, 2) for d in sumo_s[c]], "twin": [round(d, 2) for d in twin_s[c]]} for c in RIVALS},
    }


def base_lights(twin: Twin) -> Ints:
    """Aspects [second, movement] of the base plans, for a whole run."""
    link = TwinLink(twin.run(SEEDS[0]))
    return link.aspects(round(twin.span_s))


def timed(where: Site, twin: Twin) -> Row:
    """Processor time of an hour in both, and the wall time of an hour of one copy in a batch on all cores."""
    lights, cores = base_lights(twin), os.cpu_count() or 1
    sumo_cpu_s, twin_cpu_s = [], []
    for _ in range(PAIRS):
        sumo_cpu_s.append(float(sumo_delay(where, FIXED, SEEDS[0])["step_cpu_s"]))
        run = twin.run(SEEDS[0])
        began_s = time.process_time()
        run.advance(lights)
        twin_cpu_s.append(time.process_time() - began_s)
    runs = [twin.run(SEEDS[0] + k) for k in range(COPIES)]
    began_s = time.perf_counter()
    with ThreadPoolExecutor(cores) as threads:
        list(threads.map(lambda one: one.advance(lights), runs))
    batch_s = (time.perf_counter() - began_s) / COPIES
    hours = twin.span_s / 3600.0
    return {
        "sumo_cpu_s_per_hour": round(statistics.median(sumo_cpu_s) / hours, 4),
        "twin_cpu_s_per_hour": round(statistics.median(twin_cpu_s) / hours, 5),
        "ratio": round(statistics.median(s / t for s, t in zip(sumo_cpu_s, twin_cpu_s, strict=True)), 1),
        "batch_copies": COPIES,
        "batch_cores": cores,
        "batch_wall_s_per_hour": round(batch_s / hours, 5),
    }


def measured(name: str, seeds: Sequence[int], kept: Kept) -> Row:
    """One network's row."""
    where = prepared(name)
    twin = twin_of(where)
    return {"scenario": name, "seeds": list(seeds), "controllers": len(RIVALS), **ranked(where, twin, seeds, kept), **timed(where, twin)}


def main(arguments: list[str] | None = None) -> int:
    """Measure the subjects and write the rows."""
    parser = argparse.ArgumentParser(description="the twin beside SUMO: ranks, delays, speed")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--kept", type=Path, help="SUMO's episodes, kept from run to run")
    parser.add_argument("--only", default="", help="one scenario")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    chosen = parser.parse_args(arguments)
    warm_up()
    kept, rows = Kept(chosen.kept), []
    for name in SUBJECTS:
        if chosen.only in ("", name):
            rows.append(measured(name, chosen.seeds, kept))
            sys.stdout.write(json.dumps(rows[-1]) + "\n")
            sys.stdout.flush()
            if chosen.json:
                chosen.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
