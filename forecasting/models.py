"""The table of forecasters: name -> how it is fitted, which class it becomes. A new one is a file and a line here."""

from dataclasses import dataclass, replace
from difflib import get_close_matches

from forecasting import boosted, lessons, mixed, persistence, profile, residual, ridge, seasonal
from forecasting.base import Fit, Model
from forecasting.fitted import FittedForecaster, calibrated, held_out
from forecasting.hearing import screened
from forecasting.history import FlowHistory
from forecasting.interval import poisson_band
from signals.errors import ForecastError

DEFAULT = "mixed"
QUICK = "residual"  # for scenarios, whose earlier days are made up: fitted in a moment


@dataclass(frozen=True, slots=True)
class Kind:
    """`fit(history)` makes the model, `cls.from_arrays` makes it again from a store."""

    fit: Fit
    cls: type[Model]
    title: str
    learns: bool = False  # from every bin that closes: what it was not fitted to it has learned by then


MODELS: dict[str, Kind] = {
    "last": Kind(persistence.fit, persistence.Persistence, "last value"),
    "week": Kind(seasonal.fit, seasonal.SameTimeLastWeek, "same time last week"),
    "profile": Kind(profile.fit, profile.Profile, "daily profile"),
    "residual": Kind(residual.fit, residual.Residual, "profile + AR(2) and neighbours' residual"),
    "ridge": Kind(lessons.fit, ridge.Ridge, "learned week + network ridge", learns=True),
    "boosted": Kind(boosted.fit, boosted.Boosted, "network ridge + gradient boosting", learns=True),
    "mixed": Kind(mixed.fit, mixed.Mixed, "profile, ridge and boosting, weighted by detector and hour", learns=True),
}
ALWAYS = ("last", "week", "profile")
"""Rows that every back-test has: beating the last value proves nothing."""


def kind(name: str) -> Kind:
    """The entry of this name; ForecastError with the nearest one where there is none."""
    if name in MODELS:
        return MODELS[name]
    near = get_close_matches(name, MODELS, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise ForecastError(f"no forecaster is called '{name}'; there are {', '.join(MODELS)}{hint}")


def fit_forecaster(history: FlowHistory, name: str = DEFAULT, leads: int = 1) -> FittedForecaster:
    """Fitted to the whole history; its interval comes from the last fifth of the days, seen by a fit to the rest.

    `leads` is the number of bins in the horizon that matters.

    A model that learns has learned these days by then, and is not fitted again. With fewer than three days there is
    nothing to hold out: the interval is that of Poisson counts, half as wide again.
    """
    of_kind = kind(name)
    begin = held_out(history)
    believed, watch = screened(history)
    if begin == 0:
        band = poisson_band(len(history.detectors))
        return FittedForecaster(name, history.detectors, history.bin_s, of_kind.fit(believed, leads), band, leads, watch)
    earlier = calibrated(name, of_kind.fit(believed.between(0, begin), leads), believed, begin, history.bins, leads)
    model = earlier.model if of_kind.learns else of_kind.fit(believed, leads)
    return replace(earlier, model=model, watch=watch)
