"""Episodes as a judge runs them are those of `citybrain evaluate`."""

from contextlib import nullcontext
from pathlib import Path

import pytest

import citybrain.worker
from citybrain.episode import EpisodeSpec
from citybrain.judge import EpisodeJudge
from citybrain.worker import Worker
from rl.policy import SHIPPED

pytestmark = pytest.mark.sumo


def test_delays_come_by_scenario_in_the_order_of_the_seeds(one_worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(citybrain.worker, "Worker", lambda: nullcontext(one_worker))
    with EpisodeJudge(("grid_2x2", "arterial_5"), (101, 102), forecast="none", episode_s=120.0) as judge:
        found = judge.controller("fixed")
        learned = judge.policy(Path(SHIPPED))
    spec = EpisodeSpec("grid_2x2", "fixed", 102, forecast="none", end_s=25320.0)
    assert found["grid_2x2"][1] == one_worker.run(spec)["delay_s_per_veh"]
    assert [len(found[name]) for name in ("grid_2x2", "arterial_5")] == [2, 2]
    assert learned["grid_2x2"] != found["grid_2x2"]
