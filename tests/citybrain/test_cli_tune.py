"""Claims about `citybrain tune`; the search itself is in tests/rl/test_tune.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna", reason="needs the tune extra")

Command = Callable[..., Any]
pytestmark = pytest.mark.train


def test_a_run_without_validation_cannot_be_searched(command: Command, tmp_path: Path) -> None:
    config = tmp_path / "t.toml"
    config.write_text(f'scenarios = ["grid_2x2"]\nrun = "{tmp_path}/run"\nsteps = 48\n')
    ran = command("tune", "--config", str(config), "--trials", "1")
    assert ran.code == 2
    assert "validate_checkpoints is 0" in ran.err
