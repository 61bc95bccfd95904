"""Claims about `citybrain train`: what it asks for, and that a tiny run ends with a policy that can be evaluated."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.mark.train
@pytest.mark.parametrize("words", [(), ("--scenarios", "grid_2x2"), ("--run", "x")])
def test_without_scenarios_and_run_it_says_what_it_expects(command: Command, words: tuple[str, ...]) -> None:
    ran = command("train", *words)
    assert ran.code == 2
    assert "expected --scenarios and --run, or --config FILE, --preset NAME or --resume RUN" in ran.err


@pytest.mark.train
def test_a_wrong_key_in_the_config_names_the_nearest(command: Command, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('scenarios = ["grid_2x2"]\nrun = "x"\nstep = 5\n')
    ran = command("train", "--config", str(tmp_path / "t.toml"))
    assert ran.code == 2
    assert "unknown key 'step'; did you mean 'steps'?" in ran.err


@pytest.mark.train
@pytest.mark.sumo
def test_a_tiny_run_makes_a_policy_that_steers(command: Command, tmp_path: Path) -> None:
    config = tmp_path / "t.toml"
    config.write_text(
        f'scenarios = ["grid_2x2"]\nrun = "{tmp_path}/run"\nsteps = 48\nepisode_s = 120.0\nbatch = 24\n'
        "checkpoint_rollouts = 1\nvalidate_checkpoints = 1\nvalidate_seeds = [101]\n"
    )
    ran = command("train", "--config", str(config))
    assert ran.code == 0, ran.err
    policy = tmp_path / "run" / "policy"
    ran = command("evaluate", "grid_2x2", "--controller", f"policy:{policy}", "--seed", "101", "--end", "25300")
    assert ran.code == 0, ran.err
    assert "safety violations" in ran.out
    assert json.loads((tmp_path / "run" / "baselines.json").read_text())["delay_s_per_veh"].keys() == {"rolling_horizon", "fixed"}
    ran = command("train", "--resume", str(tmp_path / "run"))
    assert ran.code == 0, ran.err
    ran = command("export", str(tmp_path / "run"), "--checkpoint", "48", "--out", str(tmp_path / "out"))
    assert ran.code == 0, ran.err
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["trained_on"] == ["grid_2x2"]
    assert card["steps"] == 48
    assert len(card["arrays_sha256"]) == 64
    ran = command("export", str(tmp_path / "run"), "--checkpoint", "49")
    assert ran.code == 2
    assert "no checkpoint at 49 steps; there are 48" in ran.err
