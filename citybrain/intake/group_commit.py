"""Many senders, one disk: what was appended while the disk was busy is forced to it at once, and all of them are told together."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Condition, Thread
from types import TracebackType
from typing import Self

from citybrain.intake.batch import IntakeError
from citybrain.intake.sample_log import SampleLog


class GroupCommit:
    """Lives as long as its log is written; has one thread, which waits for the disk."""

    def __init__(self, log: SampleLog) -> None:
        self._log = log
        self._wake = Condition()
        self._waiting: list[tuple[int, Future[int]]] = []
        self._closing = False
        self._thread = Thread(target=self._run, name="sample log", daemon=True)
        self._thread.start()

    def append(self, payload: bytes, now_s: float) -> Future[int]:
        """Write a record; the future has its number once it is on the disk, or says why it is not."""
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()  # what is written cannot be unwritten: who waits no longer cancels nothing
        with self._wake:
            if self._closing:
                raise IntakeError("the sample log is closed")
            self._waiting.append((self._log.append(payload, now_s), future))
            self._wake.notify()
        return future

    def close(self) -> None:
        """Wait until all is told; the log itself stays open."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                waiting, self._waiting = self._waiting, []
            if not waiting:
                return
            self._commit(waiting)

    def _commit(self, waiting: list[tuple[int, Future[int]]]) -> None:
        try:
            self._log.commit()
        except IntakeError as error:
            with self._wake:
                # What was appended meanwhile went down with it.
                waiting, self._waiting = waiting + self._waiting, []
            for _, future in waiting:
                future.set_exception(error)
            return
        for number, future in waiting:
            if self._log.holds(number):
                future.set_result(number)
            else:
                future.set_exception(IntakeError(f"record {number} was lost before it was on the disk; it has to come again"))
