"""Training's simulations, each in a process of its own: `Host` is the near side, `serve` the far one.

The far side has loaded everything and started nothing; it forks a child for every episode. So an episode depends on its seed and its
actions alone, and an episode that was cut off is repeated exactly by playing its actions again (`Order.played`).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from rl.exercise import Exercise
from rl.observation import Eyes, Rows
from rl.simulation import MakeForecaster, NoForecast, Site
from rl.variety import Drawn, MakeStreet, Street, Variety, varied
from signals import errors
from signals.errors import LinkError, SignalsError
from signals.loop import Forecaster
from signals.metrics import delay_s_per_veh, read_trips
from signals.types import Floats, Ints
from sumo_nets.demand import scaled_scenario
from sumo_nets.sensors import write_detectors
from sumo_nets.session import RunFiles, preload

SILENCE_LIMIT_S = 120.0
"""No answer for so long means that the simulator hangs."""
START_LIMIT_S = 900.0
"""Until an episode's first observation: kernels may have to be compiled and a forecaster fitted."""


@dataclass(frozen=True, slots=True)
class Course:
    """What every host is told once. The two makers travel by name: functions of a module, or partials of them."""

    sites: tuple[Site, ...]
    rules: str = "resco"
    make_forecaster: MakeForecaster | None = None
    make_street: MakeStreet | None = None
    variety: Variety = field(default_factory=Variety)
    reward: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """An episode to run: which site, under which seed, and the actions to begin with [decision][signal]."""

    number: int
    site: int
    seed: int
    heard: bool = False  # the forecaster is in the loop
    played: tuple[Ints, ...] = ()


@dataclass(frozen=True, slots=True)
class Episode:
    """What came of one episode: the mean reward of a signal and decision, and the delay of everybody who was due."""

    number: int
    scenario: str
    seed: int
    reward: float
    delay_s: float
    drawn: Drawn


