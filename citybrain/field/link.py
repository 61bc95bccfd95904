"""The link to a field of controllers that run by themselves: leases out, acknowledgements and statuses back, over any transport.

A controller that is silent, refuses or lies is that signal's health, never an error of the loop: it falls back to its base plan by
itself. `LinkError` is for a caller that does not fit the network.
"""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np

from citybrain.field.clocks import FieldClock
from citybrain.field.lent import Health, Lent, same_as_base, worst
from citybrain.field.standing import MODE, Standing
from citybrain.field.transport import CENTRE, FAULT_ANSWER, GONE, ONLINE, SENSE, SENSE_ONLINE, Message, Transport, lease_topic, signal_of
from citybrain.intake.batch import Batch, IntakeError
from citybrain.intake.frame import Frame, check_key, decode
from signals.errors import LinkError
from signals.lease import Lease, decode_ack, decode_status, encode_lease
from signals.types import ApprovedPlan, Floats, Ints, Network, Observation, TimingPlan

RELEASE_S = 2.0  # of the wall: so long a release waits for answers


class Sensing(Protocol):
    """Who makes observations of what the sensors say: `citybrain.intake.senses.Senses`, or somebody before it."""

    def take(self, batch: Batch) -> None:
        """A batch of samples or snapshots."""
        ...

    def hear(self, found: Frame, data: bytes) -> None:
        """All that a frame says, and the frame as it came over the wire."""
        ...

    def read(self, now_s: float, phase: Ints, age_s: Floats, red_s: Floats) -> Observation:
        """What is known now."""
        ...


