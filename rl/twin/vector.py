"""The twin's signals as rows of a Stable-Baselines3 VecEnv: many copies at a time, of several scenarios, under different seeds.

What `rl.vector` is for SUMO. Copy c runs scenario c mod n for good; all of its signals are rows; copies share the cores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from rl import features
from rl.env import spaces
from rl.observation import Eyes, Rows
from rl.twin.simulation import TwinSimulation
from rl.twin.twin import Twin
from rl.vector import SharedRows
from signals.types import Floats


@dataclass(frozen=True, slots=True)
class TwinEpisode:
    """What came of one episode: the mean reward of a signal and decision, and the mean delay of its vehicles."""

    number: int
    scenario: str
    seed: int
    reward: float
    delay_s_per_veh: float


class Copy:
    """One of the runs that go on side by side: its simulation, and what it has gained so far."""

    def __init__(self, twin: Twin, eyes: Eyes, draw_demand: Callable[[int], float]) -> None:
        self.twin, self.eyes, self._draw_demand = twin, eyes, draw_demand
        self.signals = len(twin.site.network.signals)
        self.gained, self.decisions, self.number, self.seed = 0.0, 0, 0, 0
        self.simulation: TwinSimulation | None = None

    def start(self, number: int, seed: int) -> Rows:
        """Begin an episode."""
        self.gained, self.decisions, self.number, self.seed = 0.0, 0, number, seed
        self.simulation = TwinSimulation(self.twin, self.eyes, seed, self._draw_demand(seed))
        return self.simulation.rows()

    def decide(self, actions: np.ndarray[Any, Any]) -> tuple[Rows, Floats]:
        """One decision of every signal: the rows after it, and what it was worth [signal]."""
        if self.simulation is None:
            raise RuntimeError("step before reset")
        gained = self.simulation.decide(np.minimum(actions, self.twin.layout.phases - 1))
        self.gained, self.decisions = self.gained + float(gained.mean()), self.decisions + 1
        return self.simulation.rows(), gained


class TwinRows(SharedRows):
    """Signals of all copies as rows; episode k has seed `first_seed` + k."""

    def __init__(
        self,
        twins: Sequence[Twin],
        copies: int,
        first_seed: int,
        draw_demand: Callable[[int], float] = lambda seed: 1.0,
        cores: int = 1,
    ) -> None:
        """`draw_demand`: from an episode's seed to its share of the scenario's demand."""
        eyes = [Eyes(one.site.network, one.site.limits) for one in twins]
        self._copies = [Copy(twins[c % len(twins)], eyes[c % len(twins)], draw_demand) for c in range(copies)]
        self._first_row = np.concatenate(([0], np.cumsum([c.signals for c in self._copies])))
        self._width = max(one.site.widest for one in twins)
        super().__init__(int(self._first_row[-1]), *spaces(self._width))
        self._first_seed, self.episode = first_seed, 0
        self.ended: list[TwinEpisode] = []
        self._actions = np.zeros(self.num_envs, dtype=np.int64)
        self._threads = ThreadPoolExecutor(cores) if cores > 1 else None

    @property
    def round_decisions(self) -> int:
        """Decisions until every copy has ended an episode."""
        sites = [one.twin.site for one in self._copies]
        return max(ceil((s.scenario.end_s - s.scenario.begin_s) / s.decision_s - 1e-9) for s in sites)

    def _start(self, copy: Copy) -> Rows:
        self.episode += 1
        return copy.start(self.episode - 1, self._first_seed + self.episode - 1)

    def reset(self) -> Rows:
        """Begin an episode in every copy."""
        return np.concatenate([self._padded(self._start(copy)) for copy in self._copies])

    def step_async(self, actions: np.ndarray[Any, Any]) -> None:
        """Remember the actions [row]."""
        self._actions = np.asarray(actions, dtype=np.int64).reshape(self.num_envs)

    def step_wait(self) -> tuple[Rows, np.ndarray[Any, Any], np.ndarray[Any, Any], list[dict[str, Any]]]:
        """One decision of every signal of every copy; a copy whose hour has ended begins anew."""
        share = [self._actions[a:b] for a, b in zip(self._first_row[:-1], self._first_row[1:], strict=True)]
        each = self._threads.map if self._threads is not None else map
        found = list(each(lambda copy, actions: copy.decide(actions), self._copies, share))
        rows = np.zeros((self.num_envs, self._width, features.WIDTH), dtype=np.float32)
        rewards, over = np.zeros(self.num_envs, dtype=np.float32), np.zeros(self.num_envs, dtype=np.bool_)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for copy, first, (seen, gained) in zip(self._copies, self._first_row[:-1], found, strict=True):
            at = slice(first, first + copy.signals)
            rows[at], rewards[at] = self._padded(seen), gained
            if copy.simulation is not None and copy.simulation.over:
                # The hour ends, the traffic does not: the value of the last state stands for what would follow.
                infos[at] = [{"TimeLimit.truncated": True, "terminal_observation": row.copy()} for row in rows[at]]
                over[at] = True
                self._note(copy, copy.simulation.delay_s_per_veh())
                rows[at] = self._padded(self._start(copy))
        return rows, rewards, over, infos

    def _note(self, copy: Copy, delay_s: float) -> None:
        name = copy.twin.site.scenario.name
        self.ended.append(TwinEpisode(copy.number, name, copy.seed, copy.gained / copy.decisions, delay_s))

    def _padded(self, rows: Rows) -> Rows:
        """[row, phase, feature] with the phases that the widest signal has."""
        out = np.zeros((rows.shape[0], self._width, features.WIDTH), dtype=np.float32)
        out[:, : rows.shape[1]] = rows
        return out

    def close(self) -> None:
        """Let the threads go."""
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None
