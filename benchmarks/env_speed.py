"""How fast the environment is, beside bare stepping of SUMO and beside sumo-rl, on the same scenarios and decisions in one run.

Every decision interval each signal goes on to its next phase. The bare run replays the very lights of ours as fixed programs and only
steps. sumo-rl makes the same decisions, through libsumo and, as installed, through TraCI over a short span. Runs are fresh processes
in alternating order; ratios are of processor time, which a busy machine distorts least, but for two workers beside one: of wall time.
`python -m benchmarks.env_speed [--json FILE] [--only SCENARIO] [--runs N]`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.overhead import bare, in_fresh_process, replay_file
from benchmarks.provenance import provenance
from citybrain.episode import EpisodeSpec
from citybrain.worker import warm_up
from rl.observation import Eyes
from rl.simulation import NoForecast, Simulation, site
from rl.unpriced import unpriced_eyes
from signals.errors import LinkError
from signals.metrics import METRICS, read_trips
from signals.rules import RULES, with_timing
from sumo_nets.scenario import Scenario, scenario
from sumo_nets.session import RunFiles, Session, preload, start

SCENARIOS = ("resco/cologne1", "resco/cologne8", "resco/grid4x4", "resco/ingolstadt21")
SEED = 1
RUNS = 3
TRACI_SPAN_S = {"resco/cologne1": 1200.0, "resco/cologne8": 900.0, "resco/grid4x4": 600.0, "resco/ingolstadt21": 300.0}
"""sumo-rl through TraCI is slow: it runs this long from the begin, and so do we beside it."""
RIVAL_LIMIT_S = 1800.0
READ_AT_S = 1200.0
READS = 50
Row = dict[str, Any]


def driven(one: Scenario, priced: bool, tripinfo: Path, see: Callable[[Session], None] | None = None) -> Row:
    """The environment from reset to the end: processor and wall time of its decisions, and the mean delay that came of them."""
    where = site(one)
    eyes = Eyes(where.network, where.limits) if priced else unpriced_eyes(where.network, where.limits)
    began_s = time.process_time()
    simulation = Simulation(where, eyes, SEED, NoForecast(), RunFiles(tripinfo), see)
    reset_s = time.process_time() - began_s
    simulation.rows()
    phase, decisions = simulation.observed().phase, 0
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    while not simulation.over:
        phase = (phase + 1) % eyes.layout.phases
        simulation.decide(phase)
        simulation.rows()
        decisions += 1
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    left_s = simulation.free_flow_left_s()
    simulation.close()
    delay = METRICS["delay_s_per_veh"].function(read_trips(tripinfo, one.begin_s, one.end_s, left_s))
    return {"cpu_s": cpu_s, "wall_s": wall_s, "decisions": decisions, "reset_s": reset_s, "delay_s_per_veh": delay}


def recorded(one: Scenario, tripinfo: Path) -> Row:
    """The lights of every signal and step of the environment's episode."""
    names = [s.id for s in site(one).network.signals]
    steps: list[list[str]] = []

    def see(session: Session) -> None:
        steps.append([session.sumo.trafficlight.getRedYellowGreenState(name) for name in names])

    return {**driven(one, False, tripinfo, see), "steps": steps}


def rival(one: Scenario, timing: tuple[float, float], span_s: float) -> Row:
    """sumo-rl's environment under the same decisions; for a process of its own, whose variables choose libsumo or TraCI."""
    sumo_rl = importlib.import_module("sumo_rl")  # only here: how it reaches SUMO is what the variables say at its import

    decision_s, yellow_s = timing
    env = sumo_rl.SumoEnvironment(
        net_file=str(one.net), route_file=",".join(str(r) for r in one.routes), begin_time=int(one.begin_s), num_seconds=int(span_s),
        delta_time=int(decision_s), yellow_time=int(yellow_s), min_green=int(decision_s - yellow_s), max_green=300,
        sumo_seed=SEED, sumo_warnings=False, additional_sumo_cmd="--no-step-log --duration-log.disable",
    )  # fmt: skip
    env.reset()
    green = dict.fromkeys(env.ts_ids, 0)
    before_s, wall_s = total_cpu_s(env), time.perf_counter()
    decisions, done = 0, False
    while not done:
        green = {ts: (phase + 1) % env.traffic_signals[ts].num_green_phases for ts, phase in green.items()}
        done = env.step(green)[2]["__all__"]
        decisions += 1
    found = {"cpu_s": total_cpu_s(env) - before_s, "wall_s": time.perf_counter() - wall_s, "decisions": decisions}
    env.close()
    return found


