"""Judges controllers and policies by whole episodes, each in a fresh process: what training's validation asks."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from citybrain import worker
from citybrain.assemble import POLICY_PREFIX
from citybrain.episode import EpisodeSpec
from sumo_nets.scenario import scenario


class EpisodeJudge:
    """Delays on scenarios x seeds, `jobs` episodes at a time; its workers live until it is closed."""

    def __init__(
        self,
        scenarios: Sequence[str],
        seeds: Sequence[int],
        rules: str = "resco",
        forecast: str = "residual",
        episode_s: float = 0.0,
        jobs: int = 1,
    ) -> None:
        """`episode_s`: how much of each scenario's hour; 0: all."""
        self._seeds, self._jobs = tuple(seeds), jobs
        self._workers: list[worker.Worker] = []
        self._stack = ExitStack()
        self._specs = []
        for name in scenarios:
            one = scenario(name)
            end_s = min(one.end_s, one.begin_s + episode_s) if episode_s else None
            self._specs.append(EpisodeSpec(name, rules=rules, forecast=forecast, end_s=end_s))

    def controller(self, name: str) -> dict[str, list[float]]:
        """Scenario -> delay of each seed under a controller [s/veh]."""
        specs = [replace(spec, controller=name, seed=seed) for spec in self._specs for seed in self._seeds]
        idle: queue.SimpleQueue[worker.Worker] = queue.SimpleQueue()
        while len(self._workers) < min(self._jobs, len(specs)):
            self._workers.append(self._stack.enter_context(worker.Worker()))
        for one in self._workers:
            idle.put(one)

        def delay_s(spec: EpisodeSpec) -> float:
            free = idle.get()
            try:
                return float(free.run(spec)["delay_s_per_veh"])
            finally:
                idle.put(free)

        with ThreadPoolExecutor(self._jobs) as threads:
            delays_s = list(threads.map(delay_s, specs))
        n = len(self._seeds)
        return {spec.scenario: delays_s[k * n : (k + 1) * n] for k, spec in enumerate(self._specs)}

    def policy(self, folder: Path) -> dict[str, list[float]]:
        """The same under the policy in a folder."""
        return self.controller(f"{POLICY_PREFIX}{folder.resolve()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._workers = []
        self._stack.close()
