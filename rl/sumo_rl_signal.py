"""A signal as sumo-rl's users know it: what their own reward functions and observation classes are given to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from rl.lanes import GAP_M, Lanes, exits_of
from rl.surface import Surface
from rl.views import Seen, lanes_of
from signals.errors import ConfigError
from signals.types import Floats


@dataclass(frozen=True, slots=True)
class Timing:
    """sumo-rl's timing of a signal [s]."""

    delta_time: float
    yellow_time: float
    min_green: float
    max_green: float


class Observing(Protocol):
    """An object made from a `TrafficSignal` that says what it sees."""

    def __call__(self) -> Any:
        """The observation of this moment."""
        ...

    def observation_space(self) -> Any:
        """Its Gymnasium space."""
        ...


class TrafficSignal:
    """One signal, read through sumo-rl's names. Its lanes are the stop lanes, each once; crossings have none."""

    MIN_GAP = GAP_M
    reward_fns: ClassVar[dict[str, Callable[[TrafficSignal], float]]] = {}
    """Rewards that were registered, beside those of `rl.reward.REWARDS`."""

    def __init__(self, surface: Surface, signal: int, timing: Timing, observation_class: Callable[[TrafficSignal], Observing]) -> None:
        site = surface.where.network.signals[signal]
        self._surface, self._at = surface, signal
        self.id = site.id
        self.delta_time, self.yellow_time = timing.delta_time, timing.yellow_time
        self.min_green, self.max_green = timing.min_green, timing.max_green
        self.num_green_phases = len(site.phases)
        self.lanes = [lane.id for lane in site.lanes]
        self.out_lanes = exits_of([m.exits for m in site.movements])
        self.last_reward: float | None = None
        self.default_space, self.action_space = surface.spaces(signal)
        self.observation_fn = observation_class(self)
        self.observation_space = self.observation_fn.observation_space()

    @classmethod
    def register_reward_fn(cls, fn: Callable[[TrafficSignal], float]) -> None:
        """Make a function's name one that `reward_fn` understands; KeyError where it is taken, as in sumo-rl."""
        name = fn.__name__
        if name in cls.reward_fns:
            raise KeyError(f"Reward function {name} already exists")
        cls.reward_fns[name] = fn

    @property
    def sumo(self) -> Any:
        """The running simulation."""
        return self._surface.simulation.sumo

    @property
    def green_phase(self) -> int:
        """The phase that is green or coming."""
        return int(self._surface.moment.observed.phase[self._at])

    @property
    def time_since_last_phase_change(self) -> float:
        """From the start of the last yellow [s]."""
        return float(self._surface.moment.observed.age_s[self._at]) + self.yellow_time

    @property
    def is_yellow(self) -> bool:
        """Whether the phase is still to come."""
        return bool(self._surface.moment.observed.age_s[self._at] < 0.0)

    @property
    def lanes_length(self) -> dict[str, float]:
        """Length of each stop lane and receiving lane [m]."""
        read = self._surface.lanes()
        stops = read.stop.length_m[lanes_of(self._surface.ground, self._at)]
        exits = read.exits.length_m[self._exits()]
        return dict(zip(self.lanes + self.out_lanes, [*stops.tolist(), *exits.tolist()], strict=True))

    def compute_observation(self) -> Any:
        """What the observation class says now."""
        return self.observation_fn()

    def default_observation(self) -> Seen:
        """[phase one-hot, minimum green served, density of each lane, queue of each lane]."""
        return self._surface.seen(self._at)

    def get_accumulated_waiting_time_per_lane(self) -> list[float]:
        """Time that those on each stop lane have stood there [s]."""
        return self._of_lanes(self._surface.lanes().waited_s)

    def get_average_speed(self) -> float:
        """Mean speed over allowed speed on the stop lanes; 1.0 where nobody is."""
        return float(self._surface.lanes().average_speed()[self._at])

    def get_pressure(self) -> int:
        """Vehicles on the receiving lanes less those on the stop lanes."""
        return int(self._surface.lanes().pressure_veh()[self._at])

    def get_out_lanes_density(self) -> list[float]:
        """Share of each receiving lane that is taken."""
        density: list[float] = self._surface.lanes().exits.density()[self._exits()].tolist()
        return density

    def get_lanes_density(self) -> list[float]:
        """Share of each stop lane that is taken."""
        return self._of_lanes(self._surface.lanes().stop.density())

    def get_lanes_queue(self) -> list[float]:
        """Share of each stop lane that is taken by who stands."""
        return self._of_lanes(self._surface.lanes().stop.queue())

    def get_total_queued(self) -> int:
        """Vehicles that stand on the stop lanes."""
        read: Lanes = self._surface.lanes()
        return int(read.per_signal(read.stop.halting_veh)[self._at])

    def _of_lanes(self, values: Floats) -> list[float]:
        found: list[float] = values[lanes_of(self._surface.ground, self._at)].tolist()
        return found

    def _exits(self) -> slice:
        at = self._surface.lanes().exits.starts
        return slice(int(at[self._at]), int(at[self._at + 1]))


class ObservationFunction:
    """What sumo-rl's users derive their own observations from: `self.ts` is the signal."""

    def __init__(self, ts: TrafficSignal) -> None:
        self.ts = ts

    def __call__(self) -> Any:
        """The observation of this moment."""
        raise ConfigError(f"observation_class {type(self).__name__}: has no __call__; expected one that returns the observation")

    def observation_space(self) -> Any:
        """Its Gymnasium space."""
        raise ConfigError(f"observation_class {type(self).__name__}: has no observation_space; expected one that returns the space")


class DefaultObservationFunction(ObservationFunction):
    """sumo-rl's default observation: the view `sumo_rl` of `rl.views`."""

    def __call__(self) -> Seen:
        """[phase one-hot, minimum green served, density of each lane, queue of each lane]."""
        return self.ts.default_observation()

    def observation_space(self) -> Any:
        """Values from 0 to 1."""
        return self.ts.default_space
