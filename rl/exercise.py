"""A training episode's simulation: what the policy sees may come from detectors, what it is paid for is what really happened."""

from __future__ import annotations

from collections.abc import Mapping

from rl.lanes import LaneReader, Lanes
from rl.observation import Eyes
from rl.reward import Outcome, reward, reward_of
from rl.simulation import AskedOnce, Simulation, Site
from rl.variety import Street
from signals.links.sensing import Sensing
from signals.links.sumo import SumoLink
from signals.loop import ControlLoop, Forecaster
from signals.types import Floats, Ints, Observation
from sumo_nets.network import SENSING_M
from sumo_nets.session import RunFiles, Session


class Exercise(Simulation):
    """A simulation with the episode's own detectors and reward; None and {}: ideal sensing and the default reward."""

    def __init__(
        self,
        where: Site,
        eyes: Eyes,
        seed: int,
        forecaster: Forecaster,
        files: RunFiles,
        street: Street | None,
        weights: Mapping[str, float],
    ) -> None:
        self._street, self._eyes_layout = street, eyes.layout
        super().__init__(where, eyes, seed, forecaster, files, self._listen if street is not None else None)
        with self._closed_on_error():
            network, sumo = where.network, self.sumo
            if street is not None:
                self._listener, self._truth = street.listener(sumo, network), Sensing(sumo, network, SENSING_M)
                self._memory = AskedOnce(SumoLink(sumo, network, sensors=self._listener), forecaster)
                self._loop = ControlLoop(network, where.limits, self._memory, self._wish, self._memory)
            self._reward = reward_of(dict(weights), network) if weights else None
            self._reader = LaneReader(sumo, network) if self._reward is not None and self._reward.reads_lanes else None

    def _listen(self, session: Session) -> None:
        self._listener.listen(session.now_s)

    def decide(self, wanted: Ints) -> Floats:
        """Wish for these phases [signal], and go on to the next decision; what that was truly worth [signal]."""
        if self._street is None and self._reward is None:
            return super().decide(wanted)
        with self._closed_on_error():
            before, lanes_before = self._true(), self._lanes()
            if self._street is not None:
                forecast = self._memory.update(self.now_s, self.observed().counts_veh)
                if forecast is not None:
                    self._listener.expect(forecast.flow_veh_h[0])
            super().decide(wanted)
            outcome = Outcome(self._true(), self._eyes_layout, self.entering_veh(), before, self._lanes(), lanes_before)
            return reward(outcome) if self._reward is None else self._reward(outcome)

    def _true(self) -> Observation:
        """What ideal sensing says now."""
        seen = self.observed()
        return seen if self._street is None else self._truth.read(self.now_s, seen.phase, seen.age_s)

    def _lanes(self) -> Lanes | None:
        return None if self._reader is None else self._reader.read()
