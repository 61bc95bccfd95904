"""A network as columns of numbers and back: what is equal at many signals (matrices, phases, names of lanes) is there once, and shared.

For `network_file`. Names are numbers in a table of texts; numbers with a fraction are numbers in a table of floats, so that a large
city's nouns share them as well.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from citybrain.service.stored_network import TURNS, Arrays, Rows, StoredIntersection
from signals.errors import ConfigError
from signals.layout import Flat
from signals.types import Intersection, Lane, Movement, Network, Phase, Stage, Street, TimingPlan

LAYOUT = 1
MATRICES = ("uses", "serves", "conflicts", "yields_to", "yellow_s", "all_red_s")
SEPARATOR = "\0"


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


def unpacked(arrays: Arrays) -> tuple[tuple[StoredIntersection, ...], tuple[Street, ...], Flat]:
    """Signals, streets and what a layout needs, from their columns; ValueError, KeyError, IndexError or TypeError where they do not fit."""
    head = json.loads(arrays["head"].tobytes())
    if head["layout"] != LAYOUT:
        raise ValueError(f"layout {head['layout']}, expected {LAYOUT}")
    known = Rows(arrays)
    floats: list[float] = arrays["floats"].tolist()
    streets = streets_of(arrays, known, floats)
    signals = signals_of(arrays, head, known, floats)
    sizes, lane_sizes = ([one.serves.shape[1] for one in signals], [one.uses.shape[0] for one in signals])
    return signals, streets, known.flat(sizes, lane_sizes)


def streets_of(arrays: Arrays, known: Rows, floats: list[float]) -> tuple[Street, ...]:
    """The streets, whose ends are named alike."""
    names: dict[int, str] = {}
    for k in np.unique(arrays["streets"][:, :2]).tolist() if len(arrays["streets"]) else ():
        names[k] = known.text(k)
    return tuple([Street(names[a], names[b], floats[c], floats[d], e) for a, b, c, d, e in rows_of(arrays, "streets", 5)])


def signals_of(arrays: Arrays, head: dict[str, Any], known: Rows, floats: list[float]) -> tuple[StoredIntersection, ...]:
    """The signals, each with the lanes and movements that come next."""
    phases = [tuple(Phase(str(name), str(lights)) for name, lights in some) for some in head["phases"]]
    stages = [tuple(Stage(int(p), float(g)) for p, g in some) for some in head["stages"]]
    exceptions = [tuple((int(m), int(n)) for m, n in some) for some in head["exceptions"]]
    tables = {name: matrices_of(arrays, name) for name in MATRICES}
    found, lane, movement = [], 0, 0
    for name, lane_count, count, shown, run, repeats, excepted, x, y, a, b, c, d, *own in rows_of(arrays, "signals", 13 + len(MATRICES)):
        places = lane, (lane := lane + lane_count), movement, (movement := movement + count)
        signal = known.text(name)
        base = TimingPlan(signal, stages[run], floats[a], floats[b], bool(repeats), floats[c], floats[d])
        matrices = {which: table[k] for (which, table), k in zip(tables.items(), own, strict=True)}
        if matrices["serves"].shape != (len(phases[shown]), count) or matrices["uses"].shape != (lane_count, count):
            raise ValueError(f"{signal}: matrices of another signal")
        place = {"id": signal, "x_m": floats[x], "y_m": floats[y]}
        shows = {"phases": phases[shown], "base": base, "exceptions": exceptions[excepted]}
        found.append(StoredIntersection.of(known, places, place | shows | matrices))
    if (lane, movement) != known.size:
        raise ValueError(f"{lane} lanes and {movement} movements at signals, {known.size} listed")
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
