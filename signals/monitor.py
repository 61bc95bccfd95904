"""Watches the lights of every step like a cabinet's conflict monitor, apart from whoever plans and vets them.

It knows nothing of plans: it sees aspects, one character a movement (SUMO's letters), and reports what must never be
seen. Crossings need no yellow. What began before the first look is of unknown age and is not judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from signals.errors import LinkError
from signals.rules import WALKING_MPS, Rules, all_red_time_s, envelope, yellow_time_s
from signals.types import Floats, Intersection, Network, Turn

GREEN, YELLOW, RED, DARK = "GYRD"
KINDS = {"G": GREEN, "g": GREEN, "y": YELLOW, "Y": YELLOW, "r": RED, "s": RED, "u": RED, "o": DARK, "O": DARK}
ANY_YELLOW_S = 1e-6  # asked of programs that others made: some yellow, however short
TIME_TOLERANCE_S = 1e-3  # of sums of steps such as 0.1 s


@dataclass(frozen=True, slots=True)
class Violation:
    """Lights that must not be: the rule, where and when, and one sentence with its numbers."""

    rule: str
    signal: str
    now_s: float
    sentence: str


@dataclass(frozen=True, slots=True)
class LampTimes:
    """What each movement's lights must keep, at one signal."""

    min_green_s: Floats
    """[movement]"""
    yellow_s: Floats
    """[movement] at least this between green and red; 0: none asked"""
    clearance_s: Floats
    """[movement] from the end of its green to the green of a conflicting movement"""


class LightsMonitor:
    """Lives as long as a run; `watch` it every step, then read `violations`, `latched` and `longest_red_s`."""

    def __init__(self, network: Network, times: tuple[LampTimes, ...]) -> None:
        if len(times) != len(network.signals):
            raise LinkError(f"{network.name}: lamp times of {len(times)} signals; expected {len(network.signals)}")
        self.violations: list[Violation] = []
        self.latched: set[str] = set()
        self._heads = [_Head(signal, own) for signal, own in zip(network.signals, times, strict=True)]
        self._shown: list[str | None] = [None] * len(network.signals)
        self._now_s = -inf

    def watch(self, now_s: float, lights: Sequence[str]) -> None:
        """Judge the lights that are shown from `now_s` on, one string a signal in the order of the network."""
        shown = self._shown
        if len(lights) != len(shown):
            raise LinkError(f"lights of {len(lights)} signals; expected {len(shown)}")
        self._now_s = now_s
        for i, aspects in enumerate(lights):
            if aspects != shown[i]:
                shown[i] = aspects
                self._changed(i, now_s, aspects)

    def longest_red_s(self) -> tuple[float, ...]:
        """[signal] the longest that one of its movements has been seen red so far [s]."""
        return tuple(head.longest_red_s(self._now_s) for head in self._heads)

    def _changed(self, i: int, now_s: float, aspects: str) -> None:
        head = self._heads[i]
        found = [Violation(rule, head.signal.id, now_s, said) for rule, said in head.changed(now_s, aspects)]
        if found:
            self.violations += found
            self.latched.add(head.signal.id)


