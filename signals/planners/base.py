"""What a planner is: it proposes a plan for every signal at once; safety decides what becomes of the wish."""

from typing import Protocol

from signals.types import ApprovedPlan, FlowForecast, Network, Observation, TimingPlan


class Planner(Protocol):
    """Decides for the whole network; a network of one signal costs nothing."""

    def propose(
        self,
        network: Network,
        observed: Observation,
        forecast: FlowForecast | None,
        running: tuple[ApprovedPlan, ...],
    ) -> tuple[TimingPlan, ...]:
        """One wish a signal, in the order of `network.signals`; returning the running plan means: leave it."""
        ...
