"""The control loop: five statements a tick, the same in training, in a benchmark, in shadow mode and in the street."""

from dataclasses import dataclass
from typing import Protocol

from signals.links.base import ControllerLink
from signals.planners.base import Planner
from signals.safety import adopt, approach, vet
from signals.types import ApprovedPlan, Floats, FlowForecast, Network, SafetyEnvelope, Tick


class Forecaster(Protocol):
    """What the loop needs of a forecaster; `forecasting.base` has the whole protocol."""

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        """Take the counts [movement] since the last call and say what comes; None while nothing is known."""
        ...


@dataclass(slots=True)
class ControlLoop:
    """Holds what is running; everything else is handed in."""

    network: Network
    limits: tuple[SafetyEnvelope, ...]
    link: ControllerLink
    planner: Planner
    forecaster: Forecaster
    running: tuple[ApprovedPlan, ...] = ()

    def tick(self, now_s: float) -> Tick:
        """Observe, forecast, propose, vet, push."""
        if not self.running:
            self.running = adopt(self.network, now_s)
        observed = self.link.observe(now_s)
        forecast = self.forecaster.update(now_s, observed.counts_veh)
        wish = self.planner.propose(self.network, observed, forecast, self.running)
        self.running = vet(approach(wish, self.running, self.limits), self.running, observed, self.network, self.limits)
        self.link.push(self.running)
        return Tick(now_s, observed, forecast, self.running)
