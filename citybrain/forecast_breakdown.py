"""A back-test taken apart: errors by hour and day type, by detector, and which detectors and days are worth a picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from forecasting.backtest import BacktestResult
from forecasting.clock import DAY_TYPES, TYPE_OF_WEEKDAY
from forecasting.scores import poisson_floor_wape
from signals.types import Floats, Ints

HOURS = 24
LEAST_SHARE = 0.25  # of the mean detector's flow: one with less would be the worst by chance alone
MONDAY = 3  # 1970-01-01 was a Thursday

Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One model's errors and its interval, hour by hour; NaN where nothing was counted."""

    wape: Floats = field(repr=False)
    """[day type, hour] %"""
    mae_veh: Floats = field(repr=False)
    """[day type, hour]"""
    coverage: Floats = field(repr=False)
    """[hour] % of the counts inside the interval"""


def breakdown(result: BacktestResult, model: str) -> Breakdown:
    """How a model does by the hour in which its forecasts begin."""
    rolled = result.rolled[model]
    wape, mae_veh, inside, number = (np.full((len(DAY_TYPES), HOURS), np.nan) for _ in range(4))
    for (k, h), rows in by_type_and_hour(result.origins).items():
        truth_veh, count_veh = result.truth_veh[rows], rolled.count_veh[rows]
        known = np.isfinite(truth_veh) & np.isfinite(count_veh)
        number[k, h] = known.sum()
        inside[k, h] = (known & (rolled.low_veh[rows] <= truth_veh) & (truth_veh <= rolled.high_veh[rows])).sum()
        if known.any():
            error_veh, came_veh = np.abs(truth_veh - count_veh)[known].sum(), truth_veh[known].sum()
            wape[k, h] = 100.0 * error_veh / came_veh if came_veh > 0 else np.nan
            mae_veh[k, h] = error_veh / number[k, h]
    return Breakdown(wape, mae_veh, percent(np.nansum(inside, axis=0), np.nansum(number, axis=0)))


def floor_wapes(result: BacktestResult) -> Floats:
    """WAPE [day type, hour] of who knows the mean of every count, taken to be the count; NaN where nothing was counted [%]."""
    floor = np.full((len(DAY_TYPES), HOURS), np.nan)
    for place, rows in by_type_and_hour(result.origins).items():
        truth_veh = result.truth_veh[rows]
        if np.nansum(truth_veh) > 0:
            floor[place] = poisson_floor_wape(truth_veh)
    return floor


def by_type_and_hour(origins: Days) -> dict[tuple[int, int], Ints]:
    """The origins of each type of day and hour that there are."""
    kind, hour = day_type(origins), hours(origins)
    return {(k, h): np.flatnonzero((kind == k) & (hour == h)) for k, h in sorted(set(zip(kind.tolist(), hour.tolist(), strict=True)))}


def percent(part: Floats, whole: Floats) -> Floats:
    """How much of the whole the part is [%]; NaN of nothing."""
    return np.asarray(100.0 * part / np.where(whole > 0, whole, np.nan))


def hours(origins: Days) -> Ints:
    """Hour of the day of each moment."""
    return np.asarray((origins.astype("datetime64[h]") - origins.astype("datetime64[D]")).astype(np.int64))


def day_type(origins: Days) -> Ints:
    """Index into DAY_TYPES of each moment."""
    days = origins.astype("datetime64[D]").astype(np.int64)
    return np.asarray(TYPE_OF_WEEKDAY[(days + MONDAY) % 7])


def subject(result: BacktestResult) -> str:
    """The model that pictures are about: the one that the service uses, or the best of those tested."""
    if result.default in result.rolled:
        return result.default
    return str(min(result.rows, key=lambda row: float(np.nan_to_num(float(row["wape"]), nan=np.inf)))["model"])


def detector_wapes(result: BacktestResult, model: str) -> tuple[Floats, Floats]:
    """WAPE [%] and mean count of each detector; the WAPE is NaN where there is little flow."""
    error_veh = np.abs(result.truth_veh - result.rolled[model].count_veh)
    known = np.isfinite(error_veh)
    total_veh = np.where(known, result.truth_veh, 0.0).sum(axis=0)
    mean_veh = total_veh / np.maximum(known.sum(axis=0), 1)
    enough = (total_veh > 0.0) & (mean_veh >= LEAST_SHARE * mean_veh.mean())
    wape = 100.0 * np.where(known, error_veh, 0.0).sum(axis=0) / np.where(enough, total_veh, np.nan)
    return wape, mean_veh


def worst_and_median(wape: Floats) -> tuple[int, ...]:
    """Detectors with the highest and the middle error; only one where only one has flow, none where none has."""
    known = np.flatnonzero(np.isfinite(wape))
    order = known[np.argsort(wape[known], kind="stable")]
    return tuple(dict.fromkeys((int(order[-1]), int(order[(len(order) - 1) // 2])))) if len(order) else ()


def busiest_days(origins: Days, truth_veh: Floats, number: int) -> list[np.datetime64]:
    """The days on which a detector counted most, at most `number` of them, in their order."""
    days = origins.astype("datetime64[D]")
    each = np.unique(days)
    total_veh = np.array([np.nansum(truth_veh[days == day]) for day in each])
    chosen = np.argsort(-total_veh, kind="stable")[:number]
    return [each[i] for i in sorted(chosen.tolist())]
