"""How good a forecast was: errors, interval, and the floor that counting noise sets."""

import math

import numpy as np

from signals.types import Floats

MAPE_ABOVE_VEH = 10.0


def poisson_floor_wape(mean_veh: Floats) -> float:
    """Least WAPE [%] that is possible for Poisson counts of these means, even to who knows them.

    sum E|Y - m| / sum m with E|Y - m| = 2 exp(-m) m^(k+1) / k!, k = floor(m). Crow 1958 (after De Moivre).
    """
    mean_veh = np.maximum(mean_veh[np.isfinite(mean_veh)], 1e-9)
    k = np.floor(mean_veh)
    log_factorial = np.array([math.lgamma(n + 1.0) for n in range(int(k.max()) + 1)])[k.astype(np.int64)]
    deviation = 2.0 * np.exp((k + 1) * np.log(mean_veh) - mean_veh - log_factorial)
    return float(100.0 * deviation.sum() / mean_veh.sum())


def scores(true_veh: Floats, count_veh: Floats, low_veh: Floats, high_veh: Floats) -> dict[str, float]:
    """Every score over the entries where both the truth and the forecast are known; all arrays of one shape.

    wape = 100 sum |y - m| / sum y; mape over y > 10; pinball: mean of the 10 % and 90 % quantile losses [veh].
    """
    both = np.isfinite(true_veh) & np.isfinite(count_veh)
    y, m, low, high = true_veh[both], count_veh[both], low_veh[both], high_veh[both]
    if not len(y):
        return dict.fromkeys(("n", "mae", "rmse", "wape", "mape", "pinball", "coverage_80", "width_80"), math.nan) | {"n": 0.0}
    error = y - m
    busy = y > MAPE_ABOVE_VEH
    return {
        "n": float(len(y)),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "wape": float(100.0 * np.abs(error).sum() / y.sum()) if y.sum() > 0 else math.nan,
        "mape": float(100.0 * (np.abs(error[busy]) / y[busy]).mean()) if busy.any() else math.nan,
        "pinball": float((_pinball(y - low, 0.1) + _pinball(y - high, 0.9)) / 2.0),
        "coverage_80": float(100.0 * ((y >= low) & (y <= high)).mean()),
        "width_80": float((high - low).mean()),
    }


def _pinball(error_veh: Floats, level: float) -> float:
    """Mean quantile loss max(q e, (q - 1) e). Koenker and Bassett 1978."""
    return float(np.maximum(level * error_veh, (level - 1.0) * error_veh).mean())
