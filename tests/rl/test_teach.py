"""Episodes of lessons in processes of their own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl.futures import Teaching
from rl.lessons import read
from rl.scorer import untrained
from rl.simulation import site
from rl.teach import Assignment, teach
from signals.errors import LinkError
from sumo_nets.scenario import Scenario

pytestmark = pytest.mark.sumo


@pytest.fixture
def assignment(small: Scenario, tmp_path: Path) -> Callable[[str, int], Assignment]:
    """Makes one of our small grid."""
    where = site(replace(small, end_s=small.begin_s + 60.0))

    def make(name: str, seed: int) -> Assignment:
        return Assignment(where, seed, 1.2, Teaching(horizon_s=20.0), untrained(), None, tmp_path / name)

    return make


def test_lessons_depend_on_nothing_that_ran_before(assignment: Callable[[str, int], Assignment]) -> None:
    told = list(teach([assignment("other.npz", 4), assignment("a.npz", 3), assignment("again.npz", 3)], jobs=1))
    assert sorted(one.seed for one in told) == [3, 3, 4]
    first, again = read(assignment("a.npz", 3).out), read(assignment("again.npz", 3).out)
    for name in ("rows", "chosen", "cost_s"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert len(first) == told[-1].lessons > 0


def test_what_is_there_is_not_made_again(assignment: Callable[[str, int], Assignment]) -> None:
    one = assignment("a.npz", 3)
    assert len(list(teach([one], jobs=1))) == 1
    assert list(teach([one], jobs=1)) == []


def test_a_failing_episode_says_which(assignment: Callable[[str, int], Assignment]) -> None:
    one = assignment("a.npz", 3)
    gone = replace(one.where.scenario, routes=(Path("nowhere.rou.xml"),))
    with pytest.raises(LinkError, match="seed 3: an episode of lessons failed"):
        list(teach([replace(one, demand=1.0, where=replace(one.where, scenario=gone))], jobs=1))
