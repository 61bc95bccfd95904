"""The shipped policy, the planner that runs it, and every way a stored policy can be broken."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rl import features
from rl.observation import layout_hash
from rl.policy import ARRAYS, CARD, SHIPPED, LearnedPlanner, Policy, load
from rl.scorer import untrained
from signals.errors import PolicyError
from signals.planners.rolling_horizon import RollingHorizon
from signals.safety import adopt, vet
from signals.types import Network, Observation, SafetyEnvelope

Sees = Callable[..., Observation]


def _card_with(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> object:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        return (folder / CARD).write_text(json.dumps(card | changes), encoding="utf-8")

    return change


def _arrays_with(**changes: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Callable[[Path], object]:
    def change(folder: Path) -> object:
        with np.load(folder / ARRAYS) as opened:
            arrays = dict(opened)
        np.savez(folder / ARRAYS, **(arrays | changes))
        return None

    return change


def _truncated(folder: Path) -> object:
    whole = (folder / ARRAYS).read_bytes()
    return (folder / ARRAYS).write_bytes(whole[: len(whole) // 2])


def _pickled(folder: Path) -> object:
    with zipfile.ZipFile(folder / ARRAYS, "w") as packed:
        packed.writestr("data", "{}")
        packed.writestr("policy.pth", b"\x80\x04.")
    return None


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "no such file"),
    "no card": (lambda f: (f / CARD).unlink(), "no such file"),
    "no arrays": (lambda f: (f / ARRAYS).unlink(), "no such file"),
    "another layout": (_card_with(layout_hash="0123456789ab"), "observation layout 0123456789ab"),
    "another format": (_card_with(format="something/9"), "expected format"),
    "a prior that is no number": (_card_with(prior="four"), "prior is 'four'"),
    "an endless prior": (_card_with(prior=float("inf")), "finite"),
    "a card that is no JSON": (lambda f: (f / CARD).write_text("{"), "not a readable card"),
    "a card that is a list": (lambda f: (f / CARD).write_text("[]"), "not the card of a policy"),
    "a card of bytes": (lambda f: (f / CARD).write_bytes(b"\xff\xfe\x00"), "not a readable card"),
    "truncated arrays": (_truncated, "no arrays can be read"),
    "arrays that are a pickle": (lambda f: (f / ARRAYS).write_bytes(b"\x80\x04\x95."), "pickle"),
    "arrays that are an SB3 archive": (_pickled, "Stable-Baselines3"),
    "an array of objects": (_arrays_with(bias=np.array([print], dtype=object)), "pickle"),
    "an array too many": (_arrays_with(more=np.zeros(1)), "expected the arrays"),
    "an array of another shape": (_arrays_with(out=np.zeros(7, np.float32)), "out has shape (7,)"),
    "an array of no axes": (_arrays_with(bias=np.float32(1.0) * np.ones((), np.float32)), "bias has shape ()"),
    "an array of another type": (_arrays_with(out=np.zeros(64)), "float64"),
    "another policy's array": (_arrays_with(out=np.zeros(64, np.float32)), "not those of the card"),
    "an array with a NaN": (_arrays_with(out=np.full(64, np.nan, np.float32)), "not finite"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "policy"
    shutil.copytree(SHIPPED, folder)
    return folder


@pytest.mark.parametrize("defect", BROKEN)
def test_a_defect_of_the_folder_is_one_sentence(copy: Path, defect: str) -> None:
    spoil, words = BROKEN[defect]
    spoil(copy)
    with pytest.raises(PolicyError) as caught:
        load(copy)
    sentence = str(caught.value)
    assert words in sentence
    assert str(copy) in sentence
    assert "\n" not in sentence


def test_a_file_instead_of_a_folder_is_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "model.zip"
    file.write_bytes(b"PK")
    with pytest.raises(PolicyError, match="is a file; expected a folder"):
        load(file)


def test_the_shipped_policy_loads_and_is_small() -> None:
    policy = load()
    assert policy.card["layout_hash"] == layout_hash()
    assert sum(f.stat().st_size for f in SHIPPED.iterdir()) < 200_000


def test_the_card_says_where_the_policy_comes_from() -> None:
    card = load().card
    for key in (
        "trained_on",
        "training_seeds",
        "lessons",
        "command",
        "sumo_version",
        "code_version",
        "validation",
        "prior_enters",
    ):
        assert card[key], key
    assert card["licence"] == "Apache-2.0"
    assert card["command"].startswith("citybrain train")


def test_the_shipped_weights_say_something_of_their_own() -> None:
    rows = np.random.default_rng(0).random((200, 3, features.WIDTH), dtype=np.float32)
    rows[..., 0] = 1.0
    learned, prior = load().scorer.scores(rows).argmax(axis=1), untrained().scores(rows).argmax(axis=1)
    assert (learned != prior).mean() > 0.05


def test_the_planner_is_level_with_the_lookahead_before_training(network: Network, limits: tuple[SafetyEnvelope, ...], sees: Sees) -> None:
    observed, running = sees(tuple((m, 5.0 + 8.0 * k, 0.0) for m in (1, 4) for k in range(5))), adopt(network, 100.0)
    wish = LearnedPlanner(network, limits, Policy(untrained(), {})).propose(network, observed, None, running)
    assert wish == RollingHorizon(network, limits).propose(network, observed, None, running)
    assert [plan.stages[0].phase for plan in wish] == [1, 1]


def test_the_shipped_planner_makes_plans_that_safety_accepts(network: Network, limits: tuple[SafetyEnvelope, ...], sees: Sees) -> None:
    observed, running = sees(tuple((1, 5.0 + 8.0 * k, 0.0) for k in range(9))), adopt(network, 100.0)
    for planner in (LearnedPlanner(network, limits), LearnedPlanner(network, limits, SHIPPED)):
        wish = planner.propose(network, observed, None, running)
        assert wish[0].stages[0].phase == 1
        assert not any(one.objections for one in vet(wish, running, observed, network, limits))


def test_running_a_policy_needs_neither_torch_nor_sumo() -> None:
    code = (
        "import sys\nfor name in ('torch', 'stable_baselines3', 'libsumo', 'traci', 'sumolib'): sys.modules[name] = None\n"
        "import rl, rl.policy\nrl.policy.load()"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
