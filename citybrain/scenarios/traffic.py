"""Traffic signals as a scenario: the forecaster learns flows, the planner decides, safety judges, the link is told.

The same parts as in the service and in a benchmark, one call at a time: for notebooks, trials, and other programs.
"""

from __future__ import annotations

from pathlib import Path

from citybrain import assemble
from citybrain.brain import Card, Decision, Dispatched, Event
from citybrain.forecasts import movement_names
from forecasting.history import FlowHistory, read
from forecasting.models import fit_forecaster
from forecasting.online import OnlineForecaster
from signals.errors import ConfigError, LinkError
from signals.links.base import ControllerLink
from signals.rules import envelope
from signals.safety import adopt, approach, vet
from signals.types import ApprovedPlan, FlowForecast, Network, Observation

PLAN = "plan"


class Traffic:
    """Lives as long as its brain; holds what runs."""

    def __init__(
        self, network: Network, *, link: ControllerLink, rules: str = "street", controller: str = "learned", model: str = "ridge"
    ) -> None:
        self._network, self._link, self._model = network, link, model
        chosen = assemble.rules(rules)
        self._limits = tuple(envelope(s, chosen) for s in network.signals)
        self._planner = assemble.planner(controller, network, self._limits)
        self._names = movement_names(network)
        self._forecaster = OnlineForecaster(self._names, recalls=2)
        self._running: tuple[ApprovedPlan, ...] = ()
        self._index = {s.id: i for i, s in enumerate(network.signals)}
        self._seen: Observation | None = None

    def train(self, data: FlowHistory | Path) -> Card:
        """Fit the forecaster on counts of the past: a history, or a table with one column a movement."""
        history = read(data) if isinstance(data, Path) else data
        if history.detectors != self._names:
            raise ConfigError(
                f"traffic: a history of {len(history.detectors)} detectors; expected the network's {len(self._names)} movements"
            )
        fitted = fit_forecaster(history, self._model)
        self._forecaster = OnlineForecaster(self._names, fitted, recalls=2)
        return Card("traffic", self._model, len(self._names), history.bins)

    def predict(self, realtime: Observation) -> Decision:
        """The next 15 minutes, and a plan for every signal whose plan should change."""
        if not self._running:
            self._running = adopt(self._network, realtime.now_s)
        forecast: FlowForecast | None = self._forecaster.update(realtime.now_s, realtime.counts_veh)
        wish = self._planner.propose(self._network, realtime, forecast, self._running)
        self._seen = realtime
        events = tuple(
            Event("traffic", PLAN, realtime.now_s, plan.signal, plan)
            for plan, before in zip(wish, self._running, strict=True)
            if plan is not before.plan
        )
        return Decision("traffic", realtime.now_s, forecast, events)

    def dispatch(self, event: Event) -> Dispatched:
        """Have safety judge a plan, and push it; a plan that is refused leaves the running one in force."""
        if event.kind != PLAN or event.plan is None or event.signal not in self._index:
            raise ConfigError(f"traffic: event {event.kind!r} of signal {event.signal!r}; expected a plan of one of its signals")
        if self._seen is None or not self._running:
            raise ConfigError("traffic: a plan to dispatch before anything was observed; expected predict to come first")
        i = self._index[event.signal]
        wish = tuple(event.plan if k == i else one.plan for k, one in enumerate(self._running))
        self._running = vet(approach(wish, self._running, self._limits), self._running, self._seen, self._network, self._limits)
        if self._running[i].objections:
            return Dispatched(False, self._running[i].objections[0].sentence)
        try:
            self._link.push(self._running)
        except LinkError as error:
            return Dispatched(False, str(error))
        stages = ", ".join(f"phase {s.phase + 1} for {s.green_s:g} s" for s in self._running[i].plan.stages)
        return Dispatched(True, f"{event.signal}: {stages}")
