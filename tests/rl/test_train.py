"""Training on our own small network: it learns, it can be killed, and it goes on."""

import json
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("stable_baselines3", reason="needs the train extra")
pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl import checkpoint  # noqa: E402
from rl.policy import SHIPPED, load  # noqa: E402
from rl.selection import Verdict, candidates, ship  # noqa: E402
from rl.train import Progress, TrainArgs, train  # noqa: E402
from signals.errors import ConfigError, PolicyError, ScenarioError  # noqa: E402

pytestmark = [pytest.mark.train, pytest.mark.sumo]

ARGS = TrainArgs(("grid_2x2",), steps=96, run="", episode_s=120.0, batch=24, checkpoint_rollouts=1)


@pytest.fixture
def args(tmp_path: Path) -> TrainArgs:
    return replace(ARGS, run=str(tmp_path / "run"))


def _weights(run: str) -> dict[str, Any]:
    last = checkpoint.newest(Path(run))
    assert last is not None
    weights: dict[str, Any] = checkpoint.load(last).content["policy"]
    return weights


def test_a_run_leaves_checkpoints_a_tensorboard_log_and_a_policy_that_loads(args: TrainArgs) -> None:
    told: list[Progress] = []
    folder = train(args, progress=told.append, command="citybrain train --steps 96")
    run = Path(args.run)
    assert [p.name for p in sorted((run / checkpoint.FOLDER).iterdir())] == ["0000000048.pt", "0000000096.pt"]
    assert list((run / "tb").glob("events.out.tfevents.*"))
    policy = load(folder)
    assert policy.card["steps"] == 96
    assert policy.card["episodes"] == 2
    assert policy.card["command"] == "citybrain train --steps 96"
    assert np.abs(policy.scorer.out).max() > 0.0
    mean = np.mean([load(one).scorer.out for one in candidates(run)], axis=0)
    np.testing.assert_allclose(policy.scorer.out, mean, atol=1e-7)
    assert [p.steps for p in told] == [48, 96]
    assert [e.number for p in told for e in p.episodes] == [0, 1]


def test_a_run_killed_in_the_middle_goes_on_from_its_last_checkpoint(args: TrainArgs) -> None:
    long = replace(args, steps=48_000)
    code = f"from rl.train import TrainArgs, train\ntrain(TrainArgs(**{asdict(long)!r}))"
    child = subprocess.Popen([sys.executable, "-c", code])
    patience = time.monotonic() + 60.0
    while checkpoint.newest(Path(args.run)) is None and time.monotonic() < patience:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    last = checkpoint.newest(Path(args.run))
    assert last is not None
    before = checkpoint.load(last)
    steps = before.content["steps"]
    told: list[Progress] = []
    train(replace(args, steps=steps + 48, resume=True), progress=told.append)
    assert [p.steps for p in told] == [steps + 48]
    assert told[0].episodes[0].number == before.episode
    assert any(not torch.equal(before.content["policy"][k], v) for k, v in _weights(args.run).items())


def test_a_resumed_run_ends_where_an_unbroken_one_does(args: TrainArgs, tmp_path: Path) -> None:
    unbroken, halves = replace(args, steps=144), replace(args, run=str(tmp_path / "halves"))
    train(unbroken)
    (tmp_path / "halves" / checkpoint.FOLDER).mkdir(parents=True)
    middle = Path(args.run) / checkpoint.FOLDER / "0000000096.pt"
    (tmp_path / "halves" / checkpoint.FOLDER / middle.name).write_bytes(middle.read_bytes())
    (tmp_path / "halves" / "args.json").write_text(json.dumps(asdict(halves)))
    train(replace(halves, steps=144, resume=True))
    resumed = _weights(halves.run)
    for name, tensor in _weights(args.run).items():
        torch.testing.assert_close(resumed[name], tensor)


def test_a_finished_run_is_only_exported_again(args: TrainArgs) -> None:
    train(args)
    before = _weights(args.run)
    train(replace(args, resume=True))
    assert all(torch.equal(before[k], v) for k, v in _weights(args.run).items())


def test_a_run_folder_is_neither_overwritten_nor_continued_with_other_arguments(args: TrainArgs) -> None:
    train(args)
    with pytest.raises(ConfigError, match="already holds a run"):
        train(args)
    with pytest.raises(ConfigError, match=r"was started with gamma 0\.9"):
        train(replace(args, resume=True, gamma=0.5))


def test_a_broken_checkpoint_stops_the_resumption(args: TrainArgs) -> None:
    train(args)
    last = checkpoint.newest(Path(args.run))
    assert last is not None
    last.write_bytes(last.read_bytes()[:500])
    with pytest.raises(PolicyError, match="not a readable checkpoint"):
        train(replace(args, resume=True, steps=200))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scenarios": ()}, "no scenarios"),
        ({"steps": 0}, "steps is 0"),
        ({"gamma": 1.5}, "gamma is 1.5"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"entropy": -1.0}, "entropy is -1.0"),
        ({"rules": "none"}, "expected one of resco"),
    ],
)
def test_arguments_that_cannot_be_trained_with_are_one_sentence(args: TrainArgs, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        train(replace(args, **changes))


def test_an_unknown_scenario_is_refused_before_the_run_folder_is_made(args: TrainArgs) -> None:
    with pytest.raises(ScenarioError):
        train(replace(args, scenarios=("grid_2x3",)))
    assert not Path(args.run).exists()


def test_a_chosen_candidate_ships_with_its_validation_on_the_card(args: TrainArgs, tmp_path: Path) -> None:
    train(args, command="citybrain train --steps 96")
    run = Path(args.run)
    single, mean = candidates(run), candidates(run, average=2)
    assert [load(folder).card["steps"] for folder in single] == [48, 96]
    outs = [load(folder).scorer.out for folder in single]
    np.testing.assert_allclose(load(mean[0]).scorer.out, np.mean(outs, axis=0), atol=1e-7)
    delays_s = {"grid_2x2": [20.0, 22.0]}
    ship(Verdict(mean[0], delays_s, 0.9), tmp_path / "out", "rolling_horizon", delays_s, "101-102")
    card = load(tmp_path / "out").card
    assert card["mean_of_checkpoints_at_steps"] == [48, 96]
    assert card["validation"]["policy"]["grid_2x2"] == {"mean": 21.0, "worst": 22.0}
    assert card["command"] == "citybrain train --steps 96"
    np.testing.assert_array_equal(load(tmp_path / "out").scorer.out, load(mean[0]).scorer.out)


def test_the_command_on_the_shipped_card_names_a_file_that_holds_the_card_s_arguments() -> None:
    card = load().card
    words = shlex.split(card["command"])
    assert words[:3] == ["citybrain", "train", "--config"]
    file = SHIPPED.parents[2] / words[3]
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    named = TrainArgs(**(table | {"scenarios": tuple(table["scenarios"])}))
    given = json.loads(json.dumps(asdict(named)))
    assert card["args"] == {name: value for name, value in given.items() if name not in ("run", "resume")}
