"""Signals as rows of a Stable-Baselines3 VecEnv: one simulation at a time, one row a signal, scenarios in turn.

libsumo runs one simulation a process, so the scenarios follow each other, an episode each. A scenario with fewer signals than rows
leaves the last rows empty: nothing to choose, no reward; `rl.train` keeps them out of the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from rl import features
from rl.env import spaces
from rl.observation import Eyes, Rows
from rl.simulation import MakeForecaster, NoForecast, Simulation, Site
from signals.types import Floats


@dataclass(frozen=True, slots=True)
class Episode:
    """What came of one episode: the mean reward of a signal and decision."""

    number: int
    scenario: str
    seed: int
    reward: float


class SignalRows(VecEnv):  # type: ignore[misc]
    """All signals of the scenario whose turn it is. Episode k runs scenario k mod n under seed `first_seed` + k."""

    def __init__(
        self,
        sites: Sequence[Site],
        first_seed: int,
        first_episode: int = 0,
        make_forecaster: MakeForecaster | None = None,
        forecast_every: int = 2,
    ) -> None:
        """Every `forecast_every`-th round of the scenarios has the forecaster in the loop, so that the policy knows both."""
        self._sites = tuple(sites)
        self._eyes = tuple(Eyes(one.network, one.limits) for one in sites)
        self._first_seed, self._make_forecaster, self._forecast_every = first_seed, make_forecaster, forecast_every
        rows = max(len(one.network.signals) for one in sites)
        self._width = max(one.widest for one in sites)
        super().__init__(rows, *spaces(self._width))
        self.episode = first_episode
        """Number of the episode that runs or will run next."""
        self.ended: list[Episode] = []
        self._simulation: Simulation | None = None
        self._actions = np.zeros(rows, dtype=np.int64)
        self._sum, self._decisions = 0.0, 0

    @property
    def round_decisions(self) -> int:
        """Decisions in one whole episode of every scenario."""
        return sum(ceil((s.scenario.end_s - s.scenario.begin_s) / s.decision_s - 1e-9) for s in self._sites)

    def reset(self) -> Rows:
        """Start the episode whose turn it is."""
        self.close()
        k, n = self.episode, len(self._sites)
        heard = self._make_forecaster is not None and (k // n) % self._forecast_every == 0
        where = self._sites[k % n]
        forecaster = self._make_forecaster(where.scenario, where.network) if heard and self._make_forecaster else NoForecast()
        self._simulation = Simulation(where, self._eyes[k % n], self._first_seed + k, forecaster)
        self._sum, self._decisions = 0.0, 0
        return self._padded(self._simulation.rows())

    def step_async(self, actions: np.ndarray[Any, Any]) -> None:
        """Remember the actions [row]."""
        self._actions = np.asarray(actions, dtype=np.int64).reshape(self.num_envs)

    def step_wait(self) -> tuple[Rows, np.ndarray[Any, Any], np.ndarray[Any, Any], list[dict[str, Any]]]:
        """One decision of every signal; at the end of the hour the next scenario begins."""
        simulation = self._simulation
        if simulation is None:
            raise RuntimeError("step before reset")
        n = len(simulation.where.network.signals)
        wanted = np.minimum(self._actions[:n], self._eyes[self.episode % len(self._sites)].layout.phases - 1)
        gained: Floats = simulation.decide(wanted)
        rewards = np.zeros(self.num_envs, dtype=np.float32)
        rewards[:n] = gained
        self._sum, self._decisions = self._sum + float(gained.mean()), self._decisions + 1
        rows = self._padded(simulation.rows())
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        over = simulation.over
        if over:
            # The hour ends, the traffic does not: the value of the last state stands for what would follow.
            infos = [{"TimeLimit.truncated": True, "terminal_observation": row} for row in rows]
            seed = self._first_seed + self.episode
            name = simulation.where.scenario.name
            self.ended.append(Episode(self.episode, name, seed, self._sum / self._decisions))
            self.episode += 1
            rows = self.reset()
        return rows, rewards, np.full(self.num_envs, over), infos

    def _padded(self, rows: Rows) -> Rows:
        """[row, phase, feature]; an empty row may choose phase 0 only."""
        out = np.zeros((self.num_envs, self._width, features.WIDTH), dtype=np.float32)
        out[: rows.shape[0], : rows.shape[1]] = rows
        out[rows.shape[0] :, 0, features.ALLOWED] = 1.0
        return out

    def close(self) -> None:
        """End the simulation that runs."""
        if self._simulation is not None:
            self._simulation.close()
            self._simulation = None

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute, once a row."""
        value = getattr(self, attr_name, None)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Rows share one simulation: an attribute of one row alone cannot be set."""
        raise NotImplementedError(f"{attr_name}: rows of one simulation have no attributes of their own")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Rows share one simulation: they have no methods of their own."""
        raise NotImplementedError(f"{method_name}: rows of one simulation have no methods of their own")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Never."""
        return [False for _ in self._get_indices(indices)]
