"""Recorded counts, told again at any speed: wide tables (a row a time, a column a sensor) and long ones (a row a sample).

CSV and Parquet. A wide table is what `forecasting` reads: its times are starts of bins, so a count comes at the end of its bin. Times
may be moved, so that the record's beginning is now.
"""

from __future__ import annotations

import asyncio
import csv
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from citybrain.intake.batch import Batch, Float32s, Float64s, Int32s, Samples
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.names import NONE
from citybrain.intake.source import Pace
from forecasting import csv_table, parquet_table
from forecasting.tables import LARGEST_CELLS, Table
from signals.errors import ConfigError, ForecastError

LONG = ("at_s", "sensor", "value")
PIECE_ROWS = 50_000
LARGEST_LONG_CELL = 200
WAIT_S = 0.1
Piece = tuple[Int32s, Float64s, Float32s]
"""Sensor, time and value of each sample."""


class Replay:
    """Lives as long as its record is told."""

    def __init__(self, path: Path, catalogue: Catalogue, pace: Pace, begin_s: Callable[[], float] | None = None, name: str = "") -> None:
        """`begin_s`: the street's time, to which the record's first time is moved once it is known; None: times stay."""
        self.name = name or path.name[:64]
        self.unknown = 0
        """Samples, or columns of a wide table, of sensors that the catalogue does not know."""
        self._path, self._catalogue, self._pace, self._begin_s = path, catalogue, pace, begin_s

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """A batch a moment of the record, in the record's order."""
        begin_s = math.nan if self._begin_s is None else await _known(self._begin_s)
        shift_s = 0.0
        for sensor, at_s, value in self._pieces():
            if not math.isnan(begin_s):
                shift_s, begin_s = begin_s - float(at_s[0]), math.nan
            cuts = np.flatnonzero(np.diff(at_s)) + 1
            for first, last in zip([0, *cuts.tolist()], [*cuts.tolist(), len(at_s)], strict=True):
                times_s = at_s[first:last] + shift_s
                await self._pace.until(float(times_s[0]))
                yield Samples(self.name, sensor[first:last], times_s, value[first:last])

    def _pieces(self) -> Iterator[Piece]:
        """All samples, some at a time."""
        parquet = self._path.suffix.lower() in parquet_table.SUFFIXES
        try:
            columns = _parquet_columns(self._path) if parquet else _csv_columns(self._path)
            if set(LONG) <= set(columns):
                yield from self._long(_parquet_rows(self._path) if parquet else _csv_rows(self._path))
            else:
                table = parquet_table.read(self._path, LARGEST_CELLS) if parquet else csv_table.read(self._path)
                yield from self._wide(table)
        except ForecastError as error:
            raise ConfigError(f"{self._path.name}: {error}") from error

    def _wide(self, table: Table) -> Iterator[Piece]:
        numbers = np.array([self._catalogue.names.find(name) for name in table.detectors], np.int32)
        known = numbers != NONE
        self.unknown += int((~known).sum())
        if not known.any():
            raise ConfigError(f"{self._path.name}: none of its columns is a sensor of the catalogue, e.g. {table.detectors[0][:40]!r}")
        bins_s = np.diff(table.times_s)
        bin_s = float(np.median(bins_s)) if len(bins_s) else float(self._catalogue.period_s[numbers[known][0]])
        for when, row in zip(table.times_s.tolist(), table.counts_veh, strict=True):
            told = known & np.isfinite(row)
            if told.any():
                yield numbers[told], np.full(int(told.sum()), when + bin_s), row[told].astype(np.float32)

    def _long(self, rows: Iterator[tuple[list[Any], list[str], list[Any]]]) -> Iterator[Piece]:
        find = self._catalogue.names.find
        for times_s, sensors, values in rows:
            sensor = np.fromiter(map(find, sensors), np.int32, len(sensors))
            known = sensor != NONE
            self.unknown += int((~known).sum())
            if known.any():
                with np.errstate(over="ignore"):
                    value = np.array(values, np.float64).astype(np.float32)
                yield sensor[known], np.array(times_s, np.float64)[known], value[known]


async def _known(now_s: Callable[[], float]) -> float:
    """The street's time, once it has said one."""
    while not math.isfinite(found := now_s()):
        await asyncio.sleep(WAIT_S)
    return found


def _csv_columns(path: Path) -> list[str]:
    try:
        if path.name.endswith(".gz"):
            return []
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return [name.strip() for name in file.readline(10_000_000).strip().split(",")]
    except OSError as error:
        raise ConfigError(f"{path.name}: cannot be read ({error.strerror})") from error


def _csv_rows(path: Path) -> Iterator[tuple[list[Any], list[str], list[Any]]]:
    """Times, sensors and values of a long CSV, some at a time."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = [name.strip() for name in next(lines)]
            place = [header.index(name) for name in LONG]
            piece: list[tuple[float, str, float]] = []
            for cells in lines:
                if len(cells) != len(header) or max(map(len, cells)) > LARGEST_LONG_CELL:
                    raise ConfigError(f"{path.name}: line {lines.line_num}: {len(cells)} cells; expected {len(header)} short ones")
                at, sensor, value = (cells[k].strip() for k in place)
                piece.append((_real(at, path, lines.line_num), sensor, _real(value, path, lines.line_num)))
                if len(piece) == PIECE_ROWS:
                    yield _columns(piece)
                    piece = []
            if piece:
                yield _columns(piece)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path.name}: no samples can be read ({error})") from error


def _columns(piece: list[tuple[float, str, float]]) -> tuple[list[Any], list[str], list[Any]]:
    at_s, sensor, value = zip(*piece, strict=True)
    return list(at_s), list(sensor), list(value)


def _real(text: str, path: Path, line: int) -> float:
    try:
        return float(text.replace("_", "?"))
    except ValueError:
        raise ConfigError(f"{path.name}: line {line}: {text[:40]!r} is no number") from None


def _parquet_columns(path: Path) -> list[str]:
    pl = parquet_table.polars()
    try:
        return list(pl.scan_parquet(path, glob=False).collect_schema())
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise ConfigError(f"{path.name}: no samples can be read ({str(error).splitlines()[0]})") from error


def _parquet_rows(path: Path) -> Iterator[tuple[list[Any], list[str], list[Any]]]:
    """Times, sensors and values of a long Parquet table, some at a time."""
    pl = parquet_table.polars()
    try:
        frame = pl.scan_parquet(path, glob=False).select(
            pl.col("at_s").cast(float), pl.col("sensor").cast(str), pl.col("value").cast(float)
        )
        rows = int(frame.select(pl.len()).collect().item())
        for first in range(0, rows, PIECE_ROWS):
            piece = frame.slice(first, PIECE_ROWS).collect()
            if piece.null_count().row(0) != (0, 0, 0):
                raise ConfigError(f"{path.name}: a cell of rows {first + 1} to {first + len(piece)} is empty")
            yield piece["at_s"].to_list(), piece["sensor"].to_list(), piece["value"].to_list()
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise ConfigError(f"{path.name}: no samples can be read ({str(error).splitlines()[0]})") from error
