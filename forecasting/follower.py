"""The service's side of upkeep: follows the champion bin by bin, and goes over to a new one once that has caught up.

The new champion's state ends where its counts ended; it is led through the bins since then, some at each bin of the clock,
while the old one goes on speaking. Nobody is told twice, and nobody waits.
"""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecasting.clock import DAY_S
from forecasting.fitted import FittedForecaster
from forecasting.history import seconds_of_week
from forecasting.live_state import Live, Singles
from forecasting.succession import Seated, save_state, seated_with_state, still
from forecasting.tracker import Tracker
from forecasting.upkeep import LOG_S
from signals.errors import ForecastError
from signals.types import Floats, FlowForecast

REPLAY_BINS = 192  # of the past that a new champion is led through at each bin
LONGEST_GAP_S = 62 * DAY_S  # a bin that comes later than this after the last one is taken for a wrong date


@dataclass(slots=True)
class Follower:
    """Lives as long as the service; `observe` closes a bin, `forecast` speaks of those that come."""

    folder: Path | None  # None: a champion that nobody keeps up
    seated: Seated
    tracker: Tracker
    next_at: np.datetime64
    log: deque[Singles]
    replay_bins: int = REPLAY_BINS
    successor: "Follower | None" = None
    trouble: str = ""  # why a new champion cannot be gone over to; the old one speaks on

    @property
    def champion(self) -> str:
        """Who speaks."""
        return self.seated.title

    def forecast(self) -> FlowForecast:
        """The bins of the horizon from `next_at` on."""
        return self.tracker.forecast()

    def observe(self, starts_at: np.datetime64, counts_veh: Floats) -> None:
        """Close the bin that began then; bins between that never came are silent ones.

        ForecastError where the bin has been closed before (as in the hour that is repeated when clocks are put back), is not
        on the grid, or is months ahead; the state then stays as it is.
        """
        missed = self._missed(starts_at)
        if counts_veh.shape != (len(self.seated.forecaster.detectors),):
            raise ForecastError(f"{counts_veh.shape} counts, expected {(len(self.seated.forecaster.detectors),)}")
        for _ in range(missed):
            self._close(np.full_like(counts_veh, np.nan))
        self._close(counts_veh)
        self.trouble = ""
        try:
            self._look_for_successor()
        except ForecastError as why:
            self.trouble = str(why)

    def correct(self, starts_at: np.datetime64, counts_veh: Floats) -> bool:
        """The counts of a closed bin were others; whether it is recent enough to matter.

        The champion has learned the bin as it was, and cannot unlearn it: one bin's late vehicles are forgotten soon. Who is led
        through the past from now on, and whoever is fitted to the counts that were written down, learns the bin as it is now.
        """
        behind = float((self.next_at - starts_at.astype("datetime64[s]")) / np.timedelta64(1, "s")) / self.seated.forecaster.bin_s
        known = behind == round(behind) and 1 <= behind <= len(self.log)
        if known:
            self.log[-round(behind)] = counts_veh.astype(np.float32)
        return known

    def leap(self, starts_at: np.datetime64) -> None:
        """Go on from this bin: nothing was counted for so long that a window of silent bins stands for all of it."""
        silent = np.full(len(self.seated.forecaster.detectors), np.nan)
        for _ in range(self.seated.forecaster.model.window_bins):
            self.tracker.observe(silent)
        self.tracker.observe(silent, seconds_of_week(starts_at))
        self.next_at = starts_at.astype("datetime64[s]")
        self.log.clear()
        self.successor = None

    def save(self) -> bool:
        """Save the state beside the champion; False where another one has been promoted since, which has its own."""
        if self.folder is None:
            return False
        live = Live(self.tracker, self.next_at, _rows(self.log, len(self.seated.forecaster.detectors)))
        return save_state(self.folder, live, self.seated.identity)

    def _missed(self, starts_at: np.datetime64) -> int:
        late_s = float((starts_at.astype("datetime64[s]") - self.next_at) / np.timedelta64(1, "s"))
        bin_s = self.seated.forecaster.bin_s
        if late_s % bin_s:
            raise ForecastError(f"the bin from {starts_at} is not on the grid of {bin_s:g} s from {self.next_at}")
        if late_s < 0:
            raise ForecastError(f"the bin from {starts_at} has been closed already; the next one begins at {self.next_at}")
        if late_s > LONGEST_GAP_S:
            raise ForecastError(f"the bin from {starts_at} is {late_s / DAY_S:.0f} days after the last one; is a date wrong?")
        return round(late_s / bin_s)

    def _close(self, counts_veh: Floats) -> None:
        self.tracker.observe(counts_veh)
        self.next_at = self.next_at + np.timedelta64(round(self.seated.forecaster.bin_s), "s")
        self.log.append(counts_veh.astype(np.float32))

    def _look_for_successor(self) -> None:
        if self.folder is None:
            return
        newest = self.seated if self.successor is None else self.successor.seated
        if not still(self.folder, newest.identity):
            found = follow(self.folder, self.replay_bins)
            _check_same(self.seated, found.seated)
            self.successor = found
        if self.successor is not None and self.successor.seated.identity == self.seated.identity:
            self.successor = None  # rolled back before it took over
        if self.successor is not None:
            self._lead(self.successor)
            if self.successor.next_at == self.next_at:
                self._go_over(self.successor)

    def _lead(self, successor: "Follower") -> None:
        """Through some of the bins that it has not seen; silent ones where the log does not reach back so far."""
        bin_s = self.seated.forecaster.bin_s
        behind = round(float((self.next_at - successor.next_at) / np.timedelta64(1, "s")) / bin_s)
        if behind < 0:
            return  # its counts reach further than the feed has come: it waits
        silent = np.full(len(self.seated.forecaster.detectors), np.nan)
        for k in range(behind, max(behind - self.replay_bins, 0), -1):
            successor._close(self.log[-k].astype(np.float64) if k <= len(self.log) else silent)

    def _go_over(self, successor: "Follower") -> None:
        self.seated, self.tracker, self.successor = successor.seated, successor.tracker, None


def follow(folder: Path, replay_bins: int = REPLAY_BINS) -> Follower:
    """A follower of the champion in a folder, from its saved state on; from the end of its fit where it has none."""
    seated, live = seated_with_state(folder)
    fitted = seated.forecaster
    log: deque[Singles] = deque(maxlen=max(round(LOG_S / fitted.bin_s), 1))
    if live is None:
        return Follower(folder, seated, Tracker(fitted, seconds_of_week(seated.until)), seated.until, log, replay_bins)
    log.extend(live.log_veh)
    return Follower(folder, seated, live.tracker, live.next_at, log, replay_bins)


def alone(fitted: FittedForecaster, title: str, next_at: np.datetime64) -> Follower:
    """Of a forecaster that nobody keeps up; the bin that closes next begins at `next_at`."""
    tracker = Tracker(fitted, seconds_of_week(next_at))
    return Follower(None, Seated(fitted, next_at, "", title), tracker, next_at, deque(maxlen=1))


def _check_same(old: Seated, new: Seated) -> None:
    if (new.forecaster.detectors, new.forecaster.bin_s) != (old.forecaster.detectors, old.forecaster.bin_s):
        raise ForecastError(f"the new champion, {new.title}, speaks of other detectors or bins; a restart takes it over")


def _rows(log: deque[Singles], detectors: int) -> Singles:
    return np.array(log, dtype=np.float32).reshape(-1, detectors)
