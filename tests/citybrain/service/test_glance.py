"""A look at one signal between two ticks: its newest snapshot, on its own axes; the rest as the last tick knew it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.service_load import Load, city_net, loaded, ready
from citybrain.intake.frame import encode_tracks
from citybrain.service.engine import Engine
from citybrain.service.glance import glance, gone_on

SIGNAL = 2


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    folder: Path = tmp_path_factory.mktemp("city")
    found = loaded(city_net(folder, 4), folder, folder / "state")
    ready(found, 6)
    yield found
    found.close()


@pytest.fixture
def engine(load: Load) -> Engine:
    load.play()
    load.tick()
    assert load.service.engine is not None
    return load.service.engine


def test_the_newest_snapshot_is_what_is_seen(load: Load, engine: Engine) -> None:
    now_s = load.street.now_s + 0.5
    tracks = load.street.snapshot(SIGNAL, now_s)
    load.intake.take_frame(encode_tracks(tracks))
    seen = glance(engine, load.intake.senses.snapshots, SIGNAL, now_s)
    lay = load.street.layout
    assert seen.now_s == now_s
    assert (seen.vehicle_lane + lay.lane_start[SIGNAL]).tolist() == tracks.lane.tolist()
    assert (seen.vehicle_movement + lay.movement_start[SIGNAL]).tolist() == tracks.movement.tolist()
    standing = tracks.movement[tracks.speed_mps < 2.0] - lay.movement_start[SIGNAL]
    assert seen.queue_veh.tolist() == np.bincount(standing, minlength=seen.queue_veh.size).tolist()


def test_without_a_newer_snapshot_it_is_what_the_tick_knew_moments_later(load: Load, engine: Engine) -> None:
    before = engine.glance(0)
    seen = glance(engine, load.intake.senses.snapshots, 0, before.now_s + 10.0)
    assert seen.vehicle_lane.tolist() == before.vehicle_lane.tolist()
    assert np.allclose(seen.age_s, before.age_s + 10.0)
    assert np.isnan(seen.counts_veh).all()


def test_red_goes_on_for_who_stands_at_red_only(engine: Engine) -> None:
    before = engine.glance(1)
    later = gone_on(before, before.now_s + 4.0)
    red = before.red_s > 0.0
    assert np.allclose(later.red_s[red], before.red_s[red] + 4.0) and (later.red_s[~red] == 0.0).all()
    assert gone_on(before, before.now_s - 1.0).now_s == before.now_s
