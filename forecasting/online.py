"""The forecaster in the control loop: takes each tick's counts, knows earlier days, and says the next 15 minutes.

Counts are gathered minute by minute: the last 15 minutes always end now, and a forecast always covers the next 15. In
the first minutes of a run the part observed so far speaks with its share's weight, and the profile fills the rest. Bins
on the clock's own grid are what the model learns from as they close (tracker.py).
"""

import numpy as np

from forecasting.base import HORIZON_S
from forecasting.clock import week_clock_s
from forecasting.fitted import FittedForecaster
from forecasting.interval import poisson_band
from forecasting.persistence import Persistence
from forecasting.recording import HALF, Recording, scaled_up
from forecasting.tracker import Tracker
from signals.errors import ForecastError
from signals.types import Bools, Floats, FlowForecast

MINUTE_S = 60.0
MIN_SHARE = 0.2  # of a bin: three of 15 minutes, or a signal's cycle would be taken for a flow


def newcomer(movements: tuple[str, ...]) -> FittedForecaster:
    """Who knows no earlier day: the recent mean, with the interval of a Poisson count."""
    return FittedForecaster("last", movements, HORIZON_S, Persistence(window_bins=2), poisson_band(len(movements)))


class OnlineForecaster:
    """Lives as long as one run. `update` is cheap; it computes anew when a minute of the run has closed."""

    def __init__(
        self, movements: tuple[str, ...], fitted: FittedForecaster | None = None, weekday: int = 0, bins: int = 1, recalls: int = 0
    ) -> None:
        """`fitted` knows earlier days of the same movements (None: nobody does); `bins`: how many to forecast.

        `recalls`: bins of the run to keep for `recorded`, at least 2; 0 keeps all of them.
        """
        self._fitted = newcomer(movements) if fitted is None else fitted
        if self._fitted.detectors != movements:
            strange = next(iter(set(movements) ^ set(self._fitted.detectors)), "their order")
            raise ForecastError(f"the forecaster was fitted to other movements than the network has, e.g. {strange}")
        if self._fitted.bin_s % MINUTE_S:
            raise ForecastError(f"the forecaster has bins of {self._fitted.bin_s:g} s, expected whole minutes")
        self._weekday, self._bins, self._recalls = weekday, bins, max(recalls, 2) if recalls else 0
        self._minutes = round(self._fitted.bin_s / MINUTE_S)
        self._tracker = Tracker(self._fitted, 0.0)  # until the first call says what time it is
        window = self._fitted.model.window_bins * self._minutes
        self._recent_veh = np.zeros((window, len(movements)), dtype=np.float32)  # [minute, movement] newest last
        self._recent_s = np.zeros((window, len(movements)), dtype=np.float32)  # [minute, movement] how long each was observed
        self._minute_veh, self._minute_s = np.zeros(len(movements)), np.zeros(len(movements))
        self._now_s, self._closes_s = np.nan, np.nan
        self._forecast: FlowForecast | None = None
        self._bins_veh: list[Floats] = []
        self._bins_s: list[Floats] = []
        self._first_bin = 0

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast:
        """Counts [movement] since the last call, NaN where silent; forecast from the last full minute on.

        The first call only sets the clock: nobody knows since when its counts were gathered.
        """
        if self._forecast is None:
            self._now_s = now_s
            self._closes_s = (np.floor(now_s / MINUTE_S) + 1.0) * MINUTE_S
            self._first_bin = int(now_s // self._fitted.bin_s)
            self._tracker = Tracker(self._fitted, week_clock_s(self._first_bin * self._fitted.bin_s, self._weekday))
            self._forecast = self._predicted(now_s)
            return self._forecast
        span_s = now_s - self._now_s
        if not span_s >= 0.0:
            raise ForecastError(f"time ran backwards from {self._now_s:g} s to {now_s:g} s; a new run needs a new forecaster")
        if counts_veh.shape != self._minute_veh.shape:
            raise ForecastError(f"{counts_veh.shape} counts, expected {self._minute_veh.shape}")
        silent = np.isnan(counts_veh)
        heard = not silent.any()
        while now_s >= self._closes_s:
            # The counts of a call that straddles minutes are spread evenly over them.
            part_s = self._closes_s - self._now_s
            self._add(counts_veh * (part_s / span_s), part_s, silent, heard)
            counts_veh = counts_veh * (1.0 - part_s / span_s)
            span_s -= part_s
            self._now_s = self._closes_s
            self._close_minute()
        self._add(counts_veh, span_s, silent, heard)
        self._now_s = now_s
        return self._forecast

    def _add(self, counts_veh: Floats, span_s: float, silent: Bools, heard: bool) -> None:
        if heard:
            self._minute_veh += counts_veh
            self._minute_s += span_s
        else:
            self._minute_veh += np.where(silent, 0.0, counts_veh)
            self._minute_s += np.where(silent, 0.0, span_s)

    def _close_minute(self) -> None:
        for ring, minute in ((self._recent_veh, self._minute_veh), (self._recent_s, self._minute_s)):
            ring[:-1] = ring[1:]
            ring[-1:] = minute  # empty for a model that looks at no recent count
        self._record(self._closes_s - MINUTE_S)
        self._minute_veh[:] = 0.0
        self._minute_s[:] = 0.0
        if self._closes_s % self._fitted.bin_s == 0.0:
            newest = scaled_up(self._bins_veh[-1], self._bins_s[-1] / self._fitted.bin_s, HALF)
            self._tracker.observe(newest, week_clock_s(self._closes_s, self._weekday))
        self._forecast = self._predicted(self._closes_s)
        self._closes_s += MINUTE_S

    def _record(self, minute_start_s: float) -> None:
        k = int(minute_start_s // self._fitted.bin_s) - self._first_bin
        while len(self._bins_veh) <= k:
            self._bins_veh.append(np.zeros_like(self._minute_veh))
            self._bins_s.append(np.zeros_like(self._minute_s))
        self._bins_veh[k] += self._minute_veh
        self._bins_s[k] += self._minute_s
        if self._recalls and k >= self._recalls:
            del self._bins_veh[0], self._bins_s[0]
            self._first_bin += 1

    def _predicted(self, now_s: float) -> FlowForecast:
        shape = (self._fitted.model.window_bins, self._minutes, len(self._minute_veh))
        share = self._recent_s.reshape(shape).sum(axis=1, dtype=np.float64) / self._fitted.bin_s
        sum_veh = self._recent_veh.reshape(shape).sum(axis=1, dtype=np.float64)
        recent_veh = scaled_up(sum_veh, share, MIN_SHARE)
        clock_s = week_clock_s(now_s, self._weekday)
        return self._tracker.forecast_from(recent_veh, clock_s, self._bins, np.minimum(share, 1.0), made_at_s=now_s)

    def recorded(self) -> Recording:
        """The run so far in aligned bins: what a later day learns from, and what to draw beside the forecasts."""
        bin_s, movements = self._fitted.bin_s, self._fitted.detectors
        counts_veh = np.zeros((0, len(movements)))
        if self._bins_veh:
            counts_veh = scaled_up(np.array(self._bins_veh), np.array(self._bins_s) / bin_s, HALF)
        return Recording(self._weekday, self._first_bin * bin_s, bin_s, movements, counts_veh)
