"""The service of a city of 15,000 signals on this machine: whole ticks, one signal's events, memory, restart, viewers.

`python -m benchmarks.city_service [--city FOLDER] [--signals N] [--seconds S] [--json FILE]`. The city is a generated grid; its signals
are alike, and what is alike is shared in memory. Ticks come at 1 Hz on an open-loop schedule: `late` is counted from the moment on the
schedule. The street is played in the service's own process: its memory and, between ticks, its work are in the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.provenance import provenance
from benchmarks.service_load import Row, city_net, events, loaded, memory_mb, open_loop, percentiles, ready
from benchmarks.service_viewers import watched
from citybrain.service import audit
from citybrain.service.network_file import network_of
from signals.rules import RULES

SIGNALS, SECONDS, EVENTS, VIEWERS, KILLS = 15_000, 600, 1000, 20, 5
WARM_UP_TICKS = 75  # as fast as they go: a turn of all shards, and a minute for every forecast
FEW_SECONDS = 60
REACH = {
    "tick": "late p99 <= 200 ms, goal 100 ms",
    "event": "p99 <= 20 ms, goal 5 ms",
    "memory": "<= 1000 MB, goal 400 MB",
    "restart": "<= 3 s, goal 1 s",
    "viewers": "<= 40 kB/s each, ticks as without them",
}


def ticks(net: Path, folder: Path, seconds: int, number: int = EVENTS) -> Row:
    """Ticks on the schedule, then events as fast as they go, and the memory at the end."""
    with tempfile.TemporaryDirectory(prefix="citybrain-") as state:
        load = loaded(net, folder, Path(state))
        try:
            ready(load, WARM_UP_TICKS)
            found = open_loop(load, seconds)
            tick = percentiles(found.late_ms, "late_ms") | percentiles(found.took_ms, "took_ms") | percentiles(found.cpu_ms, "cpu_ms")
            load.tick()
            took_ms, pushes = events(load, number, np.random.default_rng(2))
            engine = load.service.engine
            shards = [] if engine is None else [s.part.signals.size for s in engine.shards]
            return {
                "signals": len(load.network.signals),
                "shards": shards,
                "tick": tick | {"ticks": seconds, "pushes_a_tick": round(found.pushes / seconds)},
                "event": percentiles(took_ms) | {"events": number, "new_plans": pushes},
                "memory": memory_mb(),
            }
        finally:
            load.close()


def viewers(net: Path, folder: Path, seconds: int, number: int = VIEWERS) -> Row:
    """Ticks while viewers watch over HTTP; what each of them was sent."""
    with tempfile.TemporaryDirectory(prefix="citybrain-") as state:
        load = loaded(net, folder, Path(state))
        try:
            ready(load, WARM_UP_TICKS)
            alone = open_loop(load, seconds)
            found, sent = watched(load, Path(state), seconds, number)
            return {
                **sent,
                "late_ms": percentiles(found.late_ms),
                "late_ms_without": percentiles(alone.late_ms),
            }
        finally:
            load.close()


def serve(net: Path, folder: Path, state: Path) -> None:
    """Start, verify the journal, tick; a line when the first plans are made, and then on until somebody ends this process."""
    load = loaded(net, folder, state)
    verdict = audit.verify(state / "city.db")
    load.play()
    load.tick()
    sys.stdout.write(json.dumps({"sound": verdict.first_bad is None, "found": load.service.orders.mode.value}) + "\n")
    sys.stdout.flush()
    while True:
        time.sleep(0.2)
        load.play()
        load.tick()


def restarts(net: Path, folder: Path, number: int = KILLS) -> Row:
    """Seconds from the start of a process to its first plans, after the one before was killed in the middle of its ticks."""
    took_s, sound = [], True
    with tempfile.TemporaryDirectory(prefix="citybrain-") as state:
        for _ in range(number + 1):
            began_s = time.perf_counter()
            ask = [
                sys.executable,
                "-m",
                "benchmarks.city_service",
                "--part",
                "serve",
                "--net",
                str(net),
                "--state",
                state,
                "--city",
                str(folder),
            ]
            child = subprocess.Popen(ask, stdout=subprocess.PIPE, text=True)
            try:
                line = child.stdout.readline() if child.stdout is not None else ""
                took_s.append(time.perf_counter() - began_s)
                sound = sound and bool(json.loads(line or "{}").get("sound"))
                time.sleep(1.0)
            finally:
                child.send_signal(signal.SIGKILL)
                child.wait()
                if child.stdout is not None:
                    child.stdout.close()
    return {"first_s": round(took_s[0], 2), "again_s": [round(s, 2) for s in took_s[1:]], "journal_sound": sound}


def alone(part: str, net: Path, folder: Path, seconds: int) -> Row:
    """What a fresh process finds."""
    ask = [
        sys.executable,
        "-m",
        "benchmarks.city_service",
        "--part",
        part,
        "--net",
        str(net),
        "--city",
        str(folder),
        "--seconds",
        str(seconds),
    ]
    done = subprocess.run(ask, stdout=subprocess.PIPE, text=True, check=True)
    found: Row = json.loads(done.stdout)
    return found


def rows(folder: Path, signals: int, seconds: int, only: str = "") -> Row:
    """Everything, part by part, each in a process of its own."""
    net = city_net(folder, signals)
    began_s = time.perf_counter()
    network_of(net, RULES["street"], folder)
    found: Row = {"network_ready_s": round(time.perf_counter() - began_s, 2)}
    if only in ("", "ticks"):
        found |= alone("ticks", net, folder, seconds)
    if only in ("", "restart"):
        found["restart"] = restarts(net, folder)
    if only in ("", "viewers"):
        found["viewers"] = alone("viewers", net, folder, min(seconds, FEW_SECONDS))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.city_service", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--city", type=Path, default=Path("out/city"), help="where the generated city is kept")
    parser.add_argument("--signals", type=int, default=SIGNALS)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="ticks that are measured")
    parser.add_argument("--only", default="", choices=("", "ticks", "restart", "viewers"))
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--part", default="", choices=("", "ticks", "viewers", "serve"), help="used by this program itself")
    parser.add_argument("--net", type=Path, default=Path())
    parser.add_argument("--state", type=Path, default=Path())
    chosen = parser.parse_args(arguments)
    if chosen.part == "serve":
        serve(chosen.net, chosen.city, chosen.state)
    parts: dict[str, Callable[[Path, Path, int], Row]] = {"ticks": ticks, "viewers": viewers}
    if chosen.part:
        sys.stdout.write(json.dumps(parts[chosen.part](chosen.net, chosen.city, chosen.seconds)))
        return 0
    found: dict[str, Any] = rows(chosen.city, chosen.signals, chosen.seconds, chosen.only)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    if chosen.json is not None:
        command = " ".join(["python -m benchmarks.city_service", *(arguments if arguments is not None else sys.argv[1:])])
        origin = provenance(datetime.now(UTC).strftime("%Y-%m-%d"), command)
        origin["load_average"] = round(os.getloadavg()[1], 1)  # of the last five minutes: who else was at work
        chosen.json.write_text(json.dumps({"provenance": origin, "to_reach": REACH, **found}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
