"""What lessons from the twin are worth: how the comparison is made."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.twin_pretraining import (
    EPISODES,
    SEEDS,
    STEPS,
    SUBJECTS,
    TWIN_FIRST_SEED,
    Delays,
    Learner,
    fitting_of,
    gained_s,
    halved,
    learners,
    row_of,
)
from rl import features
from rl.export import export
from rl.lessons import Lessons
from rl.scorer import untrained


def test_training_seeds_are_nobody_elses() -> None:
    sumo = [one.first_seed + k for one in SUBJECTS for k in range(max(EPISODES) + 1)]
    assert len(set(sumo)) == len(sumo)
    assert not {TWIN_FIRST_SEED, *sumo} & set(SEEDS)
    assert min(SEEDS) > 100  # never those that results are reported on


def test_each_number_of_episodes_is_learned_from_without_and_with_the_twin() -> None:
    assert [who.name for who in learners((1, 2))] == ["twin_sumo_0", "sumo_1", "twin_sumo_1", "sumo_2", "twin_sumo_2"]


def test_half_of_the_episodes_after_the_twin_stand_beside_all_without_it() -> None:
    level = {"a": 1.0, "b": 1.0}
    rows = [
        row_of(who.name, who, {"a": [8.0], "b": [9.0 - who.episodes]}, {"a": [10.0], "b": [10.0]}, level) for who in learners((1, 2, 3))
    ]
    assert halved(rows) == [{"sumo_alone": "sumo_2", "half_after_twin": "twin_sumo_1", "delay_ratio": round(0.8 / 0.75, 4)}]


def test_a_row_compares_network_by_network() -> None:
    row = row_of("one", Learner(1, False), {"a": [5.0, 7.0], "b": [30.0, 30.0]}, {"a": [6.0, 6.0], "b": [20.0, 20.0]}, {})
    assert row["of_rolling_horizon"] == 1.25


def test_a_policy_gains_what_its_choice_saves_among_the_phases_tried(tmp_path: Path) -> None:
    export(untrained(), tmp_path, {})
    rows = np.zeros((2, 3, features.WIDTH), dtype=np.float32)
    rows[:, :, features.ALLOWED] = 1.0
    rows[0, :, features.EXCESS] = (1.0, 0.5, 0.0)  # the lookahead's favourite was not tried: the next best is taken
    rows[1, :, features.EXCESS] = (0.0, 0.5, 1.0)
    taught = Lessons(rows, np.array([0, 0]), np.array([[0.0, -30.0, np.nan], [0.0, -900.0, 40.0]]))
    assert gained_s(tmp_path, taught, 300.0) == 15.0


def test_delays_that_are_kept_are_not_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "delays.json"
    path.write_text(json.dumps({"sumo_1 nowhere 101": 12.5, "sumo_1 nowhere 102": 13.5}), encoding="utf-8")
    assert Delays(path, (101, 102), 1).measure("nowhere", {"sumo_1": "unknown"}) == {"sumo_1": [12.5, 13.5]}


@pytest.mark.parametrize("lessons", [100, 260, 3000, 13_000])
def test_every_fit_takes_about_as_many_steps(lessons: int) -> None:
    fitting = fitting_of(lessons)
    assert fitting.epochs * max(1, lessons // fitting.batch) == pytest.approx(STEPS, rel=0.05)
