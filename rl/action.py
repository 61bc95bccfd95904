"""What the policy does: it names the next phase of every signal. How and when the lights change is not its choice.

`ACTIONS` is the table. The wish passes through the same sequence maker and the same safety check as every planner's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl import features
from rl.observation import Rows
from signals.layout import Layout
from signals.planners.sequence import sequences
from signals.types import ApprovedPlan, FlowForecast, Ints, Network, Observation, SafetyEnvelope, TimingPlan


@dataclass(frozen=True, slots=True)
class Action:
    """One part of an action."""

    name: str
    axes: str
    unit: str
    about: str


ACTIONS = (
    Action(
        "next_phase",
        "[signal]",
        "index into Intersection.phases",
        "the phase to be green next; the running one: hold it",
    ),
)


def best_phases(scores: Rows, phase: Ints) -> Ints:
    """Phase of the highest score [signal]; the running one where it is as good."""
    at = np.arange(len(phase))
    best = scores.argmax(axis=1)
    stay = scores[at, phase] >= scores[at, best] - 1e-6
    return np.where(stay, phase, best)


def resting(wanted: Ints, phase: Ints, rows: Rows) -> Ints:
    """The running phase where the lookahead sees nothing to choose between [signal]: at an empty junction the lights rest."""
    idle = rows[..., features.EXCESS].max(axis=1) <= 0.0
    return np.where(idle, phase, wanted)


class Wish:
    """A planner whose wish is the action that it was given: the way of an agent in training into the control loop."""

    def __init__(self, layout: Layout, limits: tuple[SafetyEnvelope, ...]) -> None:
        self._layout = layout
        self._limits = limits
        self.wanted: Ints = np.zeros(len(limits), dtype=np.int64)

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """One plan a signal towards `wanted`."""
        return sequences(network, self._layout, observed, self._limits, self.wanted, running)
