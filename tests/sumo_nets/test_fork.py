"""Claims about jobs in a fork: the answer comes back whole, and a child that fails is one error."""

import os

import pytest

from signals.errors import LinkError
from sumo_nets.fork import in_fork


def test_a_large_answer_comes_back_whole_and_from_another_process() -> None:
    data = in_fork(lambda: f"{os.getpid()} ".encode() + b"x" * 300_000, "a job")
    pid, rest = data.split(b" ")
    assert int(pid) != os.getpid()
    assert len(rest) == 300_000


def test_a_failing_job_is_one_error() -> None:
    with pytest.raises(LinkError, match=r"^a job failed: ZeroDivisionError: integer division or modulo by zero$"):
        in_fork(lambda: bytes(1 // 0), "a job")


def test_a_child_that_dies_is_one_error() -> None:
    with pytest.raises(LinkError, match=r"^a job failed: its process ended with status \d+$"):
        in_fork(lambda: os._exit(3), "a job")
