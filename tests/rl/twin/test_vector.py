"""Copies of the twin as rows: episodes follow each other, threads change nothing."""

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from rl.twin.twin import Twin
from rl.twin.vector import TwinRows
from signals.types import Floats

pytestmark = pytest.mark.train


def rewards(rows: TwinRows, steps: int) -> Floats:
    """What each row [row] gains from holding phase 0 and 1 in turn, over so many decisions."""
    rows.reset()
    total = np.zeros(rows.num_envs)
    for k in range(steps):
        rows.step_async(np.full(rows.num_envs, k // 3 % 2))
        total += rows.step_wait()[1]
    rows.close()
    return total


def test_copies_have_seeds_of_their_own_and_threads_change_nothing(twin: Twin) -> None:
    one, shared = (rewards(TwinRows((twin,), 3, 101, cores=cores), 20) for cores in (1, 2))
    np.testing.assert_array_equal(one, shared)
    assert len({round(float(v), 6) for v in one.reshape(3, 4).sum(axis=1)}) == 3


def test_an_episode_that_ends_is_noted_cut_off_not_finished_and_followed_by_the_next(twin: Twin) -> None:
    rows = TwinRows((twin,), 2, 101, draw_demand=lambda seed: 0.5)
    rows.reset()
    for _ in range(rows.round_decisions):
        rows.step_async(np.zeros(rows.num_envs, dtype=np.int64))
        _, _, over, infos = rows.step_wait()
    assert over.all()
    assert all(info["TimeLimit.truncated"] and info["terminal_observation"].shape == rows.observation_space.shape for info in infos)
    assert [(e.number, e.seed) for e in rows.ended] == [(0, 101), (1, 102)]
    assert rows.episode == 4
    assert all(e.reward < 0.0 and e.delay_s_per_veh > 0.0 for e in rows.ended)
