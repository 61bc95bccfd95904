"""A scorer from lessons."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from rl import features
from rl.fit import Fitting, fitted, typical_s
from rl.lessons import Lessons
from rl.scorer import PRIOR
from signals.errors import ConfigError
from signals.types import Ints

pytestmark = pytest.mark.train


def _planted(count: int, size_s: float, seed: int) -> Lessons:
    """Two phases of equal price: the second costs `size_s` less where its queue is above one half, as much more where not."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, 2, features.WIDTH), dtype=np.float32)
    rows[..., features.ALLOWED] = 1.0
    rows[:, 0, features.RUNNING] = 1.0
    rows[:, 1, features.QUEUE_PROTECTED] = rng.random(count)
    better = rows[:, 1, features.QUEUE_PROTECTED] > 0.5
    cost_s = np.zeros((count, 2))
    cost_s[:, 1] = np.where(better, -size_s, size_s) + rng.normal(scale=size_s, size=count)
    return Lessons(rows, np.zeros(count, dtype=np.int64), cost_s)


def _choices(lessons: Lessons, fitting: Fitting, on: Lessons) -> Ints:
    found: Ints = fitted([lessons], fitting, PRIOR, seed=0).scores(on.rows).argmax(axis=1)
    return found


def test_what_pays_is_learned_through_noise_as_large_as_itself() -> None:
    unseen = _planted(1000, 40.0, seed=2)
    chosen = _choices(_planted(4000, 40.0, seed=1), Fitting(epochs=25), unseen)
    right = chosen == (unseen.rows[:, 1, features.QUEUE_PROTECTED] > 0.5)
    assert right.mean() > 0.9


def test_without_a_difference_the_price_decides() -> None:
    same = _planted(1000, 40.0, seed=1)
    nothing = Lessons(same.rows, same.chosen, np.zeros_like(same.cost_s))
    dearer = same.rows.copy()
    dearer[:, 1, features.EXCESS] = 10.0 / features.EXCESS_S
    priced = Lessons(dearer, same.chosen, np.where(np.arange(2) == 1, 10.0, nothing.cost_s))
    assert not _choices(priced, Fitting(epochs=5), priced).any()


def test_the_same_lessons_and_seed_give_the_same_weights() -> None:
    one, other = (fitted([_planted(600, 20.0, seed=3)], Fitting(epochs=2), PRIOR, seed=4) for _ in range(2))
    for name in ("hidden_1", "bias_1", "hidden_2", "bias_2", "out"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.bias == other.bias


def test_a_busy_street_does_not_drown_a_quiet_one() -> None:
    quiet = _planted(1500, 5.0, seed=5)
    loud = _planted(1500, 200.0, seed=6)
    opposite = Lessons(loud.rows, loud.chosen, loud.cost_s)
    opposite.rows[..., features.FLOW_LEFT] = 1.0  # what tells the two apart
    opposite.cost_s[:, 1] *= -1.0
    scorer = fitted([quiet, opposite], Fitting(epochs=30, largest_s=1000.0), PRIOR, seed=0)
    unseen = _planted(1000, 5.0, seed=7)
    right = scorer.scores(unseen.rows).argmax(axis=1) == (unseen.rows[:, 1, features.QUEUE_PROTECTED] > 0.5)
    assert right.mean() > 0.85


def test_a_blind_network_does_not_see_the_feature() -> None:
    lessons = _planted(1000, 40.0, seed=1)
    fitting = Fitting(epochs=5, blind=("queue_protected",))
    scorer = fitted([lessons], fitting, PRIOR, seed=0)
    other = lessons.rows.copy()
    other[..., features.QUEUE_PROTECTED] = 7.0
    np.testing.assert_array_equal(scorer.scores(lessons.rows), scorer.scores(other))
    for name in ("allowed", "no_such"):
        with pytest.raises(ConfigError, match=f"blind names '{name}'"):
            fitted([lessons], Fitting(blind=(name,)), PRIOR, seed=0)


def test_no_lessons_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="no lessons"):
        fitted([], Fitting(), PRIOR, seed=0)
    assert typical_s(np.zeros((0, 2))) == 1.0
