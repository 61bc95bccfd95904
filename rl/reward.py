"""What training maximises, as a table of pure parts: what a decision was worth to each signal, more is better.

reward [signal] = sum over the chosen parts of weight * part / scale. A part knows the moment before the decision and the one
after it, and remembers nothing. The default is the time that vehicles lose: one at speed v under limit V loses the share 1 - v / V
of each second (the integral of that over time is its delay), one that cannot enter loses all of it.

`reward_of("queue", network)`, `reward_of({"slowness": 1, "entering": 1, "downstream": 0.5}, network)`, or any function of an `Outcome`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rl.lanes import Lanes
from rl.parts import named, nearest
from signals.errors import ConfigError
from signals.layout import Layout
from signals.types import Floats, Network, Observation

SCALE_VEH = 10.0
DOWNSTREAM = "downstream"
"""Not a part: the share of the mean reward of the signals that it feeds which each signal is given on top of its own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision led to, one interval later."""

    observed: Observation
    layout: Layout
    entering_veh: Floats
    """[signal] vehicles that wait outside, with their first edge on an approach of the signal"""
    before: Observation | None = None  # at the decision
    lanes: Lanes | None = None  # the stop lanes, where a part asks for them
    lanes_before: Lanes | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A reward part: [signal], in `unit`; a negative scale says that less is better."""

    unit: str
    scale: float
    of: Callable[[Outcome], Floats]
    about: str
    reads_lanes: bool = False


def slowness_veh(outcome: Outcome) -> Floats:
    """Vehicles within sensing range, each by the share of its speed that it lacks: sum of 1 - v / V [signal]."""
    return slow_veh(outcome.observed, outcome.layout)


def slow_veh(seen: Observation, lay: Layout) -> Floats:
    """Sum of 1 - v / V over the vehicles seen [signal]."""
    limit_mps = np.maximum(lay.lane_speed_mps[seen.vehicle_lane], 1.0)
    lost = np.clip(1.0 - seen.vehicle_speed_mps / limit_mps, 0.0, 1.0)
    signal = np.searchsorted(lay.lane_start, seen.vehicle_lane, side="right") - 1
    return np.bincount(signal, weights=lost, minlength=len(lay.phases)).astype(np.float64)


def entering_veh(outcome: Outcome) -> Floats:
    """Vehicles that are due and cannot enter [signal]."""
    return outcome.entering_veh


def delay_veh_s(outcome: Outcome) -> Floats:
    """Time lost since the decision: the mean of its two ends, (slow before + slow after) / 2 + entering, times the interval [signal]."""
    before = begun(outcome)
    slow = 0.5 * (slow_veh(before, outcome.layout) + slowness_veh(outcome))
    return (slow + outcome.entering_veh) * (outcome.observed.now_s - before.now_s)


def throughput_veh(outcome: Outcome) -> Floats:
    """Vehicles that passed a stop line since the decision; silent sensors count nobody [signal]."""
    lay = outcome.layout
    return np.bincount(lay.signal_of, weights=np.nan_to_num(outcome.observed.counts_veh), minlength=len(lay.phases)).astype(np.float64)


def waiting_less_s(outcome: Outcome) -> Floats:
    """By how much the time stood on the stop lanes has fallen since the decision [signal]. sumo-rl's `diff-waiting-time`, times 100."""
    now, then = read(outcome.lanes), read(outcome.lanes_before)
    return then.per_signal(then.waited_s) - now.per_signal(now.waited_s)


def average_speed(outcome: Outcome) -> Floats:
    """Mean speed over allowed speed on the stop lanes [signal]. sumo-rl."""
    return read(outcome.lanes).average_speed()


def halting_veh(outcome: Outcome) -> Floats:
    """Vehicles that stand on the stop lanes [signal]. sumo-rl's `queue`, with the other sign."""
    now = read(outcome.lanes)
    return now.per_signal(now.stop.halting_veh)


def pressure_veh(outcome: Outcome) -> Floats:
    """Vehicles on the receiving lanes less those on the stop lanes [signal]. sumo-rl."""
    return read(outcome.lanes).pressure_veh()


REWARDS: dict[str, Part] = {
    "slowness": Part("veh", -SCALE_VEH, slowness_veh, "vehicles in range, by the share of free speed they lack"),
    "entering": Part("veh", -SCALE_VEH, entering_veh, "vehicles due that cannot enter"),
    "delay": Part("veh.s", -100.0, delay_veh_s, "time lost since the decision, in range and outside"),
    "throughput": Part("veh", SCALE_VEH, throughput_veh, "vehicles that passed a stop line"),
    "diff-waiting-time": Part("s", 100.0, waiting_less_s, "fall of the time stood on the stop lanes (sumo-rl)", reads_lanes=True),
    "average-speed": Part("-", 1.0, average_speed, "speed over allowed speed on the stop lanes (sumo-rl)", reads_lanes=True),
    "queue": Part("veh", -1.0, halting_veh, "vehicles standing on the stop lanes (sumo-rl)", reads_lanes=True),
    "pressure": Part("veh", 1.0, pressure_veh, "receiving lanes less stop lanes (sumo-rl)", reads_lanes=True),
}
DEFAULT: dict[str, float] = {"slowness": 1.0, "entering": 1.0}