def total_cpu_s(env: Any) -> float:
    """Processor time of this process and of the SUMO that it talks to, if that is another one [s]."""
    process = getattr(env.sumo, "_process", None)
    if process is None:
        return time.process_time()
    ticks = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return time.process_time() + (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def rival_apart(name: str, span_s: float, libsumo: bool) -> Row:
    """`rival` in a new interpreter."""
    preload()  # its import names the folder of SUMO in the environment, which sumo-rl asks for
    variables = {key: value for key, value in os.environ.items() if key != "LIBSUMO_AS_TRACI"}
    if libsumo:
        variables["LIBSUMO_AS_TRACI"] = "1"
    words = [sys.executable, "-m", "benchmarks.env_speed", "--rival", name, "--span", f"{span_s:g}"]
    said = subprocess.run(words, env=variables, stdout=subprocess.PIPE, text=True, check=True, timeout=RIVAL_LIMIT_S).stdout
    found: Row = json.loads(said.strip().splitlines()[-1])
    return found


def wall_s(job: Callable[[], object], at_once: int) -> float:
    """Wall time until so many forks of this process have each done the job."""
    began_s, children = time.perf_counter(), []
    for _ in range(at_once):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                job()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise LinkError("a run of the benchmark failed in SUMO")
    return time.perf_counter() - began_s


def two_beside_one(one: Scenario, folder: Path) -> float:
    """What two environments at once get done in a time, by what one does: 2 is all that two cores can give."""

    def job() -> None:
        driven(one, True, folder / f"{os.getpid()}.xml")

    return 2.0 * wall_s(job, 1) / wall_s(job, 2)


def readings(one: Scenario) -> Row:
    """Ways of reading all vehicles' next signal or lane, position and speed, in microseconds: what `Sensing` chose from."""
    with start(one, SEED) as session:
        sumo, v = session.sumo, session.sumo.vehicle
        wanted = [sumo.constants.VAR_LANE_ID, sumo.constants.VAR_LANEPOSITION, sumo.constants.VAR_SPEED]
        middle, every = sumo.junction.getIDList()[0], sumo.constants.CMD_GET_VEHICLE_VARIABLE

        def stepped() -> None:
            sumo.simulationStep()

        def by_getters() -> object:
            ids = v.getIDList()
            return [list(map(get, ids)) for get in (v.getNextTLS, v.getSpeed)]

        def by_lane() -> object:
            ids = v.getIDList()
            return [list(map(get, ids)) for get in (v.getLaneID, v.getLanePosition, v.getSpeed)]

        def by_context() -> object:
            sumo.junction.subscribeContext(middle, every, 1e6, wanted)
            return sumo.junction.getContextSubscriptionResults(middle)

        while session.now_s < one.begin_s + READ_AT_S:
            session.advance()
        vehicles = len(v.getIDList())
        found = {"next_signal_and_speed": by_getters, "lane_position_speed": by_lane, "context_subscription": by_context}
        row: Row = {"vehicles": vehicles, **{f"{name}_us": timed_us(read) for name, read in found.items()}}
        sumo.junction.unsubscribeContext(middle, every, 1e6)
        plain_us = timed_us(stepped)
        for vehicle in v.getIDList():
            v.subscribe(vehicle, wanted)
        row["variable_subscription_us"] = timed_us(v.getAllSubscriptionResults)
        row["variable_subscription_step_us"] = round(timed_us(stepped) - plain_us, 1)
    return row


def timed_us(call: Callable[[], object]) -> float:
    """Least processor time of a call in `READS` [us]."""
    least_s = float("inf")
    for _ in range(READS):
        began_s = time.process_time()
        call()
        least_s = min(least_s, time.process_time() - began_s)
    return round(1e6 * least_s, 1)


def per_s(runs: list[Row]) -> float:
    """Decisions a second of processor time, the best run of several: what disturbs a run only makes it slower."""
    return max(float(run["decisions"] / run["cpu_s"]) for run in runs)


def measured(name: str, runs: int) -> Row:
    """All of one scenario."""
    one, spec = scenario(name), EpisodeSpec(scenario=name, seed=SEED)
    decisions = round((one.end_s - one.begin_s) / timing_of(one)[0])
    with tempfile.TemporaryDirectory(prefix="citybrain-") as at:
        folder = Path(at)
        lights = in_fresh_process(partial(recorded, one, folder / "r.xml"))
        replay = replay_file(spec, lights["steps"], folder / "replay.add.xml")
        found: dict[str, list[Row]] = {"bare": [], "full": [], "unpriced": [], "libsumo": []}
        for _ in range(runs):
            found["bare"].append({**in_fresh_process(partial(bare, spec, replay, folder / "b.xml")), "decisions": decisions})
            found["full"].append(in_fresh_process(partial(driven, one, True, folder / "o.xml")))
            found["unpriced"].append(in_fresh_process(partial(driven, one, False, folder / "o.xml")))
            found["libsumo"].append(rival_apart(name, one.end_s - one.begin_s, True))
        traci = rival_apart(name, TRACI_SPAN_S[name], False)
        short = replace(one, end_s=one.begin_s + TRACI_SPAN_S[name])
        ours = in_fresh_process(partial(driven, short, True, folder / "o.xml"))
        pairs = [two_beside_one(one, folder) for _ in range(runs)]
    speed = {who: per_s(of) for who, of in found.items()}
    return {
        "scenario": name,
        "env_steps_per_s": {who: round(value, 1) for who, value in speed.items()},
        "full_to_bare": round(speed["full"] / speed["bare"], 3),
        "unpriced_to_bare": round(speed["unpriced"] / speed["bare"], 3),
        "sumo_rl_libsumo_to_bare": round(speed["libsumo"] / speed["bare"], 3),
        "traci_span_s": TRACI_SPAN_S[name],
        "traci_env_steps_per_s": round(per_s([traci]), 2),
        "full_to_traci": round(per_s([ours]) / per_s([traci]), 1),
        "full_to_traci_wall": round(traci["wall_s"] / traci["decisions"] / (ours["wall_s"] / ours["decisions"]), 1),
        "two_workers_to_one": round(statistics.median(pairs), 3),
        "reset_s": round(min(run["reset_s"] for run in found["full"]), 3),
        "same_episode": {run["delay_s_per_veh"] for who in ("bare", "full", "unpriced") for run in found[who]}
        == {lights["delay_s_per_veh"]},
        "readings": in_fresh_process(partial(readings, one)),
    }


def timing_of(one: Scenario) -> tuple[float, float]:
    """Decision interval and yellow of a scenario under RESCO's rules [s]."""
    kept = with_timing(RULES["resco"], one.decision_s, one.yellow_s)
    return kept.decision_s, kept.yellow_s or 0.0


def main(arguments: list[str] | None = None) -> int:
    """Measure the scenarios and write the rows; with `--rival`, be the process that sumo-rl runs in."""
    parser = argparse.ArgumentParser(description="speed of the environment beside bare SUMO and sumo-rl")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--only", default="", help="one scenario")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each kind")
    parser.add_argument("--rival", default="", help=argparse.SUPPRESS)
    parser.add_argument("--span", type=float, default=0.0, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.rival:
        one = scenario(chosen.rival)
        sys.stdout.write(json.dumps(rival(one, timing_of(one), chosen.span)) + "\n")
        return 0
    warm_up()
    rows = []
    for name in SCENARIOS:
        if chosen.only in ("", name):
            rows.append(measured(name, chosen.runs))
            sys.stdout.write(json.dumps(rows[-1]) + "\n")
            sys.stdout.flush()
    if chosen.json:
        origin = provenance(datetime.now(UTC).strftime("%Y-%m-%d"), "python -m benchmarks.env_speed")
        busy = {"load_average": [round(load, 1) for load in os.getloadavg()]}  # over 1, 5 and 15 minutes, our own run among it
        chosen.json.write_text(
            json.dumps({"provenance": {**origin, **busy}, "runs": chosen.runs, "rows": rows}, indent=1) + "\n", encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
