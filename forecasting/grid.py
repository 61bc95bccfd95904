"""Rows of local wall-clock time put on a grid of equal bins: what is missing becomes NaN, what comes twice is refused.

The one night on which a time may come twice is that of the clock change in autumn. Its repeated hour is known by its
place in the file: time steps back by exactly one hour, and all other rows are in order.
"""

import numpy as np

from signals.errors import ForecastError
from signals.types import Floats, Ints

DAY_S, HOUR_S = 86_400, 3600
LARGEST_GAP = 20  # bins a row, above which a table is taken for one with a wrong date
DEFAULT_BIN_S = 900  # of a table with a single row
BETWEEN_CHANGES_S = 300 * 86_400  # clocks are put back once a year
NIGHT_S = 4 * HOUR_S
SUNDAY = 3  # days after 1970-01-01, a Thursday


def aligned(times_s: Ints, counts_veh: Floats, largest_cells: int) -> tuple[int, int, Floats]:
    """Begin [s since 1970], bin [s] and counts [bin, detector] of counts [row, detector] at `times_s` [row], in file order.

    The bin is the shortest step between two rows. The two readings of a repeated hour are averaged.
    """
    ordered_s = np.sort(times_s)
    steps_s = np.diff(ordered_s)
    bin_s = int(steps_s[steps_s > 0].min()) if (steps_s > 0).any() else DEFAULT_BIN_S
    before, again = repeated_hours(times_s, bin_s)
    check_once_each(np.sort(np.delete(times_s, again)) if len(again) else ordered_s)
    begin_s = int(ordered_s[0])
    offsets_s = times_s - begin_s
    if (offsets_s % bin_s).any():
        astray = moment(times_s[offsets_s % bin_s > 0][0])
        raise ForecastError(f"the time {astray} is not on the grid of {bin_s} s from {moment(begin_s)}")
    bins = int((ordered_s[-1] - begin_s) // bin_s) + 1
    check_bins(bins, len(times_s), f"{moment(begin_s)} to {moment(ordered_s[-1])}", largest_cells // counts_veh.shape[1])
    if bins == len(times_s) and (np.diff(times_s) > 0).all():
        return begin_s, bin_s, counts_veh
    wide = np.full((bins, counts_veh.shape[1]), np.nan)
    wide[offsets_s // bin_s] = counts_veh
    wide[offsets_s[again] // bin_s] = mean_of_seen(counts_veh[before], counts_veh[again])
    return begin_s, bin_s, wide


def repeated_hours(times_s: Ints, bin_s: int) -> tuple[Ints, Ints]:
    """Rows of the hour before clocks were put back, and those of the same times after it; none where it was no clock change.

    Hourly rows show it by a single repeated time only: that is believed in the first hours of a Sunday.
    """
    steps_s = np.diff(times_s)
    back = np.flatnonzero(steps_s <= 0)
    by_an_hour = (steps_s[back] == bin_s - HOUR_S).all() and (np.diff(times_s[back]) > BETWEEN_CHANGES_S).all()
    if bin_s == HOUR_S:
        by_an_hour &= bool(((times_s[back] // DAY_S % 7 == SUNDAY) & (times_s[back] % DAY_S < NIGHT_S)).all())
    pairs = []
    for row in back.tolist() if by_an_hour else []:
        after = np.arange(row + 1, min(row + 1 + HOUR_S // bin_s, len(times_s)))
        earlier = np.arange(max(row + 1 - HOUR_S // bin_s, 0), row + 1)
        _, first, second = np.intersect1d(times_s[earlier], times_s[after], return_indices=True)
        pairs.append(np.stack((earlier[first], after[second])))
    before, again = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0), dtype=np.int64)
    return before, again


def mean_of_seen(first_veh: Floats, second_veh: Floats) -> Floats:
    """Mean of two readings, the one that is there where the other is missing."""
    return np.where(np.isnan(first_veh), second_veh, np.where(np.isnan(second_veh), first_veh, 0.5 * (first_veh + second_veh)))


def check_once_each(ordered_s: Ints) -> None:
    """ForecastError where a time comes twice."""
    twice = ordered_s[:-1][np.diff(ordered_s) == 0]
    if len(twice):
        raise ForecastError(f"the time {moment(twice[0])} appears twice")


def check_bins(bins: int, rows: int, span: str, largest_bins: int) -> None:
    """ForecastError where most of the bins are missing, or they are more than a table may have."""
    if bins > LARGEST_GAP * (rows + 100):
        raise ForecastError(f"only {rows} of {bins} bins from {span} are there; is a date wrong?")
    if bins > largest_bins:
        raise ForecastError(f"{bins:,} bins from {span} are more than the {largest_bins:,} that are read of so many detectors")


def moment(time_s: int | np.int64) -> np.datetime64:
    """Seconds since 1970 as a time."""
    return np.datetime64(int(time_s), "s")
