"""Claims about the overhead benchmark: the bare run it compares with is the very same episode."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import overhead
from citybrain.episode import EpisodeSpec

pytestmark = pytest.mark.sumo
SPEC = EpisodeSpec(scenario="grid_2x2", controller="max_pressure", seed=103, forecast="none", end_s=25200.0 + 240.0)


def test_replayed_lights_make_the_same_episode(tmp_path: Path) -> None:
    recorded = overhead.in_fresh_process(lambda: overhead.recorded_lights(SPEC))
    assert len(recorded["steps"]) == 240
    replay = overhead.replay_file(SPEC, recorded["steps"], tmp_path / "replay.add.xml")
    run = overhead.in_fresh_process(lambda: overhead.bare(SPEC, replay, tmp_path / "tripinfo.xml"))
    assert run["delay_s_per_veh"] == recorded["delay_s_per_veh"]


def test_other_lights_make_another_episode(tmp_path: Path) -> None:
    recorded = overhead.in_fresh_process(lambda: overhead.recorded_lights(SPEC))
    other = overhead.in_fresh_process(lambda: overhead.recorded_lights(replace(SPEC, controller="fixed")))
    replay = overhead.replay_file(SPEC, other["steps"], tmp_path / "replay.add.xml")
    run = overhead.in_fresh_process(lambda: overhead.bare(SPEC, replay, tmp_path / "tripinfo.xml"))
    assert run["delay_s_per_veh"] != recorded["delay_s_per_veh"]
