"""Tables of counts in CSV files, plain or packed with gzip, read a few megabytes at a time.

csv_cells.py takes the plain rows; the others (quoted cells, long numbers, mistakes) are read one by one here, which also
finds the words for what is wrong with them.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from forecasting import csv_cells
from forecasting.tables import LARGEST_CELLS, TIME_COLUMNS, Progress, Rows, Table, check_count, check_detectors, parsed_time
from signals.errors import ForecastError
from signals.types import Floats, Ints

LARGEST_LINE_BYTES = 64_000_000
PIECE_BYTES = 8_000_000


def read(path: Path, largest_cells: int = LARGEST_CELLS, progress: Progress | None = None) -> Table:
    """The table in a .csv or .csv.gz file: first column a timestamp, then one column a detector, empty cells for gaps."""
    try:
        with _opened(path) as (stream, share):
            return _read(stream, largest_cells, (lambda: progress(share())) if progress else (lambda: None))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as why:
        raise ForecastError(f"no table of counts can be read: {why}") from why


def parse(text: str) -> Table:
    """The table in a text."""
    return _read(io.BytesIO(text.encode()), LARGEST_CELLS, lambda: None)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, Callable[[], float]]]:
    """The file, unpacked where its name ends in .gz, and what share of it has been read."""
    size = max(path.stat().st_size, 1)
    with path.open("rb") as file:
        if path.name.endswith(".gz"):
            with gzip.open(file) as unpacked:
                yield unpacked, lambda: file.tell() / size  # type: ignore[misc]
        else:
            yield file, lambda: file.tell() / size


def _read(stream: BinaryIO, largest_cells: int, tell: Callable[[], None]) -> Table:
    detectors, line = _header(stream)
    rows = Rows(len(detectors), largest_cells)
    number = 0
    for text in _pieces(stream):
        at = 0
        while at < len(text):
            times_s, counts_veh, at, lines = _parsed(text, at, detectors, line)
            rows.add(times_s, counts_veh)
            number, line = number + len(times_s), line + lines
        tell()
    if not number:
        raise ForecastError("the table has no row")
    return rows.table(detectors)


def _header(stream: BinaryIO) -> tuple[tuple[str, ...], int]:
    """Names of the detectors, and the number of the line after them."""
    raw, line = stream.readline(LARGEST_LINE_BYTES), 1
    while raw.strip() == b"" and raw:
        raw, line = stream.readline(LARGEST_LINE_BYTES), line + 1
    while raw.count(b'"') % 2 and (more := stream.readline(LARGEST_LINE_BYTES)):
        raw, line = raw + more, line + 1
        if len(raw) > LARGEST_LINE_BYTES:
            break
    try:
        names = next(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")), [])
    except csv.Error as why:
        raise ForecastError(f"not a CSV table: {why}") from why
    first = names[0].strip() if names else ""
    if first.lower() not in TIME_COLUMNS:
        raise ForecastError(f"the first column is '{first[:40]}', expected 'timestamp'")
    detectors = tuple(name.strip() for name in names[1:])
    check_detectors(detectors)
    return detectors, line + 1


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Whole lines, each with its end, some megabytes at a time."""
    rest = b""
    while piece := stream.read(PIECE_BYTES):
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield rest + piece[:cut]
            rest = piece[cut:]
        else:
            rest += piece
        if len(rest) > LARGEST_LINE_BYTES:
            raise ForecastError(f"a line is longer than {LARGEST_LINE_BYTES / 1e6:.0f} MB; is it a table?")
    if rest:
        yield rest + b"\n"


def _parsed(text: bytes, at: int, detectors: tuple[str, ...], line: int) -> tuple[Ints, Floats, int, int]:
    """Times [row] and counts [row, detector] of the rows that begin at a place, where they end, and how many lines they take."""
    # A row has a comma a detector, so there cannot be more rows than this, unless some are too short and refused below.
    room = min((len(text) - at) // (len(detectors) + 1) + 1, text.count(b"\n", at))
    times_s, starts, lines = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    counts_veh, plain = np.empty((room, len(detectors))), np.empty(room, np.bool_)
    number, end, passed = csv_cells.rows(np.frombuffer(text, np.uint8), at, times_s, counts_veh, plain, starts, lines)
    for row in np.flatnonzero(~plain[:number]).tolist():
        begin = int(starts[row])
        cells = _cells(text[begin : text.index(b"\n", begin)], line + int(lines[row]))
        times_s[row] = parsed_time(cells[0], f"line {line + int(lines[row])}")
        counts_veh[row] = _counts(cells[1:], detectors, line + int(lines[row]))
    return times_s[:number], counts_veh[:number], int(end), int(passed)


def _cells(raw: bytes, line: int) -> list[str]:
    """The cells of a line that is not plain."""
    try:
        return next(csv.reader([raw.decode("utf-8", errors="replace").rstrip("\r")]))
    except csv.Error as why:
        raise ForecastError(f"line {line}: no row of a CSV table: {why}") from why


def _counts(cells: list[str], detectors: tuple[str, ...], line: int) -> list[float]:
    if len(cells) != len(detectors):
        raise ForecastError(f"line {line}: {len(cells)} counts, expected {len(detectors)}")
    return [_count(text, f"line {line}, column {name}") for name, text in zip(detectors, cells, strict=True)]


def _count(text: str, where: str) -> float:
    try:
        count_veh = float(text.replace("_", "?")) if text.strip() else np.nan
    except ValueError:
        raise ForecastError(f"{where}: '{text[:40]}' is no count") from None
    check_count(count_veh, text, where)
    return count_veh
