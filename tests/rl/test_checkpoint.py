"""Checkpoints: whole or not at all, exact, and unable to run code."""

import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("stable_baselines3", reason="needs the train extra")

from rl import checkpoint  # noqa: E402
from rl.env import spaces  # noqa: E402
from rl.network_torch import ScorerPolicy  # noqa: E402
from rl.vector import Lane  # noqa: E402
from signals.errors import PolicyError  # noqa: E402

pytestmark = pytest.mark.train


def _model(seed: int, width: int = 3) -> Any:
    torch.manual_seed(seed)
    policy = ScorerPolicy(*spaces(width), lambda left: 1e-3, prior=4.0)
    return SimpleNamespace(policy=policy, num_timesteps=1230 + seed, _n_updates=8)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / checkpoint.FOLDER).mkdir()
    return tmp_path


def _stepped(model: Any) -> None:
    """One step of the optimiser, so that it holds momenta."""
    model.policy.optimizer.zero_grad()
    loss: Any = torch.stack([(p**2).sum() for p in model.policy.parameters()]).sum()
    loss.backward()
    model.policy.optimizer.step()


def test_a_checkpoint_restores_weights_momenta_counts_and_the_next_random_numbers(run: Path) -> None:
    model = _model(1)
    _stepped(model)
    np.random.seed(7)
    path = checkpoint.save(model, [Lane(6, [np.array([1, 0])]), Lane(5, [])], run)
    drawn = (torch.rand(3), np.random.permutation(9), np.random.normal())
    other = _model(2)
    state = checkpoint.load(path)
    checkpoint.restore(other, state)
    assert (state.episode, other.num_timesteps, other._n_updates) == (5, 1231, 8)
    assert [(lane.number, [one.tolist() for one in lane.played]) for lane in state.lanes] == [(6, [[1, 0]]), (5, [])]
    assert torch.equal(torch.rand(3), drawn[0])
    assert np.random.permutation(9).tolist() == drawn[1].tolist()
    assert np.random.normal() == drawn[2]
    for one in (model, other):
        _stepped(one)
    for a, b in zip(model.policy.parameters(), other.policy.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_newest_checkpoint_is_the_one_with_most_steps(run: Path) -> None:
    assert checkpoint.newest(run) is None
    for seed in (3, 1, 2):
        checkpoint.save(_model(seed), [Lane(0, [])], run)
    newest = checkpoint.newest(run)
    assert newest is not None
    assert newest.name == "0000001233.pt"


def test_a_half_written_file_is_not_a_checkpoint(run: Path) -> None:
    path = checkpoint.save(_model(1), [Lane(0, [])], run)
    path.rename(path.with_suffix(".part"))
    assert checkpoint.newest(run) is None


@pytest.mark.parametrize("content", ["truncated", "pickle", "empty", "other"])
def test_a_broken_checkpoint_is_one_sentence_and_runs_no_code(run: Path, content: str) -> None:
    path = checkpoint.save(_model(1), [Lane(0, [])], run)
    spoil: dict[str, Callable[[], Any]] = {
        "truncated": lambda: path.write_bytes(path.read_bytes()[:3000]),
        "pickle": lambda: path.write_bytes(pickle.dumps(Bomb())),
        "empty": lambda: path.write_bytes(b""),
        "other": lambda: torch.save({"steps": 3}, path),
    }
    spoil[content]()
    with pytest.raises(PolicyError) as caught:
        checkpoint.load(path)
    assert "\n" not in str(caught.value)
    assert not Bomb.went_off


def test_a_checkpoint_of_another_network_is_refused(run: Path) -> None:
    path = checkpoint.save(_model(1), [Lane(0, [])], run)
    state = checkpoint.load(path)
    state.content["policy"]["value_net.weight"] = torch.zeros(2, 2)
    with pytest.raises(PolicyError, match="does not fit"):
        checkpoint.restore(_model(2), state)


class Bomb:
    """Says so when it is unpickled."""

    went_off = False

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return (setattr, (Bomb, "went_off", True))
