"""A step of upkeep in a process of its own, so that the loop goes on meanwhile: gentle, killable, with a time limit.

`python -m forecasting.refit FOLDER JOB` is its side. The counts go over as a file that the process maps, because a city's
would block who hands them over through a pipe.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np

from forecasting.history import FlowHistory
from forecasting.succession import Record
from forecasting.upkeep import Wanted, keep_up
from signals.errors import ForecastError, SignalsError

JOB = ".job."  # begin of the name of the folder that a job is handed over in; its owner's process follows
WISH, COUNTS, RECORD, SAID = "wish.json", "counts.npy", "record.json", "said.txt"
NICENESS = 10
LIMIT_S = 6 * 3600.0
REFUSED = 2
ROOT = Path(__file__).resolve().parents[1]


class Refit:
    """Lives as long as its process. Ask `result` now and then; `kill` ends it at any moment without harm to the folder."""

    def __init__(self, folder: Path, history: FlowHistory, wanted: Wanted, now_s: float, limit_s: float = LIMIT_S) -> None:
        """Starts it. `now_s` is the caller's clock, against which `limit_s` is held."""
        self._folder, self._ends_s, self._limit_s = folder.absolute(), now_s + limit_s, limit_s
        self._record: Record | None = None
        self._job = hand_over(self._folder, history, wanted)
        with (self._job / SAID).open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "forecasting.refit", str(self._folder), str(self._job)],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=ROOT, start_new_session=True,
            )  # fmt: skip

    def result(self, now_s: float) -> Record | None:
        """What came of it; None while it is under way; ForecastError where it failed or took longer than its limit."""
        if self._record is not None:
            return self._record
        code = self._process.poll()
        if code is None:
            if now_s >= self._ends_s:
                self.kill()
                raise ForecastError(f"{self._folder}: the refit was ended after its limit of {self._limit_s:g} s; the champion stays")
            return None
        if code:
            raise ForecastError(self._complaint(code))
        self._record = Record(**json.loads((self._job / RECORD).read_text(encoding="utf-8")))
        return self._record

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within that time."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it; what it has not concluded is as if it had never begun."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._job, ignore_errors=True)

    def _complaint(self, code: int) -> str:
        said = self._job / SAID
        text = said.read_text(encoding="utf-8", errors="replace").strip() if said.is_file() else ""
        lines = text.splitlines() or ["nothing was said"]
        return lines[-1] if code == REFUSED else f"{self._folder}: the refit ended with code {code}: {lines[-1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.kill()


def hand_over(folder: Path, history: FlowHistory, wanted: Wanted) -> Path:
    """The folder of a new job; those of processes that are no more are removed."""
    wish = {"start": str(history.start), "bin_s": history.bin_s, "detectors": history.detectors, "wanted": asdict(wanted)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(JOB + "*"):
            if not _runs(int(old.name.split(".")[2])):
                shutil.rmtree(old, ignore_errors=True)
        job = Path(tempfile.mkdtemp(prefix=f"{JOB}{os.getpid()}.", dir=folder))
        np.save(job / COUNTS, history.counts_veh)
        (job / WISH).write_text(json.dumps(wish), encoding="utf-8")
    except OSError as why:
        raise ForecastError(f"{folder}: the refit cannot be handed over: {why}") from why
    return job


def _runs(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def read_job(job: Path) -> tuple[FlowHistory, Wanted]:
    """What was handed over; the counts stay on the disk until they are read."""
    wish = json.loads((job / WISH).read_text(encoding="utf-8"))
    counts_veh = np.load(job / COUNTS, mmap_mode="r", allow_pickle=False)
    history = FlowHistory(np.datetime64(wish["start"], "s"), wish["bin_s"], tuple(wish["detectors"]), counts_veh)
    return history, Wanted(**wish["wanted"])


def main(folder: Path, job: Path) -> int:
    """The process's side: the exit code, and one sentence on the standard error where it is refused."""
    os.nice(NICENESS)
    try:
        record = keep_up(folder, *read_job(job))
    except SignalsError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    (job / RECORD).write_text(json.dumps(asdict(record), allow_nan=False), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
