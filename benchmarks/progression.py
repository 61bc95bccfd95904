"""Green waves, timed: the exact search over many arterials, and on one of twenty signals beside MAXBAND and MULTIBAND.

`python -m benchmarks.progression [--json FILE]`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.provenance import provenance
from signals.kernels import progression
from signals.planners.progression import Arterial, GreenWave, green_wave, maxband, multiband
from signals.types import Floats

CYCLES_S: Floats = np.arange(60.0, 121.0)
MANY, SIGNALS, LONG = 1000, 10, 20


def arterial(n: int, rng: np.random.Generator) -> Arterial:
    """An arterial of `n` signals 150 to 600 m apart at 50 km/h, with greens of 30 to 60 % that do not begin together."""
    there_s, back_s = (np.concatenate(([0.0], np.cumsum(rng.uniform(10.8, 43.2, n - 1)))) for _ in range(2))
    after = tuple((float(x),) for x in rng.uniform(-0.2, 0.2, n))
    return Arterial(rng.uniform(0.3, 0.6, n), rng.uniform(0.3, 0.6, n), after, there_s, back_s)


def timed_s(call: Callable[[], object]) -> float:
    """Wall time of one call [s]."""
    began_s = time.perf_counter()
    call()
    return time.perf_counter() - began_s


def wave_rows(many: int = MANY, signals: int = SIGNALS, long: int = LONG) -> list[dict[str, Any]]:
    """Seconds for many arterials by the exact search, and for one long arterial by each method, with the bands' share of the cycle."""
    rng = np.random.default_rng(1)
    some = [arterial(signals, rng) for _ in range(many)]
    after = np.array([[place for (place,) in a.back_after] for a in some])
    green, back_green = (np.array([getattr(a, name) for a in some]) for name in ("green", "back_green"))
    columns = (green, back_green, after, np.array([a.travel_s for a in some]), np.array([a.back_s for a in some]))
    sizes = np.full(many, signals)
    progression.widest_of_many(sizes[:1], *(c[:1] for c in columns), CYCLES_S, 1.0)
    many_s = timed_s(lambda: progression.widest_of_many(sizes, *columns, CYCLES_S, 1.0))
    one, span_s = arterial(long, rng), (float(CYCLES_S[0]), float(CYCLES_S[-1]))
    rows: list[dict[str, Any]] = [
        {"method": "exact search, whole seconds", "arterials": many, "signals": signals, "took_s": round(many_s, 2)}
    ]
    methods: tuple[tuple[str, Callable[[], GreenWave]], ...] = (
        ("exact search, whole seconds", lambda: green_wave(one, CYCLES_S, 1.0)),
        ("MAXBAND", lambda: maxband(one, span_s, 1.0)),
        ("MULTIBAND", lambda: multiband(one, span_s, 1.0)),
    )
    for name, call in methods:
        began_s = time.perf_counter()
        wave = call()
        took_s = round(time.perf_counter() - began_s, 3)
        rows.append({"method": name, "arterials": 1, "signals": long, "took_s": took_s, "efficiency": round(wave.efficiency, 4)})
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Time the green waves; print and write the rows with where they come from."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.progression", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows here")
    chosen = parser.parse_args(arguments)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    waves = wave_rows()
    for row in waves:
        sys.stdout.write(json.dumps(row) + "\n")
    if chosen.json is not None:
        meta = provenance(began, "python -m benchmarks.progression")
        chosen.json.write_text(json.dumps({"meta": meta, "waves": waves}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
