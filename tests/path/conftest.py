"""A street: a SUMO of somebody else, who steps it and watches its lights, and our process that steers it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import signals
from signals.monitor import LightsMonitor, monitor_for
from signals.rules import RULES
from signals.types import Network
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

ROOT = Path(signals.__file__).parents[1]
SEED = 105


@dataclass
class Street:
    """Steps the simulation; remembers the lights of every step."""

    owner: Any
    network: Network
    monitor: LightsMonitor
    sumo: subprocess.Popen[bytes]
    steering: subprocess.Popen[bytes]
    seen: list[tuple[str, ...]] = field(default_factory=list)
    now_s: float = 0.0

    def drive(self, seconds: int) -> list[tuple[str, ...]]:
        """So many steps; the lights [step][signal] that stood during them."""
        first = len(self.seen)
        for _ in range(seconds):
            began_s = self.owner.simulation.getTime()
            self.owner.simulationStep()
            self.now_s = began_s + 1.0
            shown = tuple(self.owner.trafficlight.getRedYellowGreenState(s.id) for s in self.network.signals)
            self.monitor.watch(began_s, shown)
            self.seen.append(shown)
        return self.seen[first:]

    def programs(self) -> set[str]:
        """The ids of the programs that run now."""
        return {self.owner.trafficlight.getProgram(s.id) for s in self.network.signals}


@pytest.fixture
def environment() -> dict[str, str]:
    """For processes of our own: they find the packages wherever they start."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def street(tmp_path: Path, environment: dict[str, str]) -> Iterator[Street]:
    """Our 2x2 grid, steered by the rolling horizon through `citybrain run`."""
    import sumolib
    import traci

    one = scenario("grid_2x2")
    network = read_network(one.net, RULES["resco"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["-n", str(one.net), "-r", str(one.routes[0]), "-b", f"{one.begin_s:g}", "-e", f"{one.end_s:g}"]
    words += ["--seed", str(SEED), "--time-to-teleport", "-1", "--no-step-log", "--no-warnings"]
    words += ["--remote-port", str(port), "--num-clients", "2"]
    run = ["run", "--port", str(port), "--net", str(one.net), "--order", "2"]
    run += ["--controller", "rolling_horizon", "--rules", "resco", "--until", f"{one.end_s:g}"]
    with (tmp_path / "said.txt").open("wb") as said:
        sumo = subprocess.Popen([sumolib.checkBinary("sumo"), *words], stdout=said, stderr=said)
        steering = subprocess.Popen([sys.executable, "-m", "citybrain", *run], stdout=said, stderr=said, env=environment)
        try:
            owner = traci.connect(port, numRetries=20, waitBetweenRetries=0.2)
            owner.setOrder(1)
            yield Street(owner, network, monitor_for(network, RULES["resco"]), sumo, steering)
            owner.close(False)
        finally:
            for process in (steering, sumo):
                process.kill()
                process.wait()
