"""All signals of a network as agents: PettingZoo's parallel interface, usable without PettingZoo, a `ParallelEnv` where it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from rl import reward, views
from rl.action import Action
from rl.env import check_undrawn
from rl.simulation import MakeForecaster
from rl.surface import AUTO, Parts, Surface, drawn_seed, found
from rl.views import Seen
from signals.errors import ConfigError
from signals.rules import Rules
from sumo_nets.scenario import Scenario

Infos = dict[str, dict[str, Any]]
Base: Any = import_module("pettingzoo").ParallelEnv if find_spec("pettingzoo") is not None else object


class SignalsEnv(Base):  # type: ignore[misc]
    """Every signal is an agent with its own number of choices. All decide at the same moments."""

    metadata: dict[str, Any] = {"name": "citybrain_signals_v0", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012
    render_mode = None

    def __init__(
        self,
        scenario: Scenario | str = "resco/cologne8",
        rules: str | Rules = "resco",
        make_forecaster: MakeForecaster | None = None,
        render_mode: str | None = None,
        *,
        observation: views.Choice = "phase_rows",
        action: str | Action = "next_phase",
        reward: reward.Choice | None = None,
        metrics: bool = False,
        backend: str = AUTO,
    ) -> None:
        """`make_forecaster`: None for no forecast. The rest: see `rl.surface.Parts`."""
        check_undrawn(render_mode)
        parts = Parts(observation, action, reward, make_forecaster, metrics=metrics, backend=backend)
        self._surface = Surface(found(scenario, rules), parts)
        self.possible_agents = list(self._surface.signals)
        self.agents: list[str] = []
        both = {agent: self._surface.spaces(i) for i, agent in enumerate(self.possible_agents)}
        self.observation_spaces = {agent: one[0] for agent, one in both.items()}
        self.action_spaces = {agent: one[1] for agent, one in both.items()}
        self._rng = np.random.default_rng()

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
        """Of one signal."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """Of one signal."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Seen], Infos]:
        """Start the hour anew: observations and infos by signal."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self._surface.begin(drawn_seed(self._rng))
        self.agents = list(self.possible_agents)
        return self._told()

    def step(self, actions: Mapping[str, int]) -> tuple[dict[str, Seen], dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """One decision of every signal: observations, rewards, terminations, truncations, infos."""
        surface, everyone = self._surface, self.possible_agents
        if not self.agents:
            raise ConfigError("the hour has not begun or is over; expected reset before step")
        gained = surface.go(surface.wanted(in_order(actions, everyone)))
        seen, infos = self._told()
        over = surface.simulation.over
        if over:
            self.agents = []
        return seen, dict(zip(everyone, gained.tolist(), strict=True)), dict.fromkeys(everyone, False), dict.fromkeys(everyone, over), infos

    def _told(self) -> tuple[dict[str, Seen], Infos]:
        surface = self._surface
        mask, figures = surface.mask().astype(np.int8), surface.metrics()
        seen = {agent: surface.seen(i) for i, agent in enumerate(self.possible_agents)}
        infos: Infos = {agent: {"action_mask": mask[i, : surface.choices[i]]} for i, agent in enumerate(self.possible_agents)}
        for agent, info in infos.items():
            info |= {name: value for name, value in figures.items() if name.startswith(("system_", f"{agent}_"))}
        return seen, infos

    def render(self) -> None:
        """Nothing to look at: see the web pages, or sumo-gui."""

    def close(self) -> None:
        """End the simulation; a second time does nothing."""
        self._surface.close()


def in_order(actions: Mapping[str, int], agents: list[str]) -> list[int]:
    """Actions in the order of the agents; ConfigError for one too many or too few."""
    strange = [agent for agent in actions if agent not in agents]
    missing = [agent for agent in agents if agent not in actions]
    if strange or missing:
        what = f"of {', '.join(map(str, strange))}, which is no agent" if strange else f"of {', '.join(missing)} is missing"
        raise ConfigError(f"action {what}; expected one of each of {', '.join(agents)}")
    return [actions[agent] for agent in agents]
