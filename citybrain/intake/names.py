"""Names of sensors and their numbers: listed ones, or those that follow from a network and need no room at all."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from functools import cached_property
from typing import Protocol

from signals.types import Ints, Network

NONE = -1


class Names(Protocol):
    """Sensors' names by number, and back."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> str: ...

    def find(self, name: str) -> int:
        """Its number, NONE where there is no such sensor."""
        ...

    def digest(self) -> bytes:
        """The same for the same names in the same order only."""
        ...


class Listed:
    """Names as a file lists them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number: int, /) -> str:
        return self._names[number]

    def find(self, name: str) -> int:
        """Its number, NONE where there is no such sensor."""
        return self._numbers.get(name, NONE)

    def digest(self) -> bytes:
        """The same for the same names in the same order only."""
        return hashlib.sha256("\n".join(self._names).encode()).digest()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self._names)}


class Regular:
    """`signal/kind/place` for every kind and watched movement, movement by movement. Nothing is kept a sensor: a city has a million."""

    def __init__(self, network: Network, kinds: tuple[str, ...], movement_start: Ints, watched: Ints) -> None:
        """`movement_start` [signal + 1] and `watched` [n]: flat movements that have sensors, rising."""
        self._signals, self._kinds = [s.id for s in network.signals], kinds
        self._start: list[int] = movement_start.tolist()
        self._watched = watched

    def __len__(self) -> int:
        return len(self._watched) * len(self._kinds)

    def __getitem__(self, number: int, /) -> str:
        which, kind = divmod(range(len(self))[number], len(self._kinds))
        movement = int(self._watched[which])
        signal = bisect_right(self._start, movement) - 1
        return f"{self._signals[signal]}/{self._kinds[kind]}/{movement - self._start[signal]}"

    def find(self, name: str) -> int:
        """Its number, NONE where there is no such sensor."""
        signal, _, rest = name.rpartition("/")[0].rpartition("/")
        place = name.rpartition("/")[2]
        i = self._index.get(signal, NONE)
        if i == NONE or rest not in self._kinds or not (place.isascii() and place.isdigit()) or len(place) > 6:
            return NONE
        movement = self._start[i] + int(place)
        which = int(self._watched.searchsorted(movement))
        if str(int(place)) != place or movement >= self._start[i + 1] or which == len(self._watched) or self._watched[which] != movement:
            return NONE
        return which * len(self._kinds) + self._kinds.index(rest)

    def digest(self) -> bytes:
        """The same for the same names in the same order only."""
        digest = hashlib.sha256("\n".join((*self._signals, *self._kinds)).encode())
        digest.update(repr(self._start).encode() + self._watched.astype("<i8").tobytes())
        return digest.digest()

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self._signals)}
