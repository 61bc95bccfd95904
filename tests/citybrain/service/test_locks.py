"""Edit locks: one person at a time, never for ever."""

import pytest

from citybrain.service.locks import EditLocks
from signals.errors import ConfigError


class Steady:
    """A monotonic clock to be moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def steady() -> Steady:
    """A clock."""
    return Steady()


@pytest.fixture
def locks(steady: Steady) -> EditLocks:
    """Two signals."""
    return EditLocks(("A", "B"), steady, timeout_s=60.0)


def test_a_second_person_waits_until_the_lock_runs_out(locks: EditLocks, steady: Steady) -> None:
    taken, lock = locks.take("A", "ana")
    assert taken and locks.left_s(lock) == 60.0
    taken, lock = locks.take("A", "bo")
    assert (taken, lock.who) == (False, "ana")
    steady.now_s += 60.0
    assert locks.take("A", "bo")[0] and locks.left_s(lock) == 0.0


def test_taking_again_prolongs_ones_own_lock(locks: EditLocks, steady: Steady) -> None:
    locks.take("A", "ana")
    steady.now_s += 50.0
    taken, lock = locks.take("A", "ana")
    assert taken and locks.left_s(lock) == 60.0


def test_only_the_holder_or_force_gives_a_lock_back(locks: EditLocks) -> None:
    locks.take("A", "ana")
    assert not locks.give_back("A", "bo") and locks.in_the_way(["A"], "bo") is not None
    assert locks.give_back("A", "bo", force=True) and locks.in_the_way(["A"], "bo") is None
    assert locks.give_back("A", "bo")


@pytest.mark.parametrize(
    ("wanted", "who", "held"),
    [(["A"], "ana", False), (["A"], "bo", True), (["B"], "bo", False), (["A", "B"], "bo", True), ([], "bo", True), ([], "ana", False)],
)
def test_a_lock_is_in_the_way_of_others_on_that_signal_and_of_who_means_all(
    locks: EditLocks, wanted: list[str], who: str, held: bool
) -> None:
    locks.take("A", "ana")
    assert (locks.in_the_way(wanted, who) is not None) == held


def test_a_signal_that_is_not_there_is_one_sentence(locks: EditLocks) -> None:
    with pytest.raises(ConfigError, match="no signal 'Z'"):
        locks.take("Z", "ana")
    with pytest.raises(ConfigError, match="no signal 'Z'"):
        locks.give_back("Z", "ana")
