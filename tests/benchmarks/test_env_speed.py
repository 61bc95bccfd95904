"""Claims about the speed benchmark: all run the same episode, and the ratios are of what was measured."""

import importlib.util
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks import env_speed
from benchmarks.env_speed import driven, per_s, readings, recorded, rival_apart, timing_of, wall_s
from benchmarks.overhead import bare, in_fresh_process, replay_file
from citybrain.episode import EpisodeSpec
from signals.errors import LinkError
from sumo_nets.scenario import Scenario, scenario

pytestmark = pytest.mark.sumo
SPAN_S = 120.0


@pytest.fixture
def short() -> Scenario:
    one = scenario("grid_2x2")
    return replace(one, end_s=one.begin_s + SPAN_S)


def test_with_prices_without_them_and_bare_are_the_same_episode(short: Scenario, tmp_path: Path) -> None:
    lights = in_fresh_process(partial(recorded, short, tmp_path / "r.xml"))
    assert len(lights["steps"]) == SPAN_S
    assert lights["steps"][5] != lights["steps"][15]
    full = in_fresh_process(partial(driven, short, True, tmp_path / "f.xml"))
    spec = EpisodeSpec(scenario="grid_2x2", seed=env_speed.SEED, end_s=short.end_s)
    replay = replay_file(spec, lights["steps"], tmp_path / "replay.add.xml")
    run = in_fresh_process(partial(bare, spec, replay, tmp_path / "b.xml"))
    assert full["delay_s_per_veh"] == lights["delay_s_per_veh"] == run["delay_s_per_veh"] > 0.0
    assert full["decisions"] == SPAN_S / timing_of(short)[0]


def test_the_best_run_of_several_counts() -> None:
    assert per_s([{"decisions": 10, "cpu_s": 2.0}, {"decisions": 10, "cpu_s": 1.0}]) == 10.0


def test_a_job_that_fails_in_its_fork_is_an_error() -> None:
    assert wall_s(lambda: None, 2) > 0.0
    with pytest.raises(LinkError, match="failed in SUMO"):
        wall_s(lambda: sys.exit(3), 1)


def test_every_way_of_reading_is_timed(short: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env_speed, "READ_AT_S", 100.0)
    monkeypatch.setattr(env_speed, "READS", 3)
    row = in_fresh_process(partial(readings, short))
    assert row["vehicles"] > 10
    assert all(
        row[f"{way}_us"] > 0.0 for way in ("next_signal_and_speed", "lane_position_speed", "context_subscription", "variable_subscription")
    )


@pytest.mark.skipif(importlib.util.find_spec("sumo_rl") is None, reason="needs the bench extra (sumo-rl)")
@pytest.mark.parametrize("libsumo", [True, False])
def test_sumo_rl_makes_as_many_decisions(libsumo: bool) -> None:
    found = rival_apart("resco/cologne1", 60.0, libsumo)
    assert found["decisions"] == 6
    assert found["cpu_s"] > 0.0
