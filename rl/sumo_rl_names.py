"""sumo-rl's environments under their own names, over this project's control loop: `import rl.sumo_rl_names as sumo_rl`.

Arguments, observations, rewards, infos and CSV files are sumo-rl's (tested against it). What differs, by name:

* every change of lights passes the safety check: a green shorter than `min_green`, a missing yellow or a red of over 300 s with
  somebody waiting cannot be had; a choice that is not open now is not carried out (`info["action_mask"]` says which are);
* a signal starts in the phase in which its own program stands at `begin_time`, not in the first one;
* `max_green` ends a green only with `enforce_max_green` (sumo-rl 1.4.5 ignores it);
* with `single_agent` or `ts_ids` nobody steers the other signals: they run their own programs;
* green phases that a program lists twice are one phase; lanes of pedestrian crossings are not among the lanes;
* simulations run in this process (libsumo) while it is free, else over TraCI; nothing is drawn, and SUMO's warnings are not shown.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from rl.env_parallel import Base
from rl.sumo_rl_arguments import Arguments, arguments
from rl.sumo_rl_rewards import rewarded
from rl.sumo_rl_signal import DefaultObservationFunction, ObservationFunction, TrafficSignal
from rl.surface import Parts, Surface, drawn_seed
from signals.errors import ConfigError
from signals.types import Ints

__all__ = ["DefaultObservationFunction", "ObservationFunction", "SumoEnvironment", "TrafficSignal", "env", "parallel_env"]

ENV_ID = "sumo-rl-v0"
_LABELS = count()

if ENV_ID not in gymnasium.registry:
    gymnasium.register(id=ENV_ID, entry_point="rl.sumo_rl_names:SumoEnvironment", kwargs={"single_agent": True})


class SumoEnvironment(gymnasium.Env[Any, Any]):  # type: ignore[misc]
    """sumo-rl's environment: Gymnasium's interface with `single_agent`, else dictionaries by signal."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  gymnasium reads it from the class
    render_mode = None

    def __init__(self, *given: Any, **named: Any) -> None:
        """The arguments of `rl.sumo_rl_arguments.Arguments`, by place or by name."""
        self.arguments: Arguments = arguments(given, named)
        one = self.arguments
        self.label = str(next(_LABELS))
        self.traffic_signals: dict[str, TrafficSignal] = {}
        where = one.site()
        self.ts_ids = [s.id for s in where.network.signals]
        reward = rewarded(one, where.network, self.traffic_signals)
        self._surface = Surface(
            where,
            Parts(
                "sumo_rl",
                reward=reward,
                max_green=one.enforce_max_green,
                metrics=one.add_system_info or one.add_per_agent_info,
                backend=one.backend,
                options=one.options(),
            ),
        )
        for i, ts in enumerate(self.ts_ids):
            self.traffic_signals[ts] = TrafficSignal(self._surface, i, one.timing(), one.observation_class)
        self.sumo_seed, self.out_csv_name = one.sumo_seed, one.out_csv_name
        self.episode = 0
        self.metrics: list[dict[str, Any]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Start anew, and write the episode before to its CSV file; `seed` is SUMO's own from now on."""
        super().reset(seed=seed)
        if self.episode:
            self.close()
            self.save_csv(self.out_csv_name, self.episode)
        self.episode += 1
        self.metrics = []
        if seed is not None:
            self.sumo_seed = seed
        self._surface.begin(drawn_seed(self.np_random) if self.sumo_seed == "random" else int(self.sumo_seed))
        seen = self._observations()
        return (seen[self.ts_ids[0]], self._info()) if self.arguments.single_agent else seen

    def step(self, action: Any) -> Any:
        """One decision, `delta_time` seconds. Without an action every signal holds its phase; with `fixed_ts` actions are ignored."""
        gained = self._surface.go(None if self.arguments.fixed_ts else self._wanted(action)).tolist()
        rewards = dict(zip(self.ts_ids, gained, strict=True))
        for ts, signal in self.traffic_signals.items():
            signal.last_reward = rewards[ts]
        seen, info, over = self._observations(), self._info(), self._surface.simulation.over
        if self.arguments.single_agent:
            return seen[self.ts_ids[0]], gained[0], False, over, info
        return seen, rewards, {**dict.fromkeys(self.ts_ids, False), "__all__": over}, info

    def _wanted(self, action: Any) -> Ints:
        """Phases [signal]; a signal without an action holds the running one."""
        surface = self._surface
        actions = {self.ts_ids[0]: action} if self.arguments.single_agent and action is not None else action or {}
        if not isinstance(actions, Mapping):
            raise ConfigError(f"action {action!r}: expected a dictionary of phases by signal")
        for ts in actions:
            if ts not in self.traffic_signals:
                raise ConfigError(f"action of {ts!r}: no signal of this environment; expected some of {', '.join(self.ts_ids)}")
        running = surface.moment.observed.phase.tolist()
        return surface.wanted([actions.get(ts, running[i]) for i, ts in enumerate(self.ts_ids)])

    def _observations(self) -> dict[str, Any]:
        return {ts: signal.compute_observation() for ts, signal in self.traffic_signals.items()}

    def _info(self) -> dict[str, Any]:
        """Time, sumo-rl's figures that were asked for, and what is open to the first signal (or to each)."""
        one, figures = self.arguments, self._surface.metrics()
        info: dict[str, Any] = {"step": self.sim_step}
        for name, value in figures.items():
            if one.add_system_info if name.startswith("system_") else one.add_per_agent_info:
                info[name] = value
        self.metrics.append(dict(info))
        masks = self.action_masks()
        info["action_mask"] = masks[self.ts_ids[0]] if one.single_agent else masks
        return info

    def action_masks(self) -> dict[str, Any]:
        """Which phases are open now, by signal [phase]."""
        mask = self._surface.mask().astype(np.int8)
        return {ts: mask[i, : self._surface.choices[i]] for i, ts in enumerate(self.ts_ids)}

    @property
    def sim_step(self) -> float:
        """Simulated time [s]."""
        return self._surface.simulation.now_s

    @property
    def sumo(self) -> Any:
        """The running simulation."""
        return self._surface.simulation.sumo

    @property
    def observation_space(self) -> Any:
        """Of the first signal."""
        return self.traffic_signals[self.ts_ids[0]].observation_space

    @property
    def action_space(self) -> Any:
        """Of the first signal."""
        return self.traffic_signals[self.ts_ids[0]].action_space

    def observation_spaces(self, ts_id: str) -> Any:
        """Of one signal."""
        return self.traffic_signals[ts_id].observation_space

    def action_spaces(self, ts_id: str) -> Any:
        """Of one signal."""
        return self.traffic_signals[ts_id].action_space

    def close(self) -> None:
        """End the simulation; a second time does nothing."""
        self._surface.close()

    def save_csv(self, out_csv_name: str | None, episode: int) -> None:
        """Write this episode's figures, one line a decision, to `{out_csv_name}_conn{label}_ep{episode}.csv`; None: nowhere."""
        if out_csv_name is None:
            return
        path = Path(f"{out_csv_name}_conn{self.label}_ep{episode}.csv")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(self.metrics[0]) if self.metrics else [])
                writer.writeheader()
                writer.writerows(self.metrics)
        except OSError as error:
            raise ConfigError(f"out_csv_name {out_csv_name!r}: cannot be written ({error})") from error

    def encode(self, state: Any, ts_id: str) -> tuple[int, ...]:
        """A default observation as a tuple for tables: phase, minimum green, and lanes in tenths."""
        n = self.traffic_signals[ts_id].num_green_phases
        tenths = [min(int(value * 10), 9) for value in state[n + 1 :]]
        return (int(np.argmax(state[:n])), int(state[n]), *tenths)


