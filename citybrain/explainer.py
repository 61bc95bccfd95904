"""A planner with a voice: it proposes what the planner inside proposes, and says why in one sentence per new plan.

Wrap a planner, hand it to the control loop, and show it every tick afterwards. The sentences come from `signals.explain`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from citybrain.assemble import nearest
from citybrain.output import write_text
from citybrain.plan_sheet import sheet
from citybrain.planning import alternatives
from signals import explain
from signals.errors import ConfigError
from signals.layout import lay_out
from signals.planners.base import Planner
from signals.planners.groups import groups_of
from signals.planners.sequence import overdue
from signals.types import ApprovedPlan, Floats, FlowForecast, Ints, Network, Observation, SafetyEnvelope, Tick, TimingPlan

Values = Callable[[Observation, FlowForecast | None], Floats]
PRICED = {"costs_s": "price", "pressures": "pressure"}
"""Methods in which planners tell what a phase is worth to them [signal, phase], and what such a value is called."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Why one signal does what it does from now on."""

    now_s: float
    signal: str
    sentence: str


class Explainer:
    """Holds the planner, what its phases were worth at the last proposal, and the sentences so far."""

    def __init__(
        self,
        network: Network,
        limits: tuple[SafetyEnvelope, ...],
        planner: Planner,
        language: str = "en",
        arms: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """`arms`: by signal, better names of its approaches. ConfigError for a language without words."""
        if language not in explain.WORDS:
            raise ConfigError(f"language {language!r}: no such language; {nearest(language, explain.WORDS)}")
        self.sentences: list[Sentence] = []
        self._network, self._limits, self._planner, self._language = network, limits, planner, language
        self._layout = lay_out(network)
        self._names = tuple(explain.movement_names(s, language, dict((arms or {}).get(s.id, {}))) for s in network.signals)
        self._arms = {s.id: dict((arms or {}).get(s.id, {})) for s in network.signals}
        self._kind, self._values_of = values_of(planner)
        self._values = np.zeros((0, 0))
        self._running: tuple[ApprovedPlan, ...] = ()
        self._neighbours = {
            i: ", ".join(network.signals[k].id for k in group.signals if k != i) for group in groups_of(network) for i in group.signals
        }

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """The planner's wish; what its phases are worth is asked before it decides."""
        self.weigh(observed, forecast, running)
        return self._planner.propose(network, observed, forecast, running)

    def weigh(self, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]) -> None:
        """Ask what the phases are worth now, with these plans running."""
        self._running = running
        if self._values_of is not None:
            self._values = self._values_of(observed, forecast)

    def sentence(self, i: int, tick: Tick) -> str:
        """Why signal `i` does what it does at this tick; `weigh` comes first."""
        return self._sentence(i, tick, tick.plans[i], overdue(tick.observed, self._layout, self._limits))

    def see(self, tick: Tick) -> list[Sentence]:
        """Sentences of this tick: one for every signal with a new plan, and for every wish that was refused."""
        forced = overdue(tick.observed, self._layout, self._limits)
        found = [
            Sentence(tick.now_s, plan.plan.signal, self._sentence(i, tick, plan, forced))
            for i, (plan, before) in enumerate(zip(tick.plans, self._running, strict=True))
            if plan.plan is not before.plan or plan.objections
        ]
        self.sentences += found
        return found

    def write(self, path: Path) -> None:
        """All sentences as JSON lines; ConfigError where that cannot be written."""
        rows = ({"time_s": s.now_s, "signal": s.signal, "sentence": s.sentence} for s in self.sentences)
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def _sentence(self, i: int, tick: Tick, approved: ApprovedPlan, forced: Ints) -> str:
        first = int(self._layout.movement_start[i])
        seen = explain.moment(self._network.signals[i], i, first, tick.observed, self._names[i], self._language)
        if approved.objections:
            return explain.explain_refusal(seen, approved.objections[0].sentence)
        if approved.plan.repeats:
            return self._repeating(i, first, tick.forecast, approved)
        limit, chosen = self._limits[i], chosen_phase(approved.plan, seen.phase, int(forced[i]))
        if chosen == forced[i] and chosen != seen.phase:
            return explain.explain_forced(seen, chosen, limit.max_red_s, limit.max_green_s)
        if not seen.age_s >= limit.min_green_s[seen.phase]:
            return explain.explain_hold(seen, float(limit.min_green_s[seen.phase]))
        if self._values_of is None:
            return explain.explain_queues(seen, chosen)
        values = self._values[i, : len(seen.signal.phases)]
        return explain.explain_choice(seen, values, chosen, self._kind, self._neighbours.get(i, ""))

    def _repeating(self, i: int, first: int, forecast: FlowForecast | None, approved: ApprovedPlan) -> str:
        """A repeating plan, by the flows that the forecast expects; a movement that nobody forecasts carries none."""
        signal, flow_veh_h = self._network.signals[i], np.zeros(len(self._network.signals[i].movements))
        if forecast is not None:
            flow_veh_h = np.nan_to_num(forecast.flow_veh_h[0, first : first + flow_veh_h.size])
        others = alternatives(signal, self._limits[i], flow_veh_h, approved.plan)
        reasons = sheet(signal, approved, flow_veh_h, others).reasons(self._language, self._arms[signal.id])
        return explain.explain_plan(reasons, self._language)


def values_of(planner: Planner) -> tuple[str, Values | None]:
    """What the planner's phases are worth to it, and what that is called; None where it does not tell."""
    for method, kind in PRICED.items():
        found: Values | None = getattr(planner, method, None)
        if callable(found):  # a planner may keep another one under that name
            return kind, found
    return "price", None


def chosen_phase(plan: TimingPlan, running: int, forced: int) -> int:
    """The phase that a sequence is for: its first, or the forced one that follows the rest of a minimum green."""
    phases = [stage.phase for stage in plan.stages[:2]]
    return forced if forced in phases and forced != running else phases[0]
