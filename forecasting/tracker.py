"""A forecaster that steps through the bins of a city: one forecast and one update a bin, whose state can be saved.

Counts that a detector in order would not show are not heard; `reasons` says which and why.

What it adapts: the model learns each bin, and the interval is kept at its 80 %: a bin that fell outside widens it, one
inside narrows it, per detector and per hour of the day (Gibbs and Candes 2021, adaptive conformal inference, on the log
of the width).
"""

from collections import deque
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np

from forecasting.base import Arrays
from forecasting.clock import WEEK_S
from forecasting.fault_watch import FaultWatch
from forecasting.faults import FAULTS
from forecasting.fitted import FittedForecaster, check_same
from forecasting.hearing import judged
from forecasting.history import FlowHistory
from forecasting.interval import HIGH, LOW, ends_s, hour_of, recent
from signals.errors import ForecastError
from signals.types import Floats, FlowForecast
from signals.units import SECONDS_PER_HOUR

MISSES = 1.0 - (HIGH - LOW)  # the share of counts that may fall outside
DETECTOR_STEP = 0.02  # a day of 15-minute bins that are all missed: 4.6 times as wide
HOUR_STEP = 0.2  # one bin of a whole city, half of it missed: 6 % wider
WIDEST = 8.0  # times the calibrated width, and narrowest its inverse


class Interval(NamedTuple):
    """What was said of a total over the horizon."""

    low_veh: Floats
    high_veh: Floats
    hour: int


