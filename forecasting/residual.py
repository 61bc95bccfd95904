"""The default: daily profile plus an echo of what was seen lately, with a labelled ladder for silent detectors.

On the square-root scale, where a Poisson count has the same noise at every level, a detector's last two departures from
its profile and the other detectors' mean last one tell the next: z(t) = a1 z(t-1) + a2 z(t-2) + b z_others(t-1), with
coefficients per detector that lean on those of the site.
"""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from forecasting import profile
from forecasting.base import Arrays, Model, Point
from forecasting.clock import TYPE_OF_WEEKDAY
from forecasting.history import FlowHistory
from forecasting.persistence import recent_mean
from forecasting.profile import Profile
from signals.types import Bools, Floats, Ints

Labels = npt.NDArray[np.str_]

LAGS = 2
INPUTS = LAGS + 1  # lag 1, lag 2, the others' lag 1
LAG_1, LAG_2, OTHERS = 1, 2, 4  # bits of a pattern: which inputs were seen
ANSCOMBE = 0.375
SHRINKAGE_BINS = 200.0  # the site's coefficients count as this many bins of the detector's own


@dataclass(frozen=True, slots=True)
class Residual:
    """A profile, and the coefficients of the departures from it."""

    profile: Profile
    echo: Floats = field(repr=False)
    """[pattern, detector, input] the coefficients to use where only the inputs of the pattern's bits were seen"""
    window_bins: int = LAGS
    deaf: bool = False  # hears the other detectors only, as if each were silent itself

    def expect(self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None = None) -> Point:
        """Profile + echo where the detector or the others are fresh; else the first lower rung that knows anything."""
        bin_s = self.profile.bin_s
        usual_veh = self.profile.at(ends_s + bin_s * np.arange(-LAGS, bins, dtype=np.float64))
        departure = root(recent_veh) - root(usual_veh[:LAGS])
        if observed is not None:
            departure = departure * observed
        echoes, pattern = self._echoes(departure, bins)
        count_veh = unroot(root(usual_veh[LAGS:]) + echoes)
        known = np.isfinite(count_veh).all(axis=0)
        heard = np.where(pattern & (LAG_1 | LAG_2), "residual", np.where(pattern & OTHERS, "neighbours", "profile"))
        rung = np.where(known, heard, "none")
        if not known.all():
            count_veh, rung = self._from_below(count_veh, rung, recent_veh, ends_s, observed)
        return Point(count_veh, tuple(rung.tolist()))

    def _echoes(self, departure: Floats, bins: int) -> tuple[Floats, Ints]:
        """Expected departures [bin, detector] after those of two bins [lag 2 first]; pattern of the seen [detector]."""
        seen = np.isfinite(departure)
        older, newer = np.where(seen, departure, 0.0)
        others, any_other = others_mean(departure[-1:])
        pattern = np.where(any_other[0], OTHERS, 0)
        if not self.deaf:
            pattern = pattern + LAG_1 * seen[1] + LAG_2 * seen[0]
        inputs = np.stack((newer, older, others[0]), axis=-1)
        detector = np.arange(departure.shape[1])
        out = np.zeros((bins, departure.shape[1]))
        now_seen = pattern
        for i in range(bins):
            out[i] = (self.echo[now_seen, detector] * inputs).sum(axis=-1)
            # From the second bin on, the forecasts before it stand in for what was seen.
            now_seen = np.where(pattern > 0, LAG_1 | LAG_2 | (pattern & OTHERS), 0)
            inputs = np.stack((out[i], inputs[:, 0], others_mean(out[i : i + 1])[0][0]), axis=-1)
        return out, pattern

    def _from_below(
        self, count_veh: Floats, rung: Labels, recent_veh: Floats, ends_s: float, observed: Floats | None
    ) -> tuple[Floats, Labels]:
        """The lower rungs, for detectors whose profile knows nothing of these hours."""
        bin_s, bins = self.profile.bin_s, len(count_veh)
        shape = self.profile.shape_at(ends_s + bin_s * np.arange(-LAGS, bins, dtype=np.float64))
        mean_veh = recent_mean(recent_veh, observed)
        level = mean_veh / np.maximum(recent_mean(np.where(np.isfinite(recent_veh), shape[:LAGS, None], np.nan)), 0.1)
        pooled_veh = level * shape[LAGS:, None]
        last_veh = np.tile(mean_veh, (bins, 1))
        # One rung a detector: the first whose answer is whole.
        for name, answer_veh in (("pooled", pooled_veh), ("last", last_veh)):
            takes = (rung == "none") & np.isfinite(answer_veh).all(axis=0)
            count_veh = np.where(takes, answer_veh, count_veh)
            rung = np.where(takes, name, rung)
        return np.where(rung == "none", np.nan, count_veh), rung

    def usual(self, starts_s: float, hour_bins: int) -> Floats:
        """The profile's."""
        return self.profile.usual(starts_s, hour_bins)

    def learn(self, counts_veh: Floats, starts_s: float) -> None:
        """It learns nothing more."""

    def degraded(self) -> tuple[Model, ...]:
        """Hearing the others only, without echo, without own profile, without any profile."""
        unknown = np.full_like(self.profile.count_veh, np.nan)
        strange = replace(self.profile, count_veh=unknown)
        blank = replace(strange, shape=np.full_like(self.profile.shape, np.nan))
        return replace(self, deaf=True), self.profile, replace(self, profile=strange), replace(self, profile=blank)

    def arrays(self) -> Arrays:
        """The profile's tables and the coefficients."""
        return {**self.profile.arrays(), "echo": self.echo}

    @classmethod
    def from_arrays(cls, arrays: Arrays, bin_s: float) -> Self:
        """The model again; ValueError where the coefficients are of other detectors."""
        own = Profile.from_arrays(arrays, bin_s)
        if arrays["echo"].shape != (2**INPUTS, own.count_veh.shape[2], INPUTS):
            raise ValueError(f"coefficients of shape {arrays['echo'].shape} for {own.count_veh.shape[2]} detectors")
        return cls(own, arrays["echo"])


