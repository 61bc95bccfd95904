"""One worker process for all tests of the package, and the command line run in this process on top of it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import citybrain.worker
from citybrain import cli
from citybrain.episode import EpisodeSpec
from citybrain.worker import Worker
from signals.layout import lay_out
from signals.rules import RULES
from signals.types import Network, Observation
from sumo_nets.network import read_network

ROOT = Path(cli.__file__).resolve().parents[1]
GRID_BEGIN_S = 25200.0
ARTERIAL_BEGIN_S = 61200.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command line ended, and what it said."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]
RunEpisode = Callable[[EpisodeSpec], dict[str, Any]]


@pytest.fixture(scope="session")
def one_worker() -> Iterator[Worker]:
    """A worker that lives as long as the tests: each episode is a fresh fork of it."""
    with Worker(silence_limit_s=60.0) as worker:
        yield worker


@pytest.fixture(scope="session")
def run_in_worker(one_worker: Worker) -> RunEpisode:
    """`run_in_worker(spec)` as the command line and the benchmark run it."""
    return one_worker.run


@pytest.fixture
def command(one_worker: Worker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`command("evaluate", "grid_2x2")` as if typed, without the start of two more Python processes."""
    monkeypatch.setattr(citybrain.worker, "Worker", lambda: nullcontext(one_worker))
    monkeypatch.setattr("signal.signal", lambda number, handler: None)

    def typed(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["citybrain", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return typed


@pytest.fixture(scope="session")
def grid_net() -> Path:
    """Our 2 x 2 grid's network file."""
    return ROOT / "sumo_nets" / "grid_2x2" / "net.xml"


@pytest.fixture(scope="session")
def grid_routes() -> Path:
    """Our 2 x 2 grid's demand."""
    return ROOT / "sumo_nets" / "grid_2x2" / "routes.xml.gz"


@pytest.fixture(scope="session")
def grid(grid_net: Path) -> Network:
    """The 2 x 2 grid under the RESCO rules."""
    return read_network(grid_net, RULES["resco"], name="grid_2x2")


@pytest.fixture(scope="session")
def seen(grid: Network) -> Observation:
    """Everything known but the first movement's queue."""
    n, m = len(grid.signals), lay_out(grid).movements
    queue_veh = np.arange(m, dtype=np.float64)
    queue_veh[0] = np.nan
    return Observation(
        now_s=0.0,
        phase=np.arange(n, dtype=np.int64) % 2,
        age_s=np.full(n, 12.0),
        queue_veh=queue_veh,
        counts_veh=np.ones(m),
        wait_s=np.zeros(m),
        red_s=np.zeros(m),
        exit_veh=np.zeros(m),
        vehicle_lane=np.zeros(0, dtype=np.int64),
        vehicle_movement=np.zeros(0, dtype=np.int64),
        vehicle_distance_m=np.zeros(0),
        vehicle_speed_mps=np.zeros(0),
    )