class Tracker:
    """Lives as long as the feed that it follows. `observe` closes a bin; `forecast` speaks of those that come."""

    def __init__(self, fitted: FittedForecaster, next_s: float, recent_veh: Floats | None = None, takes_over: bool = False) -> None:
        """The next bin begins at `next_s` on the week clock; `recent_veh` [bin, detector] are the ones before it.

        It learns on a copy of the model; one that `takes_over` learns on the model itself, which then is nobody else's: a
        large city's fills a gigabyte.
        """
        self.fitted = fitted if takes_over else fitted.fresh()
        shape = (fitted.model.window_bins, len(fitted.detectors))
        self._recent_veh = np.full(shape, np.nan) if recent_veh is None else np.array(recent_veh, dtype=np.float64)
        if self._recent_veh.shape != shape:
            raise ForecastError(f"{fitted.name}: recent counts of shape {self._recent_veh.shape}, expected {shape}")
        self._next_s = next_s % WEEK_S
        self._log_detector = np.zeros(shape[1])
        self._log_hour = np.log(fitted.band.hour)
        self._said: deque[Interval] = deque()
        self._counted: deque[Floats] = deque(maxlen=fitted.leads)
        self._forecast: FlowForecast | None = None
        self._reason = np.zeros(shape[1], dtype=np.int8)

    @property
    def next_s(self) -> float:
        """When the next bin begins, on the week clock [s]."""
        return self._next_s

    @property
    def recent_veh(self) -> Floats:
        """The last closed bins [bin, detector] that the model looks at, newest last."""
        return self._recent_veh.copy()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the newest count of each detector is not believed [detector]; empty where it is, or is missing."""
        names = ("", *FAULTS)
        return tuple(names[k] for k in self._reason)

    def forecast(self) -> FlowForecast:
        """The bins of the horizon that comes; the same until the next bin closes."""
        if self._forecast is None:
            self._forecast = self.forecast_from(self._recent_veh, self._next_s, self.fitted.leads)
        return self._forecast

    def ahead(self, bins: int) -> FlowForecast:
        """The coming `bins` bins, whatever the horizon."""
        return self.forecast_from(self._recent_veh, self._next_s, bins)

    def forecast_from(
        self, recent_veh: Floats, ends_s: float, bins: int, observed: Floats | None = None, made_at_s: float | None = None
    ) -> FlowForecast:
        """From another window of recent bins than the aligned ones; arguments as of `FittedForecaster.predict`."""
        stretch = np.exp(self._log_detector + self._log_hour[hour_of(ends_s)])
        return self.fitted.predict(recent_veh, ends_s, bins, observed, made_at_s, stretch)

    def observe(self, counts_veh: Floats, next_s: float | None = None) -> None:
        """Close a bin with its counts [detector], NaN where silent; `next_s` where the clock jumps before the next one."""
        if counts_veh.shape != self._log_detector.shape:
            raise ForecastError(f"{self.fitted.name}: {counts_veh.shape} counts, expected {self._log_detector.shape}")
        forecast = self.forecast()
        watched = judged(self.fitted.watch, self.fitted.model, counts_veh, self._next_s, self.fitted.bin_s)
        counts_veh, self._reason = watched.believed_veh, watched.reason
        self._said.append(Interval(*total_interval(forecast), hour_of(self._next_s)))
        self._counted.append(counts_veh)
        if len(self._said) == self.fitted.leads:
            self._adapt(self._said.popleft(), np.sum(self._counted, axis=0))
        self.fitted.model.learn(counts_veh, self._next_s)
        if len(self._recent_veh):
            self._recent_veh[:-1] = self._recent_veh[1:]
            self._recent_veh[-1] = counts_veh
        self._next_s = (self._next_s + self.fitted.bin_s if next_s is None else next_s) % WEEK_S
        self._forecast = None

    def _adapt(self, said: Interval, total_veh: Floats) -> None:
        known = np.isfinite(total_veh) & np.isfinite(said.high_veh)
        missed = np.where(known, (total_veh < said.low_veh) | (total_veh > said.high_veh), MISSES) - MISSES
        widest = np.log(WIDEST)
        self._log_detector = np.clip(self._log_detector + DETECTOR_STEP * missed, -widest, widest)
        if known.any():
            step = HOUR_STEP * missed.sum() / known.sum() * min(known.sum() / 100.0, 1.0) ** 0.5
            self._log_hour[said.hour] = np.clip(self._log_hour[said.hour] + step, -widest, widest)

    def arrays(self) -> Arrays:
        """Its whole state beside the fitted forecaster's own constants."""
        watch = self.fitted.watch
        pending = np.array([(*one.low_veh, *one.high_veh, one.hour) for one in self._said])
        counted = np.array(self._counted).reshape(-1, len(self._log_detector))
        return {
            "next_s": np.array(self._next_s),
            "recent_veh": self._recent_veh.copy(),
            "log_detector": self._log_detector.copy(),
            "log_hour": self._log_hour.copy(),
            "pending": pending.reshape(len(self._said), 2 * len(self._log_detector) + 1),
            "counted_veh": counted,
            **{f"watch_{name}": array for name, array in (watch.arrays() if watch else {}).items()},
            "reason": self._reason.astype(np.float64),
            **{f"model_{name}": np.array(array) for name, array in self.fitted.model.arrays().items()},
        }

    @classmethod
    def restored(cls, fitted: FittedForecaster, arrays: Arrays) -> Self:
        """The tracker that these arrays are the state of; ForecastError where they are of another forecaster."""
        try:
            model = {name.removeprefix("model_"): array for name, array in arrays.items() if name.startswith("model_")}
            watching = {name.removeprefix("watch_"): array for name, array in arrays.items() if name.startswith("watch_")}
            watch = None if fitted.watch is None else FaultWatch.from_arrays(watching, fitted.bin_s)
            own = replace(fitted.with_model(model), watch=watch)
            out = cls(own, float(arrays["next_s"]), arrays["recent_veh"], takes_over=True)
            detectors = len(fitted.detectors)
            out._reason = arrays["reason"].reshape(detectors).astype(np.int8)
            out._log_detector = arrays["log_detector"].reshape(detectors).copy()
            out._log_hour = arrays["log_hour"].reshape(len(out._log_hour)).copy()
            for row in arrays["pending"].reshape(-1, 2 * detectors + 1):
                out._said.append(Interval(row[:detectors], row[detectors:-1], int(row[-1])))
            out._counted.extend(arrays["counted_veh"].reshape(-1, detectors))
        except (KeyError, ValueError, IndexError, TypeError) as why:
            raise ForecastError(f"{fitted.name}: the saved state does not fit this forecaster: {why!r}") from why
        return out


def brought_up_to(fitted: FittedForecaster, history: FlowHistory, origin: int, until: np.datetime64 | None = None) -> Tracker:
    """A tracker that stands before the bin `origin` of a table, and has learned its bins since `until`, where the fit ended."""
    check_same(fitted, history)
    begin = origin if until is None else min(history.index(until), origin)
    tracker = Tracker(fitted, ends_s(history, begin), recent(history, begin, fitted.model.window_bins))
    for i in range(begin, origin):
        tracker.observe(history.counts_veh[i], ends_s(history, i + 1))
    return tracker


def total_interval(forecast: FlowForecast) -> tuple[Floats, Floats]:
    """Bounds of the total over all bins [detector] in vehicles: the bins' spreads add in squares."""
    hours = forecast.bin_s / SECONDS_PER_HOUR
    total_veh = forecast.flow_veh_h.sum(axis=0) * hours
    below, above = forecast.flow_veh_h - forecast.low_veh_h, forecast.high_veh_h - forecast.flow_veh_h
    low_veh = np.maximum(total_veh - np.sqrt((below**2).sum(axis=0)) * hours, 0.0)
    return low_veh, total_veh + np.sqrt((above**2).sum(axis=0)) * hours
