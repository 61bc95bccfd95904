"""The network ridge: a learned week, and a linear echo of how the detector and the whole city depart from it just now.

Coefficients are each detector's own, leaning on those of all; they are learned from every bin as it closes, so there is no
day on which it must be fitted anew (lessons.py is how it is fitted first).
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from forecasting.base import Arrays, Model, Point
from forecasting.clock import DAY_S
from forecasting.departures import LAGS, NAMES, Departures
from forecasting.kernels import row_products
from forecasting.normal_equations import NormalEquations
from forecasting.persistence import recent_mean
from forecasting.residual import root, unroot
from forecasting.week_profile import FEW, YOUNG_DAYS, WeekProfile
from signals.types import Bools, Floats

Table = npt.NDArray[np.float32]
Labels = npt.NDArray[np.str_]

LEAN_ROWS = 4000.0  # a detector's coefficients lean on those of all by so many bins
FARTHEST = 6.0  # root scale: of the departures that are learned from
FADE_S = 3.0 * 3600.0  # half-life of the echo beyond the horizon that it was taught for


Correction = Callable[[Table, Floats, Floats, float], Floats]
"""What to add to the echo [detector]: of the inputs [detector, input], the echo, the profile near, and when the bins begin."""


class Waiting(NamedTuple):
    """A bin whose horizon has not ended."""

    inputs: Table
    """[detector, input]"""
    usual: Floats
    """[detector]"""
    departure: Floats
    """[detector]"""


@dataclass(slots=True)
class Ridge:
    """State and coefficients."""

    profile: WeekProfile = field(repr=False)
    departures: Departures = field(repr=False)
    sums: NormalEquations = field(repr=False)
    echo: Table = field(repr=False)
    """[detector, input] coefficients"""
    common: tuple[Floats, Floats] = field(repr=False)  # what they lean on, see NormalEquations.common
    leads: int
    solved: int  # detectors whose coefficients were made anew since midnight
    waiting: deque[Waiting] = field(default_factory=deque, repr=False)
    deaf: bool = False  # hears the other detectors only, as if each were silent itself
    window_bins: int = LAGS

    def expect(self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None = None) -> Point:
        """Profile + echo; who has no profile yet gets the others' mean week at its own level."""
        return self.point(recent_veh, ends_s, bins, observed, None)

    def point(self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None, correct: Correction | None) -> Point:
        """The same with an echo that another model has corrected."""
        around = self.profile.around(ends_s, LAGS, max(bins, self.leads) + 1)
        last = root(recent_veh) - around[:LAGS]
        if observed is not None:
            last = last * observed
        near = around[LAGS - 1 : LAGS + self.leads + 1]
        own = self.profile.own_at(ends_s)
        if self.deaf:
            last, echo = np.full_like(last, np.nan), self._deaf_echo(last, near, own, ends_s, correct)
        else:
            echo = self._echo(self.inputs(last, near, own, ends_s), near, ends_s, correct)
        usual = around[LAGS : LAGS + bins]
        count_veh = unroot(usual + self._fading(bins)[:, None] * echo)
        known: Bools = np.asarray(np.isfinite(usual).all(axis=0))
        rung = self._rungs(last, known)
        if not known.all():
            count_veh, rung = self._unknown(count_veh, rung, recent_veh, ends_s, observed)
        return Point(count_veh, tuple(rung.tolist()))

    def inputs(self, last: Floats, near: Floats, own: Floats | Table, starts_s: float, mute: Bools | None = None) -> Table:
        """What the echo is made of [detector, input] for the bins from `starts_s` on.

        `last` [lag, detector] are the newest departures; `near` [bin, detector] is the profile from one bin before
        `starts_s` to one after the horizon, `own` [detector] that of the detector's own days alone.
        """
        known = np.where(np.isfinite(near), near, 1.0)
        ahead = known[1 : self.leads + 1].mean(axis=0)
        other = np.where(np.isfinite(own) & np.isfinite(near[1]), own - near[1], 0.0)
        return self.departures.inputs(last, known[0], ahead, other, starts_s, mute)

    def _echo(self, inputs: Table, near: Floats, starts_s: float, correct: Correction | None) -> Floats:
        echo = np.asarray(row_products(inputs, self.echo))
        return echo if correct is None else echo + correct(inputs, echo, near, starts_s)

    def _deaf_echo(self, last: Floats, near: Floats, own: Floats, starts_s: float, correct: Correction | None) -> Floats:
        """The echo of each detector as if it had been silent for long: one half hears the other."""
        odd = np.arange(last.shape[1]) % 2 == 1
        parts = [self._echo(self.inputs(last, near, own, starts_s, mute), near, starts_s, correct) for mute in (odd, ~odd)]
        return np.where(odd, *parts)

    def _fading(self, bins: int) -> Floats:
        """How much of the echo is left [bin]: all of it over the horizon that it was taught for."""
        beyond = np.maximum(np.arange(bins) - self.leads + 1, 0)
        return np.asarray(0.5 ** (beyond * self.profile.bin_s / FADE_S))

    def _rungs(self, last: Floats, known: Bools) -> Labels:
        heard = np.isfinite(last[-2:]).any(axis=0)
        own = np.where(self.profile.known_days < YOUNG_DAYS, "young", "residual")
        rung = np.where(heard, own, "neighbours" if self.deaf or heard.any() else "profile")
        return np.where(known, rung, "none")

    def _unknown(
        self, count_veh: Floats, rung: Labels, recent_veh: Floats, ends_s: float, observed: Floats | None
    ) -> tuple[Floats, Labels]:
        """For who has no profile: the others' mean week at its own level, else its own recent mean."""
        bins = len(count_veh)
        mean = self.profile.mean_around(ends_s, LAGS, bins)
        level = recent_mean(root(recent_veh) - mean[:LAGS, None], observed)
        last_veh = np.tile(recent_mean(recent_veh, observed), (bins, 1))
        for name, answer_veh in (("pooled", unroot(mean[LAGS:, None] + level)), ("last", last_veh)):
            takes = (rung == "none") & np.isfinite(answer_veh).all(axis=0)
            count_veh = np.where(takes, answer_veh, count_veh)
            rung = np.where(takes, name, rung)
        return np.where(rung == "none", np.nan, count_veh), rung

    def usual(self, starts_s: float, hour_bins: int) -> Floats:
        """The learned week's."""
        return unroot(self.profile.around(starts_s, hour_bins, hour_bins + 1)[:: max(hour_bins, 1)])

    def learn(self, counts_veh: Floats, starts_s: float) -> None:
        """Take in a closed bin: departures, coefficients of the next few detectors, profile."""
        self.take_in(counts_veh, starts_s, *self.at(starts_s))

    def at(self, starts_s: float) -> tuple[Floats, Table]:
        """Profile near and inputs of the bin that begins at `starts_s`, right after the newest one learned."""
        near = self.profile.around(starts_s, 1, self.leads + 1)
        return near, self.inputs(self.departures.last, near, self.profile.own_at(starts_s), starts_s)

    def take_in(self, counts_veh: Floats, starts_s: float, near: Floats, inputs: Table) -> None:
        """Learn a closed bin whose profile near and inputs, as `at` says them, are known already."""
        departure = root(counts_veh) - near[1]
        self.practise(near, inputs, departure, departure, np.ones(len(departure)), starts_s)
        self.profile.learn(root(counts_veh), starts_s)
        if self.profile.edge_s % DAY_S == 0.0:
            self.common, self.solved = self.sums.common(), 0
        self.solve(max(FEW, -(-len(self.echo) // self.profile.slots)))

    def practise(self, near: Floats, inputs: Table, heard: Floats, truth: Floats, weight: Floats | Table, starts_s: float) -> None:
        """Learn the coefficients' sums from a bin whose departures [detector] were `heard`, and truly are `truth`."""
        self.waiting.append(Waiting(inputs, near[1], truth))
        if len(self.waiting) == self.leads:
            oldest, target, gain = lesson(self.waiting)
            self.sums.learn(oldest, target, gain * weight)
            self.waiting.popleft()
        self.departures.learn(heard, starts_s)

    def solve(self, few: int) -> None:
        """Make the coefficients of the next `few` detectors anew."""
        chosen = np.arange(self.solved, min(self.solved + few, len(self.echo)))
        if len(chosen):
            self.echo[chosen] = self.sums.solved(chosen, self.common, LEAN_ROWS)
            self.solved += len(chosen)

    def degraded(self) -> tuple[Model, ...]:
        """Hearing the others only."""
        return (replace(self, deaf=True),)

    def arrays(self) -> dict[str, Any]:
        """The whole state."""
        waiting = [np.column_stack((one.inputs, one.usual, one.departure)) for one in self.waiting]
        return {
            **self.profile.arrays(),
            **self.departures.arrays(),
            **self.sums.arrays(),
            "echo": self.echo,
            "common_square": self.common[0],
            "common_solution": self.common[1],
            "leads_solved": np.array([float(self.leads), float(self.solved)]),
            "waiting": np.array(waiting).reshape(len(waiting), len(self.echo), len(NAMES) + 2),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The model again; ValueError where its tables are of other detectors."""
        profile, departures = WeekProfile.from_arrays(arrays, bin_s), Departures.from_arrays(arrays, bin_s)
        sums, echo = NormalEquations.from_arrays(arrays), np.asarray(arrays["echo"], dtype=np.float32)
        expected = (profile.detectors, len(NAMES))
        if echo.shape != expected or sums.moment.shape != expected or len(departures.factors.loading) != expected[0]:
            raise ValueError(f"coefficients of shape {echo.shape}, expected {expected}")
        leads, solved = arrays["leads_solved"]
        common = np.asarray(arrays["common_square"]), np.asarray(arrays["common_solution"])
        waiting = deque(Waiting(row[:, :-2].astype(np.float32), row[:, -2].copy(), row[:, -1].copy()) for row in arrays["waiting"])
        return cls(profile, departures, sums, echo, common, int(leads), int(solved), waiting)


def lesson(waiting: Sequence[Waiting]) -> tuple[Table, Floats, Floats]:
    """Inputs, target and weight of the oldest bin that waits: what the mean departure over its horizon came to be."""
    departures = np.array([one.departure for one in waiting])
    usual = waiting[0].usual
    known = np.isfinite(departures).all(axis=0) & np.isfinite(usual)
    mean = np.where(known, departures, 0.0).mean(axis=0)
    return waiting[0].inputs, np.clip(mean, -FARTHEST, FARTHEST), np.where(known, usual, 0.0)
