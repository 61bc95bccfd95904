"""The city brain as an API: many data sources in, one model a scenario, predict, decide, dispatch.

A scenario is a plug-in (`Scenario`): "traffic" is the first. `traffic_light_optimization` is the whole idea in five lines.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from citybrain.assemble import nearest
from signals.errors import ConfigError
from signals.types import FlowForecast, Network, Observation, TimingPlan

SCENARIOS = {"traffic": "citybrain.scenarios.traffic:Traffic"}
"""Name -> module:Class of the scenarios that ship; `CityBrain.register` adds others."""


class Source(Protocol):
    """Where data come from: a street, a feed, a replay."""

    name: str

    def read(self) -> Observation | None:
        """The newest observation; None while there is nothing new."""
        ...


@dataclass(frozen=True, slots=True)
class Card:
    """What was learned for a scenario, and of which data."""

    scenario: str
    model: str
    detectors: int
    bins: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What a scenario makes of the present: the forecast, and an event for each thing to be done."""

    scenario: str
    now_s: float
    forecast: FlowForecast | None
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be done, for a scenario to dispatch. `plan`: a signal's; `about`: what another scenario needs."""

    scenario: str
    kind: str
    now_s: float
    signal: str = ""
    plan: TimingPlan | None = None
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What became of an event."""

    accepted: bool
    sentence: str


class Scenario(Protocol):
    """A plug-in: how one matter of the city is learned, foreseen and handled."""

    def train(self, data: Any) -> Card:
        """Learn from data of the past; ConfigError or ForecastError where they cannot be used."""
        ...

    def predict(self, realtime: Observation) -> Decision:
        """What comes, and what is to be done about it."""
        ...

    def dispatch(self, event: Event) -> Dispatched:
        """Do it."""
        ...


class CityBrain:
    """Holds the sources and the scenarios' models; everything else is handed in."""

    def __init__(self, network: Network, **settings: Any) -> None:
        """`settings` are handed to each scenario that is used: for traffic rules, controller and link."""
        self.network, self._settings = network, settings
        self._sources: list[Source] = []
        self._scenarios: dict[str, Scenario] = {}
        self._made: dict[str, Callable[..., Scenario]] = {}

    def register(self, name: str, make: Callable[..., Scenario]) -> None:
        """Add a scenario of one's own: called with the network and the settings when it is first used."""
        self._made[name] = make

    def add_data_source(self, source: Source) -> None:
        """Read from here too; of several, the newest observation counts."""
        if any(one.name == source.name for one in self._sources):
            raise ConfigError(f"data source {source.name!r}: there is one of that name already")
        self._sources.append(source)

    def train_model(self, scenario: str, data: Any) -> Card:
        """Have a scenario learn."""
        return self.scenario(scenario).train(data)

    def realtime(self) -> Observation:
        """The newest observation of all sources; ConfigError where none has anything."""
        seen = [one for one in (source.read() for source in self._sources) if one is not None]
        if not seen:
            raise ConfigError(f"no data from {len(self._sources)} sources; expected at least one observation")
        return max(seen, key=lambda one: one.now_s)

    def predict(self, scenario: str, realtime: Observation | None = None) -> Decision:
        """What a scenario foresees and would do, from this observation or the sources' newest."""
        return self.scenario(scenario).predict(self.realtime() if realtime is None else realtime)

    def dispatch(self, event: Event) -> Dispatched:
        """Have an event's scenario do it."""
        return self.scenario(event.scenario).dispatch(event)

    def scenario(self, name: str) -> Scenario:
        """The scenario of a name, made when it is first asked for; ConfigError with the nearest name."""
        if name not in self._scenarios:
            self._scenarios[name] = self._maker(name)(self.network, **self._settings)
        return self._scenarios[name]

    def _maker(self, name: str) -> Callable[..., Scenario]:
        if name in self._made:
            return self._made[name]
        if name not in SCENARIOS:
            raise ConfigError(f"scenario {name!r}: no such scenario; {nearest(name, [*SCENARIOS, *self._made])}")
        module, _, attribute = SCENARIOS[name].partition(":")
        made: Callable[..., Scenario] = getattr(importlib.import_module(module), attribute)
        return made


def traffic_light_optimization(brain: CityBrain, source: Source, history: Any) -> list[Dispatched]:
    """The concept: data in, a model, a look ahead, plans out."""
    brain.add_data_source(source)
    brain.train_model("traffic", history)
    decision = brain.predict("traffic")
    return [brain.dispatch(event) for event in decision.events]
