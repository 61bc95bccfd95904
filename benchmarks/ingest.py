"""How many samples a second are taken in durably: frame in, checked, judged, heeded, and acknowledged when the disk has it.

`python -m benchmarks.ingest [--json FILE] [--folder FOLDER]`. A city's sensors speak in frames. Closed loop: so many senders, each of
which sends when its last frame is acknowledged. Open loop: frames come when they are due, whoever waits; times are from then on.
What the log holds is counted afterwards. The folder's disk and who else is at work matter: compare `cpu` first.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.provenance import provenance
from benchmarks.synthetic_city import city
from citybrain.intake import frame
from citybrain.intake.batch import Samples
from citybrain.intake.catalogue import CODE, Catalogue, Kind
from citybrain.intake.gate import Verdict
from citybrain.intake.group_commit import GroupCommit
from citybrain.intake.intake import Intake
from citybrain.intake.sample_log import SampleLog
from signals.types import Network

SIGNALS = 4167  # of four sensors a movement, twelve movements each: 200,016 sensors
FRAME_SAMPLES = (1, 100, 1000, 10_000, 100_000)
SENDERS = 64
MOST_SAMPLES, MOST_FRAMES = 4_000_000, 20_000  # of a row
OPEN_LOOP = ((200_000, 1000), (1_000_000, 1000), (1_000_000, 10_000))  # samples a second, and samples a frame
OPEN_LOOP_S = 5.0
BEGIN_S = 1000.0
Row = dict[str, float | str]


@dataclass(frozen=True, slots=True)
class Town:
    """Whose sensors speak."""

    network: Network
    catalogue: Catalogue

    def frames(self, samples: int, number: int) -> list[bytes]:
        """So many frames of so many samples: all sensors second by second, each frame of neighbours."""
        rng, n, key = np.random.default_rng(1), len(self.catalogue), self.catalogue.key
        is_count = self.catalogue.kind == CODE[Kind.COUNT]
        found = []
        for k in range(number):
            at = np.arange(k * samples, (k + 1) * samples)
            sensor = (at % n).astype(np.int32)
            value = np.where(is_count[sensor], rng.integers(0, 2, samples), rng.integers(0, 9, samples)).astype(np.float32)
            found.append(frame.encode(Samples(f"gateway {k % SENDERS}", sensor, (BEGIN_S + at // n).astype(np.float64), value), None, key))
        return found


def town(signals: int = SIGNALS) -> Town:
    """Of equal signals, every sensor its own."""
    network = city(signals)
    return Town(network, Catalogue.of(network))


def closed_loop(intake: Intake, frames: list[bytes]) -> Iterator[float]:
    """Seconds from sending to the acknowledgement of each frame, as many under way as there are senders."""
    waiting: deque[tuple[float, Future[int]]] = deque()
    for data in frames:
        if len(waiting) == SENDERS:
            yield done_s(*waiting.popleft())
        waiting.append((time.perf_counter(), kept(intake, data)))
    while waiting:
        yield done_s(*waiting.popleft())


def open_loop(intake: Intake, frames: list[bytes], every_s: float) -> Iterator[float]:
    """Seconds from when each frame is due to its acknowledgement."""
    told_s: list[float] = [0.0] * len(frames)
    last: Future[int] | None = None
    began_s = time.perf_counter()

    def noting(place: int, due_s: float) -> Callable[[Future[int]], None]:
        def note(_: Future[int]) -> None:
            told_s[place] = time.perf_counter() - due_s

        return note

    for k, data in enumerate(frames):
        due_s = began_s + k * every_s
        time.sleep(max(due_s - time.perf_counter(), 0.0))
        last = kept(intake, data)
        last.add_done_callback(noting(k, due_s))
    if last is not None:
        last.result()
    yield from told_s


def kept(intake: Intake, data: bytes) -> Future[int]:
    """The acknowledgement to come; all samples of these frames are good."""
    receipt = intake.take_frame(data)
    if receipt.kept is None or receipt.number[Verdict.GOOD] != receipt.number.sum():
        raise RuntimeError(f"not all samples were taken: {receipt.words()}")
    return receipt.kept


def done_s(sent_s: float, future: Future[int]) -> float:
    """From sending to now, when it is acknowledged."""
    future.result()
    return time.perf_counter() - sent_s


def row(of: Town, folder: Path, samples: int, number: int, offered: int = 0) -> Row:
    """One row: `offered` samples a second, 0 for as many as are taken."""
    frames = of.frames(samples, number)
    with TemporaryDirectory(dir=folder) as place, SampleLog(Path(place)) as log, GroupCommit(log) as group:
        intake = Intake(of.network, of.catalogue, lambda: BEGIN_S + number * samples / len(of.catalogue), group)
        began_s, worked_s = time.perf_counter(), time.process_time()
        taken_s = list(open_loop(intake, frames, samples / offered) if offered else closed_loop(intake, frames))
        lasted_s, worked_s = time.perf_counter() - began_s, time.process_time() - worked_s
        held = sum(len(frame.decode(one.payload).samples) for one in log.records())
    if held != samples * number:
        raise RuntimeError(f"{samples * number} samples were acknowledged, the log holds {held}")
    p50_s, p99_s, p999_s = np.percentile(taken_s, [50.0, 99.0, 99.9]).tolist()
    return {
        "load": "open loop" if offered else "closed loop",
        "samples_per_frame": samples,
        "offered_per_s": offered,
        "samples_per_s": round(held / lasted_s),
        "frames_per_s": round(number / lasted_s),
        "p50_ms": round(1e3 * p50_s, 3),
        "p99_ms": round(1e3 * p99_s, 3),
        "p999_ms": round(1e3 * p999_s, 3),
        "cpu_s_per_million": round(1e6 * worked_s / held, 3),
        "samples": held,
    }


def rows(of: Town, folder: Path, most_samples: int, open_s: float) -> list[Row]:
    """Every load; the first call of every kernel is not counted."""
    row(of, folder, 10, 1)
    found = [row(of, folder, n, max(min(most_samples // n, MOST_FRAMES), 1)) for n in FRAME_SAMPLES]
    return found + [row(of, folder, n, max(round(offered * open_s / n), 1), offered) for offered, n in OPEN_LOOP]


def main(arguments: list[str] | None = None) -> int:
    """Time every load, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    parser.add_argument("--folder", type=Path, default=Path(), help="on the disk that is to keep the log; default here")
    parser.add_argument("--signals", type=int, default=SIGNALS, help="of the city; 48 sensors each")
    parser.add_argument("--seconds", type=float, default=OPEN_LOOP_S, help="of each open-loop load")
    parser.add_argument("--samples", type=int, default=MOST_SAMPLES, help="of each closed-loop load, at most")
    chosen = parser.parse_args(arguments)
    of = town(chosen.signals)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    found = rows(of, chosen.folder, chosen.samples, chosen.seconds)
    line = "{:<13}{:>14}{:>12}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n"
    heads = ("load", "samples/frame", "offered/s", "samples/s", "frames/s", "p50 ms", "p99 ms", "p99.9 ms", "cpu s/M", "samples")
    sys.stdout.write(line.format(*heads))
    for one in found:
        sys.stdout.write(line.format(*one.values()))
    if chosen.json is not None:
        command = " ".join(["python -m benchmarks.ingest", *(arguments if arguments is not None else sys.argv[1:])])
        origin = provenance(datetime.now(UTC).strftime("%Y-%m-%d"), command)
        origin["load_average"] = round(os.getloadavg()[1], 1)  # of the last five minutes: who else was at work
        told = {"provenance": origin, "sensors": len(of.catalogue), "senders": SENDERS, "rows": found}
        chosen.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
