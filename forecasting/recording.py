"""Counts of a run in aligned bins, and the history that the runs of several days make: how a scenario gets a past."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from forecasting.clock import DAY_S, WEEK_S
from forecasting.history import FlowHistory
from signals.errors import ForecastError
from signals.types import Floats

MONDAY = np.datetime64("2024-01-01T00:00:00", "s")  # any Monday: scenario days have a weekday but no date
HALF = 0.5  # of a bin: a bin seen for less than this counts as not seen


@dataclass(frozen=True, slots=True)
class Recording:
    """What one run counted, in bins aligned to the midnight of its day."""

    weekday: int  # 0 Monday
    start_s: float
    bin_s: float
    detectors: tuple[str, ...]
    counts_veh: Floats = field(repr=False)
    """[bin, detector] scaled up where a bin was seen in part, NaN where it was hardly seen"""


def scaled_up(sum_veh: Floats, share: Floats, least: float) -> Floats:
    """Counts of whole bins from parts of them, share 0 to 1 of each observed; NaN where less than `least` was."""
    return np.asarray(np.where(share >= least, sum_veh / np.maximum(share, least), np.nan))


def history_of(recordings: Sequence[Recording]) -> FlowHistory:
    """The recordings in order, each on the next date of its weekday; days and hours between them are NaN."""
    if not recordings:
        raise ForecastError("no recorded day to learn from")
    first = recordings[0]
    starts_s: list[float] = []
    day = 0
    for one in recordings:
        if (one.detectors, one.bin_s) != (first.detectors, first.bin_s):
            raise ForecastError(f"recordings of {len(first.detectors)} and {len(one.detectors)} other detectors or bins do not mix")
        day += (one.weekday - day) % 7
        starts_s.append(day * DAY_S + one.start_s)
        day += max(int(np.ceil((one.start_s + one.bin_s * len(one.counts_veh)) / DAY_S)), 1)
    origin_s = starts_s[0] - first.start_s
    bins = round((max(starts_s) - origin_s + WEEK_S) / first.bin_s)
    counts_veh = np.full((bins, len(first.detectors)), np.nan)
    last = 0
    for start_s, one in zip(starts_s, recordings, strict=True):
        i = round((start_s - origin_s) / one.bin_s)
        last = i + len(one.counts_veh)
        counts_veh[i:last] = one.counts_veh
    start = MONDAY + np.timedelta64(round(origin_s), "s")
    return FlowHistory(start, first.bin_s, first.detectors, counts_veh[:last])
