"""What sources sent, written down before it is acknowledged: records in segments, appended by many, forced to the disk together.

`append` writes, `commit` makes sure: only what a commit has covered is acknowledged. What a crash leaves of the last record is cut when
the log is opened again. Without room nothing is acknowledged and nothing is lost: the log goes on when there is some.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from citybrain.intake import log_record
from citybrain.intake.batch import IntakeError
from forecasting.durable import sync

SEGMENT_BYTES = 16_000_000  # as much has to be read again at a restart
KEEP_BYTES = 4_000_000_000
SUFFIX = ".log"


@dataclass(frozen=True, slots=True)
class Record:
    """One payload as it was appended."""

    number: int
    now_s: float  # field time when it came
    payload: bytes = field(repr=False)


class SampleLog:
    """Lives as long as its folder is locked; a second one in the same folder is refused. Any thread may append, one commits."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES, keep_bytes: int = KEEP_BYTES) -> None:
        self.folder, self._segment_bytes, self._keep_bytes = folder, segment_bytes, keep_bytes
        self.cut_bytes = 0  # of a record that a crash had left unfinished
        self._lock, self._file, self._segment, self._salt = Lock(), -1, 0, 0
        self._end = self._durable_end = 0  # of the file
        self._next, self._durable = 0, -1  # numbers of records
        self._lost: list[tuple[int, int]] = []  # numbers from, until: written, and never made sure of
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._guard = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise IntakeError(f"{folder}: no sample log can be kept there ({error.strerror})") from error
        try:
            _claim(self._guard, folder)
            self._recover()
        except OSError as error:
            self.close()
            raise IntakeError(f"{folder}: the sample log cannot be read ({error.strerror})") from error
        except IntakeError:
            self.close()
            raise

    @property
    def next(self) -> int:
        """Number of the record that comes next."""
        return self._next

    def holds(self, number: int) -> bool:
        """Whether this record is certainly on the disk."""
        with self._lock:
            return number <= self._durable and not any(first <= number < until for first, until in self._lost)

    def append(self, payload: bytes, now_s: float) -> int:
        """Write a record; its number. IntakeError where there is no room: nothing of it is left then."""
        with self._lock:
            try:
                if self._file < 0:
                    self._begin_segment()
                elif self._end > self._segment_bytes:
                    self._roll()
                head = log_record.head_of(self._next, now_s, payload, self._salt)
                _write_all(self._file, head, payload)
            except OSError as error:
                self._take_back()
                raise IntakeError(f"{self.folder}: the sample log takes nothing more ({error.strerror}); is there room?") from error
            self._end += len(head) + len(payload)
            self._next += 1
            return self._next - 1

    def commit(self) -> None:
        """Force all that was appended to the disk. IntakeError: what is not held has to come again."""
        with self._lock:
            if self._next - 1 == self._durable or self._file < 0:
                return
            # A file of its own: the segment may be full, and closed, before the disk is done.
            file, segment, end, last = os.dup(self._file), self._segment, self._end, self._next - 1
        try:
            os.fdatasync(file)
        except OSError as error:
            with self._lock:
                self._abandon()
            raise IntakeError(f"{self.folder}: the disk does not hold the sample log ({error.strerror})") from error
        finally:
            os.close(file)
        with self._lock:
            self._durable = max(self._durable, last)
            if segment == self._segment:
                self._durable_end = max(self._durable_end, end)

    def records(self, first: int = 0) -> Iterator[Record]:
        """Records from a number on, in order; older ones may have been let go, damaged ones are passed over."""
        segments = self._segments()
        for path, until in zip(segments, [*map(_first_number, segments[1:]), self._next], strict=False):
            # A segment may be let go meanwhile.
            with suppress(FileNotFoundError):
                if until > first:
                    yield from (one for one in _read(path) if one.number >= first)

    def bytes_kept(self) -> int:
        """How much room the log takes."""
        return sum(path.stat().st_size for path in self._segments())

    def close(self) -> None:
        """Commit what can be committed, and let go of the folder."""
        with suppress(IntakeError):
            self.commit()
        self._close_file()
        if self._guard >= 0:
            os.close(self._guard)
        self._guard = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _segments(self) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"*{SUFFIX}") if path.stem.isdigit())

    def _recover(self) -> None:
        """Go on after the last sound record; what is unfinished behind it is cut."""
        segments = self._segments()
        while segments and not self._continue(segments[-1]):
            # Not even its head was written: it never held anything.
            self.cut_bytes += segments[-1].stat().st_size
            segments.pop().unlink()
        self._durable = self._next - 1

    def _continue(self, path: Path) -> bool:
        """Open the last segment to append; False where it is none."""
        with _mapped(path) as data:
            salt = log_record.salt_of(data)
            if salt is None:
                return False
            self._next, end = _first_number(path), log_record.SEGMENT_HEAD.size
            for one in log_record.found(data, salt):
                self._next, end = one.number + 1, one.end
        self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_APPEND)
        size = os.fstat(self._file).st_size
        if size > end:
            os.ftruncate(self._file, end)
            self.cut_bytes += size - end
        # What was read may have been in memory only when the writer died.
        os.fsync(self._file)
        self._salt, self._end, self._durable_end = salt, end, end
        return True

    def _begin_segment(self) -> None:
        path = self.folder / f"{self._next:020d}{SUFFIX}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            head, self._salt = log_record.segment_head()
            _write_all(file, head, b"")
            os.fsync(file)
            sync(self.folder)
        except OSError:
            os.close(file)
            with suppress(OSError):
                path.unlink()
            raise
        self._file, self._segment = file, self._segment + 1
        self._end = self._durable_end = len(head)

    def _roll(self) -> None:
        """The segment is full: make sure of it, begin the next, and let go of the oldest where there are too many."""
        try:
            os.fsync(self._file)
        except OSError:
            self._abandon()
            raise
        self._durable, self._durable_end = self._next - 1, self._end
        full = self._file
        self._begin_segment()
        os.close(full)
        segments = self._segments()
        kept = [path.stat().st_size for path in segments]
        while len(segments) > 1 and sum(kept) > self._keep_bytes:
            with suppress(OSError):
                segments.pop(0).unlink()
            kept.pop(0)

    def _take_back(self) -> None:
        """A record was written in part, or not at all: the file ends where it did."""
        if self._file >= 0:
            try:
                os.ftruncate(self._file, self._end)
            except OSError:
                self._abandon()

    def _abandon(self) -> None:
        """The file is not to be trusted behind what is durable: go on in a new one. What was not made sure of has to come again."""
        with suppress(OSError):
            os.ftruncate(self._file, self._durable_end)
        self._close_file()
        if self._durable + 1 < self._next:
            self._lost.append((self._durable + 1, self._next))

    def _close_file(self) -> None:
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
        self._file = -1


def _claim(guard: int, folder: Path) -> None:
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise IntakeError(f"{folder}: another process keeps its sample log there") from error


def _write_all(file: int, head: bytes, payload: bytes) -> None:
    """OSError unless all of it went out at once."""
    written = os.writev(file, (head, payload))
    if written < len(head) + len(payload):
        raise OSError(28, f"{written} of {len(head) + len(payload)} bytes written, no space left")


def _first_number(path: Path) -> int:
    return int(path.stem)


def _read(path: Path) -> Iterator[Record]:
    with _mapped(path) as data:
        salt = log_record.salt_of(data)
        if salt is not None:
            for one in log_record.found(data, salt):
                yield Record(one.number, one.now_s, data[one.payload : one.end])


def _mapped(path: Path) -> mmap.mmap:
    """The file in memory as it is needed; an empty one as a page of nothing."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return mmap.mmap(-1, 1)
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