class _Head:
    """The lamps of one signal: what each shows, and since when."""

    def __init__(self, signal: Intersection, times: LampTimes) -> None:
        n = len(signal.movements)
        self.signal = signal
        self.names = [m.id for m in signal.movements]
        self.min_green_s: list[float] = times.min_green_s.tolist()
        self.yellow_s: list[float] = times.yellow_s.tolist()
        self.clearance_s: list[float] = times.clearance_s.tolist()
        self.foes = _foes(signal)
        self.yields_to: list[list[bool]] = signal.yields_to.tolist()
        # A movement that the site, as built, leaves without lights in some phase may stay so.
        self.may_be_dark = [any(KINDS[p.lights[m]] == DARK for p in signal.phases) for m in range(n)]
        self.aspects = ""  # nothing seen yet, or nothing that could be read
        self.since_s = [-inf] * n  # that the shown kind is shown
        self.green_end_s = [-inf] * n
        self.red_s = 0.0
        self._known: dict[tuple[str, str], tuple[list[tuple[int, str, str]], list[int]]] = {}
        self._clashes: dict[str, frozenset[tuple[int, int]]] = {"": frozenset()}

    def changed(self, now_s: float, aspects: str) -> list[tuple[str, str]]:
        """(rule, sentence) of everything wrong with going over to these aspects."""
        before, self.aspects = self.aspects, ""
        unreadable = self._unreadable(aspects)
        if unreadable:
            return [unreadable]
        found = []
        changes, starting = self._changes(before, aspects)
        for m, old, new in changes:
            found += self._lamp_changed(m, now_s, old, new)
        found += self._too_early(now_s, starting, aspects)
        if self.clashes(aspects):
            for m, k in sorted(self.clashes(aspects) - self.clashes(before)):
                said = f"{self.names[m]} and {self.names[k]} are green together in {aspects}"
                found.append(("conflicting greens", said))
        self.aspects = aspects
        return found

    def _changes(self, before: str, aspects: str) -> tuple[list[tuple[int, str, str]], list[int]]:
        """(lamp, old kind, new kind) of every lamp that changes its kind, and the lamps whose green begins; worked out once a pair."""
        if (before, aspects) not in self._known:
            kinds = [KINDS[c] for c in before] if before else [""] * len(aspects)
            pairs = enumerate(zip(kinds, (KINDS[c] for c in aspects), strict=True))
            changes = [(m, old, new) for m, (old, new) in pairs if old != new]
            starting = [m for m, old, new in changes if before and new == GREEN]
            self._known[before, aspects] = (changes, starting)
        return self._known[before, aspects]

    def longest_red_s(self, now_s: float) -> float:
        """The longest red of a movement so far, from the first look on [s]."""
        shown = zip(self.aspects, self.since_s, strict=False)
        return max([self.red_s, *(now_s - since_s for aspect, since_s in shown if KINDS[aspect] == RED)])

    def clashes(self, aspects: str) -> frozenset[tuple[int, int]]:
        """Pairs of movements that are green together and must not be."""
        if aspects not in self._clashes:
            green = [m for m, aspect in enumerate(aspects) if KINDS[aspect] == GREEN]
            pairs = [(m, k) for m in green for k in green if m < k and k in self.foes[m]]
            self._clashes[aspects] = frozenset(p for p in pairs if not self._gives_way(aspects, *p))
        return self._clashes[aspects]

    def _gives_way(self, aspects: str, m: int, k: int) -> bool:
        return (aspects[m] == "g" and self.yields_to[m][k]) or (aspects[k] == "g" and self.yields_to[k][m])

    def _unreadable(self, aspects: str) -> tuple[str, str] | None:
        """What is wrong with a string that cannot be judged lamp by lamp; afterwards every age is unknown."""
        if aspects in self._clashes and aspects:
            return None  # judged before
        unknown = "".join(sorted(set(aspects) - KINDS.keys()))
        n = len(self.names)
        if len(aspects) == n and not unknown:
            return None
        self.since_s, self.green_end_s = [-inf] * n, [-inf] * n
        if not aspects:
            return "no lights", f"shows nothing; expected {n} aspects"
        if unknown:
            return "unknown aspect", f"{aspects} has {unknown!r}; expected only {''.join(KINDS)}"
        return "wrong length", f"{aspects} has {len(aspects)} aspects; expected {n}"

    def _lamp_changed(self, m: int, now_s: float, old: str, new: str) -> list[tuple[str, str]]:
        """A lamp goes over from one kind of aspect to another; `old` is empty at the first look."""
        found = []
        name, lasted_s, asked_s = self.names[m], now_s - self.since_s[m] + TIME_TOLERANCE_S, self.yellow_s[m]
        if old == GREEN:
            self.green_end_s[m] = now_s
            if lasted_s < self.min_green_s[m]:
                said = f"{name} was green for {now_s - self.since_s[m]:.1f} s, under {self.min_green_s[m]:.1f} s"
                found.append(("short green", said))
            if new == RED and asked_s > 0.0:
                found.append(("no yellow", f"{name} went from green to red without yellow"))
        elif old == YELLOW and new == RED and lasted_s < asked_s:
            said = f"{name} was yellow for {now_s - self.since_s[m]:.1f} s, under {asked_s:.1f} s"
            found.append(("short yellow", said))
        elif old == YELLOW and new == GREEN and asked_s > ANY_YELLOW_S:
            found.append(("green after yellow", f"{name} went from yellow back to green"))
        elif old == RED:
            self.red_s = max(self.red_s, now_s - self.since_s[m])
        if new == DARK and not self.may_be_dark[m]:
            found.append(("no lights", f"{name} is dark"))
        # What runs at the first look has run for longer than is known; only a red counts from there, as a lower bound.
        self.since_s[m] = now_s if old or new == RED else -inf
        return found

    def _too_early(self, now_s: float, starting: list[int], aspects: str) -> list[tuple[str, str]]:
        """Greens that begin before a conflicting movement, no longer green, has cleared."""
        found = []
        for m in starting:
            for k in self.foes[m]:
                gone_s = now_s - self.green_end_s[k]
                if gone_s + TIME_TOLERANCE_S < self.clearance_s[k] and KINDS[aspects[k]] != GREEN:
                    said = f"{self.names[m]} is green {gone_s:.1f} s after {self.names[k]}"
                    found.append(("short clearance", f"{said}; expected {self.clearance_s[k]:.1f} s"))
        return found


