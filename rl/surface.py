"""What all environments share: one hour at a time, seen, acted on and rewarded through named parts.

`Parts` holds the choices; `Surface` runs the hour. The environments only shape what it says into Gymnasium's and PettingZoo's words.
"""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np

from rl import action, reward, views
from rl.action import Action, Situation, lawful, may_choose
from rl.lanes import LaneReader, Lanes, signal_metrics, system_metrics
from rl.observation import Eyes
from rl.reward import Outcome
from rl.simulation import MakeForecaster, NoForecast, Simulation, Site, site
from rl.views import Ground, Moment, Seen
from signals.errors import ConfigError
from signals.rules import Rules
from signals.types import Bools, Floats, Ints
from sumo_nets.scenario import Scenario, check, scenario
from sumo_nets.session import BACKENDS, RunFiles

AUTO = "auto"
SEEDS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Parts:
    """How an hour is seen, acted on and rewarded: names from the tables, or parts handed in."""

    observation: views.Choice = "phase_rows"
    action: str | Action = "next_phase"
    reward: reward.Choice | None = None  # None: rl.reward.DEFAULT
    make_forecaster: MakeForecaster | None = None  # None: no forecast
    max_green: bool = False  # end a green at its maximum also where nobody waits
    metrics: bool = False  # sumo-rl's figures of the network and of each signal in the infos
    backend: str = AUTO  # libsumo, traci, or libsumo unless an hour of another environment runs in this process
    options: tuple[str, ...] = ()  # further words to SUMO


class Holder:
    """Who has this process's one libsumo simulation."""

    def __init__(self) -> None:
        self._whose: weakref.ref[Surface] | None = None
        self._process = -1

    def taken(self, by: Surface) -> bool:
        """Whether another environment's hour runs in it; one that a fork left behind does not count."""
        whose = self._whose() if self._whose is not None and self._process == os.getpid() else None
        return whose is not None and whose is not by and whose.running

    def take(self, by: Surface) -> None:
        """It is this one's from now on."""
        self._whose, self._process = weakref.ref(by), os.getpid()


_LIBSUMO = Holder()


class Surface:
    """Hours of one site under an agent's decisions; lives from `begin` to `begin`."""

    def __init__(self, where: Site, parts: Parts) -> None:
        if parts.backend not in (AUTO, *BACKENDS):
            raise ConfigError(f"backend {parts.backend!r}: expected one of {', '.join((AUTO, *BACKENDS))}")
        self.where, self.parts = where, parts
        self._eyes = Eyes(where.network, where.limits)
        self.ground = Ground(where.network, where.limits, self._eyes.layout)
        self.signals = tuple(s.id for s in where.network.signals)
        self.view, self.action = views.view_of(parts.observation), action.action_of(parts.action)
        self.reward = reward.reward_of(reward.DEFAULT if parts.reward is None else parts.reward, where.network)
        self.choices: Ints = self.action.choices(self._eyes.layout)
        self._reads_rows = "rows" in self.view.reads
        self._reads_lanes = "lanes" in self.view.reads or self.reward.reads_lanes or parts.metrics
        self._simulation: Simulation | None = None
        self._lanes: LaneReader | None = None
        self._moment: Moment | None = None

    @property
    def running(self) -> bool:
        """Whether an hour has begun that was not closed."""
        return self._simulation is not None

    @property
    def simulation(self) -> Simulation:
        """The hour that runs; ConfigError before the first reset and after close."""
        if self._simulation is None:
            raise ConfigError("the environment has not been reset; expected reset before step")
        return self._simulation

    @property
    def moment(self) -> Moment:
        """Now, with what the parts asked for."""
        if self._moment is None:
            raise ConfigError("the environment has not been reset; expected reset before step")
        return self._moment

    def spaces(self, signal: int) -> tuple[Any, Any]:
        """Observation and action space of one signal."""
        return self.view.space(self.ground, signal), gymnasium.spaces.Discrete(int(self.choices[signal]))

    def begin(self, seed: int) -> None:
        """Start the hour anew under this seed of SUMO's."""
        self.close()
        backend = self._backend()
        make = self.parts.make_forecaster
        forecaster = NoForecast() if make is None else make(self.where.scenario, self.where.network)
        self._simulation = Simulation(self.where, self._eyes, seed, forecaster, RunFiles(options=self.parts.options), backend=backend)
        if backend == "libsumo":
            _LIBSUMO.take(self)
        self._lanes = LaneReader(self._simulation.sumo, self.where.network) if self._reads_lanes else None
        self._look()

    def _backend(self) -> str:
        """libsumo holds one simulation a process, and a second start would end the first without a word."""
        if self.parts.backend == "libsumo" and _LIBSUMO.taken(self):
            raise ConfigError("backend 'libsumo': another environment's hour runs in this process; close it or take 'traci'")
        if self.parts.backend == AUTO:
            return "traci" if _LIBSUMO.taken(self) else "libsumo"
        return self.parts.backend

    def _look(self) -> None:
        simulation = self.simulation
        observed = simulation.observed()
        may = may_choose(observed, self._eyes.layout, self.where.limits, self.parts.max_green)
        rows = simulation.rows() if self._reads_rows else None
        self._moment = Moment(self.ground, observed, may, rows, self._lanes.read() if self._lanes else None)

    def moment_with_rows(self) -> Moment:
        """Now, with the policy's rows, whoever asks for them."""
        if self.moment.rows is None:
            self._moment = replace(self.moment, rows=self.simulation.rows())
        return self.moment

    def lanes(self) -> Lanes:
        """The stop lanes now; ConfigError where no part asks for them."""
        return views.lanes_read(self.moment)

    @property
    def situation(self) -> Situation:
        """The moment in which is chosen."""
        return Situation(self.moment.observed, self._eyes.layout, self.moment.may)

    def seen(self, signal: int) -> Seen:
        """What one signal sees now."""
        return self.view.seen(self.moment, signal)

    def mask(self) -> Bools:
        """Which choices are open now [signal, choice]."""
        return self.action.mask(self.situation)

    def wanted(self, choice: object) -> Ints:
        """The phases that choices mean [signal]; ConfigError where one is none."""
        return self.action.wanted(action.checked(choice, self.choices, self.signals), self.situation)

    def go(self, wanted: Ints | None) -> Floats:
        """On to the next decision, with these phases wanted, or with nothing said (None); what that was worth [signal]."""
        before, simulation = self.moment, self.simulation
        if wanted is None:
            simulation.go_on()
        else:
            simulation.decide(lawful(wanted, self.situation))
        self._look()
        now = self.moment
        return self.reward(Outcome(now.observed, self._eyes.layout, simulation.entering_veh(), before.observed, now.lanes, before.lanes))

    def metrics(self) -> dict[str, float]:
        """sumo-rl's figures of the network and of each signal now; empty where they were not asked for."""
        if not self.parts.metrics:
            return {}
        return {**system_metrics(self.simulation.sumo), **signal_metrics(self.lanes(), self.signals)}

    def close(self) -> None:
        """End the hour; a second time does nothing."""
        if self._simulation is not None:
            self._simulation.close()
        self._simulation = self._lanes = self._moment = None


def found(scenario_or_name: Scenario | str, rules: str | Rules) -> Site:
    """A scenario or a catalogue name, read under these rules."""
    one = scenario(scenario_or_name) if isinstance(scenario_or_name, str) else scenario_or_name
    return site(check(one), rules)


def drawn_seed(generator: np.random.Generator) -> int:
    """A seed for SUMO."""
    return int(generator.integers(SEEDS))
