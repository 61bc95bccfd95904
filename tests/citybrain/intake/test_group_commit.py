"""Many append, the disk is asked once; who was told has it on the disk, who was not sends again."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from citybrain.intake import sample_log
from citybrain.intake.batch import IntakeError
from citybrain.intake.group_commit import GroupCommit
from citybrain.intake.sample_log import SampleLog


def test_what_many_threads_append_is_acknowledged_once_it_is_held(log: SampleLog) -> None:
    with GroupCommit(log) as group, ThreadPoolExecutor(4) as threads:
        futures = list(threads.map(lambda k: group.append(b"%d" % k, float(k)), range(200)))
        numbers = [future.result(10.0) for future in futures]
        assert all(log.holds(number) for number in numbers)
    assert sorted(numbers) == list(range(200))
    payloads = {one.number: one.payload for one in log.records()}
    assert [payloads[number] for number in numbers] == [b"%d" % k for k in range(200)]


def test_what_comes_while_the_disk_is_busy_goes_to_it_at_once(log: SampleLog, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, free, calls = Event(), Event(), []
    sync = sample_log.os.fdatasync

    def slow(file: int) -> None:
        calls.append(file)
        busy.set()
        free.wait(10.0)
        sync(file)

    monkeypatch.setattr(sample_log.os, "fdatasync", slow)
    with GroupCommit(log) as group:
        first = group.append(b"first", 0.0)
        assert busy.wait(10.0)
        others = [group.append(b"more", 0.0) for _ in range(50)]
        assert not first.done()
        free.set()
        assert [one.result(10.0) for one in (first, *others)] == list(range(51))
    assert len(calls) == 2


def test_when_the_disk_fails_nobody_is_told_that_it_holds_what_it_does_not(log: SampleLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with GroupCommit(log) as group:
        with monkeypatch.context() as patch:
            patch.setattr(sample_log.os, "fdatasync", refused)
            future = group.append(b"lost", 0.0)
            with pytest.raises(IntakeError, match="does not hold"):
                future.result(10.0)
        assert group.append(b"again", 0.0).result(10.0) == 1
    assert [one.payload for one in log.records()] == [b"again"]


def test_a_record_lost_between_its_writing_and_the_commit_is_not_acknowledged(log: SampleLog, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, free = Event(), Event()
    sync = sample_log.os.fdatasync

    def slow(file: int) -> None:
        busy.set()
        free.wait(10.0)
        sync(file)

    monkeypatch.setattr(sample_log.os, "fdatasync", slow)
    with GroupCommit(log) as group:
        future = group.append(b"lost", 0.0)
        assert busy.wait(10.0)
        log._abandon()
        free.set()
        with pytest.raises(IntakeError, match="record 0 was lost"):
            future.result(10.0)


WRITER = """
import sys
from pathlib import Path
from citybrain.intake.group_commit import GroupCommit
from citybrain.intake.sample_log import SampleLog
with SampleLog(Path(sys.argv[1]), segment_bytes=20_000) as log, GroupCommit(log) as group:
    while True:
        futures = [group.append(b"x" * 500, 0.0) for _ in range(20)]
        sys.stdout.write("".join(f"{future.result()}\\n" for future in futures))
        sys.stdout.flush()
"""


def test_whoever_is_killed_has_lost_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    root = Path(sample_log.__file__).resolve().parents[2]
    words = [sys.executable, "-c", WRITER, str(tmp_path)]
    told: list[int] = []
    for kept_lines in (50, 333):
        writer = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=root, text=True)
        try:
            if writer.stdout is None:
                raise RuntimeError("no pipe")
            told += [int(writer.stdout.readline()) for _ in range(kept_lines)]
            writer.kill()
            told += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
            writer.stdout.close()
        finally:
            writer.kill()
            writer.wait(10.0)
        with SampleLog(tmp_path) as log:
            held = [one.number for one in log.records()]
            assert set(told) <= set(held)
            assert held == list(range(log.next))
    assert len(told) == len(set(told)) >= 383


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    with SampleLog(tmp_path) as log:
        group = GroupCommit(log)
        group.close()
        with pytest.raises(IntakeError, match="closed"):
            group.append(b"late", 0.0)


def test_who_waits_no_longer_stops_nobody(tmp_path: Path) -> None:
    with SampleLog(tmp_path) as log, GroupCommit(log) as commits:
        first = commits.append(b"a", 0.0)
        assert not first.cancel()
        assert [first.result(10.0), commits.append(b"b", 1.0).result(10.0)] == [0, 1]
