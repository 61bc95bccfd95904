"""sumo-rl's `reward_fn` as a reward of ours: a name, a function of a `TrafficSignal`, one of these for each signal, or a weighted list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rl.parts import nearest
from rl.reward import REWARDS, Outcome, Reward, reward_of
from rl.sumo_rl_arguments import Arguments
from rl.sumo_rl_signal import TrafficSignal
from signals.errors import ConfigError
from signals.types import Floats, Network

Worth = Callable[[Outcome, str, int], float]
"""What an outcome was worth to the signal of this name and place."""


def rewarded(one: Arguments, network: Network, known: Mapping[str, TrafficSignal]) -> Callable[[Outcome], Floats]:
    """The reward of every signal. `known` may be filled later."""
    given, names = one.reward_fn, [s.id for s in network.signals]
    if isinstance(given, Mapping):
        if set(given) != set(names):
            raise ConfigError(f"reward_fn: is for {', '.join(map(str, given))}; expected one for each of {', '.join(names)}")
        worth = [worth_of(given[ts], network, known) for ts in names]
    elif isinstance(given, Sequence) and not isinstance(given, str):
        worth = [weighted([worth_of(part, network, known) for part in given], one.reward_weights)] * len(names)
    else:
        worth = [worth_of(given, network, known)] * len(names)
    return lambda outcome: np.array([of(outcome, ts, i) for i, (ts, of) in enumerate(zip(names, worth, strict=True))])


def worth_of(given: object, network: Network, known: Mapping[str, TrafficSignal]) -> Worth:
    """One name or function; ConfigError for anything else."""
    named = TrafficSignal.reward_fns.get(given) if isinstance(given, str) else given
    if callable(named):
        function: Callable[[TrafficSignal], float] = named
        return lambda outcome, ts, i: float(function(known[ts]))
    if not isinstance(given, str) or given not in REWARDS:
        raise ConfigError(f"reward_fn {given!r}: no such reward; {nearest(str(given), [*REWARDS, *TrafficSignal.reward_fns])}")
    part: Reward = reward_of(given, network)
    return lambda outcome, ts, i: float(part(outcome)[i])


def weighted(parts: Sequence[Worth], weights: Sequence[float] | None) -> Worth:
    """The weighted sum; ConfigError where there is not a weight for each."""
    if weights is None or len(weights) != len(parts) or not parts:
        have = "none" if weights is None else len(weights)
        raise ConfigError(f"reward_weights: {have} for a list of {len(parts)} rewards; expected one number for each")
    return lambda outcome, ts, i: sum(weight * of(outcome, ts, i) for weight, of in zip(weights, parts, strict=True))
