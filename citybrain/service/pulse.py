"""What a tick looks like from outside: board, figures, alarms, the health of controllers, what happened of late. Steers nothing.

Written by the engine's thread alone; what others read is replaced as a whole, never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from citybrain.service.alarms import Alarms
from citybrain.service.board import CHANGING, MODES, Board, Picture, index_bytes, queue_levels
from citybrain.service.congestion import Congestion, Indices, forecast_of
from citybrain.service.desk import Mode
from citybrain.service.endings import Under
from citybrain.service.engine import CityTick, Shard
from citybrain.service.figures import LONGEST_SPAN_S, Meter, Minute, comparison
from citybrain.service.fitness import Fitness
from citybrain.service.orders import Orders
from citybrain.service.recent import Recent
from citybrain.service.setting_words import setting_of
from citybrain.service.street import SILENT, Bytes, Street
from signals.layout import lay_out
from signals.types import Network, Observation

KPI_EVERY = 5  # ticks
INDICES_EVERY = 5
SLOW_S = 1.0
SCORED_LOOKS = 1800.0
MANY_SILENT = 0.15  # of all movements
SLOWEST_FADES = 0.999  # a tick


@dataclass(frozen=True, slots=True)
class State:
    """What the engine's thread has made last."""

    tick: CityTick | None = field(default=None, repr=False)
    indices: Indices | None = field(default=None, repr=False)
    minutes: tuple[Minute, ...] = ()
    kpi: dict[str, Any] = field(default_factory=dict)
    ticks: int = 0
    tick_s: float = 0.0
    slowest_s: float = 0.0
    error: str = ""


