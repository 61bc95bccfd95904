"""Claims about jobs in a fork: the answer comes back whole, and a child that fails is one error."""

import os

import pytest

from citybrain.fork import in_fork
from signals.errors import LinkError


def test_a_large_answer_comes_back_whole_and_from_another_process() -> None:
    data = in_fork(lambda: f"{os.getpid()} ".encode() + b"x" * 300_000, "a job")
    pid, rest = data.split(b" ")
    assert int(pid) != os.getpid()
    assert len(rest) == 300_000


def test_a_failing_job_is_one_error() -> None:
    with pytest.raises(LinkError, match=r"^a job failed in SUMO$"):
        in_fork(lambda: bytes(1 // 0), "a job")
