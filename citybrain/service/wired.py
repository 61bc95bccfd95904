"""A street of controllers that run by themselves, behind a wire: `citybrain.field.link` with a clock, health and faults."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from citybrain.field.faulty import fault_of
from citybrain.field.lent import Health
from citybrain.field.link import FieldLink, Sensing
from citybrain.field.transport import FAULT, Transport
from citybrain.service.street import DEGRADED, FLASH, OK, SILENT, Bytes
from signals.errors import ConfigError, LinkError
from signals.lease import MOST_NUMBER
from signals.types import ApprovedPlan, Network, Observation

CODES = np.array([OK, DEGRADED, DEGRADED, DEGRADED, DEGRADED, FLASH, SILENT], dtype=np.uint8)
"""[field.lent.Health] → [service.street] code"""
MUSTER_S = 3.0  # of the wall: so long statuses are gathered before the service says that it is the centre
KEEP_UP_S = 1.0
log = logging.getLogger("citybrain")
DIE = "service"  # the fault that hits this very process


class Epochs(Protocol):
    """Who remembers the epochs that a service has had."""

    def next(self, newest: int) -> int:
        """An epoch over `newest` and over all that were given out before, on disk when it is returned."""
        ...


class WiredStreet:
    """Lives as long as the service; used by the engine's thread, but for `fault`."""

    def __init__(
        self, wire: Transport, network: Network, senses: Sensing, epochs: Epochs, key: int = 0, die: Callable[[], None] | None = None
    ) -> None:
        """`key`: of the catalogue that sense frames must be of; 0: of any. `die` ends this process soon, where somebody starts it again."""
        self._wire, self._network, self._epochs = wire, network, epochs
        self._link = FieldLink(wire, network, senses, epoch=MOST_NUMBER, key=key)  # until it has one, nobody fences it
        self._mustered, self._die = False, die
        self._faults: list[bytes] = []
        self._kept_up_s, self._said = -np.inf, ""

    @property
    def now_s(self) -> float:
        """Field time; NaN before anything was heard."""
        now_s = self._link.now_s
        return now_s if np.isfinite(now_s) else float("nan")

    @property
    def epoch(self) -> int:
        """Under which this service lends; 0 before the first tick."""
        return self._link.lent.epoch if self._mustered else 0

    def wait(self, after_s: float, timeout_s: float) -> float:
        """Listen until the field's time has come; whatever is asked of the street goes out meanwhile."""
        while self._faults:
            self._wire.send(FAULT, self._faults.pop(0))
        if not self._mustered:
            self._muster()
        self._link.wait_until(after_s, timeout_s)
        self._say_trouble()
        now_s = self._link.now_s
        if np.isfinite(now_s) and now_s >= self._kept_up_s + KEEP_UP_S:
            self._kept_up_s = now_s
            self._link.keep_up()
        elif now_s < self._kept_up_s:
            self._kept_up_s = now_s
        return self.now_s

    def _say_trouble(self) -> None:
        """Why the wire cannot be laid, once until it is another reason."""
        trouble = self._wire.trouble
        if trouble != self._said:
            self._said = trouble
            if trouble:
                log.error("the street cannot be reached", extra={"fields": {"error": trouble}})

    def _muster(self) -> None:
        """Hear the controllers out before the first plan, so that this epoch is newer than any that they know."""
        until_s = time.monotonic() + MUSTER_S
        while time.monotonic() < until_s and not self._all_heard():
            self._link.listen(0.05)
        if np.isfinite(self._link.now_s):
            self._link.claim(self._epochs.next(self._link.newest_epoch))
            self._mustered = True

    def _all_heard(self) -> bool:
        return bool(np.isfinite(self._link.standing.heard_s).all())

    def observe(self, now_s: float) -> Observation:
        """Lights as controllers say, traffic as sensors say."""
        return self._link.observe(now_s)

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Lend what is new."""
        self._link.push(plans)

    def release(self) -> None:
        """Everybody back to the base plan, and hang on a moment for the answers."""
        self._link.release()

    def health(self) -> Bytes:
        """[signal] in the service's codes."""
        return np.asarray(CODES[self._link.health()])

    def reason_of(self, i: int) -> str:
        """What is wrong with a controller; empty where nothing is."""
        return self._link.reason_of(i)

    def why(self) -> str:
        """What the wire says of itself."""
        return self._wire.trouble

    def refused(self) -> dict[int, str]:
        """Controllers that have refused what they were sent last, and why."""
        return self._link.refused()

    def fenced(self) -> int:
        """How many controllers listen to a newer centre than this one."""
        return int((self._link.health() == Health.FENCED).sum())

    def fault(self, kind: str, share: float, signal: str) -> str:
        """Have the street break something; it judges itself whether it can."""
        if kind == DIE and self._die is not None:
            self._die()
            return "this service is killed; controllers go on by themselves, and it is started again"
        if signal and all(s.id != signal for s in self._network.signals):
            raise ConfigError(f"fault {kind!r}: signal {signal[:80]!r}: there is none of that name")
        if not self._wire.connected:
            raise LinkError(f"fault {kind!r}: the street does not answer")
        order = (
            {"do": kind, "share": float(share)} | ({"signal": signal} if signal else {}) | ({"by": "operator"} if kind == "reset" else {})
        )
        words = json.dumps(order).encode()
        fault_of(words)
        self._faults.append(words)
        return f"the street was told: {kind}" + (f" {share:.0%}" if share else "") + (f" at {signal}" if signal else "")

    def close(self) -> None:
        """Hang up."""
        self._wire.close()
