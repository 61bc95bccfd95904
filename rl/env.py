"""Gymnasium environments over SUMO: `SignalEnv` for one signal, `SignalsEnv` for all of them with PettingZoo's parallel interface.

Both step through the same control loop as the street does; an action is a wish that safety may refuse. The hour ends by truncation.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from rl import features
from rl.observation import Eyes, Rows, allowed
from rl.simulation import MakeForecaster, NoForecast, Simulation, Site, site
from signals.errors import ConfigError
from signals.planners.rolling_horizon import cheapest
from signals.types import Floats
from sumo_nets.scenario import Scenario, check, scenario

SEEDS = 2**31 - 1

Mask = npt.NDArray[np.int8]
"""[phase] 1 where it may be chosen now: what `Discrete.sample(mask)` takes"""


def found(scenario_or_name: Scenario | str, rules: str) -> Site:
    """A scenario or a catalogue name, read under these rules."""
    one = scenario(scenario_or_name) if isinstance(scenario_or_name, str) else scenario_or_name
    return site(check(one), rules)


class SignalEnv(gymnasium.Env[Rows, np.int64]):  # type: ignore[misc]
    """One signal decides; the others of the network, if any, follow the lookahead's prices."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  gymnasium reads it from the class

    def __init__(
        self,
        scenario: Scenario | str = "resco/cologne1",
        signal: str | None = None,
        rules: str = "resco",
        make_forecaster: MakeForecaster | None = None,
        render_mode: None = None,
    ) -> None:
        """`signal`: its id; None: the network's first. `make_forecaster`: None for no forecast."""
        self.render_mode = render_mode
        self._site = found(scenario, rules)
        self._eyes = Eyes(self._site.network, self._site.limits)
        self._make_forecaster = make_forecaster
        names = [s.id for s in self._site.network.signals]
        if signal is not None and signal not in names:
            raise ConfigError(f"signal {signal!r}: {self._site.scenario.name} has {', '.join(names)}")
        self._at = 0 if signal is None else names.index(signal)
        phases = int(self._eyes.layout.phases[self._at])
        self.observation_space, self.action_space = spaces(phases)
        self._simulation: Simulation | None = None
        self._rows = np.zeros((len(names), self._site.widest, features.WIDTH), dtype=np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Rows, dict[str, Any]]:
        """Start the hour anew; the simulation's seed is drawn from the environment's generator."""
        super().reset(seed=seed)
        self.close()
        forecaster = forecaster_of(self._make_forecaster, self._site)
        self._simulation = Simulation(self._site, self._eyes, int(self.np_random.integers(SEEDS)), forecaster)
        self._rows = self._simulation.rows()
        return self._seen(), self._info()

    def step(self, action: np.int64 | int) -> tuple[Rows, float, bool, bool, dict[str, Any]]:
        """Wish for a phase and go on to the next decision."""
        simulation = running(self._simulation)
        costs_s = np.where(allowed(self._rows), self._rows[..., features.EXCESS], np.nan)
        wanted = cheapest(costs_s.astype(np.float64), simulation.observed().phase)
        wanted[self._at] = action
        gained = simulation.decide(wanted)
        self._rows = simulation.rows()
        return self._seen(), float(gained[self._at]), False, simulation.over, self._info()

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Which phases may be chosen now [phase]."""
        return allowed(self._seen())

    def _seen(self) -> Rows:
        return self._rows[self._at, : self._eyes.layout.phases[self._at]]

    def _info(self) -> dict[str, Any]:
        return {"now_s": running(self._simulation).now_s, "action_mask": self.action_masks().astype(np.int8)}

    def close(self) -> None:
        """End the simulation; a second time does nothing."""
        if self._simulation is not None:
            self._simulation.close()
            self._simulation = None


class SignalsEnv:
    """Every signal is an agent with its own number of phases: PettingZoo's parallel interface, without depending on it."""

    metadata: dict[str, Any] = {"name": "citybrain_signals_v0", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012
    render_mode = None

    def __init__(
        self,
        scenario: Scenario | str = "resco/cologne8",
        rules: str = "resco",
        make_forecaster: MakeForecaster | None = None,
    ) -> None:
        self._site = found(scenario, rules)
        self._eyes = Eyes(self._site.network, self._site.limits)
        self._make_forecaster = make_forecaster
        self.possible_agents = [s.id for s in self._site.network.signals]
        self.agents: list[str] = []
        sizes = self._eyes.layout.phases.tolist()
        both = {agent: spaces(n) for agent, n in zip(self.possible_agents, sizes, strict=True)}
        self.observation_spaces = {agent: one[0] for agent, one in both.items()}
        self.action_spaces = {agent: one[1] for agent, one in both.items()}
        self._sizes = dict(zip(self.possible_agents, sizes, strict=True))
        self._rng = np.random.default_rng()
        self._simulation: Simulation | None = None

    @property
    def unwrapped(self) -> SignalsEnv:
        """Itself: nothing is wrapped around it."""
        return self

    @property
    def num_agents(self) -> int:
        """Signals that take part now."""
        return len(self.agents)

    @property
    def max_num_agents(self) -> int:
        """Signals of the network."""
        return len(self.possible_agents)

    def observation_space(self, agent: str) -> Any:
        """Of one signal: [phase, feature]."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """Of one signal: the index of a phase."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Rows], dict[str, dict[str, Mask]]]:
        """Start the hour anew: observations and infos by signal."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self.close()
        forecaster = forecaster_of(self._make_forecaster, self._site)
        self._simulation = Simulation(self._site, self._eyes, int(self._rng.integers(SEEDS)), forecaster)
        self.agents = list(self.possible_agents)
        return self._told(self._simulation.rows())

    def step(
        self, actions: dict[str, int]
    ) -> tuple[dict[str, Rows], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Mask]]]:
        """One decision of every signal: observations, rewards, terminations, truncations, infos."""
        simulation = running(self._simulation)
        gained: Floats = simulation.decide(np.array([actions[agent] for agent in self.possible_agents], dtype=np.int64))
        seen, infos = self._told(simulation.rows())
        rewards = dict(zip(self.possible_agents, gained.tolist(), strict=True))
        over = simulation.over
        if over:
            self.agents = []
        everyone = self.possible_agents
        return seen, rewards, dict.fromkeys(everyone, False), dict.fromkeys(everyone, over), infos

    def _told(self, rows: Rows) -> tuple[dict[str, Rows], dict[str, dict[str, Mask]]]:
        seen = {agent: rows[i, : self._sizes[agent]] for i, agent in enumerate(self.possible_agents)}
        return seen, {agent: {"action_mask": allowed(row).astype(np.int8)} for agent, row in seen.items()}

    def render(self) -> None:
        """Nothing to look at: see the web pages, or sumo-gui."""

    def close(self) -> None:
        """End the simulation; a second time does nothing."""
        if self._simulation is not None:
            self._simulation.close()
            self._simulation = None


def spaces(phases: int) -> tuple[Any, Any]:
    """Spaces of a signal with this many phases: rows of features in, the next phase out."""
    seen = gymnasium.spaces.Box(0.0, features.LARGEST, (phases, features.WIDTH), np.float32)
    return seen, gymnasium.spaces.Discrete(phases)


def forecaster_of(make: MakeForecaster | None, where: Site) -> Any:
    """The forecaster of a new episode."""
    return NoForecast() if make is None else make(where.scenario, where.network)


def running(simulation: Simulation | None) -> Simulation:
    """The simulation, or ConfigError where there is none to step."""
    if simulation is None:
        raise ConfigError("the environment has not been reset; expected reset before step")
    return simulation
