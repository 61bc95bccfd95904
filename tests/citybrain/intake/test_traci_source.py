"""A SUMO that somebody else started says what its sensors see, step by step, until it ends."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from citybrain.intake.batch import Samples, Tracks
from citybrain.intake.catalogue import CODE, Catalogue, Kind
from citybrain.intake.gate import Verdict
from citybrain.intake.intake import Intake
from citybrain.intake.source import listen
from citybrain.intake.traci_source import TraciSource
from signals.errors import LinkError
from signals.types import Network


@pytest.fixture
def port(grid_net: Path, grid_routes: Path) -> Iterator[int]:
    """Where a SUMO listens for two minutes of its own time."""
    import sumolib

    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    words = ["-n", str(grid_net), "-r", str(grid_routes), "-b", "25200", "-e", "25320", "--seed", "101"]
    command = [sumolib.checkBinary("sumo"), *words, "--remote-port", str(number), "--no-step-log", "--no-warnings"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield number
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(10.0)


@pytest.mark.sumo
def test_every_step_is_told_until_that_sumo_ends_and_all_of_it_is_sound(port: int, grid: Network, catalogue: Catalogue) -> None:
    source = TraciSource("street", port, grid, catalogue)
    intake = Intake(grid, catalogue, lambda: source.now_s)
    assert asyncio.run(asyncio.wait_for(listen(source, intake.take), 60.0)) == 240
    assert set(np.flatnonzero(intake.gate.number["street"]).tolist()) == {Verdict.GOOD}
    assert (source.now_s, intake.gate.newest_s) == (25320.0, {"street": 25320.0})
    assert intake.senses.snapshots.dropped == 0
    lights = np.zeros(len(grid.signals), np.int64), np.zeros(len(grid.signals))
    observed = intake.read(25320.0, *lights, np.zeros(catalogue.movements))
    assert np.isfinite(observed.queue_veh).all() and len(observed.vehicle_lane) > 0


@pytest.mark.sumo
def test_whoever_lets_go_of_the_source_leaves_the_other_sumo_running(port: int, grid: Network, catalogue: Catalogue) -> None:
    async def some() -> list[float]:
        found = []
        source = TraciSource("street", port, grid, catalogue)
        async with aclosing(source.batches()) as batches:
            async for batch in batches:
                if isinstance(batch, Tracks):
                    found.append(source.now_s)
                elif isinstance(batch, Samples):
                    assert (catalogue.kind[batch.sensor] == CODE[Kind.COUNT]).any()
                if len(found) == 5:
                    break
        return found

    assert asyncio.run(some()) == [25201.0, 25202.0, 25203.0, 25204.0, 25205.0]


def test_where_no_sumo_answers_the_source_says_so(grid: Network, catalogue: Catalogue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def first() -> object:
        return await anext(TraciSource("street", port, grid, catalogue, limit_s=0.3).batches())

    with pytest.raises(LinkError, match="no SUMO answers there"):
        asyncio.run(first())
