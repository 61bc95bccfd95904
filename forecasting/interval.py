"""The 80 % interval of any model, from its errors on days it was not fitted to (split conformal, scaled).

The error of the total over the horizon is measured in units of sqrt(sum (m + 1)), which is how a count's noise grows
with its mean m; its 10 % and 90 % quantiles per rung of the ladder and detector, leaning on those of all detectors and
widened or narrowed by the hour of the day, then lie around every later forecast. A bin's part of the spread is such that
squares add up to the total's.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from forecasting.base import RUNGS, Model
from forecasting.clock import DAY_S, WEEK_S
from forecasting.fault_watch import FaultWatch
from forecasting.hearing import judged
from forecasting.history import FlowHistory
from signals.types import Bools, Floats, Ints
from signals.units import SECONDS_PER_HOUR

LOW, HIGH = 0.1, 0.9
SHRINKAGE_ERRORS = 100.0  # the quantile of all detectors counts as this many errors of the detector's own
MIN_ERRORS = 20
ENOUGH_ERRORS = 50_000  # for one rung: a city's lower rungs are tried out at every k-th bin only
POISSON = 1.2816 * 1.5  # the normal 90 % point, half as wide again: for rungs without any error to learn from
HOURS = 24
HOUR_ERRORS = 200.0  # an hour's own width counts against this many errors of width 1
WIDTHS = np.geomspace(0.5, 2.0, 41)  # tried for each hour
RUNG_INDEX = {name: k for k, name in enumerate(RUNGS)}


@dataclass(frozen=True, slots=True)
class Band:
    """Quantiles of the scaled error."""

    low: Floats = field(repr=False)
    """[rung, detector]"""
    high: Floats = field(repr=False)
    """[rung, detector]"""
    hour: Floats = field(default_factory=lambda: np.ones(HOURS), repr=False)
    """[hour of the day] times as wide"""

    def around(self, count_veh: Floats, rung: tuple[str, ...], stretch: Floats) -> tuple[Floats, Floats]:
        """Bounds of the counts [bin, detector], `stretch` [detector] times as wide; never below zero."""
        row = rung_indices(rung)
        detector = np.arange(len(rung))
        scale = stretch * np.sqrt(count_veh + 1.0)
        low_veh = np.maximum(count_veh + np.minimum(self.low[row, detector], 0.0) * scale, 0.0)
        high_veh = count_veh + np.maximum(self.high[row, detector], 0.0) * scale
        return low_veh, high_veh


@dataclass(frozen=True, slots=True)
class Errors:
    """What a model got wrong on days that it was not fitted to."""

    scaled: Floats = field(repr=False)
    """[origin, detector] (Y - M) / sqrt(sum (m + 1)) of totals over the horizon; NaN where one is unknown"""
    rung: Ints = field(repr=False)
    """[origin, detector]"""
    hour: Ints = field(repr=False)
    """[origin]"""


@lru_cache(maxsize=4)
def rung_indices(rung: tuple[str, ...]) -> Ints:
    """Places in RUNGS [detector]; most bins have the rungs of the one before."""
    places = np.fromiter((RUNG_INDEX[name] for name in rung), dtype=np.int64, count=len(rung))
    places.flags.writeable = False
    return places


def poisson_band(detectors: int) -> Band:
    """The band of a forecaster that never saw its own errors: counts are about Poisson, forecasts not quite right."""
    shape = len(RUNGS), detectors  # the same everywhere: one number in memory
    return Band(np.broadcast_to(-POISSON, shape), np.broadcast_to(POISSON, shape))


def calibrate(model: Model, history: FlowHistory, first: int, last: int, leads: int = 1, watch: FaultWatch | None = None) -> Band:
    """The band of a model from its errors on the bins first to last - 1, on each of its rungs; the model learns them."""
    band = poisson_band(len(history.detectors))
    low, high = band.low.copy(), band.high.copy()
    # Its lower rungs are tried beside it, so that they know what it has learnt by then.
    found = scaled_errors((model, *model.degraded()), history, first, last, leads, watch)
    for errors in found:
        known = np.isfinite(errors.scaled)
        if known.any():
            # The rung that a variant mostly speaks from is the one it was made for.
            k = int(np.bincount(errors.rung[known]).argmax())
            of_rung = np.where(errors.rung == k, errors.scaled, np.nan)
            if np.isfinite(of_rung).sum() >= MIN_ERRORS:
                low[k], high[k] = _quantile(of_rung, LOW), _quantile(of_rung, HIGH)
    return Band(low, high, _hour_widths(found[0], low, high))


def scaled_errors(
    models: tuple[Model, ...], history: FlowHistory, first: int, last: int, leads: int = 1, watch: FaultWatch | None = None
) -> tuple[Errors, ...]:
    """Errors of rolling forecasts of `leads` bins; the first of the models learns, and the others are variants of it.

    What the watch does not believe is neither heard nor an error.
    """
    heard = replace(history, counts_veh=history.counts_veh.copy()) if watch else history
    shape = (max(last - first, 0), len(history.detectors))
    found = [Errors(np.full(shape, np.nan), np.full(shape, len(RUNGS) - 1), _hours(history, first, last)) for _ in models]
    every = max(shape[0] * shape[1] // ENOUGH_ERRORS, 1) | 1  # odd: every hour has its turn
    window_bins = max(m.window_bins for m in models)
    for i, origin in enumerate(range(first, last)):
        window_veh, now_s = recent(heard, origin, window_bins), ends_s(history, origin)
        total_veh = history.counts_veh[origin : origin + leads].sum(axis=0)
        if origin + leads > last:
            total_veh = np.full(shape[1], np.nan)
        for k, model in enumerate(models):
            if k and i % every:
                continue
            point = model.expect(window_veh[window_bins - model.window_bins :], now_s, leads)
            scale = np.sqrt((point.count_veh + 1.0).sum(axis=0))
            found[k].scaled[i] = (total_veh - point.count_veh.sum(axis=0)) / scale
            found[k].rung[i] = rung_indices(point.rung)
        watched = judged(watch, models[0], history.counts_veh[origin], now_s, history.bin_s)
        if watched.reason.any():
            heard.counts_veh[origin] = watched.believed_veh
            for errors in found:
                errors.scaled[max(i - leads + 1, 0) : i + 1, watched.reason > 0] = np.nan
        models[0].learn(watched.believed_veh, now_s)
    return tuple(found)


def inside(errors: Floats, low: Floats, high: Floats) -> Bools:
    """Whether scaled errors lie between scaled bounds that always hold zero."""
    return np.asarray((errors >= np.minimum(low, 0.0)) & (errors <= np.maximum(high, 0.0)))


def hour_of(now_s: float) -> int:
    """Hour of the day of a week clock time."""
    return int(now_s % DAY_S // SECONDS_PER_HOUR)


def recent(history: FlowHistory, origin: int, window_bins: int) -> Floats:
    """The `window_bins` bins before the origin; NaN before the history begins."""
    missing = max(window_bins - origin, 0)
    window = history.counts_veh[max(origin - window_bins, 0) : origin]
    return np.pad(window, ((missing, 0), (0, 0)), constant_values=np.nan) if missing else window


def ends_s(history: FlowHistory, origin: int) -> float:
    """When the bins before the origin end, on the week clock [s]."""
    return float((history.week_start_s + origin * history.bin_s) % WEEK_S)


def _hours(history: FlowHistory, first: int, last: int) -> Ints:
    return np.array([hour_of(ends_s(history, origin)) for origin in range(first, last)], dtype=np.int64)


def _hour_widths(errors: Errors, low: Floats, high: Floats) -> Floats:
    """For each hour the width at which HIGH - LOW of its errors lie inside, leaning on 1."""
    detector = np.arange(low.shape[1])
    out = np.ones(HOURS)
    for hour in range(HOURS):
        of_hour = errors.hour == hour
        scaled, rung = errors.scaled[of_hour], errors.rung[of_hour]
        known = np.isfinite(scaled)
        if known.any():
            below, above = low[rung, detector], high[rung, detector]
            shares = [float(inside(scaled, w * below, w * above)[known].mean()) for w in WIDTHS]
            best = WIDTHS[int(np.abs(np.array(shares) - (HIGH - LOW)).argmin())]
            weight = known.sum() / (known.sum() + HOUR_ERRORS)
            out[hour] = best**weight
    return out


def _quantile(errors: Floats, level: float) -> Floats:
    """Conformal quantile per detector (rank (n + 1) level), leaning on that of all detectors: (n q + k Q) / (n + k)."""
    pooled = _ranked(errors[np.isfinite(errors)], level)
    out = np.empty(errors.shape[1])
    for d in range(errors.shape[1]):
        own = errors[np.isfinite(errors[:, d]), d]
        weight = len(own) / (len(own) + SHRINKAGE_ERRORS)
        out[d] = weight * (_ranked(own, level) if len(own) else 0.0) + (1 - weight) * pooled
    return out


def _ranked(errors: Floats, level: float) -> float:
    n = len(errors)
    outward = min((n + 1) * level / n, 1.0) if level > 0.5 else max(((n + 1) * level - 1) / n, 0.0)
    return float(np.quantile(errors, outward))
