"""Signals as rows, scenarios in turn."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

pytest.importorskip("stable_baselines3", reason="needs the train extra")
pytest.importorskip("libsumo", reason="needs the sumo extra")

from citybrain.forecasts import forecaster_for
from rl import features
from rl.simulation import site
from rl.vector import Lane, SignalRows
from rl.workers import Course
from sumo_nets.scenario import Scenario

pytestmark = [pytest.mark.sumo, pytest.mark.train]


@pytest.fixture
def rows(small: Scenario, street: Scenario) -> Iterator[SignalRows]:
    env = SignalRows(course(small, street, 40.0), first_seed=1000)
    yield env
    env.close()


def course(small: Scenario, street: Scenario, span_s: float) -> Course:
    """Both scenarios, cut short."""
    return Course(tuple(site(replace(one, end_s=one.begin_s + span_s)) for one in (small, street)))


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
    env = SignalRows(replace(course(small, street, 10.0), make_forecaster=partial(forecaster_for, "profile")), 1000)
    known = [env.reset()[:, :, features.FORECAST_KNOWN].max() > 0.0]
    known += [env.step(np.zeros(5, dtype=np.int64))[0][:, :, features.FORECAST_KNOWN].max() > 0.0 for _ in range(4)]
    env.close()
    assert known == [True, True, False, False, True]


def test_lanes_run_the_same_scenario_at_a_time_under_seeds_of_their_own(small: Scenario, street: Scenario) -> None:
    env = SignalRows(course(small, street, 20.0), 1000, jobs=2)
    seen = env.reset()
    assert seen.shape == (10, 5, features.WIDTH)
    assert (seen[[4, 9], :, features.RUNNING] == 0.0).all()
    for _ in range(4):
        env.step(np.zeros(10, dtype=np.int64))
    env.close()
    assert [(e.number, e.scenario, e.seed) for e in env.ended] == [
        (0, "grid_2x2", 1000),
        (1, "grid_2x2", 1001),
        (2, "arterial_5", 1002),
        (3, "arterial_5", 1003),
    ]
    assert env.episode == 4
    assert [lane.number for lane in env.lanes] == [4, 5]


def test_lanes_go_on_in_the_middle_of_their_episodes(small: Scenario, street: Scenario) -> None:
    given = course(small, street, 40.0)
    env = SignalRows(given, 1000, jobs=2)
    env.reset()
    for phase in (0, 2, 1):
        stood = env.step(np.full(10, phase))[0]
    lanes = [Lane(lane.number, list(lane.played)) for lane in env.lanes]
    env.close()
    again = SignalRows(given, 1000, jobs=2, lanes=lanes)
    np.testing.assert_array_equal(again.reset(), stood)
    again.close()


def test_rows_of_one_simulation_have_nothing_of_their_own(rows: SignalRows) -> None:
    assert rows.env_is_wrapped(object) == [False] * 5
    assert rows.get_attr("render_mode") == [None] * 5
    with pytest.raises(NotImplementedError):
        rows.env_method("reset")
    with pytest.raises(NotImplementedError):
        rows.set_attr("episode", 3)
