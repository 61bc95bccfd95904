"""The project's figures: every RESCO network and our own, all controllers, seeds 1-10, condensed into benchmarks/baselines/resco.json.

`python -m benchmarks.figures` runs for about a quarter of an hour on two cores and is resumable. learned and rolling_horizon were tuned on
other seeds.
`--condense DIR` only condenses a bench that has run.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import matrix
from signals.errors import SignalsError

SCENARIOS = (
    "resco/cologne1", "resco/cologne3", "resco/cologne8", "resco/ingolstadt1", "resco/ingolstadt7", "resco/grid4x4",
    "resco/ingolstadt21", "resco/arterial4x4", "grid_2x2", "arterial_5",
)  # fmt: skip
CONTROLLERS = ("learned", "rolling_horizon", "max_pressure", "webster", "gap_out", "actuated", "fixed")
KEPT = ("delay_s_per_veh", "throughput_veh", "congestion_index", "speed_km_h", "completion")
TO_REACH = {
    "resco/cologne1": 13.8, "resco/cologne3": 15.0, "resco/cologne8": 14.5, "resco/ingolstadt1": 11.0,
    "resco/ingolstadt7": 19.5, "resco/grid4x4": 20.0, "resco/ingolstadt21": 41.0, "resco/arterial4x4": 550.0,
}  # fmt: skip
"""Mean delay that the best of our planners is to reach under resco rules [s/veh]."""
BASELINES = Path(__file__).resolve().parent / "baselines" / "resco.json"


def condensed(summary: dict[str, Any]) -> dict[str, Any]:
    """What is committed: means, intervals and worst seeds of the headline metrics, and how the run was made."""
    cells = [
        {
            "scenario": cell["scenario"],
            "controller": cell["controller"],
            "seeds": len(cell["seeds"]),
            "to_reach_delay_s_per_veh": TO_REACH.get(cell["scenario"]),
            **{key: {k: _round(v) for k, v in cell["figures"][key].items()} for key in KEPT if key in cell["figures"]},
            "delay_change_percent": _change(cell),
            "safety_violations": cell["safety_violations"],
            "failures": cell["failures"],
        }
        for cell in summary["cells"]
    ]
    return {"meta": summary["meta"], "baseline": summary["baseline"], "cells": cells}


def _change(cell: dict[str, Any]) -> dict[str, Any] | None:
    found = cell["differences"].get("delay_s_per_veh")
    if found is None:
        return None
    return {k: _round(found[k]) for k in ("percent", "percent_low", "percent_high", "pairs")}


def _round(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def main(arguments: list[str] | None = None) -> int:
    """Run what has not been run, and write the condensed figures."""
    parser = argparse.ArgumentParser(description="the figures of benchmarks/baselines/resco.json")
    parser.add_argument("--out", type=Path, default=Path("out/figures"), help="folder of the bench; run again to resume")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--condense", type=Path, help="condense this bench's summary.json and run nothing")
    parser.add_argument("--to", type=Path, default=BASELINES, help="file to write")
    chosen = parser.parse_args(arguments)
    folder, code = chosen.condense or chosen.out, 0
    try:
        if chosen.condense is None:
            code = matrix.bench(
                list(SCENARIOS), list(CONTROLLERS), list(range(1, 11)), chosen.jobs, folder, "resco", Console(), "fixed"
            )  # fmt: skip
        summary = json.loads((folder / matrix.SUMMARY).read_text(encoding="utf-8"))
        chosen.to.write_text(json.dumps(condensed(summary), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except (SignalsError, OSError, ValueError) as error:
        sys.stderr.write(f"figures: {error}\n")
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
