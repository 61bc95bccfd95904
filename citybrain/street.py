"""The loop against a SUMO that someone else started: join by TraCI port, steer, and let go safely."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from citybrain import assemble
from citybrain.clock import Clock, SimClock, WallClock
from citybrain.forecasts import Silent, movement_names
from citybrain.journal import Journal
from forecasting.online import OnlineForecaster
from forecasting.succession import forecaster_in
from signals.errors import ConfigError, LinkError
from signals.links.base import ControllerLink
from signals.links.sumo import SumoLink
from signals.loop import ControlLoop, Forecaster
from signals.rules import envelope
from signals.types import Network, Tick
from sumo_nets.network import read_network
from sumo_nets.session import Session, attach


@dataclass(frozen=True, slots=True)
class StreetSpec:
    """Where the street is and how to steer it. `until_s` 0: until SUMO ends; `journal` empty: none is kept."""

    net: str
    port: int
    host: str = "127.0.0.1"
    order: int = 1
    controller: str = "learned"
    rules: str = "street"
    forecast: str = "last"
    clock: str = "sim"
    speed: float = 1.0
    until_s: float = 0.0
    journal: str = ""


@dataclass(slots=True)
class Stop:
    """Asked at every step; a signal handler may set it. (An exception in the midst of an exchange with SUMO would garble it.)"""

    asked: bool = False


def steer(spec: StreetSpec, seen: Callable[[Tick], None], stop: Stop) -> int:
    """Run the loop until its end; the number of ticks. Signals are released to their base plan whatever happens."""
    if spec.clock not in ("sim", "wall"):
        raise ConfigError(f"clock {spec.clock!r}: expected sim or wall")
    if not 0.0 < spec.speed < float("inf"):
        raise ConfigError(f"speed {spec.speed}: expected a number above 0, of simulated seconds a second")
    rules = assemble.rules(spec.rules)
    network = read_network(Path(spec.net), rules)
    limits = tuple(envelope(s, rules) for s in network.signals)
    planner = assemble.planner(spec.controller, network, limits)
    forecaster = street_forecaster(spec.forecast, network)
    with attach(spec.port, spec.host, spec.order) as session, kept(spec.journal, network) as journal:
        link = SumoLink(session.sumo, network)
        loop = ControlLoop(network, limits, link, planner, forecaster)
        clock: Clock = WallClock(session.now_s, spec.speed) if spec.clock == "wall" else SimClock()
        try:
            return _drive(session, loop, clock, rules.decision_s, spec.until_s or session.end_s, journal, seen, stop)
        finally:
            let_go(link)


def kept(journal: str, network: Network) -> AbstractContextManager[Journal | None]:
    """The journal of that name, open; None where none is wanted."""
    return Journal(Path(journal), network) if journal else nullcontext()


def let_go(link: ControllerLink) -> None:
    """Release the signals; a street that has ended has none to release."""
    try:
        link.release()
    except LinkError:
        return


def street_forecaster(name: str, network: Network) -> Forecaster:
    """A street of others has no earlier days here: a stored model, the recent mean, or none."""
    if name == "none":
        return Silent()
    if name == "last":
        return OnlineForecaster(movement_names(network))
    return OnlineForecaster(movement_names(network), forecaster_in(Path(name)))


def _drive(
    session: Session,
    loop: ControlLoop,
    clock: Clock,
    decision_s: float,
    until_s: float,
    journal: Journal | None,
    seen: Callable[[Tick], None],
    stop: Stop,
) -> int:
    ticks, next_s = 0, session.now_s
    while session.now_s < until_s and not stop.asked:
        if session.now_s >= next_s:
            tick = loop.tick(session.now_s)
            ticks, next_s = ticks + 1, session.now_s + decision_s
            if journal is not None:
                journal.append(tick)
            seen(tick)
        clock.wait_until(session.now_s + 1.0)
        session.advance()
    return ticks