class FieldLink:
    """A `ControllerLink`. `epoch` fences: a centre that comes later takes a higher one than `newest_epoch`."""

    def __init__(self, transport: Transport, network: Network, senses: Sensing, epoch: int = 1, key: int = 0) -> None:
        """`key`: of the catalogue that sense frames must be of; 0: of any."""
        self._wire, self._network, self._senses = transport, network, senses
        self._index = {signal.id: i for i, signal in enumerate(network.signals)}
        n = len(network.signals)
        self.clock, self.standing, self.lent = FieldClock(n), Standing(network), Lent(network, epoch)
        self._pushed: list[TimingPlan | None] = [None] * n
        self._anew: set[int] = set()
        self._sensed_s, self._key = -np.inf, key
        self.malformed = 0
        self.sent = 0
        self.last_error = ""

    @property
    def now_s(self) -> float:
        """The newest field time that was heard; -inf before the first."""
        return self.clock.now_s

    @property
    def newest_epoch(self) -> int:
        """Of the centres that the controllers have listened to."""
        return int(self.standing.epoch.max(initial=0))

    def claim(self, epoch: int) -> None:
        """Be the centre of this epoch from now on; the next `push` lends every plan anew."""
        self.lent.epoch = epoch
        self._pushed = [None] * len(self._pushed)

    def listen(self, wait_s: float = 0.0) -> float:
        """Take what has arrived, waiting for something up to `wait_s` of the wall; the field's time then."""
        for message in self._wire.receive(wait_s):
            try:
                self._hear(message)
            except (LinkError, IntakeError) as error:
                self.malformed += 1
                self.last_error = str(error)
        return self.now_s

    def wait_until(self, now_s: float, limit_s: float) -> bool:
        """Listen until the field's time has come, sensors included where they speak on this wire; False after so long of the wall."""
        until_s = time.monotonic() + limit_s
        while self.now_s < now_s or -np.inf < self._sensed_s < now_s:
            left_s = until_s - time.monotonic()
            if left_s <= 0.0:
                return False
            self.listen(min(left_s, 0.5))
        return True

    def observe(self, now_s: float) -> Observation:
        """Lights as the controllers say, traffic as the sensors say; what is silent is NaN."""
        self.listen()
        return self._senses.read(now_s, *self.standing.where(now_s))

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Lend each plan that has changed or is to be renewed; what is wrong afterwards, `health` says."""
        if len(plans) != len(self._pushed):
            raise LinkError(f"{len(plans)} plans for {len(self._pushed)} signals; expected one each")
        now_s, before = self.now_s, self._pushed
        changed = [i for i, one in enumerate(plans) if not isinstance(one, ApprovedPlan) or one.plan is not before[i]]
        for i in changed:
            if not isinstance(plans[i], ApprovedPlan):
                raise LinkError(f"{self._network.signals[i].id}: {type(plans[i]).__name__} is not an ApprovedPlan")
            before[i] = plans[i].plan
            self._change(i, plans[i].plan, now_s)
        self.keep_up()

    def keep_up(self) -> None:
        """Renew what is lent for longer, send again what was not answered, lend anew what was lost. `push` does it too."""
        now_s = self.now_s
        renew, again = self.lent.due(now_s)
        for i in {*renew, *self._anew}:
            self._lend(i, self.lent.plan[i], now_s)
        self._anew.clear()
        for i in again:
            lease = self.lent.lease[i]
            if lease is not None:
                self._send(lease)

    def health(self) -> Ints:
        """[signal] codes of `Health`; `reason_of` has the words."""
        return worst(self.lent.verdict, self.standing.mode == MODE["flash"], self.standing.silent(self.now_s))

    def reason_of(self, i: int) -> str:
        """What is wrong with a controller, in a sentence; empty where nothing is."""
        found, name = Health(int(self.health()[i])), self._network.signals[i].id
        if found is Health.SILENT:
            return f"{name}: nothing heard since {self.standing.heard_s[i]:.0f} s"
        if found is Health.FLASH:
            return f"{name}: flashes{' until a person resets it' if self.standing.latched[i] else ''}"
        return "" if found is Health.OK else f"{name}: {self.lent.reason.get(i, found.name.lower())}"

    def refused(self) -> dict[int, str]:
        """Controllers that have refused what was lent last, and the reason that they gave."""
        found = np.flatnonzero(self.health() == Health.REFUSED).tolist()
        return {i: self.lent.reason.get(i, "") or "it gave no reason" for i in found}

    def release(self) -> None:
        """Give every signal back to its base plan, and wait a little for the answers; who does not answer goes back by itself."""
        self.listen()
        now_s = self.now_s
        ours = self.lent.holds(now_s) | (self.standing.mode == MODE["adaptive"])
        for i in np.flatnonzero(ours).tolist():
            self._lend(i, None, now_s)
        until_s = time.monotonic() + RELEASE_S
        while self._wire.connected and time.monotonic() < until_s and not self.lent.acked[ours].all():
            self.listen(0.1)
        self._pushed = [None] * len(self._pushed)

    def _change(self, i: int, plan: TimingPlan, now_s: float) -> None:
        """A base plan needs a word only where something else runs, or was lent."""
        if not same_as_base(self._network.signals[i], plan):
            self._lend(i, plan, now_s)
        elif self.lent.plan[i] is not None or self.standing.mode[i] == MODE["adaptive"]:
            self._lend(i, None, now_s)

    def _lend(self, i: int, plan: TimingPlan | None, now_s: float) -> None:
        if self.standing.epoch[i] > self.lent.epoch:
            return  # it would be refused
        self._send(self.lent.lend(i, plan, now_s, float(self.clock.offset_s[i])))

    def _send(self, lease: Lease) -> None:
        self.sent += self._wire.send(lease_topic(lease.signal), encode_lease(lease), retain=True)

    def _hear(self, message: Message) -> None:
        signal, kind = signal_of(message.topic)
        i = self._index.get(signal, -1)
        if i >= 0 and kind == "status":
            self._hear_status(i, message.payload)
        elif i >= 0 and kind == "ack":
            ack = decode_ack(message.payload)
            self.lent.answered(i, ack, self.clock.time_of(i, ack.now_s))
        elif message.topic == SENSE:
            self._sense(message.payload)
        elif message.topic == SENSE_ONLINE:
            self._sensed_s = -np.inf
        elif message.payload == GONE and (kind == "online" or message.topic == ONLINE):
            self.standing.heard_s[i if i >= 0 else slice(None)] = -np.inf
        elif message.topic not in (CENTRE, ONLINE, FAULT_ANSWER) and kind not in ("lease", "online"):
            raise LinkError(f"{message.topic[:60]}: nobody here listens to this; expected a signal's status or ack, or sense")

    def _hear_status(self, i: int, payload: bytes) -> None:
        status, jumps = decode_status(payload), self.clock.jumps
        self.standing.check(i, status)
        self.clock.hear(i, status.now_s)
        if self.clock.jumps != jumps:
            self.standing.forget_after(self.clock.now_s)
        heard_s = min(self.clock.time_of(i, status.now_s), self.clock.now_s)
        if self.standing.hear(i, status, heard_s) and self.lent.read_back(i, status, heard_s):
            self._anew.add(i)

    def _sense(self, payload: bytes) -> None:
        frame = decode(payload)
        if self._key:
            check_key(frame, self._key)
        self._senses.hear(frame, payload)
        for batch in (frame.samples, frame.tracks):
            if len(batch):
                self._sensed_s = float(batch.at_s.max())
