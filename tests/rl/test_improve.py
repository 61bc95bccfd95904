"""Rounds of lessons and fits: the same however often a run is cut off."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl.fit import Fitting
from rl.futures import Teaching
from rl.improve import ImproveArgs, Step, Subject, episodes, improve
from rl.policy import load
from signals.errors import ConfigError

pytestmark = [pytest.mark.train, pytest.mark.sumo]

SMALL = ImproveArgs(
    (Subject("grid_2x2", 1, 0.02), Subject("arterial_5", 1, 0.02, (0.5,))),
    "",
    forecast="none",
    rounds=2,
    teaching=Teaching(horizon_s=20.0, alternatives=1, wander=0.0),
    fitting=Fitting(epochs=2, batch=16),
    validate_seeds=(),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> ImproveArgs:
    """A whole run."""
    args = replace(SMALL, run=str(tmp_path_factory.mktemp("improve") / "run"))
    improve(args, None, None, "a test")
    return args


def test_a_run_that_was_cut_off_ends_with_the_same_policy(finished: ImproveArgs, tmp_path: Path) -> None:
    again = replace(finished, run=str(tmp_path / "run"), resume=True, jobs=2)
    shutil.copytree(finished.run, again.run)
    shutil.rmtree(Path(again.run) / "policy")
    shutil.rmtree(Path(again.run) / "candidates")
    lost = [path for _, _, path in episodes(again, 1)]
    lost[0].unlink()
    lost[1].write_bytes(b"half a file")
    told: list[Step] = []
    improve(again, None, told.append)
    assert [step.taught is not None for step in told].count(True) == 2
    with np.load(Path(finished.run) / "policy" / "arrays.npz") as one, np.load(Path(again.run) / "policy" / "arrays.npz") as other:
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_the_card_says_what_was_learned_from(finished: ImproveArgs) -> None:
    card = load(Path(finished.run) / "policy").card
    assert card["trained_on"] == ["grid_2x2", "arterial_5"]
    assert card["training_seeds"] == "1000 to 1003, one an episode"
    assert min(card["lessons"].values()) > 0
    assert card["command"] == "a test"
    assert card["round"] == 2


def test_another_run_is_not_gone_on_with(finished: ImproveArgs) -> None:
    with pytest.raises(ConfigError, match="already holds a run"):
        improve(finished)
    with pytest.raises(ConfigError, match="was started with rounds 2"):
        improve(replace(finished, resume=True, rounds=3))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"subjects": ()}, "no subjects"),
        ({"rounds": 0}, "rounds is 0"),
        ({"subjects": (Subject("grid_2x2", share=0.0),)}, "a share in"),
        ({"subjects": (Subject("grid_2x2", demand=()),)}, "demands above 0"),
        ({"validate_seeds": (1000,)}, "not trained on"),
        ({"validate_on": ("nowhere",)}, "nowhere"),
    ],
)
def test_arguments_that_cannot_be_trained_with_are_one_sentence(tmp_path: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(Exception, match=says) as caught:
        improve(replace(SMALL, run=str(tmp_path / "run"), **change))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
