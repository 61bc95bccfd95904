"""A run folder: whose it is, and what its card says."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("stable_baselines3", reason="needs the train extra")

from rl.checkpoint import FOLDER
from rl.run_folder import ARGS, claim, read_json, stored_args, write_json
from rl.train_args import TrainArgs
from signals.errors import ConfigError

pytestmark = pytest.mark.train


@pytest.fixture
def args(tmp_path: Path) -> TrainArgs:
    return TrainArgs(("grid_2x2",), 10, str(tmp_path / "run"))


def test_a_run_started_before_an_argument_existed_goes_on_with_its_default(args: TrainArgs) -> None:
    run = Path(args.run)
    assert claim(run, args, "citybrain train") is None
    (run / FOLDER / "0000000010.pt").write_bytes(b"")
    older = stored_args(run)
    del older["jobs"], older["variety"]
    write_json(run / ARGS, older)
    last = claim(run, replace(args, resume=True, steps=20), "citybrain train --resume")
    assert last is not None
    assert read_json(run / "origin.json")["command"] == "citybrain train"
    with pytest.raises(ConfigError, match="was started with jobs 1; it cannot go on with 2"):
        claim(run, replace(args, resume=True, jobs=2), "")


@pytest.mark.parametrize("content", [None, "[1]", "{"])
def test_a_folder_that_is_no_run_is_one_sentence(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / ARGS).write_text(content)
    with pytest.raises(ConfigError, match="expected a training run's folder"):
        stored_args(tmp_path)
