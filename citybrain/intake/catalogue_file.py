"""A city's own catalogue as CSV: `sensor,kind,signal,movement,share,period_s,largest`, a line for each movement that a sensor speaks of.

The last three columns may be left out, and their cells empty: 1, once a second, and what the lanes can hold. A movement is its name,
or its place among the signal's movements from 0.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from citybrain.intake.catalogue import CODE, KINDS, PERIOD_S, Catalogue, Kind, largest
from citybrain.intake.names import NONE, Listed
from citybrain.intake.network_names import NetworkNames
from signals.errors import ConfigError
from signals.types import Lane, Movement, Network

COLUMNS, OPTIONAL = ("sensor", "kind", "signal", "movement"), ("share", "period_s", "largest")
LARGEST_BYTES = 200_000_000
LONGEST_NAME = 200
Row = tuple[int, dict[str, str]]
"""A line's number, and its cells by column."""


def read_catalogue(path: Path, network: Network) -> Catalogue:
    """The catalogue in a file; ConfigError with the line where it says something else than sensors of this network."""
    return _catalogue(_rows(path), path, network)


def _rows(path: Path) -> Iterator[Row]:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ConfigError(f"{path}: {path.stat().st_size} bytes; expected at most {LARGEST_BYTES}")
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = [name.strip() for name in next(lines, [])]
            wrong = [name for name in header if name not in (*COLUMNS, *OPTIONAL)]
            if wrong or len(set(header)) < len(header) or not set(COLUMNS) <= set(header):
                raise ConfigError(f"{path}: columns {','.join(header)[:80]}; expected {','.join(COLUMNS)} and perhaps {','.join(OPTIONAL)}")
            for cells in lines:
                if len(cells) != len(header):
                    raise ConfigError(f"{path}: line {lines.line_num}: {len(cells)} cells; expected {len(header)}")
                yield lines.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: no catalogue can be read ({error})") from error


def _catalogue(rows: Iterator[Row], path: Path, network: Network) -> Catalogue:
    names = NetworkNames(network)
    movements = [m for s in network.signals for m in s.movements]
    lanes = {lane.id: lane for s in network.signals for lane in s.lanes}
    number: dict[str, int] = {}
    sensors: list[tuple[int, float, float]] = []  # kind, period, largest
    links: dict[tuple[int, int], float] = {}  # sensor, movement -> share
    for line, row in rows:
        where = f"{path}: line {line}"
        name, kind = row["sensor"], _kind(row["kind"], where)
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise ConfigError(f"{where}: sensor {name[:40]!r}; expected a printable name of 1 to {LONGEST_NAME} characters")
        signal = names.signal(row["signal"])
        movement = names.movement(signal, row["movement"])
        if movement == NONE:
            known = "signal" if signal != NONE else "network"
            raise ConfigError(f"{where}: no movement {row['movement'][:40]!r} of signal {row['signal'][:40]!r} in this {known}")
        share = _number(row.get("share", ""), 1.0, 1.0, f"{where}: share")
        period_s = _number(row.get("period_s", ""), PERIOD_S, 86_400.0, f"{where}: period_s")
        most = _largest(kind, movements[movement], lanes, period_s)
        told = CODE[kind], period_s, _number(row.get("largest", ""), most, 1e6, f"{where}: largest")
        k = number.setdefault(name, len(number))
        if k == len(sensors):
            sensors.append(told)
        elif sensors[k][:2] != told[:2]:
            raise ConfigError(f"{where}: sensor {name} is of another kind or period than in its first line")
        # A sensor of several movements may see as much as the largest of them, and more where the lines add up.
        sensors[k] = (*told[:2], max(sensors[k][2], told[2]))
        if (k, movement) in links:
            raise ConfigError(f"{where}: sensor {name} speaks of this movement twice")
        links[k, movement] = share
    return _arrays(tuple(number), sensors, links, len(movements), path)


def _arrays(
    names: tuple[str, ...], sensors: list[tuple[int, float, float]], links: dict[tuple[int, int], float], movements: int, path: Path
) -> Catalogue:
    if not sensors:
        raise ConfigError(f"{path}: no sensor in it")
    kind, period_s, most = zip(*sensors, strict=True)
    sensor, movement = zip(*sorted(links), strict=True)
    return Catalogue(
        names=Listed(names),
        kind=np.array(kind, np.int32),
        period_s=np.array(period_s, np.float32),
        largest=np.array(most, np.float32),
        link_sensor=np.array(sensor, np.int32),
        link_movement=np.array(movement, np.int32),
        link_share=np.array([links[k] for k in sorted(links)], np.float32),
        movements=movements,
    )


def _kind(text: str, where: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise ConfigError(f"{where}: kind {text[:40]!r}; expected {', '.join(KINDS)}") from None


def _largest(kind: Kind, movement: Movement, lanes: dict[str, Lane], period_s: float) -> float:
    own = [lanes[name].storage_veh for name in movement.lanes if name in lanes]
    lanes_of, storage_veh, exit_storage_veh = np.array([float(len(own))]), np.array([sum(own)]), np.array([movement.exit_storage_veh])
    return float(largest(kind, lanes_of, storage_veh, exit_storage_veh, period_s)[0])


def _number(text: str, otherwise: float, most: float, where: str) -> float:
    """A number over 0 and up to `most`; `otherwise` where the cell is empty."""
    if not text:
        return otherwise
    try:
        value = float(text.replace("_", "?"))
    except ValueError:
        value = math.nan
    if not 0.0 < value <= most:
        raise ConfigError(f"{where} is {text[:40]!r}; expected a number over 0 and at most {most:g}")
    return value
