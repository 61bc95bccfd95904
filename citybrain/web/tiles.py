"""A large city cut into square tiles that the page asks for as it comes near, and an overview of its main roads for who looks from afar."""

from __future__ import annotations

import gzip
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from citybrain.web.geometry import Shapes, lanes_column, lit, outlines, packed, places_m, stop_lines
from citybrain.web.roads import Roads
from signals.types import Floats, Network
from sumo_nets.shapes import simplified

TILE_M = 2000.0
MARGIN_M = 500.0  # around the outermost signals; what lies farther out is in the outermost tiles
AFAR_M = 10.0  # of the overview: finer bends are not seen from afar
SAME_M = 25.0  # lines whose ends lie this near are one road's two directions
MOST_LINES = 40_000  # of the overview; the widest roads are kept
Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Grid:
    """Square tiles over a box; tile `row * columns + column`, from the south-west."""

    west_m: float
    south_m: float
    columns: int
    rows: int

    @classmethod
    def around(cls, network: Network) -> Grid:
        """Over all signals of a city."""
        xy_m = places_m(network.signals)
        low, high = xy_m.min(axis=0) - MARGIN_M, xy_m.max(axis=0) + MARGIN_M
        columns, rows = (max(math.ceil(float(v) / TILE_M), 1) for v in high - low)
        return cls(round(float(low[0]), 1), round(float(low[1]), 1), columns, rows)

    @property
    def bounds_m(self) -> list[float]:
        """West, south, east, north."""
        return [self.west_m, self.south_m, self.west_m + self.columns * TILE_M, self.south_m + self.rows * TILE_M]

    def as_json(self) -> dict[str, Any]:
        """For the page."""
        return {"size_m": TILE_M, "columns": self.columns, "rows": self.rows}

    def at(self, x_m: float, y_m: float) -> Cell:
        """(column, row) of a place, of the nearest tile where it lies outside."""
        column, row = math.floor((x_m - self.west_m) / TILE_M), math.floor((y_m - self.south_m) / TILE_M)
        return min(max(column, 0), self.columns - 1), min(max(row, 0), self.rows - 1)

    def number(self, cell: Cell) -> int:
        """A tile's number."""
        return cell[1] * self.columns + cell[0]

    def along(self, line: Floats) -> set[int]:
        """Tiles that a line [point, xy] may run through."""
        found: set[int] = set()
        for (x0, y0), (x1, y1) in zip(line[:-1].tolist(), line[1:].tolist(), strict=True):
            (a, b), (c, d) = self.at(min(x0, x1), min(y0, y1)), self.at(max(x0, x1), max(y0, y1))
            found.update(self.number((column, row)) for column in range(a, c + 1) for row in range(b, d + 1))
        return found


def tiles(network: Network, roads: Roads, shapes: Sequence[Shapes]) -> Iterator[tuple[int, bytes]]:
    """(number, gzipped JSON) of every tile in which there is anything; `shapes` [signal]."""
    grid = Grid.around(network)
    lines, areas, signals = by_tile(grid, roads.lines), by_tile(grid, roads.areas), defaultdict(list)
    for i, signal in enumerate(network.signals):
        signals[grid.number(grid.at(signal.x_m, signal.y_m))].append(i)
    for number in sorted({*lines, *areas, *signals}):
        some = [network.signals[i] for i in signals[number]]
        yield number, shut({
            "signals": packed(signals[number], "<u2"),
            "roads": {**outlines([roads.lines[k] for k in lines[number]]), "lanes": lanes_column(roads.lanes[k] for k in lines[number])},
            "areas": outlines([roads.areas[k] for k in areas[number]]),
            **lit(some, [stop_lines(s, shapes[i]) for i, s in zip(signals[number], some, strict=True)]),
        })  # fmt: skip


def by_tile(grid: Grid, lines: Sequence[Floats]) -> defaultdict[int, list[int]]:
    """By tile: the lines that run through it."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for k, line in enumerate(lines):
        for number in grid.along(line):
            found[number].append(k)
    return found


def overview(roads: Roads) -> dict[str, str]:
    """The roads as seen from afar: both directions of a road as one line, without small bends, the widest roads first."""
    seen: set[frozenset[Cell]] = set()
    kept: list[Floats] = []
    lanes: list[int] = []
    for k in sorted(range(len(roads.lines)), key=roads.lanes.__getitem__, reverse=True):
        if len(kept) == MOST_LINES:
            break
        ends = frozenset((round(x / SAME_M), round(y / SAME_M)) for x, y in roads.lines[k][[0, -1]].tolist())
        if len(ends) == 2 and ends not in seen:
            seen.add(ends)
            kept.append(simplified(roads.lines[k], AFAR_M) if len(roads.lines[k]) > 2 else roads.lines[k])
            lanes.append(roads.lanes[k])
    return {**outlines(kept), "lanes": lanes_column(lanes)}


def shut(body: Mapping[str, Any]) -> bytes:
    """As it is sent."""
    return gzip.compress(json.dumps(body, separators=(",", ":"), allow_nan=False).encode(), 9, mtime=0)


def near_m(line: Floats) -> Floats:
    """To the decimetre, as a file keeps it."""
    return np.rint(np.asarray(line) * 10.0) / 10.0
