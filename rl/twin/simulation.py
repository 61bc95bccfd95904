"""A run of the twin as a sequence of decisions: what `rl.simulation` is for SUMO, with the same rows, rewards and steps.

A wish is granted when the running green has had its minimum; plans, leases and the longest red, which safety guards in the loop, are
left out here: this is for pre-training.
"""

from __future__ import annotations

import numpy as np

from rl.observation import Eyes, Rows
from rl.reward import Outcome, reward
from rl.simulation import Site, entry_edges
from rl.twin import lights, view
from rl.twin.link import base_program
from rl.twin.twin import Twin
from signals.links.program import Cabinet
from signals.types import Floats, Ints, Observation, Turn

NOWHERE = -1


class TwinSimulation:
    """An hour of one scenario in the twin under somebody's decisions."""

    def __init__(self, twin: Twin, eyes: Eyes, seed: int, demand: float = 1.0) -> None:
        self._twin, self._eyes, self._run = twin, eyes, twin.run(seed, demand)
        signals = twin.site.network.signals
        standing = [base_program(s, Cabinet(s), twin.begin_s) for s in signals]
        segments = [program.segments[k] for program, k, _ in standing]
        self._phase: Ints = np.array([s.phase for s in segments], dtype=np.int64)
        self._before = self._phase.copy()
        self._age_s: Floats = np.array([max(s.duration_s - left, 0.0) for s, (_, _, left) in zip(segments, standing, strict=True)])
        self._min_green_s = np.zeros(twin.layout.serves.shape[:2])
        for i, one in enumerate(twin.site.limits):
            self._min_green_s[i, : len(one.min_green_s)] = one.min_green_s
        self._silent = np.array([m.turn is Turn.CROSSING for s in signals for m in s.movements])
        entries = entry_edges(twin.site.network)
        self._entry_signal = np.array([entries.get(edge, NOWHERE) for edge in twin.entries], dtype=np.int64)
        self._observed = self._look()

    @property
    def where(self) -> Site:
        """The scenario that is run."""
        return self._twin.site

    @property
    def now_s(self) -> float:
        """Simulated time."""
        return self._twin.begin_s + self._run.now_s

    @property
    def over(self) -> bool:
        """Whether the hour has passed."""
        return self._run.now_s >= self._twin.span_s

    def observed(self) -> Observation:
        """What ideal sensors say now."""
        return self._observed

    def rows(self) -> Rows:
        """What the policy sees now [signal, phase, feature]."""
        return self._eyes.rows(self._observed, None)

    def decide(self, wanted: Ints) -> Floats:
        """Wish for these phases [signal], and go on to the next decision; what that was worth [signal]."""
        lay, run = self._twin.layout, self._run
        seconds = round(min(self._twin.site.decision_s, self._twin.span_s - run.now_s))
        shown = lights.towards(
            wanted, seconds, self._phase, self._before, self._age_s, self._min_green_s, lay.serves, lay.intergreen_s, lay.movement_start
        )
        lights.remember_green(shown, run.now_s, run.traffic.green_s)
        run.advance(shown)
        self._observed = self._look()
        return reward(Outcome(self._observed, lay, self._entering_veh()))

    def delay_s_per_veh(self) -> float:
        """Mean delay so far of all trips due."""
        return self._run.delay_s_per_veh()

    def close(self) -> None:
        """Nothing is held."""

    def _entering_veh(self) -> Floats:
        """Vehicles that are due and wait outside, by the signal their first edge leads to [signal]."""
        waiting = self._run.waiting_veh()
        led = self._entry_signal != NOWHERE
        return np.bincount(self._entry_signal[led], weights=waiting[led], minlength=len(self._phase)).astype(np.float64)

    def _look(self) -> Observation:
        run, twin = self._run, self._twin
        sight = view.look(run.now_s, twin.streets, run.trips, run.traffic, twin.exit_start, twin.exit_lane)
        return view.observation(
            self.now_s, run.now_s, self._phase.copy(), self._age_s.copy(), sight, run.traffic, twin.layout, self._silent
        )
