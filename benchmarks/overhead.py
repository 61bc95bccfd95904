"""What steering costs: an episode beside bare stepping of the same episode, start-up aside, as ratios in one run.

The bare run replays the very lights of the steered one as fixed programs, so that the same vehicles drive the same way, and does
nothing but step. Pairs alternate, each run in a fresh process with its kernels loaded. Both are one thread: the ratio is of processor
time, which a busy machine does not distort. `python -m benchmarks.overhead [--json FILE]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from citybrain.episode import EpisodeSpec, run_episode, scenario_of
from citybrain.worker import warm_up
from signals.metrics import METRICS, read_trips
from signals.rules import RULES
from sumo_nets.fork import in_fork
from sumo_nets.network import read_network
from sumo_nets.session import RunFiles, start

SUBJECTS = (
    ("resco/cologne8", "learned"),
    ("resco/cologne8", "rolling_horizon"),
    ("resco/cologne1", "learned"),
    ("resco/grid4x4", "learned"),
    ("resco/ingolstadt21", "learned"),
)
PAIRS = 5
SEED = 1


def in_fresh_process(job: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run a job in a fork of this process, which never starts a simulation itself."""
    found: dict[str, Any] = json.loads(in_fork(lambda: json.dumps(job()).encode(), "a run of the benchmark"))
    return found


def recorded_lights(spec: EpisodeSpec) -> dict[str, Any]:
    """The lights of every signal and step of a steered episode, and its delay."""
    steps: list[list[str]] = []

    def see(_: float, lights: Sequence[str]) -> None:
        steps.append(list(lights))

    result = run_episode(spec, watch=see)
    return {"steps": steps, "delay_s_per_veh": result["delay_s_per_veh"]}


def replay_file(spec: EpisodeSpec, steps: list[list[str]], out: Path) -> Path:
    """An additional file whose fixed programs show these lights second by second."""
    found = scenario_of(spec)
    network = read_network(found.net, RULES["resco"])
    lines = ["<additional>"]
    for i, signal in enumerate(network.signals):
        offset_s = found.begin_s % (len(steps) * found.step_s)
        lines.append(f'  <tlLogic id="{signal.id}" type="static" programID="replay" offset="{offset_s:g}">')
        shown, since = steps[0][i], 0
        for k in range(1, len(steps) + 1):
            if k == len(steps) or steps[k][i] != shown:
                lines.append(f'    <phase duration="{(k - since) * found.step_s:g}" state="{shown}"/>')
                if k < len(steps):
                    shown, since = steps[k][i], k
        lines.append("  </tlLogic>")
    out.write_text("\n".join([*lines, "</additional>", ""]), encoding="utf-8")
    return out


def bare(spec: EpisodeSpec, replay: Path, tripinfo: Path) -> dict[str, Any]:
    """Step through the replayed episode and do nothing else."""
    found = scenario_of(spec)
    with start(found, spec.seed, RunFiles(tripinfo, (replay,))) as session:
        sumo, started_s = session.sumo, time.process_time()
        while sumo.simulation.getTime() < found.end_s:
            sumo.simulationStep()
        cpu_s = time.process_time() - started_s
        left_s = session.free_flow_left_s()
    trips = read_trips(tripinfo, found.begin_s, found.end_s, left_s)
    return {"cpu_s": cpu_s, "delay_s_per_veh": METRICS["delay_s_per_veh"].function(trips)}


def measured(scenario: str, controller: str, pairs: int = PAIRS) -> dict[str, Any]:
    """Seconds of both and the ratio pair by pair; `same_episode`: the replay gave the same delay."""
    spec = EpisodeSpec(scenario=scenario, controller=controller, seed=SEED)
    with tempfile.TemporaryDirectory(prefix="citybrain-") as name:
        folder = Path(name)
        recorded = in_fresh_process(lambda: recorded_lights(spec))
        replay = replay_file(spec, recorded["steps"], folder / "replay.add.xml")
        steered_s, bare_s, delay_s = [], [], float("nan")
        for _ in range(pairs):
            steered_s.append(in_fresh_process(lambda: run_episode(replace(spec, tripinfo=str(folder / "s.xml"))))["cpu_s"])
            run = in_fresh_process(lambda: bare(spec, replay, folder / "b.xml"))
            bare_s.append(run["cpu_s"])
            delay_s = run["delay_s_per_veh"]
    ratios = [s / b for s, b in zip(steered_s, bare_s, strict=True)]
    return {
        "scenario": scenario,
        "controller": controller,
        "steered_s": round(statistics.median(steered_s), 3),
        "bare_s": round(statistics.median(bare_s), 3),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_least": round(min(ratios), 3),
        "ratio_most": round(max(ratios), 3),
        "same_episode": delay_s == recorded["delay_s_per_veh"],
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure the subjects and write the rows."""
    parser = argparse.ArgumentParser(description="cost of steering beside bare SUMO stepping of the same episode")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--only", default="", help="one scenario")
    chosen = parser.parse_args(arguments)
    warm_up()
    rows = []
    for scenario, controller in SUBJECTS:
        if chosen.only in ("", scenario):
            rows.append(measured(scenario, controller))
            sys.stdout.write(json.dumps(rows[-1]) + "\n")
            sys.stdout.flush()
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
