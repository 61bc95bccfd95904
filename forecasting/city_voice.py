"""One forecaster for a whole city, minute by minute: its shards hand in what they counted, and each is told its own share.

`CityVoice.speak` works the forecast out in a thread that may take its time; a shard's `update` only gathers counts and repeats what
was said last, so that no tick waits. Who speaks is a `Follower`'s tracker of the moment: a new champion is heard from the next minute on.
"""

import numpy as np

from forecasting.follower import Follower
from forecasting.local_time import SECOND, LocalTime
from forecasting.minutes import MINUTE_S, Minutes
from forecasting.online import MIN_SHARE, check_movements
from forecasting.recording import scaled_up
from forecasting.tracker import Tracker
from signals.errors import ForecastError
from signals.types import Floats, FlowForecast, Ints

RING_BINS = 4  # that are gathered by the minute; a model that looks further back reads bins of the clock beyond
STALE_S = 300.0  # what was said longer ago says nothing any more
LATE_BINS = 2.0  # closed bins are the recent ones until so many would have had to close since


class PartForecaster:
    """Stands in a shard's loop. What it repeats is replaced as a whole by who speaks."""

    def __init__(self, columns: Ints, minutes: int) -> None:
        self.columns, self.minutes = columns, Minutes(len(columns), minutes)
        self.said: FlowForecast | None = None

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        """Counts [movement] since the last call, NaN where silent; what is expected, None while nobody has spoken of late."""
        if not self.minutes.begun:
            self.minutes.begin(now_s)
        else:
            for _ in self.minutes.take(now_s, counts_veh):
                pass
        said = self.said
        return said if said is not None and now_s - said.made_at_s <= STALE_S else None


class CityVoice:
    """Lives as long as the service. `part` is called by the thread that ticks, everything else by the one that leads the follower."""

    def __init__(self, follower: Follower, movements: tuple[str, ...], local: LocalTime, bins: int = 1) -> None:
        """`movements` of the whole city, in the order of the follower's detectors."""
        self._movements, self._local, self._bins = movements, local, bins
        self.lead_by(follower)
        self._place = {name: k for k, name in enumerate(movements)}
        self._parts: dict[bytes, PartForecaster] = {}
        self._spoken: tuple[float, Tracker, tuple[PartForecaster, ...]] | None = None

    def lead_by(self, follower: Follower) -> None:
        """Have another one speak. ForecastError where it speaks of other movements or bins."""
        fitted = follower.seated.forecaster
        check_movements(fitted, self._movements)
        self._minutes = round(fitted.bin_s / MINUTE_S)
        self.follower = follower

    def part(self, movements: tuple[str, ...]) -> PartForecaster:
        """The forecaster of some movements; one that is asked for again begins anew."""
        try:
            columns = np.array([self._place[name] for name in movements], dtype=np.int64)
        except KeyError as why:
            raise ForecastError(f"the forecaster was fitted to other movements than the network has, e.g. {why.args[0]}") from why
        one = PartForecaster(columns, RING_BINS * self._minutes)
        self._parts = {**self._parts, columns.tobytes(): one}
        return one

    def speak(self) -> bool:
        """Say what is expected from the newest minute that has closed everywhere; whether there was anything new to say."""
        parts, tracker = tuple(self._parts.values()), self.follower.tracker
        if not parts or not all(one.minutes.begun for one in parts):
            return False
        at_s = min(one.minutes.newest_s for one in parts)
        if self._spoken is not None and (at_s, tracker) == self._spoken[:2] and parts == self._spoken[2]:
            return False
        recent_veh, share = self._recent(parts, tracker, at_s)
        said = tracker.forecast_from(recent_veh, self._local.week_s(at_s), self._bins, share, made_at_s=at_s)
        for one in parts:
            one.said = said if len(parts) == 1 and len(one.columns) == len(self._place) else columns_of(said, one.columns)
        self._spoken = at_s, tracker, parts
        return True

    def _recent(self, parts: tuple[PartForecaster, ...], tracker: Tracker, at_s: float) -> tuple[Floats, Floats]:
        """The window [bin, movement] that the model looks at, and the share of each bin that was observed.

        Where this run has not lived through half of a bin, the closed bins of the clock stand in, if they are of late.
        """
        fitted = tracker.fitted
        recent_veh = tracker.recent_veh
        behind_s = float((self._local.local(at_s) - self.follower.next_at) / SECOND)
        if not -fitted.bin_s <= behind_s < LATE_BINS * fitted.bin_s:
            recent_veh[:] = np.nan
        share = np.where(np.isnan(recent_veh), 0.0, 1.0)
        bins, least = min(RING_BINS, len(recent_veh)), self._minutes // 2 if share[-1:].any() else self._minutes - 1
        for one in parts:
            lived = min((one.minutes.closed + least) // self._minutes, bins)
            if lived:
                sum_veh, heard_s = one.minutes.window(lived, self._minutes)
                part = np.minimum(heard_s / fitted.bin_s, 1.0)
                recent_veh[-lived:, one.columns] = scaled_up(sum_veh, heard_s / fitted.bin_s, MIN_SHARE)
                share[-lived:, one.columns] = part
        return recent_veh, share


def columns_of(forecast: FlowForecast, columns: Ints) -> FlowForecast:
    """These columns of a forecast."""
    flows = forecast.flow_veh_h[:, columns], forecast.low_veh_h[:, columns], forecast.high_veh_h[:, columns]
    rung = tuple([forecast.rung[k] for k in columns.tolist()])
    return FlowForecast(forecast.made_at_s, forecast.start_s, forecast.bin_s, *flows, rung)
