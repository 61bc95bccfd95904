"""The twin's committed figures: ten controllers ranked as SUMO ranks them, a hundred times as fast."""

import json
from pathlib import Path
from typing import Any

import pytest

import benchmarks
from benchmarks.rivals import RIVALS
from benchmarks.twin import SUBJECTS, Kept, spearman

FIGURES = Path(benchmarks.__file__).resolve().parent / "baselines" / "twin.json"
ROWS: list[dict[str, Any]] = json.loads(FIGURES.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1.0, 2.0, 3.0], [10.0, 20.0, 90.0], 1.0),
        ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], -1.0),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0], 0.8),
    ],
)
def test_spearman_is_the_correlation_of_ranks(one: list[float], other: list[float], expected: float) -> None:
    assert spearman(one, other) == pytest.approx(expected)


def test_ten_controllers_are_ranked_on_at_least_five_networks() -> None:
    assert len(set(RIVALS)) == 10
    assert [row["scenario"] for row in ROWS] == list(SUBJECTS)
    assert all(set(row["delay_s_per_veh"]) == set(RIVALS) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["scenario"]))
def test_the_committed_ranks_agree_and_the_twin_is_a_hundred_times_as_fast(row: dict[str, Any]) -> None:
    delays = row["delay_s_per_veh"].values()
    found = spearman(*([sum(one[who]) for one in delays] for who in ("sumo", "twin")))
    assert found == pytest.approx(row["spearman"], abs=1e-3)
    assert found >= 0.9
    assert row["ratio"] >= 100.0
    assert min(row["seeds"]) > 100  # never those that results are reported on


def test_an_episode_that_was_kept_is_not_run_again(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_text(json.dumps({"scenario": "a", "controller": "fixed", "seed": 101, "delay_s_per_veh": 12.5}) + "\n", encoding="utf-8")

    class Named:
        name = "a"

    class Where:
        scenario = Named()

    assert Kept(path).delay(Where(), "fixed", 101) == 12.5  # type: ignore[arg-type]
