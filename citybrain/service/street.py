"""What the service needs of a street: a link to its controllers, its clock, and how well each controller is.

`citybrain.field.link` is one over a wire; `Stepped` is a SUMO that this very process moves on, for tests and for a street of others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from citybrain.clock import Clock, SimClock
from signals.errors import LinkError
from signals.links.base import ControllerLink
from signals.links.sumo import SumoLink
from signals.types import ApprovedPlan, Network, Observation
from sumo_nets.session import Session

Bytes = npt.NDArray[np.uint8]
OK, DEGRADED, SILENT, FLASH = range(4)


class Street(ControllerLink, Protocol):
    """A link with a clock."""

    @property
    def now_s(self) -> float:
        """The newest moment that was heard of [s]; NaN before the first."""
        ...

    def wait(self, after_s: float, timeout_s: float) -> float:
        """Return as soon as the street's clock is at `after_s` or later, or when the time is over; its time then."""
        ...

    def health(self) -> Bytes:
        """[signal] OK, DEGRADED (does not follow what it is sent), SILENT or FLASH."""
        ...

    def reason_of(self, i: int) -> str:
        """What is wrong with a controller, in a sentence; empty where nothing is."""
        ...

    def why(self) -> str:
        """Why nothing is heard of the street, in a sentence; empty where nobody knows."""
        ...

    def refused(self) -> dict[int, str]:
        """Controllers that have refused what they were sent last, and why."""
        ...

    def fenced(self) -> int:
        """How many controllers listen to a newer centre than this one."""
        ...

    def fault(self, kind: str, share: float, signal: str) -> str:
        """Break something of a simulated street; a sentence that says what. ConfigError where that cannot be."""
        ...

    def close(self) -> None:
        """Let go of the wire; the signals are as `release` or the last leases left them."""
        ...


class Stepped:
    """A SUMO session as a street: waiting moves it on. A simulation that ends is a street that does not answer any more."""

    def __init__(
        self, session: Session, network: Network, clock: Clock | None = None, tell: Callable[[Observation], None] = lambda observed: None
    ) -> None:
        """`tell` is told what was observed."""
        self.session = session
        self._link, self._tell = SumoLink(session.sumo, network), tell
        self._clock: Clock = clock or SimClock()
        self._n = len(network.signals)
        self._gone = False

    @property
    def now_s(self) -> float:
        """SUMO's time."""
        return self.session.now_s

    def wait(self, after_s: float, timeout_s: float) -> float:
        """Move on until the clock is there; a street that has ended only waits."""
        deadline_s = time.monotonic() + timeout_s
        while self.session.now_s < after_s - 1e-9 and not self._gone and time.monotonic() < deadline_s:
            if self.session.now_s >= self.session.end_s:
                self._gone = True
                break
            self._clock.wait_until(self.session.now_s + 1.0)
            try:
                self.session.advance()
            except LinkError:
                self._gone = True
        if self._gone:
            time.sleep(max(min(deadline_s - time.monotonic(), 0.05), 0.0))
        return self.session.now_s

    def observe(self, now_s: float) -> Observation:
        """As SUMO's sensors say."""
        observed = self._link.observe(now_s)
        self._tell(observed)
        return observed

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Into SUMO."""
        if not self._gone:
            self._link.push(plans)

    def release(self) -> None:
        """Back to the base plans."""
        if not self._gone:
            self._link.release()

    def health(self) -> Bytes:
        """All well until the simulation is gone."""
        return np.full(self._n, SILENT if self._gone else OK, dtype=np.uint8)

    def reason_of(self, i: int) -> str:
        """Only that it is over."""
        return "the simulation is over" if self._gone else ""

    def why(self) -> str:
        """Only that it is over."""
        return "the simulation is over" if self._gone else ""

    def refused(self) -> dict[int, str]:
        """SUMO takes what `push` has checked."""
        return {}

    def fenced(self) -> int:
        """SUMO listens to whoever speaks."""
        return 0

    def fault(self, kind: str, share: float, signal: str) -> str:
        """Not here."""
        raise LinkError(f"fault {kind!r}: this street has no emulated controllers; expected one of citybrain.field")

    def close(self) -> None:
        """End or leave the simulation."""
        self.session.close()
