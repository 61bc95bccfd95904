"""Stable-Baselines3 zips: their weights come in, nothing in them runs."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("stable_baselines3", reason="needs the train extra")

from rl.env import spaces  # noqa: E402
from rl.import_sb3 import import_zip, scorer_in  # noqa: E402
from rl.network_torch import ScorerPolicy, scorer_of  # noqa: E402
from rl.policy import load  # noqa: E402
from signals.errors import PolicyError  # noqa: E402

pytestmark = pytest.mark.train


class Bomb:
    """Says so when it is unpickled."""

    went_off = False

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return (setattr, (Bomb, "went_off", True))


def _bytes(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _zip(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(name.replace("__", "."), content)
    return path


def _weights() -> Any:
    torch.manual_seed(3)
    policy = ScorerPolicy(*spaces(3), lambda left: 1e-3, prior=4.0)
    torch.nn.init.normal_(policy.mlp_extractor.out.weight)
    return policy.state_dict()


def test_the_weights_come_in_and_the_pickles_beside_them_are_never_opened(tmp_path: Path) -> None:
    weights = _weights()
    bomb = pickle.dumps(Bomb())
    path = _zip(tmp_path / "model.zip", data=bomb, policy__pth=_bytes(weights), pytorch_variables__pth=bomb)
    policy = load(import_zip(path, tmp_path / "policy", prior=2.0))
    np.testing.assert_array_equal(policy.scorer.hidden_1, scorer_of(weights, 2.0).hidden_1)
    assert policy.card["imported_from"] == "model.zip"
    assert policy.card["prior"] == 2.0
    assert not Bomb.went_off


@pytest.mark.parametrize("content", ["pickle", "torch pickle", "no weights", "no zip", "other weights", "not finite"])
def test_a_zip_that_is_not_ours_is_one_sentence_and_runs_no_code(tmp_path: Path, content: str) -> None:
    path = tmp_path / "model.zip"
    if content == "no zip":
        path.write_bytes(pickle.dumps(Bomb()))
    elif content == "no weights":
        _zip(path, data=pickle.dumps(Bomb()))
    else:
        spoilt = {name: torch.full_like(tensor, float("nan")) for name, tensor in _weights().items()}
        inside = {
            "pickle": pickle.dumps(Bomb()),
            "torch pickle": _bytes(Bomb()),
            "other weights": _bytes({"q_net.0.weight": torch.zeros(3, 3)}),
            "not finite": _bytes(spoilt),
        }
        _zip(path, policy__pth=inside[content])
    with pytest.raises(PolicyError) as caught:
        load(import_zip(path, tmp_path / "policy"))
    assert "\n" not in str(caught.value)
    assert not Bomb.went_off


def test_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    weights = _weights()
    weights["mlp_extractor.hidden_1.weight"] = torch.zeros(64, 9)
    with pytest.raises(PolicyError, match="of another layout"):
        scorer_in(_zip(tmp_path / "model.zip", policy__pth=_bytes(weights)))
