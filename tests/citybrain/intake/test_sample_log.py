"""What was committed is there after any crash; what is torn is cut; without room nothing is lost; two writers are one too many."""

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from citybrain.intake import sample_log
from citybrain.intake.batch import IntakeError
from citybrain.intake.sample_log import SampleLog


def kept(log: SampleLog, first: int = 0) -> list[tuple[int, bytes]]:
    """Numbers and payloads."""
    return [(one.number, one.payload) for one in log.records(first)]


def filled(folder: Path, payloads: list[bytes], **sizes: int) -> None:
    """A log of these, closed."""
    with SampleLog(folder, **sizes) as log:
        for k, payload in enumerate(payloads):
            log.append(payload, float(k))
        log.commit()


def segments(folder: Path) -> list[Path]:
    """Files of records, in order."""
    return sorted(folder.glob("*.log"))


def test_what_was_appended_is_read_back_from_any_number_on_also_by_the_next_process(tmp_path: Path) -> None:
    payloads = [bytes([k]) * k for k in range(50)]
    filled(tmp_path, payloads, segment_bytes=300)
    assert len(segments(tmp_path)) > 3
    with SampleLog(tmp_path) as log:
        assert kept(log) == list(enumerate(payloads))
        assert kept(log, 33) == list(enumerate(payloads))[33:]
        assert (log.append(b"more", 50.0), log.next, log.cut_bytes) == (50, 51, 0)
        assert [one.now_s for one in log.records(48)] == [48.0, 49.0, 50.0]


def test_a_record_is_held_once_it_is_committed(log: SampleLog) -> None:
    number = log.append(b"a", 0.0)
    assert not log.holds(number)
    log.commit()
    assert log.holds(number) and not log.holds(number + 1)


def test_wherever_the_last_record_is_torn_all_before_it_are_kept_and_the_log_goes_on(tmp_path: Path) -> None:
    filled(tmp_path / "whole", [b"first", b"second"])
    (whole,) = segments(tmp_path / "whole")
    filled(tmp_path / "one", [b"first"])
    begin, end = segments(tmp_path / "one")[0].stat().st_size, whole.stat().st_size
    for size in range(begin, end):
        folder = tmp_path / f"torn {size}"
        shutil.copytree(tmp_path / "whole", folder)
        os.truncate(segments(folder)[0], size)
        with SampleLog(folder) as log:
            assert (kept(log), log.cut_bytes) == ([(0, b"first")], size - begin)
            assert log.append(b"again", 0.0) == 1
            log.commit()
        with SampleLog(folder) as log:
            assert (kept(log), log.cut_bytes) == ([(0, b"first"), (1, b"again")], 0)


@pytest.mark.parametrize("tail", [b"\0" * 5000, os.urandom(300), b"CBr\xf5" * 20], ids=["zeros", "noise", "magic"])
def test_whatever_a_crash_left_behind_the_last_record_is_cut(tmp_path: Path, tail: bytes) -> None:
    filled(tmp_path, [b"first"])
    with segments(tmp_path)[0].open("ab") as out:
        out.write(tail)
    with SampleLog(tmp_path) as log:
        assert (kept(log), log.cut_bytes) == ([(0, b"first")], len(tail))


def test_a_segment_torn_in_its_head_is_let_go(tmp_path: Path) -> None:
    filled(tmp_path, [b"first"])
    for size in (0, 3, 15):
        (tmp_path / f"{1:020d}.log").write_bytes(b"C" * size)
        with SampleLog(tmp_path) as log:
            assert (kept(log), log.cut_bytes, log.next) == ([(0, b"first")], size, 1)


def test_a_damaged_record_in_the_midst_does_not_cost_those_behind_it(tmp_path: Path) -> None:
    filled(tmp_path, [b"first" * 9, b"second" * 9, b"third" * 9])
    (path,) = segments(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.index(b"second")] ^= 1
    path.write_bytes(data)
    with SampleLog(tmp_path) as log:
        assert ([number for number, _ in kept(log)], log.next, log.cut_bytes) == ([0, 2], 3, 0)


