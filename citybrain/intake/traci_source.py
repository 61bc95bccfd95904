"""A SUMO that somebody else started, as a source of what its sensors say: it is joined by its TraCI port and listened to, not steered.

SUMO waits for all its clients at each step, so the source keeps up with the others by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np

from citybrain.intake.batch import Batch
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.observed import batches_of
from signals.errors import LinkError
from signals.layout import lay_out
from signals.links.sensing import Sensing
from signals.types import Network
from sumo_nets.session import Session, attach

SENSING_M = 250.0


class TraciSource:
    """Lives as long as that SUMO; `batches` ends with it, or at its last second."""

    def __init__(
        self, name: str, port: int, network: Network, catalogue: Catalogue, host: str = "127.0.0.1", order: int = 1, limit_s: float = 5.0
    ) -> None:
        """`order` among that SUMO's clients; `limit_s`: how long it is waited for, of the wall."""
        self.name = name
        self.now_s = -np.inf
        """Simulated time of the last step."""
        self._where, self._network, self._catalogue = (port, host, order, limit_s), network, catalogue
        self._layout = lay_out(network)

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Samples and snapshots of every step. LinkError where no SUMO answers."""
        # A thread of its own waits for SUMO, so that nobody else has to.
        session = await asyncio.to_thread(attach, *self._where)
        try:
            sensing = Sensing(session.sumo, self._network, SENSING_M)
            # A SUMO with clients goes on beyond its end, which is theirs to keep.
            while self.now_s < session.end_s and (step := await asyncio.to_thread(self._step, session, sensing)) is not None:
                for batch in step:
                    yield batch
        finally:
            # Not awaited: whoever lets go of the source may be leaving the loop.
            session.close()

    def _step(self, session: Session, sensing: Sensing) -> tuple[Batch, ...] | None:
        """What is to be said of the next step; None once SUMO has ended."""
        try:
            self.now_s = session.advance()
        except LinkError:
            return None
        n = len(self._network.signals)
        observed = sensing.read(self.now_s, np.zeros(n, np.int64), np.zeros(n))
        return batches_of(observed, self._catalogue, self._layout, self.name)