class SumoParallel(Base):  # type: ignore[misc]
    """`SumoEnvironment` with PettingZoo's parallel interface."""

    metadata: dict[str, Any] = {"name": "sumo_rl_v0", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012
    render_mode = None

    def __init__(self, inner: SumoEnvironment) -> None:
        self.env = inner
        self.possible_agents = list(inner.ts_ids)
        self.agents: list[str] = []
        self.observation_spaces = {ts: inner.observation_spaces(ts) for ts in inner.ts_ids}
        self.action_spaces = {ts: inner.action_spaces(ts) for ts in inner.ts_ids}

    @property
    def unwrapped(self) -> SumoParallel:
        """Itself: nothing is wrapped around it."""
        return self

    def observation_space(self, agent: str) -> Any:
        """Of one signal."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """Of one signal."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start anew: observations and infos by signal."""
        seen = self.env.reset(seed=seed, options=options)
        self.agents = list(self.possible_agents)
        return seen, self._shared(self.env._info())

    def step(self, actions: Mapping[str, int]) -> tuple[dict[str, Any], ...]:
        """One decision: observations, rewards, terminations, truncations, infos by signal."""
        if not self.agents:
            raise ConfigError("the hour has not begun or is over; expected reset before step")
        seen, rewards, done, info = self.env.step(dict(actions))
        over = done["__all__"]
        if over:
            self.agents = []
        everyone = self.possible_agents
        return seen, rewards, dict.fromkeys(everyone, False), dict.fromkeys(everyone, over), self._shared(info)

    def _shared(self, info: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """What each signal is told: the network's figures and its own."""
        told: dict[str, dict[str, Any]] = {}
        for agent in self.possible_agents:
            told[agent] = {name: value for name, value in info.items() if name.startswith((agent, "system"))}
            told[agent]["action_mask"] = info["action_mask"][agent]
        return told

    def render(self) -> None:
        """Nothing to look at."""

    def close(self) -> None:
        """End the simulation."""
        self.env.close()

    def save_csv(self, out_csv_name: str | None, episode: int) -> None:
        """Write this episode's figures."""
        self.env.save_csv(out_csv_name, episode)


def parallel_env(**named: Any) -> SumoParallel:
    """sumo-rl's `parallel_env`: all signals decide at the same moments."""
    if named.get("single_agent"):
        raise ConfigError("single_agent True: expected SumoEnvironment; parallel_env is for all signals")
    return SumoParallel(SumoEnvironment(**named))


def env(**named: Any) -> Any:
    """sumo-rl's `env`: PettingZoo's agents in turn, over `parallel_env`; ConfigError where PettingZoo is not installed."""
    if find_spec("pettingzoo") is None:
        raise ConfigError("env: PettingZoo is not installed; expected it, or parallel_env, which needs none")
    wrap: Callable[[Any], Any] = import_module("pettingzoo.utils.conversions").parallel_to_aec
    return wrap(parallel_env(**named))
