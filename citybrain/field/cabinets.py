"""All controllers of a street in one process: leases in, lights out, answers and statuses to the wire."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from citybrain.field.faulty import Fault, FaultyAnswers
from citybrain.field.transport import ALIVE, Message, Transport, ack_topic, online_topic, signal_of, status_topic
from signals.emulator import EmulatedController
from signals.errors import LinkError
from signals.lease import HEARTBEAT_S, decode_lease, encode_ack, encode_status
from signals.rules import Rules
from signals.types import Floats, Ints, Network

EVERY_S = 1.0  # so often some speak in any case: the field's time is what the controllers say
VOICES = 3  # then, of those that were silent for longest; the clock of one of them may be wrong


class Cabinets:
    """Lives as long as the street. `skew_s` of a cabinet is what its clock is wrong by."""

    def __init__(self, network: Network, rules: Rules, now_s: float, tick_s: float) -> None:
        self._ids = [signal.id for signal in network.signals]
        self.skew_s = dict.fromkeys(self._ids, 0.0)
        self._burnt: set[str] = set()
        self.of = {
            s.id: EmulatedController(s, rules, now_s, tick_s=tick_s, lamps=self._lamps(s.id, len(s.movements))) for s in network.signals
        }
        self.answers = FaultyAnswers()
        self.refused = 0
        self._told_s = dict.fromkeys(self._ids, -np.inf)
        self._shown: dict[str, tuple[object, ...]] = {}
        self._spoke_s = -np.inf

    def _lamps(self, signal: str, movements: int) -> Callable[[str], str]:
        """Lamps that show green everywhere once the fault `flash` has hit them: the cabinet's own monitor has to notice."""
        return lambda lights: "G" * movements if signal in self._burnt else lights

    def step(self, now_s: float) -> list[str]:
        """Lights [signal] from now until the next step."""
        return [self.of[i].step(now_s + self.skew_s[i]) for i in self._ids]

    def hear_calls(self, queue_veh: Floats) -> None:
        """Queues [movement] as the cabinets' own detectors see them; where nothing is seen, somebody calls."""
        called, begin = (~(queue_veh <= 0.0)).tolist(), 0
        for cabinet in self.of.values():
            end = begin + len(cabinet.signal.movements)
            cabinet.hear_calls(tuple(called[begin:end]))
            begin = end

    def hear(self, message: Message, now_s: float, wire: Transport) -> None:
        """A lease for one of them; anything else is not for us. What is malformed is counted and dropped."""
        signal, kind = signal_of(message.topic)
        if kind != "lease" or signal not in self.of:
            return
        cabinet, local_s, doing = self.of[signal], now_s + self.skew_s[signal], self.answers.does(signal)
        if doing == "mute":
            return
        try:
            lease = decode_lease(message.payload)
        except LinkError:
            self.refused += 1
            return
        ack = self.answers.refusal(lease, local_s) if doing == "refuse" else cabinet.receive(lease, local_s)
        self.refused += not ack.accepted
        if doing == "late":
            self.answers.hold_back(ack)
        else:
            wire.send(ack_topic(signal), encode_ack(ack))

    def tell(self, now_s: float, wire: Transport) -> None:
        """Statuses of those with news, or silent for as long as one may be; some in any case. Answers that were held back."""
        for ack in self.answers.due(now_s):
            wire.send(ack_topic(ack.signal), encode_ack(ack))
        told = 0
        for i in self._ids:
            news = self.of[i].news(now_s + self.skew_s[i])
            if news != self._shown.get(i) or not 0.0 <= now_s - self._told_s[i] < HEARTBEAT_S:
                self._shown[i] = news
                told += self._tell(i, now_s, wire)
        if told < VOICES and now_s - self._spoke_s >= EVERY_S:
            for i in sorted(self._ids, key=self._told_s.__getitem__):
                if told < VOICES and self._told_s[i] < now_s:
                    told += self._tell(i, now_s, wire)
        if told >= VOICES or now_s - self._spoke_s >= EVERY_S or now_s < self._spoke_s:
            self._spoke_s = now_s

    def _tell(self, i: str, now_s: float, wire: Transport) -> bool:
        if self.answers.does(i) == "mute":
            return False
        self._told_s[i] = now_s
        wire.send(status_topic(i), encode_status(self.answers.told(self.of[i].status(now_s + self.skew_s[i]))), retain=True)
        return True

    def tell_all(self, now_s: float, wire: Transport) -> None:
        """Everybody once, for somebody who knows nothing; their next times are spread, so that they do not all speak together for ever."""
        for k, i in enumerate(self._ids):
            if self._tell(i, now_s, wire):
                self._told_s[i] = now_s - HEARTBEAT_S * k / len(self._ids)

    def announce(self, wire: Transport) -> None:
        """They are there."""
        for i in self._ids:
            wire.send(online_topic(i), ALIVE, retain=True)

    def where(self, now_s: float) -> tuple[Ints, Floats]:
        """Phase and age [signal], for sensors that want to know them."""
        lit = [self.of[i].where(now_s + self.skew_s[i]) for i in self._ids]
        return np.array([phase for phase, _ in lit], dtype=np.int64), np.array([age_s for _, age_s in lit])

    def obey(self, fault: Fault, now_s: float) -> None:
        """A fault of one controller, or of all where it names none."""
        self.answers.obey(fault)
        for i in [fault.signal] if fault.signal else self._ids:
            if i not in self.of:
                raise LinkError(f"fault: no signal {i[:60]!r} here; expected one of the street's")
            local_s = now_s + self.skew_s[i]
            if fault.do == "flash":
                self._burnt.add(i)
            elif fault.do == "heal":
                self._burnt.discard(i)
            elif fault.do == "restart":
                self.of[i].restart(local_s)
            elif fault.do == "reset":
                self._burnt.discard(i)
                self.of[i].reset(local_s, fault.by)
            elif fault.do == "clock":
                self.skew_s[i] = fault.seconds
