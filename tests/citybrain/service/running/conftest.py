"""A small city of real junctions, and a simulated one that the service steers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from citybrain import assemble
from citybrain.service.desk import Mode
from citybrain.service.engine import Spoken
from citybrain.service.orders import Orders, Scene
from citybrain.service.service import CityService, Plant, Upkeep
from citybrain.service.street import Stepped
from signals.layout import lay_out
from signals.rules import RULES, envelope
from signals.site import sites
from signals.types import Network, Observation
from sumo_nets.network import read_network
from sumo_nets.scenario import check, scenario
from sumo_nets.session import start

RULE = RULES["resco"]


@pytest.fixture(scope="session")
def grid() -> Network:
    """Four signals in a square."""
    return read_network(scenario("grid_2x2").net, RULE)


@pytest.fixture(scope="session")
def line() -> Network:
    """Five signals in a row."""
    return read_network(scenario("arterial_5").net, RULE)


@pytest.fixture
def scene(grid: Network) -> Scene:
    """What commands are judged by, at second 100, asked by Ann."""
    limits = tuple(envelope(s, RULE) for s in grid.signals)
    return Scene({site.signal.id: site for site in sites(grid, limits)}, 100.0, "Ann", False, {})


@pytest.fixture
def orders() -> Orders:
    """Nothing but a controller and a mode."""
    return Orders("rolling_horizon", Mode.SHADOW)


def seen(network: Network, now_s: float, rng: np.random.Generator) -> Observation:
    """An observation with some queues, a few counts, and no vehicle tracked."""
    lay = lay_out(network)
    n, m = len(network.signals), lay.movements
    queue_veh, counts_veh = rng.poisson(2.0, m).astype(np.float64), rng.poisson(0.3, m).astype(np.float64)
    none, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
    phase, age_s, zero = rng.integers(0, 2, n), rng.uniform(0.0, 30.0, n), np.zeros(m)
    return Observation(now_s, phase, age_s, queue_veh, counts_veh, zero, zero, zero, whole, whole, none, none)


@pytest.fixture
def look() -> Callable[[Network, float, int], Observation]:
    """Observations by chance: network, time, seed."""
    return lambda network, now_s, seed: seen(network, now_s, np.random.default_rng(seed))


@pytest.fixture
def simulated(grid: Network) -> Iterator[Stepped]:
    """grid_2x2 in SUMO, moved on by whoever waits."""
    street = Stepped(start(check(scenario("grid_2x2")), 101), grid)
    yield street
    street.close()


@pytest.fixture
def serving(simulated: Stepped, grid: Network, tmp_path: Path) -> Iterator[CityService]:
    """The service over it, in shadow mode; not started: tests tick it."""
    plant = Plant(grid, RULE, simulated, assemble.planner, lambda network: Spoken(None), "grid")
    service = CityService(plant, Upkeep(tmp_path / "state", "rolling_horizon"))
    yield service
    service.stop()


@pytest.fixture(scope="session")
def ticked() -> Callable[[CityService, int], None]:
    """`ticked(service, seconds)`: tick it every second of its street."""

    def tick(service: CityService, seconds: int) -> None:
        street = service.plant.street
        for _ in range(seconds):
            service.follow_orders()
            service.tick(street.now_s)
            street.wait(street.now_s + 1.0, 1.0)

    return tick
