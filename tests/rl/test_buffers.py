"""What training remembers: signals, no empty rows."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("stable_baselines3", reason="needs the train extra")

from rl import features  # noqa: E402
from rl.buffers import RealMemory, RealRows  # noqa: E402
from rl.env import spaces  # noqa: E402
from rl.network_torch import array  # noqa: E402

pytestmark = pytest.mark.train


def test_the_buffer_hands_out_every_real_row_once_and_no_empty_one() -> None:
    seen, act = spaces(3)
    buffer = RealRows(4, seen, act, device="cpu", n_envs=3)
    for step in range(4):
        rows = np.zeros((3, 3, features.WIDTH), dtype=np.float32)
        rows[:2, 0, features.RUNNING] = 1.0  # the third row is no signal
        rows[:2, 0, features.AGE] = [step, 4 + step]
        none = torch.zeros(3)
        buffer.add(rows, np.zeros(3), np.zeros(3), np.zeros(3), none, none)
    batches = [array(batch.observations)[:, 0, features.AGE].tolist() for batch in buffer.get(4)]
    assert [len(b) for b in batches] == [4, 4]
    assert sorted(age for batch in batches for age in batch) == [float(k) for k in range(8)]
    assert [len(array(b.observations)) for b in buffer.get(5)] == [5, 3]
    assert [len(array(b.observations)) for b in buffer.get(7)] == [7]


def test_the_memory_hands_out_signals_only_and_takes_a_time_limit_for_no_end() -> None:
    seen, act = spaces(2)
    memory = RealMemory(12, seen, act, device="cpu", n_envs=3)
    rows = np.zeros((3, 2, features.WIDTH), dtype=np.float32)
    rows[:2, 0, features.RUNNING] = 1.0
    for step in range(6):  # more than it holds
        rows[:, 0, features.AGE] = step
        memory.add(rows, rows, np.zeros(3), np.arange(3.0), np.ones(3), [{"TimeLimit.truncated": step % 2 == 0}] * 3)
    np.random.seed(1)
    batch = memory.sample(300)
    assert set(array(batch.rewards).ravel().tolist()) == {0.0, 1.0}
    ages, dones = array(batch.observations)[:, 0, features.AGE], array(batch.dones).ravel()
    assert set(ages.tolist()) == {2.0, 3.0, 4.0, 5.0}
    assert (dones == ages % 2).all()
