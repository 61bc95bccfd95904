"""Requests that were denied, for the audit trail: counted by who and why, and written down once a minute by a thread of its own.

Whoever asks a million times gets one record a minute. What is kept between two writings, and what is written in a day, is bounded: of very
many askers those with a key come first, then those who asked most, and of the rest a record holds the sum. The log has every request.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from citybrain.web.log import log
from citybrain.web.problems import printable
from signals.errors import SignalsError

DENIED = {401: "no living key", 403: "not allowed", 429: "asked too often"}
EVERY_S = 60.0
MOST_KEPT = 1000
MOST_RECORDS = 10  # a writing, beside the sum of the others
MOST_A_DAY = 2000
DAY_S = 86400.0
MOST_NAMES = 8  # of routes and addresses in a record
OTHERS = "others"
Note = Callable[[str, str, dict[str, Any], str], None]
"""who, what, args, outcome -> on disk"""


@dataclass(slots=True)
class Denied:
    """One asker and one reason: how often, where, and from where."""

    number: int = 0
    known: bool = False  # by a living key
    routes: Counter[str] = field(default_factory=Counter)
    addresses: Counter[str] = field(default_factory=Counter)

    def take(self, number: int, routes: Counter[str], addresses: Counter[str]) -> None:
        """Count in; of very many names only the first are told."""
        self.number += number
        for kept, more in ((self.routes, routes), (self.addresses, addresses)):
            for name, times in more.items():
                kept[name if name in kept or len(kept) < MOST_NAMES else OTHERS] += times


class Denials:
    """Lives as long as the web server. `note` is called for every denied request, and does no more than count."""

    def __init__(self, write: Note, clock: Callable[[], float]) -> None:
        """`clock`: steady seconds, by which days are told."""
        self._write, self._clock = write, clock
        self._kept: dict[tuple[str, int], Denied] = {}
        self._guard = threading.Lock()
        self._day_s, self._written = clock(), 0

    def note(self, status: int, who: str, address: str, route: str) -> None:
        """A request was answered with this status; `who` is empty where no living key asked."""
        name = who or f"address {printable(address)}"
        with self._guard:
            if not who and (name, status) not in self._kept and len(self._kept) >= MOST_KEPT:
                name = OTHERS
            one = self._kept.setdefault((name, status), Denied(known=bool(who)))
            one.take(1, Counter({route: 1}), Counter({printable(address): 1}))

    def write_until(self, ending: threading.Event) -> None:
        """Write once a minute until told to end, and then what is left."""
        while not ending.wait(EVERY_S):
            self.flush()
        self.flush()

    def flush(self) -> None:
        """Write down what was counted since the last time; what the disk does not take is in the log alone."""
        with self._guard:
            kept, self._kept = self._kept, {}
        try:
            for (who, status), one in self._chosen(kept):
                args = {"status": status, "number": one.number, "routes": dict(one.routes), "addresses": dict(one.addresses)}
                times = "once" if one.number == 1 else f"{one.number} times"
                self._write(who, "denied", args, f"denied {times}: {DENIED[status]} ({status})")
                self._written += 1
        except SignalsError as error:
            log.warning("denied requests are not in the audit trail: %s", error)

    def _chosen(self, kept: dict[tuple[str, int], Denied]) -> list[tuple[tuple[str, int], Denied]]:
        """Who gets a record of their own, and by reason the sum of the rest."""
        if self._clock() - self._day_s >= DAY_S:
            self._day_s, self._written = self._clock(), 0
        room = min(MOST_RECORDS, max(MOST_A_DAY - self._written, 0))
        rows = sorted(kept.items(), key=lambda row: (row[0][0] == OTHERS, not row[1].known, -row[1].number))
        found = {key: one for key, one in rows[:room] if key[0] != OTHERS}
        rest: dict[tuple[str, int], Denied] = {}
        for key, one in rows:
            if key not in found:
                rest.setdefault((OTHERS, key[1]), Denied()).take(one.number, one.routes, one.addresses)
        return [*found.items(), *rest.items()]
