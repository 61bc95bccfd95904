"""Signals as rows of a Stable-Baselines3 VecEnv: one or more simulations at a time, each in its own process, one row a signal.

libsumo runs one simulation a process, so a lane of rows runs episodes one after the other. Lanes run the same scenario at the same time
under different seeds, so that none waits long for another; a round is one episode of every scenario in every lane. A scenario with
fewer signals than a lane has rows leaves the last ones empty: nothing to choose, no reward; `rl.train` keeps them out of the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from rl import features
from rl.env import spaces
from rl.observation import Rows
from rl.workers import Course, Episode, Host, Order
from signals.errors import SignalsError
from signals.types import Ints


@dataclass(slots=True)
class Lane:
    """A simulation at a time: the number of its episode, and what was decided in it so far [decision][signal]."""

    number: int
    played: list[Ints]


class SharedRows(VecEnv):  # type: ignore[misc]
    """Rows of one simulation or of a few: no row has an attribute or a method of its own."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute, once a row."""
        value = getattr(self, attr_name, None)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Rows share simulations: an attribute of one row alone cannot be set."""
        raise NotImplementedError(f"{attr_name}: rows of one simulation have no attributes of their own")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Rows share simulations: they have no methods of their own."""
        raise NotImplementedError(f"{method_name}: rows of one simulation have no methods of their own")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Never."""
        return [False for _ in self._get_indices(indices)]


class SignalRows(SharedRows):
    """All signals of the scenarios whose turn it is.

    Episode k runs in lane k mod `jobs`; the lanes' r-th episodes run scenario r mod n; its seed is `first_seed` + k.
    """

    def __init__(
        self,
        course: Course,
        first_seed: int,
        jobs: int = 1,
        lanes: Sequence[Lane] = (),
        forecast_every: int = 2,
    ) -> None:
        """`lanes`: where a killed training stood. Every `forecast_every`-th round has the forecaster in the loop: the policy knows both."""
        self._course, self._first_seed, self._forecast_every = course, first_seed, forecast_every
        self._phases = [np.array([len(s.phases) for s in one.network.signals]) for one in course.sites]
        self._rows = max(len(one.network.signals) for one in course.sites)
        self._width = max(one.widest for one in course.sites)
        super().__init__(jobs * self._rows, *spaces(self._width))
        self.lanes = list(lanes) or [Lane(number, []) for number in range(jobs)]
        self.ended: list[Episode] = []
        self._hosts: list[Host] = []
        self._actions = np.zeros((jobs, self._rows), dtype=np.int64)

    @property
    def episode(self) -> int:
        """How many episodes have ended, earlier runs of the same training included."""
        return sum(lane.number // len(self.lanes) for lane in self.lanes)

    @property
    def round_decisions(self) -> int:
        """Decisions in one whole episode of every scenario."""
        return sum(ceil((s.scenario.end_s - s.scenario.begin_s) / s.decision_s - 1e-9) for s in self._course.sites)

    def reset(self) -> Rows:
        """Start every lane's episode; one that was cut off is played again up to where it stood."""
        if not self._hosts:
            self._hosts = [Host(self._course) for _ in self.lanes]
        elif any(lane.played for lane in self.lanes):
            self.close()
            return self.reset()
        for lane, host in zip(self.lanes, self._hosts, strict=True):
            host.start(self._order(lane))
        return np.concatenate([self._padded(host.answer(first=True).rows) for host in self._hosts])

    def _order(self, lane: Lane) -> Order:
        turn, n = lane.number // len(self.lanes), len(self._course.sites)
        heard = (turn // n) % self._forecast_every == 0
        return Order(lane.number, turn % n, self._first_seed + lane.number, heard, tuple(lane.played))

    def _site(self, lane: Lane) -> int:
        return lane.number // len(self.lanes) % len(self._course.sites)

    def step_async(self, actions: np.ndarray[Any, Any]) -> None:
        """Send every lane its actions [row]."""
        if not self._hosts:
            raise RuntimeError("step before reset")
        self._actions = np.asarray(actions, dtype=np.int64).reshape(len(self.lanes), self._rows)
        for lane, host, wanted in zip(self.lanes, self._hosts, self._actions, strict=True):
            phases = self._phases[self._site(lane)]
            lane.played.append(np.minimum(wanted[: len(phases)], phases - 1))
            host.decide(lane.played[-1])

    def step_wait(self) -> tuple[Rows, np.ndarray[Any, Any], np.ndarray[Any, Any], list[dict[str, Any]]]:
        """One decision of every signal; where the hour ends, the next scenario begins."""
        rows = np.zeros((len(self.lanes), self._rows, self._width, features.WIDTH), dtype=np.float32)
        rewards = np.zeros((len(self.lanes), self._rows), dtype=np.float32)
        infos: list[list[dict[str, Any]]] = [[{} for _ in range(self._rows)] for _ in self.lanes]
        over = np.zeros(len(self.lanes), dtype=np.bool_)
        for k, (lane, host) in enumerate(zip(self.lanes, self._hosts, strict=True)):
            answer = host.answer()
            rows[k], rewards[k, : len(answer.gained)] = self._padded(answer.rows), answer.gained
            if answer.ended is not None:
                # The hour ends, the traffic does not: the value of the last state stands for what would follow.
                infos[k] = [{"TimeLimit.truncated": True, "terminal_observation": row} for row in rows[k].copy()]
                over[k] = True
                self.ended.append(answer.ended)
                self.lanes[k] = Lane(lane.number + len(self.lanes), [])
                host.start(self._order(self.lanes[k]))
        for k in np.flatnonzero(over).tolist():
            rows[k] = self._padded(self._hosts[k].answer(first=True).rows)
        flat = [info for lane_infos in infos for info in lane_infos]
        return rows.reshape(-1, self._width, features.WIDTH), rewards.reshape(-1), np.repeat(over, self._rows), flat

    def _padded(self, rows: Rows) -> Rows:
        """[row, phase, feature] of a lane; an empty row may choose phase 0 only."""
        out = np.zeros((self._rows, self._width, features.WIDTH), dtype=np.float32)
        out[: rows.shape[0], : rows.shape[1]] = rows
        out[rows.shape[0] :, 0, features.ALLOWED] = 1.0
        return out

    def close(self) -> None:
        """End the simulations that run."""
        for host in self._hosts:
            with suppress(SignalsError):
                host.close()
        self._hosts = []
