"""The web application on a port of its own, over the real service on a street of emulated controllers; keys for all, clocks to be moved."""

import itertools
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from fastapi import FastAPI

from citybrain import assemble
from citybrain.service import audit
from citybrain.service.desk import Mode, Role
from citybrain.service.engine import Spoken
from citybrain.service.keys import Key, Purpose
from citybrain.service.orders import orders_json
from citybrain.service.service import CityService, Plant, Upkeep
from citybrain.service.showing import Showing
from citybrain.service.street import FLASH, OK
from citybrain.web.access import Access
from citybrain.web.app import access_to, create_app
from citybrain.web.geometry import Arms, CityDrawing, Drawing
from citybrain.web.served import Served
from citybrain.web.server import WebServer
from citybrain.web.settings import WebSettings
from signals.emulator import EmulatedController
from signals.errors import ConfigError
from signals.lease import Lease, content_id
from signals.rules import RULES
from signals.types import ApprovedPlan, Network, Observation, TimingPlan

NOW_S = 1_800_000_000.0


class Clock:
    """A clock to be moved."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class Cabinets:
    """A street of emulated controllers without a vehicle, whose clock the test moves."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.controllers = [EmulatedController(s, RULES["resco"], 0.0) for s in network.signals]
        self.now_s, self.dead, self._moved = 0.0, 0.0, threading.Condition()
        self._sent: list[TimingPlan | None] = [None] * len(network.signals)
        self._seq = itertools.count(1)

    def advance(self) -> None:
        """A second passes."""
        with self._moved:
            for one in self.controllers:
                one.step(self.now_s + 1.0)
            self.now_s += 1.0
            self._moved.notify_all()

    def wait(self, after_s: float, timeout_s: float) -> float:
        with self._moved:
            self._moved.wait_for(lambda: self.now_s >= after_s, timeout_s)
            return self.now_s if self.now_s > 0.0 else math.nan

    def observe(self, now_s: float) -> Observation:
        statuses = [one.status(self.now_s) for one in self.controllers]
        red_s = np.array([red for one in statuses for red in one.red_s])
        known = np.full(red_s.size, math.nan if self.dead else 0.0)
        none, places = np.zeros(0), np.zeros(0, dtype=np.int64)
        phase = np.array([one.phase for one in statuses], dtype=np.int64)
        age_s = np.array([one.age_s for one in statuses])
        return Observation(now_s, phase, age_s, known, known, known, red_s, known, places, places, none, none)

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        for i, (controller, approved) in enumerate(zip(self.controllers, plans, strict=True)):
            plan = None if approved.plan is controller.signal.base else approved.plan
            if plan is not self._sent[i]:
                self._sent[i] = plan
                lease = Lease(controller.signal.id, 1, next(self._seq), content_id(controller.signal.id, plan), plan, self.now_s)
                controller.receive(lease, self.now_s)

    def release(self) -> None:
        for one in self.controllers:
            one.receive(Lease(one.signal.id, 1, next(self._seq), content_id(one.signal.id, None), None, self.now_s), self.now_s)

    def health(self) -> npt.NDArray[np.uint8]:
        return np.where([one.latched for one in self.controllers], FLASH, OK).astype(np.uint8)

    def reason_of(self, i: int) -> str:
        """Nothing is wrong."""
        return ""

    def why(self) -> str:
        """It is always heard."""
        return ""

    def refused(self) -> dict[int, str]:
        """Nobody refuses."""
        return {}

    def fenced(self) -> int:
        """Nobody else is here."""
        return 0

    def fault(self, kind: str, share: float, signal: str) -> str:
        if kind != "dead_detectors":
            raise ConfigError(f"fault {kind!r}: there is no such fault; known is dead_detectors")
        self.dead = share
        return f"{share:.0%} of the detectors are silent"

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Site:
    """The application, who may enter it, and the clocks it goes by."""

    app: FastAPI
    service: CityService
    street: Cabinets
    taken: list[tuple[bytes, str, str]]
    access: Access
    client: httpx.Client
    folder: Path
    wall: Clock
    steady: Clock
    tokens: dict[str, str]  # role or purpose -> key

    def auth(self, name: str) -> dict[str, str]:
        """Headers of that key's holder."""
        return {"Authorization": f"Bearer {self.tokens[name]}"}

    @contextmanager
    def ticking(self, pace_s: float = 0.1) -> Iterator[None]:
        """The street's seconds pass, one each `pace_s` of the wall."""
        over = threading.Event()

        def go() -> None:
            while not over.wait(pace_s):
                self.steady.now_s += 1.0
                self.tick()

        thread = threading.Thread(target=go)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def tick(self) -> None:
        """A second passes, and the service has seen it."""
        ticks = self.service.state.ticks
        self.street.advance()
        deadline_s = time.monotonic() + 20.0
        while self.service.state.ticks == ticks and time.monotonic() < deadline_s:
            time.sleep(0.002)
        assert self.service.state.ticks == ticks + 1, (self.service.failed, self.service.state.error)

    def snapshot(self) -> str:
        """All that a request could have changed: not that it was denied, which is written down now and then."""
        head = self.service.read(lambda db: [one for one in audit.records(db, 1, 10_000) if one["what"] != "denied"][-1:])
        return json.dumps([orders_json(self.service.orders), head, len(self.taken), self.street.dead])