@dataclass(frozen=True, slots=True)
class Answer:
    """The state after a decision, and what that was worth; `ended` with the last one of an episode."""

    rows: Rows
    gained: Floats
    """[signal]; zeros with an episode's first rows"""
    ended: Episode | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of the project, by the name of its class, or a bug with its trace."""

    kind: str
    sentence: str


class Host:
    """One process for one simulation at a time; lives until closed."""

    def __init__(self, course: Course) -> None:
        near, far = socket.socketpair()
        with far:
            words = [sys.executable, "-c", f"from rl.workers import serve; serve({far.fileno()})"]
            self._process = subprocess.Popen(words, pass_fds=[far.fileno()], stdin=subprocess.DEVNULL, start_new_session=True)
        self._line = Connection(near.detach())
        self._line.send(course)

    def start(self, order: Order) -> None:
        """Begin an episode; `answer` gives its first rows."""
        self._send(order)

    def decide(self, wanted: Ints) -> None:
        """Wish for these phases [signal]; `answer` gives what follows."""
        self._send(wanted)

    def answer(self, first: bool = False) -> Answer:
        """The next answer; the error that the episode ended with, LinkError where the process died or hangs."""
        limit_s = START_LIMIT_S if first else SILENCE_LIMIT_S
        try:
            said: Answer | Failure | None = self._line.recv() if self._line.poll(limit_s) else None
        except (EOFError, OSError) as error:
            self.close()
            raise LinkError("a training simulation's process died") from error
        if said is None:
            self.close()
            raise LinkError(f"a training simulation has not answered for {limit_s:.0f} s; killed")
        if isinstance(said, Failure):
            raise getattr(errors, said.kind, RuntimeError)(said.sentence)
        return said

    def _send(self, message: Order | Ints) -> None:
        try:
            self._line.send(message)
        except OSError as error:
            self.close()
            raise LinkError("a training simulation's process died") from error

    def close(self) -> None:
        """Kill the process with what it started; a second time does nothing."""
        with suppress(ProcessLookupError, PermissionError):
            if self._process.returncode is None:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._line.close()


@dataclass(slots=True)
class Stage:
    """What a host keeps from episode to episode: networks under the timings that were drawn so far."""

    course: Course
    known: dict[tuple[int, float | None, float | None], tuple[Site, Eyes]] = field(default_factory=dict)

    def at(self, index: int, drawn: Drawn) -> tuple[Site, Eyes]:
        """A site under a timing, and the eyes for it; read once."""
        key = (index, drawn.decision_s, drawn.yellow_s)
        if key not in self.known:
            where = varied(self.course.sites[index], drawn, self.course.rules)
            self.known[key] = where, Eyes(where.network, where.limits)
        return self.known[key]

    def forecaster(self, order: Order, where: Site) -> Forecaster:
        """The forecaster of an episode: fitted here, before the fork, so that its next episodes find it ready."""
        if not order.heard or self.course.make_forecaster is None:
            return NoForecast()
        return self.course.make_forecaster(self.course.sites[order.site].scenario, where.network)

    def street(self, drawn: Drawn, seed: int, where: Site) -> Street | None:
        """The detectors of an episode; None for ideal sensing."""
        if drawn.sensing == "ideal" or self.course.make_street is None:
            return None
        return self.course.make_street(drawn.sensing, drawn.sensor_faults, seed, where.network, where.scenario.net)


def serve(descriptor: int) -> None:
    """The far side: an episode an order, each in a fork, until nobody is there any more."""
    preload()
    line = Connection(descriptor)
    try:
        stage = Stage(line.recv())
        while True:
            order: Order = line.recv()
            _serve_one(stage, order, line)
    except (EOFError, OSError):
        return  # the training has ended, or was killed


def _serve_one(stage: Stage, order: Order, line: Connection) -> None:
    drawn = stage.course.variety.drawn(order.seed)
    try:
        where, eyes = stage.at(order.site, drawn)
        forecaster, street = stage.forecaster(order, where), stage.street(drawn, order.seed, where)
    except Exception as error:
        line.send(_failure(error))
        return
    child = os.fork()
    if child == 0:
        code = 1
        try:
            play(order, drawn, where, eyes, forecaster, street, stage.course.reward, line)
            code = 0
        except (EOFError, BrokenPipeError, ConnectionResetError):
            code = 0
        except Exception as error:
            line.send(_failure(error))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        line.send(Failure("LinkError", f"{where.scenario.name}, seed {order.seed}: the simulation's process ended ({status})"))


def _failure(error: Exception) -> Failure:
    if isinstance(error, SignalsError):
        return Failure(type(error).__name__, str(error))
    return Failure("", "".join(traceback.format_exception(error)))


def play(
    order: Order,
    drawn: Drawn,
    where: Site,
    eyes: Eyes,
    forecaster: Forecaster,
    street: Street | None,
    reward: Mapping[str, float],
    line: Connection,
) -> None:
    """One episode: repeat what was played, then a decision a message, until its end."""
    with tempfile.TemporaryDirectory(prefix="citybrain-") as name:
        folder = Path(name)
        if drawn.demand != 1.0:
            where = replace(where, scenario=scaled_scenario(where.scenario, drawn.demand, order.seed, folder))
        tripinfo = folder / "tripinfo.xml"
        detectors = () if street is None else (write_detectors(street.detectors, folder / "detectors.add.xml"),)
        simulation = Exercise(where, eyes, order.seed, forecaster, RunFiles(tripinfo, detectors), street, reward)
        total, decisions = 0.0, 0
        rows, gained = simulation.rows(), np.zeros(len(where.network.signals))
        played = iter(order.played)
        while True:
            wanted = next(played, None)
            if wanted is None:
                line.send(Answer(rows, gained))
                wanted = line.recv()
            gained = simulation.decide(np.minimum(wanted, eyes.layout.phases - 1))
            rows = simulation.rows()
            total, decisions = total + float(gained.mean()), decisions + 1
            if simulation.over:
                break
        simulation.close()
        delay_s = delay_s_per_veh(read_trips(tripinfo, where.scenario.begin_s, where.scenario.end_s, {}))
        line.send(Answer(rows, gained, Episode(order.number, _name(where), order.seed, total / decisions, delay_s, drawn)))


def _name(where: Site) -> str:
    return where.scenario.name.partition("*")[0]
