"""A run of the twin that can be lived on more than once: a branch is a copy of its arrays, and knows what was lost in it since.

What `sumo_nets.fork` and `rl.time_loss` are for SUMO, without a process: thousands of branches a second.
"""

# mypy: disallow-untyped-decorators=False
from __future__ import annotations

import copy
from typing import Self

import numpy as np
from numba import njit

from rl.observation import Eyes, Rows
from rl.simulation import NoForecast, entry_edges
from rl.twin.flow import allowed_mps
from rl.twin.simulation import TwinSimulation
from rl.twin.state import Traffic, Trips
from rl.twin.streets import Streets
from rl.twin.twin import Run, Twin
from signals.loop import Forecaster
from signals.types import Floats, FlowForecast, Ints
from sumo_nets.link_graph import read_links

NOBODY = -1


@njit(cache=True)
def lost_since_s(
    now_s: float, streets: Streets, trips: Trips, traffic: Traffic, lane_signal: Ints, signals: int, before_s: Floats
) -> Floats:
    """Vehicle seconds lost since `before_s` [trip] was last brought up to date, which it is, by the signal ahead [signal].

    A vehicle's loss is the time since it was let in, less that of its way so far at the allowed speed.
    """
    lost_s = np.zeros(signals)
    for lane in range(streets.length_m.shape[0]):
        first, room = streets.slot_start[lane], streets.slot_start[lane + 1] - streets.slot_start[lane]
        for j in range(traffic.number[lane]):
            slot = first + (traffic.head[lane] + j) % room
            v = traffic.vehicle[slot]
            left_m = max(traffic.arrival_s[slot] - now_s, 0.0) * max(streets.speed_mps[lane], 1.0)
            not_yet_s = min(left_m, streets.length_m[lane]) / max(allowed_mps(v, streets.speed_mps[lane], trips), 1.0)
            total_s = now_s - traffic.entered_s[v] - (traffic.free_s[v] - not_yet_s)
            if total_s > before_s[v]:
                if lane_signal[lane] >= 0:
                    lost_s[lane_signal[lane]] += total_s - before_s[v]
                before_s[v] = total_s
    return lost_s


@njit(cache=True)
def waiting_veh(now_s: float, trips: Trips, traffic: Traffic, entry_signal: Ints, signals: int) -> Floats:
    """Vehicles that are due and wait outside, by the signal their first edge leads to [signal]."""
    found_veh = np.zeros(signals)
    for e in range(entry_signal.shape[0]):
        if entry_signal[e] >= 0:
            trip = traffic.next_trip[e]
            while trip < trips.entry_start[e + 1] and trips.due_s[trip] < now_s:
                found_veh[entry_signal[e]] += 1.0
                trip += 1
    return found_veh


class Branching(TwinSimulation):
    """A twin simulation with branches; forecasts, where there are any, are made by the trunk and kept by its branches."""

    def __init__(
        self, twin: Twin, eyes: Eyes, seed: int, lane_signal: Ints, demand: float = 1.0, forecaster: Forecaster | None = None
    ) -> None:
        """`lane_signal`: as `signals_ahead` says, which is asked once a network."""
        super().__init__(twin, eyes, seed, demand)
        self._forecaster: Forecaster = forecaster or NoForecast()
        self._lane_signal = lane_signal
        self._before_s: Floats = np.zeros(self._run.trips.due_s.size)
        self._forecast: FlowForecast | None = None
        self._rows: Rows | None = None
        self._is_branch = False

    def branch(self) -> Self:
        """A run that stands where this one stands, and goes on without it."""
        other, run = copy.copy(self), self._run
        other._run = Run(run.twin, run.trips, Traffic._make(values.copy() for values in run.traffic), run.now_s)
        other._phase, other._before, other._age_s = self._phase.copy(), self._before.copy(), self._age_s.copy()
        other._before_s = self._before_s.copy()
        other._is_branch = True
        return other

    def rows(self) -> Rows:
        """What the policy sees now [signal, phase, feature]."""
        if self._rows is None:
            if not self._is_branch:
                self._forecast = self._forecaster.update(self.now_s, self._observed.counts_veh)
            self._rows = self._eyes.rows(self._observed, self._forecast)
        return self._rows

    def decide(self, wanted: Ints) -> Floats:
        """Wish for these phases [signal], and go on to the next decision; what that was worth [signal]."""
        self.rows()  # the forecaster misses no count
        gained = super().decide(wanted)
        self._rows = None
        return gained

    def lost_s(self) -> Floats:
        """Vehicle seconds lost since the last call on the approaches of each signal, waiting to be let in included [signal]."""
        run, site = self._run, self.where
        streets, signals = run.twin.streets, len(site.network.signals)
        lost_s: Floats = lost_since_s(run.now_s, streets, run.trips, run.traffic, self._lane_signal, signals, self._before_s)
        return lost_s + self._entering_veh() * site.decision_s

    def _entering_veh(self) -> Floats:
        run, signals = self._run, len(self.where.network.signals)
        waiting: Floats = waiting_veh(run.now_s, run.trips, run.traffic, self._entry_signal, signals)
        return waiting


def signals_ahead(twin: Twin) -> Ints:
    """The signal on whose approach each lane of the twin lies [lane]; NOBODY where there is none."""
    ahead = entry_edges(twin.site.network)
    return np.array([ahead.get(lane.edge, NOBODY) for lane in read_links(twin.site.scenario.net).lanes], dtype=np.int64)
