"""Claims about sharing work out among cores: every signal once, in order, in threads that end with the call."""

import threading

import numpy as np
import pytest

from signals.shares import LEAST, in_shares
from signals.types import Floats


@pytest.mark.parametrize("n", [0, 1, LEAST, 2 * LEAST, 2 * LEAST + 1, 5000])
@pytest.mark.parametrize("cores", [1, 2, 5, None])
def test_every_signal_is_worked_on_once_and_answers_in_its_place(n: int, cores: int | None) -> None:
    rows = np.arange(2.0 * n).reshape(n, 2)
    found = in_shares(lambda first, last: rows[first:last].copy(), n, cores)
    np.testing.assert_array_equal(found, rows)


def workers(n: int, cores: int) -> set[str]:
    """Names of the threads that did the work."""
    seen: set[str] = set()

    def work(first: int, last: int) -> Floats:
        seen.add(threading.current_thread().name)
        return np.zeros((last - first, 1))

    in_shares(work, n, cores)
    return seen


def test_few_signals_stay_in_the_callers_thread() -> None:
    assert workers(2 * LEAST - 1, 8) == {threading.current_thread().name}
    assert workers(100 * LEAST, 1) == {threading.current_thread().name}


def test_many_signals_leave_it_and_no_thread_is_left_over() -> None:
    before = threading.active_count()
    assert threading.current_thread().name not in workers(100 * LEAST, 2)
    assert threading.active_count() == before


def test_an_error_in_a_share_reaches_the_caller() -> None:
    def work(first: int, last: int) -> Floats:
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        in_shares(work, 10 * LEAST, 2)
