"""What may differ from one training episode to the next: demand, sensors, timing. All off by default; the seed draws.

Topology varies by the list of scenarios: `sumo_nets.generated` makes grids and arterials to add to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from rl.simulation import Site, site
from signals.errors import ConfigError
from signals.links.detectors import KINDS, Detector, Listener
from signals.rules import RULES
from signals.types import Network
from sumo_nets.scenario import Scenario

T = TypeVar("T")
STREAM = 11  # keeps these draws apart from every other use of an episode's seed


class Street(Protocol):
    """The detectors of an episode, and what listens to them."""

    @property
    def detectors(self) -> tuple[Detector, ...]:
        """Where they stand: SUMO is started with them."""
        ...

    def listener(self, sumo: object, network: Network) -> Listener:
        """What reads them."""
        ...


MakeStreet = Callable[[str, float, int, Network, Path], Street | None]
"""Kind of sensing, share of silent detectors, seed, network, net file -> its detectors; None for ideal sensing."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One episode's draw; the defaults leave the scenario as it is."""

    demand: float = 1.0
    decision_s: float | None = None
    yellow_s: float | None = None
    sensing: str = "ideal"
    sensor_faults: float = 0.0

    @property
    def as_given(self) -> bool:
        """Whether the scenario runs as it is: only then do its delays compare with others'."""
        return self == Drawn()


@dataclass(frozen=True, slots=True)
class Variety:
    """Ranges to draw from; an empty one leaves the scenario's own."""

    demand: tuple[float, ...] = ()  # least and greatest factor
    decision_s: tuple[float, ...] = ()  # one of them; under rules that let a scenario choose
    yellow_s: tuple[float, ...] = ()  # one of them
    sensing: tuple[str, ...] = ()  # one of them; naming one twice doubles its chance
    sensor_faults: float = 0.0  # greatest share of silent detectors, where there are any

    def drawn(self, seed: int) -> Drawn:
        """The draw of an episode."""
        rng = np.random.default_rng((seed, STREAM))
        demand, decision, yellow, kind, faults = rng.random(5)  # each has its own number: switching one on moves no other
        sensing = _one(self.sensing, kind) or "ideal"
        return Drawn(
            demand=round(float(np.interp(demand, (0.0, 1.0), self.demand)), 3) if self.demand else 1.0,
            decision_s=_one(self.decision_s, decision),
            yellow_s=_one(self.yellow_s, yellow),
            sensing=sensing,
            sensor_faults=0.0 if sensing == "ideal" else round(float(faults) * self.sensor_faults, 3),
        )

    def check(self, rules: str) -> None:
        """ConfigError where these ranges cannot be drawn from."""
        if self.demand and not (len(self.demand) == 2 and 0.0 < self.demand[0] <= self.demand[1] < float("inf")):
            raise ConfigError(f"train: demand {list(self.demand)}; expected the least and the greatest factor, above 0")
        if self.decision_s and rules != "resco":
            raise ConfigError(f"train: decision_s varies under rules resco only; {rules!r} has its own")
        if self.yellow_s and (rules in RULES and RULES[rules].yellow_s is None):
            raise ConfigError(f"train: yellow_s cannot vary under rules {rules!r}: it follows from the speed")
        # Minimum green is the rest of the interval: a yellow as long as it would leave none.
        if not all(0.0 < yellow < decision for decision in self.decision_s or (5.0,) for yellow in self.yellow_s or (2.0,)):
            raise ConfigError(
                f"train: decision_s {list(self.decision_s)}, yellow_s {list(self.yellow_s)}; expected a yellow above 0 within each interval"
            )
        wrong = [kind for kind in self.sensing if kind not in KINDS]
        if wrong:
            raise ConfigError(f"train: sensing {wrong[0]!r}; expected some of {', '.join(KINDS)}")
        if not 0.0 <= self.sensor_faults <= 1.0:
            raise ConfigError(f"train: sensor_faults is {self.sensor_faults}; expected a share from 0 to 1")


def varied(where: Site, drawn: Drawn, rules: str) -> Site:
    """The site under the drawn timing; itself where nothing of it differs."""
    if drawn.decision_s is None and drawn.yellow_s is None:
        return where
    own: Scenario = where.scenario
    timed = replace(own, decision_s=drawn.decision_s or own.decision_s, yellow_s=drawn.yellow_s or own.yellow_s)
    return site(timed, rules)


def _one(choices: tuple[T, ...], chance: float) -> T | None:
    return choices[int(chance * len(choices))] if choices else None
