"""Tables of counts in Parquet files, read a few columns at a time. Needs polars: pip install 'citybrain[parquet]'."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.tables import TIME_COLUMNS, Progress, Table, check_count, check_detectors, check_size, parsed_time
from signals.errors import ForecastError
from signals.types import Floats, Ints

SUFFIXES = (".parquet", ".pq")
EXTRA = "a Parquet table needs polars: pip install 'citybrain[parquet]'"
PIECE_CELLS = 8_000_000


def read(path: Path, largest_cells: int, progress: Progress | None = None) -> Table:
    """The table in a Parquet file: one column of times, all others numbers, nulls for gaps."""
    pl = polars()
    broken = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
    try:
        frame = pl.scan_parquet(path, glob=False)
        schema = frame.collect_schema()
        rows = int(frame.select(pl.len()).collect().item())
    except broken as why:
        raise ForecastError(f"no table of counts can be read: {str(why).splitlines()[0]}") from why
    when = [name for name in schema if name.strip().lower() in TIME_COLUMNS]
    if len(when) != 1:
        raise ForecastError(f"{len(when)} of its columns are called {' or '.join(TIME_COLUMNS)}, expected one")
    names = tuple(name for name in schema if name != when[0])
    check_detectors(tuple(name.strip() for name in names))
    check_size(rows, len(names), largest_cells)
    if not rows:
        raise ForecastError("the table has no row")
    for name in names:
        if not (schema[name].is_numeric() or schema[name] == pl.Null):
            raise ForecastError(f"column {name} is of type {schema[name]}, expected numbers")
    try:
        times_s = _times_s(frame.select(when[0]).collect().to_series(), when[0])
        counts_veh = _counts_veh(frame, names, rows, progress)
    except broken as why:
        raise ForecastError(f"no table of counts can be read: {str(why).splitlines()[0]}") from why
    return Table(times_s, tuple(name.strip() for name in names), counts_veh)


def polars() -> Any:
    """The library behind it; ForecastError where it is not installed."""
    try:
        return importlib.import_module("polars")
    except ImportError as why:
        raise ForecastError(EXTRA) from why


def _times_s(column: Any, name: str) -> Ints:
    """Seconds since 1970 of a column of times without a zone, or of texts such as 2024-05-07T08:15."""
    kind = str(column.dtype)
    if column.null_count():
        raise ForecastError(f"column {name}: row {int(column.is_null().arg_true()[0]) + 1} has no time")
    if kind == "String":
        return np.array([parsed_time(text, f"row {row}") for row, text in enumerate(column, 1)], dtype=np.int64)
    if not kind.startswith("Datetime"):
        raise ForecastError(f"column {name} is of type {kind}, expected times such as 2024-05-07T08:15")
    if column.dtype.time_zone is not None:
        raise ForecastError(f"column {name}: its times name a time zone, expected local time without one")
    return np.asarray(column.to_numpy().astype("datetime64[s]").astype(np.int64))


def _counts_veh(frame: Any, names: tuple[str, ...], rows: int, progress: Progress | None) -> Floats:
    """Counts [row, detector] of the columns named, checked."""
    counts_veh = np.empty((rows, len(names)))
    width = max(PIECE_CELLS // rows, 1)
    for first in range(0, len(names), width):
        part = names[first : first + width]
        piece = frame.select(polars().col(*part).cast(float)).collect()
        for k, name in enumerate(part):
            column = piece[name].to_numpy()
            wrong = np.flatnonzero((column < 0.0) | np.isinf(column))
            if len(wrong):
                row = int(wrong[0])
                check_count(float(column[row]), f"{column[row]:g}", f"row {row + 1}, column {name}")
            counts_veh[:, first + k] = column
        if progress is not None:
            progress(min((first + width) / len(names), 1.0))
    return counts_veh
