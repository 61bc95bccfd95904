"""A street for load tests: thousands of controllers and queues as arrays, which obey what is pushed and tell their sensors' values.

Traffic is drawn by chance and discharged while a movement is green, so that phases, queues and plans follow one another as on a street;
it is no simulation to judge plans by.
"""

from __future__ import annotations

import numpy as np

from citybrain.field.link import Sensing
from citybrain.intake.batch import Samples, Tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.observed import batches_of
from citybrain.intake.senses import Senses
from citybrain.service.street import OK, Bytes
from signals.errors import ConfigError
from signals.layout import lay_out
from signals.types import ApprovedPlan, Floats, Ints, Network, Observation

SOURCE = "played"
ARRIVAL_VEH_H = 220.0  # of a movement, on average
HEADWAY_S = 2.0
SPACE_M = 7.5
CRUISE_MPS = 12.0
LONGEST_AGE_S, LONGEST_RED_S = 40, 60.0  # of the lights when the play begins
APPROACHING_S = 8.0  # moving vehicles in view are those that reach the queue within this time


class PlayedStreet:
    """Lives as long as a load test; `play` moves it on by a second and hands its sensors' batches to the service's senses."""

    def __init__(self, network: Network, catalogue: Catalogue, rng: np.random.Generator) -> None:
        self.network, self.catalogue = network, catalogue
        self.layout = lay_out(network)
        self.senses: Sensing = Senses(network, catalogue)
        self._rng = rng
        n, m = len(network.signals), self.layout.movements
        self._phase: Ints = rng.integers(0, self.layout.phases)
        self._age_s: Floats = rng.integers(0, LONGEST_AGE_S, n).astype(np.float64)  # a city's signals do not change all at once
        self._red_s: Floats = rng.uniform(0.0, LONGEST_RED_S, m)
        self._flow_veh_s = rng.gamma(2.0, ARRIVAL_VEH_H / 2.0, m) / 3600.0
        self._queue_veh = rng.poisson(2.0, m).astype(np.float64)
        self._wait_s = np.zeros(m)
        self._lane_of = self._first_lane()
        self._pushed: tuple[ApprovedPlan | None, ...] = (None,) * n
        self.now_s = 0.0
        self.pushes = 0

    def _first_lane(self) -> Ints:
        """[movement] the first stop lane it leaves from, flat; -1 where it has none."""
        known: dict[bytes, list[int]] = {}
        found = []
        for i, signal in enumerate(self.network.signals):
            key = signal.uses.tobytes() + bytes(signal.uses.shape)
            if key not in known:
                lanes = [np.flatnonzero(one) for one in signal.uses.T]
                known[key] = [int(one[0]) if one.size else -1 for one in lanes]
            found += [-1 if lane < 0 else int(self.layout.lane_start[i]) + lane for lane in known[key]]
        return np.array(found, dtype=np.int64)

    def play(self) -> tuple[Samples, Tracks]:
        """A second of traffic; what the sensors say of it."""
        self.now_s += 1.0
        self._age_s += 1.0
        green = self.layout.codes_now(self._phase, self._age_s) > 0
        self._red_s = np.where(green, 0.0, self._red_s + 1.0)
        arrived = self._rng.poisson(self._flow_veh_s).astype(np.float64)
        served = np.where(green & (self._queue_veh >= 1.0), (self._rng.random(green.size) < 1.0 / HEADWAY_S).astype(np.float64), 0.0)
        self._queue_veh = np.minimum(self._queue_veh + arrived - served, 30.0)
        self._wait_s = np.where(self._queue_veh > 0.0, np.where(green, 0.0, self._wait_s + 1.0), 0.0)
        return batches_of(self._seen(served), self.catalogue, self.layout, SOURCE)

    def snapshot(self, i: int, at_s: float) -> Tracks:
        """The vehicles around one signal as its own camera would tell them at a moment."""
        start = self.layout.movement_start
        lane, movement, distance_m, speed_mps = self._vehicles(int(start[i]), int(start[i + 1]))
        places, metres = (lane.astype(np.int32), movement.astype(np.int32)), (distance_m.astype(np.float32), speed_mps.astype(np.float32))
        return Tracks(SOURCE, np.array([i], np.int32), np.array([at_s]), np.array([lane.size], np.int32), *places, *metres)

    def _seen(self, counts_veh: Floats) -> Observation:
        lane, movement, distance_m, speed_mps = self._vehicles(0, counts_veh.size)
        return Observation(
            now_s=self.now_s, phase=self._phase, age_s=self._age_s, queue_veh=self._queue_veh, counts_veh=counts_veh, wait_s=self._wait_s,
            red_s=self._red_s, exit_veh=np.zeros(counts_veh.size), vehicle_lane=lane, vehicle_movement=movement,
            vehicle_distance_m=distance_m, vehicle_speed_mps=speed_mps,
        )  # fmt: skip

    def _vehicles(self, first: int, last: int) -> tuple[Ints, Ints, Floats, Floats]:
        """Lane, movement, distance and speed [vehicle] of who is in view on these movements: the queue, and who will reach it soon."""
        own = slice(first, last)
        moving = self._rng.poisson(self._flow_veh_s[own] * APPROACHING_S)
        standing = self._queue_veh[own].astype(np.int64)
        has_lane = self._lane_of[own] >= 0
        number = np.where(has_lane, standing + moving, 0)
        movement = np.repeat(np.arange(first, last), number)
        place = np.arange(movement.size) - np.repeat(np.cumsum(number) - number, number)
        stands = place < np.repeat(np.where(has_lane, standing, 0), number)
        distance_m = 2.0 + SPACE_M * place + np.where(stands, 0.0, 3.0 * SPACE_M * (place + 1.0))
        lane = self._lane_of[movement]
        order = np.lexsort((distance_m, lane))
        return lane[order], movement[order], distance_m[order], np.where(stands, 0.0, CRUISE_MPS)[order]

    def wait(self, after_s: float, timeout_s: float) -> float:
        """The clock moves in `play` only."""
        return self.now_s

    def observe(self, now_s: float) -> Observation:
        """What the service's senses make of the batches it has been sent."""
        return self.senses.read(now_s, self._phase.copy(), self._age_s.copy(), self._red_s.copy())

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """The controllers obey at once: a change of phase begins its intergreen."""
        changed = [i for i, (new, old) in enumerate(zip(plans, self._pushed, strict=True)) if new is not old]
        self._pushed = plans
        self.pushes += len(changed)
        for i in changed:
            plan = plans[i].plan
            phase, now = plan.stages[0].phase, self._phase[i]
            if not plan.repeats and phase != now and self._age_s[i] >= 0.0:
                self._age_s[i] = -self.layout.intergreen_s[i, now, phase]
                self._phase[i] = phase

    def release(self) -> None:
        """Nothing to let go of."""

    def health(self) -> Bytes:
        """All well."""
        return np.full(len(self.network.signals), OK, dtype=np.uint8)

    def reason_of(self, i: int) -> str:
        """Nothing is wrong."""
        return ""

    def why(self) -> str:
        """It is always heard."""
        return ""

    def refused(self) -> dict[int, str]:
        """Nobody refuses."""
        return {}

    def fenced(self) -> int:
        """Nobody else is here."""
        return 0

    def fault(self, kind: str, share: float, signal: str) -> str:
        """Nothing breaks here."""
        raise ConfigError(f"fault {kind!r}: a played street has none")

    def close(self) -> None:
        """Nothing to close."""