MakeSite = Callable[..., Site]


def sites(network: Network, net: Path, folder: Path) -> Iterator[MakeSite]:
    """`make(settings, drawing)`: an application served on a port of its own, until the end of the fixture."""
    made: list[tuple[Site, WebServer]] = []

    def make(settings: WebSettings | None = None, drawing: Drawing | None = None) -> Site:
        wall, steady, street = Clock(NOW_S), Clock(1000.0), Cabinets(network)
        taken: list[tuple[bytes, str, str]] = []

        def take(payload: bytes, kind: str, key: Key) -> dict[str, Any]:
            taken.append((payload, kind, key.name))
            return {"taken": len(payload), "refused": {}, "position": len(taken)}

        access = access_to(folder / "state", network, settings or WebSettings(port=0), wall, steady)
        tokens = {role.value: access.keys.add(role.value, role)[0] for role in Role}
        tokens |= {p.value: access.keys.add(p.value, Role.VIEWER, p)[0] for p in (Purpose.INGEST, Purpose.TRAIN)}
        plant = Plant(network, RULES["resco"], street, assemble.planner, lambda network: Spoken(None), site="grid_2x2")
        service = CityService(plant, Upkeep(folder / f"city{len(made)}", controller="gap_out"), wall)
        drawn = drawing or CityDrawing(network, net)
        app = create_app(Served(service, Showing(service, Arms(network, drawn)), take), access, drawn, steady)
        server = WebServer(app, access)
        client = httpx.Client(base_url=server.address, timeout=10.0, verify=False)
        site = Site(app, service, street, taken, access, client, folder / "state", wall, steady, tokens)
        made.append((site, server))
        service.start()
        site.tick()
        server.start()
        return site

    yield make
    for one, server in made:
        one.client.close()
        server.stop()
        one.service.stop()


@pytest.fixture
def make_site(grid: Network, grid_net: Path, tmp_path: Path) -> Iterator[MakeSite]:
    """`make_site(settings)`: for a test that changes something, or wants it otherwise."""
    yield from sites(grid, grid_net, tmp_path)


@pytest.fixture(scope="package")
def make_shared_site(grid: Network, grid_net: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeSite]:
    """`make_shared_site(settings)`: until the package's tests are over."""
    yield from sites(grid, grid_net, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="package")
def shared_site(make_shared_site: MakeSite) -> Site:
    """One for all tests that leave it as it was."""
    return make_shared_site()


@pytest.fixture
def site(shared_site: Site) -> Site:
    """With the defaults, full buckets, and a street whose clock goes."""
    shared_site.steady.now_s += 1000.0
    shared_site.tick()
    return shared_site


@pytest.fixture
def fresh(make_site: MakeSite) -> Site:
    """With the defaults, for this test alone."""
    return make_site()


BODIES: dict[str, dict[str, Any]] = {
    "set_mode": {"mode": Mode.AUTOMATIC.value, "reason": "test"},
    "override": {"signal": "A0", "phase": 1, "for_s": 60.0, "reason": "works"},
    "lift": {"signal": "A0"},
    "propose": {"signal": "A0", "stages": [[1, 30.0], [2, 9.0], [3, 32.0], [4, 8.0]], "reason": "test"},
    "approve": {"proposal": 1},
    "reject": {"proposal": 1},
    "roll_back": {"signal": "A0", "plan": 1},
    "set_controller": {"controller": "webster"},
    "fault": {"kind": "dead_detectors", "share": 0.3},
}
"""A body that fits, for every command."""


@pytest.fixture
def bodies() -> dict[str, dict[str, Any]]:
    """Name of a command → a body that fits."""
    return BODIES
