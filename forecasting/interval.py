"""The 80 % interval of any model, from its errors on days it was not fitted to (split conformal, scaled).

An error is measured in units of sqrt(m + 1), which is how a count's noise grows with its mean m; its 10 % and 90 %
quantiles per rung of the ladder and detector, leaning on those of all detectors, then lie around every later forecast.
"""

from dataclasses import dataclass, field

import numpy as np

from forecasting.base import RUNGS, Model
from forecasting.clock import WEEK_S
from forecasting.history import FlowHistory
from signals.types import Floats, Ints

LOW, HIGH = 0.1, 0.9
SHRINKAGE_ERRORS = 100.0  # the quantile of all detectors counts as this many errors of the detector's own
MIN_ERRORS = 20
POISSON = 1.2816 * 1.5  # the normal 90 % point, half as wide again: for rungs without any error to learn from


@dataclass(frozen=True, slots=True)
class Band:
    """Quantiles of the scaled error."""

    low: Floats = field(repr=False)
    """[rung, detector]"""
    high: Floats = field(repr=False)
    """[rung, detector]"""

    def around(self, count_veh: Floats, rung: tuple[str, ...], stretch: Floats) -> tuple[Floats, Floats]:
        """Bounds of the counts [bin, detector], `stretch` [detector] times as wide; never below zero."""
        row = np.array([RUNGS.index(name) for name in rung])
        detector = np.arange(len(rung))
        scale = stretch * np.sqrt(count_veh + 1.0)
        low_veh = np.maximum(count_veh + np.minimum(self.low[row, detector], 0.0) * scale, 0.0)
        high_veh = count_veh + np.maximum(self.high[row, detector], 0.0) * scale
        return low_veh, high_veh


def poisson_band(detectors: int) -> Band:
    """The band of a forecaster that never saw its own errors: counts are about Poisson, forecasts not quite right."""
    width = np.full((len(RUNGS), detectors), POISSON)
    return Band(-width, width)


def calibrate(model: Model, history: FlowHistory, first: int, last: int) -> Band:
    """The band of a model from its one-bin errors on the bins first to last - 1, on each of its rungs."""
    band = poisson_band(len(history.detectors))
    low, high = band.low.copy(), band.high.copy()
    for variant in (model, *model.degraded()):
        scaled, rungs = scaled_errors(variant, history, first, last)
        known = np.isfinite(scaled)
        if known.any():
            # The rung that a variant mostly speaks from is the one it was made for.
            k = int(np.bincount(rungs[known]).argmax())
            of_rung = np.where(rungs == k, scaled, np.nan)
            if np.isfinite(of_rung).sum() >= MIN_ERRORS:
                low[k], high[k] = _quantile(of_rung, LOW), _quantile(of_rung, HIGH)
    return Band(low, high)


def scaled_errors(model: Model, history: FlowHistory, first: int, last: int) -> tuple[Floats, Ints]:
    """(y - m) / sqrt(m + 1) of rolling one-bin forecasts, and the index of their rungs, both [origin, detector]."""
    errors = np.full((max(last - first, 0), len(history.detectors)), np.nan)
    rungs = np.full(errors.shape, len(RUNGS) - 1)
    for i, origin in enumerate(range(first, last)):
        point = model.expect(recent(history, origin, model.window_bins), float(ends_s(history, origin)), 1)
        errors[i] = (history.counts_veh[origin] - point.count_veh[0]) / np.sqrt(point.count_veh[0] + 1.0)
        rungs[i] = [RUNGS.index(name) for name in point.rung]
    return errors, rungs


def recent(history: FlowHistory, origin: int, window_bins: int) -> Floats:
    """The `window_bins` bins before the origin; NaN before the history begins."""
    missing = max(window_bins - origin, 0)
    window = history.counts_veh[max(origin - window_bins, 0) : origin]
    return np.pad(window, ((missing, 0), (0, 0)), constant_values=np.nan) if missing else window


def ends_s(history: FlowHistory, origin: int) -> float:
    """When the bins before the origin end, on the week clock [s]."""
    return float((history.week_start_s + origin * history.bin_s) % WEEK_S)


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