def monitor_for(network: Network, rules: Rules) -> LightsMonitor:
    """A monitor of what these rules ask of every change of lights."""
    return LightsMonitor(network, tuple(_lamp_times(signal, rules) for signal in network.signals))


def as_built(network: Network) -> LightsMonitor:
    """A monitor of other people's programs: conflicting greens, dark lamps, green to red without any yellow."""
    times = []
    for signal in network.signals:
        nothing = np.zeros(len(signal.movements))
        yellow_s = np.array([0.0 if m.turn is Turn.CROSSING else ANY_YELLOW_S for m in signal.movements])
        times.append(LampTimes(nothing, yellow_s, nothing))
    return LightsMonitor(network, tuple(times))


def _lamp_times(signal: Intersection, rules: Rules) -> LampTimes:
    """Per movement: the least minimum of the phases that serve it, its own yellow, and its own yellow and all-red."""
    lowest_s = envelope(signal, rules).min_green_s
    min_green_s, yellow_s, clearance_s = (np.zeros(len(signal.movements)) for _ in range(3))
    for m, movement in enumerate(signal.movements):
        phases = signal.serves[:, m] > 0
        min_green_s[m] = lowest_s[phases].min(initial=inf) if phases.any() else 0.0
        own_s = rules.yellow_s if rules.yellow_s is not None else yellow_time_s(movement.speed_mps)
        crossing = movement.turn is Turn.CROSSING
        speed_mps = 5.0 * WALKING_MPS if crossing else movement.speed_mps
        yellow_s[m] = 0.0 if crossing else own_s
        clearance_s[m] = own_s + (all_red_time_s(movement.crossing_m, speed_mps) if rules.clearance else 0.0)
    return LampTimes(min_green_s, yellow_s, clearance_s)


def _foes(signal: Intersection) -> list[list[int]]:
    """[movement] the movements that it conflicts with, the site's own exceptions left out."""
    foes = (signal.conflicts | signal.conflicts.T).copy()
    for m, k in signal.exceptions:
        foes[m, k] = foes[k, m] = False
    return [np.flatnonzero(row).tolist() for row in foes]
