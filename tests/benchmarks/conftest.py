"""Result rows made by hand, in the shape that `run_episode` returns."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import sumo_nets
from citybrain.episode import EpisodeSpec
from signals.metrics import METRICS

Row = dict[str, Any]
MakeRow = Callable[..., Row]


def result_row(scenario: str, controller: str, seed: int, delay_s: float = 20.0, **others: object) -> Row:
    """An episode's row: every metric 1 but the delay, and what else is given."""
    spec = asdict(EpisodeSpec(scenario=scenario, controller=controller, seed=seed))
    row: Row = dict.fromkeys(METRICS, 1.0)
    row |= {
        "scenario": scenario,
        "controller": controller,
        "seed": seed,
        "rules": "resco",
        "begin_s": 0.0,
        "end_s": 600.0,
    }
    row |= {"delay_s_per_veh": delay_s, "safety_violations": 0, "sumo_options": ["--seed", str(seed)], "wall_s": 0.1}
    row |= {"delay_by_minute": [[0, delay_s, 2]], "spec": {**spec, "routes": [], "additional": []}, "version": "v1"}
    return row | others


@pytest.fixture
def short_grid(tmp_path: Path) -> Path:
    """The folder of a scenario: the first five minutes of `grid_2x2`."""
    folder = tmp_path / "short_grid"
    folder.mkdir()
    for file in (Path(sumo_nets.__file__).parent / "grid_2x2").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    lines = (folder / "scenario.toml").read_text(encoding="utf-8").splitlines()
    kept = [line if not line.startswith("end_s") else "end_s = 25500" for line in lines]
    (folder / "scenario.toml").write_text("\n".join(kept), encoding="utf-8")
    return folder


@pytest.fixture
def make_row() -> MakeRow:
    """The maker of rows."""
    return result_row
