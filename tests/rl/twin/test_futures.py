"""Lessons from the twin: the same rows and costs as from forks of SUMO, and a network learns from them."""

from dataclasses import replace

import numpy as np
import pytest

from rl import features
from rl import lessons as stored
from rl.choice import Choice, eligible
from rl.futures import Teaching
from rl.scorer import untrained
from rl.twin.branching import Branching
from rl.twin.futures import Practice, future, lessons, practice_on
from rl.twin.twin import Twin

BRIEF = Teaching(horizon_s=60.0, share=0.5)


@pytest.fixture(scope="module")
def practice(twin: Twin) -> Practice:
    """Four minutes of the grid."""
    site = twin.site
    return practice_on(replace(site, scenario=replace(site.scenario, end_s=site.scenario.begin_s + 240.0)))


@pytest.fixture(scope="module")
def choice(twin: Twin) -> Choice:
    """The lookahead's."""
    return Choice(twin.site.network, untrained())


def taught(practice: Practice, choice: Choice, seed: int, teaching: Teaching = BRIEF) -> stored.Lessons:
    """An episode's lessons."""
    return stored.together(list(lessons(practice.begun(seed), choice, teaching, practice.near, np.random.default_rng(seed))))


def test_lessons_say_what_other_phases_cost_beside_the_chosen_one(practice: Practice, choice: Choice) -> None:
    found = taught(practice, choice, 101)
    assert len(found) > 10 and found.rows.shape[2] == features.WIDTH
    each = np.arange(len(found))
    assert (found.cost_s[each, found.chosen] == 0.0).all()
    tried = np.isfinite(found.cost_s)
    assert ((tried.sum(axis=1) >= 2) & (tried.sum(axis=1) <= 1 + BRIEF.alternatives)).all()
    assert eligible(found.rows)[tried].all()


def test_the_lookaheads_choice_is_on_the_average_cheaper_than_what_it_did_not_choose(practice: Practice, choice: Choice) -> None:
    costs_s = taught(practice, choice, 102).cost_s
    assert np.nanmean(np.where(costs_s == 0.0, np.nan, costs_s)) > 0.0


def test_the_same_seed_teaches_the_same_and_another_seed_something_else(practice: Practice, choice: Choice) -> None:
    one, again, other = (taught(practice, choice, seed) for seed in (101, 101, 102))
    np.testing.assert_array_equal(one.cost_s, again.cost_s)
    np.testing.assert_array_equal(one.rows, again.rows)
    assert one.cost_s.shape != other.cost_s.shape or not np.array_equal(one.cost_s, other.cost_s, equal_nan=True)


def test_a_future_takes_the_forced_phase_and_ends_with_the_run(practice: Practice, choice: Choice) -> None:
    run = practice.begun(101)
    forced = 1 - int(run.observed().phase[2]) if run.observed().phase[2] < 2 else 0
    found = future(run, choice, {2: forced}, 1e6)
    assert found.taken[2] == forced
    assert np.isfinite(found.lost_s).all() and found.lost_s.sum() > 0.0
    assert run.now_s == practice.twin.begin_s  # lived in a branch


def test_lessons_leave_the_episode_as_it_would_have_been(practice: Practice, choice: Choice) -> None:
    def delay_s(run: Branching, share: float) -> float:
        quiet = Teaching(horizon_s=30.0, share=share, wander=0.0)
        for _ in lessons(run, choice, quiet, practice.near, np.random.default_rng(0)):
            pass
        return run.delay_s_per_veh()

    assert delay_s(practice.begun(101), 0.3) == delay_s(practice.begun(101), 0.0) > 0.0


def test_twin_and_sumo_lessons_are_kept_in_the_same_files(
    practice: Practice, choice: Choice, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found, path = taught(practice, choice, 101), tmp_path_factory.mktemp("lessons") / "grid.npz"
    stored.write(found, path)
    np.testing.assert_array_equal(stored.read(path).cost_s, found.cost_s)
