"""What an agent does, as a table: its choice becomes the phase wanted next. How and when the lights change is not its choice.

The wish passes through the same sequence maker and the same safety check as every planner's; what may not be chosen now is
known beforehand (`may_choose`) and handed out as a mask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rl import features
from rl.observation import Rows
from rl.parts import named
from signals.errors import ConfigError
from signals.layout import Layout
from signals.planners.sequence import decidable, overdue, sequences
from signals.types import ApprovedPlan, Bools, FlowForecast, Ints, Network, Observation, SafetyEnvelope, TimingPlan

GREENS_S = np.array([10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 90.0])


@dataclass(frozen=True, slots=True)
class Situation:
    """The moment in which is chosen."""

    observed: Observation
    layout: Layout
    may: Bools
    """[signal, phase] which phases may be chosen"""

    @property
    def following(self) -> Ints:
        """The phase after the running one, in order [signal]."""
        return (self.observed.phase + 1) % self.layout.phases

    def may_be(self, phase: Ints) -> Bools:
        """Whether this phase may be chosen [signal]."""
        return self.may[np.arange(len(phase)), phase]


@dataclass(frozen=True, slots=True)
class Action:
    """A way of choosing: how many choices each signal has, which of them are open, and the phase that one means."""

    name: str
    axes: str
    unit: str
    about: str
    choices: Callable[[Layout], Ints]
    """[signal]"""
    mask: Callable[[Situation], Bools]
    """[signal, choice], padded with False; at least one is open"""
    wanted: Callable[[Ints, Situation], Ints]
    """From choices [signal] to phases [signal]"""


def stay_or_go(situation: Situation) -> Bools:
    """[signal, 2] whether the running phase may go on, whether the next in order may come; where neither may, staying is no choice."""
    go = situation.may_be(situation.following)
    return np.stack((situation.may_be(situation.observed.phase) | ~go, go), axis=1)


def served_greens(situation: Situation) -> Bools:
    """[signal, green] greens that are over mean going on now, the others staying; as open as these are."""
    over = situation.observed.age_s[:, None] >= GREENS_S
    two = stay_or_go(situation)
    found = np.where(over, two[:, 1:], two[:, :1])
    return found | ~found.any(axis=1, keepdims=True)


def after_green(choice: Ints, situation: Situation) -> Ints:
    """The next phase in order where the running green has lasted as long as chosen [signal]."""
    over = situation.observed.age_s >= GREENS_S[choice]
    return np.where(over, situation.following, situation.observed.phase)


ACTIONS: dict[str, Action] = {
    a.name: a
    for a in (
        Action(
            "next_phase",
            "[signal]",
            "index into Intersection.phases",
            "the phase to be green next; the running one: hold it",
            choices=lambda layout: layout.phases,
            mask=lambda situation: situation.may,
            wanted=lambda choice, situation: choice,
        ),
        Action(
            "hold_or_next",
            "[signal]",
            "0 hold, 1 next",
            "hold the running phase, or go on to the next one in order",
            choices=lambda layout: np.full_like(layout.phases, 2),
            mask=stay_or_go,
            wanted=lambda choice, situation: np.where(choice == 1, situation.following, situation.observed.phase),
        ),
        Action(
            "green_s",
            "[signal]",
            f"index into {', '.join(f'{g:g}' for g in GREENS_S)} s",
            "how long the running green shall last in all; then the next phase in order comes. It may be said anew at each decision",
            choices=lambda layout: np.full_like(layout.phases, len(GREENS_S)),
            mask=served_greens,
            wanted=after_green,
        ),
    )
}


def action_of(choice: str | Action) -> Action:
    """The way of choosing of a name, or the one handed in; ConfigError for anything else."""
    return choice if isinstance(choice, Action) else named("action", choice, ACTIONS)


def may_choose(observed: Observation, layout: Layout, limits: tuple[SafetyEnvelope, ...], max_green: bool = False) -> Bools:
    """[signal, phase] what would be carried out: all phases once the minimum green is served, the running one before.

    Where somebody waits too long, or the running green is too long for those who wait, only the phase that must come. With
    `max_green` a green also ends at its maximum where nobody waits.
    """
    real = np.arange(layout.serves.shape[1]) < layout.phases[:, None]
    running = np.arange(layout.serves.shape[1]) == observed.phase[:, None]
    free = decidable(observed, limits)
    if max_green:
        too_long = np.array([observed.age_s[i] + one.decision_s > one.max_green_s for i, one in enumerate(limits)])
        running &= ~(too_long & free & (layout.phases > 1))[:, None]
        real &= running | (np.arange(layout.serves.shape[1]) != observed.phase[:, None])
    forced = overdue(observed, layout, limits)
    may = np.where(free[:, None], real, running)
    return np.where(forced[:, None] >= 0, np.arange(layout.serves.shape[1]) == forced[:, None], may)


def lawful(wanted: Ints, situation: Situation) -> Ints:
    """The phase wanted where it may be chosen; else the running one, or the first after it in order that may [signal]."""
    n = situation.layout.phases
    found = situation.observed.phase.copy()
    for _ in range(int(n.max())):
        found = np.where(situation.may_be(found), found, (found + 1) % n)
    return np.where(situation.may_be(wanted), wanted, found)


def checked(choice: object, choices: Ints, signals: tuple[str, ...]) -> Ints:
    """Choices as whole numbers [signal]; ConfigError that names the signal whose choice it does not have."""
    try:
        given = np.asarray(choice)
        whole = given.astype(np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"action {choice!r}: expected a whole number for each signal") from error
    if given.shape != (len(signals),):
        raise ConfigError(f"action of shape {given.shape}; expected ({len(signals)},), one a signal")
    for i in np.flatnonzero((whole != given) | (whole < 0) | (whole >= choices)):
        raise ConfigError(f"action of {signals[i]} is {given.tolist()[i]!r}; expected a whole number from 0 to {choices[i] - 1}")
    return whole


def best_phases(scores: Rows, phase: Ints) -> Ints:
    """Phase of the highest score [signal]; the running one where it is as good."""
    at = np.arange(len(phase))
    best = scores.argmax(axis=1)
    stay = scores[at, phase] >= scores[at, best] - 1e-6
    return np.where(stay, phase, best)


def resting(wanted: Ints, phase: Ints, rows: Rows) -> Ints:
    """The running phase where the lookahead sees nothing to choose between [signal]: at an empty junction the lights rest."""
    idle = rows[..., features.EXCESS].max(axis=1) <= 0.0
    return np.where(idle, phase, wanted)


class Wish:
    """A planner whose wish is the action that it was given: the way of an agent in training into the control loop."""

    def __init__(self, layout: Layout, limits: tuple[SafetyEnvelope, ...]) -> None:
        self._layout = layout
        self._limits = limits
        self.wanted: Ints = np.zeros(len(limits), dtype=np.int64)

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """One plan a signal towards `wanted`."""
        return sequences(network, self._layout, observed, self._limits, self.wanted, running)
