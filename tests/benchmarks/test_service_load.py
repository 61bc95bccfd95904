"""The load on a service: a generated city is kept, ticks follow the schedule, an event becomes a plan in the link's hands."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.service_load import Load, city_net, events, loaded, memory_mb, open_loop, percentiles, ready

SIGNALS = 9


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("city")
    found = loaded(city_net(folder, SIGNALS), folder, folder / "state")
    ready(found, 8)
    yield found
    found.close()


def test_a_city_is_generated_once(tmp_path: Path) -> None:
    net = city_net(tmp_path, 4)
    made = net.stat().st_mtime_ns
    assert net.name == "grid-2x2.net.xml" and city_net(tmp_path, 3).stat().st_mtime_ns == made


def test_ticks_come_on_the_schedule_and_every_one_is_measured(load: Load) -> None:
    before = load.service.state.ticks
    slept: list[float] = []
    found = open_loop(load, 6, 0.0, slept.append)
    assert load.service.state.ticks == before + 6
    assert slept == [0.0] * 6
    assert (found.took_ms > 0.0).all() and (found.late_ms >= found.took_ms).all()
    assert (np.diff(found.late_ms) > 0.0).all()  # all were due at once: nobody forgives what came before
    assert found.pushes > 0


def test_ticks_are_written_down_and_shown(load: Load) -> None:
    watch = load.service.board.subscribe()
    open_loop(load, 1, 0.0, lambda seconds: None)
    assert b"event: w" in (watch.get(0.0) or b"")
    watch.close()
    assert len(list(load.service.records(0.0, load.street.now_s))) > 8


def test_a_frame_of_one_signal_leads_to_a_plan(load: Load) -> None:
    load.tick()
    took_ms, pushes = events(load, 20, np.random.default_rng(2))
    assert took_ms.size == 20 and (took_ms > 0.0).all() and 0 < pushes <= 20
    assert load.intake.senses.snapshots.at_s.max() == load.street.now_s + 0.5


def test_percentiles_are_those_of_the_values() -> None:
    found = percentiles(np.arange(1001.0))
    assert found == {"p50_ms": 500.0, "p99_ms": 990.0, "p99.9_ms": 999.0, "max_ms": 1000.0}
    assert json.dumps(found)


def test_memory_is_that_of_this_process() -> None:
    found = memory_mb()
    assert 50 < found["resident_mb"] <= found["worst_mb"] + 1
