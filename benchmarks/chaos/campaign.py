"""The long chaos: 200 kills of the service at random moments, and every other fault among them, in rounds of a new street each.

`python -m benchmarks.chaos [--json FILE] [--out FOLDER] [--rounds N]`, or `make chaos`. A round that is done is written down: asked again
with the same code, the campaign goes on with the next one. A round is over when SUMO's own record of the lights has been judged.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.progress import Progress

from benchmarks.chaos.ledger import lost_deliveries
from benchmarks.chaos.recovery import well
from benchmarks.chaos.rig import Rig, RigSpec, broker_program, put_up
from benchmarks.chaos.scenes import SCENES, played
from benchmarks.provenance import code_version, provenance
from citybrain.field.proxy import Troubles
from signals.errors import SignalsError

ROUNDS, KILLS = 10, 20  # of each round
SPEED = 20.0
LARGE = "resco/cologne8"
LARGE_EVERY = 5  # rounds: then the street is a real one, at half the speed
LONGEST_WAIT_S = 600.0  # of the street's time: whoever stands for longer is not served
BROKER = "over a broker"
BACKGROUNDS = ("nothing", "late and doubled messages", "30 % of the detectors dead", "one clock wrong by 40 s", BROKER)
TIMES = 2  # that a scene is played, kills apart
Round = dict[str, Any]


def script(number: int, kills: int) -> list[str]:
    """The scenes of a round, in order: its kills, and its share of everything else."""
    scenes = ["killed"] * kills + shares()[number % ROUNDS]
    random.Random(number).shuffle(scenes)
    return scenes


def shares() -> list[list[str]]:
    """[round] what it plays besides kills: every scene twice, in the rounds that have least so far of those that can play it."""
    found: list[list[str]] = [[] for _ in range(ROUNDS)]
    for name in sorted(SCENES.keys() - {"killed"}, key=lambda name: (name not in NEEDS, name)):
        can = [k for k in range(ROUNDS) if NEEDS.get(name, anywhere)(k)]
        for k in sorted(can, key=lambda k: len(found[k]))[:TIMES]:
            found[k].append(name)
    return found


def anywhere(number: int) -> bool:
    """Any round will do."""
    return True


def over_broker(number: int) -> bool:
    """Whether a round's wire is MQTT."""
    return number % len(BACKGROUNDS) == BACKGROUNDS.index(BROKER) and broker_program() is not None


def over_proxy(number: int) -> bool:
    """Whether a round's wire can be made bad."""
    return not over_broker(number)


def with_own_clock(number: int) -> bool:
    """Whether the service's wall clock can be moved."""
    return number % 2 == 0


def spec_of(number: int, folder: Path) -> RigSpec:
    """What is put up for a round."""
    large, broker = number % LARGE_EVERY == LARGE_EVERY - 2, "own" if over_broker(number) else ""
    where, speed = (LARGE, 0.5 * SPEED) if large else ("grid_2x2", SPEED)
    return RigSpec(folder, where, number + 1, speed, broker=broker, shifted=with_own_clock(number))


def background_of(number: int) -> str:
    """What is wrong all the time, in a round."""
    found = BACKGROUNDS[number % len(BACKGROUNDS)]
    return found if found != BROKER or over_broker(number) else BACKGROUNDS[0]


def set_background(rig: Rig, what: str, seed: int) -> None:
    """Make it wrong; a street that was started anew forgets it."""
    if what == BACKGROUNDS[1] and rig.proxy is not None:
        rig.proxy.troubles = Troubles(delay_s=0.5 / rig.spec.speed, jitter_s=1.5 / rig.spec.speed, doubled=0.2)
    elif what == BACKGROUNDS[2]:
        rig.fault("dead", share=0.3, seed=seed)
    elif what == BACKGROUNDS[3]:
        rig.fault("clock", sorted(rig.watcher.status)[seed % len(rig.watcher.status)], seconds=40.0)


