"""Writes down what the engine did: a record a planned shard, the plans that came into force, the figures of each minute."""

from __future__ import annotations

import json
import sqlite3

import numpy as np

from citybrain.service.engine import CityTick, Engine, Shard
from citybrain.service.figures import Minute
from citybrain.service.record import encoded
from citybrain.service.store import Store, add_plan
from signals.layout import lay_out
from signals.types import Floats, Ints, Network, Observation

DAY_S = 86400.0
FORGOTTEN_AT_ONCE = 1000  # old records a minute: forgetting must not hold up a tick


class Scribe:
    """Lives as long as the service; used by the engine's thread alone."""

    def __init__(self, store: Store, network: Network, keep_days: float) -> None:
        self.store = store
        self._start = lay_out(network).movement_start
        self._keep_s = DAY_S * keep_days
        self._written_s = -np.inf

    def keep_days(self, days: float) -> None:
        """How long ticks are kept from now on."""
        self._keep_s = DAY_S * days

    def write(self, tick: CityTick, engine: Engine, minute: Minute | None) -> None:
        """One transaction a tick; ConfigError where the disk does not take it."""
        with self.store.transaction() as db:
            for k in tick.planned:
                shard = engine.shards[k]
                if shard.last is not None:
                    queue_veh = queues_of(shard.part.movements, self._start, shard.part.signals, tick.observed)
                    record = encoded(shard.last, k, queue_veh, shard.gate.open)
                    db.execute("INSERT INTO tick (now_s, shard, record) VALUES (?, ?, ?)", (tick.now_s, k, record))
                    archive(db, shard, engine.orders.controller, tick.now_s)
            if minute is not None and minute.ends_s > self._written_s:
                figures = json.dumps(minute.as_json())
                db.execute("INSERT OR REPLACE INTO minute (ends_s, figures) VALUES (?, ?)", (minute.ends_s, figures))
                old = "DELETE FROM tick WHERE id IN (SELECT id FROM tick WHERE now_s < ? LIMIT ?)"
                db.execute(old, (tick.now_s - self._keep_s, FORGOTTEN_AT_ONCE))
        if minute is not None:
            self._written_s = max(self._written_s, minute.ends_s)


def archive(db: sqlite3.Connection, shard: Shard, controller: str, now_s: float) -> None:
    """The controller's repeating plans that have just come into force; people's plans are put down with their commands."""
    rows = zip(shard.part.network.signals, shard.loop.running, shard.before, strict=True)
    for i, (signal, approved, before) in enumerate(rows):
        plan = approved.plan
        new = approved is not before and plan.repeats and plan.stages != before.plan.stages
        if new and plan is not signal.base and not shard.directed.stands(i):
            stages = tuple((s.phase, s.green_s) for s in plan.stages)
            add_plan(db, signal.id, now_s, controller, "made by the controller", stages, plan.offset_s)


def queues_of(movements: Ints, start: Ints, signals: Ints, seen: Observation) -> Floats:
    """[signal of a part] its queue; NaN where no sensor spoke."""
    sizes = np.diff(start)[signals]
    first = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    own = seen.queue_veh[movements]
    heard = np.add.reduceat((~np.isnan(own)).astype(np.float64), first)
    return np.where(heard > 0.0, np.add.reduceat(np.nan_to_num(own), first), np.nan)
