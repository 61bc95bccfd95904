"""The only door to a running SUMO: start it (libsumo in this process, or TraCI), attach to one that runs, advance, close.

libsumo holds one simulation a process and cannot be interrupted when it hangs, so episodes run in a child process
(`citybrain.worker`); over TraCI every answer has a time limit of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from signals.errors import LinkError, ScenarioError
from sumo_nets.scenario import Scenario

BACKENDS = ("libsumo", "traci")
ANSWER_LIMIT_S = 30.0
LOADING_LIMIT_S = 120.0
PINNED = ("--time-to-teleport", "-1")
"""Options that move results by 10-20 % are pinned here and printed with every result."""


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What a run writes and reads beside its scenario; None: not wanted."""

    tripinfo: Path | None = None
    additional: tuple[Path, ...] = ()
    options: tuple[str, ...] = ()  # further words to SUMO; what is pinned may be stated anew


@dataclass(slots=True)
class Session:
    """A simulation in progress. `sumo` has the domains of TraCI: trafficlight, vehicle, lane, simulation …"""

    sumo: Any
    begin_s: float
    end_s: float
    now_s: float
    owned: bool
    log: Path | None = None
    options: tuple[str, ...] = ()
    guard: subprocess.Popen[str] | None = None
    closed: bool = field(default=False)

    def advance(self) -> float:
        """One simulation step; the new time [s]. LinkError when SUMO ended or does not answer."""
        asked_s = time.monotonic()
        try:
            self.sumo.simulation.step()
            self.now_s = self.sumo.simulation.getTime()
        except Exception as error:  # libsumo and traci raise classes of their own, sockets theirs
            reason = self._reason(error, time.monotonic() - asked_s)
            raise LinkError(f"SUMO failed at {self.now_s:.0f} s: {reason}") from error
        return self.now_s

    def free_flow_left_s(self) -> dict[str, float]:
        """Free-flow time of what each unfinished vehicle, let in or still waiting to be, has of its route before it [s]."""
        vehicles = self.sumo.vehicle
        speed_mps: dict[str, float] = {}
        length_m: dict[str, float] = {}
        left_s = {}
        for vehicle in vehicles.getLoadedIDList():
            ahead = vehicles.getRoute(vehicle)[max(vehicles.getRouteIndex(vehicle), 0) :]
            for edge in ahead:
                if edge not in speed_mps:
                    length_m[edge], speed_mps[edge] = self._edge(edge)
            driven_s = max(vehicles.getLanePosition(vehicle), 0.0) / speed_mps[ahead[0]] if ahead else 0.0
            left_s[vehicle] = max(sum(length_m[e] / speed_mps[e] for e in ahead) - driven_s, 0.0)
        return left_s

    def _edge(self, edge: str) -> tuple[float, float]:
        """Length and free speed of an edge: of its fastest lane, for the first one may be a sidewalk [m, m/s]."""
        lanes = [f"{edge}_{k}" for k in range(self.sumo.edge.getLaneNumber(edge))]
        return self.sumo.lane.getLength(lanes[0]), max(self.sumo.lane.getMaxSpeed(lane) for lane in lanes)

    def close(self) -> None:
        """End the simulation (or only our connection, where somebody else started it). Never raises, never hangs."""
        if self.closed:
            return
        self.closed = True
        process = getattr(self.sumo, "_process", None)
        try:
            if self.owned and process is None:
                self.sumo.close()
            else:
                self.sumo.close(False)  # traci's own way of waiting for the process knows no time limit
        except Exception:
            pass  # a simulator that is gone is closed
        end_process(process, ANSWER_LIMIT_S)
        if self.guard is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.guard.wait(ANSWER_LIMIT_S)  # never killed: SUMO would end with it
        if self.log is not None:
            self.log.unlink(missing_ok=True)

    def _reason(self, error: Exception, waited_s: float) -> str:
        """SUMO's own words; traci takes a time-out for a closed connection, so that is told by the clock."""
        if waited_s >= ANSWER_LIMIT_S:
            return f"no answer within {ANSWER_LIMIT_S:g} s"
        process = getattr(self.sumo, "_process", None)
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)  # its last words are written when it has gone
        return logged_error(self.log) or str(error) or type(error).__name__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def end_process(process: subprocess.Popen[bytes] | None, limit_s: float) -> None:
    """Let a process that was asked to end do so, which writes its outputs; kill it when it has not in time."""
    if process is None:
        return
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def options(scenario: Scenario, seed: int, files: RunFiles) -> list[str]:
    """SUMO's options for a run: the network, the demand, the pinned behaviour and the outputs."""
    routes = ",".join(str(r) for r in scenario.routes)
    words = ["-n", str(scenario.net), "-r", routes, "-b", f"{scenario.begin_s:g}", "-e", f"{scenario.end_s:g}"]
    words += ["--step-length", f"{scenario.step_s:g}", "--seed", str(seed)]
    words += () if PINNED[0] in files.options else PINNED
    words += ["--no-step-log", "--duration-log.disable", "--no-warnings", "--xml-validation", "never"]
    additional = [*scenario.additional, *files.additional]
    if additional:
        words += ["-a", ",".join(str(a) for a in additional)]
    if files.tripinfo is not None:
        words += ["--tripinfo-output", str(files.tripinfo)]
        words += ["--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted"]
    return [*words, *files.options]


