"""A model with its interval and the names of its detectors: what is stored, back-tested, and asked for forecasts."""

from dataclasses import dataclass, field, replace

import numpy as np

from forecasting.base import Arrays, Model
from forecasting.fault_watch import FaultWatch
from forecasting.hearing import copied
from forecasting.history import MIN_DAYS, FlowHistory, seconds_of_day
from forecasting.interval import Band, calibrate, ends_s, hour_of, recent, rung_indices
from signals.errors import ForecastError
from signals.types import Floats, FlowForecast
from signals.units import SECONDS_PER_HOUR

LEVEL_PLACES = rung_indices(("pooled", "last"))
HELD_OUT = 0.2  # share of the days that calibrates where no calibration span is given


@dataclass(frozen=True, slots=True)
class FittedForecaster:
    """Frozen: two of the same arrays forecast the same."""

    name: str
    detectors: tuple[str, ...]
    bin_s: float
    model: Model = field(repr=False)
    band: Band = field(repr=False)
    leads: int = 1  # bins of the horizon that it was fitted and calibrated for
    watch: FaultWatch | None = field(default=None, repr=False)  # over the detectors, from the end of the history on

    def predict(
        self,
        recent_veh: Floats,
        ends_s: float,
        bins: int = 1,
        observed: Floats | None = None,
        made_at_s: float | None = None,
        widened: Floats | None = None,
    ) -> FlowForecast:
        """The next `bins` bins after `ends_s` (week clock) from the last `model.window_bins` ones.

        `recent_veh` [bin, detector] is NaN where a detector is silent; `observed` as in `Model.expect`. `made_at_s`
        names the moment in the caller's own clock; it becomes the start of the forecast. `widened` [detector] says how
        many times as wide as the calibrated quantiles the interval is; the hour's own width where it is None.
        """
        if recent_veh.shape != (self.model.window_bins, len(self.detectors)):
            expected = (self.model.window_bins, len(self.detectors))
            raise ForecastError(f"{self.name}: recent counts of shape {recent_veh.shape}, expected {expected}")
        point = self.model.expect(recent_veh, ends_s, bins, observed)
        wide = stretch(recent_veh, observed, point.rung) * (self.band.hour[hour_of(ends_s)] if widened is None else widened)
        low_veh, high_veh = self.band.around(point.count_veh, point.rung, wide)
        per_hour = SECONDS_PER_HOUR / self.bin_s
        start_s = ends_s if made_at_s is None else made_at_s
        return FlowForecast(
            made_at_s=start_s,
            start_s=start_s,
            bin_s=self.bin_s,
            flow_veh_h=point.count_veh * per_hour,
            low_veh_h=low_veh * per_hour,
            high_veh_h=high_veh * per_hour,
            rung=point.rung,
        )

    def with_model(self, arrays: Arrays) -> "FittedForecaster":
        """The same with the model of other arrays, which become its own."""
        model = type(self.model).from_arrays({name: np.array(array) for name, array in arrays.items()}, self.bin_s)
        return replace(self, model=model)

    def fresh(self) -> "FittedForecaster":
        """A copy whose model and watch go on on their own."""
        watch = None if self.watch is None else copied(self.watch, self.bin_s)
        return replace(self.with_model(self.model.arrays()), watch=watch)


def predict(forecaster: FittedForecaster, history: FlowHistory, at: np.datetime64 | None = None, bins: int = 1) -> FlowForecast:
    """Forecast of the bins from `at` on (default: the history's end) from those before; times on the week clock.

    The model is as it was fitted; `tracker.brought_up_to` lets it learn the bins between.
    """
    check_same(forecaster, history)
    origin = history.bins if at is None else history.index(at)
    return forecaster.predict(recent(history, origin, forecaster.model.window_bins), ends_s(history, origin), bins)


def check_same(forecaster: FittedForecaster, history: FlowHistory) -> None:
    """ForecastError unless a table has the detectors and the bins of the forecaster."""
    if history.detectors != forecaster.detectors:
        strange = sorted(set(history.detectors) ^ set(forecaster.detectors))
        raise ForecastError(f"the table and the model differ in detectors, e.g. {', '.join(strange[:3]) or 'their order'}")
    if history.bin_s != forecaster.bin_s:
        raise ForecastError(f"the table has bins of {history.bin_s:g} s, the model of {forecaster.bin_s:g} s")


def calibrated(
    name: str, model: Model, history: FlowHistory, first: int, last: int, leads: int = 1, watch: FaultWatch | None = None
) -> FittedForecaster:
    """The model with the interval of its errors on the bins first to last - 1, which it learns on the way, as far as watched."""
    band = calibrate(model, history, first, last, leads, watch)
    return FittedForecaster(name, history.detectors, history.bin_s, model, band, leads, watch)


def stretch(recent_veh: Floats, observed: Floats | None, rung: tuple[str, ...]) -> Floats:
    """Widening [detector] where a recent level was taken from n < N bins: sqrt((1 + 1/n) / (1 + 1/N))."""
    share = np.where(np.isfinite(recent_veh), 1.0 if observed is None else observed, 0.0).sum(axis=0)
    wider = np.sqrt((1.0 + 1.0 / np.maximum(share, 1e-3)) / (1.0 + 1.0 / max(len(recent_veh), 1)))
    return np.where(np.isin(rung_indices(rung), LEVEL_PLACES), wider, 1.0)


def held_out(history: FlowHistory) -> int:
    """First bin of the last fifth of the days with counts, held out to calibrate; 0 where none can be spared."""
    observed = np.flatnonzero(np.isfinite(history.by_day()[0]).any(axis=(1, 2)))
    days = max(round(HELD_OUT * len(observed)), 1)
    if len(observed) - days < MIN_DAYS:
        return 0
    before = round(seconds_of_day(history.start) / history.bin_s)
    return int(observed[-days]) * history.slots - before
