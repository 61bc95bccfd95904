"""Fixed time: every signal keeps its base plan. The row that comparisons start from, and what a lost centre leaves."""

from signals.types import ApprovedPlan, FlowForecast, Network, Observation, SafetyEnvelope, TimingPlan


class FixedTime:
    """Proposes the plan that each cabinet runs on its own."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
        self.base = tuple(signal.base for signal in network.signals)

    def propose(
        self,
        network: Network,
        observed: Observation,
        forecast: FlowForecast | None,
        running: tuple[ApprovedPlan, ...],
    ) -> tuple[TimingPlan, ...]:
        """The base plans; where one runs already, that very plan."""
        return tuple(one.plan if one.plan == base else base for one, base in zip(running, self.base, strict=True))
