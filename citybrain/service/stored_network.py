"""Signals whose lanes and movements stay columns of numbers until somebody asks: a city has half a million of them, and few are asked for.

For `network_columns`. What is asked for of a signal is made then, and kept for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from signals.layout import TURN_CODES, Flat
from signals.types import Intersection, Ints, Lane, Movement, Turn

SEPARATOR = b"\0"
TURNS = tuple(Turn)
KEPT = 512  # signals whose lanes or movements are kept ready
LANE_COLUMNS = ("texts", "floats", "floats", "lists", "floats", "floats")
MOVEMENT_COLUMNS = ("texts", "texts", "turns", "lists", "lists", "floats", "floats", "floats", "floats", "lists")
Arrays = dict[str, npt.NDArray[Any]]
Table = npt.NDArray[np.int32]


class Rows:
    """The lanes and movements of a whole network, by number."""

    def __init__(self, arrays: Arrays) -> None:
        """ValueError, KeyError or IndexError where the columns do not fit."""
        self._texts = arrays["texts"].tobytes()
        self._texts.decode()
        ends = np.flatnonzero(arrays["texts"] == SEPARATOR[0])
        self._text_start = np.concatenate(([0], ends + 1, [len(self._texts) + 1])).astype(np.int32)
        self._floats: npt.NDArray[np.float64] = arrays["floats"]
        self._list_start, self._list_items = lists_of(arrays["list_sizes"], arrays["list_items"], len(self._text_start) - 1)
        sizes = {"texts": len(self._text_start) - 1, "floats": self._floats.size, "lists": len(self._list_start) - 1, "turns": len(TURNS)}
        self._lanes = checked(arrays["lanes"], "lanes", [sizes[name] for name in LANE_COLUMNS])
        self._movements = checked(arrays["movements"], "movements", [sizes[name] for name in MOVEMENT_COLUMNS])
        self._lanes_of: dict[int, tuple[Lane, ...]] = {}
        self._movements_of: dict[int, tuple[Movement, ...]] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Numbers of lanes and movements."""
        return len(self._lanes), len(self._movements)

    def text(self, number: int) -> str:
        """A text by its number."""
        return self._texts[self._text_start[number] : self._text_start[number + 1] - 1].decode()

    def names(self, first: int, last: int) -> tuple[str, ...]:
        """The names of movements."""
        return tuple([self.text(k) for k in self._movements[first:last, 0].tolist()])

    def lanes(self, first: int, last: int) -> tuple[Lane, ...]:
        """Some lanes that follow each other, those of one signal."""
        found = self._lanes_of.get(first)
        if found is None or len(found) != last - first:
            text, several, x = self.text, self._several, self._floats.item
            rows = self._lanes[first:last].tolist()
            found = tuple([Lane(text(a), x(b), x(c), several(d), x(e), x(f)) for a, b, c, d, e, f in rows])
            self._lanes_of = kept(self._lanes_of, first, found)
        return found

    def movements(self, first: int, last: int) -> tuple[Movement, ...]:
        """Some movements that follow each other, those of one signal."""
        found = self._movements_of.get(first)
        if found is None or len(found) != last - first:
            text, several, x = self.text, self._several, self._floats.item
            rows = self._movements[first:last].tolist()
            found = tuple([
                Movement(text(a), text(b), TURNS[c], several(d), several(e), x(f), x(g), x(h), x(i), several(j))
                for a, b, c, d, e, f, g, h, i, j in rows
            ])  # fmt: skip
            self._movements_of = kept(self._movements_of, first, found)
        return found

    def flat(self, sizes: Sequence[int], lane_sizes: Sequence[int]) -> Flat:
        """The columns that a layout needs, of signals of so many movements and lanes."""
        speed_mps, sensed_m, storage_veh = (self._floats[self._lanes[:, k]] for k in (2, 4, 5))
        saturation_veh_h, exit_storage_veh = (self._floats[self._movements[:, k]] for k in (5, 8))
        codes = np.array([TURN_CODES[turn] for turn in TURNS], dtype=np.int64)
        turn = codes[self._movements[:, 2]]
        return Flat(sizes, lane_sizes, speed_mps, sensed_m, storage_veh, saturation_veh_h, exit_storage_veh, turn)

    def _several(self, number: int) -> tuple[str, ...]:
        items = self._list_items[self._list_start[number] : self._list_start[number + 1]]
        return tuple([self.text(k) for k in items.tolist()])


class StoredIntersection(Intersection):
    """An intersection like any other; its lanes and movements are made when they are asked for."""

    __slots__ = ("_places", "_rows")
    _rows: Rows
    _places: tuple[int, int, int, int]

    def __new__(cls, *fields: Any, **named: Any) -> Any:
        """A plain one of these fields: what is made from a stored one by `dataclasses.replace` is none."""
        return Intersection(*fields, **named)

    @classmethod
    def of(cls, rows: Rows, places: tuple[int, int, int, int], values: dict[str, Any]) -> StoredIntersection:
        """`places`: its first lane and the one after its last, and the same of its movements; `values`: all other fields by name."""
        found: StoredIntersection = object.__new__(cls)
        object.__setattr__(found, "_rows", rows)
        object.__setattr__(found, "_places", places)
        for name, value in values.items():
            object.__setattr__(found, name, value)
        return found

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Its stop lanes."""
        return self._rows.lanes(*self._places[:2])

    @property
    def movements(self) -> tuple[Movement, ...]:
        """Its movements."""
        return self._rows.movements(*self._places[2:])

    @property
    def movement_names(self) -> tuple[str, ...]:
        """The names of its movements, without making them."""
        return self._rows.names(*self._places[2:])

    def __reduce__(self) -> tuple[Any, ...]:
        return Intersection, tuple(getattr(self, name) for name in Intersection.__dataclass_fields__)


def kept(known: dict[int, Any], number: int, value: Any) -> dict[int, Any]:
    """With one more; without all others where they have become many. Another thread's reads go on undisturbed."""
    if len(known) >= KEPT:
        return {number: value}
    known[number] = value
    return known


def lists_of(sizes: Ints, items: Ints, texts: int) -> tuple[npt.NDArray[np.int64], Table]:
    """Where each list of texts begins [list + 1], and the numbers of texts."""
    if (sizes < 0).any() or int(sizes.sum()) != items.size or (items < 0).any() or (items >= texts).any():
        raise ValueError(f"lists of {int(sizes.sum())} texts, {items.size} are there, of {texts}")
    return np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))), items.astype(np.int32)


def checked(table: npt.NDArray[Any], name: str, sizes: list[int]) -> Table:
    """A table whose columns are numbers below these; ValueError where it is none."""
    if len(table) and (table.ndim != 2 or table.shape[1] != len(sizes)):
        raise ValueError(f"{name} of shape {table.shape}, expected {len(sizes)} columns")
    rows = table.reshape(-1, len(sizes))
    if (rows < 0).any() or (rows >= np.array(sizes)).any():
        raise ValueError(f"{name} with numbers beyond those of the tables they stand in")
    return np.ascontiguousarray(rows, dtype=np.int32)
