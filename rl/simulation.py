"""One SUMO run as a sequence of decisions: what training, the environments and validation step through.

Each decision is one `ControlLoop.tick`. An agent must see before it acts, so the link's and the forecaster's answers of a moment
are kept: the tick of the same moment is given the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from rl.action import Wish
from rl.observation import Eyes, Rows
from rl.reward import Outcome, reward
from signals.errors import ConfigError, LinkError
from signals.links.base import ControllerLink
from signals.links.sumo import SumoLink
from signals.loop import ControlLoop, Forecaster
from signals.rules import RULES, Rules, envelope, with_timing
from signals.types import ApprovedPlan, Floats, FlowForecast, Ints, Network, Observation, SafetyEnvelope
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario
from sumo_nets.session import RunFiles, Session, start

NOWHERE = -1
"""Of a vehicle that enters on no approach of a signal."""
See = Callable[[Session], None]
MakeForecaster = Callable[[Scenario, Network], Forecaster]


class NoForecast:
    """A forecaster that knows nothing."""

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        """None, always."""
        return None


class AskedOnce:
    """A link and a forecaster that answer once a moment: who asks again at the same time gets the same answer."""

    def __init__(self, link: ControllerLink, forecaster: Forecaster) -> None:
        self._link, self._forecaster = link, forecaster
        self._observed: Observation | None = None
        self._forecast: FlowForecast | None = None

    def observe(self, now_s: float) -> Observation:
        """The link's observation of this moment."""
        if self._observed is None or self._observed.now_s != now_s:
            self._observed = self._link.observe(now_s)
            self._forecast = self._forecaster.update(now_s, self._observed.counts_veh)
        return self._observed

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        """The forecast made with this moment's counts."""
        self.observe(now_s)
        return self._forecast

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Straight to the link."""
        self._link.push(plans)

    def release(self) -> None:
        """Straight to the link."""
        self._link.release()


@dataclass(frozen=True, slots=True)
class Site:
    """A scenario read once: its network, its limits, and how often it decides."""

    scenario: Scenario
    network: Network
    limits: tuple[SafetyEnvelope, ...]
    decision_s: float

    @property
    def widest(self) -> int:
        """Phases of the signal that has most."""
        return max(len(s.phases) for s in self.network.signals)


def site(scenario: Scenario, rules: str | Rules = "resco") -> Site:
    """Read a scenario's network under these rules, by name with the scenario's own timing; ConfigError for an unknown name."""
    if isinstance(rules, str) and rules not in RULES:
        raise ConfigError(f"rules {rules!r}: expected one of {', '.join(RULES)}")
    kept = with_timing(RULES[rules], scenario.decision_s, scenario.yellow_s) if isinstance(rules, str) else rules
    network = read_network(scenario.net, kept)
    return Site(scenario, network, tuple(envelope(s, kept, scenario.step_s) for s in network.signals), kept.decision_s)


class Simulation:
    """An hour of one scenario under somebody's decisions; lives from `start` to its end or `close`."""

    def __init__(
        self,
        where: Site,
        eyes: Eyes,
        seed: int,
        forecaster: Forecaster,
        files: RunFiles | None = None,
        see: See | None = None,
        backend: str = "libsumo",
    ) -> None:
        """`see` is called after every step; without it, all steps up to the next decision are one call."""
        self.where, self._eyes, self._see = where, eyes, see
        self._session: Session = start(where.scenario, seed, files, backend)
        with self._closed_on_error():
            self._memory = AskedOnce(SumoLink(self._session.sumo, where.network), forecaster)
            self._wish = Wish(eyes.layout, where.limits)
            self._loop = ControlLoop(where.network, where.limits, self._memory, self._wish, self._memory)
            self._entries = entry_edges(where.network)
            self._pending: dict[str, int] = {}

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """A simulation that cannot go on is closed before the error is passed on."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    @property
    def now_s(self) -> float:
        """Simulated time."""
        return self._session.now_s

    @property
    def sumo(self) -> Any:
        """The simulator itself: for whoever measures, not for whoever decides."""
        return self._session.sumo

    @property
    def over(self) -> bool:
        """Whether the hour has passed."""
        return self._session.now_s >= self.where.scenario.end_s

    def observed(self) -> Observation:
        """What the sensors say now."""
        return self._memory.observe(self.now_s)

    def rows(self) -> Rows:
        """What the policy sees now [signal, phase, feature]."""
        with self._closed_on_error():
            observed = self.observed()
            return self._eyes.rows(observed, self._memory.update(self.now_s, observed.counts_veh))

    def decide(self, wanted: Ints) -> Floats:
        """Wish for these phases [signal], and go on to the next decision; what that was worth [signal]."""
        with self._closed_on_error():
            self._wish.wanted = wanted
            self._loop.tick(self.now_s)
            self.go_on()
            return reward(Outcome(self.observed(), self._eyes.layout, self.entering_veh()))

    def go_on(self) -> None:
        """Simulate until the next decision is due, whoever decides."""
        with self._closed_on_error():
            self._go_on(min(self.now_s + self.where.decision_s, self.where.scenario.end_s))

    def _go_on(self, until_s: float) -> None:
        """All steps up to a time: after the first in one call, unless somebody wants to look in between."""
        session = self._session
        while session.now_s < until_s - 1e-6:
            session.advance()
            if self._see is None:
                break
            self._see(session)
        if session.now_s < until_s - 1e-6:
            try:
                session.sumo.simulation.step(until_s)
                session.now_s = session.sumo.simulation.getTime()
            except Exception as error:  # libsumo raises classes of its own
                raise LinkError(f"SUMO failed after {session.now_s:.0f} s: {error}") from error

    def entering_veh(self) -> Floats:
        """Vehicles that are due and wait outside, by the signal their first edge leads to [signal]."""
        waiting = np.zeros(len(self.where.network.signals))
        pending = self._session.sumo.simulation.getPendingVehicles()
        if pending:
            known, route = self._pending, self._session.sumo.vehicle.getRoute
            # Where a vehicle will enter stays the same while it waits: it is asked once.
            self._pending = {v: known[v] if v in known else self._entries.get(route(v)[0], NOWHERE) for v in pending}
            for signal in self._pending.values():
                if signal != NOWHERE:
                    waiting[signal] += 1.0
        return waiting

    def free_flow_left_s(self) -> dict[str, float]:
        """Free-flow time that each unfinished vehicle has before it [s]; ask it before the run is closed, if it is to be measured."""
        return self._session.free_flow_left_s()

    def close(self) -> None:
        """End the run; a second time does nothing."""
        self._session.close()


def entry_edges(network: Network) -> dict[str, int]:
    """Edge -> index of the signal whose approach it is on."""
    edges: dict[str, int] = {}
    for i, signal in enumerate(network.signals):
        for lane in signal.lanes:
            for name in (lane.id, *lane.upstream):
                edges.setdefault(name.rpartition("_")[0], i)
    return edges
