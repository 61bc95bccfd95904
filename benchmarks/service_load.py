"""The service of a large city under load, in this process: real intake, engine, journal and board; only the street is played.

For `benchmarks.city_service`. Ticks come on an open-loop schedule: a tick that is late makes the next one late too, and is not forgiven.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.played_street import PlayedStreet
from citybrain.intake.frame import encode_tracks
from citybrain.intake.intake import Intake
from citybrain.intake.sample_log import SampleLog
from citybrain.service.glance import glance
from citybrain.service.service import CityService
from citybrain.service.serving import Heard, Serving
from citybrain.service.settings import CitySettings, KeepSettings, PlanSettings, StreetSettings
from citybrain.service.street import Street
from citybrain.web.settings import WebSettings
from signals.types import Floats, Network
from sumo_nets.make_nets import run_tool

RULES_NAME = "street"
BLOCK_M = 200
SEED = 1
Row = dict[str, Any]


def city_net(folder: Path, signals: int) -> Path:
    """The net.xml of a grid of at least so many signals, generated unless it is there."""
    columns = int(np.ceil(np.sqrt(signals)))
    rows = -(-signals // columns)
    net = folder / f"grid-{columns}x{rows}.net.xml"
    if not net.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        grid = ("--grid", "--grid.x-number", str(columns), "--grid.y-number", str(rows))
        lengths = ("--grid.length", str(BLOCK_M), "--grid.attach-length", str(BLOCK_M), "--turn-lanes", "1", "--turn-lanes.length", "50")
        lanes = ("--default.lanenumber", "2", "--default.speed", "13.89", "--no-turnarounds")
        lights = ("--default-junction-type", "traffic_light", "--tls.cycle.time", "90", "--tls.left-green.time", "8")
        part = net.with_suffix(".part")
        run_tool("netgenerate", *grid, *lengths, *lanes, *lights, "--output-file", str(part))
        part.rename(net)
    return net


class PlayedServing(Serving):
    """The very service that `citybrain serve` runs, web and all; its street is played, and its samples are not kept on the disk."""

    played: PlayedStreet

    def _street(self) -> Street:
        self.played = PlayedStreet(self.network, self.catalogue, np.random.default_rng(SEED))
        self.played.senses = Heard(self.intake)
        return self.played

    def _commits(self, sample_log: SampleLog) -> None:
        return None


@dataclass(slots=True)
class Load:
    """A service with its played street, whose ticks are called by who measures them; `close` ends it."""

    serving: PlayedServing

    @property
    def network(self) -> Network:
        """The city."""
        return self.serving.network

    @property
    def street(self) -> PlayedStreet:
        """What is played."""
        return self.serving.played

    @property
    def intake(self) -> Intake:
        """Where samples come in."""
        return self.serving.intake

    @property
    def service(self) -> CityService:
        """What ticks."""
        return self.serving.service

    def play(self) -> None:
        """The next second of the street, as its sensors tell it."""
        for batch in self.street.play():
            self.intake.take(batch)

    def tick(self) -> None:
        """A whole tick: observe, forecast, plan, vet, journal, publish."""
        self.service.tick(self.street.now_s)

    def close(self) -> None:
        """End the service."""
        self.serving.close()


def loaded(net: Path, folder: Path, state: Path, controller: str = "learned") -> Load:
    """A service of the city, ready for its first tick; what it found out of the net.xml is kept in `folder`."""
    state.mkdir(parents=True, exist_ok=True)
    for kept in folder.glob("network-*"):
        if not (state / kept.name).exists():
            os.link(kept, state / kept.name)
    settings = CitySettings(
        street=StreetSettings(net=net, at="tcp:127.0.0.1:1", rules=RULES_NAME, simulated=True),
        site="load",
        plan=PlanSettings(controller=controller, mode="automatic"),
        keep=KeepSettings(folder=state),
        web=WebSettings(port=0),
    )
    serving = PlayedServing(settings)
    serving.forecast.start()
    serving.quality.start()
    return Load(serving)


def ready(load: Load, ticks: int) -> None:
    """Tick as fast as it goes until everything is compiled, every signal has a plan, and the forecasts have closed their first minute."""
    load.serving.open_web()
    for _ in range(ticks):
        load.play()
        load.tick()
    load.service.after_tick()


@dataclass(frozen=True, slots=True)
class Ticks:
    """Milliseconds [tick]."""

    late_ms: Floats  # from the moment on the schedule to the end of the tick
    took_ms: Floats
    cpu_ms: Floats  # of all threads
    pushes: int


def open_loop(load: Load, ticks: int, period_s: float = 1.0, sleep: Callable[[float], None] = time.sleep) -> Ticks:
    """So many ticks on the schedule; the street is played in the time between them."""
    late_ms, took_ms, cpu_ms = np.empty(ticks), np.empty(ticks), np.empty(ticks)
    before = load.street.pushes
    load.play()
    first_s = time.perf_counter() + period_s
    for k in range(ticks):
        due_s = first_s + k * period_s
        sleep(max(due_s - time.perf_counter(), 0.0))
        began_s, worked_s = time.perf_counter(), time.process_time()
        load.tick()
        ended_s = time.perf_counter()
        late_ms[k], took_ms[k] = 1e3 * (ended_s - due_s), 1e3 * (ended_s - began_s)
        cpu_ms[k] = 1e3 * (time.process_time() - worked_s)
        load.service.after_tick()
        load.play()
    return Ticks(late_ms, took_ms, cpu_ms, load.street.pushes - before)


def events(load: Load, number: int, rng: np.random.Generator) -> tuple[Floats, int]:
    """Milliseconds from a frame with one signal's snapshot to the plan in the link's hands [event]; and how many plans were new."""
    took_ms, before = np.empty(number), load.street.pushes
    engine, now_s = load.service.engine, load.street.now_s
    if engine is None:
        raise RuntimeError("events were asked for before the first tick")
    some = rng.integers(0, len(load.network.signals), number)
    frames = [encode_tracks(load.street.snapshot(int(i), now_s + 0.5), load.intake.catalogue.key) for i in some]
    for i in dict.fromkeys(some.tolist()):
        engine.one(i)  # made when a signal is first asked for; the service keeps those that have events
    for k, (i, frame) in enumerate(zip(some.tolist(), frames, strict=True)):
        began_s = time.perf_counter()
        load.intake.take_frame(frame)
        engine.react(i, glance(engine, load.intake.senses.snapshots, i, now_s + 0.5))
        took_ms[k] = 1e3 * (time.perf_counter() - began_s)
    return took_ms, load.street.pushes - before


def percentiles(values: Floats, name: str = "ms") -> Row:
    """The middle, the tail and the worst."""
    found = dict(zip(("p50", "p99", "p99.9", "max"), np.percentile(values, [50.0, 99.0, 99.9, 100.0]).tolist(), strict=True))
    return {f"{which}_{name}": round(value, 2) for which, value in found.items()}


def memory_mb() -> Row:
    """Of this process, now and at its worst [MB]."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if ":" in line)
    now_mb = int(status["VmRSS"].split()[0]) / 1e3
    return {"resident_mb": round(now_mb), "worst_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)}
