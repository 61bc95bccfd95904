"""Signals as rows, scenarios in turn."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("stable_baselines3", reason="needs the train extra")
pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl import features
from rl.simulation import NoForecast, site
from rl.vector import SignalRows
from signals.types import Network
from sumo_nets.scenario import Scenario

pytestmark = [pytest.mark.sumo, pytest.mark.train]


@pytest.fixture
def rows(small: Scenario, street: Scenario) -> Iterator[SignalRows]:
    env = SignalRows([site(replace(one, end_s=one.begin_s + 40.0)) for one in (small, street)], first_seed=1000)
    yield env
    env.close()


def test_there_is_a_row_for_every_signal_and_the_rest_may_only_stay(rows: SignalRows) -> None:
    seen = rows.reset()
    assert seen.shape == (5, 5, features.WIDTH)
    assert (seen[:4, :, features.RUNNING].sum(axis=1) == 1.0).all()
    assert not seen[4, :, features.RUNNING].any()
    assert seen[4, :, features.ALLOWED].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_scenarios_follow_each_other_under_seeds_that_count_up(rows: SignalRows) -> None:
    rows.reset()
    for _ in range(rows.round_decisions * 2):
        rows.step(np.zeros(5, dtype=np.int64))
    assert [(e.number, e.scenario, e.seed) for e in rows.ended] == [
        (0, "grid_2x2", 1000),
        (1, "arterial_5", 1001),
        (2, "grid_2x2", 1002),
        (3, "arterial_5", 1003),
    ]
    assert rows.episode == 4
    assert all(e.reward <= 0.0 for e in rows.ended)


def test_the_end_of_an_hour_is_a_truncation_with_its_last_observation(rows: SignalRows) -> None:
    rows.reset()
    for step in range(4):
        seen, rewards, dones, infos = rows.step(np.zeros(5, dtype=np.int64))
        assert dones.tolist() == [step == 3] * 5
        assert rewards[4] == 0.0
    assert all(info["TimeLimit.truncated"] for info in infos)
    assert infos[0]["terminal_observation"].shape == seen[0].shape
    assert (seen[:, :, features.RUNNING].sum(axis=1) == 1.0).all()


def test_an_action_beyond_a_signal_s_phases_is_its_last_phase(rows: SignalRows) -> None:
    rows.reset()
    rows.step(np.full(5, 4))
    assert rows.step(np.full(5, 4))[0].shape == (5, 5, features.WIDTH)


def test_the_forecaster_is_in_the_loop_of_every_other_round(small: Scenario, street: Scenario) -> None:
    made: list[str] = []

    def make(scenario: Scenario, network: Network) -> NoForecast:
        made.append(scenario.name)
        return NoForecast()

    sites = [site(replace(one, end_s=one.begin_s + 10.0)) for one in (small, street)]
    env = SignalRows(sites, 1000, make_forecaster=make)
    env.reset()
    for _ in range(5):
        env.step(np.zeros(5, dtype=np.int64))
    env.close()
    assert made == ["grid_2x2", "arterial_5", "grid_2x2", "arterial_5"]


def test_rows_of_one_simulation_have_nothing_of_their_own(rows: SignalRows) -> None:
    assert rows.env_is_wrapped(object) == [False] * 5
    assert rows.get_attr("render_mode") == [None] * 5
    with pytest.raises(NotImplementedError):
        rows.env_method("reset")
    with pytest.raises(NotImplementedError):
        rows.set_attr("episode", 3)