def test_a_second_writer_is_refused_and_the_first_goes_on(log: SampleLog) -> None:
    with pytest.raises(IntakeError, match="another process keeps its sample log there"):
        SampleLog(log.folder)
    log.append(b"a", 0.0)
    assert kept(log) == [(0, b"a")]


def test_oldest_segments_are_let_go_where_there_are_too_many(tmp_path: Path) -> None:
    with SampleLog(tmp_path, segment_bytes=500, keep_bytes=1500) as log:
        for _ in range(200):
            log.append(b"x" * 100, 0.0)
        assert log.bytes_kept() < 2200
        found = [number for number, _ in kept(log)]
    assert found == list(range(found[0], 200)) and found[0] > 150


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process may grow larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_without_room_what_was_acknowledged_stays_and_the_log_goes_on_once_there_is_some(log: SampleLog) -> None:
    payload, taken = b"x" * 1000, 0
    with room_for(100_500):
        with pytest.raises(IntakeError, match="is there room"):
            for _ in range(1000):
                log.append(payload, 0.0)
                log.commit()
                taken += 1
        with pytest.raises(IntakeError, match="is there room"):
            log.append(payload, 0.0)
        assert all(log.holds(number) for number in range(taken))
        assert log.append(b"small", 0.0) == taken
    assert log.append(payload, 0.0) == taken + 1
    log.commit()
    log.close()
    with SampleLog(log.folder) as again:
        assert kept(again) == [*((k, payload) for k in range(taken)), (taken, b"small"), (taken + 1, payload)]
        assert again.cut_bytes == 0
    assert 90 < taken < 100


def test_without_room_for_a_new_segment_the_old_one_is_kept_and_the_log_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SampleLog(tmp_path, segment_bytes=100) as log:
        log.append(b"x" * 200, 0.0)
        with monkeypatch.context() as patch:
            patch.setattr(sample_log.os, "writev", refused)
            for _ in range(3):
                with pytest.raises(IntakeError, match="No space left on device"):
                    log.append(b"y", 0.0)
            assert len(segments(tmp_path)) == 1
        assert log.append(b"z", 0.0) == 1
        log.commit()
        assert kept(log) == [(0, b"x" * 200), (1, b"z")]


def refused(*_: object) -> int:
    """As the kernel says it when the disk is full."""
    raise OSError(28, "No space left on device")


def test_when_the_disk_fails_to_hold_what_was_written_it_is_not_held_and_later_records_are(
    log: SampleLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = log.append(b"held", 0.0)
    log.commit()
    lost = log.append(b"lost", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(sample_log.os, "fdatasync", refused)
        with pytest.raises(IntakeError, match="the disk does not hold the sample log"):
            log.commit()
    later = log.append(b"later", 0.0)
    log.commit()
    assert [log.holds(number) for number in (first, lost, later)] == [True, False, True]
    assert len({first, lost, later}) == 3
    log.close()
    with SampleLog(log.folder) as again:
        assert kept(again) == [(first, b"held"), (later, b"later")]


def test_a_failing_disk_at_the_change_of_segments_loses_only_what_was_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SampleLog(tmp_path, segment_bytes=100) as log:
        log.append(b"a" * 60, 0.0)
        log.commit()
        lost = log.append(b"b" * 60, 0.0)
        with monkeypatch.context() as patch:
            patch.setattr(sample_log.os, "fsync", refused)
            with pytest.raises(IntakeError):
                log.append(b"c", 0.0)
        assert log.append(b"d", 0.0) == 2
        log.commit()
        assert not log.holds(lost)
        assert kept(log) == [(0, b"a" * 60), (2, b"d")]


def test_a_place_where_nothing_can_be_kept_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(IntakeError, match="no sample log can be kept there"):
        SampleLog(tmp_path / "file")
