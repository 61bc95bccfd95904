"""Who has been told the future: the counts that one day will bring. For studies of what a forecast could be worth at most."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from forecasting.base import HORIZON_S
from forecasting.minutes import MINUTE_S
from signals.errors import ForecastError
from signals.types import Floats, FlowForecast
from signals.units import SECONDS_PER_HOUR

FILE = "known.npz"
RUNG = "known"
NORMAL_90 = 1.2816  # the 90 % point of the normal distribution


@dataclass(frozen=True, slots=True)
class Known:
    """Says the very counts of the next 15 minutes. Which part of them brings more stays uncertain: its interval is Poisson's."""

    movements: tuple[str, ...]
    begin_s: float
    minutes_veh: Floats = field(repr=False)
    """[minute, movement] from the begin on; beyond its ends the nearest 15 minutes go on"""

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast:
        """The counts since the last call tell it nothing new."""
        bins = round(HORIZON_S / MINUTE_S)
        # The minute that has not begun yet is the first that is told.
        first = int(np.clip(np.ceil((now_s - self.begin_s) / MINUTE_S), 0, len(self.minutes_veh) - bins))
        count_veh = self.minutes_veh[first : first + bins].sum(axis=0)
        spread_veh = NORMAL_90 * np.sqrt(count_veh + 1.0)
        per_hour = SECONDS_PER_HOUR / HORIZON_S
        return FlowForecast(
            made_at_s=now_s,
            start_s=now_s,
            bin_s=HORIZON_S,
            flow_veh_h=count_veh[None] * per_hour,
            low_veh_h=np.maximum(count_veh - spread_veh, 0.0)[None] * per_hour,
            high_veh_h=(count_veh + spread_veh)[None] * per_hour,
            rung=(RUNG,) * len(self.movements),
        )


def save(known: Known, folder: Path) -> None:
    """Write it into a folder, which is then its name."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / FILE, movements=np.array(known.movements), begin_s=known.begin_s, minutes_veh=known.minutes_veh)


def load(folder: Path, movements: tuple[str, ...]) -> Known:
    """What `save` wrote; ForecastError where it cannot be read or is of other movements."""
    try:
        with np.load(folder / FILE, allow_pickle=False) as stored:
            found = Known(
                tuple(stored["movements"].tolist()), float(stored["begin_s"]), np.asarray(stored["minutes_veh"], dtype=np.float64)
            )
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as why:
        raise ForecastError(f"{folder / FILE}: no known counts can be read: {why}") from why
    if found.movements != movements or found.minutes_veh.shape[1:] != (len(movements),):
        raise ForecastError(f"{folder / FILE}: counts of other movements than the network has")
    if len(found.minutes_veh) * MINUTE_S < HORIZON_S:
        raise ForecastError(f"{folder / FILE}: {len(found.minutes_veh)} minutes, expected {HORIZON_S / MINUTE_S:g} or more")
    return found


def is_known(name: str) -> bool:
    """Whether a forecaster's name is a folder of known counts."""
    return bool(name) and (Path(name) / FILE).is_file()
