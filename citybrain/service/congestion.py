"""The congestion index 拥堵指数 of every signal, now and in 15 minutes, from what its sensors count.

Now: stopped vehicles over flow is their mean delay (Little 1961); with the free-flow time of the approaches it gives CI = 1 + d / t_ff.
In 15 minutes: that delay, times what HCM's delay does when the flows become those of the forecast under the green shares of late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from citybrain.service.remembering import remember
from signals.kernels.expected_delay import expected_delays_s
from signals.layout import Layout, lay_out
from signals.types import Floats, FlowForecast, Ints, Network, Observation

QUEUE_MEMORY_S = 120.0
FLOW_MEMORY_S = 300.0
GREEN_MEMORY_S = 600.0
LEAST_FLOW_VEH_S = 1.0 / 120.0  # of a signal: below it a queue's delay is taken for that of a vehicle in two minutes
CYCLE_S = 80.0
PERIOD_H = 0.25
YIELDING_SHARE = 0.5  # of a permissive green that a movement can use
MOST_CHANGE = 4.0  # of the delay within a quarter of an hour
HIGHEST_INDEX = 5.1  # what a byte holds
LEAST_FREE_S = 5.0
LEAST_SEEN_S = 60.0  # before that a queue has hardly had a flow to be divided by


@dataclass(frozen=True, slots=True)
class Indices:
    """By signal: congestion index now and in 15 minutes, delay of who passes, NaN where no sensor speaks; and the flow."""

    now: Floats
    soon: Floats
    delay_s: Floats
    flow_veh_s: Floats


class Congestion:
    """Lives as long as the service: remembers queues, flows and greens of the last minutes."""

    def __init__(self, network: Network) -> None:
        signals = network.signals
        self._layout = lay_out(network)
        self._of = self._layout.signal_of
        self._free_s = free_s(self._layout)
        self._saturation_veh_h = self._layout.movement_saturation_veh_h
        self._queue_veh = np.zeros(len(signals))
        self._heard = np.zeros(len(signals), dtype=np.bool_)
        self._flow_veh_s = np.zeros(self._layout.movements)
        self._usable = np.array([0.0, YIELDING_SHARE, 1.0])
        self._share = np.zeros(self._layout.movements)
        self._now_s, self._seen_s = np.nan, 0.0

    def see(self, seen: Observation) -> None:
        """Take an observation of the whole city."""
        step_s = seen.now_s - self._now_s if self._now_s == self._now_s else 0.0
        first = self._now_s != self._now_s
        self._now_s = seen.now_s
        if not (first or step_s > 0.0):
            return
        to_queue, to_flow, to_green = (1.0 - math.exp(-step_s / s) for s in (QUEUE_MEMORY_S, FLOW_MEMORY_S, GREEN_MEMORY_S))
        weights = (1.0, 0.0, 1.0) if first else (to_queue, to_flow, to_green)
        remember(
            seen.queue_veh, seen.counts_veh, seen.phase, seen.age_s, self._layout.serves, self._layout.movement_start, self._usable,
            weights, step_s, self._queue_veh, self._heard, self._flow_veh_s, self._share,
        )  # fmt: skip
        self._seen_s += step_s

    def forget(self) -> None:
        """The clock has jumped: begin anew."""
        self._now_s, self._seen_s = np.nan, 0.0
        self._flow_veh_s[:] = 0.0

    def indices(self, forecast_veh_h: Floats | None) -> Indices:
        """The indices; `forecast_veh_h` [movement], None or NaN where nobody forecasts: then it stays as it is."""
        n = self._queue_veh.size
        flow_veh_s = self._by_signal(self._recent_flow_veh_s())
        delay_s = self._queue_veh / np.maximum(flow_veh_s, LEAST_FLOW_VEH_S)
        change = np.ones(n) if forecast_veh_h is None else self._change(forecast_veh_h)
        silent = np.where(self._heard & (self._seen_s >= LEAST_SEEN_S), 0.0, np.nan)
        now = np.minimum(1.0 + delay_s / self._free_s, HIGHEST_INDEX) + silent
        soon = np.minimum(1.0 + change * delay_s / self._free_s, HIGHEST_INDEX) + silent
        return Indices(now, soon, delay_s + silent, flow_veh_s)

    def _change(self, forecast_veh_h: Floats) -> Floats:
        """[signal] by how much the mean delay of a vehicle grows when the flows become those of the forecast."""
        flow_veh_h = self._recent_flow_veh_s() * 3600.0
        coming_veh_h = np.where(np.isnan(forecast_veh_h), flow_veh_h, forecast_veh_h)
        now_s, soon_s = (self._mean_delay_s(flow) for flow in (flow_veh_h, coming_veh_h))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = soon_s / now_s
        return np.where(np.isfinite(ratio), np.clip(ratio, 1.0 / MOST_CHANGE, MOST_CHANGE), 1.0)

    def _mean_delay_s(self, flow_veh_h: Floats) -> Floats:
        """[signal] delay of the mean vehicle by the formulas."""
        delay_s = expected_delays_s(flow_veh_h, self._saturation_veh_h, np.minimum(self._share, 1.0), CYCLE_S, PERIOD_H)
        known = ~np.isnan(delay_s)
        total = self._by_signal(np.where(known, flow_veh_h * np.nan_to_num(delay_s), 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(total / self._by_signal(np.where(known, flow_veh_h, 0.0)))

    def _recent_flow_veh_s(self) -> Floats:
        """[movement] the flow of late; its memory began with nothing, so it is scaled up until it is full."""
        return np.asarray(self._flow_veh_s / max(1.0 - np.exp(-self._seen_s / FLOW_MEMORY_S), 1e-9))

    def _by_signal(self, values: Floats) -> Floats:
        """[signal] sums of [movement]."""
        return np.bincount(self._of, values, self._queue_veh.size).astype(np.float64, copy=False)


def free_s(layout: Layout) -> Floats:
    """[signal] mean free-flow time of the approach lanes [s]."""
    driven = layout.lane_speed_mps > 0.0
    times_s = layout.lane_sensed_m[driven] / layout.lane_speed_mps[driven]
    of, n = layout.signal_of_lane[driven], len(layout.phases)
    return np.maximum(np.bincount(of, times_s, n) / np.maximum(np.bincount(of, minlength=n), 1), LEAST_FREE_S)


def forecast_of(forecasts: list[tuple[Ints, FlowForecast | None]], movements: int) -> Floats:
    """[movement] the first bin of the shards' forecasts, each of the movements at these places; NaN where there is none."""
    flow_veh_h = np.full(movements, np.nan)
    for places, forecast in forecasts:
        if forecast is not None:
            flow_veh_h[places] = forecast.flow_veh_h[0]
    return flow_veh_h
