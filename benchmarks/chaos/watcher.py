"""Who watches a street from outside: a wire of its own to the controllers, and the lights that SUMO itself wrote down.

Every second's lights go through `signals.monitor`, one monitor a signal. After a gap (a wire of ours that was cut, a street that was
started again) what is shown is of unknown age, as for anybody who has just come. Nothing of the service is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from citybrain.field.transport import GONE, ONLINE, SENSE, SENSE_ONLINE, Transport, signal_of
from citybrain.intake.catalogue import CODE, Catalogue, Kind
from citybrain.intake.frame import decode
from signals.lease import HEARTBEAT_S, Status, decode_status
from signals.monitor import LightsMonitor, Violation, monitor_for
from signals.rules import Rules
from signals.types import Network

STEP_S = 1.0
LAST_WORDS_S = 0.05  # of the wall: for what is still on the way
DARK_RULES = frozenset({"no lights", "short green", "no yellow", "short yellow"})
"""What a cabinet may break when its own monitor has put it into flash: that is what flash is for."""
LINE = re.compile(r'<tlsState time="([0-9.]+)" id="([^"]+)" [^>]*state="([^"]*)"/>')


class Judge:
    """Lights of whole steps in, violations out; knows of steps that were not seen."""

    def __init__(self, network: Network, rules: Rules) -> None:
        self._networks = {s.id: Network(s.id, (s,)) for s in network.signals}
        self._rules = rules
        self._monitors: dict[str, LightsMonitor] = {}
        self._found: list[Violation] = []
        self._last_s: dict[str, float] = {}
        self.burnt: set[str] = set()
        """Signals whose lamps were broken on purpose"""
        self.steps, self.gaps = 0, 0  # of single signals

    def watch(self, now_s: float, lights: dict[str, str]) -> None:
        """The lights that are shown from `now_s` on, of the signals that were seen."""
        for name, shown in lights.items():
            before_s = self._last_s.get(name)
            if before_s != now_s - STEP_S:
                self.gaps += before_s is not None
                self._close(name)
            self._monitors.setdefault(name, monitor_for(self._networks[name], self._rules)).watch(now_s, [shown])
            self._last_s[name] = now_s
            self.steps += 1

    def lost(self) -> None:
        """Nothing was seen for a while: what is shown next is of unknown age."""
        self.gaps += len(self._last_s)
        self._last_s.clear()
        for name in list(self._monitors):
            self._close(name)

    def violations(self) -> list[Violation]:
        """What must never be seen, and was."""
        seen = self._found + [v for one in self._monitors.values() for v in one.violations]
        return [v for v in seen if not (v.signal in self.burnt and v.rule in DARK_RULES)]

    def _close(self, name: str) -> None:
        """What comes next is not the step after the last one."""
        old = self._monitors.pop(name, None)
        if old is not None:
            self._found += old.violations


class Watcher:
    """Lives as long as the rig. `look` often; its wire keeps what was not looked at yet."""

    def __init__(self, network: Network, rules: Rules, wire: Transport) -> None:
        self._wire, self._catalogue = wire, Catalogue.of(network)
        self._lights: dict[str, str] = {}
        self._at_s: dict[str, float] = {}  # the street's time when each has spoken last
        self._fresh: set[str] = set()  # who has spoken since the sensors did
        self._dark = False  # whether there are no sensors any more
        self.judge = Judge(network, rules)
        self.status: dict[str, Status] = {}
        """The newest of each signal"""
        self.now_s = -np.inf
        self.passed_veh, self.longest_wait_s = 0.0, 0.0
        self.refusals: Counter[str] = Counter()

    @property
    def connected(self) -> bool:
        """Whether the street is there."""
        return self._wire.connected

    def look(self, wait_s: float = 0.0) -> float:
        """Take what has arrived, waiting up to so long of the wall for something; the street's time."""
        for topic, payload in self._wire.receive(wait_s):
            signal, kind = signal_of(topic)
            if kind == "status":
                self._hear(signal, decode_status(payload))
            elif topic == SENSE:
                self._sense(payload)
            elif topic == SENSE_ONLINE and payload == GONE:
                self._dark = True
            elif topic == ONLINE and payload == GONE:
                self._lights.clear()
        return self.now_s

    def street_ended(self) -> None:
        """The street has ended and is started anew: its last words are judged, and nothing of it stands any more."""
        self.look(LAST_WORDS_S)
        self._lights.clear()
        self._fresh.clear()
        self._dark = False
        self.judge.lost()

    def modes(self) -> dict[str, str]:
        """By signal, whose plan it runs."""
        return {name: status.mode for name, status in self.status.items()}

    def close(self) -> None:
        """Hang up."""
        self._wire.close()

    def _hear(self, signal: str, status: Status) -> None:
        """Lights stand until their cabinet says something else. Without sensors a step is over when somebody speaks of a later one."""
        before, last_s = self.status.get(signal), self._at_s.get(signal, -np.inf)
        since_s = 0.0 if before is None else status.now_s - before.now_s  # by its own clock, which may be wrong, and may jump
        next_s = self.now_s + STEP_S
        told_s = last_s + since_s if 0.0 < since_s <= HEARTBEAT_S else next_s
        if self._dark and since_s != 0.0 and told_s == last_s == next_s:
            told_s += STEP_S  # its clock has jumped, and it speaks again
        while self._dark and told_s > self.now_s + STEP_S:
            self._step(self.now_s + STEP_S)
        self._lights[signal], self.status[signal], self._at_s[signal] = status.lights, status, told_s
        self._fresh.add(signal)

    def _sense(self, payload: bytes) -> None:
        """Sensors speak last in a step, and know the street's time, which no cabinet's clock has to."""
        samples = decode(payload).samples
        if not len(samples):
            return
        now_s, kind = float(samples.at_s.max()), self._catalogue.kind[samples.sensor]
        self._dark = False
        self._at_s |= dict.fromkeys(self._fresh, now_s)
        self._fresh.clear()
        if now_s != self.now_s:
            self.passed_veh += float(samples.value[kind == CODE[Kind.COUNT]].sum())
            self.longest_wait_s = max(self.longest_wait_s, float(samples.value[kind == CODE[Kind.WAIT]].max(initial=0.0)))
        self._step(now_s)

    def _step(self, now_s: float) -> None:
        """What is told at a moment was shown in the step before it. A step that was told twice is one."""
        seen = {name: lights for name, lights in self._lights.items() if 0.0 <= now_s - self._at_s[name] <= HEARTBEAT_S}
        if now_s != self.now_s and seen:
            self.judge.watch(now_s - STEP_S, seen)
        for name in self._lights.keys() - seen.keys():
            del self._lights[name]
        self.now_s = now_s


def written_lights(path: Path) -> Iterator[tuple[float, dict[str, str]]]:
    """What SUMO wrote of its lights, second by second; a file that a kill has cut off is read as far as it goes."""
    at_s, lights = -np.inf, dict[str, str]()
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            found = LINE.search(line)
            if found is None:
                continue
            now_s = float(found[1])
            if now_s != at_s and lights:
                yield at_s, lights
                lights = {}
            at_s, lights[found[2]] = now_s, found[3]
    if lights:
        yield at_s, lights


def judged_file(path: Path, network: Network, rules: Rules, burnt: set[str]) -> Judge:
    """SUMO's own word of what the vehicles saw."""
    judge = Judge(network, rules)
    judge.burnt = burnt
    for now_s, lights in written_lights(path):
        judge.watch(now_s, lights)
    return judge
