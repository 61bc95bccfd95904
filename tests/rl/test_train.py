"""Training on our own small network: it learns, it can be killed, and it goes on."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("stable_baselines3", reason="needs the train extra")
pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl import checkpoint  # noqa: E402
from rl.policy import load  # noqa: E402
from rl.selection import Delays, candidates, judged, ship  # noqa: E402
from rl.train import Progress, TrainArgs, train  # noqa: E402
from rl.variety import Variety  # noqa: E402
from signals.errors import ConfigError, PolicyError, ScenarioError  # noqa: E402
from sumo_nets.generated import Generated  # noqa: E402

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


KILLED = {
    "two jobs": {"jobs": 2, "steps": 192},
    "checkpoints in the middle of episodes of different lengths": {
        "rollout_decisions": 9, "steps": 108, "variety": Variety(demand=(0.8, 1.2), decision_s=(5.0, 10.0)),
    },
    "a value method": {"method": "value", "prior": 0.5, "learn_after": 20, "memory": 80, "target_every": 40, "quantiles": 5},
}  # fmt: skip


@pytest.mark.parametrize("changes", KILLED.values(), ids=KILLED.keys())
def test_a_run_killed_at_any_moment_ends_with_the_same_weights(args: TrainArgs, tmp_path: Path, changes: dict[str, Any]) -> None:
    whole = replace(args, **changes)
    train(whole)
    killed = replace(whole, run=str(tmp_path / "killed"), resume=True)
    code = f"from rl.train import TrainArgs, train\nfrom rl.variety import Variety\ntrain({killed!r})"
    child = subprocess.Popen([sys.executable, "-c", code])
    patience, moment_s = time.monotonic() + 120.0, np.random.default_rng(len(changes)).uniform(0.0, 0.5)
    while checkpoint.newest(Path(killed.run)) is None and child.poll() is None and time.monotonic() < patience:
        time.sleep(0.01)
    time.sleep(moment_s)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert checkpoint.newest(Path(killed.run)) is not None
    train(killed)
    assert [p.name for p in checkpoint.files(Path(killed.run))] == [p.name for p in checkpoint.files(Path(whole.run))]
    resumed = _weights(killed.run)
    assert all(torch.equal(resumed[name], tensor) for name, tensor in _weights(whole.run).items())


class Told:
    """A judge who answers from a table and counts how often it was asked."""

    def __init__(self, of_policies: list[float]) -> None:
        self.asked: list[str] = []
        self._of_policies = iter(of_policies)

    def controller(self, name: str) -> Delays:
        self.asked.append(name)
        return {"grid_2x2": [20.0, 22.0]}

    def policy(self, folder: Path) -> Delays:
        self.asked.append(folder.name)
        worst = next(self._of_policies)
        return {"grid_2x2": [19.0, worst]}


def test_the_checkpoint_of_the_best_worst_seed_is_kept_and_nothing_is_judged_twice(args: TrainArgs) -> None:
    judge = Told([23.0, 21.0])
    validated = replace(args, validate_checkpoints=1)
    told: list[Progress] = []
    policy = load(train(validated, judge=judge, progress=told.append))
    assert judge.asked == ["rolling_horizon", "fixed", "0000000048_mean_of_1", "0000000096_mean_of_2"]
    assert policy.card["mean_of_checkpoints_at_steps"] == [48, 96]
    assert policy.card["validation"]["worst"] == round(21.0 / 22.0, 4)
    assert policy.card["validation"]["rolling_horizon"]["grid_2x2"] == {"mean": 21.0, "worst": 22.0}
    assert [round(v.worst * 22.0, 6) for p in told for v in p.verdicts] == [23.0, 21.0]
    train(replace(validated, resume=True), judge=judge)
    assert len(judge.asked) == 4


def test_generated_networks_are_trained_on_too(args: TrainArgs) -> None:
    told: list[Progress] = []
    made = Generated(1, 2, entry_veh_h=300.0)
    train(replace(args, steps=48, generated=(made,)), progress=told.append)
    assert [e.scenario for p in told for e in p.episodes] == ["grid_2x2", made.name]
    assert load(Path(args.run) / "policy").card["trained_on"][0] == "grid_2x2"


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
        ({"method": "sarsa"}, "expected one of ppo, value"),
        ({"jobs": 0}, "jobs is 0"),
        ({"validate_seeds": (101, 2000)}, "not trained on"),
        ({"validate_checkpoints": 1}, "nobody was given who judges"),
        ({"reward": {"quue": 1.0}}, "did you mean 'queue'"),
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
    ship(judged(mean[0], delays_s, delays_s), tmp_path / "out", "rolling_horizon", delays_s, "101-102")
    card = load(tmp_path / "out").card
    assert card["mean_of_checkpoints_at_steps"] == [48, 96]
    assert card["validation"]["policy"]["grid_2x2"] == {"mean": 21.0, "worst": 22.0}
    assert card["command"] == "citybrain train --steps 96"
    np.testing.assert_array_equal(load(tmp_path / "out").scorer.out, load(mean[0]).scorer.out)
