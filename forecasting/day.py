"""A measured day: how traffic rises and falls from midnight to midnight, to scale a scenario's demand into days."""

import numpy as np

from forecasting import odot, profile
from forecasting.clock import TYPE_OF_WEEKDAY
from signals.types import Floats

WEEKDAY = 0


def measured_day() -> Floats:
    """Mean weekday of the ODOT signal, all detectors together: 96 bins from midnight, with a mean of 1 [bin]."""
    history = odot.load()
    days, weekday = history.by_day()
    count_veh = profile.fit_days(days, TYPE_OF_WEEKDAY[weekday], history.bin_s).count_veh[WEEKDAY].sum(axis=1)
    return np.asarray(count_veh / count_veh.mean())


def demand_scale(begin_s: float, end_s: float, day: Floats | None = None) -> Floats:
    """Shape of the day [bin] over [begin_s, end_s) in its own bins, relative to the busiest of them."""
    day = measured_day() if day is None else day
    bin_s = 86_400.0 / len(day)
    first, last = int(begin_s // bin_s), int(np.ceil(end_s / bin_s))
    part = day[np.arange(first, last) % len(day)]
    return np.asarray(part / part.max())
