"""The forecaster in the control loop: takes each tick's counts, knows earlier days, and says the next 15 minutes.

Counts are gathered minute by minute: the last 15 minutes always end now, and a forecast always covers the next 15. In
the first minutes of a run the part observed so far speaks with its share's weight, and the profile fills the rest. Bins
on the clock's own grid are what the model learns from as they close (tracker.py).
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from forecasting.base import HORIZON_S
from forecasting.clock import week_clock_s
from forecasting.fitted import FittedForecaster
from forecasting.interval import poisson_band
from forecasting.minutes import MINUTE_S, Minutes
from forecasting.persistence import Persistence
from forecasting.recording import HALF, Recording, scaled_up
from forecasting.tracker import Tracker
from signals.errors import ForecastError
from signals.types import Floats, FlowForecast

MIN_SHARE = 0.2  # of a bin: three of 15 minutes, or a signal's cycle would be taken for a flow


def newcomer(movements: tuple[str, ...]) -> FittedForecaster:
    """Who knows no earlier day: the recent mean, with the interval of a Poisson count."""
    return FittedForecaster("last", movements, HORIZON_S, Persistence(window_bins=2), poisson_band(len(movements)))


def check_movements(fitted: FittedForecaster, movements: tuple[str, ...]) -> None:
    """ForecastError unless it speaks of these movements, in this order, in bins of whole minutes."""
    if fitted.detectors != movements:
        strange = next(iter(set(movements) ^ set(fitted.detectors)), "their order")
        raise ForecastError(f"the forecaster was fitted to other movements than the network has, e.g. {strange}")
    if fitted.bin_s % MINUTE_S:
        raise ForecastError(f"the forecaster has bins of {fitted.bin_s:g} s, expected whole minutes")


class OnlineForecaster:
    """Lives as long as one run. `update` is cheap; it computes anew when a minute of the run has closed."""

    def __init__(
        self,
        movements: tuple[str, ...],
        fitted: FittedForecaster | None = None,
        weekday: int = 0,
        bins: int = 1,
        recalls: int = 0,
        clock: Callable[[float], float] | None = None,
    ) -> None:
        """`fitted` knows earlier days of the same movements (None: nobody does); `bins`: how many to forecast.

        `recalls`: bins of the run to keep for `recorded`, at least 2; 0 keeps all of them. `clock`: the week clock at a
        moment of the run, where that is not so many seconds after the midnight of a `weekday`.
        """
        self._fitted = newcomer(movements) if fitted is None else fitted
        check_movements(self._fitted, movements)
        self._weekday, self._bins, self._recalls = weekday, bins, max(recalls, 2) if recalls else 0
        self._week_s = partial(week_clock_s, weekday=weekday) if clock is None else clock
        self._tracker = Tracker(self._fitted, 0.0)  # until the first call says what time it is
        self._parts = round(self._fitted.bin_s / MINUTE_S)
        self._minutes = Minutes(len(movements), self._fitted.model.window_bins * self._parts)
        self._forecast: FlowForecast | None = None
        self._bins_veh: list[Floats] = []
        self._bins_s: list[Floats] = []
        self._first_bin = 0

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast:
        """Counts [movement] since the last call, NaN where silent; forecast from the last full minute on.

        The first call only sets the clock: nobody knows since when its counts were gathered.
        """
        if self._forecast is None:
            self._minutes.begin(now_s)
            self._first_bin = int(now_s // self._fitted.bin_s)
            self._tracker = Tracker(self._fitted, self._week_s(self._first_bin * self._fitted.bin_s))
            self._forecast = self._predicted(now_s)
            return self._forecast
        for closed_s in self._minutes.take(now_s, counts_veh):
            self._record(closed_s - MINUTE_S)
            if closed_s % self._fitted.bin_s == 0.0:
                newest = scaled_up(self._bins_veh[-1], self._bins_s[-1] / self._fitted.bin_s, HALF)
                self._tracker.observe(newest, self._week_s(closed_s))
            self._forecast = self._predicted(closed_s)
        return self._forecast

    def _record(self, minute_start_s: float) -> None:
        k = int(minute_start_s // self._fitted.bin_s) - self._first_bin
        while len(self._bins_veh) <= k:
            self._bins_veh.append(np.zeros_like(self._minutes.veh))
            self._bins_s.append(np.zeros_like(self._minutes.veh))
        self._bins_veh[k] += self._minutes.veh
        self._bins_s[k] += self._minutes.heard_s
        if self._recalls and k >= self._recalls:
            del self._bins_veh[0], self._bins_s[0]
            self._first_bin += 1

    def _predicted(self, now_s: float) -> FlowForecast:
        sum_veh, heard_s = self._minutes.window(self._fitted.model.window_bins, self._parts)
        share = heard_s / self._fitted.bin_s
        recent_veh = scaled_up(sum_veh, share, MIN_SHARE)
        clock_s = self._week_s(now_s)
        return self._tracker.forecast_from(recent_veh, clock_s, self._bins, np.minimum(share, 1.0), made_at_s=now_s)

    def recorded(self) -> Recording:
        """The run so far in aligned bins: what a later day learns from, and what to draw beside the forecasts."""
        bin_s, movements = self._fitted.bin_s, self._fitted.detectors
        counts_veh = np.zeros((0, len(movements)))
        if self._bins_veh:
            counts_veh = scaled_up(np.array(self._bins_veh), np.array(self._bins_s) / bin_s, HALF)
        return Recording(self._weekday, self._first_bin * bin_s, bin_s, movements, counts_veh)