def root(count_veh: Floats) -> Floats:
    """sqrt(x + 3/8): a Poisson count's noise is 1/2 at any level. Anscombe 1948."""
    return np.asarray(np.sqrt(count_veh + ANSCOMBE))


def unroot(value: Floats) -> Floats:
    """The count of a value on the root scale, never negative."""
    return np.asarray(np.maximum(np.maximum(value, 0.0) ** 2 - ANSCOMBE, 0.0))


def fit(history: FlowHistory, leads: int = 1) -> Residual:
    """The profile of all days, and an echo learnt on departures from a profile that had not seen the day."""
    own = profile.fit(history)
    days, weekday = history.by_day()
    types = TYPE_OF_WEEKDAY[weekday]
    departure = np.full_like(days, np.nan)
    for day in np.flatnonzero(np.isfinite(days).any(axis=(1, 2))):
        # A day that helped to make its own profile would look closer to it than the next one will be.
        others = np.arange(len(days)) != day
        usual = profile.fit_days(days[others], types[others], history.bin_s).count_veh[types[day]]
        departure[day] = root(days[day]) - root(usual)
    return Residual(own, echo_coefficients(departure.reshape(-1, departure.shape[2])))


def others_mean(departure: Floats) -> tuple[Floats, Bools]:
    """Mean departure [bin, detector] of all other detectors that were seen, 0 where none was; and whether one was."""
    seen = np.isfinite(departure)
    known = np.where(seen, departure, 0.0)
    number = seen.sum(axis=1, keepdims=True) - seen
    return (known.sum(axis=1, keepdims=True) - known) / np.maximum(number, 1), number > 0


def echo_coefficients(departure: Floats) -> Floats:
    """Least squares of departures [bin, detector] on their inputs, per seen pattern: [pattern, detector, input].

    a_d = (X'X + k S)^-1 (X'y + k S a), with S the site's mean X'X per bin, a the site's own solution, k SHRINKAGE_BINS.
    """
    target, older, newer = departure[LAGS:], departure[:-LAGS], departure[1:-1]
    others, any_other = others_mean(newer)
    inputs = np.stack((newer, older, np.where(any_other, others, np.nan)), axis=-1)
    echo = np.zeros((2**INPUTS, departure.shape[1], INPUTS))
    for pattern in range(1, 2**INPUTS):
        used = [k for k in range(INPUTS) if pattern >> k & 1]
        echo[pattern][:, used] = _shrunken(target, inputs[..., used])
    return echo


def _shrunken(target: Floats, inputs: Floats) -> Floats:
    """Coefficients [detector, input] of targets [bin, detector] on inputs [bin, detector, input]."""
    whole: Bools = np.isfinite(target) & np.isfinite(inputs).all(axis=-1)
    x, y = np.where(whole[..., None], inputs, 0.0), np.where(whole, target, 0.0)
    gram = np.einsum("tdi,tdj->dij", x, x)
    moment = np.einsum("tdi,td->di", x, y)
    number = max(int(whole.sum()), 1)
    ridge = 1e-3 * np.eye(x.shape[-1])  # a site that never departs from its profile has no echo
    scale = gram.sum(axis=0) / number + ridge
    pooled = np.linalg.solve(scale, moment.sum(axis=0) / number)
    left = gram + SHRINKAGE_BINS * scale
    right = moment + SHRINKAGE_BINS * (scale @ pooled)
    return np.asarray(np.linalg.solve(left, right[..., None])[..., 0])
