"""A model with its interval and the names of its detectors: what is stored, back-tested, and asked for forecasts."""

from dataclasses import dataclass, field

import numpy as np

from forecasting.base import Model
from forecasting.history import MIN_DAYS, FlowHistory, seconds_of_day
from forecasting.interval import Band, calibrate, ends_s, recent
from signals.errors import ForecastError
from signals.types import Floats, FlowForecast
from signals.units import SECONDS_PER_HOUR

LEVEL_RUNGS = ("pooled", "last")
HELD_OUT = 0.2  # share of the days that calibrates where no calibration span is given


@dataclass(frozen=True, slots=True)
class FittedForecaster:
    """Frozen: two of the same arrays forecast the same."""

    name: str
    detectors: tuple[str, ...]
    bin_s: float
    model: Model = field(repr=False)
    band: Band = field(repr=False)

    def predict(
        self,
        recent_veh: Floats,
        ends_s: float,
        bins: int = 1,
        observed: Floats | None = None,
        made_at_s: float | None = None,
    ) -> FlowForecast:
        """The next `bins` bins after `ends_s` (week clock) from the last `model.window_bins` ones.

        `recent_veh` [bin, detector] is NaN where a detector is silent; `observed` as in `Model.expect`. `made_at_s`
        names the moment in the caller's own clock; it becomes the start of the forecast.
        """
        if recent_veh.shape != (self.model.window_bins, len(self.detectors)):
            expected = (self.model.window_bins, len(self.detectors))
            raise ForecastError(f"{self.name}: recent counts of shape {recent_veh.shape}, expected {expected}")
        point = self.model.expect(recent_veh, ends_s, bins, observed)
        low_veh, high_veh = self.band.around(point.count_veh, point.rung, stretch(recent_veh, observed, point.rung))
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


def predict(forecaster: FittedForecaster, history: FlowHistory, at: np.datetime64 | None = None, bins: int = 1) -> FlowForecast:
    """Forecast of the bins from `at` on (default: the history's end) from those before; times on the week clock."""
    if history.detectors != forecaster.detectors:
        strange = sorted(set(history.detectors) ^ set(forecaster.detectors))
        raise ForecastError(f"the table and the model differ in detectors, e.g. {', '.join(strange[:3]) or 'their order'}")
    if history.bin_s != forecaster.bin_s:
        raise ForecastError(f"the table has bins of {history.bin_s:g} s, the model of {forecaster.bin_s:g} s")
    origin = history.bins if at is None else history.index(at)
    return forecaster.predict(recent(history, origin, forecaster.model.window_bins), ends_s(history, origin), bins)


def calibrated(name: str, model: Model, history: FlowHistory, first: int, last: int) -> FittedForecaster:
    """The model with the interval of its errors on the bins first to last - 1."""
    return FittedForecaster(name, history.detectors, history.bin_s, model, calibrate(model, history, first, last))


def stretch(recent_veh: Floats, observed: Floats | None, rung: tuple[str, ...]) -> Floats:
    """Widening [detector] where a recent level was taken from n < N bins: sqrt((1 + 1/n) / (1 + 1/N))."""
    share = np.where(np.isfinite(recent_veh), 1.0 if observed is None else observed, 0.0).sum(axis=0)
    wider = np.sqrt((1.0 + 1.0 / np.maximum(share, 1e-3)) / (1.0 + 1.0 / max(len(recent_veh), 1)))
    return np.where([name in LEVEL_RUNGS for name in rung], wider, 1.0)


def held_out(history: FlowHistory) -> int:
    """First bin of the last fifth of the days with counts, held out to calibrate; 0 where none can be spared."""
    observed = np.flatnonzero(np.isfinite(history.by_day()[0]).any(axis=(1, 2)))
    days = max(round(HELD_OUT * len(observed)), 1)
    if len(observed) - days < MIN_DAYS:
        return 0
    before = round(seconds_of_day(history.start) / history.bin_s)
    return int(observed[-days]) * history.slots - before