class Pulse:
    """Lives as long as the service."""

    def __init__(self, network: Network, *, simulated: bool) -> None:
        n = len(network.signals)
        self.board, self.recent, self.fitness, self.alarms = Board(n), Recent(network), Fitness(network), Alarms(network)
        self.state = State()
        self.scored = np.zeros((n, 2))
        """[signal] looks at what was worked out, and those at which it wanted the phase that ran"""
        self._names = [s.id for s in network.signals]
        self._index = {name: i for i, name in enumerate(self._names)}
        self._simulated = simulated
        self._congestion, self._meter = Congestion(network), Meter()
        self._start = lay_out(network).movement_start

    def see(self, tick: CityTick, shards: Sequence[Shard], orders: Orders, street: Street) -> bool:
        """Take a tick; whether some signal has become fit for automatic control, or unfit."""
        turned = self.fitness.see(tick.observed, street.health())
        self.alarms.clear("street")
        self.alarms.see(self.fitness, tick.now_s, street.reason_of, street.refused())
        self._mind_others(street.fenced(), tick.now_s)
        self._mind_sensors(tick)
        for k in tick.planned:
            self._score(shards[k], tick.observed)
        self._show(tick, shards, orders)
        return turned

    def _mind_others(self, fenced: int, now_s: float) -> None:
        if fenced:
            self.alarms.raise_("fenced", "", now_s, f"{fenced} of {len(self._names)}")
        else:
            self.alarms.clear("fenced")

    def _mind_sensors(self, tick: CityTick) -> None:
        """Silent or doubted sensors all over the city, which no single signal's alarm shows."""
        silent = float(np.isnan(tick.observed.queue_veh).mean())
        if silent >= MANY_SILENT:
            self.alarms.raise_("sensors", "", tick.now_s, f"{round(20.0 * silent) / 20.0:.0%}")  # in steps: not news every second
        elif silent < 0.5 * MANY_SILENT:
            self.alarms.clear("sensors")

    def _score(self, shard: Shard, seen: Observation) -> None:
        """Whether the plans that were worked out want the phases that run: what shadow mode is for. Forgets by halves."""
        if shard.last is not None:
            wanted = np.array([approved.plan.stages[0].phase for approved in shard.last.plans])
            own = shard.part.signals
            self.scored[own, 0] += 1.0
            self.scored[own, 1] += wanted == seen.phase[own]
            self.scored[own] *= np.where(self.scored[own, 0] > SCORED_LOOKS, 0.5, 1.0)[:, None]

    def _show(self, tick: CityTick, shards: Sequence[Shard], orders: Orders) -> None:
        seen, state = tick.observed, self.state
        light = np.where(np.isnan(seen.age_s) | (seen.phase < 0), 0, seen.phase + 1 + CHANGING * (seen.age_s < 0.0)).astype(np.uint8)
        self._congestion.see(seen)
        self._meter.see(seen)
        forecasts = tuple((s.part.movements, s.last.forecast) for s in shards if s.last is not None and s.last.forecast is not None)
        indices, minutes = state.indices, state.minutes
        if indices is None or state.ticks % INDICES_EVERY == INDICES_EVERY - 1:
            indices = self._congestion.indices(forecast_of(list(forecasts), seen.counts_veh.size))
        if self.recent.see(seen, light, self._under(orders)):
            minutes = self._minute(tick.now_s, indices, orders)
            self.recent.foresee(tick.now_s, forecasts)
        n = state.ticks + 1
        kpi = self._kpi(tick, orders, minutes) if n % KPI_EVERY == 1 else None
        self.state = replace(state, tick=tick, indices=indices, minutes=minutes, ticks=n, kpi=kpi or state.kpi, error="")
        queue_veh = np.add.reduceat(np.nan_to_num(seen.queue_veh), self._start[:-1])
        now, soon = index_bytes(indices.now), index_bytes(indices.soon)
        levels, modes = queue_levels(queue_veh), modes_of(orders, self._names)
        self._publish(Picture(self._n, tick.now_s, light, levels, modes, self.fitness.health, now, soon), kpi)

    def _under(self, orders: Orders) -> Under:
        """What the greens ran under until this tick."""
        held = frozenset(self._index[name] for name, one in orders.standing.items() if one.by_hand and name in self._index)
        return Under(self.state.tick.plans if self.state.tick is not None else (), held)

    @property
    def _n(self) -> int:
        latest = self.board.latest()
        return 1 if latest is None else latest.n + 1

    def _publish(self, picture: Picture, kpi: dict[str, Any] | None = None) -> None:
        self.board.publish(picture, kpi, self.alarms.news())

    def quiet(self, now_s: float, why: str) -> None:
        """Nothing is heard of the street: nobody's health is known, and everybody shall see that."""
        self.trouble("street", now_s, why)
        health = np.full(len(self._names), SILENT, dtype=np.uint8)
        latest = self.board.latest()
        self.fitness.health = health
        if latest is not None:
            self._publish(replace(latest, n=latest.n + 1, health=health))

    def trouble(self, kind: str, now_s: float, why: str) -> None:
        """Something of the service itself is wrong."""
        self.alarms.raise_(kind, "", now_s, why[:300])
        self.state = replace(self.state, error=why)

    def took(self, took_s: float, now_s: float) -> None:
        """How long the tick took."""
        state = self.state
        self.state = replace(state, tick_s=took_s, slowest_s=max(took_s, SLOWEST_FADES * state.slowest_s))
        if took_s > SLOW_S and state.ticks > 1:
            self.alarms.raise_("slow", "", now_s, f"{took_s:.1f} s")
        else:
            self.alarms.clear("slow")

    def forget(self) -> None:
        """The street's clock has jumped: what was gathered is of another time."""
        self._congestion.forget()
        self._meter = Meter()
        self.recent.forget()
        self.state = replace(self.state, minutes=(), indices=None)

    def _minute(self, now_s: float, indices: Indices, orders: Orders) -> tuple[Minute, ...]:
        """Close a minute; the last two hours stay at hand."""
        automatic = automatic_signals(orders, self._names)
        setting = setting_of(orders.controller, automatic, len(self._names))
        ends_s = float(np.floor(now_s / 60.0) * 60.0)
        whole = self._meter.whole(ends_s)
        minute = self._meter.close(ends_s, indices, setting)
        if not whole:
            return self.state.minutes
        return tuple(m for m in (*self.state.minutes, minute) if m.ends_s > ends_s - 2.0 * LONGEST_SPAN_S)

    def _kpi(self, tick: CityTick, orders: Orders, minutes: tuple[Minute, ...]) -> dict[str, Any]:
        last = minutes[-5:]
        passed_veh = sum(m.passed_veh for m in last)
        return {
            "now_s": tick.now_s,
            "simulated": self._simulated,
            "controller": orders.controller,
            "congestion": last[-1].congestion if last else None,
            "congestion_15": last[-1].congestion_15 if last else None,
            "queue_veh": float(np.nansum(tick.observed.queue_veh)) if np.isfinite(tick.observed.queue_veh).any() else None,
            "throughput_veh_h": passed_veh / len(last) * 60.0 if last else None,
            "delay_s_per_veh": sum(m.stopped_s for m in last) / passed_veh if passed_veh else None,
            **comparison(list(minutes)),
        }


def modes_of(orders: Orders, names: list[str]) -> Bytes:
    """[signal] index of its mode in `desk.Mode`."""
    modes = np.full(len(names), MODES[orders.mode], dtype=np.uint8)
    if orders.modes:
        for i, name in enumerate(names):
            if name in orders.modes:
                modes[i] = MODES[orders.modes[name]]
    return modes


def automatic_signals(orders: Orders, names: list[str]) -> int:
    """How many signals follow the controller."""
    return int((modes_of(orders, names) == MODES[Mode.AUTOMATIC]).sum())
