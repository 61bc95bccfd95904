"""What is written down: plans that came into force, minutes once each, and no more than is to be kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from citybrain.service.desk import Mode, SetController, SetMode
from citybrain.service.figures import Minute
from citybrain.service.scribe import Scribe, queues_of
from citybrain.service.service import CityService
from citybrain.service.shards import axes_of, part_of
from citybrain.service.store import Store
from signals.types import Network

pytestmark = pytest.mark.sumo
Ticked = Callable[[CityService, int], None]


def test_a_controller_s_repeating_plans_are_archived_when_they_come_into_force(serving: CityService, grid: Network, ticked: Ticked) -> None:
    serving.submit(SetMode(Mode.AUTOMATIC), "Ann")
    serving.submit(SetController("coordinated"), "Ann")
    ticked(serving, 60)
    for signal in grid.signals:
        plans = serving.stored_plans(signal.id, 10)
        assert plans[-1].by == "as built"
        running = serving.engine.plan_of(serving.names[signal.id]).plan if serving.engine is not None else signal.base
        if running is not signal.base:
            assert plans[0].by == "coordinated" and plans[0].stages == tuple((s.phase, s.green_s) for s in running.stages)


def test_in_shadow_mode_nothing_comes_into_force(serving: CityService, grid: Network, ticked: Ticked) -> None:
    serving.submit(SetController("webster"), "Ann")
    ticked(serving, 30)
    assert all(len(serving.stored_plans(s.id, 10)) == 1 for s in grid.signals)


def test_a_minute_is_written_once_and_old_ticks_are_forgotten(serving: CityService, grid: Network, tmp_path: Path, ticked: Ticked) -> None:
    ticked(serving, 30)
    tick, engine = serving.state.tick, serving.engine
    assert tick is not None and engine is not None
    scribe = Scribe(Store(tmp_path / "other.db", durable=False), grid, keep_days=1.0)
    try:
        for k in range(5):
            scribe.write(tick, engine, None if k == 0 else Minute(60.0 * k, 1.0, 2.0, 1.0, 1.0, "x"))
        scribe.write(tick, engine, Minute(240.0, 9.0, 9.0, 9.0, 9.0, "again"))
        assert [m["queue_veh"] for m in scribe.store.minutes(0.0, np.inf)] == [1.0] * 4
        count = scribe.store.db.execute("SELECT count(*) FROM tick").fetchone()[0]
        scribe.keep_days(1e-9)
        scribe.store.db.execute("UPDATE tick SET now_s = 0")
        scribe.write(tick, engine, Minute(300.0, 1.0, 1.0, 1.0, 1.0, "x"))
        assert scribe.store.db.execute("SELECT count(*) FROM tick").fetchone()[0] <= count - count + len(tick.planned)
    finally:
        scribe.store.close()


def test_a_signal_without_any_sensor_has_no_queue(serving: CityService, grid: Network, ticked: Ticked) -> None:
    ticked(serving, 2)
    tick, axes = serving.state.tick, axes_of(grid)
    assert tick is not None
    part = part_of(grid, axes, np.array([1, 2]))
    queue_veh = tick.observed.queue_veh.copy()
    queue_veh[axes.movement_start[2] : axes.movement_start[3]] = np.nan
    found = queues_of(part.movements, axes.movement_start, part.signals, replace(tick.observed, queue_veh=queue_veh))
    assert found[0] == np.nansum(queue_veh[axes.movement_start[1] : axes.movement_start[2]]) and np.isnan(found[1])
