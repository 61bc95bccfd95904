"""The sites of a city by name, each worked out when somebody first asks for it: a command concerns a few, a city has thousands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from signals.rules import Rules, envelope
from signals.site import Site, sites
from signals.types import Intersection, Network

KEPT = 1000  # sites that are remembered


class SiteBook(Mapping[str, Site]):
    """Lives as long as the service; one caller at a time."""

    def __init__(self, network: Network, rules: Rules) -> None:
        self._rules = rules
        self._signals: dict[str, Intersection] = {s.id: s for s in network.signals}
        self._known: dict[str, Site] = {}

    def __getitem__(self, name: str) -> Site:
        signal = self._signals[name]
        if name not in self._known:
            while len(self._known) >= KEPT:
                self._known.pop(next(iter(self._known)))
            (self._known[name],) = sites(Network(name, (signal,)), (envelope(signal, self._rules),))
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._signals

    def __iter__(self) -> Iterator[str]:
        return iter(self._signals)

    def __len__(self) -> int:
        return len(self._signals)
