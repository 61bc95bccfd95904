"""When garbage is collected: never in the middle of a tick. A large city is a million objects, and looking through them takes a second.

Nothing is collected while the service is built; what it is then made of is put out of the collector's sight. What ticks leave behind is
looked through after each of them, and everything that is new since the start now and then.
"""

from __future__ import annotations

import gc

OLDER_EVERY, ALL_EVERY = 20, 600  # ticks


class Collector:
    """Lives as long as the engine's thread; made before the service is. `stop` gives the interpreter its own ways back."""

    def __init__(self) -> None:
        self._ticks = 0
        self._was_on = gc.isenabled()
        gc.disable()

    def after_tick(self) -> None:
        """Look through what is new. To be called when there is time before the next tick; the first call settles what is there."""
        if self._ticks == 0:
            gc.freeze()
        else:
            gc.collect(2 if self._ticks % ALL_EVERY == 0 else 1 if self._ticks % OLDER_EVERY == 0 else 0)
        self._ticks += 1

    def stop(self) -> None:
        """As it was before."""
        if self._ticks:
            gc.unfreeze()
            self._ticks = 0
        if self._was_on:
            gc.enable()