def start(scenario: Scenario, seed: int, files: RunFiles | None = None, backend: str = "libsumo") -> Session:
    """Start SUMO on a scenario; ScenarioError with SUMO's own first sentence if it refuses the input."""
    if backend not in BACKENDS:
        raise ScenarioError(f"backend {backend!r}: expected one of {', '.join(BACKENDS)}")
    words = options(scenario, seed, files or RunFiles())
    handle, name = tempfile.mkstemp(prefix="sumo-", suffix=".log")
    os.close(handle)
    log = Path(name)
    try:
        sumo = begin_libsumo(words, log) if backend == "libsumo" else begin_traci(words, log)
        now_s = float(sumo.simulation.getTime())
    except Exception as error:  # FatalTraCIError, TraCIException or a socket's error
        reason = logged_error(log) or str(error)
        log.unlink(missing_ok=True)
        raise ScenarioError(f"{scenario.name}: SUMO refused to start: {reason}") from error
    return Session(sumo, scenario.begin_s, scenario.end_s, now_s, True, log, tuple(words))


def preload() -> None:
    """Load libsumo without starting anything: for a clean parent whose forks each run one simulation."""
    importlib.import_module("libsumo")


def begin_libsumo(words: list[str], log: Path) -> Any:
    """The libsumo module with a simulation loaded; why it refuses, it says on the standard error alone."""
    libsumo = importlib.import_module("libsumo")
    sys.stderr.flush()
    kept = os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        libsumo.start(["sumo", *words])
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    return libsumo


def begin_traci(words: list[str], log: Path) -> Any:
    """A TraCI connection to a SUMO process of our own, which is killed if it does not get as far as that."""
    sumolib, traci = importlib.import_module("sumolib"), importlib.import_module("traci")
    port = sumolib.miscutils.getFreeSocketPort()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sumolib.checkBinary("sumo"), *words, "--remote-port", str(port)], stdout=subprocess.DEVNULL, stderr=file
        )
    try:
        connection = connected(traci, port, process)
        connection._socket.settimeout(LOADING_LIMIT_S)
        connection.getVersion()
        connection._socket.settimeout(ANSWER_LIMIT_S)
    except Exception:
        end_process(process, 2.0)
        raise
    return connection


def connected(traci: Any, port: int, process: subprocess.Popen[bytes]) -> Any:
    """A connection as soon as the process listens; traci's own retries wait for a second and talk."""
    deadline_s = time.monotonic() + ANSWER_LIMIT_S
    while True:
        try:
            return traci.connect(port, numRetries=0, host="127.0.0.1", proc=process)
        except traci.exceptions.FatalTraCIError:
            if time.monotonic() > deadline_s:
                raise
        time.sleep(0.02)


def attach(port: int, host: str = "127.0.0.1", client_order: int = 1, limit_s: float = 5.0) -> Session:
    """Join a SUMO or sumo-gui that someone else started with `--remote-port`, through a guard that outlives us.

    LinkError where none answers within about `limit_s`.
    """
    traci = importlib.import_module("traci")
    connection = None
    try:
        guard, guarded = guard_for(host, port, limit_s)
        connection = traci.connect(guarded, numRetries=0, host="127.0.0.1")
        connection._socket.settimeout(max(limit_s, 1.0))
        connection.setOrder(client_order)
        connection.getVersion()
        now_s = float(connection.simulation.getTime())
        end_s = float(connection.simulation.getEndTime())
        connection._socket.settimeout(ANSWER_LIMIT_S)
    except Exception as error:
        if connection is not None and connection._socket is not None:
            connection._socket.close()  # the guard takes our leave
        reason = str(error) or type(error).__name__
        raise LinkError(f"{host}:{port}: no SUMO answers there ({reason}); was it started with --remote-port?") from error
    return Session(connection, now_s, end_s if end_s > 0.0 else float("inf"), now_s, False, guard=guard)


_GUARDS: list[subprocess.Popen[str]] = []
"""Guards at work; none is ever killed, for its SUMO would end with it."""


def guard_for(host: str, port: int, limit_s: float) -> tuple[subprocess.Popen[str], int]:
    """Start the guard for a SUMO and wait until it has joined: the guard and its port; OSError where it has not in time."""
    deadline_s = time.monotonic() + limit_s
    while True:
        guard = subprocess.Popen(
            [sys.executable, "-m", "sumo_nets.guard", host, str(port)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        said = ""
        if guard.stdout is not None:
            with guard.stdout:
                said = guard.stdout.readline().strip()
        if said.isdigit():
            _GUARDS[:] = [guard, *(g for g in _GUARDS if g.poll() is None)]
            return guard, int(said)
        guard.wait()
        if time.monotonic() > deadline_s:
            raise OSError(said or "the guard did not start")
        time.sleep(0.2)


def logged_error(log: Path | None) -> str:
    """The first error SUMO wrote to its log, as one line."""
    if log is None or not log.is_file():
        return ""
    lines: Sequence[str] = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line.removeprefix("Error: ").strip() for line in lines if line.strip() and not line.startswith(("Quitting", "Warning"))]
    return errors[0] if errors else ""
