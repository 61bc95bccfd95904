"""What outsiders call signals, stop lanes and movements, and the numbers that we know them by."""

from __future__ import annotations

from functools import cached_property

from citybrain.intake.names import NONE
from signals.layout import lay_out
from signals.types import Network


class NetworkNames:
    """A network's names, looked up; what is not known is NONE."""

    def __init__(self, network: Network) -> None:
        layout = lay_out(network)
        self._network = network
        self._signals = {s.id: i for i, s in enumerate(network.signals)}
        self._start: list[int] = layout.movement_start.tolist()
        self._places: dict[int, dict[str, int]] = {}  # of the signals that somebody has asked about by a movement's name

    def signal(self, name: str) -> int:
        """Its number in the network."""
        return self._signals.get(name, NONE)

    def lane(self, name: str) -> int:
        """Flat number of a stop lane."""
        return self._lanes.get(name, NONE)

    def movement(self, signal: int, name: str | int) -> int:
        """Flat number of a signal's movement, by its place from 0 or by its name."""
        if signal == NONE:
            return NONE
        place = self._named(signal).get(name, NONE) if isinstance(name, str) else name
        if isinstance(name, str) and place == NONE and name.isascii() and name.isdigit() and len(name) < 6:
            place = int(name)
        known = 0 <= place < self._start[signal + 1] - self._start[signal]
        return self._start[signal] + place if known else NONE

    def _named(self, signal: int) -> dict[str, int]:
        if signal not in self._places:
            self._places[signal] = {name: k for k, name in enumerate(self._network.signals[signal].movement_names)}
        return self._places[signal]

    @cached_property
    def _lanes(self) -> dict[str, int]:
        lanes = (lane.id for s in self._network.signals for lane in s.lanes)
        return {name: k for k, name in enumerate(lanes)}
