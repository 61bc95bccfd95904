"""Claims about `citybrain train`: what it asks for, and that a tiny run ends with a policy that can be evaluated."""

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
    assert "expected --scenarios and --run, or --config FILE" in ran.err


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
    config.write_text(f'scenarios = ["grid_2x2"]\nrun = "{tmp_path}/run"\nsteps = 48\nepisode_s = 120.0\nbatch = 24\n')
    ran = command("train", "--config", str(config))
    assert ran.code == 0, ran.err
    policy = tmp_path / "run" / "policy"
    ran = command("evaluate", "grid_2x2", "--controller", f"policy:{policy}", "--seed", "101", "--end", "25300")
    assert ran.code == 0, ran.err
    assert "safety violations" in ran.out
