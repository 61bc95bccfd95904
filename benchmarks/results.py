"""The results of a matrix on disk: one JSON line an episode in results.jsonl, one gzip file a trace.

Only whole lines count: a line torn by a power cut is cut off before the next is written, and its episode is run again. Lines
are never changed; where an episode comes twice, the last line holds.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import math
import os
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from citybrain.episode import EpisodeSpec
from signals.errors import ConfigError

Row = dict[str, Any]
RESULTS = "results.jsonl"
TRACES = "traces"


def episode_key(spec: dict[str, Any], version: str) -> str:
    """What makes two episodes the same: the spec (recording a trace apart) and the version of what it runs."""
    return json.dumps([{k: v for k, v in spec.items() if k != "trace"}, version], sort_keys=True)


def spec_key(spec: EpisodeSpec, version: str) -> str:
    """The key of an episode yet to run."""
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(spec).items()}
    return episode_key(plain, version)


def failed(row: Row) -> bool:
    """Whether the row tells of an episode that ended with an error."""
    return "error" in row


def strict(value: Any) -> Any:
    """The value with None for every NaN or infinity, which JSON does not know."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: strict(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [strict(one) for one in value]
    return value


def read_rows(folder: Path) -> list[Row]:
    """Every whole line of the folder's results; ConfigError where one is not a result."""
    path = folder / RESULTS
    if not path.is_file():
        return []
    rows: list[Row] = []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            row = json.loads(line)
            if not {"scenario", "controller", "seed", "spec", "version"} <= row.keys():
                raise ValueError("keys are missing")
        except (ValueError, AttributeError) as error:
            raise ConfigError(f"{path}, line {number}: not a result ({error}); remove the line to run its episode again") from error
        rows.append(row)
    return rows


def latest(rows: list[Row]) -> dict[str, Row]:
    """The last row of every episode, by its key."""
    return {episode_key(row["spec"], row["version"]): row for row in rows}


class ResultsFile:
    """The open results.jsonl of one matrix: locked against a second writer, cut to its whole lines, appended to."""

    def __init__(self, folder: Path) -> None:
        try:
            (folder / TRACES).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                self._file: IO[bytes] = (folder / RESULTS).open("a+b")
        except OSError as error:
            raise ConfigError(f"{folder}: cannot write results there ({error.strerror})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise ConfigError(f"{folder}: another bench is writing there; wait for it or choose another folder") from error
        self._file.seek(0)
        self._file.truncate(self._file.read().rfind(b"\n") + 1)

    def append(self, row: Row) -> None:
        """Write one line, safe on the disk before this returns."""
        self._file.write(json.dumps(strict(row), ensure_ascii=False, allow_nan=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


def trace_file(folder: Path, scenario: str, controller: str, seed: int) -> Path:
    """Where the trace of an episode lies."""
    words = (re.sub(r"[^A-Za-z0-9_.]+", "_", word).strip("_.") or "unnamed" for word in (scenario, controller))
    return folder / TRACES / f"{'-'.join(words)}-{seed}.json.gz"


def save_trace(folder: Path, row: Row, trace: dict[str, Any]) -> Path:
    """Store the trace of a row's episode, with the key of the episode it belongs to."""
    path = trace_file(folder, row["scenario"], row["controller"], row["seed"])
    text = json.dumps(strict({"key": episode_key(row["spec"], row["version"]), "trace": trace}), allow_nan=False)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path


def load_trace(folder: Path, row: Row) -> dict[str, Any] | None:
    """The trace of a row's episode; None where there is none, or only that of another episode."""
    path = trace_file(folder, row["scenario"], row["controller"], row["seed"])
    try:
        stored = json.loads(gzip.decompress(path.read_bytes()))
        trace: dict[str, Any] = stored["trace"]
    except (OSError, EOFError, ValueError, KeyError):
        return None
    return trace if stored["key"] == episode_key(row["spec"], row["version"]) else None