def round_of(number: int, kills: int, folder: Path, told: Callable[[str], None]) -> Round:
    """One round, from an empty folder to SUMO's word on the lights."""
    began_s, rng = time.monotonic(), random.Random(1000 + number)
    spec, background = spec_of(number, folder), background_of(number)
    with put_up(spec) as rig:
        wrong = well(rig)
        for name in script(number, kills):
            set_background(rig, background, number)
            told(f"round {number + 1}: {name}")
            wrong += played(rig, name, rng)
        rig.watcher.look()
        promises, unsure, refused = rig.ledger.kept + len(rig.ledger.promises), rig.ledger.unsure, rig.ledger.refused
        if rig.service.stop() != 0:
            wrong.append("the service did not end in order")
        rig.street.stop()
        wrong += lost_deliveries(rig.ledger.deliveries, rig.service.state / "samples")
        deliveries = rig.ledger.kept_deliveries + len(rig.ledger.deliveries)
        by_file, file_steps = rig.files_wrong()
        watcher = rig.watcher
        if watcher.longest_wait_s > LONGEST_WAIT_S:
            wrong.append(f"somebody stood for {watcher.longest_wait_s:.0f} s; expected at most {LONGEST_WAIT_S:.0f} s")
        return {
            "round": number, "scenario": spec.scenario, "speed": spec.speed, "background": background,
            "scenes": script(number, kills), "kills": rig.figures.get("kills", 0), "restart_s": rig.figures.get("restart_s", []),
            "scene_s": rig.figures["scene_s"], "promises": promises, "samples_promised": deliveries,
            "under_way_when_it_died": unsure, "refused": refused,
            "lights_on_the_wire_signal_s": watcher.judge.steps, "gaps": watcher.judge.gaps, "lights_in_sumo_signal_s": file_steps,
            "passed_veh": round(watcher.passed_veh), "longest_wait_s": round(watcher.longest_wait_s),
            "wrong": [*wrong, *by_file], "took_s": round(time.monotonic() - began_s, 1),
        }  # fmt: skip


def summary(rounds: list[Round]) -> dict[str, Any]:
    """The figures of all rounds."""
    restart_s = [s for one in rounds for s in one["restart_s"]] or [float("nan")]
    p50_s, p99_s = np.percentile(restart_s, [50.0, 99.0]).tolist()
    total = {key: sum(one[key] for one in rounds) for key in SUMS}
    wrong = [f"round {one['round'] + 1}: {said}" for one in rounds for said in one["wrong"]]
    return {**total, "restart_p50_s": round(p50_s, 2), "restart_p99_s": round(p99_s, 2), "restart_max_s": max(restart_s), "wrong": wrong}


NEEDS: dict[str, Callable[[int], bool]] = {
    "broker_killed": over_broker, "cut": over_proxy, "half_open": over_proxy, "noisy": over_proxy, "wall_clock_jumps": with_own_clock,
}  # fmt: skip
"""Scenes that not every round can play."""
SUMS = (
    "kills", "promises", "samples_promised", "under_way_when_it_died", "refused", "lights_on_the_wire_signal_s",
    "lights_in_sumo_signal_s", "gaps", "passed_veh", "took_s",
)  # fmt: skip


def done_rounds(progress: Path, code: str) -> list[Round]:
    """What an earlier call has finished with the same code; a line that was cut off does not count."""
    found = []
    if progress.is_file():
        for line in progress.read_text(encoding="utf-8").splitlines():
            try:
                one = json.loads(line)
            except ValueError:
                continue
            if one["code"] == code:
                found.append(one["round"])
    return found


def rounds_of(wanted: int, kills: int, out: Path, told: Callable[[str], None]) -> Iterator[Round]:
    """Every round, those of earlier calls first."""
    progress, code = out / "rounds.jsonl", f"{code_version()} {kills}"
    known = {one["round"]: one for one in done_rounds(progress, code)}
    for number in range(wanted):
        if number not in known:
            with TemporaryDirectory(dir=out, ignore_cleanup_errors=True) as folder:
                known[number] = round_of(number, kills, Path(folder), told)
                if known[number]["wrong"]:
                    shutil.copytree(folder, out / f"round{number}", dirs_exist_ok=True)
            with progress.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"code": code, "round": known[number]}) + "\n")
        yield known[number]


def main(arguments: list[str] | None = None) -> int:
    """All rounds, the summary, the JSON; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the result there as well")
    parser.add_argument("--out", type=Path, default=Path("out/chaos"), help="folder for what is under way, and for rounds that went wrong")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--kills", type=int, default=KILLS, help="of each round")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    found = []
    try:
        with Progress() as bar:
            task = bar.add_task("chaos", total=chosen.rounds)
            for one in rounds_of(chosen.rounds, chosen.kills, chosen.out, lambda said: bar.update(task, description=said)):
                found.append(one)
                bar.advance(task)
    except SignalsError as error:
        sys.stderr.write(f"chaos: {error}\n")
        return 2
    told = summary(found)
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    if chosen.json is not None:
        command = " ".join(["python -m benchmarks.chaos", *(arguments if arguments is not None else sys.argv[1:])])
        origin = provenance(datetime.now(UTC).strftime("%Y-%m-%d"), command)
        origin["load_average"] = round(os.getloadavg()[1], 1)  # of the last five minutes: who else was at work
        chosen.json.write_text(json.dumps({"provenance": origin, "summary": told, "rounds": found}, indent=1) + "\n", encoding="utf-8")
    return 1 if told["wrong"] else 0
