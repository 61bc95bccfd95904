"""A network as columns of numbers and back: what is equal at many signals (matrices, phases, names of lanes) is there once, and shared.

For `network_file`. Names are numbers in a table of texts; numbers with a fraction are numbers in a table of floats, so that a large
city's nouns share them as well.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from signals.errors import ConfigError
from signals.types import Intersection, Ints, Lane, Movement, Network, Phase, Stage, Street, TimingPlan, Turn

LAYOUT = 1
MATRICES = ("uses", "serves", "conflicts", "yields_to", "yellow_s", "all_red_s")
SEPARATOR = "\0"
TURNS = list(Turn)
Arrays = dict[str, npt.NDArray[Any]]
Noun = TypeVar("Noun")


class Table:
    """Different values by number, in the order in which they were first met."""

    def __init__(self) -> None:
        self.number: dict[Hashable, int] = {}

    def of(self, value: Hashable) -> int:
        """Its number."""
        return self.number.setdefault(value, len(self.number))

    @property
    def values(self) -> list[Any]:
        """All values by number."""
        return list(self.number)


class Packing:
    """The tables of one network while it is being packed."""

    def __init__(self) -> None:
        self.texts, self.floats, self.lists = Table(), Table(), Table()
        self.phases, self.stages, self.exceptions = Table(), Table(), Table()
        self.matrices = {name: Table() for name in MATRICES}

    def several(self, names: Iterable[str]) -> int:
        """The number of a list of texts."""
        return self.lists.of(tuple(self.texts.of(name) for name in names))

    def lane(self, of: Lane) -> tuple[int, ...]:
        """A row of `lanes`."""
        length, speed, sensed, storage = (self.floats.of(x) for x in (of.length_m, of.speed_mps, of.sensed_m, of.storage_veh))
        return self.texts.of(of.id), length, speed, self.several(of.upstream), sensed, storage

    def movement(self, of: Movement) -> tuple[int, ...]:
        """A row of `movements`."""
        named = self.texts.of(of.id), self.texts.of(of.approach), TURNS.index(of.turn), self.several(of.lanes), self.several(of.exits)
        sizes = of.saturation_veh_h, of.speed_mps, of.crossing_m, of.exit_storage_veh
        return (*named, *(self.floats.of(x) for x in sizes), self.several(of.inside))

    def signal(self, of: Intersection) -> tuple[int, ...]:
        """A row of `signals`."""
        base = of.base
        if base.signal != of.id:
            raise ConfigError(f"{of.id}: its base plan is of {base.signal}; expected its own")
        shown = self.phases.of(tuple((p.name, p.lights) for p in of.phases))
        run = self.stages.of(tuple((one.phase, one.green_s) for one in base.stages))
        times = of.x_m, of.y_m, base.starts_s, base.valid_until_s, base.cycle_s, base.offset_s
        matrices = (self.matrices[name].of(shaped(getattr(of, name), name)) for name in MATRICES)
        counts = len(of.lanes), len(of.movements)
        numbers = shown, run, int(base.repeats), self.exceptions.of(of.exceptions)
        return (self.texts.of(of.id), *counts, *numbers, *(self.floats.of(x) for x in times), *matrices)

    def street(self, of: Street) -> tuple[int, ...]:
        """A row of `streets`."""
        ends = self.texts.of(of.from_signal), self.texts.of(of.to_signal)
        return (*ends, self.floats.of(of.length_m), self.floats.of(of.speed_mps), of.lanes)


def packed(network: Network) -> Arrays:
    """The network as columns; ConfigError for one that cannot be."""
    packing = Packing()
    found = {
        "lanes": rows([packing.lane(one) for s in network.signals for one in s.lanes]),
        "movements": rows([packing.movement(one) for s in network.signals for one in s.movements]),
        "signals": rows([packing.signal(one) for one in network.signals]),
        "streets": rows([packing.street(one) for one in network.streets]),
    }
    lists = packing.lists.values
    head = {
        "layout": LAYOUT,
        "name": network.name,
        "phases": packing.phases.values,
        "stages": packing.stages.values,
        "exceptions": packing.exceptions.values,
    }
    for name, table in packing.matrices.items():
        found[name] = np.array([shape for shape, _ in table.values], dtype=np.int32).reshape(-1, 2)
        found[f"{name}_values"] = np.frombuffer(b"".join(values for _, values in table.values), dtype=kind_of(name))
    return found | {
        "head": as_bytes(json.dumps(head)),
        "texts": as_bytes(joined(packing.texts.values)),
        "floats": np.array(packing.floats.values, dtype=np.float64),
        "list_sizes": np.array([len(one) for one in lists], dtype=np.int32),
        "list_items": np.array([k for one in lists for k in one], dtype=np.int32),
    }


def rows(of: Sequence[tuple[int, ...]]) -> npt.NDArray[np.int32]:
    """A table [row, column]."""
    return np.array(of, dtype=np.int32).reshape(len(of), len(of[0]) if of else 0)


def kind_of(name: str) -> type[np.generic]:
    """What a matrix of this name holds."""
    return np.int64 if name == "serves" else np.float64 if name.endswith("_s") else np.bool_


def shaped(matrix: npt.NDArray[Any], name: str) -> tuple[tuple[int, ...], bytes]:
    """A matrix as a key: its shape and its bytes."""
    return matrix.shape, matrix.astype(kind_of(name)).tobytes()


def joined(texts: list[str]) -> str:
    """All texts in one; ConfigError where one holds the separator."""
    if any(SEPARATOR in text for text in texts):
        raise ConfigError("a name in the network holds a zero byte; expected readable names")
    return SEPARATOR.join(texts)


def as_bytes(text: str) -> npt.NDArray[np.uint8]:
    """A text as an array of bytes."""
    return np.frombuffer(text.encode(), dtype=np.uint8)


def unpacked(arrays: Arrays) -> Network:
    """The network from its columns; ValueError, KeyError, IndexError or TypeError where they do not fit."""
    head = json.loads(arrays["head"].tobytes())
    if head["layout"] != LAYOUT:
        raise ValueError(f"layout {head['layout']}, expected {LAYOUT}")
    texts = arrays["texts"].tobytes().decode().split(SEPARATOR)
    floats = arrays["floats"].tolist()
    names = lists_of(arrays["list_sizes"], arrays["list_items"], texts)
    lanes = nouns(Lane, columns_of(arrays, "lanes", 6), (texts, floats, floats, names, floats, floats))
    looked_up = (texts, texts, TURNS, names, names, floats, floats, floats, floats, names)
    movements = nouns(Movement, columns_of(arrays, "movements", 10), looked_up)
    streets = tuple(Street(texts[a], texts[b], floats[c], floats[d], e) for a, b, c, d, e in rows_of(arrays, "streets", 5))
    signals = signals_of(arrays, head, (texts, floats), lanes, movements)
    return Network(head["name"], signals, streets)


def signals_of(
    arrays: Arrays, head: dict[str, Any], tables: tuple[list[str], list[float]], lanes: list[Lane], movements: list[Movement]
) -> tuple[Intersection, ...]:
    """The signals, each with the lanes and movements that come next."""
    texts, floats = tables
    phases = [tuple(Phase(str(name), str(lights)) for name, lights in some) for some in head["phases"]]
    stages = [tuple(Stage(int(p), float(g)) for p, g in some) for some in head["stages"]]
    exceptions = [tuple((int(m), int(n)) for m, n in some) for some in head["exceptions"]]
    uses, serves, conflicts, yields_to, yellow_s, all_red_s = (matrices_of(arrays, name) for name in MATRICES)
    found, lane, movement = [], 0, 0
    for name, lane_count, count, shown, run, repeats, excepted, x, y, a, b, c, d, *own in rows_of(arrays, "signals", 13 + len(MATRICES)):
        base = TimingPlan(texts[name], stages[run], floats[a], floats[b], bool(repeats), floats[c], floats[d])
        one = Intersection(
            texts[name], floats[x], floats[y], tuple(lanes[lane : lane + lane_count]), tuple(movements[movement : movement + count]),
            phases[shown], uses[own[0]], serves[own[1]], conflicts[own[2]], yields_to[own[3]], yellow_s[own[4]], all_red_s[own[5]],
            base, exceptions[excepted],
        )  # fmt: skip
        if one.serves.shape != (len(one.phases), count) or one.uses.shape != (lane_count, count):
            raise ValueError(f"{one.id}: matrices of another signal")
        found.append(one)
        lane, movement = lane + lane_count, movement + count
    if (lane, movement) != (len(lanes), len(movements)):
        raise ValueError(f"{lane} lanes and {movement} movements at signals, {len(lanes)} and {len(movements)} listed")
    return tuple(found)


def rows_of(arrays: Arrays, name: str, width: int) -> Iterable[tuple[int, ...]]:
    """The rows of a table."""
    return zip(*columns_of(arrays, name, width), strict=True)


def columns_of(arrays: Arrays, name: str, width: int) -> list[list[int]]:
    """The columns of a table, none of whose numbers may count from the end."""
    table = arrays[name]
    if table.ndim != 2 or (len(table) and table.shape[1] != width) or (table < 0).any():
        raise ValueError(f"{name} of shape {table.shape}, expected {width} columns of numbers from 0")
    found: list[list[int]] = table.T.tolist()
    return found if len(table) else [[] for _ in range(width)]


def nouns(kind: type[Noun], columns: list[list[int]], looked_up: tuple[Sequence[Any], ...]) -> list[Noun]:
    """Objects of a frozen, slotted dataclass, field by field: half the time of its own constructor, and there are half a million."""
    found = [object.__new__(kind) for _ in columns[0]]
    for place, column, values in zip(fields(kind), columns, looked_up, strict=True):  # type: ignore[arg-type]
        deque(map(kind.__dict__[place.name].__set__, found, map(values.__getitem__, column)), maxlen=0)
    return found


def lists_of(sizes: Ints, items: Ints, texts: list[str]) -> list[tuple[str, ...]]:
    """Lists of texts from their sizes and the texts' numbers."""
    if (sizes < 0).any() or int(sizes.sum()) != items.size or (items < 0).any():
        raise ValueError(f"lists of {int(sizes.sum())} texts, {items.size} are there")
    flat = iter([texts[k] for k in items.tolist()])
    return [tuple(islice(flat, size)) for size in sizes.tolist()]


def matrices_of(arrays: Arrays, name: str) -> list[npt.NDArray[Any]]:
    """The different matrices of a name."""
    values, at, found = arrays[f"{name}_values"], 0, []
    if values.dtype != kind_of(name):
        raise ValueError(f"{name} of {values.dtype}, expected {np.dtype(kind_of(name))}")
    for height, width in arrays[name].tolist():
        found.append(values[at : at + height * width].reshape(height, width).copy())
        at += height * width
    if at != values.size:
        raise ValueError(f"{name}: {values.size} values, expected {at}")
    return found
