"""sumo-rl's arguments (1.4.5, and `ts_ids`, `enforce_max_green`, `reward_weights` of later versions), checked and put into our words.

What differs by name: `use_gui` and `render_mode` are refused, for nothing is drawn here; SUMO's warnings are never shown;
`virtual_display` has, as in sumo-rl, no effect without them.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from rl.parts import nearest
from rl.simulation import Site, site
from rl.sumo_rl_signal import DefaultObservationFunction, Observing, Timing, TrafficSignal
from rl.surface import AUTO
from signals.errors import ConfigError
from signals.rules import Rules
from signals.types import Network
from sumo_nets.scenario import check, from_files

ALREADY = frozenset({"--no-step-log", "--no-warnings", "--duration-log.disable"})  # always said to SUMO; twice is an error
LONGEST_S = 300.0  # the safety check's maximum red, and the maximum green where none is enforced

RewardFunction = Callable[[TrafficSignal], float]
OneReward = str | RewardFunction


@dataclass(frozen=True, slots=True)
class Arguments:
    """One field an argument, in sumo-rl's order, with sumo-rl's defaults; `backend` is ours."""

    net_file: str
    route_file: str
    out_csv_name: str | None = None
    use_gui: bool = False
    virtual_display: tuple[int, int] = (3200, 1800)
    begin_time: float = 0
    num_seconds: float = 20000
    max_depart_delay: float = -1
    waiting_time_memory: float = 1000
    time_to_teleport: float = -1
    delta_time: float = 5
    yellow_time: float = 2
    min_green: float = 5
    max_green: float = 50
    single_agent: bool = False
    reward_fn: OneReward | Mapping[str, OneReward] | Sequence[OneReward] = "diff-waiting-time"
    observation_class: Callable[[TrafficSignal], Observing] = DefaultObservationFunction
    add_system_info: bool = True
    add_per_agent_info: bool = True
    sumo_seed: str | int = "random"
    fixed_ts: bool = False
    sumo_warnings: bool = True
    additional_sumo_cmd: str | None = None
    render_mode: str | None = None
    enforce_max_green: bool = False
    ts_ids: Sequence[str] | None = None
    reward_weights: Sequence[float] | None = None
    backend: str = AUTO

    def site(self) -> Site:
        """The network under these timings, for these seconds; only the agent's signals are in it."""
        routes = [part.strip() for part in self.route_file.split(",") if part.strip()]
        hour = from_files(self.net_file, routes, self.begin_time, self.begin_time + self.num_seconds)
        whole = site(check(hour), self.rules())
        names = [s.id for s in whole.network.signals]
        mine = [names.index(name) for name in self.controlled(names)]
        return replace(whole, network=part_of(whole.network, mine), limits=tuple(whole.limits[i] for i in mine))

    def rules(self) -> Rules:
        """What every change of lights must keep."""
        longest_s = float(self.max_green) if self.enforce_max_green else LONGEST_S
        return Rules("sumo-rl", float(self.delta_time), float(self.min_green), float(self.yellow_time), False, False, longest_s, LONGEST_S)

    def timing(self) -> Timing:
        """As a signal shows it."""
        return Timing(self.delta_time, self.yellow_time, self.min_green, self.max_green)

    def options(self) -> tuple[str, ...]:
        """What is said to SUMO beside our own words."""
        words = ["--max-depart-delay", f"{self.max_depart_delay:g}", "--waiting-time-memory", f"{self.waiting_time_memory:g}"]
        words += ["--time-to-teleport", f"{self.time_to_teleport:g}"]
        return (*words, *(word for word in shlex.split(self.additional_sumo_cmd or "") if word not in ALREADY))

    def controlled(self, signals: Sequence[str]) -> tuple[str, ...]:
        """The signals that the agent decides for: all in SUMO's order, or `ts_ids`; with `single_agent` the first of them."""
        chosen = tuple(sorted(signals)) if self.ts_ids is None else tuple(self.ts_ids)
        for name in chosen:
            if name not in signals:
                raise ConfigError(f"ts_ids: {name!r} is no signal of {self.net_file}; {nearest(str(name), signals)}")
        if not chosen:
            raise ConfigError("ts_ids: no signal; expected at least one")
        return chosen[:1] if self.single_agent else chosen


def part_of(network: Network, signals: Sequence[int]) -> Network:
    """The network of some signals alone, in this order; nobody steers the others."""
    kept = tuple(network.signals[i] for i in signals)
    names = {s.id for s in kept}
    streets = tuple(s for s in network.streets if s.from_signal in names and s.to_signal in names)
    return replace(network, signals=kept, streets=streets)


def arguments(given: Sequence[Any], named: Mapping[str, Any]) -> Arguments:
    """sumo-rl's arguments by place and by name, checked; ConfigError for one that it does not have or that cannot be honoured."""
    names = [field.name for field in fields(Arguments)]
    for name in named:
        if name not in names:
            raise ConfigError(f"argument {name!r}: sumo-rl has none of that name; {nearest(name, names)}")
    if len(given) > len(names):
        raise ConfigError(f"{len(given)} arguments; expected at most {len(names)}")
    both = dict(zip(names, given, strict=False))
    twice = [name for name in both if name in named]
    missing = [name for name in names[:2] if name not in both and name not in named]
    if twice or missing:
        raise ConfigError(
            f"argument {(twice or missing)[0]!r}: given twice" if twice else f"argument {missing[0]!r} is missing; expected a file"
        )
    return checked(Arguments(**both, **named))


def checked(one: Arguments) -> Arguments:
    """The arguments themselves, or ConfigError for the first that cannot be honoured."""
    if one.use_gui or one.render_mode is not None:
        what = "use_gui True" if one.use_gui else f"render_mode {one.render_mode!r}"
        raise ConfigError(f"{what}: simulations run without a window here; expected use_gui False and render_mode None")
    for name in ("begin_time", "num_seconds", "max_depart_delay", "waiting_time_memory", "time_to_teleport"):
        number(one, name)
    for name in ("num_seconds", "delta_time", "yellow_time", "min_green", "max_green"):
        if not number(one, name) > 0:
            raise ConfigError(f"{name} is {getattr(one, name)!r}; expected more than 0 s")
    if not one.delta_time > one.yellow_time:
        raise ConfigError(f"delta_time {one.delta_time:g} s: expected more than yellow_time, {one.yellow_time:g} s")
    if one.enforce_max_green and not one.max_green >= one.min_green + one.delta_time:
        least_s = one.min_green + one.delta_time
        raise ConfigError(f"max_green {one.max_green:g} s: expected at least min_green and delta_time together, {least_s:g} s")
    if one.sumo_seed != "random" and (isinstance(one.sumo_seed, bool) or not isinstance(one.sumo_seed, int) or one.sumo_seed < 0):
        raise ConfigError(f"sumo_seed {one.sumo_seed!r}: expected a whole number of at least 0, or 'random'")
    return one


def number(one: Arguments, name: str) -> float:
    """An argument that is a time [s]; ConfigError where it is no finite number."""
    value = getattr(one, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{name} is {value!r}; expected a number of seconds")
    return float(value)