Function = Callable[[Outcome], Floats]
Choice = str | Sequence[str] | Mapping[str, float] | Function
"""A part's name, several names, names with weights (and `downstream`), or a function of the outcome."""


@dataclass(frozen=True, slots=True, eq=False)
class Reward:
    """A chosen reward, made for one network."""

    parts: tuple[tuple[float, Function], ...]
    signals: int
    reads_lanes: bool
    share: float = 0.0
    feeds: Floats | None = None
    """[signal, signal] share of the column's signal in the mean over those that the row's signal feeds"""

    def __call__(self, outcome: Outcome) -> Floats:
        """Own reward, plus `share` of the mean of those downstream [signal]."""
        own = np.zeros(self.signals)
        for weight, of in self.parts:
            own += weight * self._checked(of(outcome))
        return own if self.feeds is None else own + self.share * (self.feeds @ own)

    def _checked(self, value: Floats) -> Floats:
        """What a part says, or ConfigError where it is not one finite number a signal."""
        found = np.asarray(value, dtype=np.float64)
        if found.shape != (self.signals,) or not np.isfinite(found).all():
            raise ConfigError(f"reward: gave {found!r}; expected {self.signals} finite numbers, one a signal")
        return found


def reward_of(choice: Choice, network: Network) -> Reward:
    """The reward that a name, names, weights or a function stand for; ConfigError where they stand for none."""
    n = len(network.signals)
    if not isinstance(choice, str | Sequence | Mapping):
        if not callable(choice):
            raise ConfigError(f"reward {choice!r}: expected a name, weights by name, or a function of an Outcome")
        return Reward(((1.0, choice),), n, reads_lanes=True)
    weights = weights_of(choice)
    share = weights.pop(DOWNSTREAM, 0.0)
    if share < 0.0:
        raise ConfigError(f"reward: {DOWNSTREAM} is {share!r}; expected a share of at least 0")
    if not weights:
        raise ConfigError(f"reward: no part; {nearest('', REWARDS)}")
    parts = [(weight, named("reward", name, REWARDS)) for name, weight in weights.items()]
    scaled = tuple((weight / part.scale, part.of) for weight, part in parts)
    return Reward(scaled, n, any(part.reads_lanes for _, part in parts), share, downstream_shares(network) if share else None)


def weights_of(choice: str | Sequence[str] | Mapping[str, float]) -> dict[str, float]:
    """Names with weights; ConfigError for a weight that is not a finite number or a name given twice."""
    if isinstance(choice, str):
        return {choice: 1.0}
    if not isinstance(choice, Mapping):
        if len(set(choice)) != len(choice):
            raise ConfigError(f"reward {list(choice)!r}: a name stands there twice; give it a weight instead")
        return dict.fromkeys(choice, 1.0)
    for name, weight in choice.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            raise ConfigError(f"reward: {name} has weight {weight!r}; expected a finite number")
    return {name: float(weight) for name, weight in choice.items()}


def downstream_shares(network: Network) -> Floats:
    """[signal, signal] each row: 1 / n for each of the n signals that a street leads to without a signal between; 0 if none."""
    names = {s.id: i for i, s in enumerate(network.signals)}
    feeds = np.zeros((len(names), len(names)))
    for street in network.streets:
        feeds[names[street.from_signal], names[street.to_signal]] = 1.0
    shares: Floats = feeds / np.maximum(feeds.sum(axis=1, keepdims=True), 1.0)
    return shares


def reward(outcome: Outcome) -> Floats:
    """The default reward [signal]."""
    total = np.zeros(len(outcome.layout.phases))
    for name, weight in DEFAULT.items():
        total += weight / REWARDS[name].scale * REWARDS[name].of(outcome)
    return total


def begun(outcome: Outcome) -> Observation:
    """The moment of the decision; ConfigError where the outcome was made without it."""
    if outcome.before is None:
        raise ConfigError("reward: this part needs the moment before the decision; expected Outcome.before")
    return outcome.before


def read(lanes: Lanes | None) -> Lanes:
    """The stop lanes; ConfigError where the outcome was made without them."""
    if lanes is None:
        raise ConfigError("reward: this part reads the stop lanes; expected Outcome.lanes and Outcome.lanes_before")
    return lanes
