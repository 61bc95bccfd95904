"""What the controllers last said of themselves, in arrays. They speak when something changes and now and then (`lease.HEARTBEAT_S`):

in between, phases last and ages and reds count on with the field's time. Of who is silent for longer the phase is not known any more.
"""

from __future__ import annotations

from math import nan

import numpy as np

from signals.errors import LinkError
from signals.layout import lay_out
from signals.lease import MODES, SILENT_S, Status
from signals.types import Bools, Floats, Ints, Network

MODE = {mode: k for k, mode in enumerate(MODES)}


class Standing:
    """Lives as long as the link. Times are the field's."""

    def __init__(self, network: Network, silent_s: float = SILENT_S) -> None:
        n = len(network.signals)
        layout = lay_out(network)
        self._signal_of, self._start = layout.signal_of, layout.movement_start.tolist()
        self._phases: list[int] = layout.phases.tolist()
        self._silent_s = silent_s
        self.heard_s = np.full(n, -np.inf)
        """[signal] field time of its newest status"""
        self.mode = np.full(n, MODE["base"], dtype=np.int8)
        """[signal] index into MODES"""
        self.epoch, self.seq = np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.int64)
        self.latched = np.zeros(n, dtype=np.bool_)
        self.content_id = [""] * n
        self.lights = [""] * n
        self._phase = np.array([s.base.stages[0].phase for s in network.signals], dtype=np.int64)
        self._age_s = np.full(n, np.nan)
        self._red_s = np.zeros(layout.movements)

    def check(self, i: int, status: Status) -> None:
        """LinkError where a status cannot be of this site."""
        movements = self._start[i + 1] - self._start[i]
        if len(status.red_s) != movements or status.phase >= self._phases[i]:
            said = f"phase {status.phase} and {len(status.red_s)} movements"
            raise LinkError(f"status of {status.signal}: {said}; expected a phase under {self._phases[i]} and {movements} movements")

    def hear(self, i: int, status: Status, heard_s: float) -> bool:
        """A status that was checked, and its time in the field's; False where it is older than what is known."""
        begin, end = self._start[i], self._start[i + 1]
        if heard_s < self.heard_s[i]:
            return False
        self.heard_s[i], self.mode[i] = heard_s, MODE[status.mode]
        self._phase[i], self._age_s[i] = status.phase, status.age_s if status.mode != "flash" else nan
        self._red_s[begin:end] = status.red_s
        self.epoch[i], self.seq[i], self.latched[i] = status.epoch, status.seq, status.latched
        self.content_id[i], self.lights[i] = status.content_id, status.lights
        return True

    def forget_after(self, now_s: float) -> None:
        """The field's clock went back: what was heard before is of another time."""
        self.heard_s[self.heard_s > now_s] = -np.inf

    def silent(self, now_s: float) -> Bools:
        """[signal] whether nothing was heard of it lately."""
        return now_s - self.heard_s > self._silent_s

    def where(self, now_s: float) -> tuple[Ints, Floats, Floats]:
        """Phase and age [signal], red [movement] now; the age of a silent or flashing one is NaN, a red is at least so long."""
        since_s = now_s - self.heard_s
        age_s = np.where(self.silent(now_s), np.nan, self._age_s + since_s)
        since_s[~np.isfinite(since_s)] = 0.0
        red_s = np.where(self._red_s > 0.0, self._red_s + since_s[self._signal_of], 0.0)
        return self._phase.copy(), age_s, red_s
